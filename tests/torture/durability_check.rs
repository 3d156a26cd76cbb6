//! Checks whether a server has every write that it acknowledged.
//!
//! A writer sends one command after the other. A server may therefore have lost the last commands of a writer, but
//! none in between: there is a command up to which everything is there, and after which nothing is. Each conversation
//! of the writer narrows down where that command is.

use std::time::Instant;

use redis::Connection;

use crate::ledger::*;
use crate::plan::Tally;
use crate::snapshot::{Got, messages};
use crate::support::*;

/// What the server must have.
#[derive(Debug, Clone, Copy)]
pub enum Promise {
    /// Everything that was acknowledged.
    All,
    /// Everything that was acknowledged before this time.
    Until(Instant),
    /// Possibly nothing, but what it has must be complete and in order.
    Nothing,
}

impl Promise {
    fn covers(self, acknowledged: Instant) -> bool {
        match self {
            Self::All => true,
            Self::Until(at) => acknowledged < at,
            Self::Nothing => false,
        }
    }
}

/// Maximum difference between the clocks of two processes, in ms.
const CLOCK: i64 = 1000;

/// The last command of a writer that the server has: at least number `low` and at most number `high`. -1 means none.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub low: i64,
    pub high: i64,
}

/// Compares the data of the server with the ledgers. Returns the last command found for each writer, and the findings.
pub fn check(
    con: &mut Connection,
    ledgers: &[Ledger],
    promise: Promise,
    when: &str,
) -> (Vec<Bounds>, Tally) {
    let mut check = DurabilityCheck {
        con,
        when,
        tally: Tally::default(),
    };
    let mut bounds: Vec<Bounds> = ledgers
        .iter()
        .map(|ledger| Bounds {
            low: -1,
            high: ledger.ops.len() as i64 - 1,
        })
        .collect();
    for (ledger, bounds) in ledgers.iter().zip(&mut bounds) {
        for finding in &ledger.findings {
            check.diverged(finding.clone());
        }
        for (key, places) in ledger.by_key() {
            check.own(ledger, key, &places, bounds);
        }
    }
    for key in ["shared:0", "shared:1", "shared:race"] {
        check.shared(key, ledgers, &mut bounds);
    }
    for (ledger, bounds) in ledgers.iter().zip(&bounds) {
        check.suffix(ledger, *bounds, promise);
    }
    check.order(ledgers, &bounds);
    (bounds, check.tally)
}

struct DurabilityCheck<'a> {
    con: &'a mut Connection,
    when: &'a str,
    tally: Tally,
}

impl DurabilityCheck<'_> {
    fn diverged(&mut self, finding: String) {
        self.tally.diverged += 1;
        self.tally
            .findings
            .push(format!("{}: {finding}", self.when));
    }

    /// Checks a conversation that only this writer writes to.
    fn own(&mut self, ledger: &Ledger, key: &str, places: &[usize], bounds: &mut Bounds) {
        let digest = digest(self.con, key);
        let missing = digest.bytes().all(|digit| digit == b'0');
        let got = messages(self.con, key);
        let state = |place: usize| match &ledger.ops[place].outcome {
            CommandOutcome::Done { state, .. } => state.as_ref(),
            _ => None,
        };
        let same = |place: usize| state(place).is_some_and(|state| state.digest == digest);
        let model = |upto: usize| Model::of(places[..upto].iter().map(|p| &ledger.ops[*p]));
        // The number of commands to this conversation that the server has.
        let found = match places.iter().rposition(|place| same(*place)) {
            Some(index) => Some(index + 1),
            None if missing => Some(0),
            // The state after the last command is unknown if its reply is missing, so compare the messages.
            None => (state(places[places.len() - 1]).is_none()
                && differs(&model(places.len()), &got, is_cut(key)).is_none())
            .then_some(places.len()),
        };
        let Some(found) = found else {
            let last = places.len() - usize::from(state(places[places.len() - 1]).is_none());
            let model = model(last);
            let missing = model
                .held
                .keys()
                .filter(|seq| !is_cut(key) && !got.iter().any(|got| got.seq == **seq))
                .count();
            self.diverged(format!(
                "{key} has a state that it never had: {missing} messages are missing, {:?}",
                differs(&model, &got, is_cut(key))
            ));
            self.tally.lost += missing as u64;
            return;
        };
        // A command that changed nothing cannot be distinguished from its predecessor.
        let mut first = found;
        while first > 0
            && same(places[first - 1])
            && first
                .checked_sub(2)
                .map_or(missing, |before| same(places[before]))
        {
            first -= 1;
        }
        if let Some(index) = first.checked_sub(1) {
            bounds.low = bounds.low.max(places[index] as i64);
        }
        if let Some(place) = places.get(found) {
            bounds.high = bounds.high.min(*place as i64 - 1);
        }
        if let Some(difference) = differs(&model(found), &got, is_cut(key)) {
            self.diverged(format!("{key}: {difference}"));
        }
        if let Some(state) = found.checked_sub(1).and_then(|index| state(places[index])) {
            let now = State {
                digest,
                messages: int(&cmd!(*self.con, "CONV.LEN", key)),
                last: got.last().map_or(0, |message| message.seq),
                expires: int(&cmd!(*self.con, "PEXPIRETIME", key)),
            };
            if now != *state || now.messages != got.len() as i64 {
                self.diverged(format!("{key}: {state:?} became {now:?}"));
            }
        }
    }

    /// Checks a conversation that all writers append to.
    fn shared(&mut self, key: &str, ledgers: &[Ledger], bounds: &mut [Bounds]) {
        let got = messages(self.con, key);
        if let Some((at, _)) = got.iter().zip(1..).find(|(got, seq)| got.seq != *seq) {
            self.diverged(format!("{key}: a gap before message {}", at.seq));
            return;
        }
        let mut claimed = vec![false; got.len()];
        let mut open: Vec<(usize, usize, &[Sent])> = Vec::new();
        for (writer, ledger) in ledgers.iter().enumerate() {
            let appends = ledger
                .ops
                .iter()
                .enumerate()
                .filter(|(_, op)| op.key == key);
            for (place, op) in appends {
                let Change::Append(sent) = &op.change else {
                    continue;
                };
                if matches!(op.outcome, CommandOutcome::Open) {
                    open.push((writer, place, sent));
                }
                let Some((first, last)) = op.numbers() else {
                    continue;
                };
                let held = got.len() as i64;
                if held < first {
                    bounds[writer].high = bounds[writer].high.min(place as i64 - 1);
                    continue;
                }
                bounds[writer].low = bounds[writer].low.max(place as i64);
                if held < last {
                    self.diverged(format!(
                        "{key}: only some of the messages {first} to {last} are there"
                    ));
                    continue;
                }
                for (seq, sent) in (first..).zip(sent) {
                    let index = seq as usize - 1;
                    let taken = std::mem::replace(&mut claimed[index], true);
                    if taken || got[index].bytes != sent.bytes {
                        self.diverged(format!("{key}: message {seq} belongs to another command"));
                    }
                }
            }
        }
        // Messages without an acknowledgement must belong to the last, complete command of some writer.
        let mut index = 0;
        while index < got.len() {
            if claimed[index] {
                index += 1;
                continue;
            }
            let owner = open.iter().position(|(_, _, sent)| {
                let there = got[index..].iter().zip(&claimed[index..]);
                there.len() >= sent.len()
                    && there
                        .zip(*sent)
                        .all(|((got, taken), sent)| !taken && got.bytes == sent.bytes)
            });
            let Some(owner) = owner else {
                self.diverged(format!("{key}: no writer sent message {}", index + 1));
                return;
            };
            let (writer, place, sent) = open.swap_remove(owner);
            bounds[writer].low = bounds[writer].low.max(place as i64);
            index += sent.len();
        }
    }

    /// Checks that the missing commands of a writer are its last ones, and were not covered by the guarantee.
    fn suffix(&mut self, ledger: &Ledger, bounds: Bounds, promise: Promise) {
        let promised = |op: &SentCommand| op.acknowledged().is_some_and(|at| promise.covers(at));
        self.tally.acknowledged += ledger.ops.iter().filter(|op| promised(op)).count() as u64;
        let Bounds { low, high } = bounds;
        if low > high {
            self.diverged(format!(
                "writer {}: command {low} is there, and {} is not",
                ledger.writer,
                high + 1
            ));
        }
        let behind = ledger.ops.get((high + 1) as usize..).unwrap_or_default();
        let lost = behind.iter().filter(|op| promised(op)).count();
        if lost > 0 {
            self.tally.lost += lost as u64;
            self.tally.findings.push(format!(
                "{}: writer {}: {lost} acknowledged commands are missing, starting with {}",
                self.when,
                ledger.writer,
                high + 1
            ));
        }
    }

    /// Checks that no command is there that was sent after a missing command was acknowledged.
    fn order(&mut self, ledgers: &[Ledger], bounds: &[Bounds]) {
        let there = ledgers.iter().zip(bounds).flat_map(|(ledger, bounds)| {
            let count = (bounds.low + 1) as usize;
            ledger.ops.iter().take(count).filter(|op| op.counts())
        });
        let Some(latest) = there.map(|op| op.sent).max() else {
            return;
        };
        for (ledger, bounds) in ledgers.iter().zip(bounds) {
            let mut missing = ledger.ops.iter().skip((bounds.high + 1) as usize);
            if let Some(op) = missing.find(|op| op.acknowledged().is_some_and(|at| at < latest)) {
                self.diverged(format!(
                    "writer {}: a command to {} is missing, although a later command of another writer is there",
                    ledger.writer, op.key
                ));
            }
        }
    }
}

/// Compares messages with the model. Returns the first difference.
fn differs(model: &Model, got: &[Got], cut: bool) -> Option<String> {
    for message in got {
        let seq = message.seq;
        let Some(held) = model.held.get(&seq) else {
            return Some(format!("unexpected message {seq}"));
        };
        if held.sent.bytes != message.bytes {
            return Some(format!("message {seq} has different bytes"));
        }
        if held
            .sent
            .given
            .is_some_and(|given| i64::from(given) != message.tokens)
        {
            return Some(format!("message {seq} has {} tokens", message.tokens));
        }
        let (from, until) = held.between;
        if !(from - CLOCK..=until + CLOCK).contains(&message.time) {
            return Some(format!(
                "message {seq} arrived at {}, not in {from}..{until}",
                message.time
            ));
        }
    }
    if got.windows(2).any(|pair| pair[0].seq >= pair[1].seq) {
        return Some("the messages are out of order".into());
    }
    let missing = model
        .held
        .keys()
        .find(|seq| !got.iter().any(|got| got.seq == **seq));
    missing
        .filter(|_| !cut)
        .map(|seq| format!("message {seq} is missing"))
}
