//! The arguments of a command, taken one by one; whatever is wrong is named in the error.

use super::error::{CommandError, err};
use crate::tokens::{ENCODINGS, Encoding};

/// What is left of a command's arguments.
pub struct Args<'a> {
    command: &'static str,
    rest: &'a [&'a [u8]],
    seen: Vec<&'static str>,
}

/// An argument for an error message: shortened, printable.
#[must_use]
pub fn quoted(arg: &[u8]) -> String {
    const MOST: usize = 64;
    let text: String = String::from_utf8_lossy(arg)
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    let dots = if arg.len() > MOST { "..." } else { "" };
    format!("'{text}{dots}'")
}

impl<'a> Args<'a> {
    /// The arguments behind the command's name.
    #[must_use]
    pub fn new(command: &'static str, rest: &'a [&'a [u8]]) -> Self {
        Self {
            command,
            rest,
            seen: Vec::new(),
        }
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next argument, without taking it.
    #[must_use]
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.rest.first().copied()
    }

    /// All that is left, untaken.
    #[must_use]
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.rest
    }

    /// The next argument, if there is one.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next argument, which the command cannot do without.
    ///
    /// # Errors
    /// `Arity` if there is none.
    pub fn required(&mut self) -> Result<&'a [u8], CommandError> {
        self.take().ok_or(CommandError::Arity)
    }

    /// The last argument, taken from the end.
    pub fn last(&mut self) -> Option<&'a [u8]> {
        let (last, rest) = self.rest.split_last()?;
        self.rest = rest;
        Some(last)
    }

    /// Takes the next argument if it is one of `options` (in any letter case).
    ///
    /// # Errors
    /// The option has been given before.
    pub fn option(
        &mut self,
        options: &[&'static str],
    ) -> Result<Option<&'static str>, CommandError> {
        let Some(&name) = self.peek().and_then(|arg| {
            options
                .iter()
                .find(|o| arg.eq_ignore_ascii_case(o.as_bytes()))
        }) else {
            return Ok(None);
        };
        if self.seen.contains(&name) {
            return err(format!("option {name} is given twice"));
        }
        self.seen.push(name);
        self.take();
        Ok(Some(name))
    }

    /// Takes the next argument, which must be one of `options`; nothing if no argument is left.
    ///
    /// # Errors
    /// It is none of them, or has been given before.
    pub fn only_options(
        &mut self,
        options: &[&'static str],
    ) -> Result<Option<&'static str>, CommandError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        match self.option(options)? {
            Some(name) => Ok(Some(name)),
            None => self.surplus(options),
        }
    }

    /// The error for an argument that is none of `options`.
    fn surplus<T>(&self, options: &[&'static str]) -> Result<T, CommandError> {
        let arg = quoted(self.peek().unwrap_or_default());
        if options.is_empty() {
            return err(format!("surplus argument {arg} for {}", self.command));
        }
        err(format!(
            "unknown option {arg} for {}: expected {}",
            self.command,
            options.join(", ")
        ))
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// Something is; it is named.
    pub fn finish(&self) -> Result<(), CommandError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.surplus(&[])
    }

    /// The value of the option `name`.
    ///
    /// # Errors
    /// No argument is left.
    pub fn value(&mut self, name: &str) -> Result<&'a [u8], CommandError> {
        match self.take() {
            Some(value) => Ok(value),
            None => err(format!("option {name} needs a value")),
        }
    }

    /// The value of the option `name`, an integer from `least` to `most`.
    ///
    /// # Errors
    /// No argument is left, or it is no such integer.
    pub fn number(&mut self, name: &str, least: i64, most: i64) -> Result<i64, CommandError> {
        let value = self.value(name)?;
        integer(name, value, least, most)
    }

    /// As [`Args::number`], not negative.
    ///
    /// # Errors
    /// As [`Args::number`].
    pub fn unsigned(&mut self, name: &str, least: u32) -> Result<u64, CommandError> {
        let value = self.number(name, i64::from(least), i64::MAX)?;
        Ok(value.unsigned_abs())
    }

    /// The value of the option `name`, one of `choices` (in any letter case).
    ///
    /// # Errors
    /// No argument is left, or it is none of them.
    pub fn choice(
        &mut self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<&'static str, CommandError> {
        let value = self.value(name)?;
        match choices
            .iter()
            .find(|c| value.eq_ignore_ascii_case(c.as_bytes()))
        {
            Some(&choice) => Ok(choice),
            None => err(format!(
                "{name} {} is not one of {}",
                quoted(value),
                choices.join(", ")
            )),
        }
    }

    /// The value of the option `ENCODING`.
    ///
    /// # Errors
    /// No argument is left, or it names no encoding and no model.
    pub fn encoding(&mut self) -> Result<Encoding, CommandError> {
        let value = self.value("ENCODING")?;
        encoding(value)
    }
}

/// An integer from `least` to `most`; `name` says in the error which argument it is.
///
/// # Errors
/// It is no such integer.
pub fn integer(name: &str, value: &[u8], least: i64, most: i64) -> Result<i64, CommandError> {
    let parsed = std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.starts_with('+'))
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|n| (least..=most).contains(n));
    match parsed {
        Some(n) => Ok(n),
        None => {
            let range = match (least, most) {
                (i64::MIN, i64::MAX) => "an integer of 64 bits".to_owned(),
                (least, i64::MAX) => format!("an integer, {least} or more"),
                (least, most) => format!("an integer from {least} to {most}"),
            };
            err(format!(
                "{name} {} is out of range: expected {range}",
                quoted(value)
            ))
        }
    }
}

/// An encoding by its name or a model's.
///
/// # Errors
/// It names neither.
pub fn encoding(value: &[u8]) -> Result<Encoding, CommandError> {
    let found = std::str::from_utf8(value).ok().and_then(Encoding::by_name);
    match found {
        Some(encoding) => Ok(encoding),
        None => err(format!(
            "unknown encoding or model {}: expected {} or a model that tiktoken knows, such as gpt-4o",
            quoted(value),
            ENCODINGS.map(Encoding::name).join(", ")
        )),
    }
}
