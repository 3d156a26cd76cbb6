//! CLAIMSUMMARY without a lease, and FORK.

use super::NaiveLog;
use super::turns::{Group, Kind, group, leading_system};

impl NaiveLog {
    /// `upto` and the messages to summarise; None is nil.
    pub fn claim(&self, min_tokens: u64, keep: u64) -> Option<(i64, Vec<String>)> {
        let reads = self.reads();
        let lead = leading_system(&reads);
        let grouped = group(&reads[lead..]);
        let upto = self.summary.as_ref().and_then(|s| s.upto);
        let after: Vec<usize> = (lead..self.messages.len())
            .filter(|&i| upto.is_none_or(|upto| self.messages[i].seq > upto))
            .collect();

        // "excluding the newest that fit into `KEEP` tokens (default 0; turns are not split)": a unit is a shortest run of
        // messages that splits nothing of what `upto` leaves of a group.
        let splits = |p: usize, members: &[usize]| {
            let rest = members
                .iter()
                .map(|k| k + lead)
                .filter(|k| after.contains(k));
            let (before, behind): (Vec<usize>, Vec<usize>) = rest.partition(|&k| k < p);
            !before.is_empty() && !behind.is_empty()
        };
        // "Leading system messages and an open newest turn are never handed out"; "A reasoning item that is the newest
        // message is not handed out.": "Reasoning items in a row belong to the same group", and orphans between them and what
        // follows them are skipped.
        let open = |g: &&Group| g.kind == Kind::Open;
        let mut open: Vec<&[usize]> = grouped
            .groups
            .iter()
            .filter(open)
            .map(|g| &g.members[..])
            .collect();
        open.push(&grouped.waiting);
        let mut units: Vec<(Vec<usize>, bool)> = vec![];
        for &i in &after {
            let whole = grouped.groups.iter().map(|g| &g.members[..]);
            let inside = whole.chain([&grouped.waiting[..]]).any(|m| splits(i, m));
            // Orphans within an open turn are not handed out either, also where `upto` covers its first messages.
            let open = open
                .iter()
                .any(|members| members.first().is_some_and(|&first| i - lead >= first));
            match units.last_mut().filter(|_| inside) {
                Some(unit) => {
                    unit.0.push(i);
                    unit.1 |= open;
                }
                None => units.push((vec![i], open)),
            }
        }
        let sum = |unit: &[usize]| unit.iter().map(|&i| self.tokens(i)).sum::<u64>();
        // What follows the open turn is not handed out either: `upto` would cover the turn.
        let open = units.iter().position(|(_, open)| *open);
        let first = open.unwrap_or(units.len());
        let mut end = units.get(first).map_or(self.messages.len(), |u| u.0[0]);
        // "an open newest turn uses up `KEEP`"
        let used: u64 = units[first..].iter().map(|u| sum(&u.0)).sum();
        let mut left = keep.checked_sub(used).filter(|_| keep > 0);
        for (unit, _) in units[..first].iter().rev() {
            left = left.and_then(|left| left.checked_sub(sum(unit)));
            if left.is_none() {
                break;
            }
            end = unit[0];
        }
        let given: Vec<usize> = after.into_iter().filter(|&i| i < end).collect();
        let last = *given.last()?;
        (sum(&given) >= min_tokens).then(|| {
            let messages = given
                .iter()
                .map(|&i| self.messages[i].json.clone())
                .collect();
            (self.messages[last].seq, messages)
        })
    }

    /// A copy, up to a message.
    pub fn fork(&self, upto: Option<i64>) -> NaiveLog {
        let mut copy = self.clone();
        copy.messages
            .retain(|m| upto.is_none_or(|upto| m.seq <= upto));
        // "the summary comes along unless `UPTO` is given and below its `upto`"
        copy.summary = copy.summary.take().filter(|s| match (upto, s.upto) {
            (Some(upto), Some(covered)) => upto >= covered,
            _ => true,
        });
        // "numbering continues after the larger of the copy's newest message and its summary's `upto` (at 1 if it has
        // neither)"
        let newest = copy.messages.last().map(|m| m.seq);
        let covered = copy.summary.as_ref().and_then(|s| s.upto);
        copy.next_seq = newest.max(covered).map_or(1, |last| last + 1);
        copy
    }
}
