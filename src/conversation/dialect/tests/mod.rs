//! What is read in single messages.

mod pairing;
mod random;
mod results;
mod shape;
mod usual;
mod words;

use super::Counted;
use crate::conversation::message::{Facts, facts, with_message};

fn known(json: &str) -> Facts {
    facts(json.as_bytes()).expect(json)
}

fn rejected(json: &str) -> String {
    facts(json.as_bytes()).expect_err(json).0
}

/// What counts, one part after the other: role, texts, `name:` and `call:` parts, `media`.
fn counted(json: &str) -> String {
    let mut parts = Vec::new();
    with_message(json.as_bytes(), |message| {
        message.visit_counted(&mut |part| match part {
            Counted::Role(text) | Counted::Text(text) => parts.push(text.to_owned()),
            Counted::Name(name) => parts.push(format!("name:{name}")),
            Counted::Call(name, arguments) => parts.push(format!("call:{name}({arguments})")),
            Counted::Media => parts.push("media".into()),
        });
    })
    .expect(json);
    parts.join("|")
}

fn ids(facts: &Facts) -> (Vec<Option<&str>>, Vec<Option<&str>>) {
    (
        facts.calls.iter().map(|call| call.id.as_deref()).collect(),
        facts
            .results
            .iter()
            .map(|result| result.id.as_deref())
            .collect(),
    )
}
