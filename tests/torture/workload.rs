//! The commands of a writer. Its conversations are of four kinds: `grown` only by appends, `changed` by edits and
//! deletions, `cut` by retention, and `shared` with other writers.

use fastrand::Rng;

use crate::ledger::{Change, Sent};
use crate::messages::{exchange, message, prose};

/// Number of commands after which a writer starts new conversations.
const GENERATION: usize = 60;

/// Attributes of `cut` conversations.
const CUT: [&str; 4] = ["MAXMESSAGES", "12", "TTL", "3600"];

/// A command to send, and its expected effect.
pub struct PlannedCommand {
    pub args: Vec<Vec<u8>>,
    pub change: Change,
}

fn args(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn sent(bytes: &[u8], given: Option<u32>) -> Sent {
    Sent {
        bytes: bytes.trim_ascii().to_vec(),
        given,
    }
}

/// `CONV.APPEND key options message ...`
fn append(rng: &mut Rng, key: &str, options: &[&str]) -> PlannedCommand {
    let mut args = args(&[&["CONV.APPEND", key], options].concat());
    let mut change = Vec::new();
    for message in exchange(rng) {
        let given = (rng.usize(..5) == 0).then(|| rng.usize(..3000) as u32);
        if let Some(tokens) = given {
            args.extend([b"TOKENS".to_vec(), tokens.to_string().into_bytes()]);
        }
        change.push(sent(&message, given));
        args.push(message);
    }
    PlannedCommand {
        args,
        change: Change::Append(change),
    }
}

/// The next command of a writer that has sent `done` commands so far.
pub fn next_command(rng: &mut Rng, writer: usize, done: usize, raced: i64) -> PlannedCommand {
    let (generation, first) = (done / GENERATION, done.is_multiple_of(GENERATION));
    let cut = format!("w{writer}:cut:{generation}");
    if first {
        return PlannedCommand {
            args: args(&[&["CONV.CREATE", &cut], &CUT[..]].concat()),
            change: Change::Other,
        };
    }
    let grown = format!("w{writer}:grown:{generation}");
    let changed = format!("w{writer}:changed:{generation}");
    // Each conversation receives a few of the sixty commands, so most of these numbers exist.
    let seq = (1 + rng.usize(..30)) as i64;
    let other = |words: &[&str]| PlannedCommand {
        args: args(words),
        change: Change::Other,
    };
    match rng.usize(..28) {
        0..=6 => append(rng, &grown, &[]),
        7..=10 => append(rng, &changed, &[]),
        11 => {
            let message = message(rng);
            let change = Change::Edit(seq, sent(&message, None).bytes);
            let mut args = args(&["CONV.EDIT", &changed, &seq.to_string()]);
            args.push(message);
            PlannedCommand { args, change }
        }
        12 => PlannedCommand {
            args: args(&[
                "CONV.DEL",
                &changed,
                &seq.to_string(),
                &(seq + 1).to_string(),
            ]),
            change: Change::Del(vec![seq, seq + 1]),
        },
        13 => {
            let count = rng.usize(..3);
            PlannedCommand {
                args: args(&["CONV.POP", &changed, &count.to_string()]),
                change: Change::Pop(count),
            }
        }
        14 => other(&["CONV.SETSUMMARY", &changed, &prose(rng, 100)]),
        15 => {
            let limit = ["MAXMESSAGES", "BEFORE"][rng.usize(..2)];
            other(&["CONV.TRIM", &cut, limit, &(seq + 2).to_string()])
        }
        16 => {
            let encoding = *rng.choice(&["cl100k_base", "o200k_base"]).unwrap();
            other(&[
                "CONV.ALTER",
                &cut,
                "ENCODING",
                encoding,
                "COMPLETE",
                *rng.choice(&["yes", "no"]).unwrap(),
            ])
        }
        24 => {
            let command = ["CONV.PIN", "CONV.UNPIN"][rng.usize(..2)];
            other(&[command, &changed, &seq.to_string(), &(seq + 3).to_string()])
        }
        25 | 26 => {
            let command = ["CONV.PIN", "CONV.PIN", "CONV.UNPIN"][rng.usize(..3)];
            other(&[command, &cut, &seq.to_string(), &(seq + 1).to_string()])
        }
        27 => {
            let (overhead, scale) = (rng.usize(..9), 50 + rng.usize(..100));
            other(&[
                "CONV.ALTER",
                &cut,
                "OVERHEAD",
                &overhead.to_string(),
                "SCALE",
                &scale.to_string(),
            ])
        }
        17..=19 => append(rng, &cut, &[]),
        20 | 21 => append(rng, &format!("shared:{}", writer % 2), &[]),
        _ => append(rng, "shared:race", &["IFLAST", &raced.to_string()]),
    }
}
