//! CONV.SEARCH, with a matcher of its own.

use super::NaiveLog;
use super::kinds::Class;
use super::message::NaiveRead;

#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Literal(String),
    /// A place in `REGEXES`.
    Regex(usize),
}

#[derive(Debug, Clone, PartialEq)]
pub struct SearchArgs {
    pub pattern: Pattern,
    pub case: bool,
    pub role: Option<Class>,
    pub after: Option<i64>,
    pub before: Option<i64>,
    pub since: Option<i64>,
    pub until: Option<i64>,
    pub limit: Option<u64>,
}

/// Finds the first match: from, to.
type Matcher = fn(&str, bool) -> Option<(usize, usize)>;

/// Regular expressions with a matcher written by hand for each.
pub const REGEXES: [(&str, Matcher); 4] = [
    ("w[0-4]+", small_number),
    (r"^w\d+$", only_a_number),
    ("say|line", say_or_line),
    (r"\n[a-z]", line_start),
];

fn is(c: char, wanted: char, case: bool) -> bool {
    c == wanted || !case && folded(c) == folded(wanted)
}

fn small_number(text: &str, case: bool) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(at, c)| {
        let rest = &text[at + c.len_utf8()..];
        let digits = rest.len() - rest.trim_start_matches(['0', '1', '2', '3', '4']).len();
        (is(c, 'w', case) && digits > 0).then_some((at, at + 1 + digits))
    })
}

fn only_a_number(text: &str, case: bool) -> Option<(usize, usize)> {
    let first = text.chars().next()?;
    let digits = &text[first.len_utf8()..];
    let all = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    (is(first, 'w', case) && all).then_some((0, text.len()))
}

fn say_or_line(text: &str, case: bool) -> Option<(usize, usize)> {
    let both = [literal(text, "say", case), literal(text, "line", case)];
    both.into_iter().flatten().min()
}

fn line_start(text: &str, case: bool) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(at, c)| {
        let next = text[at + c.len_utf8()..].chars().next()?;
        let letter = next.is_ascii_lowercase() || !case && next.is_ascii_uppercase();
        (c == '\n' && letter).then_some((at, at + 2))
    })
}

/// "Unicode simple case folding"
pub fn folded(c: char) -> char {
    let single = |list: Vec<char>| if list.len() == 1 { list[0] } else { c };
    let upper = single(c.to_uppercase().collect());
    let lower: Vec<char> = upper.to_lowercase().collect();
    if lower.len() == 1 { lower[0] } else { upper }
}

pub fn literal(text: &str, pattern: &str, case: bool) -> Option<(usize, usize)> {
    text.char_indices().find_map(|(from, _)| {
        let mut rest = text[from..].chars();
        let all = pattern
            .chars()
            .all(|p| rest.next().is_some_and(|c| is(c, p, case)));
        all.then(|| (from, text.len() - rest.as_str().len()))
    })
}

impl SearchArgs {
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        match &self.pattern {
            Pattern::Literal(pattern) => literal(text, pattern, self.case),
            Pattern::Regex(k) => REGEXES[*k].1(text, self.case),
        }
    }

    /// The texts that match, and where each does first; the author's name only if nothing else does. "looks at decoded text
    /// (counted texts, names, call names and arguments, tool results; one text at a time), not at JSON"
    pub fn matches<'m>(&self, m: &'m NaiveRead) -> Vec<(&'m str, (usize, usize))> {
        let mut names = m.name.as_ref();
        let mut texts: Vec<&String> = m.counted[1..].iter().collect();
        if let Some(at) = names.and_then(|name| texts.iter().position(|text| *text == name)) {
            texts.remove(at);
        } else {
            names = None;
        }
        let found = |text: &'m String| Some((text.as_str(), self.find(text)?));
        let matches: Vec<_> = texts.into_iter().filter_map(found).collect();
        match matches[..] {
            [] => names.into_iter().filter_map(found).collect(),
            _ => matches,
        }
    }
}

impl NaiveLog {
    /// Positions of the messages found, "newest first, at most `LIMIT` (default 10)".
    pub fn search(&self, a: &SearchArgs) -> Vec<usize> {
        let reads = self.reads();
        let found = |&i: &usize| {
            let m = &self.messages[i];
            // "`AFTER`/`BEFORE` are exclusive, `SINCE`/`UNTIL` inclusive"
            a.after.is_none_or(|seq| m.seq > seq)
                && a.before.is_none_or(|seq| m.seq < seq)
                && a.since.is_none_or(|ms| m.time >= ms)
                && a.until.is_none_or(|ms| m.time <= ms)
                // "`ROLE` takes a class: system (developer included), user, assistant, tool (function included)"
                && a.role.is_none_or(|class| reads[i].class == class)
                && !a.matches(&reads[i]).is_empty()
        };
        let limit = a.limit.unwrap_or(10) as usize;
        (0..self.messages.len())
            .rev()
            .filter(found)
            .take(limit)
            .collect()
    }
}
