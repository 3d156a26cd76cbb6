//! Groups of calls without ids, of messages with results and text, of approvals and of reasoning items.

use super::*;

#[test]
fn results_without_ids() {
    table(
        all,
        &[
            ("k.f n u", "1 2 3"),
            ("k.fg n.g n.f u", "1 2 3 4"),
            ("k.ff n.f n.f u", "1 2 3 4"),
            ("k.fg n.f u", "3"),
            ("u k.fg n.f", "1 2 3"),
            // "failing that, the oldest open call without an id"
            ("k.f n.g u", "1 2 3"),
            // "failing that, the oldest open call"
            ("c.ab n.g t.b u", "1 2 3 4"),
            ("c.ab n.g t.a u", "4"),
            // "A result *with* an id never answers a call without one."
            ("k.f t.a u", "3"),
            ("k.f t.a n.f u", "1 3 4"),
            // nothing is open
            ("n u", "2"),
            ("k.f n n u", "1 2 4"),
        ],
    );
}

#[test]
fn results_and_text() {
    table(
        all,
        &[
            // of role user: it completes the turn, or ends it
            ("c.a Q.a u", "1 2 3"),
            ("c.ab t.a Q.b u", "1 2 3 4"),
            ("c.ab Q.a u", "2e 3"),
            ("c.ab Q.a t.b u", "2e 4"),
            ("c.ab t.a Q.b a Q.b", "1 2 3 4 5e"),
            // with an orphan it answers nothing
            ("Q.z", "1e"),
            ("c.a Q.z u", "2e 3"),
            ("c.a Q.az u", "2e 3"),
            ("c.a Q.aa t.a", "2e"),
            ("c.a t.a Q.a u", "1 2 3e 4"),
            // of another role: it stays in the turn that it answers
            ("c.a P.a u", "1 2 3"),
            ("c.ab P.a t.b u", "1 2 3 4"),
            ("u c.ab P.a", "1 2 3"),
            // "with an orphaned result it ends the turn"
            ("c.a P.z t.a u", "2e 4"),
            ("f.a P.z o.a m", "2e 4"),
        ],
    );
    let l = log("u Q.z a");
    let r = l.recent(&args("100")).unwrap();
    assert_eq!((r.edited, r.tokens), (1, 33));
    assert_eq!(
        r.messages[1],
        r#"{"role":"user","n":2,"content":[{"type":"text","text":"and"}]}"#
    );
    // It is a user message then.
    assert_eq!(recent(&log("a Q.z a"), "100 user"), "2e 3");
    assert_eq!(recent(&log("Q.z a a a"), "33 user"), "1e 3 4 elided");
    assert_eq!(recent(&log("c.ab Q.a a a"), "23 user"), "2e 4 elided");
    // One that answers is not.
    assert_eq!(recent(&log("u c.a Q.a a"), "23 user"), "1 4 elided");
}

#[test]
fn calls_with_their_results() {
    table(
        all,
        &[
            ("S.a u", "1 2"),
            ("u S.a", "1 2"),
            // the call is closed: a result that comes later is an orphan
            ("S.a t.a u", "1 3"),
            // it ends a turn like any other message
            ("c.a S.b t.a u", "2 4"),
            ("c.a S.a t.a u", "2 4"),
        ],
    );
}

#[test]
fn approvals() {
    table(
        all,
        &[
            ("c.a p t.a u", "1 2 3 4"),
            ("c.ab t.a p t.b u", "1 2 3 4 5"),
            ("c.a p u", "3"),
            ("u c.a p", "1 2 3"),
            ("p u", "1 2"),
            // an approval request is answered by its response, and by nothing else
            ("e.a E.a m u", "1 2 3 4"),
            ("e.a u", "2"),
            ("e.a o.a E.a u", "1 3 4"),
            ("e.a n E.a u", "1 3 4"),
            ("f.a E.a o.a u", "1 3 4"),
            ("e.a m E.a u", "1 2 3 4"),
            ("E.a u", "2"),
        ],
    );
}

#[test]
fn reasoning_groups() {
    let whole = |words: &str| {
        let l = log(words);
        let total = l.total_tokens() + 3;
        let all: Vec<String> = (1..l.next_seq).map(|n| n.to_string()).collect();
        assert_eq!(recent(&l, &total.to_string()), all.join(" "), "{words}");
        recent(&l, &(total - 1).to_string())
    };
    // One group: nothing of it comes back one token below.
    for words in [
        "r m",
        "r w w m",
        "r m f.a o.a",
        "r r w m m",
        "r a a",
        "r a m",
        "r c.a t.a",
        "r f.a f.b o.a m o.b",
        "r m f.a f.b o.a r o.b",
        "r S.a m",
    ] {
        assert_eq!(whole(words), "", "{words}");
    }
    // Two groups.
    for (words, newest) in [
        ("r w r m", "3 4"),
        ("r f.a o.a m", "4"),
        ("r m u", "3"),
        ("r f.a o.a r m", "4 5"),
        ("m r m", "2 3"),
        ("r w r f.a o.a", "3 4 5"),
    ] {
        assert_eq!(whole(words), newest, "{words}");
    }
    table(
        all,
        &[
            // "by a message that cannot belong to the group"
            ("r la u", "2 3"),
            ("r Q.z u", "2e 3"),
            ("r P.z m", "2e 3"),
            ("r m la m", "1 2 3 4"),
            // "an orphaned output between them is skipped"
            ("r w o.z m", "1 2 4"),
            ("r m r u", "1 2 4"),
            ("r w s m", "1 2 3 4"),
            // calls that are open decide: "nothing else does" continue a turn of a chat message
            ("r c.a m t.a u", "3 5"),
            ("r f.a a o.a u", "3 5"),
            ("r w f.a u", "4"),
        ],
    );
}

#[test]
fn what_info_counts() {
    let info = |words: &str, a: &str| {
        let r = log(words).recent(&args(a)).unwrap();
        (r.system, r.system_left_out, r.dropped, r.skipped)
    };
    assert_eq!(info("s s u a", "100"), (2, 0, 0, 0));
    assert_eq!(info("s s u a", "100 nosystem"), (0, 2, 0, 2));
    assert_eq!(info("s s u a", "22"), (0, 2, 0, 3));
    assert_eq!(info("u t.z c.a t.y t.a r u", "100"), (0, 0, 3, 0));
    assert_eq!(info("c.a u t.a t.b", "100"), (0, 0, 0, 1));
    assert_eq!(info("u s a", "100"), (0, 0, 0, 0));
}

#[test]
fn edited_messages() {
    for (json, edited) in [
        (
            r#"{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}},{"text":"t"}]}"#,
            r#"{"role":"user","parts":[{"text":"t"}]}"#,
        ),
        (
            r#"{"role":"user","content":[{"text":"a"},{"toolResult":{"toolUseId":"z","content":[]}},{"text":"b"}],"n":[1, 2]}"#,
            r#"{"role":"user","content":[{"text":"a"},{"text":"b"}],"n":[1, 2]}"#,
        ),
        (
            r#"{"uuid":"u","message":{"content":[{"type":"tool_result","tool_use_id":"z"},{"type":"text","text":"\u0074"}],"role":"user"}}"#,
            r#"{"uuid":"u","message":{"content":[{"type":"text","text":"\u0074"}],"role":"user"}}"#,
        ),
        // A result of a call in the same message stays.
        (
            r#"{"role":"assistant","content":[{"type":"server_tool_use","id":"a"},{"type":"web_search_tool_result","tool_use_id":"a"},{"type":"web_search_tool_result","tool_use_id":"z"},"t"]}"#,
            r#"{"role":"assistant","content":[{"type":"server_tool_use","id":"a"},{"type":"web_search_tool_result","tool_use_id":"a"},"t"]}"#,
        ),
    ] {
        let mut log = NaiveLog::default();
        log.append(json, 10);
        let r = log.recent(&args("13")).unwrap();
        assert_eq!((r.messages, r.edited), (vec![edited.to_string()], 1));
    }
    // A message of role tool is a result, whatever stands in it.
    let mut log = NaiveLog::default();
    log.append(
        r#"{"role":"tool","content":[{"type":"tool-result","toolCallId":"z","output":"x"},{"type":"text","text":"t"}]}"#,
        10,
    );
    assert_eq!(recent(&log, "13"), "");
}
