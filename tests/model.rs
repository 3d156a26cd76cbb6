//! Random operations on a conversation, through the commands and against a naive model written independently; each
//! effect is also sent, as replicas and the AOF get it, to a second conversation that must stay the same.

mod naive;

use std::cell::{Cell, RefCell};

use conv::codec;
use conv::commands::arg_parser::Args;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler};
use conv::commands::{Env, Needs, Outcome, commit};
use conv::conversation::Conversation;
use conv::conversation::MissingCounts;
use conv::conversation::effect::Event;
use conv::settings::Settings;
use conv::tokens::{Counter, Inline, Outcome as TextCount, Rules, Text, Ticket};
use naive::ops::{Op, Step};
use naive::{NaiveLog, RecentArgs, RecentReply, check_valid_prompt, generate};
use proptest::prelude::*;

/// A key on a primary and on a replica.
#[derive(Default)]
struct Pair {
    primary: Option<Conversation>,
    replica: Option<Conversation>,
    now: i64,
}

/// An effect as replicas get it: header, and what follows it.
type Wire = (Vec<u8>, Vec<Vec<u8>>);

/// Runs a command on a conversation, as the server does.
fn call(
    target: &mut Option<Conversation>,
    now: i64,
    name: &str,
    args: &[&[u8]],
) -> (Result<Vec<Tree>, String>, Option<Wire>) {
    let spec = COMMANDS.iter().find(|s| s.name == name).expect(name);
    let env = Env {
        now,
        settings: Settings::default(),
        full: false,
        counts: None,
    };
    let mut cursor = Args::new(spec.name, args);
    let mut reply = Vec::new();
    if let Some(conversation) = target {
        conversation.collect();
    }
    match spec.handler {
        Handler::Read(command) => {
            let done = command(&mut cursor, target.as_ref(), &env, &mut reply);
            match (done, target) {
                (Ok(Outcome::Needs(Needs::Counts { missing, .. })), Some(conversation)) => {
                    assert!(reply.is_empty(), "{name} replied too early");
                    conversation
                        .count_missing(&missing, usize::MAX, &Inline, || {})
                        .expect("memory");
                    call(&mut Some(conversation.clone()), now, name, args)
                }
                (done, _) => (done.map(|_| reply).map_err(|e| e.to_string()), None),
            }
        }
        Handler::MultiKey(_) => panic!("{name} needs more than one key"),
        Handler::Write(command) | Handler::Replay(command) => {
            match command(&mut cursor, target.as_ref(), &env, &mut reply) {
                Ok(Outcome::Needs(Needs::Counts { missing, .. })) => {
                    assert!(reply.is_empty(), "{name} replied too early");
                    let conversation = target.as_mut().expect("a conversation with messages");
                    conversation
                        .count_missing(&missing, 1, &Inline, || {})
                        .expect("memory");
                    call(target, now, name, args)
                }
                Err(error) => {
                    assert!(reply.is_empty(), "{name} replied before it failed");
                    (Err(error.to_string()), None)
                }
                Ok(Outcome::Needs(needs)) => panic!("{name} needs {needs:?}"),
                Ok(Outcome::Done(None)) => (Ok(reply), None),
                Ok(Outcome::Done(Some(mut effect))) => {
                    let conversation = match target {
                        Some(conversation) => conversation,
                        none => none.insert(Conversation::new(
                            effect.create.expect("attributes for a new key"),
                            effect.at,
                        )),
                    };
                    if matches!(spec.handler, Handler::Replay(_)) {
                        conversation.apply(&mut effect, &Someday);
                    } else {
                        commit(conversation, &mut effect, &Someday);
                    }
                    for job in conversation.to_compress(8_000, usize::MAX) {
                        job.run();
                    }
                    conversation.check_invariants().expect(name);
                    let (header, payload) = codec::encode_effect(&effect);
                    let payload = payload.into_iter().map(<[u8]>::to_vec).collect();
                    (Ok(reply), Some((header, payload)))
                }
            }
        }
    }
}

thread_local! {
    /// Everything is counted at once.
    static EAGER: Cell<bool> = const { Cell::new(false) };
    /// Counts that have not come in yet.
    static LATE: RefCell<Vec<(Ticket, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Counts at once, soon, late, or not at all.
struct Someday;

impl Counter for Someday {
    fn count(&self, rules: Rules, text: Text) -> TextCount {
        let count = text.count(rules);
        if EAGER.get() {
            return TextCount::Known(count);
        }
        let ticket = Ticket::default();
        LATE.with_borrow_mut(|late| {
            let half = late.len() / 2;
            for (ticket, count) in late.drain(half..) {
                ticket.set(count);
            }
            match text.len() % 4 {
                0 => return TextCount::Known(count),
                1 => ticket.set(count),
                2 => late.push((ticket.clone(), count)),
                _ => return TextCount::Unknown,
            }
            TextCount::Later(ticket)
        })
    }
}

/// Counts all that is not counted yet.
fn settle(conversation: &mut Conversation) {
    let everything = MissingCounts {
        ranges: conversation.missing_in_messages().ranges,
        ..conversation.missing_summary()
    };
    conversation
        .count_missing(&everything, usize::MAX, &Inline, || {})
        .expect("memory");
    assert!(!conversation.is_pending());
}

/// All that is held, whatever form it lies in.
fn content(conversation: &Conversation) -> String {
    let mut conversation = conversation.clone();
    settle(&mut conversation);
    let mut content = format!(
        "{:?} {:?} {} {:?}",
        conversation.attributes(),
        conversation.numbering(),
        conversation.updated(),
        conversation.log().totals(),
    );
    if let Some(summary) = conversation.summary() {
        let tokens = summary.tokens.known();
        content += &format!(
            " {:?}",
            (&summary.text, summary.upto, summary.updated, tokens)
        );
    }
    if let Some(session) = conversation.session() {
        let members: Vec<_> = session.members().collect();
        content += &format!(" {members:?} {:?}", session.history());
    }
    content += &format!(" {}", conversation.lease());
    conversation
        .visit(|m| {
            content += &format!("\n{:?} {}", m.meta, String::from_utf8_lossy(m.bytes));
        })
        .expect("memory");
    content
}

fn frames(conversation: &Conversation) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    codec::encode(conversation, |frame| frames.push(frame.to_vec()));
    frames
}

fn reloaded(conversation: &Conversation) -> Conversation {
    let mut frames = frames(conversation).into_iter();
    codec::decode(codec::VERSION, || frames.next()).expect("what was encoded decodes")
}

/// A conversation rebuilt as an AOF rewrite does.
fn rewritten(conversation: &Conversation) -> Conversation {
    let mut log = Vec::new();
    codec::rebuild(conversation, |effect| {
        let (header, payload) = codec::encode_effect(effect);
        let payload: Vec<Vec<u8>> = payload.into_iter().map(<[u8]>::to_vec).collect();
        log.push((header, payload));
    })
    .expect("memory");
    let mut target = None;
    for (header, payload) in log {
        let mut args: Vec<&[u8]> = vec![&header];
        args.extend(payload.iter().map(Vec::as_slice));
        call(&mut target, 0, "CONV.EFFECT", &args)
            .0
            .expect("what was rewritten is read");
    }
    target.expect("a conversation")
}

impl Pair {
    fn run(&mut self, name: &str, args: &[&str]) -> Result<Vec<Tree>, String> {
        let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
        self.now += 1;
        let (reply, effect) = call(&mut self.primary, self.now, name, &args);
        if let Some((header, payload)) = effect {
            let mut args: Vec<&[u8]> = vec![&header];
            args.extend(payload.iter().map(Vec::as_slice));
            call(
                &mut self.replica,
                self.now + 1_000_000,
                "CONV.EFFECT",
                &args,
            )
            .0
            .expect("a replica takes every effect");
        }
        reply
    }

    fn agree(&self) {
        match (&self.primary, &self.replica) {
            (None, None) => {}
            (Some(primary), Some(replica)) => assert_eq!(content(primary), content(replica)),
            _ => panic!("only one of primary and replica has the key"),
        }
    }

    /// T(message) as the conversation says.
    fn tokens_of(&mut self, seq: i64) -> u64 {
        settle(self.primary.as_mut().expect("a conversation"));
        let reply = self.run("CONV.GET", &[&seq.to_string(), "WITHINFO"]);
        figure(&reply.expect("GET"), b"tokens").unsigned_abs()
    }
}

/// The integer that follows this name in a flat reply.
fn figure(reply: &[Tree], name: &[u8]) -> i64 {
    let at = reply
        .iter()
        .rposition(|e| matches!(e, Tree::Bulk(b) if b == name))
        .unwrap_or_else(|| panic!("no {} in {reply:?}", String::from_utf8_lossy(name)));
    match reply[at + 1] {
        Tree::Integer(value) => value,
        ref other => panic!("{other:?}"),
    }
}

fn recent(target: &Option<Conversation>, a: &RecentArgs) -> Option<RecentReply> {
    let mut args = vec![a.max_tokens.to_string(), "WITHINFO".into()];
    let mut option = |on: bool, words: &[&str]| {
        if on {
            args.extend(words.iter().map(ToString::to_string));
        }
    };
    let messages = a.messages.unwrap_or_default().to_string();
    let step = a.step.unwrap_or_default().to_string();
    option(a.messages.is_some(), &["messages", &messages]);
    option(a.start_user, &["START", "user"]);
    option(a.keep, &["OVERSIZE", "KEEP"]);
    option(a.step.is_some(), &["STEP", &step]);
    option(a.no_system, &["NOSYSTEM"]);
    option(a.no_summary, &["NOSUMMARY"]);
    option(a.any, &["ANY"]);
    let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
    let reply = call(&mut target.clone(), 0, "CONV.RECENT", &args)
        .0
        .expect("RECENT");
    if reply == [Tree::Null] {
        return None;
    }
    let Some(Tree::Array(len)) = reply.get(2) else {
        panic!("{reply:?}");
    };
    let messages = reply[3..3 + len]
        .iter()
        .map(|e| match e {
            Tree::Bulk(bytes) => String::from_utf8(bytes.clone()).expect("UTF-8"),
            other => panic!("{other:?}"),
        })
        .collect();
    Some(RecentReply {
        messages,
        tokens: figure(&reply, b"tokens"),
        first: figure(&reply, b"first"),
        last: figure(&reply, b"last"),
        skipped: figure(&reply, b"skipped"),
        summary: figure(&reply, b"summary") == 1,
        elided: figure(&reply, b"elided") == 1,
        over: figure(&reply, b"over") == 1,
        system: figure(&reply, b"system"),
        system_left_out: figure(&reply, b"system-left-out"),
        pinned: figure(&reply, b"pinned"),
        dropped: figure(&reply, b"dropped"),
        edited: figure(&reply, b"edited"),
        cleared: figure(&reply, b"cleared"),
        cut: figure(&reply, b"cut"),
    })
}

/// True if the newest group is a turn whose calls were never answered, or if there are only reasoning items. Neither is
/// returned. Here the module keeps more than the contract asks for: the newest group that can be returned, and all
/// reasoning items that may still become a group.
fn ends_unanswered(model: &NaiveLog) -> bool {
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
fn padded(json: &str, seq: i64) -> String {
    let body = json.strip_suffix('}').expect("an object");
    let pad = "x".repeat((seq.unsigned_abs() as usize * 977) % 9000);
    format!(r#"{body},"pad":"{pad}"}}"#)
}

/// Makes one random write on both sides and compares its reply.
fn step(pair: &mut Pair, model: &mut NaiveLog, op: &Op, long: bool) {
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

/// Messages held, as numbers and bytes.
fn held(conversation: &Option<Conversation>) -> Vec<(i64, String)> {
    let mut held = Vec::new();
    if let Some(conversation) = conversation {
        conversation
            .visit(|m| held.push((m.meta.seq, String::from_utf8_lossy(m.bytes).into_owned())))
            .expect("memory");
    }
    held
}

fn compare(pair: &Pair, model: &NaiveLog, args: &[generate::RandomArgs]) {
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

/// How many random histories; `PROPTEST_CASES` for longer runs.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    #[test]
    fn conversation_is_the_model(
        ops in prop_oneof![naive::ops::ops(14), naive::ops::mixed_ops(14)],
        complete in any::<bool>(),
        long in proptest::bool::weighted(0.3),
        args in proptest::collection::vec(generate::recent_args(), 4),
        upto in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut pair = Pair::default();
        let mut model = NaiveLog { complete, ..NaiveLog::default() };
        pair.run("CONV.CREATE", &["COMPLETE", if complete { "yes" } else { "no" }]).expect("CREATE");
        for op in &ops {
            step(&mut pair, &mut model, op, long);
            compare(&pair, &model, &args);
        }
        pair.agree();
        fork(&pair, &mut model, upto, &args);
    }
}

/// Copies up to a message, and compares the copy with the model cut there, also when it goes on.
fn fork(
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

/// A step as a command, its tokens left to be counted.
fn uncounted(step: &Step) -> (&'static str, Vec<String>) {
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

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..Default::default() })]

    /// Whether counts are there at once, come later, late or only when somebody asks: no answer differs.
    #[test]
    fn counted_late_is_counted_at_once(
        ops in prop_oneof![naive::ops::ops(14), naive::ops::mixed_ops(14)],
        complete in any::<bool>(),
        alter in 0..14usize,
        args in proptest::collection::vec(generate::recent_args(), 3),
    ) {
        let mut model = NaiveLog { complete, ..NaiveLog::default() };
        let (mut lazy, mut eager) = (None, None);
        let both = |now: i64, name: &str, args: &[String], lazy: &mut Option<_>, eager: &mut Option<_>| {
            let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
            let late = call(lazy, now, name, &args).0;
            EAGER.set(true);
            let at_once = call(eager, now, name, &args).0;
            EAGER.set(false);
            assert_eq!(late, at_once, "{name}");
        };
        let yes = if complete { "yes" } else { "no" };
        both(0, "CONV.CREATE", &["COMPLETE".into(), yes.into()], &mut lazy, &mut eager);
        for (now, op) in (1..).zip(&ops) {
            if now as usize == alter {
                both(now, "CONV.ALTER", &["ENCODING".into(), "r50k_base".into()], &mut lazy, &mut eager);
            }
            let Some(step) = op.on(&model) else { continue };
            let (name, words) = uncounted(&step);
            if words.is_empty() {
                continue;
            }
            both(now, name, &words, &mut lazy, &mut eager);
            model.apply(&step);
            for args in &args {
                let args = args.on(&model);
                let late = recent(&lazy, &args);
                EAGER.set(true);
                let at_once = recent(&eager, &args);
                EAGER.set(false);
                assert_eq!(late, at_once, "{args:?}");
            }
        }
        assert_eq!(lazy.as_ref().map(content), eager.as_ref().map(content));
    }
}

#[test]
fn events_of_effects_are_those_of_commands() {
    let by_itself = [Event::None, Event::SummaryDue];
    for event in Event::ALL.iter().filter(|event| !by_itself.contains(event)) {
        let command = event.name().to_uppercase();
        assert!(COMMANDS.iter().any(|s| s.name == command), "{event:?}");
    }
}
