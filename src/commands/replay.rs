//! `CONV.EFFECT key header [payload ...]`: what replicas and the AOF receive in place of the commands that clients
//! send. Clients should not send it, but it is as safe as any other command.

use super::arg_parser::{Args, quoted};
use super::error::{CommandError, err};
use super::reply::Reply;
use super::{Env, Outcome, Target};
use crate::codec::decode_effect;
use crate::conversation::Conversation;
use crate::conversation::effect::Effect;

/// Validates an effect that another server decided, or that the AOF contains, and returns it.
///
/// # Errors
/// The effect is malformed, does not fit the conversation, or grows it while the server is at its memory limit.
pub fn effect<'a>(
    args: &mut Args<'a>,
    target: Target<'_>,
    env: &Env<'_>,
    out: &mut dyn Reply,
) -> Result<Outcome<Option<Effect<'a>>>, CommandError> {
    let header = args.required()?;
    let effect = match decode_effect(header, args.rest()) {
        Ok(effect) => effect,
        Err(why) => return err(format!("effect {}: {why}", quoted(header))),
    };
    if env.full && effect.grows() {
        return Err(CommandError::OutOfMemory);
    }
    let created;
    let conversation = match (target, effect.create) {
        (Some(_), Some(_)) => {
            return err(format!("effect {}: the key already exists", quoted(header)));
        }
        (None, None) => return err("no such key"),
        (Some(conversation), None) => conversation,
        (None, Some(attributes)) => {
            created = Conversation::new(attributes, effect.at);
            &created
        }
    };
    if let Err(why) = conversation.check(&effect) {
        return err(format!("effect {}: {why}", quoted(header)));
    }
    out.status("OK");
    Ok(Outcome::change(effect))
}
