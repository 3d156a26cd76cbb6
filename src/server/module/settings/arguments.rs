//! The settings as arguments of `loadmodule`.

use std::sync::atomic::Ordering::Relaxed;

use super::{Kind, NUMBERS, Number, TEXTS, TOKENIZERS};
use crate::commands::arg_parser::quoted;
use crate::commands::suggest::closest;

/// Takes the arguments of `loadmodule`: `name value ...`, each name with or without `conv.`. They stand until
/// redis.conf or CONFIG SET says otherwise.
///
/// # Errors
/// Which argument is wrong, and what would be right; nothing is set then.
pub fn take_arguments(args: &[&[u8]]) -> Result<(), String> {
    let mut wanted_texts = Vec::new();
    let mut wanted = Vec::new();
    for pair in args.chunks(2) {
        let name = pair.first().copied().unwrap_or_default();
        let bare = match name.split_at_checked(5) {
            Some((prefix, bare)) if prefix.eq_ignore_ascii_case(b"conv.") => bare,
            _ => name,
        };
        let Some(value) = pair.get(1) else {
            return Err(format!("module argument {} needs a value", quoted(name)));
        };
        let text = TEXTS
            .iter()
            .find(|text| bare.eq_ignore_ascii_case(text.name.to_bytes()));
        if let Some(text) = text {
            wanted_texts.push((text, name, value));
            continue;
        }
        let Some(number) = NUMBERS
            .iter()
            .find(|n| bare.eq_ignore_ascii_case(n.name.as_bytes()))
        else {
            return Err(unknown(name, bare));
        };
        let parsed = number.parse(value);
        let Some(value) = parsed.filter(|n| (number.least..=number.most).contains(n)) else {
            return Err(format!(
                "module argument {} must be {}, got {}",
                quoted(name),
                number.expected(parsed),
                quoted(value)
            ));
        };
        wanted.push((number, value));
    }
    // The directory first: an encoding may be a file in it.
    wanted_texts.sort_by_key(|(text, ..)| text.name != TOKENIZERS.name);
    for (text, name, value) in wanted_texts {
        std::str::from_utf8(value)
            .map_err(|_| "not UTF-8".to_owned())
            .and_then(|value| text.take(value))
            .map_err(|why| format!("module argument {}: {why}", quoted(name)))?;
    }
    for (number, value) in wanted {
        number.value.store(value, Relaxed);
    }
    Ok(())
}

/// The error for a module argument that is no setting. `bare` is its name without `conv.`.
fn unknown(name: &[u8], bare: &[u8]) -> String {
    let mut known: Vec<&str> = vec!["encoding"];
    known.extend(NUMBERS.iter().map(|n| n.name));
    known.push("tokenizers");
    let found = quoted(name);
    match closest(bare, &known) {
        Some(meant) => format!("unknown module argument {found}: did you mean {meant}?"),
        None => format!(
            "unknown module argument {found}: expected {}",
            known.join(", ")
        ),
    }
}

impl Number {
    /// What a value must be, for the error about one that was read as `parsed`.
    fn expected(&self, parsed: Option<i64>) -> String {
        match (self.kind, parsed) {
            (Kind::YesNo, _) => "yes or no".to_owned(),
            (Kind::Plain, None) => "an integer".to_owned(),
            (Kind::Bytes, None) => "a number of bytes, such as 65536 or 64kb".to_owned(),
            (_, Some(_)) if self.most == i64::MAX => format!("{} or more", self.least),
            (_, Some(_)) => format!("from {} to {}", self.least, self.most),
        }
    }

    /// The value as CONFIG SET reads it.
    fn parse(&self, value: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(value).ok()?;
        match self.kind {
            Kind::YesNo => match text.to_ascii_lowercase().as_str() {
                "yes" => Some(1),
                "no" => Some(0),
                _ => None,
            },
            Kind::Plain => text.parse().ok(),
            Kind::Bytes => {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let unit: i64 = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
                    "" | "b" => 1,
                    "k" => 1000,
                    "kb" => 1 << 10,
                    "m" => 1_000_000,
                    "mb" => 1 << 20,
                    "g" => 1_000_000_000,
                    "gb" => 1 << 30,
                    _ => return None,
                };
                digits.parse::<i64>().ok()?.checked_mul(unit)
            }
        }
    }
}
