//! Removal in one pass, compared with removal of one group after the other.

use proptest::prelude::*;

use super::*;
use crate::conversation::effect::{Count, NewMessage};
use crate::conversation::message;
use crate::settings::Settings;

/// Messages that form groups of all kinds, each with its tokens.
const MESSAGES: [(&str, u32); 11] = [
    (r#"{"role":"user","content":"x"}"#, 1),
    (r#"{"role":"assistant","content":"x"}"#, 2),
    (r#"{"role":"system","content":"x"}"#, 3),
    (
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f"}},{"id":"b","function":{"name":"f"}}]}"#,
        4,
    ),
    (r#"{"role":"tool","tool_call_id":"a","content":"x"}"#, 5),
    (r#"{"role":"tool","tool_call_id":"b","content":"x"}"#, 0),
    (r#"{"type":"reasoning","summary":[]}"#, 6),
    (r#"{"type":"message","role":"assistant","content":"x"}"#, 7),
    (
        r#"{"type":"function_call","call_id":"a","name":"f","arguments":""}"#,
        8,
    ),
    (
        r#"{"type":"function_call_output","call_id":"a","output":"x"}"#,
        9,
    ),
    (
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"},{"type":"text","text":"x"}]}"#,
        10,
    ),
];

fn conversation(kinds: &[usize], pins: &[usize]) -> Conversation {
    let mut effect = Effect {
        push: (1..)
            .zip(kinds)
            .map(|(seq, &kind)| {
                let bytes = MESSAGES[kind].0.as_bytes();
                NewMessage {
                    seq,
                    time: 0,
                    count: Count::Given(MESSAGES[kind].1),
                    bytes,
                    facts: message::facts(bytes).expect("a message"),
                    text: None,
                    own: None,
                }
            })
            .collect(),
        pin: pins.iter().map(|&position| position as i64).collect(),
        ..Effect::default()
    };
    let mut conversation = Conversation::new(Settings::default().attributes(), 0);
    conversation.check(&effect).expect("an effect that fits");
    conversation.apply(&mut effect, &Nobody);
    conversation
}

fn held(conversation: &Conversation) -> Vec<i64> {
    let log = conversation.log();
    let metas = (0..log.len()).map(|position| log.get(position).expect("held"));
    metas.map(|meta| meta.seq).collect()
}

/// Removes the oldest messages between two group starts that may be removed; false if there are none.
fn remove_oldest(conversation: &mut Conversation, before: Option<i64>) -> bool {
    let log = conversation.log();
    let leading = log.leading();
    let end = conversation.newest_group_start(leading);
    let mut from = leading;
    while from < end {
        let to = log.group_start_from(from + 1).unwrap_or(end).min(end);
        let metas = (from..to).map(|position| log.get(position).expect("held"));
        let seqs: Vec<i64> = metas.map(|meta| meta.seq).collect();
        let last = *seqs.last().expect("not empty");
        if before.is_some_and(|seq| last >= seq) {
            return false;
        }
        if !seqs.iter().any(|&seq| conversation.is_pinned(seq)) {
            let mut effect = Effect {
                drop: vec![(seqs[0], last)],
                ..Effect::default()
            };
            conversation.prepare(&effect).expect("memory");
            conversation.apply(&mut effect, &Nobody);
            return true;
        }
        from = to;
    }
    false
}

fn retain_slowly(conversation: &mut Conversation, limit: Limit) {
    loop {
        let (exceeds, before) = match limit {
            Limit::Messages(most) => (conversation.log().len() as u64 > most, None),
            Limit::Tokens(most) => (conversation.log().total::<Tokens>() > most, None),
            Limit::Before(seq) => (true, Some(seq)),
        };
        if !exceeds || !remove_oldest(conversation, before) {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..Default::default() })]

    #[test]
    fn one_pass_removes_what_single_steps_remove(
        kinds in prop::collection::vec(0..MESSAGES.len(), 0..24),
        pins in prop::collection::vec(1usize..25, 0..5),
        limit in prop_oneof![
            (0..25u64).prop_map(Limit::Messages),
            (0..130u64).prop_map(Limit::Tokens),
            (-1..27i64).prop_map(Limit::Before),
        ],
    ) {
        let original = conversation(&kinds, &pins);
        let (mut quick, mut slow) = (original.clone(), original.clone());
        let (ranges, done) = quick.retain(limit, 0);
        done.expect("memory");
        retain_slowly(&mut slow, limit);
        prop_assert_eq!(held(&quick), held(&slow));
        prop_assert_eq!(quick.pins(), original.pins(), "no pinned message is removed");
        // The same ranges in one effect, as replicas receive them.
        let mut replica = original;
        let mut effect = Effect { drop: ranges, ..Effect::default() };
        replica.prepare(&effect).expect("memory");
        replica.apply(&mut effect, &Nobody);
        prop_assert_eq!(held(&quick), held(&replica));
    }
}
