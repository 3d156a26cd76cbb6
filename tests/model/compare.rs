//! Compares a conversation with the model.

use conv::commands::reply::Tree;
use conv::conversation::Conversation;

use super::pair::{Pair, array, bulk, figure, read, recent, value};
use super::steps::step;
use super::stored::{content, reloaded, rewritten};
use naive::generate_ops::{Op, RandomReads};
use naive::generate_recent::RandomArgs;
use naive::search::{Pattern, REGEXES, SearchArgs};
use naive::{NaiveLog, check_valid_prompt};

/// Everything that is read in one comparison.
#[derive(Debug, Clone)]
pub struct Reads {
    pub recents: Vec<RandomArgs>,
    pub others: RandomReads,
}

pub fn compare(pair: &mut Pair, model: &NaiveLog, reads: &Reads) {
    let settled = pair.settled();
    let Some(conversation) = &pair.primary else {
        return;
    };
    compare_messages(&settled, model);
    compare_info(&settled, model);
    compare_others(&pair.primary, model, &reads.others);
    let reloaded = Some(reloaded(conversation));
    let rewritten = Some(rewritten(conversation));
    assert_eq!(reloaded.as_ref().map(content), Some(content(conversation)));
    assert_eq!(rewritten.as_ref().map(content), Some(content(conversation)));
    for args in &reads.recents {
        let args = args.on(model);
        let reply = pair.recent(&args);
        // What is derived when loading is what was kept while writing.
        assert_eq!(reply, recent(&reloaded, &args), "reloaded, {args:?}");
        assert_eq!(reply, recent(&rewritten, &args), "rewritten, {args:?}");
        if let Some(reply) = &reply {
            let mut prompt = reply.messages.clone();
            if args.rev {
                prompt.reverse();
            }
            if let Err(why) = check_valid_prompt(&prompt) {
                panic!("{why}: {reply:#?}");
            }
            assert!(reply.over || reply.tokens <= args.max_tokens, "{reply:?}");
        }
        if let Some(reply) = &reply
            && model.cuts(&args)
        {
            if let Err(why) = model.check_cut(&args, reply) {
                panic!("{why}: {args:?} {reply:#?}");
            }
        } else {
            assert_eq!(reply, model.recent(&args), "{args:?}");
        }
    }
}

/// Every message with what GET says of it.
fn compare_messages(settled: &Option<Conversation>, model: &NaiveLog) {
    let numbers = (model.lowest - 1..=model.next_seq).map(|seq| seq.to_string());
    let args: Vec<String> = numbers.chain(["WITHINFO".into()]).collect();
    let mut expected = vec![Tree::Array(args.len() - 1)];
    for seq in model.lowest - 1..=model.next_seq {
        let Some(i) = model.held(seq) else {
            expected.push(Tree::Null);
            continue;
        };
        let m = &model.messages[i];
        let unread = naive::must_read(&m.json).unread;
        expected.push(Tree::Map(6));
        for (name, number) in [
            ("seq", seq),
            ("time", m.time),
            ("tokens", model.tokens(i) as i64),
            ("unread", unread.into()),
            ("pinned", m.pinned.into()),
        ] {
            expected.extend([bulk(name), Tree::Integer(number)]);
        }
        expected.extend([bulk("message"), bulk(&m.json)]);
    }
    assert_eq!(read(settled, "CONV.GET", &args), expected);
    let len = model.messages.len() as i64;
    assert_eq!(read(settled, "CONV.LEN", &[]), [Tree::Integer(len)]);
}

fn compare_info(settled: &Option<Conversation>, model: &NaiveLog) {
    let info = read(settled, "CONV.INFO", &[]);
    let seq = |m: Option<&naive::NaiveMessage>| m.map_or(0, |m| m.seq);
    let unread = model.reads().iter().filter(|m| m.unread).count() as i64;
    let pins = model.messages.iter().filter(|m| m.pinned).count() as i64;
    let summary = model.summary.as_ref();
    let figures = [
        ("messages", model.messages.len() as i64),
        ("tokens", model.total_tokens() as i64),
        ("first", seq(model.messages.first())),
        ("last", seq(model.messages.last())),
        ("created", model.created),
        ("updated", model.updated),
        ("overhead", model.counting.overhead as i64),
        ("scale", model.counting.scale as i64),
        ("encoding-missing", 0),
        ("max-messages", model.max_messages as i64),
        ("max-tokens", 0),
        ("ttl", 0),
        (
            "summary-tokens",
            summary.map_or(0, |s| model.summary_tokens(s) as i64),
        ),
        ("pins", pins),
        ("unread", unread),
        ("pending", 0),
    ];
    for (name, expected) in figures {
        assert_eq!(figure(&info, name), expected, "{name}");
    }
    assert_eq!(*value(&info, "encoding"), bulk(model.counting.encoding));
    let complete = if model.complete { "yes" } else { "no" };
    assert_eq!(*value(&info, "complete"), bulk(complete));
    let upto = summary.and_then(|s| s.upto);
    assert_eq!(
        *value(&info, "summary-upto"),
        upto.map_or(Tree::Null, Tree::Integer)
    );
}

fn compare_others(target: &Option<Conversation>, model: &NaiveLog, a: &RandomReads) {
    let rev = || a.rev.then(|| "REV".to_string());
    let (start, stop) = a.range;
    let mut args = vec![start.to_string(), stop.to_string()];
    args.extend(rev());
    let range = model.range(start, stop, a.rev);
    assert_eq!(read(target, "CONV.RANGE", &args), array(&range), "{args:?}");
    let args: Vec<String> = [a.index.to_string()].into_iter().chain(rev()).collect();
    let expected = model.index(a.index, a.rev);
    let expected = expected.map_or(Tree::Null, |json| bulk(&json));
    assert_eq!(read(target, "CONV.INDEX", &args), [expected], "{args:?}");
    assert_eq!(read(target, "CONV.EXPORT", &[]), [bulk(&model.export())]);
    let state = model.state();
    let mut expected = vec![Tree::Map(state.len())];
    for (name, json) in &state {
        expected.extend([bulk(name), bulk(json)]);
    }
    assert_eq!(read(target, "CONV.GETSTATE", &[]), expected);

    let (min, keep) = a.claim;
    let args = vec![min.to_string(), "KEEP".into(), keep.to_string()];
    let expected = model
        .claim(min, keep)
        .map_or(vec![Tree::Null], |(upto, messages)| {
            let text = model.summary.as_ref().map(|s| bulk(&s.text));
            let mut trees = vec![
                Tree::Map(3),
                bulk("upto"),
                Tree::Integer(upto),
                bulk("summary"),
            ];
            trees.push(text.unwrap_or(Tree::Null));
            trees.push(bulk("messages"));
            trees.extend(array(&messages));
            trees
        });
    assert_eq!(
        read(target, "CONV.CLAIMSUMMARY", &args),
        expected,
        "{args:?}"
    );
    compare_search(target, model, &a.search(model));
}

fn compare_search(target: &Option<Conversation>, model: &NaiveLog, a: &SearchArgs) {
    let mut args = match &a.pattern {
        Pattern::Literal(text) => vec![text.clone()],
        Pattern::Regex(k) => vec![REGEXES[*k].0.into(), "REGEX".into()],
    };
    args.extend(a.case.then(|| "CASE".into()));
    args.extend(
        a.role
            .into_iter()
            .flat_map(|c| ["ROLE".into(), c.word().into()]),
    );
    for (name, number) in [
        ("AFTER", a.after),
        ("BEFORE", a.before),
        ("SINCE", a.since),
        ("UNTIL", a.until),
        ("LIMIT", a.limit.map(|n| n as i64)),
    ] {
        if let Some(number) = number {
            args.extend([name.to_string(), number.to_string()]);
        }
    }
    let found = model.search(a);
    let messages: Vec<String> = found
        .iter()
        .map(|&i| model.messages[i].json.clone())
        .collect();
    assert_eq!(
        read(target, "CONV.SEARCH", &args),
        array(&messages),
        "{args:?}"
    );

    args.push("WITHINFO".into());
    let reply = read(target, "CONV.SEARCH", &args);
    assert_eq!(reply[0], Tree::Array(found.len()));
    let mut maps = reply[1..].chunks(13);
    for &i in &found {
        let map = maps.next().expect("a map for each");
        let m = &model.messages[i];
        let said = naive::must_read(&m.json);
        assert_eq!(map[0], Tree::Map(6));
        assert_eq!(figure(map, "seq"), m.seq);
        assert_eq!(figure(map, "time"), m.time);
        // "the `role` returned is the one that was counted"
        assert_eq!(*value(map, "role"), bulk(&said.role));
        // Nil while it is pending.
        let tokens = value(map, "tokens");
        let counted = Tree::Integer(model.tokens(i) as i64);
        assert!(*tokens == Tree::Null || *tokens == counted, "{tokens:?}");
        assert_eq!(*value(map, "message"), bulk(&m.json));
        // "(about 200 characters around the first match)"
        let Tree::Bulk(snippet) = value(map, "snippet") else {
            panic!("{map:?}");
        };
        let snippet = String::from_utf8(snippet.clone()).expect("UTF-8");
        let matches = a.matches(&said);
        let around = |(text, (from, to)): &(&str, (usize, usize))| {
            let most = 260.max(text[*from..*to].chars().count() + 60);
            snippet.chars().count() <= most
                && text.contains(&snippet)
                && snippet.contains(&text[*from..*to])
        };
        assert!(matches.iter().any(around), "{snippet} of {matches:?}");
    }
    assert!(maps.next().is_none());
}

/// Copies up to a message, and compares the copy with the model cut there, also when it goes on.
pub fn fork(
    pair: &Pair,
    model: &mut NaiveLog,
    upto: Option<proptest::sample::Index>,
    reads: &Reads,
) {
    let upto = upto
        .filter(|_| !model.messages.is_empty())
        .map(|i| i.get(&model.messages).seq);
    *model = model.fork(upto);
    let newest = model.messages.last().map(|m| m.seq);
    let mut pair = pair.fork(upto);
    compare(&mut pair, model, reads);
    let more = Op::Append(vec![(
        r#"{"role":"user","content":"more"}"#.into(),
        Some(5),
    )]);
    if newest.is_some() {
        step(&mut pair, model, &more, false);
        compare(&mut pair, model, reads);
    }
    pair.agree();
}
