//! What encodings of tokenizer files are known by: a name and a fingerprint, for which a number stands. Also for files that
//! this server does not have.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::super::encoding::{ENCODINGS, Encoding};

/// The most pairs of name and fingerprint that a server distinguishes. They are kept as long as the process lives, and
/// anybody who can RESTORE can make up new ones.
const MOST_IDENTITIES: usize = 4096;

/// Length of a name in bytes.
const MOST_NAME: usize = 64;

/// Length of a fingerprint.
pub const FINGERPRINT: usize = 16;

/// What an encoding of a file is known by.
pub struct Identity {
    pub name: Box<str>,
    /// Empty for a name of which only the file tells the fingerprint; see [`Encoding::resolve`].
    pub fingerprint: Box<str>,
    /// The log says that the file is missing.
    reported: AtomicBool,
}

static IDENTITIES: [OnceLock<Identity>; MOST_IDENTITIES] =
    [const { OnceLock::new() }; MOST_IDENTITIES];

/// Serializes the search for a free identity.
static IDENTIFYING: Mutex<()> = Mutex::new(());

/// What the encoding is known by, unless it is a built-in one.
pub fn identity(encoding: Encoding) -> Option<&'static Identity> {
    let index = usize::from(encoding.0).checked_sub(ENCODINGS.len())?;
    IDENTITIES.get(index)?.get()
}

impl Identity {
    /// True the first time since the directory was set: the log is to say that the file is missing.
    pub fn is_to_be_reported(&self) -> bool {
        !self.fingerprint.is_empty() && !self.reported.swap(true, Ordering::Relaxed)
    }
}

/// The directory has changed: files that are missing are reported again.
pub fn report_again() {
    for identity in IDENTITIES.iter().map_while(OnceLock::get) {
        identity.reported.store(false, Ordering::Relaxed);
    }
}

/// True for a name that a tokenizer file can have.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MOST_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && Encoding::by_name(name).is_none()
}

/// The encoding of this name and fingerprint. `None` if they are not valid, or too many others are known.
pub fn identify(name: &str, fingerprint: &str) -> Option<Encoding> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let valid =
        is_name(name) && fingerprint.len() == FINGERPRINT && fingerprint.bytes().all(is_hex);
    if valid {
        intern(name, fingerprint)
    } else {
        None
    }
}

/// The number of a pair. An empty fingerprint stands for that of the file.
pub fn intern(name: &str, fingerprint: &str) -> Option<Encoding> {
    let _lock = IDENTIFYING.lock().unwrap_or_else(PoisonError::into_inner);
    for (index, slot) in IDENTITIES.iter().enumerate() {
        let identity = slot.get_or_init(|| Identity {
            name: name.into(),
            fingerprint: fingerprint.into(),
            reported: AtomicBool::new(false),
        });
        if &*identity.name == name && &*identity.fingerprint == fingerprint {
            return u16::try_from(index + ENCODINGS.len()).ok().map(Encoding);
        }
    }
    None
}
