//! RECENT on any messages with any options: within its budget, a list that chat APIs accept, and what the naive model
//! of the contract selects.
#![no_main]

#[path = "../../tests/naive/mod.rs"]
mod naive;

use arbitrary::Arbitrary;
use conv::commands::arg_parser::Args;
use conv::commands::reply::Tree;
use conv::commands::spec::{COMMANDS, Handler};
use conv::commands::{Env, commit};
use conv::conversation::Conversation;
use conv::settings::Settings;
use conv::tokens::Inline;
use libfuzzer_sys::fuzz_target;
use naive::{NaiveLog, RecentArgs, RecentReply, check_valid_prompt};

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
    /// A message, with a count that the caller gives.
    Append(u8, u8),
    Edit(u8, u8),
    Del(u8),
    /// A summary up to a message.
    Summary(u8),
    Recent(Recent),
}

#[derive(Debug, Arbitrary)]
struct Recent {
    max_tokens: u16,
    messages: Option<u8>,
    step: Option<u8>,
    /// START USER, OVERSIZE KEEP, NOSYSTEM, NOSUMMARY, ANY.
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
            last_try: false,
        };
        let mut args = Args::new(spec.name, &words);
        let mut reply: Vec<Tree> = Vec::new();
        match spec.handler {
            Handler::Read(read) => {
                read(&mut args, self.conversation.as_ref(), &env, &mut reply).ok()?;
            }
            Handler::MultiKey(_) => {}
            Handler::Write(write) | Handler::WriteInput(write, _) | Handler::Replay(write) => {
                let effect = write(&mut args, self.conversation.as_ref(), &env, &mut reply).ok()?;
                if let Some(mut effect) = effect {
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
        match step {
            Step::Append(n, tokens) => {
                let json = message(n);
                let words = ["TOKENS".into(), tokens.to_string(), json.clone()];
                self.run("CONV.APPEND", &words).expect("it is appended");
                self.model.append(&json, u64::from(*tokens));
            }
            Step::Edit(seq, n) => {
                let seq = i64::from(*seq);
                let done = self.run("CONV.EDIT", &[seq.to_string(), message(n)]);
                let tokens = done.is_some().then(|| self.tokens_of(seq));
                let edited = self.model.edit(seq, &message(n), tokens.unwrap_or_default());
                assert_eq!(done.is_some(), edited);
            }
            Step::Del(seq) => {
                let _ = self.run("CONV.DEL", &[seq.to_string()]);
                self.model.del(&[i64::from(*seq)]);
            }
            Step::Summary(upto) => {
                let text = "so far".to_string();
                let words = [text.clone(), "UPTO".into(), upto.to_string()];
                if self.run("CONV.SETSUMMARY", &words) == Some(vec![Tree::Integer(1)]) {
                    let conversation = self.conversation.as_ref().expect("it is there");
                    let tokens = conversation.summary().map_or(0, |s| s.tokens.known().map_or(0, u64::from));
                    self.model.set_summary(&text, Some(i64::from(*upto)), tokens);
                }
            }
            Step::Recent(recent) => self.recent(recent),
        }
    }

    /// T(message) as the conversation says: counting is not what this is about.
    fn tokens_of(&self, seq: i64) -> u64 {
        let log = self.conversation.as_ref().expect("it is there").log();
        let position = log.find(seq).expect("it is held");
        log.get(position).map_or(0, |m| u64::from(m.tokens))
    }

    fn recent(&mut self, recent: &Recent) {
        let flag = |bit: u8| recent.flags & (1 << bit) != 0;
        let args = RecentArgs {
            max_tokens: i64::from(recent.max_tokens) - 2,
            messages: recent.messages.map(|n| u64::from(n) + 1),
            start_user: flag(0),
            keep: flag(1),
            step: recent.step.map(|n| u64::from(n) + 1),
            no_system: flag(2),
            no_summary: flag(3),
            any: flag(4),
        };
        let mut words = vec![args.max_tokens.to_string(), "WITHINFO".into()];
        for (name, value) in [("MESSAGES", args.messages), ("STEP", args.step)] {
            if let Some(value) = value {
                words.extend([name.into(), value.to_string()]);
            }
        }
        for (given, text) in [
            (args.start_user, "START USER"),
            (args.keep, "OVERSIZE KEEP"),
            (args.no_system, "NOSYSTEM"),
            (args.no_summary, "NOSUMMARY"),
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
        check_valid_prompt(&got.messages).expect("a valid prompt");
        assert_eq!(Some(got), self.model.recent(&args));
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

fuzz_target!(|steps: Vec<Step>| {
    let mut pair = Pair {
        conversation: None,
        model: NaiveLog::default(),
    };
    for step in steps.iter().take(200) {
        pair.step(step);
    }
});
