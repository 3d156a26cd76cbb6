//! Running sums, by which everything that depends on a budget is found.
//!
//! Each measure is declared once, in `measures!`: what its sum is called, and what a message adds to it. That makes a
//! field of [`Sums`] and a type for the searches in [`super::search`].

use super::index::{self, Entry};

/// A measure of messages, of which running sums are kept.
pub trait Measure {
    /// Its value in the sums.
    fn sum(sums: &Sums) -> u64;
    /// What the entry at `inner` adds to it.
    fn weight(entries: &[Entry], inner: usize) -> u64;
}

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident: $sum:ident, |$entry:ident, $len:ident| $weight:expr;)*) => {
        /// Sums over a run of messages. Differences of running sums wrap, so that a log may grow at its front too.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Sums {
            $($(#[$doc])* pub $sum: u64,)*
        }

        impl Sums {
            /// What a message of `len` bytes with this entry adds to the sums.
            #[must_use]
            pub fn of(entry: &Entry, len: u64) -> Self {
                Self {
                    $($sum: {
                        let ($entry, $len) = (entry, len);
                        $weight
                    },)*
                }
            }

            /// The sums over both runs.
            #[must_use]
            pub fn plus(self, other: Self) -> Self {
                Self { $($sum: self.$sum.wrapping_add(other.$sum),)* }
            }

            /// The sums over this run without its part `other`.
            #[must_use]
            pub fn minus(self, other: Self) -> Self {
                Self { $($sum: self.$sum.wrapping_sub(other.$sum),)* }
            }
        }

        $(
            $(#[$doc])*
            pub struct $name;

            impl Measure for $name {
                fn sum(sums: &Sums) -> u64 {
                    sums.$sum
                }

                fn weight(entries: &[Entry], inner: usize) -> u64 {
                    entries.get(inner).map_or(0, |$entry| {
                        let $len = index::len(entries, inner) as u64;
                        $weight
                    })
                }
            }
        )*
    };
}

measures! {
    /// Messages.
    Messages: messages, |_e, _len| 1;
    /// Messages that cannot be leading system messages, see `Flags::system`.
    Others: others, |e, _len| u64::from(!e.flags.system());
    /// Sum of T(message), of pending messages the least that it can be.
    Tokens: tokens, |e, _len| u64::from(e.tokens);
    /// Messages that RECENT may return.
    Visible: visible, |e, _len| u64::from(!e.flags.hidden());
    /// Their tokens.
    VisibleTokens: visible_tokens, |e, _len| u64::from(!e.flags.hidden()) * u64::from(e.tokens);
    /// Messages before which a window may begin.
    GroupStarts: group_starts, |e, _len| u64::from(e.flags.group_start());
    /// Possible starts of `START USER`.
    Users: users, |e, _len| u64::from(e.flags.user_start());
    /// Messages not counted yet.
    Pending: pending, |e, _len| u64::from(e.flags.pending());
    /// Messages of which some content counted as JSON text.
    Unread: unread, |e, _len| u64::from(e.flags.unread());
    /// Messages that RECENT returns without their results.
    Edited: edited, |e, _len| u64::from(e.flags.edited());
    /// Bytes of the messages, without the commas between them.
    Bytes: bytes, |_e, len| len;
}

/// Messages that may be leading system messages, see `Flags::system`.
pub struct Systems;

impl Measure for Systems {
    fn sum(sums: &Sums) -> u64 {
        sums.messages.wrapping_sub(sums.others)
    }

    fn weight(entries: &[Entry], inner: usize) -> u64 {
        Messages::weight(entries, inner).saturating_sub(Others::weight(entries, inner))
    }
}
