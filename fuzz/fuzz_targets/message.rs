//! Arbitrary bytes as a message. It is accepted if and only if it is valid JSON; reading does not panic; the counted
//! text lies within the message.
#![no_main]

use conv::conversation::json::with_document;
use conv::conversation::message::{trim, with_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let bytes = trim(bytes);
    let depth = bytes.iter().filter(|b| matches!(b, b'{' | b'[')).count();
    if depth <= 128 {
        let json = std::str::from_utf8(bytes)
            .is_ok_and(|t| serde_json::from_str::<serde::de::IgnoredAny>(t).is_ok());
        assert_eq!(with_document(bytes, |_| ()).is_ok(), json);
    }
    let _ = with_message(bytes, |message| {
        let _ = message.facts();
        let mut counted = 0;
        message.visit_counted(&mut |part| counted += format!("{part:?}").len());
    });
});
