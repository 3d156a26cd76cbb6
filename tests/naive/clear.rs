//! Messages as RECENT returns them: without orphaned results, and with old results emptied (`CLEAR`).

use super::must_read;
use super::results::emptied;
use super::select::{Scene, Unit};

/// A message as it would be returned, and what it then counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub json: String,
    pub tokens: i128,
    pub edited: bool,
    /// Results that are emptied.
    pub cleared: i64,
}

impl Scene<'_> {
    pub fn all_shown(&self) -> Vec<Shown> {
        let cleared = self.cleared_results();
        (0..self.log.messages.len())
            .map(|i| {
                let of_this = cleared.iter().filter(|(message, _)| *message == i);
                self.show(i, &of_this.map(|(_, k)| *k).collect::<Vec<_>>())
            })
            .collect()
    }

    fn show(&self, i: usize, cleared: &[usize]) -> Shown {
        let json = &self.log.messages[i].json;
        let mut shown = Shown {
            json: emptied(json, cleared),
            tokens: self.log.tokens(i).into(),
            edited: !cleared.is_empty(),
            cleared: cleared.len() as i64,
        };
        // "one with text of its own [...] is returned without its result blocks (`edited`)"; "A message returned without an
        // orphaned result's block counts as appended."
        if self.groups.edited.contains(&i) {
            shown.json = must_read(&shown.json).edited(&shown.json);
            shown.edited = true;
        }
        // "Cleared messages count as returned, by the formula (also where `TOKENS` had set their count)"
        if !cleared.is_empty() {
            shown.tokens = self.log.counting.t(&must_read(&shown.json)).into();
        }
        shown
    }

    fn appended(&self, units: &[&Unit]) -> u64 {
        let members = units.iter().flat_map(|u| &u.members);
        members.map(|&i| self.log.tokens(i)).sum()
    }

    /// Which results CLEAR empties: the message and the place of the result in it.
    fn cleared_results(&self) -> Vec<(usize, usize)> {
        let Some(n) = self.a.clear else {
            return vec![];
        };
        let candidates: Vec<&Unit> = self.units.iter().filter(|u| u.is_candidate).collect();
        // "With `ABOVE`, nothing is cleared while the candidates' total, as appended, is at most `tokens`."
        if self
            .a
            .above
            .is_some_and(|above| self.appended(&candidates) <= above)
        {
            return vec![];
        }

        // "Of the results in groups that may be returned (all after the leading system messages, covered by a summary or
        // not, counted one by one)"
        let mut results: Vec<(&Unit, usize, usize)> = vec![];
        for unit in &self.units {
            for &i in &unit.members {
                for (k, result) in self.reads[i].results.iter().enumerate() {
                    // Orphaned results are not returned at all.
                    if result.closed || !self.groups.edited.contains(&i) {
                        results.push((unit, i, k));
                    }
                }
            }
        }
        // "the newest `n` are returned in full; in older ones the value is replaced"
        let mut older = results
            .len()
            .saturating_sub(usize::try_from(n).unwrap_or(usize::MAX));
        // "With `STEP s` the border moves only occasionally: cleared are the results whose group's offset [...] is below the
        // largest multiple of `s` not exceeding the offset of the group of the oldest result returned in full."; "`CLEAR 0`
        // empties all, also with `STEP`."
        if let Some(s) = self.a.step
            && let Some((full, ..)) = results.get(older)
        {
            let border = self.offset(full, &candidates) / s * s;
            let below =
                |(unit, ..): &&(&Unit, usize, usize)| self.offset(unit, &candidates) < border;
            older = results.iter().take_while(below).count();
        }
        results.truncate(older);
        let mut cleared: Vec<(usize, usize)> = results.iter().map(|&(_, i, k)| (i, k)).collect();
        cleared.retain(|&(i, k)| {
            let m = &self.log.messages[i];
            // "A result that counts no more tokens than the placeholder stays as it is, and so does one in a pinned message."
            let stays = m.pinned && !self.a.no_pins;
            !stays && self.is_worth_it(&m.json, k)
        });
        cleared
    }

    /// "offset (as in 7, counted as appended; 0 for a group that is no candidate)"; "For the border and for `ABOVE` all
    /// candidate groups count, pinned or not."
    fn offset(&self, unit: &Unit, candidates: &[&Unit]) -> u64 {
        let at = candidates.iter().position(|u| u.members == unit.members);
        at.map_or(0, |at| self.appended(&candidates[..at]))
    }

    /// Does the result count more than what would stand in its place?
    fn is_worth_it(&self, json: &str, k: usize) -> bool {
        let counting = &self.log.counting;
        let count = |json: &str| {
            let result = &must_read(json).results[k];
            counting.value(&result.texts, result.media)
        };
        let after = emptied(json, &[k]);
        after != json && count(json) > count(&after)
    }
}
