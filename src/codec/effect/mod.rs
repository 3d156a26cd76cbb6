//! Effects as arguments of `CONV.EFFECT`, which replicas and the AOF receive.
//!
//! The first argument is a header in JSON, which can be read in MONITOR and in the AOF. The *payload* follows, one
//! argument each: the messages that are prepended, the messages that are appended, the edited message, the summary, the
//! values of session fields, and the document of an import.
//!
//! Most writes only append. They have a short header: `"append":n` means that the payload consists of messages that are
//! appended with the event `conv.append`, numbered from `n` without gaps, that arrived at the time `at` and are pending.

mod decode;
mod encode;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::attributes::Attributes;
use crate::conversation::effect::Count;

pub use decode::decode_effect;
pub use encode::{encode_effect, payload, write_header};

/// Version of the full header, which lists every change.
const VERSION: u8 = 1;

/// Version of the short header, which contains `append`.
const SHORT_VERSION: u8 = 2;

/// Sequence number, arrival (Unix ms), count.
type MessageHeader = (i64, i64, Count);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectHeader {
    v: u8,
    at: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    create: Option<Attributes>,
    /// Created (Unix ms), next number, lowest number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    numbering: Option<(i64, i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alter: Option<Attributes>,
    /// Number of the first message that is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    front: Vec<MessageHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    push: Vec<MessageHeader>,
    /// Only in the short header: sequence number of the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    append: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edit: Option<MessageHeader>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pin: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unpin: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<SummaryHeader>,
    #[serde(default, skip_serializing_if = "is_false")]
    clear_session: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    del_state: Vec<Box<str>>,
    /// Names of the fields to set, as JSON strings verbatim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set_state: Vec<Box<RawValue>>,
    /// Name of the field that contains the messages, as above, and the number of fields before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<(Box<RawValue>, usize)>,
    /// The messages are in nested objects of that field: two arguments are the text of its value before and after them.
    #[serde(default, skip_serializing_if = "is_false")]
    nested: bool,
    /// The payload contains a document whose messages are appended and whose fields are set. Here is the name of the
    /// field that contains the messages, null if the document is a bare array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    import: Option<(Option<Box<str>>,)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drop: Vec<(i64, i64)>,
    #[serde(default, skip_serializing_if = "is_false")]
    persist: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expire: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SummaryHeader {
    upto: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
