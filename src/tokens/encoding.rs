//! The encodings, looked up by name or by the name of a model.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

use super::registry;

/// A tokenizer: a vocabulary with its splitting rules. The number of an entry of the registry of this process: the
/// built-in encodings first, then tokenizer files, each identified by name and fingerprint. Serialized by name, and by
/// fingerprint if it has one.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Encoding(pub(super) u16);

/// The built-in encodings, the default first.
pub const ENCODINGS: [Encoding; 5] = [
    Encoding::O200K_BASE,
    Encoding::CL100K_BASE,
    Encoding::O200K_HARMONY,
    Encoding::P50K_BASE,
    Encoding::R50K_BASE,
];

/// Separates the name and the fingerprint of a serialized encoding. No name contains it.
const SEPARATOR: char = '#';

impl Encoding {
    /// GPT-4o and later.
    pub const O200K_BASE: Self = Self(0);
    /// GPT-4, GPT-3.5-turbo.
    pub const CL100K_BASE: Self = Self(1);
    /// The open-weight models; counts ordinary text as `o200k_base` does.
    pub const O200K_HARMONY: Self = Self(2);
    /// Codex models and `text-davinci-003`.
    pub const P50K_BASE: Self = Self(3);
    /// GPT-3, GPT-2.
    pub const R50K_BASE: Self = Self(4);

    /// True for the encodings that are part of the module.
    #[must_use]
    pub fn is_builtin(self) -> bool {
        usize::from(self.0) < ENCODINGS.len()
    }

    /// The name: OpenAI's, or that of the tokenizer file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::O200K_BASE => "o200k_base",
            Self::CL100K_BASE => "cl100k_base",
            Self::O200K_HARMONY => "o200k_harmony",
            Self::P50K_BASE => "p50k_base",
            Self::R50K_BASE => "r50k_base",
            file => registry::identity(file).map_or("", |id| &id.name),
        }
    }

    /// The first 16 hex digits of the SHA-256 of the tokenizer file. Those of the built-in encodings are of the files that
    /// tiktoken downloads.
    #[must_use]
    pub fn fingerprint(self) -> &'static str {
        match self {
            Self::O200K_BASE | Self::O200K_HARMONY => "446a9538cb6c348e",
            Self::CL100K_BASE => "223921b76ee99bde",
            Self::P50K_BASE => "94b5ca7dff4d0076",
            Self::R50K_BASE => "306cd27f03c1a714",
            file => registry::identity(file).map_or("", |id| &id.fingerprint),
        }
    }

    /// Finds a built-in encoding by its own name or by the name of a model that uses it.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        if let Some(encoding) = ENCODINGS.into_iter().find(|e| e.name() == name) {
            return Some(encoding);
        }
        // tiktoken's other names for encodings that count ordinary text the same.
        match name {
            "gpt2" => return Some(Self::R50K_BASE),
            "p50k_edit" => return Some(Self::P50K_BASE),
            _ => {}
        }
        // A fine-tuned model counts as its base model: `ft:<base model>:<organisation>::<id>`.
        let model = match name.strip_prefix("ft:") {
            Some(tuned) => tuned.split_once(':').map_or(tuned, |(base, _)| base),
            None => name,
        };
        get_tokenizer(model).map(|tokenizer| match tokenizer {
            Tokenizer::O200kBase => Self::O200K_BASE,
            Tokenizer::O200kHarmony => Self::O200K_HARMONY,
            Tokenizer::Cl100kBase => Self::CL100K_BASE,
            // The edit encoding only adds special tokens, which ordinary text never yields.
            Tokenizer::P50kBase | Tokenizer::P50kEdit => Self::P50K_BASE,
            Tokenizer::R50kBase | Tokenizer::Gpt2 => Self::R50K_BASE,
        })
    }

    /// The name and, for a tokenizer file, the fingerprint: `name#0123456789abcdef`.
    #[must_use]
    pub fn written(self) -> String {
        if self.is_builtin() {
            self.name().to_owned()
        } else {
            format!("{}{SEPARATOR}{}", self.name(), self.fingerprint())
        }
    }

    /// Reads what [`Self::written`] returned. The file need not be on this server.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        match text.split_once(SEPARATOR) {
            Some((name, fingerprint)) => registry::identify(name, fingerprint),
            None => ENCODINGS.into_iter().find(|e| e.name() == text),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written())
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_builtin() {
            serializer.serialize_str(self.name())
        } else {
            serializer.serialize_str(&self.written())
        }
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Encoding;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an encoding")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Encoding, E> {
                Encoding::read(text)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}
