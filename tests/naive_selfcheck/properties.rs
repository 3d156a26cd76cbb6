//! Guarantee 2, and properties of the model itself.

use std::collections::BTreeMap;

use naive::generate_mixed;
use naive::kinds::Class;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

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
        "k.fg n.g n.f",
        "c.ab n t.b",
        "c.ab P.a t.b",
        "c.a p t.a",
        "e.a E.a m",
        "A.aa R.aa",
        "S.a",
        "r w w m",
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
        "r la",
        "c.ab Q.a",
        "c.ab Q.a t.b",
        "c.a S.b t.a",
        "k.f t.a",
        "n",
        "e.a o.a",
        "c.a c.a t.a t.a",
        "f.a f.a o.a mu",
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
    let mut prompt = r.messages.clone();
    if a.rev {
        prompt.reverse();
    }
    prop_assert_eq!(check_valid_prompt(&prompt), Ok(()));
    prop_assert!(r.tokens <= a.max_tokens || r.over);
    prop_assert!(!r.over || a.oversize == Oversize::Keep);
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
    // Every message is somewhere: in the reply, before the window, within it, or after it.
    let after = match r.last {
        0 => 0,
        last => log.messages.iter().filter(|m| m.seq > last).count() as i64,
    };
    let shown = r.messages.len() as i64 - i64::from(r.summary);
    let all = shown + r.skipped + r.dropped + after;
    prop_assert!(all == log.messages.len() as i64 || log.lowest < 1);
    let lead = naive::turns::leading_system(&log.reads()) as i64;
    prop_assert_eq!(r.system + r.system_left_out, lead);
    // An edited message holds no result of another message, and still says something.
    let held: Vec<&str> = log.messages.iter().map(|m| &*m.json).collect();
    let others: Vec<&String> = r
        .messages
        .iter()
        .filter(|m| !held.contains(&m.as_str()))
        .collect();
    prop_assert_eq!(others.len() as i64, r.edited + i64::from(r.summary));
    for m in others.iter().filter(|_| a.clear.is_none()) {
        let m = read(m).unwrap();
        prop_assert!(!m.is_answer() && m.own_text);
    }
    prop_assert!(r.cleared == 0 || a.clear.is_some());
    prop_assert!(r.pinned == 0 || !a.no_pins);
    Ok(())
}

fn one_place(log: &NaiveLog) -> Result<(), TestCaseError> {
    let g = group(&log.reads());
    let mut all: Vec<usize> = g.groups.iter().flat_map(|g| g.members.clone()).collect();
    all.extend(g.orphans.iter().chain(&g.idle));
    all.sort();
    prop_assert_eq!(all, (0..log.messages.len()).collect::<Vec<_>>());
    let open = g.groups.iter().filter(|g| g.kind == Kind::Open).count();
    prop_assert!(open == 0 || open == 1 && g.groups.last().unwrap().kind == Kind::Open);
    let firsts: Vec<usize> = g.groups.iter().map(|g| g.members[0]).collect();
    prop_assert!(firsts.is_sorted());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn replies_are_valid(log in generate_recent::log(12), a in generate_recent::recent_args()) {
        let a = a.on(&log);
        match log.recent(&a) {
            Some(r) => check_reply(&log, &a, &r)?,
            None => prop_assert!(!log.complete && !a.any),
        }
    }

    #[test]
    fn replies_of_all_dialects_are_valid(log in generate_recent::mixed_log(12), a in generate_recent::recent_args()) {
        let a = a.on(&log);
        match log.recent(&a) {
            Some(r) => check_reply(&log, &a, &r)?,
            None => prop_assert!(!log.complete && !a.any),
        }
    }

    #[test]
    fn every_message_of_any_dialect_has_one_place(log in generate_recent::mixed_log(12)) {
        one_place(&log)?;
    }

    /// "no content counts as zero": every word of a message is in what counts.
    #[test]
    fn no_word_is_lost(m in generate_mixed::mixed_message()) {
        let read = read(&m).unwrap();
        let counted = read.counted.join(" ");
        let words = m.split(|c: char| !c.is_ascii_alphanumeric());
        for word in words.filter(|w| w.strip_prefix('w').is_some_and(|n| n.parse::<u32>().is_ok())) {
            prop_assert!(counted.contains(word), "{} of {}", word, m);
        }
    }

    #[test]
    fn every_message_has_one_place(log in generate_recent::log(12)) {
        one_place(&log)?;
    }

    #[test]
    fn writes_keep_replies_valid(ops in naive::generate_ops::ops(12), a in generate_recent::recent_args()) {
        let mut log = NaiveLog::default();
        for op in &ops {
            let Some(step) = op.on(&log) else { continue };
            log.apply(&step);
            prop_assert!(log.messages.windows(2).all(|w| w[0].seq < w[1].seq));
            prop_assert!(log.messages.last().is_none_or(|m| m.seq < log.next_seq));
            let a = a.on(&log);
            match log.recent(&a) {
                Some(r) => check_reply(&log, &a, &r)?,
                None => prop_assert!(!log.complete && !a.any),
            }
        }
    }

    #[test]
    fn writes_of_all_dialects_keep_replies_valid(ops in naive::generate_ops::mixed_ops(12), a in generate_recent::recent_args()) {
        let mut log = NaiveLog::default();
        for op in &ops {
            let Some(step) = op.on(&log) else { continue };
            log.apply(&step);
            let a = a.on(&log);
            match log.recent(&a) {
                Some(r) => check_reply(&log, &a, &r)?,
                None => prop_assert!(!log.complete && !a.any),
            }
        }
    }

    #[test]
    fn what_is_generated_can_be_read(m in generate::message()) {
        prop_assert!(read(&m).is_ok());
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&m).unwrap().to_string(), m);
    }
}

/// The generators must reach the interesting cases often enough.
#[test]
fn the_generator_is_not_shy() {
    let seen = interesting(generate_recent::log(12));
    for (what, n) in &seen {
        let new = ["unread", "approvals"].contains(what);
        assert!(*n >= 20 || new, "{what}: {n} of 1000, {seen:?}");
    }
}

#[test]
fn the_generator_of_all_dialects_is_not_shy() {
    let seen = interesting(generate_recent::mixed_log(12));
    for (what, n) in &seen {
        assert!(*n >= 20, "{what}: {n} of 1000, {seen:?}");
    }
}

fn interesting(logs: impl Strategy<Value = NaiveLog>) -> BTreeMap<&'static str, usize> {
    let mut runner = TestRunner::deterministic();
    let strategy = (logs, generate_recent::recent_args());
    let mut seen = BTreeMap::<&str, usize>::new();
    for _ in 0..1000 {
        let (log, a) = strategy.new_tree(&mut runner).unwrap().current();
        let a = a.on(&log);
        let reads = log.reads();
        let g = group(&reads);
        let several = |g: &naive::turns::Group| g.kind == Kind::Whole && g.members.len() > 2;
        let interleaved = |g: &naive::turns::Group| g.members.windows(2).any(|w| w[1] > w[0] + 1);
        let reply = log.recent(&a);
        let r = reply.as_ref();
        let cut = r.is_some_and(|r| r.first != 0 && r.skipped > 0);
        let stepless = RecentArgs {
            step: None,
            ..a.clone()
        };
        let steps = r.is_some() && log.recent(&stepless) != reply;
        for (what, yes) in [
            ("orphans", !g.orphans.is_empty()),
            ("idle reasoning", !g.idle.is_empty()),
            (
                "dangling",
                g.groups.iter().any(|g| g.kind == Kind::Dangling),
            ),
            ("open", g.groups.iter().any(|g| g.kind == Kind::Open)),
            ("turn of several messages", g.groups.iter().any(several)),
            ("interleaved orphans", g.groups.iter().any(interleaved)),
            ("summary", r.is_some_and(|r| r.summary)),
            ("elided", r.is_some_and(|r| r.elided)),
            ("over", r.is_some_and(|r| r.over)),
            ("miss", r.is_none()),
            ("cut window", cut),
            ("dropped", r.is_some_and(|r| r.dropped > 0)),
            ("step matters", steps),
            ("summary cuts a group", log.summary_cuts_a_group()),
            ("edited", r.is_some_and(|r| r.edited > r.cleared)),
            ("cleared", r.is_some_and(|r| r.cleared > 0)),
            ("pinned", r.is_some_and(|r| r.pinned > 0)),
            ("cut to fit", log.cuts(&a)),
            (
                "user edited",
                g.edited.iter().any(|&i| reads[i].class == Class::User),
            ),
            ("unread", reads.iter().any(|m| m.unread)),
            ("approvals", reads.iter().any(|m| m.is_approval())),
        ] {
            *seen.entry(what).or_default() += usize::from(yes);
        }
    }
    println!("{seen:?}");
    seen
}
