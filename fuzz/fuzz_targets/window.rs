//! RECENT on any messages with any options: within its budget, a list that chat APIs accept, and what the naive model
//! of the contract selects.
#![no_main]


use arbitrary::Arbitrary;
use conv::commands::arg_parser::Args;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler};
use conv::commands::{Env, Needs, Outcome, commit};
use conv::conversation::Conversation;
use conv::settings::Settings;
use conv::tokens::{Encoding, Inline, count};
use libfuzzer_sys::fuzz_target;
use naive::{NaiveLog, Oversize, RecentArgs, RecentReply, check_valid_prompt, ops};

/// Messages that open and answer calls in all dialects, and some that do neither.
const MESSAGES: &[&str] = &[
    r#"{"role":"user","content":"hi"}"#,
    r#"{"role":"assistant","content":"hi"}"#,
    r#"{"role":"system","content":"be kind"}"#,
    r#"{"role":"assistant","tool_calls":[{"id":"a"}]}"#,
    r#"{"role":"assistant","tool_calls":[{"id":"a"},{"id":"b"}]}"#,
    r#"{"role":"tool","tool_call_id":"a","content":"1"}"#,
    r#"{"role":"tool","tool_call_id":"b","content":"2"}"#,
    r#"{"role":"tool","content":"of nothing"}"#,
    r#"{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b"}]}"#,
    r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}"#,
    r#"{"type":"reasoning","summary":[]}"#,
    r#"{"type":"message","role":"user","content":"go"}"#,
    r#"{"type":"message","role":"assistant","content":"gone"}"#,
    r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}"#,
    r#"{"type":"function_call","call_id":"b","name":"f","arguments":"{}"}"#,
    r#"{"type":"function_call_output","call_id":"a","output":"x"}"#,
    r#"{"type":"function_call_output","call_id":"b","output":"x"}"#,
    r#"{"type":"web_search_call","id":"w"}"#,
    r#"{"type":"human","data":{"content":"x"}}"#,
    r#"{"type":"system","data":{"content":"x"}}"#,
    r#"{"type":"ai","data":{"content":"x","tool_calls":[{"id":"a","name":"f","args":{}}]}}"#,
    r#"{"type":"tool","data":{"content":"x","tool_call_id":"a"}}"#,
];

#[derive(Debug, Arbitrary)]
enum Step {
    /// A message, perhaps with a count that the caller gives.
    Append(u8, Option<u8>),
    Edit(u8, u8),
    Del(u8),
    Pin(u8),
    Unpin(u8),
    /// A summary up to a message.
    Summary(u8),
    Backfill(u8),
    Pop,
    /// How many messages to keep.
    Trim(u8),
    /// OVERHEAD and SCALE.
    Alter(u8, u8),
    Recent(Recent),
}

#[derive(Debug, Arbitrary)]
struct Recent {
    max_tokens: u16,
    messages: Option<u8>,
    step: Option<u8>,
    clear: Option<u8>,
    above: Option<u8>,
    oversize: u8,
    /// START USER, NOSYSTEM, NOSUMMARY, NOPINS, REV, ANY.
    flags: u8,
}

/// A conversation, and what the model holds.
struct Pair {
    conversation: Option<Conversation>,
    model: NaiveLog,
}

impl Pair {
    fn run(&mut self, name: &str, words: &[String]) -> Option<Vec<Tree>> {
        let spec = COMMANDS.iter().find(|s| s.name == name).expect("a command");
        let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        let env = Env {
            now: 1,
            settings: Settings::default(),
            full: false,
            counts: None,
            found: None,
            prepared: None,
            decompress_at_once: usize::MAX,
            converted: &[],
        };
        let mut args = Args::new(spec.name, &words);
        let mut reply: Vec<Tree> = Vec::new();
        match spec.handler {
            Handler::Read(read) => {
                let done = read(&mut args, self.conversation.as_ref(), &env, &mut reply).ok()?;
                // What another SCALE needs counted.
                if let (Outcome::Needs(Needs::Counts { missing, .. }), Some(conversation)) =
                    (done, &mut self.conversation)
                {
                    conversation
                        .count_missing(&missing, usize::MAX, &Inline, || {})
                        .expect("memory");
                    let mut args = Args::new(spec.name, &words);
                    read(&mut args, self.conversation.as_ref(), &env, &mut reply).ok()?;
                }
            }
            Handler::MultiKey(_) => {}
            Handler::Write(write) | Handler::WriteInput(write, _) | Handler::Replay(write) => {
                let done = write(&mut args, self.conversation.as_ref(), &env, &mut reply).ok()?;
                assert!(matches!(done, Outcome::Done(_)), "{name} needs something");
                if let Outcome::Done(Some(mut effect)) = done {
                    let target = self.conversation.get_or_insert_with(|| {
                        Conversation::new(effect.create.expect("attributes"), effect.at)
                    });
                    commit(target, &mut effect, &Inline);
                }
            }
        }
        Some(reply)
    }

    fn step(&mut self, step: &Step) {
        let message = |n: &u8| MESSAGES[usize::from(*n) % MESSAGES.len()].to_string();
        // Some are those of backfilled messages.
        let seq = |n: &u8| i64::from(*n) - 4;
        self.write(match step {
            Step::Append(n, set) => ops::Step::Append(vec![(message(n), set.map(u64::from))]),
            Step::Edit(n, new) => ops::Step::Edit(seq(n), message(new)),
            Step::Del(n) => ops::Step::Del(vec![seq(n)]),
            Step::Pin(n) => ops::Step::Pin(vec![seq(n)]),
            Step::Unpin(n) => ops::Step::Unpin(vec![seq(n)]),
            // Beyond the newest message it is an error, and the model does not look.
            Step::Summary(n) if seq(n) >= self.model.next_seq => return,
            Step::Summary(n) => ops::Step::SetSummary("so far".into(), Some(seq(n))),
            // It would create a conversation that is not complete.
            Step::Backfill(_) if self.conversation.is_none() => return,
            Step::Backfill(n) => ops::Step::Backfill(vec![message(n)], false),
            Step::Pop => ops::Step::Pop(None),
            Step::Trim(n) => ops::Step::TrimMessages((*n).into()),
            Step::Alter(overhead, scale) => ops::Step::Alter(ops::Attributes {
                overhead: Some((*overhead).into()),
                scale: Some(u64::from(*scale) + 10),
                ..ops::Attributes::default()
            }),
            Step::Recent(recent) => return self.recent(recent),
        });
    }

    fn write(&mut self, step: ops::Step) {
        let (name, words) = step.command();
        let done = self.run(name, &words);
        if self.conversation.is_some() && done.is_some() {
            self.model.apply(&step);
        }
    }

    fn recent(&mut self, recent: &Recent) {
        let flag = |bit: u8| recent.flags & (1 << bit) != 0;
        let oversize = ["EMPTY", "KEEP", "CUT"][usize::from(recent.oversize % 3)];
        let args = RecentArgs {
            max_tokens: i64::from(recent.max_tokens) - 2,
            messages: recent.messages.map(|n| u64::from(n) + 1),
            start_user: flag(0),
            oversize: match oversize {
                "KEEP" => Oversize::Keep,
                "CUT" => Oversize::Cut,
                _ => Oversize::Empty,
            },
            step: recent.step.map(|n| u64::from(n) + 1),
            clear: recent.clear.map(u64::from),
            above: recent
                .above
                .map(u64::from)
                .filter(|_| recent.clear.is_some()),
            no_system: flag(1),
            no_summary: flag(2),
            no_pins: flag(3),
            rev: flag(4),
            any: flag(5),
        };
        let mut words = vec![args.max_tokens.to_string(), "WITHINFO".into()];
        for (name, value) in [
            ("MESSAGES", args.messages),
            ("STEP", args.step),
            ("CLEAR", args.clear),
            ("ABOVE", args.above),
        ] {
            if let Some(value) = value {
                words.extend([name.into(), value.to_string()]);
            }
        }
        words.extend(["OVERSIZE".into(), oversize.into()]);
        for (given, text) in [
            (args.start_user, "START USER"),
            (args.no_system, "NOSYSTEM"),
            (args.no_summary, "NOSUMMARY"),
            (args.no_pins, "NOPINS"),
            (args.rev, "REV"),
            (args.any, "ANY"),
        ] {
            if given {
                words.extend(text.split(' ').map(String::from));
            }
        }
        let reply = self.run("CONV.RECENT", &words);
        if args.max_tokens < 0 || self.conversation.is_none() {
            return;
        }
        let got = parsed(&reply.expect("a reply")).expect("a complete conversation");
        assert!(got.over || got.tokens <= args.max_tokens, "over the budget");
        let mut prompt = got.messages.clone();
        if args.rev {
            prompt.reverse();
        }
        check_valid_prompt(&prompt).expect("a valid prompt");
        if self.model.cuts(&args) {
            self.model
                .check_cut(&args, &got)
                .expect("a reply that is cut right");
        } else {
            assert_eq!(Some(got), self.model.recent(&args));
        }
    }
}

/// The reply of RECENT with WITHINFO.
fn parsed(reply: &[Tree]) -> Option<RecentReply> {
    let Some(Tree::Array(len)) = reply.get(2) else {
        return None;
    };
    let text = |element: &Tree| match element {
        Tree::Bulk(bytes) => String::from_utf8(bytes.clone()).expect("UTF-8"),
        other => panic!("{other:?}"),
    };
    let figure = |name: &str| {
        let name = Tree::Bulk(name.into());
        let at = reply.iter().rposition(|e| *e == name).expect("a figure");
        match reply[at + 1] {
            Tree::Integer(value) => value,
            ref other => panic!("{other:?}"),
        }
    };
    Some(RecentReply {
        messages: reply[3..3 + len].iter().map(text).collect(),
        tokens: figure("tokens"),
        first: figure("first"),
        last: figure("last"),
        skipped: figure("skipped"),
        summary: figure("summary") == 1,
        elided: figure("elided") == 1,
        over: figure("over") == 1,
        system: figure("system"),
        system_left_out: figure("system-left-out"),
        pinned: figure("pinned"),
        dropped: figure("dropped"),
        edited: figure("edited"),
        cleared: figure("cleared"),
        cut: figure("cut"),
    })
}

// The first count would load tables for some seconds.
fuzz_target!(init: { let _ = count(Encoding::O200K_BASE, "a"); }, |steps: Vec<Step>| {
    let mut pair = Pair {
        conversation: None,
        model: NaiveLog::default(),
    };
    for step in steps.iter().take(200) {
        pair.step(step);
    }
});
