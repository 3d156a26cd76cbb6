//! `CONV.FORK key newkey [UPTO seq] [REPLACE]`

use super::arg_parser::Args;
use super::error::CommandError;

/// What FORK was asked for, beside the two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// The last message to copy; nothing for all.
    pub upto: Option<i64>,
    /// What is under the new key gives way.
    pub replace: bool,
}

/// Takes the options behind the two keys.
///
/// # Errors
/// What is wrong with them.
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
