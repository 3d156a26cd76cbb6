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
            if !(too_many || too_long) || !self.drop_oldest_unit(None) {
                break;
            }
        }
    }

    /// `TRIM BEFORE seq`: units that lie before `seq` as a whole.
    pub fn trim_before(&mut self, seq: i64) {
        while self.drop_oldest_unit(Some(seq)) {}
    }

    /// "removes the oldest messages on append, but never a leading system message, [...] half a tool turn, the newest group,
    /// or (if there is no group) the newest message. It stops at the newest group, orphans after it included". False if
    /// nothing may be removed.
    fn drop_oldest_unit(&mut self, before: Option<i64>) -> bool {
        let reads = self.reads();
        // What becomes the first message by a removal and is a system message is safe from then on.
        let lead = leading_system(&reads);
        let groups = group(&reads[lead..]).groups;
        let newest = match groups.last() {
            Some(g) => g.members[0] + lead,
            None => reads.len().saturating_sub(1),
        };

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
        // "retention has trimmed the conversation (it is complete from then on)"; "A `TRIM` that removed something makes
        // the conversation complete; one that removed nothing changes nothing."
        self.complete = true;
        true
    }
}
