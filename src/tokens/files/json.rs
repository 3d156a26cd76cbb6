//! The parts of `tokenizer.json` that the engine of this module reads. Strings borrow from the file.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::tokens::added_tokens::AddedToken;

/// A file. Fields that are not mentioned do not change counts.
#[derive(Deserialize)]
pub struct File<'a> {
    pub version: Option<String>,
    #[serde(default)]
    pub added_tokens: Vec<AddedToken>,
    pub normalizer: Option<Value>,
    pub pre_tokenizer: Option<Value>,
    #[serde(borrow)]
    pub model: Model<'a>,
}

/// A model of byte-pair encoding. `dropout` is not mentioned: it is ignored.
#[derive(Deserialize)]
pub struct Model<'a> {
    #[serde(rename = "type")]
    pub kind: String,
    pub continuing_subword_prefix: Option<String>,
    pub end_of_word_suffix: Option<String>,
    pub byte_fallback: Option<bool>,
    pub ignore_merges: Option<bool>,
    #[serde(borrow)]
    pub vocab: Entries<'a>,
    #[serde(borrow)]
    pub merges: Vec<Merge<'a>>,
}

/// The tokens of a vocabulary with their ids.
pub struct Entries<'a>(pub Vec<(Cow<'a, str>, u32)>);

/// Two tokens that are merged.
pub enum Merge<'a> {
    /// `["a", "b"]`.
    Pair(Cow<'a, str>, Cow<'a, str>),
    /// `"a b"`.
    Line(Cow<'a, str>),
}

impl Merge<'_> {
    /// The two tokens.
    pub fn parts(&self) -> Option<(&str, &str)> {
        match self {
            Self::Pair(a, b) => Some((a, b)),
            Self::Line(line) => line.split_once(' ').filter(|(_, b)| !b.contains(' ')),
        }
    }
}

struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;

        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(OfText)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfEntries;

        impl<'de> Visitor<'de> for OfEntries {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((Text(token), id)) = map.next_entry()? {
                    entries.push((token, id));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(OfEntries)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Merge<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMerge;

        impl<'de> Visitor<'de> for OfMerge {
            type Value = Merge<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two tokens")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Merge<'de>, E> {
                Ok(Merge::Line(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Merge<'de>, E> {
                Ok(Merge::Line(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Merge<'de>, A::Error> {
                let mut next = || {
                    let Text(text) = seq
                        .next_element()?
                        .ok_or_else(|| de::Error::invalid_length(0, &"two tokens"))?;
                    Ok(text)
                };
                let (a, b) = (next()?, next()?);
                match seq.next_element::<de::IgnoredAny>()? {
                    None => Ok(Merge::Pair(a, b)),
                    Some(_) => Err(de::Error::invalid_length(3, &"two tokens")),
                }
            }
        }

        deserializer.deserialize_any(OfMerge)
    }
}
