//! Which message ids are held.
//!
//! Only hashes are kept; a lookup compares the id in the message itself, so hashes of removed messages do no harm. A tree
//! rather than a table: no insertion ever pays for growing the whole. Copies of a conversation share the trees that both
//! had in common.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, OnceLock};

use siphasher::sip::SipHasher13;
use thin_vec::ThinVec;

use super::growth::thin_bytes;

/// Of all hashes in this process. It is random, so an id's author cannot choose colliding ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdKey(pub u64, pub u64);

static KEY: OnceLock<IdKey> = OnceLock::new();

impl IdKey {
    /// The key of this process.
    pub fn get() -> Self {
        *KEY.get_or_init(|| {
            let random = || RandomState::new().hash_one(0);
            Self(random(), random())
        })
    }

    /// Makes this the key of the process, if none has been used yet. True if it is the key.
    pub fn adopt(self) -> bool {
        *KEY.get_or_init(|| self) == self
    }
}

/// More shared trees than this are merged: a lookup searches each.
const MOST_SHARED: usize = 8;

/// Copies share larger trees even if the copy holds only some of the messages. Filtering would take too long.
const FILTERED: usize = 1000;

/// Hashes of ids, with the sequence numbers of their messages.
type Tree = BTreeSet<(u32, i64)>;

/// The ids of a conversation.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    /// Changed as long as nobody else holds it.
    held: Option<Arc<Tree>>,
    /// Of times before the conversation was copied.
    shared: ThinVec<Arc<Tree>>,
}

/// Few bits: a lookup compares the ids themselves, and a conversation at rest stores them.
fn hash(id: &str) -> u32 {
    let IdKey(first, second) = IdKey::get();
    let mut hasher = SipHasher13::new_with_keys(first, second);
    hasher.write(id.as_bytes());
    hasher.finish() as u32
}

impl Ids {
    /// Notes that message `seq` has this id, if it has one.
    pub fn insert(&mut self, id: Option<&str>, seq: i64) {
        let Some(id) = id else { return };
        let entry = (hash(id), seq);
        if let Some(held) = self.held.as_mut().and_then(Arc::get_mut) {
            held.insert(entry);
            return;
        }
        self.shared.extend(self.held.take());
        if self.shared.len() > MOST_SHARED {
            let all = self.shared.drain(..).fold(Tree::new(), |mut all, tree| {
                all.extend(tree.iter());
                all
            });
            self.shared.push(Arc::new(all));
        }
        self.held = Some(Arc::new(Tree::from([entry])));
    }

    /// Forgets that message `seq` has this id.
    pub fn remove(&mut self, id: Option<&str>, seq: i64) {
        if let Some(id) = id
            && let Some(held) = self.held.as_mut().and_then(Arc::get_mut)
        {
            held.remove(&(hash(id), seq));
            if held.is_empty() {
                self.held = None;
            }
        }
    }

    /// Forgets all ids of message `seq`, without knowing them. Looks at every id.
    pub fn remove_all(&mut self, seq: i64) {
        if let Some(held) = self.held.as_mut().and_then(Arc::get_mut) {
            held.retain(|&(_, held)| held != seq);
            if held.is_empty() {
                self.held = None;
            }
        }
    }

    /// Those of messages whose numbers are smaller than `seq`, and maybe others.
    #[must_use]
    pub fn before(&self, seq: i64) -> Self {
        if self.len() > FILTERED {
            return self.clone();
        }
        Self::of(self.iter().filter(|(_, held)| *held < seq).collect())
    }

    fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.held.iter().chain(&self.shared).map(|tree| &**tree)
    }

    /// The ids of these hashes and numbers. The hashes are those of this process' key.
    #[must_use]
    pub fn of(held: Vec<(u32, i64)>) -> Self {
        let held: Tree = held.into_iter().collect();
        Self {
            held: Some(held).filter(|held| !held.is_empty()).map(Arc::new),
            shared: ThinVec::new(),
        }
    }

    /// Hashes and numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, i64)> {
        self.trees().flatten().copied()
    }

    /// Numbers of the messages that may have this id.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = i64> + use<'_> {
        let hash = hash(id);
        self.trees()
            .flat_map(move |tree| tree.range((hash, i64::MIN)..=(hash, i64::MAX)))
            .map(|&(_, seq)| seq)
    }

    /// Number of ids, those of removed messages included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees().map(Tree::len).sum()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees().all(Tree::is_empty)
    }

    /// Allocations to be freed, about: a node holds up to eleven ids.
    #[must_use]
    pub fn free_effort(&self) -> usize {
        self.len() / 8
    }

    /// Bytes on the heap, about: a tree's nodes are three quarters full.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.len() * size_of::<(u32, i64)>() * 4 / 3 + thin_bytes(&self.shared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(ids: &Ids, id: &str) -> Vec<i64> {
        ids.candidates(id).collect()
    }

    #[test]
    fn copies_are_independent() {
        let mut first = Ids::default();
        for seq in 0..2000 {
            first.insert(Some(&seq.to_string()), seq);
        }
        let mut copies: Vec<Ids> = Vec::new();
        for n in 0..20 {
            let mut copy = first.before(i64::MAX);
            copy.insert(Some("copy"), 5000 + n);
            first.insert(Some("first"), 3000 + n);
            copies.push(copy);
        }
        assert_eq!(candidates(&first, "first").len(), 20);
        assert!(candidates(&first, "copy").is_empty());
        assert_eq!(candidates(&first, "1999"), [1999]);
        for (n, copy) in copies.iter().enumerate() {
            assert_eq!(candidates(copy, "copy"), [5000 + n as i64]);
            assert_eq!(candidates(copy, "first").len(), n);
            assert_eq!(candidates(copy, "7"), [7]);
        }
        first.remove(Some("first"), 3019);
        assert_eq!(candidates(&first, "first").len(), 19);
    }
}
