//! Hand-computed cases that pin how the naive model reads the contract, and a few properties of the model itself.

mod naive;

use naive::generate;
use naive::turns::{Kind, group};
use naive::{NaiveLog, NaiveSummary, RecentArgs, RecentReply, check_valid_prompt, read};
use proptest::prelude::*;

// ---- a small notation ------------------------------------------------------------------------------------------

/// `kind[.ids][=tokens]`, 10 tokens if not given. Chat: u a s d (developer) c (calls) t (tool) F (role function).
/// Anthropic: A (tool_use) R (tool_result). LangChain: lu la ls lc lt. Items: f (function_call) o (its output)
/// x (custom_tool_call) y (its output) r (reasoning) m (assistant message) mu (user message) w (web_search_call).
fn json_of(word: &str, n: i64) -> (String, u64) {
    let (word, tokens) = word.split_once('=').unwrap_or((word, "10"));
    let (kind, ids) = word.split_once('.').unwrap_or((word, ""));
    let ids: Vec<String> = ids.chars().map(String::from).collect();
    let one = ids.first().map_or("", |s| s.as_str());
    let each = |f: &dyn Fn(&String) -> String| ids.iter().map(f).collect::<Vec<_>>().join(",");
    let chat = |role: &str| format!(r#"{{"role":"{role}","content":"x","n":{n}}}"#);
    let lang = |kind: &str, more: String| {
        format!(r#"{{"type":"{kind}","data":{{"content":"x","n":{n}{more}}}}}"#)
    };
    let item = |kind: &str, more: String| format!(r#"{{"type":"{kind}","n":{n}{more}}}"#);
    let call_id = format!(r#","call_id":"{one}""#);
    let json = match kind {
        "u" => chat("user"),
        "a" => chat("assistant"),
        "s" => chat("system"),
        "d" => chat("developer"),
        "F" => chat("function"),
        "c" => {
            let calls = each(&|id| {
                format!(
                    r#"{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
                )
            });
            format!(r#"{{"role":"assistant","content":null,"n":{n},"tool_calls":[{calls}]}}"#)
        }
        "t" => format!(r#"{{"role":"tool","tool_call_id":"{one}","content":"x","n":{n}}}"#),
        "A" => {
            let blocks =
                each(&|id| format!(r#"{{"type":"tool_use","id":"{id}","name":"f","input":{{}}}}"#));
            format!(r#"{{"role":"assistant","n":{n},"content":[{blocks}]}}"#)
        }
        "R" => {
            let blocks = each(&|id| {
                format!(r#"{{"type":"tool_result","tool_use_id":"{id}","content":"x"}}"#)
            });
            format!(r#"{{"role":"user","n":{n},"content":[{blocks}]}}"#)
        }
        "lu" => lang("human", String::new()),
        "la" => lang("ai", String::new()),
        "ls" => lang("system", String::new()),
        "lc" => {
            let calls = each(&|id| format!(r#"{{"name":"f","args":{{}},"id":"{id}"}}"#));
            lang("ai", format!(r#","tool_calls":[{calls}]"#))
        }
        "lt" => lang("tool", format!(r#","tool_call_id":"{one}""#)),
        "f" => item("function_call", call_id + r#","name":"f","arguments":"{}""#),
        "o" => item("function_call_output", call_id + r#","output":"x""#),
        "x" => item("custom_tool_call", call_id + r#","name":"f","input":"x""#),
        "y" => item("custom_tool_call_output", call_id + r#","output":"x""#),
        "r" => item("reasoning", r#","summary":[]"#.into()),
        "m" => item("message", r#","role":"assistant","content":[]"#.into()),
        "mu" => item("message", r#","role":"user","content":[]"#.into()),
        "w" => item("web_search_call", String::new()),
        _ => panic!("{word}"),
    };
    (json, tokens.parse().unwrap())
}

fn log(words: &str) -> NaiveLog {
    let mut log = NaiveLog::default();
    for word in words.split_whitespace() {
        let (json, tokens) = json_of(word, log.next_seq);
        log.append(&json, tokens);
    }
    log
}

impl NaiveLog {
    fn summary(mut self, tokens: u64, upto: impl Into<Option<i64>>) -> Self {
        self.summary = Some(NaiveSummary {
            text: "sum".into(),
            upto: upto.into(),
            tokens,
        });
        self
    }

    fn incomplete(mut self) -> Self {
        self.complete = false;
        self
    }
}

/// `33 user keep step=5 n=2 nosystem nosummary any`
fn args(words: &str) -> RecentArgs {
    let mut words = words.split_whitespace();
    let mut a = RecentArgs {
        max_tokens: words.next().unwrap().parse().unwrap(),
        ..Default::default()
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("user", _) => a.start_user = true,
            ("keep", _) => a.keep = true,
            ("nosystem", _) => a.no_system = true,
            ("nosummary", _) => a.no_summary = true,
            ("any", _) => a.any = true,
            ("n", n) => a.messages = Some(n.parse().unwrap()),
            ("step", n) => a.step = Some(n.parse().unwrap()),
            _ => panic!("{word}"),
        }
    }
    a
}

/// Sequence numbers of the reply, S for the summary, then the flags.
fn show(log: &NaiveLog, r: &RecentReply) -> String {
    let seq = |json: &String| {
        log.messages
            .iter()
            .find(|m| m.json == *json)
            .map(|m| m.seq.to_string())
    };
    let mut words: Vec<String> = r
        .messages
        .iter()
        .map(|m| seq(m).unwrap_or_else(|| "S".into()))
        .collect();
    words.extend(r.elided.then(|| "elided".into()));
    words.extend(r.over.then(|| "over".into()));
    words.join(" ")
}

fn recent(log: &NaiveLog, a: &str) -> String {
    log.recent(&args(a))
        .map_or("miss".into(), |r| show(log, &r))
}

/// tokens, first, last, skipped
fn info(log: &NaiveLog, a: &str) -> (i64, i64, i64, i64) {
    let r = log.recent(&args(a)).unwrap();
    (r.tokens, r.first, r.last, r.skipped)
}

fn all(words: &str) -> String {
    recent(&log(words), "100000")
}

fn held(log: &NaiveLog) -> String {
    log.messages
        .iter()
        .map(|m| m.seq.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks many `(words, expected)` of a function.
fn table(f: impl Fn(&str) -> String, cases: &[(&str, &str)]) {
    for (words, expected) in cases {
        assert_eq!(f(words), *expected, "{words}");
    }
}

// ---- system messages and summary --------------------------------------------------------------------------------

#[test]
fn budget_is_max_tokens_less_three_and_equality_fits() {
    let l = log("u a u a");
    for (max, expected) in [
        (43, "1 2 3 4"),
        (42, "2 3 4"),
        (33, "2 3 4"),
        (32, "3 4"),
        (13, "4"),
        (12, ""),
        (0, ""),
    ] {
        assert_eq!(recent(&l, &max.to_string()), expected, "{max}");
    }
    assert_eq!(info(&l, "33"), (33, 2, 4, 1));
    assert_eq!(info(&l, "12"), (0, 0, 0, 4));
    // Messages of no tokens need the 3 of the reply all the same.
    let free = log("u=0 a=0");
    assert_eq!(
        (recent(&free, "3").as_str(), info(&free, "3")),
        ("1 2", (3, 1, 2, 0))
    );
    assert_eq!(
        (recent(&free, "2").as_str(), info(&free, "2")),
        ("", (0, 0, 0, 2))
    );
}

#[test]
fn system_messages_that_stand_first() {
    let l = log("s d u a");
    assert_eq!(recent(&l, "43"), "1 2 3 4");
    assert_eq!(
        (recent(&l, "42"), info(&l, "42")),
        ("1 2 4".into(), (33, 4, 4, 1))
    );
    // Together or not at all; left out they are no candidates, and the window has the whole budget.
    assert_eq!(
        (recent(&l, "22"), info(&l, "22")),
        ("4".into(), (13, 4, 4, 3))
    );
    assert_eq!(
        (recent(&l, "23"), info(&l, "23")),
        ("1 2".into(), (23, 0, 0, 2))
    );
    assert_eq!(
        (recent(&l, "1000 nosystem"), info(&l, "1000 nosystem")),
        ("3 4".into(), (23, 3, 4, 2))
    );
    // Only those that stand first now; others are groups by themselves.
    assert_eq!(recent(&log("u s a"), "23"), "2 3");
    let mut cut = log("u s a");
    cut.del(&[1]);
    assert_eq!(recent(&cut, "1000 nosystem"), "3");
    assert_eq!(recent(&log("ls lu"), "23"), "1 2");
}

#[test]
fn summary_is_taken_if_it_fits() {
    let l = log("s u a u a").summary(5, 3);
    assert_eq!(
        (recent(&l, "1000"), info(&l, "1000")),
        ("1 S 4 5".into(), (38, 4, 5, 2))
    );
    // It does not fit after the system message: then what it covers is a candidate again (but does not fit either).
    assert_eq!(recent(&l, "17"), "1");
    assert_eq!(
        (recent(&l, "18"), info(&l, "18")),
        ("1 S".into(), (18, 0, 0, 4))
    );
    assert_eq!(recent(&l, "1000 nosummary"), "1 2 3 4 5");
    assert!(!l.recent(&args("1000 nosummary")).unwrap().summary);
    assert_eq!(recent(&log("u a u").summary(50, 2), "33"), "1 2 3");
    // Without upto it only precedes the messages.
    assert_eq!(recent(&log("u a").summary(5, None), "1000"), "S 1 2");
    // An upto within the leading system messages changes nothing for them.
    assert_eq!(recent(&log("s s u").summary(5, 1), "1000"), "1 2 S 3");
    // All covered; "An empty reply with [...] a summary counts its tokens."
    assert_eq!(info(&log("u a").summary(5, 2), "1000"), (8, 0, 0, 2));
    assert_eq!(recent(&NaiveLog::default().summary(5, None), "8"), "S");
    assert_eq!(recent(&NaiveLog::default().summary(5, None), "7"), "");
}

#[test]
fn summary_as_a_message() {
    let first = |words: &str| {
        log(words)
            .summary(5, 1)
            .recent(&args("100"))
            .unwrap()
            .messages[0]
            .clone()
    };
    assert_eq!(first("u"), r#"{"role":"system","content":"sum"}"#);
    assert_eq!(
        first("lu u"),
        r#"{"type":"system","data":{"content":"sum"}}"#
    );
    assert_eq!(first("mu lu"), r#"{"role":"system","content":"sum"}"#);
}

// ---- turn groups and their corners --------------------------------------------------------------------------------

#[test]
fn turns_are_whole_or_absent() {
    let l = log("u c.ab t.a t.b a");
    for (max, expected) in [(53, "1 2 3 4 5"), (43, "2 3 4 5"), (42, "5"), (13, "5")] {
        assert_eq!(recent(&l, &max.to_string()), expected, "{max}");
    }
    // The first group that does not fit ends the window, also if an older one would fit.
    assert_eq!(recent(&log("u=1 a=50 u=1"), "20"), "3");
    table(
        all,
        &[
            // Any order of answers, every dialect, ids pair across dialects.
            ("c.ab t.b t.a", "1 2 3"),
            ("A.ab R.ab a", "1 2 3"),
            ("A.ab R.b R.a a", "1 2 3 4"),
            ("lc.ab lt.a lt.b la", "1 2 3 4"),
            ("f.a o.a m", "1 2 3"),
            ("x.a y.a", "1 2"),
            ("c.ab R.a lt.b u", "1 2 3 4"),
            // "The last answer completes it": an id may then be opened again.
            ("c.a t.a c.a t.a", "1 2 3 4"),
            // Legacy role function pairs nothing and ends a turn like any other message.
            ("c.a F t.a u", "2 4"),
            // Calls that name no id open nothing.
            ("w u", "1 2"),
        ],
    );
    // A completed turn and what follows it are two groups.
    assert_eq!(recent(&log("c.a t.a a"), "13"), "3");
    assert_eq!(recent(&log("f.a o.a f.b o.b"), "23"), "3 4");
}

#[test]
fn unanswered_turns() {
    table(
        all,
        &[
            // "Any other message ends it: with calls still unanswered it is never returned"
            ("c.a u", "2"),
            ("c.ab t.a u a", "3 4"),
            ("c.ab t.a c.b t.b", "3 4"),
            ("c.a s u", "2 3"),
            // The answer comes too late: an orphan.
            ("c.a u t.a", "2"),
            // "The newest group may still be open and is returned."
            ("u c.ab t.a", "1 2 3"),
            ("u c.ab", "1 2"),
            ("c.a c.b", "2"),
        ],
    );
    // It does not end the window: what is never returned is no group that could fail to fit.
    assert_eq!(recent(&log("u c.a=99 u"), "23"), "1 3");
    // An open newest group is whole or absent as well.
    assert_eq!(recent(&log("u c.ab t.a"), "22"), "");
}

#[test]
fn orphans() {
    table(
        all,
        &[
            ("t.a u", "2"),
            ("u t.a", "1"),
            // answered already
            ("c.a t.a t.a u", "1 2 4"),
            // does not end a turn, is left out of its middle
            ("c.ab t.a t.z t.a t.b u", "1 2 5 6"),
            ("c.a R.z t.a", "1 3"),
            // a message with several answers of which one is not open; it answers nothing
            ("A.a R.ab u", "3"),
            ("A.ab R.a R.ab R.b u", "1 2 4 5"),
            // "A message that answers one call twice is an orphan."
            ("A.a R.aa R.a u", "1 3 4"),
            // behind an open newest turn
            ("u c.a t.z", "1 2"),
        ],
    );
    // It is no user message, though its role is user.
    assert_eq!(recent(&log("R.z a"), "1000 user"), "");
    assert_eq!(info(&log("u t.z a"), "13"), (13, 3, 3, 2));
    assert_eq!(info(&log("u c.a t.z t.a"), "1000"), (33, 1, 4, 0));
    // A tool message that names no call answers none.
    let mut l = log("c.a t.a u");
    l.edit(2, r#"{"role":"tool","content":"x"}"#, 10);
    assert_eq!(recent(&l, "1000"), "3");
}

#[test]
fn responses_items_continue_a_turn() {
    table(
        all,
        &[
            ("f.a m o.a u", "1 2 3 4"),
            ("f.a f.b o.a o.b", "1 2 3 4"),
            ("f.a f.b o.a w m o.b u", "1 2 3 4 5 6 7"),
            ("f.ab o.a u", "1 2 3"),
            // a call opened within it must be answered within it
            ("f.a f.b o.a u", "4"),
            // answered, then opened again while another call is open
            ("f.a f.b o.a f.a o.b o.a u", "1 2 3 4 5 6 7"),
            ("f.a f.b o.a f.a o.b u", "6"),
            // an id that is open already stays open once
            ("f.a f.a o.a u", "1 2 3 4"),
            // user, system and developer messages end it, in any dialect
            ("f.a mu o.a", "2"),
            ("f.a s o.a", "2"),
            // messages of other dialects end it
            ("f.a a o.a", "2"),
            ("f.a la o.a", "2"),
            ("f.a c.b t.b o.a", "2 3"),
            // "nothing else does": items do not continue a turn that a chat message opened
            ("c.a m t.a u", "2 4"),
            ("c.a f.b o.b t.a u", "2 3 5"),
            ("A.a w R.a u", "2 4"),
            // the answers may come in any dialect
            ("f.a t.a u", "1 2 3"),
        ],
    );
    // It is one group.
    assert_eq!(recent(&log("f.a m o.a u"), "42"), "4");
    assert_eq!(recent(&log("f.a m f.b"), "33"), "1 2 3");
    assert_eq!(recent(&log("f.a m f.b"), "32"), "");
}

#[test]
fn reasoning_items() {
    table(
        all,
        &[
            ("r m u", "1 2 3"),
            ("r r f.a o.a u", "1 2 3 4 5"),
            ("r a", "1 2"),
            // "while there is none [...] it is never returned"
            ("u r", "1"),
            ("u r r", "1"),
            // "or if that is a user, system or developer message"
            ("r u", "2"),
            ("r mu a", "2 3"),
            ("u r s a", "1 3 4"),
            ("u r d a", "1 3 4"),
            ("r r u", "3"),
            // of a dangling turn
            ("r f.a u", "3"),
            // inside a turn
            ("f.a f.b o.a r o.b u", "1 2 3 4 5 6"),
            ("f.a r f.b o.a o.b u", "1 2 3 4 5 6"),
            // while nothing follows it in the newest, open turn
            ("u f.a r", "1 2"),
            ("u f.a r f.b", "1 2 3 4"),
            // its turn is ended by a message of another dialect: it belongs to that message
            ("f.a r a", "2 3"),
            // it ends a turn that no item opened
            ("c.a r t.a u", "4"),
            ("c.a r m", "2 3"),
            ("u c.a r", "1"),
            // "an orphan between it and its successor is passed over"
            ("r o.z m", "1 3"),
            ("r o.z u", "3"),
            ("r o.z", ""),
            // the newest turn
            ("u r f.a", "1 2 3"),
        ],
    );
    assert_eq!(recent(&log("r m"), "22"), "");
    assert_eq!(recent(&log("r m"), "23"), "1 2");
    assert_eq!(recent(&log("u r f.a o.a"), "32"), "");
    // Answered by a message of role user, which is no user message then.
    assert_eq!(all("f.a r R.a u"), "1 2 3 4");
}

#[test]
fn what_a_summary_leaves_of_a_turn_forms_groups_anew() {
    assert_eq!(recent(&log("c.ab t.a t.b a").summary(5, 2), "1000"), "S 4");
    assert_eq!(recent(&log("f.a m o.a u").summary(5, 1), "1000"), "S 2 4");
    assert_eq!(recent(&log("r m u").summary(5, 1), "1000"), "S 2 3");
    assert!(log("r m u").summary(5, 1).summary_cuts_a_group());
    assert!(!log("r m u").summary(5, 2).summary_cuts_a_group());
    assert!(log("c.a t.z t.a u").summary(5, 2).summary_cuts_a_group());
    assert!(!log("c.a t.z t.a u").summary(5, 3).summary_cuts_a_group());
}

#[test]
fn messages_limits_the_window() {
    let l = log("s u c.a t.a a").summary(5, None);
    // System messages and the summary do not count.
    for (n, expected) in [
        (1, "1 S 5"),
        (2, "1 S 5"),
        (3, "1 S 3 4 5"),
        (4, "1 S 2 3 4 5"),
        (9, "1 S 2 3 4 5"),
    ] {
        assert_eq!(recent(&l, &format!("1000 n={n}")), expected, "{n}");
    }
    assert_eq!(recent(&log("u a c.a t.a"), "1000 n=1"), "");
    // As well as the budget.
    assert_eq!(recent(&log("u a u"), "13 n=2"), "3");
}

// ---- START USER ---------------------------------------------------------------------------------------------------

#[test]
fn start_user_moves_forward() {
    let l = log("u a u a");
    assert_eq!(recent(&l, "43 user"), "1 2 3 4");
    assert_eq!(
        (recent(&l, "42 user"), info(&l, "42 user")),
        ("3 4".into(), (23, 3, 4, 2))
    );
    assert_eq!(recent(&log("a u a"), "1000 user"), "2 3");
    assert_eq!(recent(&log("a mu m"), "1000 user"), "2 3");
    assert_eq!(recent(&log("la lu"), "1000 user"), "2");
    // A tool result of role user is no user message.
    assert_eq!(recent(&log("u A.a R.a a"), "33 user"), "1 4 elided");
    // MESSAGES limits first.
    assert_eq!(recent(&log("u a u a"), "1000 user n=3"), "3 4");
    // The system messages stay.
    assert_eq!(recent(&log("s a u"), "1000 user"), "1 3");
}

#[test]
fn start_user_puts_the_nearest_earlier_user_message_in_front() {
    let l = log("u u=5 a c.a t.a c.b t.b a");
    // B = 30: the window would be 6 7 8; with the user message only 8 still fits.
    assert_eq!(recent(&l, "33 user"), "2 8 elided");
    assert_eq!(info(&l, "33 user"), (18, 8, 8, 6));
    // B = 35: 5 + 30.
    assert_eq!(recent(&l, "38 user"), "2 6 7 8 elided");
    assert_eq!(info(&l, "38 user"), (38, 6, 8, 4));
    // It and the newest group do not both fit.
    assert_eq!(recent(&l, "17 user"), "");
    assert_eq!(info(&l, "17 user"), (0, 0, 0, 8));
    assert_eq!(recent(&l, "18 user"), "2 8 elided");
    // "it counts for MESSAGES"
    assert_eq!(recent(&l, "1000 user n=4"), "2 6 7 8 elided");
    assert_eq!(recent(&l, "1000 user n=3"), "2 8 elided");
    assert_eq!(recent(&l, "1000 user n=1"), "");
    // Covered by a summary or not.
    let l = log("s u a a").summary(5, 2);
    assert_eq!(
        (recent(&l, "1000 user"), info(&l, "1000 user")),
        ("1 S 2 3 4 elided".into(), (48, 3, 4, 0))
    );
    let l = log("u a u a a").summary(5, 4);
    assert_eq!(
        (recent(&l, "1000 user"), info(&l, "1000 user")),
        ("S 3 5 elided".into(), (28, 5, 5, 3))
    );
    // No user message at all, or no window to put it before.
    assert_eq!(recent(&log("a a"), "1000 user"), "");
    assert_eq!(recent(&log("a a"), "1000 user keep"), "");
    assert_eq!(recent(&log("u a").summary(5, 2), "1000 user"), "S");
    // An orphan and an idle reasoning item between them stay out.
    assert_eq!(recent(&log("u t.z a=90 a"), "33 user"), "1 4 elided");
}

// ---- OVERSIZE -----------------------------------------------------------------------------------------------------

#[test]
fn oversize() {
    let l = log("s u c.a=50 t.a=50");
    assert_eq!(
        (recent(&l, "60"), info(&l, "60")),
        ("1".into(), (13, 0, 0, 3))
    );
    assert_eq!(
        (recent(&l, "60 keep"), info(&l, "60 keep")),
        ("1 3 4 over".into(), (113, 3, 4, 1))
    );
    assert_eq!(recent(&l, "113 keep"), "1 3 4");
    // "(under `START USER` with its user message in front, `elided` 1)", also if only both together do not fit
    assert_eq!(recent(&l, "60 keep user"), "1 2 3 4 elided over");
    assert_eq!(recent(&l, "122 keep user"), "1 2 3 4 elided over");
    assert_eq!(recent(&l, "123 keep user"), "1 2 3 4");
    assert_eq!(info(&l, "60 keep user"), (123, 3, 4, 0));
    // The newest group is a user message: nothing is put in front.
    assert_eq!(recent(&log("u u=90"), "50 keep user"), "2 over");
    // "No user message at all: empty, also with KEEP."
    assert_eq!(recent(&log("a a=90"), "50 keep user"), "");
    // "KEEP ignores MESSAGES", but "does not act on a group that fits but exceeds MESSAGES"
    assert_eq!(recent(&l, "60 keep n=1"), "1 3 4 over");
    assert_eq!(recent(&l, "1000 keep n=1"), "1");
    assert_eq!(recent(&l, "1000 keep user n=2"), "1");
    assert_eq!(recent(&l, "113 keep user n=2"), "1 2 3 4 elided over");
    // The newest group that may be returned; an older one that would fit is not looked for.
    assert_eq!(recent(&log("u=1 a=90 t.z r"), "50 keep"), "2 over");
    // Nothing to keep.
    assert_eq!(recent(&log("t.z"), "0 keep"), "");
    assert_eq!(recent(&log("u a").summary(5, 2), "8 keep"), "S");
    // Too small a budget even for the 3 of the reply.
    assert_eq!(
        (recent(&log("u=0"), "2 keep"), info(&log("u=0"), "2 keep")),
        ("1 over".into(), (3, 1, 1, 0))
    );
}

// ---- STEP ---------------------------------------------------------------------------------------------------------

#[test]
fn step_holds_the_start() {
    // B = 50, groups of 10, STEP 30: C = 60 needs offset 30 (ceil(10 / 30) * 30), and so on until C = 80.
    let tens = |n: usize| log(&"a ".repeat(n));
    for (n, first) in [
        (5, 1),
        (6, 4),
        (7, 4),
        (8, 4),
        (9, 7),
        (10, 7),
        (11, 7),
        (12, 10),
    ] {
        assert_eq!(
            tens(n).recent(&args("53 step=30")).unwrap().first,
            first,
            "{n}"
        );
    }
    // STEP 1 is the plain window where groups are of that size; equality needs no step.
    assert_eq!(recent(&tens(6), "53 step=1"), "2 3 4 5 6");
    assert_eq!(recent(&tens(5), "53 step=30"), "1 2 3 4 5");
    // The first group whose offset is at least that much, groups being whole: offsets 0 25 50.
    assert_eq!(recent(&log("a=25 a=25 a=25"), "53 step=10"), "3");
    assert_eq!(recent(&log("a=25 a=25 a=25"), "53 step=5"), "2 3");
    // "if no group starts there, the newest group, if it fits"
    assert_eq!(recent(&tens(6), "53 step=100"), "6");
    assert_eq!(recent(&log("a a=60"), "53 step=100"), "");
    assert_eq!(recent(&log("a a=60"), "53 step=100 keep"), "2 over");
    // Offsets count candidate groups only: no system messages, no summary, nothing that is never returned.
    assert_eq!(
        recent(&log("s t.z=99 c.z=99 a a a a a a"), "63 step=30"),
        "1 7 8 9"
    );
    let l = log("u a a a a a a a").summary(5, 2);
    assert_eq!(recent(&l, "58 step=30"), "S 6 7 8");
    assert_eq!(recent(&l, "58 step=30 nosummary"), "4 5 6 7 8");
    // MESSAGES as well.
    assert_eq!(recent(&tens(6), "53 step=30 n=2"), "5 6");
}

#[test]
fn step_is_decided_before_start_user() {
    // Offsets 0 10 .. 50; C = 60, B = 50: STEP 20 starts at 3.
    assert_eq!(recent(&log("u a u a a a"), "53 step=20 user"), "3 4 5 6");
    assert_eq!(recent(&log("u a a u a a"), "53 step=20 user"), "4 5 6");
    // No user message in STEP's window: put in front; "the groups that follow it are at most those of STEP's window".
    assert_eq!(
        recent(&log("u a a a a a"), "53 step=40 user"),
        "1 5 6 elided"
    );
    assert_eq!(recent(&log("u a a a a a"), "53 user"), "1 3 4 5 6 elided");
    assert_eq!(
        recent(&log("u=35 a a a a a"), "53 step=40 user"),
        "1 6 elided"
    );
    assert_eq!(recent(&log("u=45 a a a a a"), "53 step=40 user"), "");
    assert_eq!(
        recent(&log("u=45 a a a a a"), "53 step=40 user keep"),
        "1 6 elided over"
    );
}

// ---- misses --------------------------------------------------------------------------------------------------------

#[test]
fn hits_and_misses() {
    let l = log("s u a").incomplete();
    assert_eq!(recent(&l, "33"), "miss");
    assert_eq!(recent(&l, "33 any"), "1 2 3");
    // some candidate did not fit
    assert_eq!(recent(&l, "32"), "1 3");
    assert_eq!(recent(&l, "10"), "");
    // a window that MESSAGES ends
    assert_eq!(recent(&l, "33 n=2"), "miss");
    assert_eq!(recent(&l, "33 n=1"), "1 3");
    // A system message that does not fit is no candidate.
    assert_eq!(recent(&log("s=90 u").incomplete(), "13"), "miss");
    // No user message yet: older messages may have one.
    assert_eq!(recent(&log("a a").incomplete(), "1000 user"), "miss");
    // Nothing that could be returned.
    assert_eq!(recent(&log("t.z").incomplete(), "0"), "miss");
    assert_eq!(recent(&NaiveLog::default().incomplete(), "1000"), "miss");
    assert_eq!(recent(&NaiveLog::default(), "1000"), "");
    // "a summary is taken whose `upto` is at least the oldest number held"
    assert_eq!(
        recent(&log("u a").summary(5, 1).incomplete(), "1000"),
        "S 2"
    );
    assert_eq!(
        recent(&log("u a").summary(5, 0).incomplete(), "1000"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(5, None).incomplete(), "1000"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(5, 1).incomplete(), "1000 nosummary"),
        "miss"
    );
    assert_eq!(
        recent(&log("u a").summary(50, 1).incomplete(), "23"),
        "miss"
    );
    // what retention has cut
    let mut l = log("u a u").incomplete();
    l.retain(Some(3), None);
    assert_eq!(recent(&l, "1000"), "miss");
    l.retain(Some(2), None);
    assert_eq!(recent(&l, "1000"), "2 3");
    // KEEP: a candidate did not fit.
    assert_eq!(recent(&log("u").incomplete(), "5 keep"), "1 over");
}

// ---- numbering, DEL, POP, EDIT, retention, TRIM, SETSUMMARY ---------------------------------------------

#[test]
fn numbers_are_never_reused() {
    let mut l = log("u a u");
    assert_eq!(l.pop(2).len(), 2);
    assert_eq!(l.append(" {\"role\":\"user\"}\n", 1), 4);
    assert_eq!(l.messages.last().unwrap().json, r#"{"role":"user"}"#);
    assert_eq!((l.del(&[1, 2, 9]), held(&l).as_str()), (1, "4"));
    assert_eq!((l.pop(5).len(), l.pop(1).len(), l.next_seq), (1, 0, 5));
    let mut l = log("u a");
    assert_eq!(l.pop(9), [json_of("a", 2).0, json_of("u", 1).0]);
    assert!(!l.edit(1, "{}", 0));
}

#[test]
fn del_pop_and_edit_may_split_turns() {
    let mut l = log("u c.a t.a a");
    l.del(&[2]);
    assert_eq!(recent(&l, "1000"), "1 4");
    let mut l = log("u c.ab t.a t.b a");
    l.del(&[4]);
    assert_eq!(recent(&l, "1000"), "1 5");
    l.pop(1);
    assert_eq!(recent(&l, "1000"), "1 2 3");
    let mut l = log("u c.a a");
    assert!(l.edit(3, &json_of("t.a", 3).0, 10));
    assert_eq!(recent(&l, "1000"), "1 2 3");
    // The message that ended a turn is gone: the turn goes on.
    let mut l = log("c.a u t.a a");
    assert_eq!(recent(&l, "1000"), "2 4");
    l.del(&[2]);
    assert_eq!(recent(&l, "1000"), "1 3 4");
}

#[test]
fn retention_drops_the_oldest_units() {
    let by_count = |n: u64| {
        move |words: &str| {
            let mut l = log(words);
            l.retain(Some(n), None);
            held(&l)
        }
    };
    table(
        by_count(2),
        &[
            ("u a", "1 2"),
            ("u a u", "2 3"),
            // never a leading system message, though it counts
            ("s u a u", "1 4"),
            ("s s s u", "1 2 3 4"),
            // never half a tool turn
            ("u c.a t.a a", "4"),
            ("c.a t.a u", "3"),
            // never the newest group, orphans behind it included
            ("u c.ab t.a t.b", "2 3 4"),
            ("u a t.x t.y", "2 3 4"),
            ("u c.a t.x t.a", "2 3 4"),
            ("u f.a m", "2 3"),
            // orphans go one by one, those within a turn with it
            ("t.x t.y u a", "3 4"),
            ("t.x t.y u", "2 3"),
            ("c.a t.x t.a u", "4"),
            // an unanswered turn goes whole
            ("c.ab t.a u", "3"),
            // reasoning goes with its group
            ("r m u", "3"),
            ("r u a", "2 3"),
            // a system message that has come to stand first is a leading one
            ("u s a u", "2 4"),
            ("s u s a a", "1 3 5"),
            // without any group nothing is safe
            ("t.x t.y t.z", "2 3"),
        ],
    );
    let by_tokens = |words: &str| {
        let mut l = log(words);
        l.retain(None, Some(25));
        held(&l)
    };
    table(
        by_tokens,
        &[
            ("u=10 a=10 u=5", "1 2 3"),
            ("u=10 a=10 u=6", "2 3"),
            ("s=20 u=10 u=10", "1 3"),
            ("u=10 a=30", "2"),
            ("u=1 t.z=40 a", "3"),
        ],
    );
    let mut l = log("u a u a");
    l.retain(Some(3), Some(15));
    assert_eq!(held(&l), "4");
    l.retain(None, None);
    assert_eq!(held(&l), "4");
}

#[test]
fn trim_before() {
    for (words, seq, expected) in [
        ("u a u a", 3, "3 4"),
        ("u a u a", 1, "1 2 3 4"),
        ("u a u a", 99, "4"),
        ("s u a u", 99, "1 4"),
        ("u c.a t.a a", 3, "2 3 4"),
        ("u c.a t.a a", 4, "4"),
        ("u a t.x t.y", 99, "2 3 4"),
        ("u s a u", 4, "2 4"),
    ] {
        let mut l = log(words).incomplete();
        l.trim_before(seq);
        assert_eq!(held(&l), expected, "{words} {seq}");
        assert_eq!(l.complete, l.messages.len() < words.split(' ').count());
    }
}

#[test]
fn setsummary() {
    let mut l = log("u a u");
    assert!(!l.set_summary("", None, 0));
    assert!(l.set_summary("one", None, 5));
    assert_eq!(l.summary.as_ref().unwrap().upto, None);
    assert!(l.set_summary("two", Some(2), 5));
    assert!(!l.set_summary("late", Some(1), 5));
    assert!(l.set_summary("three", None, 5));
    assert_eq!(
        l.summary,
        Some(NaiveSummary {
            text: "three".into(),
            upto: Some(2),
            tokens: 5
        })
    );
    assert!(l.set_summary("four", Some(2), 5));
    assert!(l.set_summary("", Some(1), 0));
    assert_eq!(l.summary, None);
}

// ---- reading a message ----------------------------------------------------------------------------------------------

#[test]
fn reading() {
    // json; dialect, role, opens, answers, counted, fixed, media
    type Case<'a> = (
        &'a str,
        &'a str,
        &'a str,
        &'a str,
        &'a str,
        &'a str,
        u64,
        u64,
    );
    let cases: [Case; 27] = [
        (
            r#"{"role":"user","content":"hi","name":"bob"}"#,
            "openai",
            "user",
            "",
            "",
            "user|hi|bob",
            4,
            0,
        ),
        (
            r#"{"role":"user","content":["a",{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"u"}}]}"#,
            "openai",
            "user",
            "",
            "",
            "user|a|b",
            3,
            1,
        ),
        (
            r#"{"role":"assistant","content":null,"refusal":"no"}"#,
            "openai",
            "assistant",
            "",
            "",
            "assistant|no",
            3,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}"#,
            "openai",
            "assistant",
            "",
            "",
            "assistant|no",
            3,
            0,
        ),
        (
            r#"{"role":"user","content":{"text":"x"}}"#,
            "openai",
            "user",
            "",
            "",
            "user",
            3,
            0,
        ),
        (
            r#"{"role":"user","content":7}"#,
            "openai",
            "user",
            "",
            "",
            "user",
            3,
            0,
        ),
        (
            r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","custom":{"name":"g","input":"in"}}]}"#,
            "openai",
            "assistant",
            "a,b",
            "",
            "assistant|f|{}|g|in",
            5,
            0,
        ),
        (
            r#"{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"k":1}}}]}"#,
            "openai",
            "assistant",
            "",
            "",
            r#"assistant|f|{"k":1}"#,
            4,
            0,
        ),
        (
            r#"{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}"#,
            "openai",
            "assistant",
            "",
            "",
            "assistant|f|{}",
            4,
            0,
        ),
        (
            r#"{"role":"function","name":"f","content":"r"}"#,
            "openai",
            "function",
            "",
            "",
            "function|r|f",
            4,
            0,
        ),
        (
            r#"{"role":"tool","tool_call_id":"a","content":"r"}"#,
            "openai",
            "tool",
            "",
            "a",
            "tool|r",
            3,
            0,
        ),
        (
            r#"{"role":"user","tool_call_id":"a","content":"r"}"#,
            "openai",
            "user",
            "",
            "",
            "user|r",
            3,
            0,
        ),
        (
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"x"},{"type":"tool_use","id":"a","name":"f","input":{"k":[1,2]}}]}"#,
            "anthropic",
            "assistant",
            "a",
            "",
            r#"assistant|t|x|f|{"k":[1,2]}"#,
            4,
            0,
        ),
        (
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"r"},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"s"},{"type":"image","source":{}}]}]}"#,
            "anthropic",
            "user",
            "",
            "a,b",
            "user|r|s",
            3,
            1,
        ),
        (
            r#"{"type":"human","data":{"content":"hi","name":"bob","id":"m1"}}"#,
            "langchain",
            "user",
            "",
            "",
            "user|hi|bob",
            4,
            0,
        ),
        (
            r#"{"type":"ai","data":{"content":[{"type":"tool_use","id":"a","name":"f","input":{}}],"tool_calls":[{"name":"f","args":{"k":1},"id":"a"}]}}"#,
            "langchain",
            "assistant",
            "a",
            "",
            r#"assistant|f|{"k":1}"#,
            4,
            0,
        ),
        (
            r#"{"type":"human","data":{"content":[{"type":"tool_result","tool_use_id":"a","content":"r"}]}}"#,
            "langchain",
            "user",
            "",
            "",
            "user|r",
            3,
            0,
        ),
        (
            r#"{"type":"tool","data":{"content":"r","tool_call_id":"a"}}"#,
            "langchain",
            "tool",
            "",
            "a",
            "tool|r",
            3,
            0,
        ),
        (
            r#"{"type":"chat","data":{"content":"r","role":"critic"}}"#,
            "langchain",
            "critic",
            "",
            "",
            "critic|r",
            3,
            0,
        ),
        (
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_image"}]}"#,
            "responses",
            "user",
            "",
            "",
            "user|x",
            3,
            1,
        ),
        (
            r#"{"type":"function_call","call_id":"a","name":"f","arguments":"{}","id":"fc"}"#,
            "responses",
            "assistant",
            "a",
            "",
            "assistant|f|{}",
            4,
            0,
        ),
        (
            r#"{"type":"function_call","name":"f","arguments":"{}"}"#,
            "responses",
            "assistant",
            "",
            "",
            "assistant|f|{}",
            4,
            0,
        ),
        (
            r#"{"type":"custom_tool_call","call_id":"a","name":"f","input":"i"}"#,
            "responses",
            "assistant",
            "a",
            "",
            "assistant|f|i",
            4,
            0,
        ),
        (
            r#"{"type":"computer_call_output","call_id":"a","output":{"type":"computer_screenshot"}}"#,
            "responses",
            "tool",
            "",
            "a",
            "tool",
            3,
            0,
        ),
        (
            r#"{"type":"function_call_output","call_id":"a","output":"r"}"#,
            "responses",
            "tool",
            "",
            "a",
            "tool|r",
            3,
            0,
        ),
        (
            r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}]}"#,
            "responses",
            "assistant",
            "",
            "",
            "assistant|s",
            3,
            0,
        ),
        (
            r#"{"type":"whatever","content":"x"}"#,
            "responses",
            "assistant",
            "",
            "",
            "assistant|x",
            3,
            0,
        ),
    ];
    for (json, dialect, role, opens, answers, counted, fixed, media) in cases {
        let m = read(json).unwrap();
        let got = (
            m.dialect,
            &*m.role,
            &*m.opens.join(","),
            &*m.answers.join(","),
            &*m.counted.join("|"),
            m.fixed,
            m.media,
        );
        assert_eq!(
            got,
            (dialect, role, opens, answers, counted, fixed, media),
            "{json}"
        );
    }
    assert_eq!(
        read(r#"{"type":"human","data":{"content":"hi","id":"m1"}}"#)
            .unwrap()
            .id
            .as_deref(),
        Some("m1")
    );
    assert_eq!(
        read(r#"{"role":"user","id":"m2","id":"m3"}"#)
            .unwrap()
            .id
            .as_deref(),
        Some("m3")
    );
    assert_eq!(read(r#"{"role":"user","id":7}"#).unwrap().id, None);
    assert_eq!(
        read(r#"{"role":"user","role":"tool"}"#).unwrap().role,
        "tool"
    );
    assert!(read(r#"{"role":"tool","content":""}"#).unwrap().is_answer);
    // Surrogates, paired and not, and an escaped backslash before a `u`.
    let text = |json: &str| read(json).unwrap().counted[1].clone();
    assert_eq!(text(r#"{"role":"user","content":"\uD83D\uDE42"}"#), "🙂");
    assert_eq!(
        text(r#"{"role":"user","content":"\uD83Dx\uDE42"}"#),
        "\u{FFFD}x\u{FFFD}"
    );
    assert_eq!(
        text(r#"{"role":"user","content":"\uD83D\uD83D\uDE42"}"#),
        "\u{FFFD}🙂"
    );
    assert_eq!(text(r#"{"role":"user","content":"\\uD83D"}"#), "\\uD83D");
}

#[test]
fn refusals() {
    let long_role = format!(r#"{{"role":"{}"}}"#, "x".repeat(65));
    let deep = format!(
        r#"{{"role":"user","x":{}{}}}"#,
        "[".repeat(128),
        "]".repeat(128)
    );
    for json in [
        "",
        "x",
        "[]",
        "3",
        "{",
        "{}",
        r#"{"role":7}"#,
        r#"{"role":null}"#,
        r#"{"content":"x"}"#,
        r#"{"type":"message"}"#,
        r#"{"type":"strange","data":{}}"#,
        r#"{"type":"chat","data":{}}"#,
        r#"{"type":7}"#,
        r#"{"role":"user"} x"#,
        &long_role,
        &deep,
    ] {
        assert!(read(json).is_err(), "{json}");
    }
    assert!(read(&long_role.replace("xx", "x")).is_ok());
}

// ---- promise 2 -----------------------------------------------------------------------------------------------------

#[test]
fn valid_prompts() {
    let check = |words: &str| {
        let list: Vec<String> = log(words).messages.into_iter().map(|m| m.json).collect();
        check_valid_prompt(&list).is_ok()
    };
    for good in [
        "",
        "s u a",
        "c.ab t.b t.a u",
        "A.ab R.ab",
        "u c.ab t.a",
        "f.a m o.a mu",
        "f.a f.b o.a r o.b",
        "r m",
        "r f.a",
        "c.a t.a c.a t.a",
        "f.a f.b o.a f.a",
        "lc.a lt.a la",
        "c.a R.a",
    ] {
        assert!(check(good), "{good}");
    }
    for bad in [
        "t.a",
        "u R.a",
        "t.a c.a",
        "c.a u",
        "c.a u t.a",
        "c.a t.a t.a",
        "A.a R.aa",
        "A.a R.ab",
        "c.ab t.a u t.b",
        "c.a m t.a",
        "f.a a o.a",
        "f.a mu",
        "f.a f.b o.b u",
        "r",
        "r u",
        "r s a",
        "f.a o.a r",
        "c.a c.b t.b",
    ] {
        assert!(!check(bad), "{bad}");
    }
    assert!(check_valid_prompt(&[r#"{"role":"tool","content":"x"}"#.into()]).is_err());
}

// ---- properties of the model itself --------------------------------------------------------------------------------

/// Everything that holds of any reply, whatever the log.
fn check_reply(log: &NaiveLog, a: &RecentArgs, r: &RecentReply) -> Result<(), TestCaseError> {
    prop_assert!(
        check_valid_prompt(&r.messages).is_ok(),
        "{:?}",
        check_valid_prompt(&r.messages)
    );
    prop_assert!(r.tokens <= a.max_tokens || r.over);
    prop_assert!(!r.over || a.keep);
    prop_assert!(a.start_user || !r.elided);
    // Of backfilled messages one has the number 0, which also says "empty".
    prop_assert!((r.first == 0) == (r.last == 0) || log.lowest < 1);
    let window = log
        .messages
        .iter()
        .filter(|m| r.first != 0 && m.seq >= r.first && m.seq <= r.last);
    let shown = window.filter(|m| r.messages.contains(&m.json)).count() as u64;
    prop_assert!(
        r.over || a.messages.is_none_or(|n| shown + u64::from(r.elided) <= n) || r.first == 0
    );
    prop_assert!(r.skipped >= 0 && r.skipped <= log.messages.len() as i64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn replies_are_valid(log in generate::log(12), a in generate::recent_args()) {
        let a = a.on(&log);
        match log.recent(&a) {
            Some(r) => check_reply(&log, &a, &r)?,
            None => prop_assert!(!log.complete && !a.any),
        }
    }

    #[test]
    fn every_message_has_one_place(log in generate::log(12)) {
        let g = group(&log.reads());
        let mut all: Vec<usize> = g.groups.iter().flat_map(|g| g.members.clone()).collect();
        all.extend(g.orphans.iter().chain(&g.idle));
        all.sort();
        prop_assert_eq!(all, (0..log.messages.len()).collect::<Vec<_>>());
        let open = g.groups.iter().filter(|g| g.kind == Kind::Open).count();
        prop_assert!(open == 0 || open == 1 && g.groups.last().unwrap().kind == Kind::Open);
    }

    #[test]
    fn writes_keep_replies_valid(ops in naive::ops::ops(12), a in generate::recent_args()) {
        let mut log = NaiveLog::default();
        for op in &ops {
            let Some(step) = op.on(&log) else { continue };
            log.apply(&step);
            prop_assert!(log.messages.windows(2).all(|w| w[0].seq < w[1].seq));
            prop_assert!(log.messages.last().is_none_or(|m| m.seq < log.next_seq));
            let a = a.on(&log);
            check_reply(&log, &a, &log.recent(&a).unwrap())?;
        }
    }

    #[test]
    fn what_is_generated_can_be_read(m in generate::message()) {
        prop_assert!(read(&m).is_ok());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&m).unwrap().to_string(), m);
    }
}

/// The generator must reach the interesting cases often enough.
#[test]
fn the_generator_is_not_shy() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let strategy = (generate::log(12), generate::recent_args());
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for _ in 0..1000 {
        let (log, a) = strategy.new_tree(&mut runner).unwrap().current();
        let a = a.on(&log);
        let g = group(&log.reads());
        let several = g
            .groups
            .iter()
            .any(|g| g.kind == Kind::Whole && g.members.len() > 2);
        let interleaved = g
            .groups
            .iter()
            .any(|g| g.members.windows(2).any(|w| w[1] > w[0] + 1));
        let reply = log.recent(&a);
        let r = reply.as_ref();
        for (what, yes) in [
            ("orphans", !g.orphans.is_empty()),
            ("idle reasoning", !g.idle.is_empty()),
            (
                "dangling",
                g.groups.iter().any(|g| g.kind == Kind::Dangling),
            ),
            ("open", g.groups.iter().any(|g| g.kind == Kind::Open)),
            ("turn of several messages", several),
            ("interleaved orphans", interleaved),
            ("summary", r.is_some_and(|r| r.summary)),
            ("elided", r.is_some_and(|r| r.elided)),
            ("over", r.is_some_and(|r| r.over)),
            ("miss", r.is_none()),
            (
                "cut window",
                r.is_some_and(|r| r.first != 0 && r.skipped > 0),
            ),
            (
                "step matters",
                r.is_some()
                    && log.recent(&RecentArgs {
                        step: None,
                        ..a.clone()
                    }) != reply,
            ),
            ("summary cuts a group", log.summary_cuts_a_group()),
        ] {
            *seen.entry(what).or_default() += usize::from(yes);
        }
    }
    println!("{seen:?}");
    for (what, n) in &seen {
        assert!(*n >= 20, "{what}: {n} of 1000, {seen:?}");
    }
}
