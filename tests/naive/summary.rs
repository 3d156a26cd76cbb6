//! The summary: SETSUMMARY, and the message it becomes.

use super::NaiveLog;
use super::message::NaiveRead;

#[derive(Debug, Clone, PartialEq)]
pub struct NaiveSummary {
    pub text: String,
    pub upto: Option<i64>,
    /// Its tokens, where a hand-computed case sets them.
    pub set: Option<u64>,
}

impl NaiveLog {
    /// T of the message that the summary becomes.
    pub fn summary_tokens(&self, s: &NaiveSummary) -> u64 {
        s.set.unwrap_or_else(|| self.counting.of_summary(&s.text))
    }

    /// The rules of SETSUMMARY without MINCHANGE; the reply (1 or 0) as a bool.
    pub fn set_summary(&mut self, text: &str, upto: Option<i64>) -> bool {
        // "Empty text removes the summary and its `upto` (0 if there was none [...])", "removes also where other text
        // would return 0"
        if text.is_empty() {
            return self.summary.take().is_some();
        }
        let stored = self.summary.as_ref().and_then(|s| s.upto);
        // "0 with no effect if the stored summary already covers more than `seq`"
        if let (Some(stored), Some(new)) = (stored, upto)
            && stored > new
        {
            return false;
        }
        // "without `UPTO` the stored `upto` is kept (initially nil [...])"
        self.summary = Some(NaiveSummary {
            text: text.to_string(),
            upto: upto.or(stored),
            set: None,
        });
        true
    }

    /// "as `{"role":"system","content":<text>}` (or LangChain's form if the first message is LangChain's)"
    pub fn summary_message(&self, reads: &[NaiveRead], s: &NaiveSummary) -> String {
        let text = serde_json::to_string(&s.text).unwrap();
        if reads.first().is_some_and(|m| m.dialect == "langchain") {
            return format!(r#"{{"type":"system","data":{{"content":{text}}}}}"#);
        }
        let first = self.messages.first();
        let first: serde_json::Value =
            serde_json::from_str(first.map_or("{}", |m| &m.json)).unwrap_or_default();
        let kind = first["type"].as_str().unwrap_or_default();
        // LangChain's other forms: `dumpd`, and `model_dump`, which has the role in its `type`.
        if first.get("lc").is_some() && first["kwargs"].is_object() {
            let id = r#"["langchain","schema","messages","SystemMessage"]"#;
            return format!(
                r#"{{"lc":1,"type":"constructor","id":{id},"kwargs":{{"content":{text},"type":"system"}}}}"#
            );
        }
        let flat = match kind {
            "chat" => first["role"].is_string(),
            "human" | "ai" | "system" | "tool" | "function" | "developer" => {
                first["role"].is_null()
            }
            _ => first["role"].is_null() && kind.ends_with("MessageChunk"),
        };
        // An envelope with such a `type` is none of them.
        let is_message = first["data"].is_null() && !first["message"].is_object();
        if flat && is_message {
            format!(r#"{{"type":"system","content":{text}}}"#)
        } else {
            format!(r#"{{"role":"system","content":{text}}}"#)
        }
    }

    /// Does the summary's `upto` fall inside a group? What is left of it is not returned.
    pub fn summary_cuts_a_group(&self) -> bool {
        let Some(upto) = self.summary.as_ref().and_then(|s| s.upto) else {
            return false;
        };
        let reads = self.reads();
        let lead = super::turns::leading_system(&reads);
        super::turns::group(&reads[lead..]).groups.iter().any(|g| {
            let covered = |i: &usize| self.messages[i + lead].seq <= upto;
            g.members.iter().any(covered) && !g.members.iter().all(covered)
        })
    }
}
