//! Writing effects.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::{EffectHeader, MessageHeader, SummaryHeader, VERSION};
use crate::conversation::effect::{Count, Effect, Event, NewMessage};
use crate::conversation::session::{Name, NewHistory};

/// The header of `effect`, and the arguments that follow it.
#[must_use]
pub fn encode_effect<'a>(effect: &Effect<'a>) -> (Vec<u8>, Vec<&'a [u8]>) {
    let messages = effect.front.len() + effect.push.len();
    let mut header = Vec::with_capacity(64 + 48 * messages.max(2));
    // Serialising plain data into memory cannot fail.
    let _ = write_header(effect, &mut header);
    (header, payload(effect).collect())
}

/// Writes the header of `effect`.
///
/// # Errors
/// `out` fails.
pub fn write_header(effect: &Effect<'_>, out: &mut impl Write) -> io::Result<()> {
    if let Some(first) = appended_from(effect) {
        return write_short_header(effect, first, out);
    }
    // Exhaustive, so that a new field that is not written does not compile.
    let Effect {
        at,
        event,
        create,
        numbering,
        alter,
        cut,
        front,
        push,
        edit,
        pin,
        unpin,
        remove,
        summary,
        clear_session,
        del_state,
        set_state,
        history,
        imported,
        built: _,
        lease,
        drop,
        persist,
        expire,
    } = effect;
    // The document of an import contains the messages, the session fields and the history.
    let in_document = imported.is_some();
    let push = if in_document { &[] } else { &push[..] };
    let set_state = if in_document { &[] } else { &set_state[..] };
    let history = history.as_ref().filter(|_| !in_document);
    let header = EffectHeader {
        v: VERSION,
        at: *at,
        event: event.name().to_owned(),
        create: *create,
        numbering: numbering.map(|n| (n.created, n.next, n.lowest)),
        alter: *alter,
        cut: *cut,
        front: front.iter().map(message_header).collect(),
        push: push.iter().map(message_header).collect(),
        append: None,
        edit: edit.as_ref().map(message_header),
        pin: pin.clone(),
        unpin: unpin.clone(),
        remove: remove.clone(),
        summary: summary.as_ref().map(|s| SummaryHeader { upto: s.upto }),
        clear_session: *clear_session,
        del_state: del_state.clone(),
        set_state: set_state.iter().map(|f| written(&f.name)).collect(),
        history: history.map(|h| (written(&h.name), h.position)),
        nested: history.is_some_and(NewHistory::is_nested),
        import: imported.as_ref().map(|i| (i.history.clone(),)),
        lease: *lease,
        drop: drop.clone(),
        persist: *persist,
        expire: *expire,
    };
    Ok(serde_json::to_writer(out, &header)?)
}

/// The arguments that follow the header of `effect`.
pub fn payload<'e, 'a>(effect: &'e Effect<'a>) -> impl Iterator<Item = &'a [u8]> + use<'e, 'a> {
    // Exhaustive, so that a new field with a payload is not forgotten. Those named here are in the header alone.
    let Effect {
        at: _,
        event: _,
        create: _,
        numbering: _,
        alter: _,
        cut: _,
        front,
        push,
        edit,
        pin: _,
        unpin: _,
        remove: _,
        summary,
        clear_session: _,
        del_state: _,
        set_state,
        history,
        imported,
        built: _,
        lease: _,
        drop: _,
        persist: _,
        expire: _,
    } = effect;
    // The document of an import contains the messages, the session fields and the history.
    let in_document = imported.is_some();
    let nested = history
        .as_ref()
        .filter(|history| !in_document && history.is_nested());
    let push = if in_document { &[] } else { &push[..] };
    let set_state = if in_document { &[] } else { &set_state[..] };
    front
        .iter()
        .chain(push)
        .chain(edit)
        .map(|m| m.bytes)
        .chain(summary.iter().map(|s| s.text.as_bytes()))
        .chain(set_state.iter().map(|f| f.value.as_bytes()))
        .chain(nested.map(|h| h.before().as_bytes()))
        .chain(nested.map(|h| h.after().as_bytes()))
        .chain(imported.iter().map(|i| i.document))
}

/// The sequence number of the first message, if the short header can express `effect`.
fn appended_from(effect: &Effect<'_>) -> Option<i64> {
    // Exhaustive, so that a new field is either written by the short header or rules it out.
    let Effect {
        at,
        event,
        create: _,
        numbering,
        alter,
        cut,
        front,
        push,
        edit,
        pin,
        unpin,
        remove,
        summary,
        clear_session,
        del_state,
        set_state,
        history,
        imported,
        built: _,
        lease,
        drop: _,
        persist,
        expire: _,
    } = effect;
    let first = push.first()?.seq;
    let plain = |(message, seq): (&NewMessage<'_>, i64)| {
        message.seq == seq && message.time == *at && message.count == Count::Pending
    };
    let short = *event == Event::Append
        && numbering.is_none()
        && alter.is_none()
        && cut.is_none()
        && front.is_empty()
        && edit.is_none()
        && pin.is_empty()
        && unpin.is_empty()
        && remove.is_empty()
        && summary.is_none()
        && !clear_session
        && del_state.is_empty()
        && set_state.is_empty()
        && history.is_none()
        && imported.is_none()
        && lease.is_none()
        && !persist
        && push.iter().zip(first..).all(plain);
    short.then_some(first)
}

/// Writes the short header. It usually fits into 44 bytes, up to which Redis stores a string in a single allocation.
fn write_short_header(effect: &Effect<'_>, first: i64, out: &mut impl Write) -> io::Result<()> {
    let mut digits = itoa::Buffer::new();
    out.write_all(br#"{"v":2,"at":"#)?;
    out.write_all(digits.format(effect.at).as_bytes())?;
    out.write_all(br#","append":"#)?;
    out.write_all(digits.format(first).as_bytes())?;
    if let Some(create) = &effect.create {
        out.write_all(br#","create":"#)?;
        serde_json::to_writer(&mut *out, create)?;
    }
    if !effect.drop.is_empty() {
        out.write_all(br#","drop":"#)?;
        serde_json::to_writer(&mut *out, &effect.drop)?;
    }
    if let Some(expire) = effect.expire {
        out.write_all(br#","expire":"#)?;
        out.write_all(digits.format(expire).as_bytes())?;
    }
    out.write_all(b"}")
}

fn message_header(message: &NewMessage<'_>) -> MessageHeader {
    (message.seq, message.time, message.count)
}

/// The name as a JSON string, verbatim. Always valid, because [`Name::key`] returns a JSON string.
fn written(name: &Name) -> Box<RawValue> {
    RawValue::from_string(name.key().into_owned()).unwrap_or_default()
}
