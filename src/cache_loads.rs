//! Who loads what a cache does not hold, and who waits for it.
//!
//! The first client that misses a conversation is its *loader*: until it backfills, disconnects or its time is over.
//! Others that miss it meanwhile wait. Whatever happens to the conversation or to its loader, those that wait look
//! again in the order in which they came; the first that still misses is the loader then, if there is none. After a
//! backfill none of them waits on: what is there then is the answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

/// A conversation: database and name of its key.
pub type KeyAddress = (i32, Vec<u8>);

/// A client that waits; whoever came later has a larger number.
pub type WaiterId = u64;

/// What ends at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    Waiter(WaiterId),
    Loader(KeyAddress),
}

#[derive(Debug)]
struct Loader {
    /// The client as the server numbers it.
    client: u64,
    until: Instant,
}

#[derive(Debug, Default)]
struct Miss {
    loader: Option<Loader>,
    waiters: BTreeSet<WaiterId>,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct CacheLoads {
    places: BTreeMap<KeyAddress, Miss>,
    /// Where each waiter waits, and until when.
    waiters: BTreeMap<WaiterId, (Vec<KeyAddress>, Instant)>,
    /// What each client loads.
    loads: HashMap<u64, HashSet<KeyAddress>>,
    terms: BTreeSet<(Instant, Term)>,
}

impl CacheLoads {
    /// True if nobody loads or waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// `client` misses these conversations. True if it is now the loader of some of them, which nobody loads, for
    /// `time`; false if all are being loaded, by this very client too: clients of a pool share connections.
    pub fn missed(
        &mut self,
        places: &[KeyAddress],
        client: u64,
        now: Instant,
        time: Duration,
    ) -> bool {
        let mut loads = false;
        for place in places {
            let miss = self.places.entry(place.clone()).or_default();
            if miss.loader.is_some() {
                continue;
            }
            // Nothing ends later than the clock can tell.
            let until = now.checked_add(time).unwrap_or(now);
            miss.loader = Some(Loader { client, until });
            self.loads.entry(client).or_default().insert(place.clone());
            self.terms.insert((until, Term::Loader(place.clone())));
            loads = true;
        }
        loads
    }

    /// `waiter` waits for these conversations until then.
    pub fn wait(&mut self, waiter: WaiterId, places: Vec<KeyAddress>, until: Instant) {
        self.leave(waiter);
        for place in &places {
            let miss = self.places.entry(place.clone()).or_default();
            miss.waiters.insert(waiter);
        }
        self.terms.insert((until, Term::Waiter(waiter)));
        self.waiters.insert(waiter, (places, until));
    }

    /// The waiter has its answer, or is gone.
    pub fn leave(&mut self, waiter: WaiterId) {
        let Some((places, until)) = self.waiters.remove(&waiter) else {
            return;
        };
        self.terms.remove(&(until, Term::Waiter(waiter)));
        for place in places {
            if let Some(miss) = self.places.get_mut(&place) {
                miss.waiters.remove(&waiter);
            }
            self.tidy(&place);
        }
    }

    /// The conversation has changed: who waits for it is to look again.
    #[must_use]
    pub fn changed(&self, place: &KeyAddress) -> Vec<WaiterId> {
        self.places
            .get(place)
            .map(|miss| miss.waiters.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Older messages have come: nobody loads it any more, and who waits for it is to look again.
    #[must_use]
    pub fn backfilled(&mut self, place: &KeyAddress) -> Vec<WaiterId> {
        self.end_load(place);
        let waiters = self.changed(place);
        self.tidy(place);
        waiters
    }

    /// A client has gone: who waits for what it loaded is to look again.
    #[must_use]
    pub fn disconnected(&mut self, client: u64) -> Vec<WaiterId> {
        let places = self.loads.get(&client).cloned().unwrap_or_default();
        let waiters = places.iter().flat_map(|place| self.backfilled(place));
        in_order(waiters.collect())
    }

    /// What ends until `now`, ends; who is to look again, its own time being over or the loader's.
    #[must_use]
    pub fn due(&mut self, now: Instant) -> Vec<WaiterId> {
        let mut waiters = Vec::new();
        while let Some((_, term)) = self
            .terms
            .first()
            .filter(|(until, _)| *until <= now)
            .cloned()
        {
            match term {
                Term::Loader(place) => waiters.extend(self.backfilled(&place)),
                Term::Waiter(waiter) => {
                    self.leave(waiter);
                    waiters.push(waiter);
                }
            }
        }
        in_order(waiters)
    }

    /// True if somebody waits.
    #[must_use]
    pub fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// True if it waits for a single conversation.
    #[must_use]
    pub fn waits_for_one(&self, waiter: WaiterId) -> bool {
        let waits = self.waiters.get(&waiter);
        waits.is_some_and(|(places, _)| places.len() == 1)
    }

    /// True if somebody waits for this conversation.
    #[must_use]
    pub fn is_waited_for(&self, place: &KeyAddress) -> bool {
        self.places
            .get(place)
            .is_some_and(|miss| !miss.waiters.is_empty())
    }

    /// At most so many conversations that somebody waits for, those behind `after` in the order of their places.
    #[must_use]
    pub fn waited_for(&self, after: Option<&KeyAddress>, most: usize) -> Vec<KeyAddress> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.places
            .range((from, Bound::Unbounded))
            .filter(|(_, miss)| !miss.waiters.is_empty())
            .map(|(place, _)| place.clone())
            .take(most)
            .collect()
    }

    /// When something ends next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.terms.first().map(|(until, _)| *until)
    }

    fn end_load(&mut self, place: &KeyAddress) {
        let Some(loader) = self.places.get_mut(place).and_then(|m| m.loader.take()) else {
            return;
        };
        self.terms
            .remove(&(loader.until, Term::Loader(place.clone())));
        if let Some(loads) = self.loads.get_mut(&loader.client) {
            loads.remove(place);
            if loads.is_empty() {
                self.loads.remove(&loader.client);
            }
        }
    }

    fn tidy(&mut self, place: &KeyAddress) {
        let is_over = |miss: &Miss| miss.loader.is_none() && miss.waiters.is_empty();
        if self.places.get(place).is_some_and(is_over) {
            self.places.remove(place);
        }
    }
}

fn in_order(mut waiters: Vec<WaiterId>) -> Vec<WaiterId> {
    waiters.sort_unstable();
    waiters.dedup();
    waiters
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn place(name: &str) -> KeyAddress {
        (0, name.into())
    }

    #[test]
    fn one_loads_and_the_others_wait() {
        let (mut misses, now) = (CacheLoads::default(), Instant::now());
        assert!(misses.missed(&[place("a")], 7, now, 100 * MS));
        assert!(!misses.missed(&[place("a")], 8, now, 100 * MS));
        assert!(!misses.missed(&[place("a")], 7, now, 100 * MS));
        misses.wait(1, vec![place("a")], now + 50 * MS);
        misses.wait(2, vec![place("a"), place("b")], now + 60 * MS);
        assert_eq!(misses.changed(&place("a")), [1, 2]);
        assert_eq!(misses.changed(&place("b")), [2]);
        assert!(misses.waits_for_one(1) && !misses.waits_for_one(2) && !misses.waits_for_one(3));
        assert!(misses.has_waiters() && misses.is_waited_for(&place("b")));
        assert_eq!(misses.waited_for(None, 9), [place("a"), place("b")]);
        assert_eq!(misses.waited_for(None, 1), [place("a")]);
        assert_eq!(misses.waited_for(Some(&place("a")), 9), [place("b")]);
        assert!(misses.changed(&(1, b"a".to_vec())).is_empty());
        // Its own time is over.
        assert_eq!(misses.next(), Some(now + 50 * MS));
        assert!(misses.due(now + 49 * MS).is_empty());
        assert_eq!(misses.due(now + 50 * MS), [1]);
        // Somebody backfills: then the next that misses loads.
        assert_eq!(misses.backfilled(&place("a")), [2]);
        assert!(misses.missed(&[place("a")], 8, now, 100 * MS));
        misses.leave(2);
        // There is a loader, and nobody waits.
        assert!(!misses.has_waiters() && !misses.is_waited_for(&place("a")));
        assert!(misses.waited_for(None, 9).is_empty());
        assert!(misses.due(now + 100 * MS).is_empty());
        assert!(misses.is_empty() && misses.next().is_none() && misses.loads.is_empty());
    }

    #[test]
    fn a_loader_that_goes_or_is_too_slow_is_followed() {
        let (mut misses, now) = (CacheLoads::default(), Instant::now());
        assert!(misses.missed(&[place("a"), place("b")], 7, now, 10 * MS));
        // Of several, those that nobody loads are taken.
        assert!(misses.missed(&[place("b"), place("c")], 8, now, 99 * MS));
        misses.wait(5, vec![place("b")], now + 500 * MS);
        misses.wait(4, vec![place("a")], now + 500 * MS);
        assert_eq!(misses.disconnected(7), [4, 5]);
        assert!(misses.disconnected(7).is_empty());
        assert!(misses.missed(&[place("a")], 9, now, 20 * MS));
        assert_eq!(misses.due(now + 20 * MS), [4]);
        assert!(misses.missed(&[place("a")], 9, now, Duration::MAX));
        for waiter in [4, 5] {
            misses.leave(waiter);
        }
        assert!(misses.disconnected(8).is_empty());
        assert!(misses.backfilled(&place("a")).is_empty());
        assert!(misses.is_empty() && misses.terms.is_empty() && misses.loads.is_empty());
    }
}
