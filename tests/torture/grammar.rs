//! Random commands generated from the command table: well-formed, almost well-formed, and malformed.

use conv::commands::spec::{Arg, COMMANDS, Kind, Spec};
use fastrand::Rng;

use crate::crafted;

/// A command with its arguments.
pub type Command = Vec<Vec<u8>>;

/// Valid and invalid integers.
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

/// Headers of replicated effects that no release sends.
const HEADERS: &[&str] = &[
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
    r#"{"v":1,"at":1,"pin":[3,1,2,1,9223372036854775807,-9223372036854775808]}"#,
    r#"{"v":1,"at":1,"pin":[1,2,3],"unpin":[2],"remove":[3],"push":[[9,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"unpin":[1,5,5]}"#,
    r#"{"v":1,"at":1,"unpin":[5,1]}"#,
    r#"{"v":1,"at":1,"alter":{"encoding":"r50k_base","overhead":1000,"scale":1000,"media-tokens":4294967295,"max-messages":2,"max-tokens":50,"ttl":0,"complete":true}}"#,
    r#"{"v":1,"at":1,"drop":[[1,2],[2,1],[-9223372036854775808,9223372036854775807]]}"#,
    r#"{"v":1,"at":1,"drop":[[2,3]],"event":"conv.trim"}"#,
    r#"{"v":1,"at":1,"cut":2,"event":"conv.import"}"#,
    r#"{"v":1,"at":1,"cut":-9223372036854775808}"#,
    r#"{"v":1,"at":1,"cut":9223372036854775807,"persist":true}"#,
    r#"{"v":1,"at":1,"cut":3,"push":[[3,1,"pending"],[9,1,"pending"]]}"#,
    r#"{"v":1,"at":1,"clear_session":true,"cut":1}"#,
    r#"{"v":1,"at":1,"persist":true,"expire":4102444800000}"#,
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

/// A random command of the table on one of the keys.
pub fn command(rng: &mut Rng, keys: &[String]) -> Command {
    let spec = pick(rng);
    let mut command = vec![cased(rng, spec.name)];
    for arg in spec.args {
        argument(rng, arg, keys, &mut command);
    }
    if rng.usize(..3) == 0 {
        mutate(rng, &mut command);
    }
    command
}

/// Picks a command. Some are preferred, so that the conversations have content.
fn pick(rng: &mut Rng) -> &'static Spec {
    let name = match rng.usize(..8) {
        0 | 1 => "CONV.APPEND",
        2 => "CONV.EFFECT",
        3 => "CONV.RECENT",
        _ => return rng.choice(COMMANDS).unwrap(),
    };
    COMMANDS
        .iter()
        .find(|spec| spec.name == name)
        .unwrap_or(&COMMANDS[0])
}

/// The word in lower, upper or mixed case.
fn cased(rng: &mut Rng, word: &str) -> Vec<u8> {
    match rng.usize(..4) {
        0 => word.to_ascii_lowercase().into_bytes(),
        1 => word.to_ascii_uppercase().into_bytes(),
        _ => word.as_bytes().to_vec(),
    }
}

fn argument(rng: &mut Rng, arg: &Arg, keys: &[String], out: &mut Command) {
    if arg.optional && rng.usize(..5) > 1 {
        return;
    }
    let times = if arg.multiple { 1 + rng.usize(..4) } else { 1 };
    for _ in 0..times {
        if let Some(token) = arg.token {
            out.push(cased(rng, token));
        }
        match arg.kind {
            Kind::Key => out.push(rng.choice(keys).unwrap().clone().into_bytes()),
            Kind::Integer => out.push(integer(rng)),
            Kind::String => out.push(string(rng, arg.name)),
            Kind::Token => {}
            Kind::OneOf => {
                let choice = rng.usize(..arg.sub.len());
                argument(rng, &arg.sub[choice], keys, out);
            }
            Kind::Block => {
                for sub in arg.sub {
                    argument(rng, sub, keys, out);
                }
            }
        }
    }
}

fn integer(rng: &mut Rng) -> Vec<u8> {
    // Two of three are small enough to be the number of an existing message.
    match rng.usize(..3) {
        0 => rng.choice(&INTEGERS).unwrap().as_bytes().to_vec(),
        _ => rng.usize(..40).to_string().into_bytes(),
    }
}

fn string(rng: &mut Rng, name: &str) -> Vec<u8> {
    match name {
        "message" | "payload" => message(rng),
        "header" => {
            let mut header = rng.choice(HEADERS).unwrap().as_bytes().to_vec();
            if rng.usize(..4) == 0 {
                let at = rng.usize(..header.len());
                header[at] = *rng.choice(b"0123456789-\"[]{},:x\0\xff").unwrap();
            }
            header
        }
        "json" => rng
            .choice(&[
                "[]",
                r#"{"history":[],"a":1}"#,
                r#"{"a":[1],"messages":[{"role":"user","content":"hello"}],"b":2}"#,
                r#"[{"role":"user","content":"hello"},{"role":"assistant","content":"so far"}]"#,
                r#"{"history":[{"role":"user","content":"hello"},{"role":7}]}"#,
                r#"{"x":{"history":[]}}"#,
                "{}",
                "1",
            ])
            .unwrap()
            .as_bytes()
            .to_vec(),
        "pattern" => rng
            .choice(&[
                "o", "hello", "(", r"\w+", "^$", "a{1000}", "[^\0]*", "\u{130}", "",
            ])
            .unwrap()
            .as_bytes()
            .to_vec(),
        "name" => rng
            .choice(&["gpt-4", "gpt-4o", "p50k_base", "r50k_base", "no", ""])
            .unwrap()
            .as_bytes()
            .to_vec(),
        _ => rng.choice(&TEXTS).unwrap().as_bytes().to_vec(),
    }
}

/// A message. A few are large, but small enough to be counted quickly.
fn message(rng: &mut Rng) -> Vec<u8> {
    match rng.usize(..400) {
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
        _ => crafted::message(rng),
    }
}

/// Changes a command so that it no longer follows the grammar.
fn mutate(rng: &mut Rng, command: &mut Command) {
    let at = 1 + rng.usize(..command.len());
    let at = at
        .min(command.len() - 1)
        .max(usize::from(command.len() > 1));
    match rng.usize(..8) {
        0 => command.truncate(at.max(1)),
        1 => command.push(command[rng.usize(..command.len())].clone()),
        2 if at > 0 => command.insert(at, Vec::new()),
        // The command name is not changed: how Redis handles unknown commands is not tested here.
        3 if at > 0 => command[at] = (0..rng.usize(..40)).map(|_| rng.u8(..)).collect(),
        4 if at > 0 => drop(command.remove(at)),
        5 => {
            let from = at.min(command.len());
            let again: Command = command[from..].to_vec();
            command.extend(again);
        }
        6 if at > 0 && !command[at].is_empty() => {
            let byte = rng.usize(..command[at].len());
            command[at][byte] ^= 1 << rng.usize(..8);
        }
        _ => command.extend((0..rng.usize(..60)).map(|_| integer(rng))),
    }
}
