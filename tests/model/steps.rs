//! Random writes as commands, made on both sides.

use conv::commands::reply::Tree;
use conv::conversation::Conversation;

use super::harness::settle;
use super::naive::ops::{Op, Step};
use super::naive::{self, NaiveLog};
use super::pair::Pair;

/// True if the newest group is a turn whose calls were never answered, or if there are only reasoning items. Neither is
/// returned. Here the module keeps more than the contract asks for: the newest group that can be returned, and all
/// reasoning items that may still become a group.
pub fn ends_unanswered(model: &NaiveLog) -> bool {
    let reads = model.reads();
    let leading = naive::turns::leading_system(&reads);
    let groups = naive::turns::group(&reads[leading..]).groups;
    let newest = groups
        .iter()
        .max_by_key(|group| group.members.last().copied());
    match newest {
        Some(group) => group.kind == naive::turns::Kind::Dangling,
        None => reads.iter().any(|read| read.is_reasoning),
    }
}

/// The message with a field that nobody reads and that makes it up to 9 kB long: then a few fill a segment.
pub fn padded(json: &str, seq: i64) -> String {
    let body = json.strip_suffix('}').expect("an object");
    let pad = "x".repeat((seq.unsigned_abs() as usize * 977) % 9000);
    format!(r#"{body},"pad":"{pad}"}}"#)
}

/// Makes one random write on both sides and compares its reply.
pub fn step(pair: &mut Pair, model: &mut NaiveLog, op: &Op, long: bool) {
    let Some(mut step) = op.on(model) else {
        return;
    };
    match &mut step {
        Step::Append(list) if long => {
            for (seq, (json, _)) in (model.next_seq..).zip(list) {
                *json = padded(json, seq);
            }
        }
        Step::Backfill(list, _) if long => {
            for (seq, (json, _)) in (1..).zip(list) {
                *json = padded(json, seq);
            }
        }
        Step::Edit(seq, json, _) if long => *json = padded(json, *seq + 3),
        _ => {}
    }
    if matches!(step, Step::Retain(..) | Step::TrimBefore(_)) && ends_unanswered(model) {
        return;
    }
    match &mut step {
        Step::Append(list) => {
            let numbers: Vec<String> = list.iter().map(|(_, t)| t.to_string()).collect();
            let args: Vec<&str> = list
                .iter()
                .zip(&numbers)
                .flat_map(|((json, _), tokens)| ["TOKENS", tokens, json])
                .collect();
            if args.is_empty() {
                return;
            }
            let reply = pair.run("CONV.APPEND", &args).expect("APPEND");
            let last = model.next_seq + list.len() as i64 - 1;
            assert_eq!(reply, [Tree::Integer(last)]);
        }
        Step::Backfill(list, complete) => {
            let word = complete.then_some("COMPLETE").into_iter();
            // "skips those whose `id` is present"; of two equal ids "the first is kept". The numbers in the messages,
            // which the module does not read, are then those of other messages.
            let mut ids: Vec<String> = model.reads().into_iter().filter_map(|r| r.id).collect();
            let sent = list.clone();
            list.retain(
                |(json, _)| match naive::read(json).ok().and_then(|read| read.id) {
                    Some(id) if ids.contains(&id) => false,
                    id => {
                        ids.extend(id);
                        true
                    }
                },
            );
            let args: Vec<&str> = word.chain(sent.iter().map(|(json, _)| &**json)).collect();
            if args.is_empty() {
                return;
            }
            let reply = pair.run("CONV.BACKFILL", &args).expect("BACKFILL");
            assert_eq!(reply, [Tree::Integer(list.len() as i64)]);
            let lowest = model.lowest - list.len() as i64;
            for (seq, (_, tokens)) in (lowest..).zip(list) {
                *tokens = pair.tokens_of(seq);
            }
        }
        Step::Edit(seq, json, tokens) => {
            pair.run("CONV.EDIT", &[&seq.to_string(), json])
                .expect("EDIT");
            *tokens = pair.tokens_of(*seq);
        }
        Step::Del(seqs) => {
            let args: Vec<String> = seqs.iter().map(ToString::to_string).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let reply = pair.run("CONV.DEL", &args).expect("DEL");
            let gone = model.clone().del(seqs);
            assert_eq!(reply, [Tree::Integer(gone as i64)]);
        }
        Step::Pop(count) => {
            let reply = pair.run("CONV.POP", &[&count.to_string()]).expect("POP");
            let popped = model.clone().pop(*count);
            // As RPOP does: nil if there are no messages, whatever the count.
            let list = match model.messages.is_empty() {
                true => Tree::NullArray,
                false => Tree::Array(popped.len()),
            };
            assert_eq!(reply[0], list);
            for (reply, popped) in reply[1..].iter().zip(popped) {
                assert_eq!(*reply, Tree::Bulk(popped.into_bytes()));
            }
        }
        Step::Retain(messages, tokens) => {
            for (limit, most) in [("MAXMESSAGES", &messages), ("MAXTOKENS", &tokens)] {
                if let Some(most) = most {
                    pair.run("CONV.TRIM", &[limit, &most.to_string()])
                        .expect("TRIM");
                }
            }
        }
        Step::TrimBefore(seq) => {
            pair.run("CONV.TRIM", &["BEFORE", &seq.to_string()])
                .expect("TRIM");
        }
        Step::SetSummary(text, upto, tokens) => {
            let upto = upto.map(|seq| seq.to_string());
            let mut args = vec![text.as_str()];
            if let Some(upto) = &upto {
                args.extend(["UPTO", upto]);
            }
            let reply = pair.run("CONV.SETSUMMARY", &args).expect("SETSUMMARY");
            let mut settled = pair.primary.clone();
            settled.iter_mut().for_each(settle);
            if let Some(summary) = settled.as_ref().and_then(Conversation::summary) {
                *tokens = summary.tokens.known().map_or(0, u64::from);
            }
            if reply == [Tree::Integer(0)] {
                let before = model.summary.clone();
                model.apply(&step);
                assert_eq!(model.summary, before, "0 although something changed");
                return;
            }
        }
    }
    model.apply(&step);
}

/// A step as a command, its tokens left to be counted.
pub fn uncounted(step: &Step) -> (&'static str, Vec<String>) {
    let number = ToString::to_string;
    match step {
        Step::Append(list) => (
            "CONV.APPEND",
            list.iter().map(|(json, _)| json.clone()).collect(),
        ),
        Step::Edit(seq, json, _) => ("CONV.EDIT", vec![seq.to_string(), json.clone()]),
        Step::Del(seqs) => ("CONV.DEL", seqs.iter().map(number).collect()),
        Step::Pop(count) => ("CONV.POP", vec![count.to_string()]),
        Step::Retain(_, Some(tokens)) => {
            ("CONV.TRIM", vec!["MAXTOKENS".into(), tokens.to_string()])
        }
        Step::Backfill(list, complete) => {
            let word = complete.then(|| "COMPLETE".to_string());
            let messages = list.iter().map(|(json, _)| json.clone());
            ("CONV.BACKFILL", word.into_iter().chain(messages).collect())
        }
        Step::Retain(messages, None) => {
            let most = messages.unwrap_or(3);
            ("CONV.TRIM", vec!["MAXMESSAGES".into(), most.to_string()])
        }
        Step::TrimBefore(seq) => ("CONV.TRIM", vec!["BEFORE".into(), seq.to_string()]),
        Step::SetSummary(text, upto, _) => {
            let upto = upto.map(|seq| ["UPTO".into(), seq.to_string()]);
            let text = [text.clone()].into_iter();
            (
                "CONV.SETSUMMARY",
                text.chain(upto.into_iter().flatten()).collect(),
            )
        }
    }
}
