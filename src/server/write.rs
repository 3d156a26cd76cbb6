//! Making a change: apply it, let retention act, announce it, wake clients that wait for it.

use super::announce::{Announcement, notify};
use super::cache_loads;
use super::ffi::context::Context;
use super::ffi::open_key::{Found, Key, measured};
use super::ffi::string::RedisStr;
use super::maintenance::KeyMaintenance;
use super::module::settings;
use crate::commands::{CommandError, commit, err, is_retained};
use crate::conversation::attributes::Attributes;
use crate::conversation::effect::{Effect, Event};
use crate::conversation::{Conversation, Unreadable};
use crate::metrics;
use crate::tokens::background::Background;
use crate::tokens::{Inline, most_inline, preload};

/// A command that changes its key.
pub struct Write<'a> {
    /// Its context.
    pub ctx: Context<'a>,
    /// The key.
    pub key: RedisStr<'a>,
    /// The arguments of the command.
    pub args: &'a [RedisStr<'a>],
    /// The effect was decided elsewhere: on the primary, or before the server was restarted.
    pub replayed: bool,
}

impl Write<'_> {
    /// Makes the change at the open key, and announces it.
    ///
    /// # Errors
    /// The key is missing and the effect does not create it, or there is not enough memory to decompress what it changes;
    /// nothing is changed then.
    pub fn make(&self, mut key: Key, mut effect: Effect<'_>) -> Result<(), CommandError> {
        if !self.replayed && effect.only_expires() {
            self.expire(key, effect.expire);
            return Ok(());
        }
        if let Some(attributes) = effect.create.or(effect.alter) {
            preload(attributes.encoding);
        }
        let summary_due = if let Found::Conversation(conversation) = key.get() {
            measured(conversation, |c| {
                c.prepare(&effect)?;
                self.change(c, &mut effect);
                Ok::<_, Unreadable>(self.is_summary_due(c))
            })?
        } else {
            let Some(attributes) = effect.create else {
                return err("no such key");
            };
            let mut conversation = new_conversation(attributes, &mut effect);
            self.change(&mut conversation, &mut effect);
            let summary_due = self.is_summary_due(&mut conversation);
            metrics::created(conversation.footprint());
            key.create(conversation);
            summary_due
        };
        if effect.persist {
            key.persist();
        }
        if let Some(at) = effect.expire {
            key.expire_at(at);
        }
        drop(key);
        let announcement = Announcement {
            ctx: self.ctx,
            key: self.key,
            args: self.args,
            verbatim: self.replayed,
        };
        announcement.make(&effect);
        if effect.event == Event::Backfill {
            cache_loads::backfilled(self.ctx, self.key);
        } else {
            cache_loads::changed(self.ctx, self.key);
        }
        if summary_due {
            notify(self.ctx, self.key, Event::SummaryDue);
        }
        Ok(())
    }

    /// True if a summary has become due. Workers listen to the primary.
    fn is_summary_due(&self, conversation: &mut Conversation) -> bool {
        !self.replayed && conversation.summary_became_due(settings::current().summary_threshold)
    }

    /// Sets when the key expires, Unix ms. The conversation stays as it is, so replicas receive the command of Redis that
    /// does the same. Only `CONV.IMPORT` does this.
    fn expire(&self, mut key: Key, at: Option<i64>) {
        if key.expires_at() == at {
            return;
        }
        match at {
            Some(at) => key.expire_at(at),
            None => key.persist(),
        }
        drop(key);
        self.ctx.signal_modified(self.key);
        self.ctx.replicate_expiry(self.key, at);
        notify(self.ctx, self.key, Event::Import);
    }

    fn change(&self, conversation: &mut Conversation, effect: &mut Effect<'_>) {
        // What was built in advance is not compressed yet.
        let segments = match effect.imported {
            Some(_) => 0,
            None => conversation.log().segments().len(),
        };
        // Where retention depends on counts, maintenance starts when they are there.
        let appends = is_retained(effect) && !self.replayed;
        let limited = appends && conversation.attributes().max_tokens > 0;
        let mut maintenance = KeyMaintenance::new(self.ctx, self.key, limited);
        // So it does where an event says that a summary is due. And finished counts take memory until they are taken
        // in, which nobody does in a conversation that is only written to.
        let watched = !self.replayed && settings::current().summary_threshold > 0 && effect.grows();
        let piles_up = conversation.piles_up(effect.push.len() + effect.front.len());
        let counter = Background {
            completion: (limited || watched || piles_up).then(|| maintenance.completion()),
        };
        if self.replayed {
            conversation.apply(effect, &counter);
        } else {
            if limited {
                // On the next append at the latest, retention acts on what was appended before.
                let missing = conversation.missing_in_messages();
                let most = most_inline(conversation.attributes().encoding);
                if conversation.missing_bytes(&missing, most) <= most {
                    // Retention waits for counts that cannot be made now.
                    let _ = conversation.count_missing(&missing, usize::MAX, &Inline, || {});
                }
            }
            commit(conversation, effect, &counter);
        }
        // The messages of an import are not copied as a whole to be counted.
        if effect.alter.is_some() || effect.event == Event::Import {
            maintenance.count_more(conversation);
        }
        if conversation.log().segments().len() > segments {
            // Retention does not wait for compression.
            KeyMaintenance::new(self.ctx, self.key, false).compress(conversation);
        }
    }
}

/// The conversation that `effect` creates: the one that was built in advance, or an empty one.
fn new_conversation(attributes: Attributes, effect: &mut Effect<'_>) -> Conversation {
    match effect.built.take() {
        Some(built) => *built,
        None => Conversation::new(attributes, effect.at),
    }
}
