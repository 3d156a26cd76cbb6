//! Tickets of the messages that are being counted.
//!
//! A ticket belongs to one message, not to a sequence number: numbers are reused after `FORK` and in a rebuilt
//! conversation. So a ticket goes when its message is removed, replaced or counted in another way. That every ticket is
//! that of a pending message is an invariant, checked by `invariants.rs`.

use smallvec::SmallVec;
use thin_vec::ThinVec;

use super::estimates::Estimates;
use super::growth::thin_bytes;
use crate::tokens::Ticket;

/// Up to this number, tickets are added one by one.
const FEW: usize = 4;

/// The tickets, in the order of the sequence numbers of their messages.
#[derive(Debug, Clone, Default)]
pub struct Tickets(ThinVec<(i64, Ticket)>);

/// Counts by sequence number, in ascending order.
pub type Counts = SmallVec<[(i64, u32); 8]>;

impl Tickets {
    /// Number of tickets.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sequence numbers, in ascending order.
    pub fn seqs(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().map(|(seq, _)| *seq)
    }

    /// Bytes on the heap, those of the tickets' counts included.
    pub fn heap_bytes(&self) -> usize {
        thin_bytes(&self.0) + self.0.len() * Ticket::HEAP_BYTES
    }

    fn position(&self, seq: i64) -> Result<usize, usize> {
        // Most often it is the newest.
        match self.0.last() {
            Some((last, _)) if *last < seq => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&seq, |(seq, _)| *seq),
        }
    }

    /// The ticket of message `seq`.
    pub fn get(&self, seq: i64) -> Option<&Ticket> {
        let position = self.position(seq).ok()?;
        self.0.get(position).map(|(_, ticket)| ticket)
    }

    /// Adds the ticket of message `seq`, in the place of an earlier one.
    pub fn insert(&mut self, seq: i64, ticket: Ticket) {
        match self.position(seq) {
            Ok(held) => {
                if let Some(slot) = self.0.get_mut(held) {
                    slot.1 = ticket;
                }
            }
            Err(position) => self.0.insert(position, (seq, ticket)),
        }
    }

    /// Adds the tickets of several messages, in any order. Costs what is held and added, not their product.
    pub fn extend(&mut self, more: Vec<(i64, Ticket)>) {
        if more.len() <= FEW {
            for (seq, ticket) in more {
                self.insert(seq, ticket);
            }
            return;
        }
        self.0.extend(more);
        self.0.sort_by_key(|(seq, _)| *seq);
        // Of two tickets of one message the later one stands second.
        let mut merged: ThinVec<(i64, Ticket)> = ThinVec::with_capacity(self.0.len());
        for (seq, ticket) in self.0.drain(..) {
            match merged.last_mut() {
                Some(last) if last.0 == seq => last.1 = ticket,
                _ => merged.push((seq, ticket)),
            }
        }
        self.0 = merged;
    }

    /// Message `seq` is gone, or will be counted in another way.
    pub fn remove(&mut self, seq: i64) {
        if let Ok(position) = self.position(seq) {
            self.0.remove(position);
            self.give_back_room();
        }
    }

    /// The messages with numbers from `first` to `last` are gone.
    pub fn remove_range(&mut self, first: i64, last: i64) {
        let from = self.position(first).unwrap_or_else(|at| at);
        let to = self.position(last).map_or_else(|at| at, |at| at + 1);
        if from < to {
            self.0.drain(from..to);
            self.give_back_room();
        }
    }

    /// All messages are to be counted again.
    pub fn clear(&mut self) {
        self.0 = ThinVec::new();
    }

    /// Takes out the counts that have come in, up to the first that has not: cheap, for every command.
    /// Notes in `estimates` which of them are estimates.
    pub fn take_first_counts(&mut self, estimates: &mut Estimates) -> Counts {
        let mut counts = Counts::new();
        for (seq, ticket) in &self.0 {
            let Some(counted) = ticket.counted() else {
                break;
            };
            counts.push((*seq, counted.tokens));
            if counted.estimated {
                estimates.insert(*seq);
            }
        }
        self.0.drain(..counts.len());
        self.give_back_room();
        counts
    }

    /// Takes out all counts that have come in. Notes in `estimates` which of them are estimates.
    pub fn take_all_counts(&mut self, estimates: &mut Estimates) -> Counts {
        let mut counts = Counts::new();
        self.0.retain(|(seq, ticket)| {
            let counted = ticket.counted();
            counts.extend(counted.map(|counted| (*seq, counted.tokens)));
            if counted.is_some_and(|counted| counted.estimated) {
                estimates.insert(*seq);
            }
            counted.is_none()
        });
        self.give_back_room();
        counts
    }

    /// The newest ticket whose text is still queued.
    pub fn last_queued(&self) -> Option<Ticket> {
        let mut newest_first = self.0.iter().rev().map(|(_, ticket)| ticket);
        newest_first.find(|ticket| ticket.is_queued()).cloned()
    }

    /// The tickets of those messages that `is_held` by a copy.
    pub fn of_held(&self, is_held: impl Fn(i64) -> bool) -> Self {
        let held = self.0.iter().filter(|(seq, _)| is_held(*seq));
        Self(held.cloned().collect())
    }

    fn give_back_room(&mut self) {
        if self.0.is_empty() {
            self.0 = ThinVec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Counted;

    fn counted(count: u32) -> Ticket {
        let ticket = Ticket::default();
        ticket.set(Counted {
            tokens: count,
            estimated: count == 20,
        });
        ticket
    }

    #[test]
    fn tickets_are_in_order_and_go_with_their_messages() {
        let mut tickets = Tickets::default();
        for seq in [5, 3, 9, 7] {
            tickets.insert(seq, counted(seq as u32));
        }
        tickets.extend((-4..3).map(|seq| (seq, Ticket::default())).collect());
        tickets.extend((0..8).map(|seq| (seq, counted(100 + seq as u32))).collect());
        let seqs: Vec<i64> = tickets.seqs().collect();
        assert_eq!(seqs, [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 9]);
        tickets.remove(4);
        tickets.remove(1000);
        tickets.remove_range(5, 8);
        tickets.remove_range(-4, -2);
        let seqs: Vec<i64> = tickets.seqs().collect();
        assert_eq!(seqs, [-1, 0, 1, 2, 3, 9]);
        // The first is not counted yet.
        let mut estimates = Estimates::default();
        assert!(tickets.take_first_counts(&mut estimates).is_empty());
        let known = Counted {
            tokens: 8,
            estimated: false,
        };
        tickets.get(-1).expect("a ticket").set(known);
        let counts = tickets.take_first_counts(&mut estimates);
        assert!(estimates.is_empty());
        let expected = [(-1, 8), (0, 100), (1, 101), (2, 102), (3, 103), (9, 9)];
        assert_eq!(counts.as_slice(), expected);
        assert!(tickets.is_empty() && tickets.heap_bytes() == 0);
    }

    #[test]
    fn counts_behind_one_that_is_missing_are_taken_as_well() {
        let mut tickets = Tickets::default();
        tickets.insert(1, Ticket::default());
        tickets.insert(2, counted(20));
        let mut estimates = Estimates::default();
        assert_eq!(
            tickets.take_all_counts(&mut estimates).as_slice(),
            [(2, 20)]
        );
        assert!(estimates.contains(2) && !estimates.contains(1));
        assert_eq!(tickets.of_held(|seq| seq == 2).len(), 0);
        assert_eq!(tickets.of_held(|seq| seq == 1).len(), 1);
    }
}
