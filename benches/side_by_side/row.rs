//! A line of the table: what was measured and compared, and whether the goal is reached.

use serde_json::{Value, json};

use crate::measure::median;

#[derive(Clone, Copy, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// For information only.
    None,
}

impl Goal {
    /// How well the goal is met: 1 meets it exactly, 2 is twice as good, 0.5 half as good.
    pub fn score(self, ratio: f64) -> Option<f64> {
        match self {
            Self::AtLeast(goal) => Some(ratio / goal),
            Self::AtMost(goal) => Some(goal / ratio),
            Self::None => None,
        }
    }

    /// How much better the ratio is than equality: 2 is twice as good, 0.5 half as good.
    pub fn better(self, ratio: f64) -> Option<f64> {
        match self {
            Self::AtLeast(_) => Some(ratio),
            Self::AtMost(_) => Some(1.0 / ratio),
            Self::None => None,
        }
    }

    pub fn reached(self, ratio: f64) -> Option<bool> {
        self.score(ratio).map(|score| score >= 1.0)
    }

    pub fn text(self) -> String {
        match self {
            Self::AtLeast(goal) => format!(">= {}", plain(goal)),
            Self::AtMost(goal) => format!("<= {}", plain(goal)),
            Self::None => String::new(),
        }
    }
}

/// A goal in its usual notation: `0.95`, `1/500`.
fn plain(goal: f64) -> String {
    if goal < 0.01 {
        format!("1/{:.0}", 1.0 / goal)
    } else {
        goal.to_string()
    }
}

pub struct Line {
    /// The row that it belongs to, by its name in `ROWS`.
    pub row: &'static str,
    pub what: String,
    pub against: String,
    pub unit: &'static str,
    /// One value per round.
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
    pub goal: Goal,
    /// Remarks.
    pub note: String,
    /// Additional values for the JSON file.
    pub more: Value,
}

impl Line {
    pub fn new(row: &'static str, what: impl Into<String>, against: impl Into<String>) -> Self {
        Self {
            row,
            what: what.into(),
            against: against.into(),
            unit: "1/s",
            ours: Vec::new(),
            theirs: Vec::new(),
            goal: Goal::None,
            note: String::new(),
            more: json!({}),
        }
    }

    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub fn figures(mut self, ours: Vec<f64>, theirs: Vec<f64>) -> Self {
        (self.ours, self.theirs) = (ours, theirs);
        self
    }

    pub fn more(mut self, more: Value) -> Self {
        self.more = more;
        self
    }

    /// A line for something that could not be measured, with the reason.
    pub fn skipped(row: &'static str, what: &str, against: &str, why: impl Into<String>) -> Self {
        Self::new(row, what, against).note(format!("not measured: {}", why.into()))
    }

    /// Ratio of the medians, ours to theirs. `None` if one is missing.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = median(&self.ours) / median(&self.theirs);
        ratio.is_finite().then_some(ratio)
    }

    pub fn reached(&self) -> Option<bool> {
        self.goal.reached(self.ratio()?)
    }

    pub fn json(&self) -> Value {
        json!({
            "row": self.row, "what": self.what, "against": self.against, "unit": self.unit,
            "ours": median(&self.ours), "theirs": median(&self.theirs), "ratio": self.ratio(),
            "goal": self.goal.text(), "reached": self.reached(), "note": self.note,
            "rounds": {"ours": self.ours, "theirs": self.theirs}, "more": self.more,
        })
    }
}
