//! What retention and TRIM drop.

use super::NaiveLog;
use super::turns::{group, leading_system};

impl NaiveLog {
    /// Retention, `TRIM MAXMESSAGES` and `TRIM MAXTOKENS`.
    /// "The limits count all messages held, and sums of T(message)."
    pub fn retain(&mut self, max_messages: Option<u64>, max_tokens: Option<u64>) {
        loop {
            let too_many = max_messages.is_some_and(|n| self.messages.len() as u64 > n);
            let too_long = max_tokens.is_some_and(|n| self.total_tokens() > n);
            if !(too_many || too_long) || !self.drop_oldest_unit(None) {
                break;
            }
        }
    }

    /// `TRIM BEFORE seq`: units that lie before `seq` as a whole.
    pub fn trim_before(&mut self, seq: i64) {
        while self.drop_oldest_unit(Some(seq)) {}
    }

    /// "drops the oldest messages on append, never a leading system message, never half a tool turn, never the newest
    /// group"; "Retention and TRIM stop at the newest group, orphans behind it included". False if nothing may go.
    fn drop_oldest_unit(&mut self, before: Option<i64>) -> bool {
        let reads = self.reads();
        // "that stand first now": what becomes the first message by a drop and is a system message is safe from then on.
        let lead = leading_system(&reads);
        let groups = group(&reads[lead..]).groups;
        let newest = groups.last().map_or(reads.len(), |g| g.members[0] + lead);

        // The shortest run of oldest messages that splits no group.
        let splits = |cut: usize| {
            groups.iter().any(|g| {
                g.members.iter().any(|i| i + lead < cut)
                    && g.members.iter().any(|i| i + lead >= cut)
            })
        };
        let Some(cut) = (lead + 1..=newest).find(|&cut| !splits(cut)) else {
            return false;
        };
        if before.is_some_and(|seq| self.messages[cut - 1].seq >= seq) {
            return false;
        }
        self.messages.drain(lead..cut);
        // "a conversation that retention has cut (it is complete from then on ...)"; "TRIM makes the conversation complete"
        self.complete = true;
        true
    }
}
