//! What RECENT selects, and when that is a miss.

use super::message::NaiveRead;
use super::turns::{Kind, group, leading_system};
use super::{NaiveLog, NaiveSummary, RecentArgs, RecentReply};

/// A group that may be returned; members are positions in the whole list.
struct Candidate {
    members: Vec<usize>,
    tokens: i128,
    is_user: bool,
}

impl NaiveLog {
    /// None is a miss.
    pub fn recent(&self, a: &RecentArgs) -> Option<RecentReply> {
        let reads = self.reads();
        let cost = |i: usize| i128::from(self.messages[i].tokens);

        // "`B = max_tokens - 3`"
        let mut b = i128::from(a.max_tokens) - 3;

        // "System messages at the start of the conversation [...]: included if they fit together; their cost is deducted
        // from `B`. `NOSYSTEM` leaves them out [...]. Either way they are not candidates for the window."
        let lead = leading_system(&reads);
        let system_cost: i128 = (0..lead).map(cost).sum();
        let system = if !a.no_system && system_cost <= b {
            lead
        } else {
            0
        };
        if system > 0 {
            b -= system_cost;
        }

        // "Summary [...]: included if it fits."; "`NOSUMMARY` leaves it out, and they are candidates."
        let summary = self
            .summary
            .as_ref()
            .filter(|s| !a.no_summary && i128::from(s.tokens) <= b);
        b -= summary.map_or(0, |s| i128::from(s.tokens));

        // "If it is, messages up to its `upto` are no candidates."
        let start = self.first_candidate(lead, summary);

        // "The remaining messages form *groups*."; "Groups are formed of the messages that are held.": a group that the
        // summary covers in part has members that are no candidates, and groups are included whole or not at all.
        let all = group(&reads[lead..]);
        let groups: Vec<Candidate> = all
            .groups
            .iter()
            .filter(|g| g.kind != Kind::Dangling && g.members[0] + lead >= start)
            .map(|g| {
                let members: Vec<usize> = g.members.iter().map(|i| i + lead).collect();
                Candidate {
                    tokens: members.iter().map(|&i| cost(i)).sum(),
                    is_user: g.is_user,
                    members,
                }
            })
            .collect();
        let end = groups.len();
        let total: i128 = groups.iter().map(|g| g.tokens).sum();
        let all_messages: usize = groups.iter().map(|g| g.members.len()).sum();
        let limit = a
            .messages
            .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));

        // "a **hit** only if the budget is filled (some candidate did not fit), if `MESSAGES` limited the window, if an
        // included summary has an `upto` of at least the oldest number held"; "`ANY` returns what is present."
        let filled = end > 0 && total > b;
        let ended_by_messages = all_messages > limit;
        let oldest = self.messages.first().map(|m| m.seq);
        let covered = matches!((summary.and_then(|s| s.upto), oldest), (Some(upto), Some(oldest)) if upto >= oldest);
        if !self.complete && !a.any && !filled && !ended_by_messages && !covered {
            return None;
        }

        // "is decided before `START USER`"
        let step_start = match a.step {
            // "if C > B, the window starts at the first group whose offset (tokens of the candidate groups before it)
            // is at least `ceil((C - B) / n) * n`"
            Some(n) if total > b && end > 0 => {
                let n = i128::from(n);
                let at_least = (total - b + n - 1) / n * n;
                let offset = |k: usize| groups[..k].iter().map(|g| g.tokens).sum::<i128>();
                // "If no group starts there: the newest group, if it fits."
                (0..end).find(|&k| offset(k) >= at_least).unwrap_or(end - 1)
            }
            _ => 0,
        };

        // "Groups are included whole or not at all, newest first, while they fit"
        let mut from = take_newest(&groups, step_start, b, limit);
        let mut front: Option<usize> = None;
        let mut over = false;

        // "the nearest earlier user message, covered by a summary or not"
        let user_before = |group: &Candidate| {
            let users = all.users.iter().rev().map(|i| i + lead);
            users.into_iter().find(|&i| i < group.members[0])
        };

        if a.start_user && end > 0 {
            if let Some(k) = (from..end).find(|&k| groups[k].is_user) {
                // "moves the start of the window forward to its first user message"
                from = k;
            } else if from < end {
                match user_before(&groups[from]) {
                    // "is placed before the window, followed by as many of the newest groups as still fit [...]; it counts
                    // for `MESSAGES`"; "After `STEP`, the groups that follow it are at most those of `STEP`'s window."
                    Some(user) => {
                        from = take_newest(&groups, from, b - cost(user), limit.saturating_sub(1));
                        // "If user message and newest group do not both fit [...], the window is empty."
                        front = Some(user).filter(|_| from < end);
                    }
                    // "or there is no user message"
                    None => from = end,
                }
            }
        }

        // "if not even the newest group fits (under `START USER`: with its user message), the window is empty (`EMPTY`,
        // default); or with `KEEP` that group alone is returned (under `START USER` after its user message), `over` 1,
        // ignoring `MESSAGES`"; "`KEEP` does not apply to a group that fits but exceeds `MESSAGES`."
        if from == end && a.keep && end > 0 {
            let newest = &groups[end - 1];
            let needs_user = a.start_user && !newest.is_user;
            let user = if needs_user {
                user_before(newest)
            } else {
                None
            };
            let together = newest.tokens + user.map_or(0, cost);
            // "Without any user message `START USER` is empty, also with `KEEP`."
            if together > b && (user.is_some() || !needs_user) {
                from = end - 1;
                front = user;
                over = true;
            }
        }

        // "system messages, summary, then [...] the user message placed before the window [...], window"
        let window: Vec<usize> = groups[from..]
            .iter()
            .flat_map(|g| g.members.clone())
            .collect();
        let held: Vec<usize> = (0..system)
            .chain(front)
            .chain(window.iter().copied())
            .collect();
        // "one with text of its own [...] is returned without its result blocks (`edited`)"
        let is_edited = |i: usize| i >= lead && all.edited.contains(&(i - lead));
        let mut messages: Vec<String> = held
            .iter()
            .map(|&i| match is_edited(i) {
                true => reads[i].edited(&self.messages[i].json),
                false => self.messages[i].json.clone(),
            })
            .collect();
        if let Some(s) = summary {
            messages.insert(system, self.summary_message(&reads, s));
        }
        // "tokens of a reply = 3 + sum of T(message)          an empty reply counts 0"
        let sum: i128 = held.iter().map(|&i| cost(i)).sum::<i128>()
            + summary.map_or(0, |s| i128::from(s.tokens));
        let tokens = if messages.is_empty() { 0 } else { sum + 3 };

        // "`first` and `last` (sequence numbers of the window, 0 if it is empty)": without the user message before it.
        let first = window.first().map_or(0, |&i| self.messages[i].seq);
        let last = window.last().map_or(0, |&i| self.messages[i].seq);
        // "`skipped` counts the messages before `first` that are not in the reply, for whatever reason.";
        // "`skipped` with an empty window: all messages that are not in the reply."
        let skipped = (0..self.messages.len())
            .filter(|i| !held.contains(i) && (window.is_empty() || *i < window[0]))
            .count();

        // "messages between `first` and `last` that are not in the reply"
        let dropped = match (window.first(), window.last()) {
            (Some(&from), Some(&to)) => (from..=to).filter(|i| !held.contains(i)).count(),
            _ => 0,
        };

        Some(RecentReply {
            messages,
            tokens: i64::try_from(tokens).unwrap(),
            first,
            last,
            skipped: skipped as i64,
            summary: summary.is_some(),
            // "`elided` is 1 whenever a user message is placed before the window."
            elided: front.is_some(),
            over,
            system: system as i64,
            system_left_out: (lead - system) as i64,
            pinned: 0,
            dropped: dropped as i64,
            edited: held.iter().filter(|&&i| is_edited(i)).count() as i64,
            cleared: 0,
            cut: 0,
        })
    }

    /// Position of the first message that is neither a leading system message nor covered by a taken summary.
    fn first_candidate(&self, lead: usize, taken: Option<&NaiveSummary>) -> usize {
        let covered = match taken.and_then(|s| s.upto) {
            Some(upto) => self.messages.iter().filter(|m| m.seq <= upto).count(),
            None => 0,
        };
        lead.max(covered)
    }

    /// "as `{"role":"system","content":<text>}` (or LangChain's form if the first message is LangChain's)"
    fn summary_message(&self, reads: &[NaiveRead], s: &NaiveSummary) -> String {
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
        let lead = leading_system(&reads);
        group(&reads[lead..]).groups.iter().any(|g| {
            let covered = |i: &usize| self.messages[i + lead].seq <= upto;
            g.members.iter().any(covered) && !g.members.iter().all(covered)
        })
    }
}

/// Where the window starts: "newest first, while they fit; the first that does not fit ends the window. Exactly fitting
/// fits. `MESSAGES n`: at most `n` messages in the window." Nothing before `earliest` is taken.
fn take_newest(groups: &[Candidate], earliest: usize, budget: i128, limit: usize) -> usize {
    let mut from = groups.len();
    let (mut tokens, mut messages) = (0, 0);
    while from > earliest {
        let next = &groups[from - 1];
        tokens += next.tokens;
        messages += next.members.len();
        if tokens > budget || messages > limit {
            break;
        }
        from -= 1;
    }
    from
}
