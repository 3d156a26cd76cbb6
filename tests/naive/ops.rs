//! Writes on a log, with the reply that each must have.

use super::NaiveLog;
use super::document::Document;

/// A write as it can be sent to an implementation as well.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Messages, with what `TOKENS n` sets.
    Append(Vec<(String, Option<u64>)>),
    Backfill(Vec<String>, bool),
    Edit(i64, String),
    Del(Vec<i64>),
    /// Without a count one message.
    Pop(Option<u64>),
    TrimMessages(u64),
    TrimTokens(u64),
    TrimBefore(i64),
    /// Text and upto. Empty text removes.
    SetSummary(String, Option<i64>),
    Pin(Vec<i64>),
    Unpin(Vec<i64>),
    Alter(Attributes),
    /// With `REPLACE`.
    Import(Document),
    SetState(Vec<(String, String)>),
    DelState(Vec<String>),
}

/// The attributes that ALTER changes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Attributes {
    pub encoding: Option<&'static str>,
    pub overhead: Option<u64>,
    pub scale: Option<u64>,
    pub max_messages: Option<u64>,
    pub complete: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Ok,
    Error,
    Nil,
    /// As `RPOP` with a count.
    NilArray,
    Integer(i64),
    Message(String),
    Messages(Vec<String>),
}

fn integer(n: usize) -> Reply {
    Reply::Integer(n as i64)
}

impl NaiveLog {
    /// Runs the command one millisecond after the last one.
    pub fn apply(&mut self, step: &Step) -> Reply {
        self.now += 1;
        let before = self.clone();
        let reply = self.write(step);
        // "`updated` changes with every effective write."
        let stored = matches!(step, Step::SetSummary(text, _) if !text.is_empty());
        if *self != before || stored && reply == Reply::Integer(1) {
            self.updated = self.now;
        }
        reply
    }

    fn write(&mut self, step: &Step) -> Reply {
        match step {
            Step::Append(list) => {
                let mut last = 0;
                for (json, set) in list {
                    last = self.append(json, *set);
                }
                // "Retention (`MAXMESSAGES`, `MAXTOKENS`) removes the oldest messages on append"
                self.retain(Some(self.max_messages).filter(|n| *n > 0), None);
                Reply::Integer(last)
            }
            // "how many were added"
            Step::Backfill(list, complete) => {
                let new = self.not_present(list);
                self.backfill(&new, *complete);
                integer(new.len())
            }
            // "`ERR no such message`"
            Step::Edit(seq, json) => match self.edit(*seq, json) {
                true => Reply::Ok,
                false => Reply::Error,
            },
            Step::Del(seqs) => integer(self.del(seqs)),
            // "one message or nil; with `count` an array, newest first (`[]` for 0), or nil for a missing or empty
            // conversation"
            Step::Pop(None) if self.messages.is_empty() => Reply::Nil,
            Step::Pop(_) if self.messages.is_empty() => Reply::NilArray,
            Step::Pop(None) => Reply::Message(self.pop(1).remove(0)),
            Step::Pop(Some(n)) => Reply::Messages(self.pop(*n as usize)),
            // "how many are left"
            Step::TrimMessages(n) => {
                self.retain(Some(*n), None);
                integer(self.messages.len())
            }
            Step::TrimTokens(n) => {
                self.retain(None, Some(*n));
                integer(self.messages.len())
            }
            Step::TrimBefore(seq) => {
                self.trim_before(*seq);
                integer(self.messages.len())
            }
            Step::SetSummary(text, upto) => Reply::Integer(self.set_summary(text, *upto).into()),
            Step::Pin(seqs) => integer(self.pin(seqs, true)),
            Step::Unpin(seqs) => integer(self.pin(seqs, false)),
            Step::Alter(a) => {
                let counting = &mut self.counting;
                counting.encoding = a.encoding.unwrap_or(counting.encoding);
                counting.overhead = a.overhead.unwrap_or(counting.overhead);
                counting.scale = a.scale.unwrap_or(counting.scale);
                self.max_messages = a.max_messages.unwrap_or(self.max_messages);
                self.complete = a.complete.unwrap_or(self.complete);
                Reply::Ok
            }
            Step::Import(document) => integer(self.import(document)),
            Step::SetState(fields) => self.set_state(fields).map_or(Reply::Error, integer),
            Step::DelState(names) => integer(self.del_state(names)),
        }
    }
}

impl Step {
    /// Does it remove by the rules of retention?
    pub fn retains(&self, log: &NaiveLog) -> bool {
        match self {
            Step::Append(_) => log.max_messages > 0,
            Step::TrimMessages(_) | Step::TrimTokens(_) | Step::TrimBefore(_) => true,
            _ => false,
        }
    }

    /// Its messages.
    pub fn messages(&mut self) -> Vec<&mut String> {
        match self {
            Step::Append(list) => list.iter_mut().map(|(json, _)| json).collect(),
            Step::Backfill(list, _) => list.iter_mut().collect(),
            Step::Edit(_, json) => vec![json],
            _ => vec![],
        }
    }

    /// The same with everything left to be counted.
    pub fn uncounted(mut self) -> Step {
        if let Step::Append(list) = &mut self {
            list.iter_mut().for_each(|(_, set)| *set = None);
        }
        self
    }

    /// Name and arguments of the command.
    pub fn command(&self) -> (&'static str, Vec<String>) {
        let numbers = |list: &[i64]| list.iter().map(ToString::to_string).collect();
        let mut words: Vec<String> = vec![];
        let name = match self {
            Step::Append(list) => {
                for (json, set) in list {
                    if let Some(n) = set {
                        words.extend(["TOKENS".into(), n.to_string()]);
                    }
                    words.push(json.clone());
                }
                "CONV.APPEND"
            }
            Step::Backfill(list, complete) => {
                words.extend(complete.then(|| "COMPLETE".into()));
                words.extend(list.iter().cloned());
                "CONV.BACKFILL"
            }
            Step::Edit(seq, json) => {
                words = vec![seq.to_string(), json.clone()];
                "CONV.EDIT"
            }
            Step::Del(seqs) => {
                words = numbers(seqs);
                "CONV.DEL"
            }
            Step::Pop(count) => {
                words.extend(count.map(|n| n.to_string()));
                "CONV.POP"
            }
            Step::TrimMessages(n) => {
                words = vec!["MAXMESSAGES".into(), n.to_string()];
                "CONV.TRIM"
            }
            Step::TrimTokens(n) => {
                words = vec!["maxtokens".into(), n.to_string()];
                "CONV.TRIM"
            }
            Step::TrimBefore(seq) => {
                words = vec!["BEFORE".into(), seq.to_string()];
                "CONV.TRIM"
            }
            Step::SetSummary(text, upto) => {
                words.push(text.clone());
                if let Some(upto) = upto {
                    words.extend(["UPTO".into(), upto.to_string()]);
                }
                "CONV.SETSUMMARY"
            }
            Step::Pin(seqs) => {
                words = numbers(seqs);
                "CONV.PIN"
            }
            Step::Unpin(seqs) => {
                words = numbers(seqs);
                "CONV.UNPIN"
            }
            Step::Alter(a) => {
                let yes = |yes: bool| if yes { "yes" } else { "no" };
                for (option, value) in [
                    ("ENCODING", a.encoding.map(String::from)),
                    ("OVERHEAD", a.overhead.map(|n| n.to_string())),
                    ("SCALE", a.scale.map(|n| n.to_string())),
                    ("MAXMESSAGES", a.max_messages.map(|n| n.to_string())),
                    ("COMPLETE", a.complete.map(|c| yes(c).into())),
                ] {
                    if let Some(value) = value {
                        words.extend([option.to_string(), value]);
                    }
                }
                "CONV.ALTER"
            }
            Step::Import(document) => {
                words = vec![document.json(), "REPLACE".into()];
                if let Some(path) = &document.path {
                    words.extend(["HISTORY".into(), path.clone()]);
                }
                "CONV.IMPORT"
            }
            Step::SetState(fields) => {
                for (name, json) in fields {
                    words.extend([name.clone(), json.clone()]);
                }
                "CONV.SETSTATE"
            }
            Step::DelState(names) => {
                words = names.clone();
                "CONV.DELSTATE"
            }
        };
        (name, words)
    }
}
