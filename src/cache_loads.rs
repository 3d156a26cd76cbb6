//! Who loads a conversation that the cache does not hold, and who waits for it.
//!
//! The first client that misses a conversation becomes its *loader*: until it backfills, disconnects or its time is
//! over. Clients that miss it in the meantime wait. If a load ends without a backfill, the client that has waited
//! longest is to run again: if it still misses, it is the next loader. After a backfill nobody waits any longer for
//! that conversation alone: what is there is the answer.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// The address of a conversation: the number of its database and its key.
pub type KeyAddress = (i32, Vec<u8>);

/// A client that waits; one that came later has a larger number.
pub type WaiterId = u64;

/// The most loads at a time. Each takes about 400 bytes that maxmemory does not see.
pub const MOST_LOADS: usize = 65_536;

#[derive(Debug)]
struct Loader {
    /// The client's id on the server.
    client: u64,
    until: Instant,
}

#[derive(Debug, Default)]
struct Load {
    loader: Option<Loader>,
    waiters: BTreeSet<WaiterId>,
}

#[derive(Debug)]
struct Waiter {
    keys: Vec<KeyAddress>,
    /// A backfill has come: it waits no longer, enough or not.
    is_backfilled: bool,
    /// It is about to run again, as the next loader of what nobody loads.
    is_called: bool,
}

/// All loads of a server.
#[derive(Debug, Default)]
pub struct CacheLoads {
    keys: HashMap<KeyAddress, Load>,
    waiters: BTreeMap<WaiterId, Waiter>,
    /// What each client loads.
    loads: HashMap<u64, HashSet<KeyAddress>>,
    deadlines: BTreeSet<(Instant, KeyAddress)>,
}

impl CacheLoads {
    /// True if nobody loads or waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of loads under way.
    #[must_use]
    pub fn loads(&self) -> usize {
        self.deadlines.len()
    }

    /// Number of clients that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// `client` misses these conversations, and would load for `time`. True if it is to be answered at once: it is now
    /// the loader of one of them, or there are too many loads. False if others load all of them; so it is if `client`
    /// itself loads them, as the clients of a pool share connections. A conversation whose next loader is about to run
    /// counts as being loaded, except for that one: `waiter` is the number of `client` if it has waited.
    pub fn missed(
        &mut self,
        keys: &[KeyAddress],
        client: u64,
        waiter: Option<WaiterId>,
        now: Instant,
        time: Duration,
    ) -> bool {
        let mut answer = false;
        for key in keys {
            if let Some(load) = self.keys.get(key)
                && (load.loader.is_some() || self.is_next_called(load, waiter))
            {
                continue;
            }
            answer = true;
            if self.loads() >= MOST_LOADS {
                continue;
            }
            // Nothing ends later than the clock can tell.
            let until = now.checked_add(time).unwrap_or(now);
            let load = self.keys.entry(key.clone()).or_default();
            load.loader = Some(Loader { client, until });
            self.loads.entry(client).or_default().insert(key.clone());
            self.deadlines.insert((until, key.clone()));
        }
        answer
    }

    /// `waiter` waits for these conversations.
    pub fn wait(&mut self, waiter: WaiterId, keys: Vec<KeyAddress>) {
        let _ = self.leave(waiter);
        for key in &keys {
            let load = self.keys.entry(key.clone()).or_default();
            load.waiters.insert(waiter);
        }
        self.waiters.insert(
            waiter,
            Waiter {
                keys,
                is_backfilled: false,
                is_called: false,
            },
        );
    }

    /// The waiter has its answer, or has gone. Returns the conversations that it was called to load but does not, and that
    /// somebody else waits for: see [`CacheLoads::next_loader`].
    #[must_use]
    pub fn leave(&mut self, waiter: WaiterId) -> Vec<KeyAddress> {
        let Some(Waiter {
            mut keys,
            is_called,
            ..
        }) = self.waiters.remove(&waiter)
        else {
            return Vec::new();
        };
        for key in &keys {
            if let Some(load) = self.keys.get_mut(key) {
                load.waiters.remove(&waiter);
            }
            self.tidy(key);
        }
        keys.retain(|key| {
            let load = self.keys.get(key);
            is_called && load.is_some_and(|load| load.loader.is_none())
        });
        keys
    }

    /// True if a backfill has come for what this waiter waits for: it is answered the next time, even with a miss.
    #[must_use]
    pub fn is_backfilled(&self, waiter: WaiterId) -> bool {
        self.waiters
            .get(&waiter)
            .is_some_and(|waiter| waiter.is_backfilled)
    }

    /// True if somebody waits for this conversation.
    #[must_use]
    pub fn is_waited_for(&self, key: &KeyAddress) -> bool {
        self.keys
            .get(key)
            .is_some_and(|load| !load.waiters.is_empty())
    }

    /// A backfill has come: the load ends, and clients that wait for this conversation alone wait no longer.
    pub fn backfilled(&mut self, key: &KeyAddress) {
        self.end_load(key);
        let Some(load) = self.keys.get(key) else {
            return;
        };
        for id in &load.waiters {
            if let Some(waiter) = self.waiters.get_mut(id) {
                waiter.is_backfilled |= waiter.keys.len() == 1;
            }
        }
        self.tidy(key);
    }

    /// A client has disconnected. Returns the conversations whose load has ended and that somebody waits for.
    #[must_use]
    pub fn disconnected(&mut self, client: u64) -> Vec<KeyAddress> {
        let keys = self.loads.get(&client).cloned().unwrap_or_default();
        self.end_loads(keys.into_iter().collect())
    }

    /// A database, or all of them, were emptied. Returns as [`CacheLoads::disconnected`].
    #[must_use]
    pub fn flushed(&mut self, database: Option<i32>) -> Vec<KeyAddress> {
        let keys = self.deadlines.iter().map(|(_, key)| key);
        let keys = keys.filter(|key| database.is_none_or(|database| key.0 == database));
        let keys = keys.cloned().collect();
        self.end_loads(keys)
    }

    /// Ends the loads whose time is over. Returns as [`CacheLoads::disconnected`].
    #[must_use]
    pub fn due(&mut self, now: Instant) -> Vec<KeyAddress> {
        let over = self.deadlines.iter().take_while(|(until, _)| *until <= now);
        let keys = over.map(|(_, key)| key.clone()).collect();
        self.end_loads(keys)
    }

    /// The client that is to run again as nobody loads this conversation: the one that has waited longest. It is called
    /// once. Nothing if it has been called and did not run yet: Redis runs some callbacks later.
    pub fn next_loader(&mut self, key: &KeyAddress) -> Option<WaiterId> {
        let load = self.keys.get(key)?;
        if load.loader.is_some() {
            return None;
        }
        let id = *load.waiters.first()?;
        let waiter = self.waiters.get_mut(&id)?;
        (!std::mem::replace(&mut waiter.is_called, true)).then_some(id)
    }

    /// True if somebody other than `waiter` was called to load.
    fn is_next_called(&self, load: &Load, waiter: Option<WaiterId>) -> bool {
        let next = load.waiters.first().filter(|id| Some(**id) != waiter);
        next.and_then(|id| self.waiters.get(id))
            .is_some_and(|next| next.is_called)
    }

    /// When the next load ends.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(until, _)| *until)
    }

    fn end_loads(&mut self, mut keys: Vec<KeyAddress>) -> Vec<KeyAddress> {
        for key in &keys {
            self.end_load(key);
            self.tidy(key);
        }
        keys.retain(|key| self.is_waited_for(key));
        keys
    }

    fn end_load(&mut self, key: &KeyAddress) {
        let Some(loader) = self.keys.get_mut(key).and_then(|load| load.loader.take()) else {
            return;
        };
        self.deadlines.remove(&(loader.until, key.clone()));
        if let Some(loads) = self.loads.get_mut(&loader.client) {
            loads.remove(key);
            if loads.is_empty() {
                self.loads.remove(&loader.client);
            }
        }
    }

    fn tidy(&mut self, key: &KeyAddress) {
        let is_over = |load: &Load| load.loader.is_none() && load.waiters.is_empty();
        if self.keys.get(key).is_some_and(is_over) {
            self.keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn key(name: &str) -> KeyAddress {
        (0, name.into())
    }

    #[test]
    fn one_loads_and_the_others_wait() {
        let (mut loads, now) = (CacheLoads::default(), Instant::now());
        assert!(loads.missed(&[key("a")], 7, None, now, 100 * MS));
        assert!(!loads.missed(&[key("a")], 8, None, now, 100 * MS));
        assert!(!loads.missed(&[key("a")], 7, None, now, 100 * MS));
        loads.wait(1, vec![key("a")]);
        loads.wait(2, vec![key("a"), key("b")]);
        assert!(loads.is_waited_for(&key("b")) && !loads.is_waited_for(&(1, b"a".to_vec())));
        assert_eq!((loads.loads(), loads.waiting()), (1, 2));
        assert_eq!(loads.next_loader(&key("a")), None);
        // A backfill answers those that wait for this conversation alone.
        loads.backfilled(&key("a"));
        assert!(loads.is_backfilled(1) && !loads.is_backfilled(2));
        assert!(loads.leave(1).is_empty());
        // Somebody who still misses loads.
        assert_eq!(loads.next_loader(&key("a")), Some(2));
        assert!(loads.missed(&[key("a")], 8, Some(2), now, 100 * MS));
        assert_eq!(loads.next_loader(&key("a")), None);
        assert!(loads.leave(2).is_empty());
        assert_eq!((loads.loads(), loads.waiting()), (1, 0));
        assert!(loads.due(now + 99 * MS).is_empty() && loads.loads() == 1);
        assert!(loads.due(now + 100 * MS).is_empty());
        assert!(loads.is_empty() && loads.next_deadline().is_none() && loads.loads.is_empty());
    }

    #[test]
    fn a_loader_that_goes_or_is_too_slow_is_followed() {
        let (mut loads, now) = (CacheLoads::default(), Instant::now());
        assert!(loads.missed(&[key("a"), key("b")], 7, None, now, 10 * MS));
        // Of several conversations, those that nobody loads are taken.
        assert!(loads.missed(&[key("b"), key("c")], 8, None, now, 99 * MS));
        loads.wait(5, vec![key("b")]);
        loads.wait(4, vec![key("a")]);
        let mut ended = loads.disconnected(7);
        ended.sort();
        assert_eq!(ended, [key("a"), key("b")]);
        assert_eq!(loads.next_loader(&key("a")), Some(4));
        assert!(loads.disconnected(7).is_empty());
        assert!(loads.missed(&[key("a")], 9, Some(4), now, 20 * MS));
        assert_eq!(loads.next_deadline(), Some(now + 20 * MS));
        assert_eq!(loads.due(now + 20 * MS), [key("a")]);
        assert!(loads.missed(&[key("a")], 9, Some(4), now, Duration::MAX));
        for waiter in [4, 5] {
            assert!(loads.leave(waiter).is_empty());
        }
        assert!(loads.disconnected(8).is_empty());
        loads.backfilled(&key("a"));
        assert!(loads.is_empty() && loads.deadlines.is_empty() && loads.loads.is_empty());
    }

    /// Redis may run the one that is called later. Until then nobody else is called.
    #[test]
    fn one_is_called_at_a_time() {
        let (mut loads, now) = (CacheLoads::default(), Instant::now());
        assert!(loads.missed(&[key("a"), key("b")], 7, None, now, 10 * MS));
        for waiter in [1, 2, 3] {
            loads.wait(waiter, vec![key("a"), key("b")]);
        }
        assert_eq!(loads.due(now + 10 * MS).len(), 2);
        assert_eq!(loads.next_loader(&key("a")), Some(1));
        assert_eq!(loads.next_loader(&key("a")), None);
        assert_eq!(loads.next_loader(&key("b")), None);
        // A client that misses it now has to wait.
        assert!(!loads.missed(&[key("a")], 8, None, now, 10 * MS));
        assert!(!loads.missed(&[key("a")], 8, Some(2), now, 10 * MS));
        // One that was not called leaves nothing to do.
        assert!(loads.leave(2).is_empty());
        // The one that was called has gone, or has its answer without loading.
        assert_eq!(loads.leave(1), [key("a"), key("b")]);
        assert_eq!(loads.next_loader(&key("b")), Some(3));
        assert!(loads.missed(&[key("b"), key("a")], 9, Some(3), now, 10 * MS));
        assert!(loads.leave(3).is_empty());
        assert_eq!(loads.loads(), 2);
    }

    #[test]
    fn flushing_ends_the_loads_of_its_database() {
        let (mut loads, now) = (CacheLoads::default(), Instant::now());
        let other = (3, b"a".to_vec());
        assert!(loads.missed(&[key("a"), key("b"), other.clone()], 7, None, now, 10 * MS));
        loads.wait(1, vec![key("a")]);
        loads.wait(2, vec![other.clone()]);
        assert_eq!(loads.flushed(Some(0)), [key("a")]);
        assert_eq!(loads.loads(), 1);
        assert_eq!(loads.flushed(None), [other]);
        assert_eq!(loads.loads(), 0);
    }

    #[test]
    fn loads_are_bounded() {
        let (mut loads, now) = (CacheLoads::default(), Instant::now());
        for number in 0..MOST_LOADS + 10 {
            assert!(loads.missed(&[key(&number.to_string())], 7, None, now, 10 * MS));
        }
        assert_eq!(loads.loads(), MOST_LOADS);
        assert!(!loads.missed(&[key("0")], 8, None, now, 10 * MS));
        assert!(loads.due(now + 10 * MS).is_empty() && loads.is_empty());
    }
}
