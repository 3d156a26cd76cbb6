//! The syntax of commands for error messages, in the notation of the Redis documentation, made from the arguments that
//! COMMAND DOCS shows.

use super::spec::{Arg, Kind, Spec};

/// More optional arguments in a row than this are shown as `[options]`: the line has to fit into an error message.
const MOST_OPTIONS: usize = 2;

/// The syntax of a command on one line, such as `CONV.RECENT key max_tokens [options]`.
#[must_use]
pub fn of_command(spec: &Spec) -> String {
    let mut words = vec![spec.name.to_owned()];
    for run in spec.args.chunk_by(|a, b| is_option(a) == is_option(b)) {
        if run.len() > MOST_OPTIONS && run.iter().all(is_option) {
            words.push("[options]".to_owned());
        } else {
            words.extend(run.iter().map(of_argument));
        }
    }
    words.join(" ")
}

/// An argument with its brackets, such as `[FORMAT <LIST | JSON | MSGPACK>]`.
#[must_use]
pub fn of_argument(arg: &Arg) -> String {
    let mut text = given(arg);
    if arg.multiple {
        text = format!("{text} [{text} ...]");
    }
    if arg.optional {
        text = format!("[{text}]");
    }
    text
}

/// The option `token` of a command and its value, such as `FORMAT <LIST | JSON | MSGPACK>`.
#[must_use]
pub fn of_option(spec: &Spec, token: &str) -> Option<String> {
    find(spec.args, token).map(given)
}

/// The option of a command that has `word` among its values, with that value: `FORMAT JSON` for `json`.
#[must_use]
pub fn option_with_value(spec: &Spec, word: &[u8]) -> Option<String> {
    values(spec)
        .find(|(_, value)| word.eq_ignore_ascii_case(value.as_bytes()))
        .map(|(option, value)| format!("{option} {value}"))
}

/// Options that take one of a few words, with each of these words.
pub fn values(spec: &Spec) -> impl Iterator<Item = (&'static str, &'static str)> {
    spec.args.iter().flat_map(|arg| {
        let words = arg.sub.iter().filter_map(|value| value.token);
        arg.token.into_iter().flat_map(move |option| {
            let words = words.clone();
            words.map(move |word| (option, word))
        })
    })
}

fn is_option(arg: &Arg) -> bool {
    arg.optional && (arg.token.is_some() || arg.kind == Kind::OneOf)
}

fn find<'s>(args: &'s [Arg], token: &str) -> Option<&'s Arg> {
    args.iter().find_map(|arg| match arg.token {
        Some(own) if own == token => Some(arg),
        _ => find(arg.sub, token),
    })
}

/// An argument as it is given once, without brackets.
fn given(arg: &Arg) -> String {
    let each = |separator: &str| {
        let parts: Vec<String> = arg.sub.iter().map(of_argument).collect();
        parts.join(separator)
    };
    let value = match arg.kind {
        Kind::Token => String::new(),
        Kind::OneOf if arg.sub.len() > 1 && (arg.token.is_some() || !arg.optional) => {
            format!("<{}>", each(" | "))
        }
        Kind::OneOf => each(" | "),
        Kind::Block => each(" "),
        Kind::Key | Kind::String | Kind::Integer => arg.name.to_owned(),
    };
    match arg.token {
        Some(token) if value.is_empty() => token.to_owned(),
        Some(token) => format!("{token} {value}"),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::{of_argument, of_command};
    use crate::commands::spec::COMMANDS;

    #[test]
    fn the_syntax_of_a_command_fits_on_a_line() {
        for spec in COMMANDS {
            let syntax = of_command(spec);
            assert!(syntax.len() <= 100, "{syntax}");
            for arg in spec.args.iter().filter(|arg| !arg.optional) {
                assert!(syntax.contains(&of_argument(arg)), "{syntax}: {}", arg.name);
            }
        }
    }
}
