//! A key on a primary and its replica, and what RECENT replies.

use conv::commands::reply::Tree;
use conv::conversation::Conversation;

use super::harness::{call, settle};
use super::naive::{RecentArgs, RecentReply};
use super::stored::content;

/// A key on a primary and on a replica.
#[derive(Default)]
pub struct Pair {
    pub primary: Option<Conversation>,
    pub replica: Option<Conversation>,
    pub now: i64,
}

impl Pair {
    pub fn run(&mut self, name: &str, args: &[&str]) -> Result<Vec<Tree>, String> {
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

    pub fn agree(&self) {
        match (&self.primary, &self.replica) {
            (None, None) => {}
            (Some(primary), Some(replica)) => assert_eq!(content(primary), content(replica)),
            _ => panic!("only one of primary and replica has the key"),
        }
    }

    /// T(message) as the conversation says.
    pub fn tokens_of(&mut self, seq: i64) -> u64 {
        settle(self.primary.as_mut().expect("a conversation"));
        let reply = self.run("CONV.GET", &[&seq.to_string(), "WITHINFO"]);
        figure(&reply.expect("GET"), b"tokens").unsigned_abs()
    }
}

/// The integer that follows this name in a flat reply.
pub fn figure(reply: &[Tree], name: &[u8]) -> i64 {
    let at = reply
        .iter()
        .rposition(|e| matches!(e, Tree::Bulk(b) if b == name))
        .unwrap_or_else(|| panic!("no {} in {reply:?}", String::from_utf8_lossy(name)));
    match reply[at + 1] {
        Tree::Integer(value) => value,
        ref other => panic!("{other:?}"),
    }
}

pub fn recent(target: &Option<Conversation>, a: &RecentArgs) -> Option<RecentReply> {
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
