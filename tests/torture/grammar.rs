//! Commands made from the table of all commands: as they should be, nearly so, and not at all.

use conv::commands::spec::{Arg, COMMANDS, Kind, Spec};

use crate::crafted;
use crate::support::Dice;

/// A command with its arguments.
pub type Command = Vec<Vec<u8>>;

/// Integers as people write them, and as they should not.
const INTEGERS: [&str; 22] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "10",
    "50",
    "1000",
    "-1",
    "-2",
    "65536",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "99999999999999999999999",
    "",
    " 1",
    "+1",
    "1.0",
    "0x10",
];

/// Headers of effects that no release would send.
const HEADERS: [&str; 26] = [
    r#"{"v":1,"at":1,"push":[[9,1,"pending"]]}"#,
    r#"{"v":1,"at":-9223372036854775808,"push":[[1,-1,{"counted":4294967295}],[2,9223372036854775807,{"given":0}]]}"#,
    r#"{"v":1,"at":1,"push":[[9223372036854775806,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"push":[[9223372036854775807,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"push":[[-9223372036854775808,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"push":[[5,1,"pending"],[5,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"push":[[500,1,"pending"],[400,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"edit":[1,1,"pending"]}"#,
    r#"{"v":1,"at":1,"edit":[-7,1,{"given":4294967295}]}"#,
    r#"{"v":1,"at":1,"remove":[1,1,2,9223372036854775807,-9223372036854775808]}"#,
    r#"{"v":1,"at":1,"drop":[[1,2],[2,1],[-9223372036854775808,9223372036854775807]]}"#,
    r#"{"v":1,"at":1,"drop":[[2,3]],"event":"conv.trim"}"#,
    r#"{"v":1,"at":1,"summary":{"upto":9223372036854775807}}"#,
    r#"{"v":1,"at":1,"summary":{"upto":null}}"#,
    r#"{"v":1,"at":1,"expire":-1}"#,
    r#"{"v":1,"at":1,"expire":-9223372036854775808}"#,
    r#"{"v":1,"at":1,"expire":0}"#,
    r#"{"v":1,"at":1,"expire":9223372036854775807}"#,
    r#"{"v":1,"at":1,"numbering":[1,9223372036854775807,1]}"#,
    r#"{"v":1,"at":1,"event":"conv.nonsense"}"#,
    r#"{"v":2,"at":1}"#,
    r#"{"v":1,"at":1,"lease":1}"#,
    r#"{"v":1,"at":1,"alter":{"encoding":"p50k_base","media-tokens":4294967295,"max-messages":18446744073709551615,"max-tokens":1,"ttl":9000000000000,"complete":false}}"#,
    r#"{"v":1,"at":1,"create":{"encoding":"o200k_base","media-tokens":4294967295,"max-messages":3,"max-tokens":0,"ttl":0,"complete":true},"push":[[3,1,"pending"]]}"#,
    r#"{"v":1,"at":-5,"create":{"encoding":"o200k_base","media-tokens":0,"max-messages":0,"max-tokens":0,"ttl":0,"complete":true},"numbering":[-1,9223372036854775807,-9223372036854775808],"push":[[-4,1,"pending"],[9,-1,"pending"]]}"#,
    r#"{"v":1,"at":1,"create":{"encoding":"o200k_base","media-tokens":0,"max-messages":0,"max-tokens":0,"ttl":9000000000001,"complete":true}}"#,
];

const TEXTS: [&str; 8] = [
    "",
    "hello",
    "so far so good",
    "line\r\nline",
    "a\0b",
    "\u{feff}\u{1f1eb}",
    "<|endoftext|>",
    "ENCODING",
];

/// A command of the table on one of the keys.
pub fn command(dice: &mut Dice, keys: &[String]) -> Command {
    let spec = pick(dice);
    let mut command = vec![cased(dice, spec.name)];
    for arg in spec.args {
        argument(dice, arg, keys, &mut command);
    }
    if dice.below(3) == 0 {
        mutate(dice, &mut command);
    }
    command
}

/// Some commands are worth more than others: a conversation should hold something.
fn pick(dice: &mut Dice) -> &'static Spec {
    let name = match dice.below(8) {
        0 | 1 => "CONV.APPEND",
        2 => "CONV.EFFECT",
        3 => "CONV.RECENT",
        _ => return dice.pick(&COMMANDS),
    };
    COMMANDS
        .iter()
        .find(|spec| spec.name == name)
        .unwrap_or(&COMMANDS[0])
}

/// In letters of some case.
fn cased(dice: &mut Dice, word: &str) -> Vec<u8> {
    match dice.below(4) {
        0 => word.to_ascii_lowercase().into_bytes(),
        1 => word.to_ascii_uppercase().into_bytes(),
        _ => word.as_bytes().to_vec(),
    }
}

fn argument(dice: &mut Dice, arg: &Arg, keys: &[String], out: &mut Command) {
    if arg.optional && dice.below(5) > 1 {
        return;
    }
    let times = if arg.multiple { 1 + dice.below(4) } else { 1 };
    for _ in 0..times {
        if let Some(token) = arg.token {
            out.push(cased(dice, token));
        }
        match arg.kind {
            Kind::Key => out.push(dice.pick(keys).clone().into_bytes()),
            Kind::Integer => out.push(integer(dice)),
            Kind::String => out.push(string(dice, arg.name)),
            Kind::Token => {}
            Kind::OneOf => {
                let choice = dice.below(arg.sub.len());
                argument(dice, &arg.sub[choice], keys, out);
            }
            Kind::Block => {
                for sub in arg.sub {
                    argument(dice, sub, keys, out);
                }
            }
        }
    }
}

fn integer(dice: &mut Dice) -> Vec<u8> {
    // Most often one that may well be the number of a message.
    match dice.below(3) {
        0 => dice.pick(&INTEGERS).as_bytes().to_vec(),
        _ => dice.below(40).to_string().into_bytes(),
    }
}

fn string(dice: &mut Dice, name: &str) -> Vec<u8> {
    match name {
        "message" | "payload" => message(dice),
        "header" => {
            let mut header = dice.pick(&HEADERS).as_bytes().to_vec();
            if dice.once_in(4) {
                let at = dice.below(header.len());
                header[at] = *dice.pick(b"0123456789-\"[]{},:x\0\xff");
            }
            header
        }
        "name" => dice
            .pick(&["gpt-4", "gpt-4o", "p50k_base", "r50k_base", "no", ""])
            .as_bytes()
            .to_vec(),
        _ => dice.pick(&TEXTS).as_bytes().to_vec(),
    }
}

/// A message; now and then a large one, as large as can be counted in a moment.
fn message(dice: &mut Dice) -> Vec<u8> {
    match dice.below(400) {
        0 => format!(
            r#"{{"role":"user","content":"{}"}}"#,
            "all work and no play ".repeat(5000)
        )
        .into_bytes(),
        1 => [vec![b'['; 100_000], vec![b']'; 100_000]].concat(),
        2 => format!(
            r#"{{"role":"assistant","tool_calls":[{}{{}}]}}"#,
            r#"{"id":"a"},"#.repeat(2000)
        )
        .into_bytes(),
        _ => crafted::message(dice),
    }
}

/// Something that is not in the grammar.
fn mutate(dice: &mut Dice, command: &mut Command) {
    let at = 1 + dice.below(command.len());
    let at = at
        .min(command.len() - 1)
        .max(usize::from(command.len() > 1));
    match dice.below(8) {
        0 => command.truncate(at.max(1)),
        1 => command.push(command[dice.below(command.len())].clone()),
        2 if at > 0 => command.insert(at, Vec::new()),
        // The name stays: what Redis does with unknown commands is not what this is about.
        3 if at > 0 => command[at] = (0..dice.below(40)).map(|_| dice.roll() as u8).collect(),
        4 if at > 0 => drop(command.remove(at)),
        5 => {
            let from = at.min(command.len());
            let again: Command = command[from..].to_vec();
            command.extend(again);
        }
        6 if at > 0 && !command[at].is_empty() => {
            let byte = dice.below(command[at].len());
            command[at][byte] ^= 1 << dice.below(8);
        }
        _ => command.extend((0..dice.below(60)).map(|_| integer(dice))),
    }
}
