//! Arbitrary bytes as a session document. Splitting must not panic, and its parts must lie within the document. An
//! accepted document is valid JSON and can be reassembled from its parts.
#![no_main]

use conv::conversation::document::split;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|t| serde_json::from_str::<IgnoredAny>(t).is_ok())
}

fuzz_target!(|input: (Option<&str>, &[u8])| {
    let (path, source) = input;
    let Ok(parts) = split(source, path) else {
        return;
    };
    let all = parts.messages.iter().all(|message| is_json(message));
    assert_eq!(all, is_json(source));
    let mut members: Vec<String> = parts
        .fields
        .iter()
        .map(|field| format!("{}:{}", field.name.key(), field.value))
        .collect();
    let (Some(history), true) = (&parts.history, all) else {
        return;
    };
    let messages: Vec<_> = parts
        .messages
        .iter()
        .map(|m| String::from_utf8_lossy(m))
        .collect();
    let list = format!(
        "{}:{}[{}]{}",
        history.name.key(),
        history.before(),
        messages.join(","),
        history.after()
    );
    members.insert(history.position, list);
    let again = format!("{{{}}}", members.join(","));
    let path = path.unwrap_or(history.name.text());
    let again = split(again.as_bytes(), Some(path)).expect("split the reassembled document");
    assert_eq!(again.messages, parts.messages);
    assert_eq!(again.fields.len(), parts.fields.len());
    assert_eq!(again.history.as_ref(), Some(history));
});
