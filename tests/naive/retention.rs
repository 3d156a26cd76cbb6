//! What retention and TRIM remove.

use super::NaiveLog;
use super::turns::{group, leading_system};

impl NaiveLog {
    /// Retention, `TRIM MAXMESSAGES` and `TRIM MAXTOKENS`.
    /// "The limits apply to all messages held and to sums of T(message)."
    pub fn retain(&mut self, max_messages: Option<u64>, max_tokens: Option<u64>) {
        loop {
            let too_many = max_messages.is_some_and(|n| self.messages.len() as u64 > n);
            let too_long = max_tokens.is_some_and(|n| self.total_tokens() > n);
            if !(too_many || too_long) || !self.remove_oldest_unit(None) {
                break;
            }
        }
    }

    /// `TRIM BEFORE seq`: units that lie before `seq` as a whole.
    pub fn trim_before(&mut self, seq: i64) {
        while self.remove_oldest_unit(Some(seq)) {}
    }

    /// "removes the oldest messages on append, but never a leading system message, a pinned message, half a tool turn, the
    /// newest group, or (if there is no group) the newest message. It stops at the newest group, orphans after it included;
    /// of a pinned message the whole group stays, older and younger messages go." False if nothing may be removed.
    fn remove_oldest_unit(&mut self, before: Option<i64>) -> bool {
        let reads = self.reads();
        // What becomes the first message by a removal and is a system message is safe from then on.
        let lead = leading_system(&reads);
        let mut all = group(&reads[lead..]);
        all.shift(lead);
        let newest = match all.groups.last() {
            Some(g) => g.members[0],
            None => reads.len().saturating_sub(1),
        };

        // The shortest runs of messages that split no group, oldest first.
        let splits = |cut: usize| {
            let groups = all.groups.iter();
            groups
                .clone()
                .any(|g| g.members.iter().any(|&i| i < cut) && g.members.iter().any(|&i| i >= cut))
        };
        let cuts: Vec<usize> = (lead..=newest).filter(|&cut| !splits(cut)).collect();
        for unit in cuts.windows(2) {
            let members: Vec<usize> = (unit[0]..unit[1]).collect();
            let pinned: Vec<usize> = members
                .iter()
                .copied()
                .filter(|&i| self.messages[i].pinned)
                .collect();
            // The whole group of a pinned message stays; what is only between its messages goes.
            let stays = |i: &usize| {
                pinned.contains(i)
                    || all.groups.iter().any(|g| {
                        g.members.contains(i) && g.members.iter().any(|k| pinned.contains(k))
                    })
            };
            let late = before.is_some_and(|seq| self.messages[unit[1] - 1].seq >= seq);
            let goes: Vec<usize> = members.into_iter().filter(|i| !stays(i)).collect();
            if late {
                return false;
            }
            if goes.is_empty() {
                continue;
            }
            let mut at = 0;
            self.messages.retain(|_| {
                at += 1;
                !goes.contains(&(at - 1))
            });
            // "retention has trimmed the conversation (it is complete from then on)"; "A `TRIM` that removed something makes
            // the conversation complete; one that removed nothing changes nothing."
            self.complete = true;
            return true;
        }
        false
    }
}
