//! Case files of a directory that `CONV_CASES` names: messages with what must be read in them and how they belong together.

use super::*;
use naive::json::Value;
use naive::message::NaiveRead;
use std::collections::BTreeSet;

/// T(message) in o200k_base with the default attributes.
fn tokens(m: &NaiveRead) -> u64 {
    let bpe = tiktoken_rs::o200k_base_singleton();
    let texts: usize = m
        .counted
        .iter()
        .map(|text| bpe.encode_ordinary(text).len())
        .sum();
    m.fixed + 85 * m.media + texts as u64
}

/// Counted strings besides the role, the name and those of calls, sorted.
fn texts(m: &NaiveRead) -> Vec<String> {
    let mut texts = m.counted[1..].to_vec();
    let calls = m.calls.iter();
    let others = calls.flat_map(|c| [c.name.clone(), c.arguments.clone()]);
    for other in others.chain([m.name.clone()]).flatten() {
        let at = texts.iter().position(|t| *t == other).expect(&other);
        texts.remove(at);
    }
    texts.retain(|t| !t.is_empty());
    texts.sort();
    texts
}

fn strings(v: &Value, key: &str) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("").to_string();
    v.list(key).iter().map(text).collect()
}

fn number(v: &Value) -> u64 {
    v.raw.parse().expect(&v.raw)
}

fn numbers(list: &[Value]) -> Vec<usize> {
    list.iter().map(|v| number(v) as usize).collect()
}

fn indices(case: &Value, key: &str) -> BTreeSet<usize> {
    numbers(case.list(key)).into_iter().collect()
}

fn check_read(what: &str, m: &NaiveRead, expect: &Value, open: bool, edited: bool) {
    // "unless its results are orphans and it has text of its own"
    let class = if edited { m.class } else { m.class_in_log() };
    assert_eq!(Some(class.word()), expect.text("class"), "{what}: class");
    assert_eq!(edited, expect.get("question").is_some(), "{what}: question");
    assert_eq!(Some(&*m.role), expect.text("role"), "{what}: role");
    let mut wanted = strings(expect, "texts");
    wanted.sort();
    // Where the case leaves open what counts, the texts are one reading of several.
    if !open {
        assert_eq!(texts(m), wanted, "{what}: texts");
    }
    let calls: Vec<Vec<String>> = m
        .calls
        .iter()
        .map(|c| [&c.id, &c.name, &c.arguments].map(|s| s.clone().unwrap_or_default()))
        .map(Vec::from)
        .collect();
    let text = |v: &Value| v.as_str().unwrap_or("").to_string();
    let wanted: Vec<Vec<String>> = expect
        .list("calls")
        .iter()
        .map(|c| c.as_list().unwrap().iter().map(text).collect())
        .collect();
    assert_eq!(calls, wanted, "{what}: calls");
    let answers: Vec<String> = m
        .results
        .iter()
        .map(|r| r.id.clone().unwrap_or_default())
        .collect();
    assert_eq!(answers, strings(expect, "answers"), "{what}: answers");
    let media = number(expect.get("media").unwrap());
    assert_eq!(m.media, media, "{what}: media");
    assert_eq!(m.name.as_deref(), expect.text("name"), "{what}: name");
    if let Some(unread) = expect.get("unread") {
        assert_eq!(u64::from(m.unread), number(unread), "{what}: unread");
    }
    let wanted = expect.get("tokens").unwrap();
    match wanted.as_list() {
        Some(list) => assert!(
            numbers(list).contains(&(tokens(m) as usize)),
            "{what}: {} tokens, {}, {:?}",
            tokens(m),
            wanted.raw,
            m.counted
        ),
        None => assert_eq!(tokens(m), number(wanted), "{what}: tokens"),
    }
}

/// Which of the held messages a reply has, and those that came back edited.
fn returned(log: &NaiveLog, reply: &RecentReply) -> (BTreeSet<usize>, Vec<(usize, String)>) {
    let mut held = BTreeSet::new();
    let mut edited = vec![];
    let mut from = 0;
    for message in &reply.messages {
        let same = |i: &usize| {
            let m = &log.messages[*i];
            m.json == *message || read(&m.json).unwrap().edited(&m.json) == *message
        };
        let i = (from..log.messages.len()).find(same).expect(message);
        if log.messages[i].json != *message {
            edited.push((i, message.clone()));
        }
        held.insert(i);
        from = i + 1;
    }
    (held, edited)
}

fn check_case(name: &str, case: &Value) {
    let refused = indices(case, "refused");
    let expect = case.list("expect");
    let edits: Vec<(usize, serde_json::Value)> = case
        .get("edited")
        .map_or(&[][..], Value::fields)
        .iter()
        .map(|(i, v)| (i.parse().unwrap(), serde_json::from_str(&v.raw).unwrap()))
        .collect();

    // Positions of the held messages, by their index in the case.
    let mut at = vec![];
    let mut log = NaiveLog::default();
    for (i, (m, expect)) in case.list("messages").iter().zip(expect).enumerate() {
        let what = format!("{name}, message {i}");
        assert_eq!(expect.get("refused").is_some(), refused.contains(&i));
        at.push(log.messages.len());
        match read(&m.raw) {
            Err(e) => assert!(refused.contains(&i), "{what}: {e}"),
            Ok(m) if refused.contains(&i) => panic!("{what}: {m:?}"),
            Ok(read) => {
                let open = expect.get("tokens").is_some_and(|t| t.as_list().is_some());
                let edited = edits.iter().any(|(k, _)| *k == i);
                check_read(&what, &read, expect, open, edited);
                log.append(&m.raw, tokens(&read));
            }
        }
    }
    let never: BTreeSet<usize> = indices(case, "never").iter().map(|&i| at[i]).collect();
    let mut together: Vec<Vec<usize>> = vec![];
    for list in case.list("pairs").iter().chain(case.list("groups")) {
        let list = numbers(list.as_list().unwrap());
        together.push(list.iter().map(|&i| at[i]).collect());
    }

    let total = log.total_tokens() as i64 + 3;
    for budget in 0..=total {
        for user in [false, true] {
            let a = RecentArgs {
                max_tokens: budget,
                start_user: user,
                ..Default::default()
            };
            let reply = log.recent(&a).unwrap();
            let (held, edited) = returned(&log, &reply);
            let what = format!("{name} at {budget}, user {user}: {held:?}");
            assert!(reply.tokens <= budget, "{what}");
            assert_eq!(check_valid_prompt(&reply.messages), Ok(()), "{what}");
            assert!(held.is_disjoint(&never), "{what}");
            for list in &together {
                let n = list.iter().filter(|i| held.contains(i)).count();
                assert!(n == 0 || n == list.len(), "{what}: {list:?} is torn");
            }
            for (i, message) in edited {
                let k = at.iter().position(|&p| p == i).unwrap();
                let wanted = edits.iter().find(|(e, _)| *e == k).expect(&what);
                let got: serde_json::Value = serde_json::from_str(&message).unwrap();
                assert_eq!(got, wanted.1, "{what}");
            }
            if budget == total && !user {
                let all = (0..log.messages.len()).filter(|i| !never.contains(i));
                assert_eq!(held, all.collect(), "{what}");
                assert_eq!(reply.edited as usize, edits.len(), "{what}");
            }
            if user && !reply.messages.is_empty() {
                let leading = reply.system as usize;
                let first = reply.messages.get(leading).map(|m| read(m).unwrap());
                assert!(first.is_none_or(|m| m.is_user()), "{what}");
            }
        }
    }

    log.retain(Some(3), None);
    let left: Vec<usize> = log.messages.iter().map(|m| m.seq as usize - 1).collect();
    for list in &together {
        let n = list.iter().filter(|i| left.contains(i)).count();
        assert!(
            n == 0 || n == list.len(),
            "{name}: retention tears {list:?}"
        );
    }
}

#[test]
fn cases_of_a_directory() {
    let Ok(directory) = std::env::var("CONV_CASES") else {
        return;
    };
    let mut checked = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        check_case(&name, &Value::parse(&text).unwrap());
        checked += 1;
    }
    println!("{checked} cases");
    assert!(checked > 0, "no case in the directory");
}
