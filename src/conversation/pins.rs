//! Pinned messages.

use thin_vec::ThinVec;

use super::growth::thin_bytes;

/// Most pinned messages in a conversation. `CONV.RECENT` and retention do work for each of them.
pub const MAX_PINS: usize = 1000;

/// The sequence numbers of pinned messages, in ascending order. All of them are held; that is an invariant of the
/// conversation. Few conversations have pins, so nothing is allocated without any.
#[derive(Debug, Clone, Default)]
pub struct Pins(ThinVec<i64>);

impl Pins {
    /// The sequence numbers, in ascending order.
    pub fn seqs(&self) -> &[i64] {
        &self.0
    }

    /// True if message `seq` is pinned.
    pub fn contains(&self, seq: i64) -> bool {
        self.0.binary_search(&seq).is_ok()
    }

    /// The most pins there can be after [`Self::insert`] with these numbers: exact if they are distinct.
    pub fn most_with(&self, seqs: &[i64]) -> usize {
        let new = seqs.iter().filter(|&&seq| !self.contains(seq)).count();
        self.0.len().saturating_add(new)
    }

    /// Adds pins.
    pub fn insert(&mut self, seqs: impl Iterator<Item = i64>) {
        let mut all: Vec<i64> = self.0.iter().copied().chain(seqs).collect();
        all.sort_unstable();
        all.dedup();
        self.0 = all.into_iter().collect();
    }

    /// Removes the pins with these numbers, which ascend.
    pub fn remove(&mut self, seqs: &[i64]) {
        if self.0.iter().any(|pin| seqs.binary_search(pin).is_ok()) {
            let kept = self.0.iter().copied();
            self.0 = kept
                .filter(|pin| seqs.binary_search(pin).is_err())
                .collect();
        }
    }

    /// Removes the pins with numbers from `first` to `last`.
    pub fn remove_range(&mut self, first: i64, last: i64) {
        if self.0.iter().any(|pin| (first..=last).contains(pin)) {
            let kept = self.0.iter().copied();
            self.0 = kept.filter(|pin| !(first..=last).contains(pin)).collect();
        }
    }

    /// The pins with numbers below `end`.
    pub fn before(&self, end: i64) -> Self {
        let held = self.0.partition_point(|&pin| pin < end);
        Self(self.0.iter().copied().take(held).collect())
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        thin_bytes(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pins;

    #[test]
    fn pins_are_in_order_and_distinct() {
        let mut pins = Pins::default();
        assert_eq!(pins.heap_bytes(), 0);
        pins.insert([5, -3, 9].into_iter());
        assert_eq!(pins.most_with(&[5, 7, 8]), 5);
        pins.insert([7, 5].into_iter());
        assert_eq!(pins.seqs(), [-3, 5, 7, 9]);
        assert!(pins.contains(7) && !pins.contains(8));
        assert_eq!(pins.before(7).seqs(), [-3, 5]);
        pins.remove(&[4, 5, 6]);
        pins.remove_range(8, i64::MAX);
        assert_eq!(pins.seqs(), [-3, 7]);
        pins.remove_range(i64::MIN, i64::MAX);
        assert_eq!((pins.seqs(), pins.heap_bytes()), (&[][..], 0));
    }
}
