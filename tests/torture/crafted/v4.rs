//! Crafted values of version 4: version 3 with messages in nested objects of their field.

use fastrand::Rng;

use super::v1::{int, maybe};
use super::v3::{mostly, with_history};
use super::{NUMBERS, v3};

/// Text before and after messages in nested objects, an array between them.
const AROUND: &[&str] = &[
    r#"{"b":[]}"#,
    r#"{ "x" : [1, 2] , "b" :	[] , "y":"]" }"#,
    r#"{"":{"\u0061":{"\"[":[],"x":[[]]}}}"#,
    r#"{"x":[],"b":{"c":[]},"z":[]}"#,
];

/// Texts that are not a JSON object around an array, or that contain it in the wrong place.
const NOT_AROUND: &[&str] = &[
    "",
    "[]",
    "[[]]",
    r#""[]""#,
    r#"{"b":"[]"}"#,
    r#"{"[]":1}"#,
    r#"{"b":[[]]}"#,
    r#"{"b":[{"c":[]}]}"#,
    r#"{"b":[]"#,
    r#"{"b":[]} "#,
    r#" {"b":[]}"#,
    r#"{"b":[]}{}"#,
    r#"{"b":[],}"#,
    r#"{"b":01,"c":[]}"#,
    r#"{"b":{}}"#,
];

/// The header, the session fields, the value around the messages and the segments.
pub fn frames(rng: &mut Rng) -> Vec<Vec<u8>> {
    if rng.usize(..3) == 0 {
        return v3::frames(rng);
    }
    let mut value = mostly(rng, AROUND, NOT_AROUND).to_owned();
    if rng.usize(..200) == 0 {
        let deep = 1 + rng.usize(..50_000);
        value = ["{\"b\":".repeat(deep), "[]".into(), "}".repeat(deep)].concat();
    }
    let arrays: Vec<usize> = value.match_indices("[]").map(|(at, _)| at).collect();
    let at = match rng.usize(..40) {
        0 => *rng.choice(&NUMBERS).unwrap(),
        1 => rng.usize(..value.len() + 2) as i64,
        _ => rng.choice(&arrays).map_or(0, |&at| at as i64),
    };
    let mut value = value.into_bytes();
    if rng.usize(..50) == 0 && !value.is_empty() {
        let at = rng.usize(..value.len());
        value[at] ^= 1 << rng.usize(..8);
    }
    let after = match rng.usize(..60) {
        0 => Vec::new(),
        1 => vec![value.clone(), value],
        _ => vec![value],
    };
    let array_at = maybe(rng, 60, int(at));
    with_history(rng, &[("array_at", array_at)], after)
}
