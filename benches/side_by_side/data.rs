//! The messages that everything is measured with: real conversations if `CONV_CORPUS` names a directory of them,
//! otherwise generated ones.

use crate::generated;
use crate::support::corpus;

/// A conversation: its messages' bytes.
pub type Conversation = Vec<Vec<u8>>;

pub struct Data {
    /// Where the messages are from, as the report says it.
    pub source: String,
    /// Conversations as they were held, by file.
    files: Vec<(String, Vec<Conversation>)>,
}

impl Data {
    pub fn load() -> Self {
        let (what, files) = match corpus() {
            Some(files) => ("real conversations", files),
            None => ("generated conversations", generated::conversations()),
        };
        let mut data = Self {
            source: String::new(),
            files,
        };
        let (count, bytes) = data
            .dialogues()
            .flatten()
            .fold((0, 0), |(n, b), m| (n + 1, b + m.len()));
        data.source = format!(
            "{} {what}, {count} distinct messages, {:.1} MB",
            data.dialogues().count(),
            bytes as f64 / 1e6
        );
        data
    }

    pub fn files(&self) -> &[(String, Vec<Conversation>)] {
        &self.files
    }

    /// Conversations as they were held.
    pub fn dialogues(&self) -> impl Iterator<Item = &Conversation> {
        self.files.iter().flat_map(|(_, dialogues)| dialogues)
    }

    /// Conversations of at least so many messages.
    pub fn long(&self, at_least: usize) -> Vec<Conversation> {
        self.files
            .iter()
            .flat_map(|(_, dialogues)| join(dialogues, at_least))
            .collect()
    }

    /// All messages, one after another.
    pub fn messages(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.dialogues().flatten()
    }
}

/// Puts dialogues end to end until a conversation has so many messages. Only the first keeps its system message: a
/// real conversation has one, and a text that comes back all the time would flatter whatever compresses.
pub fn join(dialogues: &[Conversation], at_least: usize) -> Vec<Conversation> {
    let mut long = vec![Conversation::new()];
    for dialogue in dialogues {
        if long.last().is_none_or(|last| last.len() >= at_least) {
            long.push(Conversation::new());
        }
        if let Some(last) = long.last_mut() {
            let inside = !last.is_empty();
            last.extend(
                dialogue
                    .iter()
                    .filter(|m| !(inside && is_system(m)))
                    .cloned(),
            );
        }
    }
    // What is left over would be a short one among the long.
    if long.len() > 1 && long.last().is_some_and(|last| last.len() < at_least) {
        long.pop();
    }
    long
}

pub fn is_system(message: &[u8]) -> bool {
    message.starts_with(br#"{"role":"system""#)
}
