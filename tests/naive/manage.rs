//! APPEND, BACKFILL, EDIT, DEL, POP, PIN and UNPIN, ALTER; RANGE and INDEX.

use super::{NaiveLog, NaiveMessage, trimmed};

impl NaiveLog {
    fn message(&self, seq: i64, json: &str, set: Option<u64>) -> NaiveMessage {
        NaiveMessage {
            seq,
            json: trimmed(json),
            set,
            time: self.now,
            pinned: false,
        }
    }

    /// "each further message is one higher, numbers are never reused"
    pub fn append(&mut self, json: &str, set: impl Into<Option<u64>>) -> i64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.messages.push(self.message(seq, json, set.into()));
        seq
    }

    /// "adds older messages, oldest first, before the existing ones (sequence numbers count down from the lowest ever used:
    /// 0, -1, ...)", "with `COMPLETE` marks it complete"
    pub fn backfill(&mut self, list: &[String], complete: bool) {
        for json in list.iter().rev() {
            self.lowest -= 1;
            self.messages
                .insert(0, self.message(self.lowest, json, None));
        }
        self.complete |= complete;
    }

    /// "skips those whose `id` is present"; "Two equal ids in one `BACKFILL`: the first is kept."
    pub fn not_present(&self, list: &[String]) -> Vec<String> {
        let id = |json: &str| super::read(json).ok().and_then(|m| m.id);
        let mut ids: Vec<String> = self.messages.iter().filter_map(|m| id(&m.json)).collect();
        let mut new = list.to_vec();
        new.retain(|json| match id(json) {
            Some(id) if ids.contains(&id) => false,
            id => {
                ids.extend(id);
                true
            }
        });
        new
    }

    /// "`EDIT` keeps a pin"; `TOKENS n` "ends with an `EDIT`".
    pub fn edit(&mut self, seq: i64, json: &str) -> bool {
        match self.messages.iter_mut().find(|m| m.seq == seq) {
            None => false,
            Some(m) => {
                m.json = trimmed(json);
                m.set = None;
                true
            }
        }
    }

    /// "`CONV.DEL key seq [seq ...]`": "how many existed".
    pub fn del(&mut self, seqs: &[i64]) -> usize {
        let before = self.messages.len();
        self.messages.retain(|m| !seqs.contains(&m.seq));
        before - self.messages.len()
    }

    /// "removes and returns the newest, like `RPOP`"; "newest first"
    pub fn pop(&mut self, n: usize) -> Vec<String> {
        let mut popped = Vec::new();
        while popped.len() < n {
            match self.messages.pop() {
                None => break,
                Some(m) => popped.push(m.json),
            }
        }
        popped
    }

    /// `CONV.PIN`, `CONV.UNPIN`: "how many changed".
    pub fn pin(&mut self, seqs: &[i64], pinned: bool) -> usize {
        let mut changed = 0;
        for m in &mut self.messages {
            if seqs.contains(&m.seq) && m.pinned != pinned {
                m.pinned = pinned;
                changed += 1;
            }
        }
        changed
    }

    /// "messages by index, like `LRANGE`"; "`REV` counts from the newest and returns the newest first"
    pub fn range(&self, start: i64, stop: i64, rev: bool) -> Vec<String> {
        let mut list: Vec<String> = self.messages.iter().map(|m| m.json.clone()).collect();
        if rev {
            list.reverse();
        }
        let len = list.len() as i64;
        let index = |i: i64| if i < 0 { len + i } else { i };
        let (start, stop) = (index(start).max(0), index(stop).min(len - 1));
        (start..=stop).map(|i| list[i as usize].clone()).collect()
    }

    /// "one message or nil, like `LINDEX`"
    pub fn index(&self, index: i64, rev: bool) -> Option<String> {
        let len = self.messages.len() as i64;
        let at = if index < 0 { len + index } else { index };
        let at = if rev { len - 1 - at } else { at };
        let at = usize::try_from(at).ok()?;
        self.messages.get(at).map(|m| m.json.clone())
    }
}
