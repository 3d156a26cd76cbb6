//! `CONV.FORK key newkey [UPTO seq] [REPLACE]`

use super::arg_parser::Args;
use super::error::CommandError;

/// The options of `CONV.FORK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// Sequence number of the last message to copy; `None` for all.
    pub upto: Option<i64>,
    /// Replaces the value at the new key.
    pub replace: bool,
}

/// Takes the new key and the options.
///
/// # Errors
/// The new key is missing, or an option is invalid.
pub fn fork(args: &mut Args<'_>) -> Result<Fork, CommandError> {
    args.required()?;
    let mut fork = Fork {
        upto: None,
        replace: false,
    };
    while let Some(option) = args.only_options(&["UPTO", "REPLACE"])? {
        match option {
            "UPTO" => fork.upto = Some(args.number("UPTO", i64::MIN, i64::MAX)?),
            _ => fork.replace = true,
        }
    }
    Ok(fork)
}
