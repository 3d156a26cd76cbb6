//! The judgement: whether a server holds what its writers were told.
//!
//! A writer sends one command after the other, so a server may have lost what was done last, but nothing in between:
//! there is a command up to which all is there, and behind which nothing is. Each of its conversations bears witness
//! of where that command is.

use std::time::Instant;

use redis::Connection;

use crate::ledger::*;
use crate::plan::Tally;
use crate::snapshot::{Got, messages};
use crate::support::*;

/// What has to be there.
#[derive(Debug, Clone, Copy)]
pub enum Promise {
    /// All that was acknowledged.
    All,
    /// All that was acknowledged before.
    Until(Instant),
    /// Nothing, but what is there is whole and in order.
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

/// Clocks of two processes may be read that far apart, in ms.
const CLOCK: i64 = 1000;

/// The command up to which all of a writer is there: at least the one at `low`, at most the one at `high`; -1 is
/// before the first.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub low: i64,
    pub high: i64,
}

/// Judges what the server holds by the ledgers. Where each writer's commands end, and what is wrong.
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

    /// A conversation that only this writer writes to.
    fn own(&mut self, ledger: &Ledger, key: &str, places: &[usize], bounds: &mut Bounds) {
        let digest = digest(self.con, key);
        let missing = digest.bytes().all(|digit| digit == b'0');
        let got = messages(self.con, key);
        let state = |place: usize| match &ledger.ops[place].outcome {
            Outcome::Done { state, .. } => state.as_ref(),
            _ => None,
        };
        let same = |place: usize| state(place).is_some_and(|state| state.digest == digest);
        let model = |upto: usize| Model::of(places[..upto].iter().map(|p| &ledger.ops[*p]));
        // How many of the commands to this conversation are there.
        let found = match places.iter().rposition(|place| same(*place)) {
            Some(index) => Some(index + 1),
            None if missing => Some(0),
            // Of the last one only the messages tell, as nobody saw what it left.
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
                "{key} is as it never was: {missing} messages are missing, {:?}",
                differs(&model, &got, is_cut(key))
            ));
            self.tally.lost += missing as u64;
            return;
        };
        // What changed nothing leaves no trace.
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

    /// A conversation that all append to.
    fn shared(&mut self, key: &str, ledgers: &[Ledger], bounds: &mut [Bounds]) {
        let got = messages(self.con, key);
        if let Some((at, _)) = got.iter().zip(1..).find(|(got, seq)| got.seq != *seq) {
            self.diverged(format!("{key}: a gap in front of message {}", at.seq));
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
                if matches!(op.outcome, Outcome::Open) {
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
                        "{key}: of messages {first} to {last} some are there"
                    ));
                    continue;
                }
                for (seq, sent) in (first..).zip(sent) {
                    let index = seq as usize - 1;
                    let taken = std::mem::replace(&mut claimed[index], true);
                    if taken || got[index].bytes != sent.bytes {
                        self.diverged(format!("{key}: message {seq} is another one's"));
                    }
                }
            }
        }
        // What nobody was told of is what somebody sent last, and whole.
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
                self.diverged(format!("{key}: message {} is nobody's", index + 1));
                return;
            };
            let (writer, place, sent) = open.swap_remove(owner);
            bounds[writer].low = bounds[writer].low.max(place as i64);
            index += sent.len();
        }
    }

    /// What is missing of a writer is what it did last, and was not promised.
    fn suffix(&mut self, ledger: &Ledger, bounds: Bounds, promise: Promise) {
        let promised = |op: &Op| op.acknowledged().is_some_and(|at| promise.covers(at));
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
                "{}: writer {}: {lost} acknowledged commands are missing from {} on",
                self.when,
                ledger.writer,
                high + 1
            ));
        }
    }

    /// What came later is not there without what was acknowledged before it was sent.
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
                    "writer {}: a command to {} is missing, though a later one of another is there",
                    ledger.writer, op.key
                ));
            }
        }
    }
}

/// What is wrong with the messages held.
fn differs(model: &Model, got: &[Got], cut: bool) -> Option<String> {
    for message in got {
        let seq = message.seq;
        let Some(held) = model.held.get(&seq) else {
            return Some(format!("message {seq} should not be there"));
        };
        if held.sent.bytes != message.bytes {
            return Some(format!("message {seq} has other bytes"));
        }
        if held
            .sent
            .given
            .is_some_and(|given| i64::from(given) != message.tokens)
        {
            return Some(format!("message {seq} counts {}", message.tokens));
        }
        let (from, until) = held.between;
        if !(from - CLOCK..=until + CLOCK).contains(&message.time) {
            return Some(format!(
                "message {seq} came at {}, not in {from}..{until}",
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
