//! Random writes, made on both sides.

use super::pair::{Pair, trees};
use naive::NaiveLog;
use naive::generate_ops::Op;
use naive::ops::{Reply, Step};
use naive::turns::{Kind, group, leading_system};

/// True if the newest group is a turn whose calls were never answered, or if there are only reasoning items. Neither is
/// returned. Here the module keeps more than the contract asks for: the newest group that can be returned, and all
/// reasoning items that may still become a group.
pub fn ends_unanswered(model: &NaiveLog) -> bool {
    let reads = model.reads();
    let leading = leading_system(&reads);
    let groups = group(&reads[leading..]).groups;
    let newest = groups
        .iter()
        .max_by_key(|group| group.members.last().copied());
    match newest {
        Some(group) => group.kind == Kind::Dangling,
        None => reads.iter().any(|read| read.is_reasoning),
    }
}

/// The message with a field that nobody reads and that makes it up to 9 kB long: then a few fill a segment.
fn padded(json: &str, seq: i64) -> String {
    let body = json.strip_suffix('}').expect("an object");
    let pad = "x".repeat((seq.unsigned_abs() as usize * 977) % 9000);
    format!(r#"{body},"pad":"{pad}"}}"#)
}

/// The write on this log, with longer messages if wanted; None if it is not to be made.
pub fn planned(model: &NaiveLog, op: &Op, long: bool) -> Option<Step> {
    let mut step = op.on(model)?;
    if long {
        for (n, json) in (model.next_seq..).zip(step.messages()) {
            *json = padded(json, n);
        }
    }
    if step.retains(model) {
        let mut then = model.clone();
        then.max_messages = 0;
        if matches!(step, Step::Append(_)) {
            then.apply(&step);
        }
        if ends_unanswered(&then) {
            return None;
        }
    }
    Some(step)
}

/// Makes one random write on both sides and compares its reply.
pub fn step(pair: &mut Pair, model: &mut NaiveLog, op: &Op, long: bool) {
    let Some(step) = planned(model, op, long) else {
        return;
    };
    let (name, args) = step.command();
    let expected = model.apply(&step);
    let reply = pair.run(model.now, name, &args);
    match (&reply, &expected) {
        (Err(_), Reply::Error) => {}
        (Ok(reply), expected) if *expected != Reply::Error => {
            assert_eq!(*reply, trees(expected), "{name} {args:?}");
        }
        _ => panic!("{name} {args:?}: {reply:?}, expected {expected:?}"),
    }
}
