//! What a writer sends: conversations that only grow, that are changed, that are cut, and that others write to, too.

use crate::dice::Dice;
use crate::ledger::{Change, Sent};
use crate::messages::{exchange, message, prose};

/// After so many commands a writer turns to new conversations.
const GENERATION: usize = 60;

/// Attributes that `conv:cut` conversations are made with.
const CUT: [&str; 4] = ["MAXMESSAGES", "12", "TTL", "3600"];

/// A command to send, and what it is to do.
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
fn append(dice: &mut Dice, key: &str, options: &[&str]) -> PlannedCommand {
    let mut args = args(&[&["CONV.APPEND", key], options].concat());
    let mut change = Vec::new();
    for message in exchange(dice) {
        let given = (dice.below(5) == 0).then(|| dice.below(3000) as u32);
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

/// The next command of a writer that has sent `done` so far.
pub fn next_command(dice: &mut Dice, writer: usize, done: usize, raced: i64) -> PlannedCommand {
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
    // Of sixty commands a few go to each conversation, so these numbers are most often held.
    let seq = (1 + dice.below(30)) as i64;
    let other = |words: &[&str]| PlannedCommand {
        args: args(words),
        change: Change::Other,
    };
    match dice.below(24) {
        0..=6 => append(dice, &grown, &[]),
        7..=10 => append(dice, &changed, &[]),
        11 => {
            let message = message(dice);
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
            let count = dice.below(3);
            PlannedCommand {
                args: args(&["CONV.POP", &changed, &count.to_string()]),
                change: Change::Pop(count),
            }
        }
        14 => other(&["CONV.SETSUMMARY", &changed, &prose(dice, 100)]),
        15 => {
            let limit = ["MAXMESSAGES", "BEFORE"][dice.below(2)];
            other(&["CONV.TRIM", &cut, limit, &(seq + 2).to_string()])
        }
        16 => {
            let encoding = *dice.pick(&["cl100k_base", "o200k_base"]);
            other(&[
                "CONV.ALTER",
                &cut,
                "ENCODING",
                encoding,
                "COMPLETE",
                *dice.pick(&["yes", "no"]),
            ])
        }
        17..=19 => append(dice, &cut, &[]),
        20 | 21 => append(dice, &format!("shared:{}", writer % 2), &[]),
        _ => append(dice, "shared:race", &["IFLAST", &raced.to_string()]),
    }
}
