//! Which message ids are held.
//!
//! Only hashes are kept; whoever finds one compares the id in the message itself. A tree rather than a table: no
//! insertion ever pays for growing the whole.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// One key for the process: an id's author cannot choose colliding ones.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// See the head of this file.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    held: BTreeSet<(u64, i64)>,
}

fn hash(id: &str) -> u64 {
    HASHER.hash_one(id)
}

impl Ids {
    /// Notes that message `seq` has this id, if it has one.
    pub fn insert(&mut self, id: Option<&str>, seq: i64) {
        if let Some(id) = id {
            self.held.insert((hash(id), seq));
        }
    }

    /// Forgets that message `seq` has this id.
    pub fn remove(&mut self, id: Option<&str>, seq: i64) {
        if let Some(id) = id {
            self.held.remove(&(hash(id), seq));
        }
    }

    /// Forgets all ids of message `seq`, without knowing them. Looks at every id.
    pub fn remove_all(&mut self, seq: i64) {
        self.held.retain(|&(_, held)| held != seq);
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Those of messages whose numbers are smaller than `seq`.
    #[must_use]
    pub fn before(&self, seq: i64) -> Self {
        let held = self.held.iter().filter(|(_, held)| *held < seq);
        Self {
            held: held.copied().collect(),
        }
    }

    /// Numbers of the messages that may have this id.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = i64> + use<'_> {
        let hash = hash(id);
        self.held
            .range((hash, i64::MIN)..=(hash, i64::MAX))
            .map(|&(_, seq)| seq)
    }

    /// Allocations to be freed, about: a node holds up to eleven ids.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        self.held.len() / 8
    }

    /// Bytes on the heap, about: a tree's nodes are three quarters full.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.held.len() * size_of::<(u64, i64)>() * 4 / 3
    }
}
