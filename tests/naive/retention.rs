//! What retention and TRIM remove.

use super::NaiveLog;
use super::turns::{group, leading_system};

impl NaiveLog {
    /// Retention, `TRIM MAXMESSAGES` and `TRIM MAXTOKENS`.
    /// "The limits apply to all messages held and to sums of T(message)."
    pub fn retain(&mut self, max_messages: Option<u64>, max_tokens: Option<u64>) {
        loop {
            // Recomputed for each removal: once nothing precedes it, a system message that was the newest group is a leading
            // one.
            let end = self.newest_group();
            let too_many = max_messages.is_some_and(|n| self.messages.len() as u64 > n);
            let too_long = max_tokens.is_some_and(|n| self.total_tokens() > n);
            if !(too_many || too_long) || !self.remove_oldest_unit(end) {
                break;
            }
        }
    }

    /// `TRIM BEFORE seq`: units that lie before `seq` as a whole.
    pub fn trim_before(&mut self, seq: i64) {
        while self.remove_oldest_unit(self.newest_group().min(seq)) {}
    }

    /// Number of the message that nothing is removed from: "the newest group, or (if there is no group) the newest message.
    /// It stops at the newest group, orphans after it included".
    fn newest_group(&self) -> i64 {
        let reads = self.reads();
        let lead = leading_system(&reads);
        let all = group(&reads[lead..]);
        let newest = match (all.groups.last(), all.waiting.first()) {
            (Some(g), _) => Some(g.members[0] + lead),
            // "Reasoning items form a group with what follows them": nothing has followed yet, and it is not torn.
            (None, Some(waiting)) => Some(waiting + lead),
            (None, None) => reads.len().checked_sub(1),
        };
        newest.map_or(i64::MIN, |i| self.messages[i].seq)
    }

    /// "removes the oldest messages on append, but never a leading system message, a pinned message, half a tool turn, [...];
    /// of a pinned message the whole group stays, older and younger messages go." Removes only what lies before `end` as a
    /// whole; false if there is nothing.
    fn remove_oldest_unit(&mut self, end: i64) -> bool {
        let reads = self.reads();
        // What becomes the first message by a removal and is a system message is safe from then on.
        let lead = leading_system(&reads);
        let mut all = group(&reads[lead..]);
        all.shift(lead);
        // The shortest runs of messages that split no group, oldest first.
        let splits = |cut: usize| {
            let groups = all.groups.iter();
            groups
                .clone()
                .any(|g| g.members.iter().any(|&i| i < cut) && g.members.iter().any(|&i| i >= cut))
        };
        let cuts = (lead..=reads.len()).filter(|&cut| !splits(cut));
        for unit in cuts.collect::<Vec<usize>>().windows(2) {
            if self.messages[unit[1] - 1].seq >= end {
                return false;
            }
            // Orphans between the messages of the group are neither older nor younger, and stay with it.
            let goes = unit[0]..unit[1];
            if goes.clone().any(|i| self.messages[i].pinned) {
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
