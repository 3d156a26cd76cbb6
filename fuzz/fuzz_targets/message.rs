//! Arbitrary bytes as a message. It is accepted only if it is valid JSON; reading does not panic, its ways agree, and
//! every value is found in the source.
#![no_main]

use conv::conversation::json::with_document;
use conv::conversation::message::{facts, read, trim, with_message, without_results};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let bytes = trim(bytes);
    let depth = bytes.iter().filter(|b| matches!(b, b'{' | b'[')).count();
    if depth <= 128 {
        let json = std::str::from_utf8(bytes)
            .is_ok_and(|t| serde_json::from_str::<serde::de::IgnoredAny>(t).is_ok());
        assert_eq!(with_document(bytes, |_| ()).is_ok(), json);
    }
    let _ = with_document(bytes, |doc| {
        let mut last = None;
        for id in (0..2000).take_while(|&id| doc.node(id).is_some()) {
            let span = doc.span(id).expect("every value has a place");
            assert!(last < Some(span.start));
            last = Some(span.start);
            let verbatim = doc.verbatim(id).expect("every value is text");
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(verbatim).is_ok());
        }
    });
    let known = with_message(bytes, |message| {
        let mut counted = 0;
        message.visit_counted(&mut |part| counted += format!("{part:?}").len());
        message.facts()
    });
    assert_eq!(known, facts(bytes));
    assert_eq!(known.as_ref().ok(), read(bytes).as_ref().ok().map(|(facts, _)| facts));
    let edited = without_results(bytes);
    assert_eq!(known.is_ok_and(|known| known.can_omit_results), edited.is_some());
    if let Some(edited) = edited {
        assert!(facts(&edited).is_ok());
    }
});
