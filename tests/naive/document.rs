//! Section 8: whole session documents.

use super::NaiveLog;
use super::json::Value;

/// Where the messages stood in the document, and what else was in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    /// "a bare array", or never imported.
    pub bare: bool,
    /// Top-level fields in order. The one that holds the messages has its text before and after the array.
    pub fields: Vec<(String, Field)>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// A session field: its JSON, byte for byte.
    State(String),
    Messages(String, String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// `HISTORY a.b.c`
    pub path: Option<String>,
    /// Top-level fields around the messages; None: a bare array.
    pub fields: Option<Fields>,
    pub messages: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    pub before: Vec<(String, String)>,
    /// The names under which the messages stand, from the outside in, and what stands beside them in inner objects.
    pub names: Vec<String>,
    pub beside: String,
    pub after: Vec<(String, String)>,
}

impl Document {
    /// As it is sent.
    pub fn json(&self) -> String {
        self.session().with(&self.messages)
    }

    fn session(&self) -> Session {
        let Some(fields) = &self.fields else {
            return Session {
                bare: true,
                fields: vec![],
            };
        };
        let state = |list: &[(String, String)]| {
            let list = list.iter();
            list.map(|(k, v)| (k.clone(), Field::State(v.clone())))
                .collect::<Vec<_>>()
        };
        let (mut before, mut after) = (String::new(), String::new());
        for name in &fields.names[1..] {
            before += &format!("{{{:?}:", name);
            after = format!(",{}}}{after}", fields.beside);
        }
        let mut all = state(&fields.before);
        all.push((fields.names[0].clone(), Field::Messages(before, after)));
        all.extend(state(&fields.after));
        Session {
            bare: false,
            fields: all,
        }
    }
}

impl Session {
    /// "returns the document: same fields, same order, values byte for byte, the array in its place"
    fn with(&self, messages: &[String]) -> String {
        let array = format!("[{}]", messages.join(","));
        if self.bare {
            return array;
        }
        let fields = self.fields.iter().map(|(name, field)| {
            let name = serde_json::to_string(name).unwrap();
            match field {
                Field::State(json) => format!("{name}:{json}"),
                Field::Messages(before, after) => format!("{name}:{before}{array}{after}"),
            }
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }
}

impl NaiveLog {
    /// `CONV.IMPORT ... REPLACE`: the number of messages.
    pub fn import(&mut self, document: &Document) -> usize {
        // "messages that the conversation already holds (from its first message on, byte for byte) keep their number, time
        // and count"; "Attributes, `created` and the pins of kept messages stay"
        let held = self.messages.iter().map(|m| &m.json);
        let kept = held
            .zip(&document.messages)
            .take_while(|(a, b)| a == b)
            .count();
        self.messages.truncate(kept);
        // "the summary stays if its `upto` is nil or at most the newest kept number (if no message is kept: only if it is
        // nil), and is removed otherwise"
        let newest = self.messages.last().map(|m| m.seq);
        self.summary = self.summary.take().filter(|s| match (s.upto, newest) {
            (None, _) => true,
            (Some(upto), Some(newest)) => upto <= newest,
            (Some(_), None) => false,
        });
        // "numbering goes on (numbers are never reused)"; "`MAXMESSAGES` and `MAXTOKENS` do not act on `IMPORT`"
        for json in &document.messages[kept..] {
            self.append(json, None);
        }
        // A bare array without state exports as a conversation that was never imported.
        let session = document.session();
        self.session = Some(session).filter(|s| !s.bare);
        document.messages.len()
    }

    pub fn export(&self) -> String {
        let messages: Vec<String> = self.messages.iter().map(|m| m.json.clone()).collect();
        // "A conversation that was never imported exports as a bare array."
        let never = Session {
            bare: true,
            fields: vec![],
        };
        self.session.as_ref().unwrap_or(&never).with(&messages)
    }

    /// A map of all session fields, in order.
    pub fn state(&self) -> Vec<(String, String)> {
        let fields = self.session.iter().flat_map(|s| &s.fields);
        let state = fields.filter_map(|(name, field)| match field {
            Field::State(json) => Some((name.clone(), json.clone())),
            Field::Messages(..) => None,
        });
        state.collect()
    }

    /// "the number of fields added, like `HSET`". None is the `ERR` for the field that contains the messages.
    pub fn set_state(&mut self, new: &[(String, String)]) -> Option<usize> {
        let holds = |name: &String| {
            let mut fields = self.session.iter().flat_map(|s| &s.fields);
            fields.any(|(k, f)| k == name && matches!(f, Field::Messages(..)))
        };
        if new.iter().any(|(name, _)| holds(name)) {
            return None;
        }
        let session = self.session.get_or_insert(Session {
            bare: true,
            fields: vec![],
        });
        let mut added = 0;
        for (name, json) in new {
            assert!(Value::parse(json).is_ok());
            let field = Field::State(json.clone());
            match session.fields.iter_mut().find(|(k, _)| k == name) {
                Some((_, old)) => *old = field,
                None => {
                    session.fields.push((name.clone(), field));
                    added += 1;
                }
            }
        }
        Some(added)
    }

    /// "how many existed"
    pub fn del_state(&mut self, names: &[String]) -> usize {
        let Some(session) = &mut self.session else {
            return 0;
        };
        let before = session.fields.len();
        session
            .fields
            .retain(|(name, field)| matches!(field, Field::Messages(..)) || !names.contains(name));
        let gone = before - session.fields.len();
        if session.bare && session.fields.is_empty() {
            self.session = None;
        }
        gone
    }
}
