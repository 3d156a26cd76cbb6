//! Messages whose count stands for a tokenizer file that is missing: their bytes were counted. When the file comes they
//! are counted again.

/// Sequence numbers of such messages. Numbers of messages that are gone may remain.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::box_collection,
    reason = "every conversation has this field, and nearly always it is empty"
)]
pub struct Estimates(Option<Box<Vec<(i64, i64)>>>);

impl Estimates {
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// True if the count of message `seq` is an estimate.
    pub fn contains(&self, seq: i64) -> bool {
        let Some(ranges) = &self.0 else {
            return false;
        };
        let after = ranges.partition_point(|(_, last)| *last < seq);
        ranges.get(after).is_some_and(|(first, _)| *first <= seq)
    }

    /// The count of message `seq` is an estimate.
    pub fn insert(&mut self, seq: i64) {
        let ranges = self.0.get_or_insert_default();
        let at = ranges.partition_point(|(_, last)| last.saturating_add(1) < seq);
        match ranges.get_mut(at) {
            Some((first, last)) if first.saturating_sub(1) <= seq => {
                *first = seq.min(*first);
                *last = seq.max(*last);
                let last = *last;
                // It may have closed the gap before the next range.
                if let Some(next) = ranges.get(at + 1).copied()
                    && next.0 <= last.saturating_add(1)
                {
                    ranges.remove(at + 1);
                    if let Some(joined) = ranges.get_mut(at) {
                        joined.1 = next.1.max(last);
                    }
                }
            }
            _ => ranges.insert(at, (seq, seq)),
        }
    }

    /// Takes out all, as ranges of first and last number.
    pub fn take(&mut self) -> Vec<(i64, i64)> {
        self.0.take().map(|ranges| *ranges).unwrap_or_default()
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |ranges| {
            size_of::<Vec<(i64, i64)>>() + ranges.capacity() * size_of::<(i64, i64)>()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Estimates;

    #[test]
    fn ranges_hold_exactly_the_numbers_inserted() {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut estimates, mut expected) = (Estimates::default(), BTreeSet::new());
        for _ in 0..200 {
            let seq = rng.i64(-60..60);
            estimates.insert(seq);
            expected.insert(seq);
            assert!((-62..62).all(|seq| estimates.contains(seq) == expected.contains(&seq)));
        }
        let ranges = estimates.take();
        assert!(
            ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0),
            "{ranges:?}"
        );
        assert!(estimates.is_empty() && estimates.heap_bytes() == 0);
    }
}
