//! Parsing the arguments of a command. Errors name the argument, what was found, and what would be right.

use std::fmt::Write;

use super::error::{CommandError, err};
use super::spec::{COMMANDS, Spec};
use super::{suggest, syntax};
use crate::tokens::{ENCODINGS, Encoding, registry};

/// The arguments of a command that have not been taken yet.
pub struct Args<'a> {
    command: &'static str,
    rest: &'a [&'a [u8]],
    seen: Vec<&'static str>,
}

/// An argument for an error message: at most 64 characters, none of them a control character.
#[must_use]
pub fn quoted(arg: &[u8]) -> String {
    const MOST: usize = 64;
    let text = String::from_utf8_lossy(arg);
    let mut chars = text.chars().map(|c| if c.is_control() { '?' } else { c });
    let shown: String = chars.by_ref().take(MOST).collect();
    let dots = if chars.next().is_some() { "..." } else { "" };
    format!("'{shown}{dots}'")
}

impl<'a> Args<'a> {
    /// The arguments after the command's name, or after those that the caller has taken.
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

    /// All arguments that are left. Does not take them.
    #[must_use]
    pub fn rest(&self) -> &'a [&'a [u8]] {
        self.rest
    }

    /// Takes the next argument, if there is one.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Takes the next argument, which is mandatory.
    ///
    /// # Errors
    /// [`CommandError::Arity`] if no argument is left.
    pub fn required(&mut self) -> Result<&'a [u8], CommandError> {
        self.take().ok_or(CommandError::Arity)
    }

    /// Takes the last argument, if there is one.
    pub fn last(&mut self) -> Option<&'a [u8]> {
        let (last, rest) = self.rest.split_last()?;
        self.rest = rest;
        Some(last)
    }

    /// Takes the next argument if it is one of `options` (in any letter case).
    ///
    /// # Errors
    /// The option was given before.
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
            return err(format!("option {name} given twice"));
        }
        self.seen.push(name);
        self.take();
        Ok(Some(name))
    }

    /// Takes the next argument, which must be one of `options`. `None` if no argument is left.
    ///
    /// # Errors
    /// The argument is none of the options, or the option was given before.
    pub fn only_options(
        &mut self,
        options: &[&'static str],
    ) -> Result<Option<&'static str>, CommandError> {
        let Some(argument) = self.peek() else {
            return Ok(None);
        };
        match self.option(options)? {
            Some(name) => Ok(Some(name)),
            None => Err(self.unknown(argument, options)),
        }
    }

    fn spec(&self) -> Option<&'static Spec> {
        COMMANDS.iter().find(|spec| spec.name == self.command)
    }

    fn unknown(&self, argument: &[u8], options: &[&'static str]) -> CommandError {
        let mut text = format!("unknown option {} for {}: ", quoted(argument), self.command);
        let meant = self
            .spec()
            .and_then(|spec| suggest::option(spec, argument, options));
        let expected = match meant {
            Some(meant) => {
                let _ = write!(text, "did you mean {meant}? ");
                "Expected"
            }
            None => "expected",
        };
        let _ = write!(text, "{expected} {}", options.join(", "));
        CommandError::Err(text)
    }

    /// Why `argument`, which is no message, may be a misplaced or misspelt option. `None` if it does not look like one.
    /// `first` is true if no message precedes it.
    #[must_use]
    pub fn misplaced_option(
        &self,
        argument: &[u8],
        options: &[&'static str],
        first: bool,
    ) -> Option<String> {
        // `null`, `true` and `false` are JSON; the reader has said what is wrong with them.
        if !suggest::is_word(argument) || matches!(argument, b"null" | b"true" | b"false") {
            return None;
        }
        let (found, command) = (quoted(argument), self.command);
        if options
            .iter()
            .any(|o| argument.eq_ignore_ascii_case(o.as_bytes()))
        {
            return Some(format!(
                "{found} is an option of {command}, and options precede messages"
            ));
        }
        let place = if first {
            ""
        } else {
            ", which precedes messages"
        };
        Some(match suggest::closest(argument, options) {
            Some(meant) => format!(
                "expected a message, found {found}: did you mean the option {meant}{place}?"
            ),
            None => format!(
                "expected a message, found {found}; the options of {command} are {}",
                options.join(", ")
            ),
        })
    }

    /// Checks that no argument is left.
    ///
    /// # Errors
    /// The first argument that is left, and the syntax of the command.
    pub fn finish(&self) -> Result<(), CommandError> {
        let Some(argument) = self.peek() else {
            return Ok(());
        };
        let (found, command) = (quoted(argument), self.command);
        err(format!(
            "unexpected argument {found} for {command}{}",
            self.syntax()
        ))
    }

    /// The end of an error message that shows the syntax of the command.
    fn syntax(&self) -> String {
        self.spec()
            .map(|spec| format!("; syntax: {}", syntax::of_command(spec)))
            .unwrap_or_default()
    }

    /// Takes the next argument, a mandatory integer from `least` to `most` that the syntax calls `name`.
    ///
    /// # Errors
    /// [`CommandError::Arity`] if no argument is left. Otherwise what is wrong with the argument, and if it is no
    /// integer, the syntax of the command.
    pub fn integer(&mut self, name: &str, least: i64, most: i64) -> Result<i64, CommandError> {
        let value = self.required()?;
        integer(name, value, least, most, || self.syntax())
    }

    /// Takes the value of the option `name`.
    ///
    /// # Errors
    /// No argument is left.
    pub fn value(&mut self, name: &str) -> Result<&'a [u8], CommandError> {
        if let Some(value) = self.take() {
            return Ok(value);
        }
        let syntax = self
            .spec()
            .and_then(|spec| syntax::of_option(spec, name))
            .map(|syntax| format!(": {syntax}"))
            .unwrap_or_default();
        err(format!("option {name} needs a value{syntax}"))
    }

    /// Takes the value of the option `name`, an integer from `least` to `most`.
    ///
    /// # Errors
    /// No argument is left, or it is not such an integer.
    pub fn number(&mut self, name: &str, least: i64, most: i64) -> Result<i64, CommandError> {
        let value = self.value(name)?;
        integer(name, value, least, most, String::new)
    }

    /// As [`Args::number`], without an upper limit and never negative.
    ///
    /// # Errors
    /// As [`Args::number`].
    pub fn unsigned(&mut self, name: &str, least: u32) -> Result<u64, CommandError> {
        let value = self.number(name, i64::from(least), i64::MAX)?;
        Ok(value.unsigned_abs())
    }

    /// Takes the value of the option `name`, one of `choices` (in any letter case).
    ///
    /// # Errors
    /// No argument is left, or it is none of the choices.
    pub fn choice(
        &mut self,
        name: &str,
        choices: &[&'static str],
    ) -> Result<&'static str, CommandError> {
        let value = self.value(name)?;
        let found = choices
            .iter()
            .find(|c| value.eq_ignore_ascii_case(c.as_bytes()));
        match found {
            Some(&choice) => Ok(choice),
            None => err(format!(
                "{name} must be {}, got {}",
                alternatives(choices),
                quoted(value)
            )),
        }
    }

    /// Takes the value of the option `ENCODING`.
    ///
    /// # Errors
    /// No argument is left, or it names neither an encoding nor a model.
    pub fn encoding(&mut self) -> Result<Encoding, CommandError> {
        let value = self.value("ENCODING")?;
        encoding(value)
    }
}

/// `a`, `a or b`, `a, b or c`.
fn alternatives(words: &[&str]) -> String {
    match words {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => words.join(""),
    }
}

fn integer(
    name: &str,
    value: &[u8],
    least: i64,
    most: i64,
    syntax: impl FnOnce() -> String,
) -> Result<i64, CommandError> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    // As in Redis, a leading plus sign is not part of an integer.
    let parsed = text.parse::<i64>().ok().filter(|_| !text.starts_with('+'));
    match parsed {
        Some(n) if (least..=most).contains(&n) => Ok(n),
        _ if parsed.is_some() || is_integer(text) => err(format!(
            "{name} must be {}, got {}",
            range(parsed, least, most),
            quoted(value)
        )),
        _ => err(format!(
            "{name} must be an integer, got {}{}",
            quoted(value),
            syntax()
        )),
    }
}

/// True for an integer of any length.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The allowed range, for an error message. The upper limit of all 64-bit integers only explains the rejection of a
/// number that exceeds it, which `parsed` is not.
fn range(parsed: Option<i64>, least: i64, most: i64) -> String {
    match parsed {
        Some(_) if most == i64::MAX => format!("{least} or more"),
        _ => format!("from {least} to {most}"),
    }
}

/// An encoding by its name or a model's name. Its file may still be loading: see [`Encoding::named`].
///
/// # Errors
/// It is neither, or its file cannot be used.
pub fn encoding(value: &[u8]) -> Result<Encoding, CommandError> {
    match std::str::from_utf8(value).map(Encoding::named) {
        Ok(Ok(encoding)) => Ok(encoding),
        Ok(Err(Some(why))) => err(broken_encoding(value, &why)),
        Ok(Err(None)) | Err(_) => err(unknown_encoding(value)),
    }
}

/// The error for an encoding whose file cannot be used.
#[must_use]
pub fn broken_encoding(name: &[u8], why: &str) -> String {
    format!("cannot use the encoding {}: {why}", quoted(name))
}

/// The error for a name that is no encoding.
#[must_use]
pub fn unknown_encoding(name: &[u8]) -> String {
    let file = if registry::is_configured() {
        ", or a file in conv.tokenizers"
    } else {
        ""
    };
    format!(
        "unknown encoding or model {}: expected {} or a model that tiktoken knows, such as gpt-4o{file}",
        quoted(name),
        ENCODINGS.map(Encoding::name).join(", ")
    )
}
