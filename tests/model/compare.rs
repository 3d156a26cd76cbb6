//! Compares a conversation with the model.

use conv::conversation::Conversation;

use super::naive::ops::Op;
use super::naive::{NaiveLog, check_valid_prompt, generate};
use super::pair::{Pair, recent};
use super::steps::step;
use super::stored::{content, reloaded, rewritten};

/// Messages held, as numbers and bytes.
pub fn held(conversation: &Option<Conversation>) -> Vec<(i64, String)> {
    let mut held = Vec::new();
    if let Some(conversation) = conversation {
        conversation
            .visit(|m| held.push((m.meta.seq, String::from_utf8_lossy(m.bytes).into_owned())))
            .expect("memory");
    }
    held
}

pub fn compare(pair: &Pair, model: &NaiveLog, args: &[generate::RandomArgs]) {
    let expected: Vec<(i64, String)> = model
        .messages
        .iter()
        .map(|m| (m.seq, m.json.clone()))
        .collect();
    assert_eq!(held(&pair.primary), expected);
    let Some(conversation) = &pair.primary else {
        return;
    };
    let reloaded = Some(reloaded(conversation));
    let rewritten = Some(rewritten(conversation));
    assert_eq!(reloaded.as_ref().map(content), Some(content(conversation)));
    assert_eq!(rewritten.as_ref().map(content), Some(content(conversation)));
    for args in args {
        let args = args.on(model);
        let reply = recent(&pair.primary, &args);
        // What is derived when loading is what was kept while writing.
        assert_eq!(reply, recent(&reloaded, &args), "reloaded, {args:?}");
        assert_eq!(reply, recent(&rewritten, &args), "rewritten, {args:?}");
        if let Some(reply) = &reply {
            if let Err(why) = check_valid_prompt(&reply.messages) {
                panic!("{why}: {reply:#?}");
            }
            assert!(reply.over || reply.tokens <= args.max_tokens, "{reply:?}");
        }
        assert_eq!(reply, model.recent(&args), "{args:?}");
    }
}

/// Copies up to a message, and compares the copy with the model cut there, also when it goes on.
pub fn fork(
    pair: &Pair,
    model: &mut NaiveLog,
    upto: Option<proptest::sample::Index>,
    args: &[generate::RandomArgs],
) {
    let Some(primary) = &pair.primary else {
        return;
    };
    let upto = upto
        .filter(|_| !model.messages.is_empty())
        .map(|i| i.get(&model.messages).seq);
    *model = model.fork(upto);
    let newest = model.messages.last().map(|m| m.seq);
    let copy = Some(primary.fork(upto).expect("memory"));
    let mut pair = Pair {
        primary: copy.clone(),
        replica: copy,
        now: pair.now,
    };
    compare(&pair, model, args);
    let more = Op::Append(vec![(r#"{"role":"user","content":"more"}"#.into(), 5)]);
    if newest.is_some() {
        step(&mut pair, model, &more, false);
        compare(&pair, model, args);
    }
    pair.agree();
}
