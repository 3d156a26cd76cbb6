//! Promise 2, and properties of the model itself.

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
