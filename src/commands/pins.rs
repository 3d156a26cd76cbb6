//! `CONV.PIN` and `CONV.UNPIN`.

use super::arg_parser::Args;
use super::error::{CommandError, err};
use super::manage::{seqs, signed};
use super::reply::Reply;
use super::{Env, Outcome, Target};
use crate::conversation::MAX_PINS;
use crate::conversation::effect::{Effect, Event};

/// `CONV.PIN key seq [seq ...]`: pins messages and returns how many were not pinned before.
///
/// # Errors
/// More than [`MAX_PINS`] messages would be pinned.
pub fn pin<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let mut new = seqs(args)?;
    new.retain(|&seq| target.is_some_and(|c| !c.is_pinned(seq) && c.log().find(seq).is_some()));
    let pinned = target.map_or(0, |c| c.pins().len());
    if pinned + new.len() > MAX_PINS {
        return err(format!(
            "a conversation can have {MAX_PINS} pinned messages: {pinned} are pinned, {} would be added",
            new.len()
        ));
    }
    out.integer(signed(new.len()));
    if new.is_empty() {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::Pin, env.now);
    effect.pin = new;
    Ok(Outcome::change(effect))
}

/// `CONV.UNPIN key seq [seq ...]`: removes pins and returns how many there were.
///
/// # Errors
/// An argument is no integer.
pub fn unpin<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let mut pinned = seqs(args)?;
    pinned.retain(|&seq| target.is_some_and(|c| c.is_pinned(seq)));
    out.integer(signed(pinned.len()));
    if pinned.is_empty() {
        return Ok(Outcome::UNCHANGED);
    }
    let mut effect = Effect::new(Event::Unpin, env.now);
    effect.unpin = pinned;
    Ok(Outcome::change(effect))
}
