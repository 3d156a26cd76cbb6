//! `OVERSIZE CUT`: not the one reply that is right, but what holds of every right reply.

use super::cut_text::{cut_of, cut_text, own_texts, plain, quoted, strings, strings_outside};
use super::json::Value;
use super::kinds::Class;
use super::message::{NaiveRead, NaiveResult};
use super::recent::{RecentArgs, RecentReply};
use super::results::{carriers, find, splice};
use super::select::Scene;
use super::tokens::pieces;
use super::{NaiveLog, must_read};

/// A text that was cut.
#[derive(Debug, Clone, PartialEq)]
struct Cut {
    /// Tokens that are kept at each end.
    kept: usize,
    of_user: bool,
}

impl NaiveLog {
    /// Is this reply to be checked here?
    pub fn cuts(&self, a: &RecentArgs) -> bool {
        let scene = Scene::new(self, a);
        let selection = scene.select();
        a.oversize == super::Oversize::Cut && selection.is_some_and(|s| !s.oversized.is_empty())
    }

    /// "If that is impossible even with nothing left but the markers, as `EMPTY`."
    pub fn check_cut(&self, a: &RecentArgs, reply: &RecentReply) -> Result<(), String> {
        let scene = Scene::new(self, a);
        let selection = scene.select().unwrap();
        let empty = scene.reply(&selection);
        if *reply == empty {
            return match scene.cost_when_cut(&selection.oversized, Some(0), Some(0)) {
                cost if cost <= scene.budget => Err(format!(
                    "empty, although it can be cut to {cost} of {}",
                    scene.budget
                )),
                _ => Ok(()),
            };
        }
        scene.check(&selection.oversized, &empty, reply)
    }
}

impl Scene<'_> {
    fn check(
        &self,
        oversized: &[usize],
        empty: &RecentReply,
        reply: &RecentReply,
    ) -> Result<(), String> {
        let mut messages = reply.messages.clone();
        if self.a.rev {
            messages.reverse();
        }
        let lead = self.system + usize::from(self.summary.is_some());
        if messages.len() != lead + oversized.len() {
            return Err(format!("{} messages", messages.len()));
        }
        let (mut cuts, mut longest, mut edited, mut cleared) = (vec![], 0, 0, 0);
        let mut tokens: i128 = 0;
        for (&i, got) in oversized.iter().zip(&messages[lead..]) {
            let shown = &self.shown[i];
            let before = cuts.len();
            self.compare(i, got, &mut cuts, &mut longest)?;
            if cuts.len() == before && *got != shown.json {
                return Err(format!(
                    "nothing is cut in {got}, and it is not {}",
                    shown.json
                ));
            }
            // "the edited message is recounted by the formula"
            tokens += match cuts.len() > before {
                true => self.log.counting.t(&must_read(got)).into(),
                false => shown.tokens,
            };
            edited += i64::from(shown.edited || cuts.len() > before);
            cleared += shown.cleared;
        }
        // "only if no length fits, the user texts likewise"
        let kept = |of_user: bool| {
            let cuts = cuts.iter().filter(move |c| c.of_user == of_user);
            cuts.map(|c| c.kept)
        };
        if kept(true).next().is_some() && kept(false).any(|n| n > 0) {
            return Err(format!("results were left longer than nothing: {cuts:?}"));
        }
        // "cut to a common length", "equal numbers of tokens at both ends": whole characters may take one or two tokens.
        for of_user in [false, true] {
            let (least, most) = (kept(of_user).min(), kept(of_user).max());
            if most > least.map(|n| n + 3) {
                return Err(format!("not one length: {cuts:?}"));
            }
        }
        // "all tool results longer than a common length are cut to it"; the marker itself takes some tokens.
        if let Some(most) = kept(false).max()
            && longest > 2 * most + 20
        {
            return Err(format!("a result of {longest} tokens is left: {cuts:?}"));
        }
        // "the largest length with which the group fits"
        let results = kept(false).max();
        let users = kept(true).max();
        let lengths = |more| match users {
            Some(n) => (Some(0), Some(n + more)),
            None => (results.map(|n| n + more), None),
        };
        let cut = |(results, users)| -> Vec<String> {
            let shown = oversized.iter().map(|&i| &self.shown[i].json);
            shown
                .map(|json| self.cut_to(json, results, users))
                .collect()
        };
        let (results, users) = lengths(4);
        let next = self.cost_when_cut(oversized, results, users);
        // Where no longer text is made of whole characters, it is the same one.
        if next <= self.budget && cut(lengths(4)) != cut(lengths(0)) {
            return Err(format!(
                "{next} of {} with a larger length: {cuts:?}",
                self.budget
            ));
        }

        let mut held = empty.clone();
        held.messages.clone_from(&reply.messages);
        held.tokens = i64::try_from(tokens).unwrap() + empty.tokens.max(3);
        let newest = self.units.iter().rfind(|u| u.is_candidate).unwrap();
        let window = &newest.members;
        let seq = |i: usize| self.log.messages[i].seq;
        held.first = seq(window[0]);
        held.last = seq(*window.last().unwrap());
        held.elided = oversized[0] != window[0];
        let system = 0..self.system;
        let others = (0..window[0]).filter(|i| !system.contains(i) && !oversized.contains(i));
        held.skipped = others.count() as i64;
        let inside = window[0]..=*window.last().unwrap();
        held.dropped = inside.filter(|i| !window.contains(i)).count() as i64;
        (held.edited, held.cleared, held.cut) = (edited, cleared, cuts.len() as i64);
        if reply.tokens > self.a.max_tokens {
            return Err("over the budget".into());
        }
        if *reply != held {
            return Err(format!("expected {held:#?}"));
        }
        Ok(())
    }

    /// Compares a message with what was to be cut in it.
    fn compare(
        &self,
        i: usize,
        got: &str,
        cuts: &mut Vec<Cut>,
        longest: &mut usize,
    ) -> Result<(), String> {
        let encoding = self.log.counting.encoding;
        let shown = &self.shown[i].json;
        let (before, after) = (must_read(shown), super::read(got)?);
        if before.calls != after.calls {
            return Err(format!("calls differ in {got}"));
        }
        if before.results.len() != after.results.len() {
            return Err(format!("results differ in {got}"));
        }
        let mut edits = vec![];
        let top = Value::parse(got).unwrap();
        let was = Value::parse(shown).unwrap();
        for (k, (b, a)) in before.results.iter().zip(&after.results).enumerate() {
            if (&b.id, &b.name, b.closed) != (&a.id, &a.name, a.closed) {
                return Err(format!("a result differs in {got}"));
            }
            let joined = |texts: &[String]| texts.concat();
            if let Some(whole) = whole_text(shown, &was, b, k) {
                if b.texts == a.texts {
                    *longest = pieces(encoding, &whole).len().max(*longest);
                    continue;
                }
                // The text stands where CLEAR puts its placeholder, in whatever carries it.
                let values = a.values.iter().filter_map(|span| find(&top, None, *span));
                let cut = values.flat_map(|(_, v)| strings(v)).find_map(|v| {
                    let text = v.as_str().unwrap();
                    Some((text, cut_of(encoding, &whole, text).ok()?))
                });
                let Some((text, kept)) = cut else {
                    return Err(format!("{whole:?} is cut to no part of it in {got}"));
                };
                let carriers = carriers(shown, k, text).into_iter().map(|(_, with)| with);
                let there = a
                    .values
                    .iter()
                    .map(|(from, to)| got[*from..*to].to_string());
                if !carriers.eq(there) {
                    return Err(format!("{text:?} is carried as by no CLEAR in {got}"));
                }
                cuts.push(Cut {
                    kept,
                    of_user: false,
                });
                edits.extend(b.values.iter().zip(&a.values));
                continue;
            }
            if b.texts == a.texts {
                // Only a string can be cut.
                let is_string = |text: &&String| {
                    let mut strings = result_strings(got, &after, &top).into_iter();
                    strings.any(|v| v.as_str() == Some(text.as_str()))
                };
                for text in b.texts.iter().filter(is_string) {
                    *longest = pieces(encoding, text).len().max(*longest);
                }
                continue;
            }
            for (b, a) in b.texts.iter().zip(&a.texts).filter(|(b, a)| a != b) {
                cuts.push(Cut {
                    kept: cut_of(encoding, b, a).map_err(|e| format!("{e}: {b:?} {a:?}"))?,
                    of_user: false,
                });
            }
            if b.texts.len() != a.texts.len() {
                return Err(format!("{} became {}", joined(&b.texts), joined(&a.texts)));
            }
            // Nothing else of the message differs.
            edits.extend(b.values.iter().zip(&a.values));
        }
        let user = before.class == Class::User;
        let texts = own_texts(&before).into_iter().zip(own_texts(&after));
        let mut own = vec![];
        for (b, a) in texts.filter(|(b, a)| a != b) {
            if !user {
                return Err(format!("{b} of no user became {a}"));
            }
            own.push((b.clone(), a.clone()));
            cuts.push(Cut {
                kept: cut_of(encoding, &b, &a).map_err(|e| format!("{e}: {b:?} {a:?}"))?,
                of_user: true,
            });
        }
        let mut back: Vec<((usize, usize), String)> = edits
            .iter()
            .map(|(b, a)| (**a, shown[b.0..b.1].to_string()))
            .collect();
        for (b, a) in own {
            let quoted = serde_json::to_string(&b).unwrap();
            let place = strings(&top).into_iter().find(|v| v.as_str() == Some(&a));
            back.extend(place.map(|v| (v.span, quoted)));
        }
        let restored = splice(got, back);
        if Value::parse(&restored).map(|v| plain(&v)) != Value::parse(shown).map(|v| plain(&v)) {
            return Err(format!("{got} differs otherwise from {shown}"));
        }
        Ok(())
    }

    /// What the group counts if results and user texts keep so many tokens at each end.
    fn cost_when_cut(
        &self,
        members: &[usize],
        results: Option<usize>,
        users: Option<usize>,
    ) -> i128 {
        let cost = |i: usize| {
            let shown = &self.shown[i];
            let json = self.cut_to(&shown.json, results, users);
            match json == shown.json {
                true => shown.tokens,
                false => self.log.counting.t(&must_read(&json)).into(),
            }
        };
        members.iter().map(|&i| cost(i)).sum()
    }

    fn cut_to(&self, json: &str, results: Option<usize>, users: Option<usize>) -> String {
        let encoding = self.log.counting.encoding;
        let read = must_read(json);
        let top = Value::parse(json).unwrap();
        let mut edits = vec![];
        let mut cut = |v: &Value, kept: usize| {
            let text = v.as_str().unwrap();
            edits.extend(cut_text(encoding, text, kept).map(|new| (v.span, quoted(&new))));
        };
        let values = result_strings(json, &read, &top);
        let mut wholes = vec![];
        if let Some(kept) = results {
            for (k, result) in read.results.iter().enumerate() {
                let whole = whole_text(json, &top, result, k);
                wholes.extend(whole.and_then(|t| Some((k, cut_text(encoding, &t, kept)?))));
            }
            let of = |r: &super::message::NaiveResult, v: &&Value| {
                r.texts.iter().any(|t| Some(t.as_str()) == v.as_str())
            };
            let texts = values
                .iter()
                .filter(|v| read.results.iter().any(|r| of(r, v)));
            texts.for_each(|v| cut(v, kept));
        }
        if let Some(kept) = users
            && read.class == Class::User
        {
            let own = own_texts(&read);
            for v in strings(&top) {
                let inside = values.iter().any(|r| r.span == v.span);
                if !inside && own.iter().any(|t| Some(t.as_str()) == v.as_str()) {
                    cut(v, kept);
                }
            }
        }
        for (k, text) in wholes {
            edits.extend(carriers(json, k, &text));
        }
        splice(json, edits)
    }
}

/// "all tool results": the text of a result of which something counts as JSON text. It is one text, whatever strings it
/// holds.
fn whole_text(json: &str, top: &Value, result: &NaiveResult, k: usize) -> Option<String> {
    let texts: Vec<&String> = result.texts.iter().collect();
    let values = result
        .values
        .iter()
        .filter_map(|span| find(top, None, *span));
    let strings: Vec<&Value> = values
        .flat_map(|(_, v)| strings_outside(v, &texts))
        .collect();
    let is_string = |text: &String| strings.iter().any(|v| v.as_str() == Some(text.as_str()));
    let mut said = result.texts.iter().filter(|text| !text.is_empty());
    let whole = !said.all(is_string);
    // "a result whose value conv cannot locate is never edited"
    let located = !carriers(json, k, "").is_empty();
    let said = result.texts.iter().filter(|text| !text.is_empty());
    let said: Vec<&str> = said.map(String::as_str).collect();
    (whole && located).then(|| said.join("\n"))
}

/// The strings of the results that are cut one by one.
fn result_strings<'v>(json: &str, read: &NaiveRead, top: &'v Value) -> Vec<&'v Value> {
    let json_texts: Vec<&String> = read.results.iter().flat_map(|r| &r.texts).collect();
    let results = read.results.iter().enumerate();
    let values = results
        .filter(|(k, r)| whole_text(json, top, r, *k).is_none())
        .flat_map(|(_, r)| &r.values);
    values
        .filter_map(|span| find(top, None, *span))
        .flat_map(|(_, v)| strings_outside(v, &json_texts))
        .collect()
}
