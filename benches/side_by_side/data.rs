//! The test messages: real conversations if `CONV_CORPUS` names a directory, otherwise generated ones.

use crate::generated;
use crate::support::corpus;

/// A conversation: the bytes of its messages.
pub type Conversation = Vec<Vec<u8>>;

pub struct Data {
    /// Description of the source, for the report.
    pub source: String,
    /// The conversations in their original form, by file.
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

    /// The conversations in their original form.
    pub fn dialogues(&self) -> impl Iterator<Item = &Conversation> {
        self.files.iter().flat_map(|(_, dialogues)| dialogues)
    }

    /// Conversations of at least `at_least` messages.
    pub fn long(&self, at_least: usize) -> Vec<Conversation> {
        self.files
            .iter()
            .flat_map(|(_, dialogues)| join(dialogues, at_least))
            .collect()
    }

    /// All messages of all conversations.
    pub fn messages(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.dialogues().flatten()
    }

    /// Those of less than 2,000 bytes that are no system messages: what short chats consist of.
    pub fn short_messages(&self) -> Vec<&[u8]> {
        let messages = self.messages().map(Vec::as_slice);
        messages
            .filter(|message| !is_system(message) && message.len() < 2000)
            .collect()
    }
}

/// Concatenates dialogues into conversations of at least `at_least` messages. Only the first dialogue keeps its system
/// message: a real conversation has one, and repeating the text would make compression look too good.
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
    // Drop the remainder, which is shorter than the others.
    if long.len() > 1 && long.last().is_some_and(|last| last.len() < at_least) {
        long.pop();
    }
    long
}

pub fn is_system(message: &[u8]) -> bool {
    message.starts_with(br#"{"role":"system""#)
}
