//! The encodings, looked up by name or by the name of a model.

use std::fmt;

use serde::{Deserialize, Serialize};
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

/// A tokenizer: a vocabulary with its splitting rules. Serialized by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub enum Encoding {
    /// GPT-4o and later.
    #[default]
    #[serde(rename = "o200k_base")]
    O200kBase,
    /// GPT-4, GPT-3.5-turbo.
    #[serde(rename = "cl100k_base")]
    Cl100kBase,
    /// The open-weight models; counts ordinary text as `o200k_base` does.
    #[serde(rename = "o200k_harmony")]
    O200kHarmony,
    /// Codex models and `text-davinci-003`.
    #[serde(rename = "p50k_base")]
    P50kBase,
    /// GPT-3, GPT-2.
    #[serde(rename = "r50k_base")]
    R50kBase,
}

/// All encodings, the default first.
pub const ENCODINGS: [Encoding; 5] = [
    Encoding::O200kBase,
    Encoding::Cl100kBase,
    Encoding::O200kHarmony,
    Encoding::P50kBase,
    Encoding::R50kBase,
];

impl Encoding {
    /// The name that OpenAI's tiktoken uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::O200kBase => "o200k_base",
            Self::Cl100kBase => "cl100k_base",
            Self::O200kHarmony => "o200k_harmony",
            Self::P50kBase => "p50k_base",
            Self::R50kBase => "r50k_base",
        }
    }

    /// Finds an encoding by its own name or by the name of a model that uses it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        if let Some(encoding) = ENCODINGS.into_iter().find(|e| e.name() == name) {
            return Some(encoding);
        }
        // tiktoken's other names for encodings that count ordinary text the same.
        match name {
            "gpt2" => return Some(Self::R50kBase),
            "p50k_edit" => return Some(Self::P50kBase),
            _ => {}
        }
        get_tokenizer(name).map(|tokenizer| match tokenizer {
            Tokenizer::O200kBase => Self::O200kBase,
            Tokenizer::O200kHarmony => Self::O200kHarmony,
            Tokenizer::Cl100kBase => Self::Cl100kBase,
            // The edit encoding only adds special tokens, which ordinary text never yields.
            Tokenizer::P50kBase | Tokenizer::P50kEdit => Self::P50kBase,
            Tokenizer::R50kBase | Tokenizer::Gpt2 => Self::R50kBase,
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
