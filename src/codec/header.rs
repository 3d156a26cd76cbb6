//! The parts that all stored forms share: the header and its validation, and the first and last steps of decoding.
//! Later versions only add to the header.

use serde::{Deserialize, Serialize};

use super::{DecodeError, invalid};
use crate::conversation::attributes::Attributes;
use crate::conversation::effect::{Count, Effect, NewMessage, NewSummary, Numbering};
use crate::conversation::ids::IdKey;
use crate::conversation::session::{Name, NewHistory};
use crate::conversation::stored::READING;
use crate::conversation::{Conversation, MAX_PINS, message};
use crate::tokens::{DEFAULT_OVERHEAD, FULL_SCALE, Nobody};

/// The first frame, a MessagePack map. Later versions may add fields with a default. The meaning of a field never changes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredHeader {
    attributes: Attributes,
    created: i64,
    updated: i64,
    next: i64,
    lowest: i64,
    /// [`READING`] of the release that stored the messages. Since version 5.
    #[serde(default)]
    reading: u32,
    /// How many messages follow.
    pub messages: u64,
    summary: Option<StoredSummary>,
    /// How many session fields follow. Since version 3, as all fields below.
    #[serde(default)]
    pub fields: u64,
    #[serde(default)]
    lease: i64,
    history: Option<StoredHistory>,
    /// Sequence numbers of pinned messages, in ascending order. Since version 5, as the attributes `overhead` and `scale`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pins: Vec<i64>,
    /// The key of the hashes of ids, which a frame after the messages has; nothing without ids. Since version 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_key: Option<(u64, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSummary {
    text: String,
    upto: Option<i64>,
    updated: i64,
    /// T of the message that the summary becomes; `None` while pending. Since version 2.
    tokens: Option<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredHistory {
    /// Name of the field that contains the messages, as a JSON string verbatim, quotes included.
    key: String,
    /// How many fields precede it.
    position: u64,
    /// If the messages are in nested objects of the field: a frame after the session fields holds the field's value with
    /// an empty array in their place, at this byte; from version 4 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    array_at: Option<u64>,
}

impl StoredHistory {
    fn set<'a>(
        &self,
        conversation: &mut Conversation,
        history: impl FnOnce(Name, usize) -> Result<NewHistory<'a>, String>,
    ) -> Result<(), DecodeError> {
        let name =
            Name::of_key(&self.key).map_err(|_| invalid("the history's field has no name"))?;
        let position = usize::try_from(self.position).unwrap_or(usize::MAX);
        let history =
            history(name, position).map_err(|_| invalid("the history's field is not readable"))?;
        let effect = Effect {
            history: Some(history),
            ..Effect::default()
        };
        take(conversation, effect)
    }
}

impl StoredHeader {
    /// The header of `conversation`.
    pub fn of(conversation: &Conversation) -> Self {
        let numbering = conversation.numbering();
        let session = conversation.session();
        Self {
            attributes: *conversation.attributes(),
            created: numbering.created,
            updated: conversation.updated(),
            next: numbering.next,
            lowest: numbering.lowest,
            messages: conversation.log().totals().messages,
            summary: conversation.summary().map(|s| StoredSummary {
                text: s.text.clone(),
                upto: s.upto,
                updated: s.updated,
                tokens: s.tokens.exact(),
            }),
            fields: session.map_or(0, |s| s.len() as u64),
            history: session.and_then(|s| s.history()).map(|h| StoredHistory {
                key: h.name.key().into_owned(),
                position: h.position as u64,
                array_at: Some(h.before().len() as u64).filter(|&at| at > 0),
            }),
            lease: conversation.lease(),
            pins: conversation.pins().to_vec(),
            reading: READING,
            id_key: conversation.has_ids().then(|| {
                let IdKey(first, second) = IdKey::get();
                (first, second)
            }),
        }
    }

    /// The key of the hashes in the frame of ids, if there is one.
    pub fn id_key(&self) -> Option<IdKey> {
        self.id_key.map(|(first, second)| IdKey(first, second))
    }

    /// True if this release would store the same with the messages.
    pub fn is_same_reading(&self) -> bool {
        self.reading == READING
    }

    /// Reads the header of a conversation that is stored in `version`.
    pub fn read(frame: &[u8], version: u32) -> Result<Self, DecodeError> {
        // The text of serde's error might quote stored data, which must not get into the log.
        let unreadable = || invalid("the header is not readable");
        let header: Self = rmp_serde::from_slice(frame).map_err(|_| unreadable())?;
        let tokens = header.summary.as_ref().and_then(|s| s.tokens);
        if (version < 2 && tokens.is_some())
            || (version < 3 && (header.fields > 0 || header.history.is_some() || header.lease != 0))
            || (version < 4
                && header
                    .history
                    .as_ref()
                    .is_some_and(|h| h.array_at.is_some()))
            || (version < 5
                && (!header.attributes.encoding.is_builtin()
                    || header.attributes.overhead != DEFAULT_OVERHEAD
                    || header.attributes.scale != FULL_SCALE
                    || !header.pins.is_empty()
                    || header.reading != 0
                    || header.id_key.is_some()))
        {
            return Err(unreadable());
        }
        header.attributes.check().map_err(invalid)?;
        if !header.pins.is_sorted_by(|one, next| one < next) {
            return Err(invalid("the pins are out of order"));
        }
        if header.next < header.lowest {
            return Err(invalid("the numbering is out of order"));
        }
        if header.lease < 0 {
            return Err(invalid("the end of the lease is negative"));
        }
        if header.summary.as_ref().is_some_and(|s| s.text.is_empty()) {
            return Err(invalid("an empty summary"));
        }
        Ok(header)
    }

    /// The conversation without the frames that follow.
    pub fn begin(&self) -> Conversation {
        Conversation::new(self.attributes, self.created)
    }

    /// Checks that a message can have this number.
    pub fn check_numbered(&self, seq: i64) -> Result<(), DecodeError> {
        if seq < self.lowest || seq >= self.next {
            return Err(invalid(format!("message {seq} is outside the numbering")));
        }
        Ok(())
    }

    /// True if a frame with the value around the messages follows the session fields.
    pub fn is_nested(&self) -> bool {
        self.history.as_ref().is_some_and(|h| h.array_at.is_some())
    }

    /// Sets where the messages are in nested objects; `value` is what [`Self::is_nested`] speaks of.
    pub fn take_nested(
        &self,
        conversation: &mut Conversation,
        value: &[u8],
    ) -> Result<(), DecodeError> {
        let Some(history) = &self.history else {
            return Ok(());
        };
        let unreadable = || invalid("the history's field is not readable");
        let value = std::str::from_utf8(value).map_err(|_| unreadable())?;
        let at = history.array_at.and_then(|at| usize::try_from(at).ok());
        let (before, rest) = at
            .filter(|&at| at > 0)
            .and_then(|at| value.split_at_checked(at))
            .ok_or_else(unreadable)?;
        let after = rest.strip_prefix("[]").ok_or_else(unreadable)?;
        history.set(conversation, |name, position| {
            NewHistory::nested(name, position, before, after)
        })
    }

    /// Adds the position of the history, the summary and the pins, and restores the numbering and the times, which decoding
    /// has changed.
    pub fn finish(self, mut conversation: Conversation) -> Result<Conversation, DecodeError> {
        if let Some(history) = self.history.as_ref().filter(|h| h.array_at.is_none()) {
            history.set(&mut conversation, |name, position| {
                Ok(NewHistory::top_level(name, position))
            })?;
        }
        if let Some(summary) = &self.summary {
            let effect = Effect {
                at: summary.updated,
                summary: Some(NewSummary {
                    text: &summary.text,
                    upto: summary.upto,
                }),
                ..Effect::default()
            };
            take(&mut conversation, effect)?;
            conversation.set_summary_tokens(summary.tokens);
        }
        let mut effect = Effect {
            at: self.updated,
            numbering: Some(Numbering {
                created: self.created,
                next: self.next,
                lowest: self.lowest,
            }),
            lease: Some(self.lease),
            pin: self.pins,
            ..Effect::default()
        };
        if let Some(seq) = effect
            .pin
            .iter()
            .find(|&&seq| conversation.log().find(seq).is_none())
        {
            return Err(invalid(format!("message {seq} is pinned but not held")));
        }
        if effect.pin.len() > MAX_PINS {
            return Err(invalid(format!("more than {MAX_PINS} pinned messages")));
        }
        conversation.apply(&mut effect, &Nobody);
        Ok(conversation)
    }
}

/// Validates and applies an effect that was decoded.
pub fn take(conversation: &mut Conversation, mut effect: Effect<'_>) -> Result<(), DecodeError> {
    conversation.check(&effect).map_err(invalid)?;
    conversation.apply(&mut effect, &Nobody);
    Ok(())
}

/// The count of message `seq` from its stored state and tokens.
pub fn count_of(seq: i64, state: u8, tokens: u64) -> Result<Count, DecodeError> {
    let tokens = u32::try_from(tokens)
        .map_err(|_| invalid(format!("the token count of message {seq} exceeds 32 bits")))?;
    match state {
        0 => Ok(Count::Pending),
        1 => Ok(Count::Counted(tokens)),
        2 => Ok(Count::Given(tokens)),
        other => Err(invalid(format!(
            "message {seq} has the unknown state {other}"
        ))),
    }
}

/// Reads a stored message. It must be one that `CONV.APPEND` accepts.
pub fn read_message(
    seq: i64,
    time: i64,
    count: Count,
    bytes: &[u8],
) -> Result<NewMessage<'_>, DecodeError> {
    if message::trim(bytes).len() != bytes.len() {
        return Err(invalid(format!(
            "message {seq} has surrounding white space"
        )));
    }
    let facts = message::facts(bytes)
        .map_err(|_| invalid(format!("message {seq} is not a valid message")))?;
    Ok(NewMessage {
        seq,
        time,
        count,
        bytes,
        facts,
        text: None,
        own: None,
    })
}
