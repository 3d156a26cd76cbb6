//! Every value is found in the source.

use proptest::prelude::*;
use serde_json::Value;

use super::{Document, MAX_DEPTH, with_document};

/// Checks that the values of `json` are found one after the other, each as a JSON text of its kind.
fn check(json: &str) {
    let found = with_document(json.as_bytes(), |doc| {
        let mut next = 0;
        while doc.node(next).is_some() {
            check_value(doc, next, json);
            next += 1;
        }
    });
    found.expect(json);
}

fn check_value(doc: &Document<'_>, id: usize, json: &str) {
    let verbatim = doc.verbatim(id).expect("a value");
    let value: Value = serde_json::from_str(verbatim)
        .unwrap_or_else(|e| panic!("{id} in {json}: {verbatim:?}: {e}"));
    match &value {
        Value::Object(_) => assert!(doc.is_object(id), "{id} in {json}"),
        Value::Array(_) => assert!(doc.is_array(id), "{id} in {json}"),
        Value::String(text) => assert_eq!(doc.string(id), Some(text.as_str()), "{id} in {json}"),
        Value::Null => assert!(doc.is_null(id), "{id} in {json}"),
        _ => assert!(doc.is_scalar(id), "{id} in {json}"),
    }
    let before = id.checked_sub(1).and_then(|before| doc.span(before));
    let begin = doc.span(id).expect("a value").start;
    assert!(
        before.is_none_or(|before| before.start < begin),
        "{id} in {json}"
    );
}

#[test]
fn values_are_found_in_the_source() {
    for json in [
        r#"{"a":{"b":1},"a":[]}"#,
        r#" [ "" , "" , {"":""} , [ [ ] , { } ] , "x" ] "#,
        r#"[["a"],{"b":"]"},["c",[["d"]],7,-1e9,true,null]]"#,
        r#"{"\u00e9\n":"\"","\\":["\\\"",{"k\ud83d\ude00":{}}]}"#,
        r#"[1,2,3,4,5,6,7,8,[9]]"#,
        "7",
        r#""x""#,
    ] {
        check(json);
    }
    // serde_json, which checks here, accepts fewer levels than this parser.
    let levels = MAX_DEPTH - 1;
    check(&("[".repeat(levels) + &"]".repeat(levels)));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "[a\\\"\\\\{\\[,:é\u{1F600}]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec(("[a\\\"{é]{0,3}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_values_are_found_in_the_source(value in value(), pretty in any::<bool>()) {
        let json = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        check(&json.expect("JSON"));
    }
}
