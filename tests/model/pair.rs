//! A key on a primary and its replica, and replies in a form that can be compared.

use conv::commands::reply::Tree;
use conv::conversation::Conversation;
use conv::conversation::temperature::set_idle_seconds;
use conv::conversation::value::{Rest, Value};

use super::harness::{call, settle};
use super::stored::content;
use naive::ops::Reply;
use naive::{Oversize, RecentArgs, RecentReply};

/// A key on a primary and on a replica.
#[derive(Default)]
pub struct Pair {
    pub primary: Option<Conversation>,
    pub replica: Option<Conversation>,
    /// RECENT reads the conversation itself, so that later commands meet what it keeps for them. Otherwise it reads a copy,
    /// which keeps nothing, and counts stay pending.
    pub keeps: bool,
}

impl Pair {
    /// Runs a write at this time, on the replica as the effect that it has.
    pub fn run(&mut self, now: i64, name: &str, args: &[String]) -> Result<Vec<Tree>, String> {
        let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
        let (reply, effect) = call(&mut self.primary, now, name, &args);
        if let Some((header, payload)) = effect {
            let mut args: Vec<&[u8]> = vec![&header];
            args.extend(payload.iter().map(Vec::as_slice));
            call(&mut self.replica, now + 1_000_000, "CONV.EFFECT", &args)
                .0
                .expect("a replica takes every effect");
        }
        reply
    }

    /// CONV.RECENT on the primary.
    pub fn recent(&mut self, a: &RecentArgs) -> Option<RecentReply> {
        if self.keeps {
            recent_in_place(&mut self.primary, a)
        } else {
            recent(&self.primary, a)
        }
    }

    /// Compresses the primary as the server does when nobody uses it, and wakes it again.
    pub fn rest(&mut self) {
        let Some(conversation) = self.primary.take() else {
            return;
        };
        set_idle_seconds(0);
        let mut value = Value::new(conversation);
        while let Rest::Compress(jobs) = value.rest(true) {
            jobs.into_iter().for_each(|job| job.run());
        }
        self.primary = Some(woken(value));
    }

    /// Packs the primary as the server does between two turns, and wakes it again.
    pub fn pack(&mut self) {
        let Some(conversation) = self.primary.take() else {
            return;
        };
        let mut value = Value::new(conversation);
        value.pack();
        self.primary = Some(woken(value));
    }

    /// A copy that shares segments with the original.
    pub fn fork(&self, upto: Option<i64>) -> Self {
        let copy = |c: &Option<Conversation>| c.as_ref().map(|c| c.fork(upto).expect("memory"));
        Self {
            primary: copy(&self.primary),
            replica: copy(&self.replica),
            keeps: self.keeps,
        }
    }

    pub fn agree(&self) {
        match (&self.primary, &self.replica) {
            (None, None) => {}
            (Some(primary), Some(replica)) => assert_eq!(content(primary), content(replica)),
            _ => panic!("only one of primary and replica has the key"),
        }
    }

    /// A copy in which everything is counted.
    pub fn settled(&self) -> Option<Conversation> {
        let mut copy = self.primary.clone();
        copy.iter_mut().for_each(settle);
        copy
    }
}

/// The conversation of `value`, in use.
fn woken(mut value: Value) -> Conversation {
    let woken = value.wake(true).expect("what was packed wakes");
    let empty = Conversation::new(*woken.attributes(), 0);
    std::mem::replace(woken, empty)
}

/// A command that only reads, on a copy.
pub fn read(target: &Option<Conversation>, name: &str, args: &[String]) -> Vec<Tree> {
    read_in_place(&mut target.clone(), name, args)
}

fn read_in_place(target: &mut Option<Conversation>, name: &str, args: &[String]) -> Vec<Tree> {
    let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
    let (reply, effect) = call(target, 0, name, &args);
    assert!(effect.is_none(), "{name} changed something");
    reply.unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn bulk(text: &str) -> Tree {
    Tree::Bulk(text.as_bytes().to_vec())
}

/// The reply of the model, as the module would give it.
pub fn trees(reply: &Reply) -> Vec<Tree> {
    match reply {
        Reply::Ok => vec![Tree::Status("OK")],
        Reply::Error => unreachable!("compared before"),
        Reply::Nil => vec![Tree::Null],
        Reply::NilArray => vec![Tree::NullArray],
        Reply::Integer(n) => vec![Tree::Integer(*n)],
        Reply::Message(json) => vec![bulk(json)],
        Reply::Messages(list) => array(list),
    }
}

pub fn array(list: &[String]) -> Vec<Tree> {
    let mut trees = vec![Tree::Array(list.len())];
    trees.extend(list.iter().map(|json| bulk(json)));
    trees
}

/// What follows this name in a flat reply; the last of that name, as messages come first.
pub fn value<'t>(reply: &'t [Tree], name: &str) -> &'t Tree {
    let at = reply.iter().rposition(|e| *e == bulk(name));
    let at = at.unwrap_or_else(|| panic!("no {name} in {reply:?}"));
    &reply[at + 1]
}

/// The integer that follows this name in a flat reply.
pub fn figure(reply: &[Tree], name: &str) -> i64 {
    match value(reply, name) {
        Tree::Integer(value) => *value,
        other => panic!("{name}: {other:?}"),
    }
}

/// CONV.RECENT on a copy.
pub fn recent(target: &Option<Conversation>, a: &RecentArgs) -> Option<RecentReply> {
    recent_in_place(&mut target.clone(), a)
}

fn recent_in_place(target: &mut Option<Conversation>, a: &RecentArgs) -> Option<RecentReply> {
    let mut args = vec![a.max_tokens.to_string(), "WITHINFO".into()];
    for (name, number) in [
        ("messages", a.messages),
        ("STEP", a.step),
        ("CLEAR", a.clear),
        ("ABOVE", a.above),
    ] {
        if let Some(number) = number {
            args.extend([name.to_string(), number.to_string()]);
        }
    }
    let oversize = match a.oversize {
        Oversize::Empty => "",
        Oversize::Keep => "OVERSIZE KEEP",
        Oversize::Cut => "OVERSIZE CUT",
    };
    for (given, words) in [
        (a.start_user, "START user"),
        (a.oversize != Oversize::Empty, oversize),
        (a.no_system, "NOSYSTEM"),
        (a.no_summary, "NOSUMMARY"),
        (a.no_pins, "NOPINS"),
        (a.rev, "REV"),
        (a.any, "ANY"),
    ] {
        if given {
            args.extend(words.split(' ').map(String::from));
        }
    }
    let reply = read_in_place(target, "CONV.RECENT", &args);
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
        tokens: figure(&reply, "tokens"),
        first: figure(&reply, "first"),
        last: figure(&reply, "last"),
        skipped: figure(&reply, "skipped"),
        summary: figure(&reply, "summary") == 1,
        elided: figure(&reply, "elided") == 1,
        over: figure(&reply, "over") == 1,
        system: figure(&reply, "system"),
        system_left_out: figure(&reply, "system-left-out"),
        pinned: figure(&reply, "pinned"),
        dropped: figure(&reply, "dropped"),
        edited: figure(&reply, "edited"),
        cleared: figure(&reply, "cleared"),
        cut: figure(&reply, "cut"),
    })
}
