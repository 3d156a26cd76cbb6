//! Finding an array by its path: by the names of the fields that lead to it through nested objects.

use super::super::json::with_document;
use super::{Scanner, kind, shown};

/// An array in nested objects of a value, and the text around it.
pub(super) struct Nested<'a> {
    /// The value before the array.
    pub before: &'a str,
    /// The array.
    pub array: &'a [u8],
    /// Where the array begins in the document, for error messages.
    pub array_from: usize,
    /// The value after the array.
    pub after: &'a str,
}

/// Finds the array at `path`, whose first name is that of the field with this `value`. The value begins at byte `from`
/// of the document. Takes one pass, however deep the path is.
///
/// # Errors
/// There is no array at `path`, or a name of the path is in its object twice.
pub(super) fn find<'a>(value: &'a [u8], from: usize, path: &str) -> Result<Nested<'a>, String> {
    let mut names = path.split('.');
    let mut reached = names.next().map_or(0, str::len);
    let names: Vec<&str> = names.collect();
    let mut scanner = Scanner::new(value, from);
    for name in &names {
        let here = shown(path.get(..reached).unwrap_or_default());
        if scanner.peek() != Some(b'{') {
            let found = kind(scanner.rest());
            return Err(missing(path, &format!("{here} is {found}")));
        }
        if !enter(&mut scanner, name)? {
            return Err(missing(
                path,
                &format!("{here} has no field {}", shown(name)),
            ));
        }
        reached += 1 + name.len();
    }
    if scanner.peek() != Some(b'[') {
        let found = kind(scanner.rest());
        return Err(missing(path, &format!("{} is {found}", shown(path))));
    }
    let begin = scanner.at;
    let array = scanner.value()?;
    let end = scanner.at;
    for name in names.iter().rev() {
        reached = reached.saturating_sub(1 + name.len());
        while scanner.more(b'}')? {
            if is_named(scanner.key()?, name) {
                return Err(format!(
                    "duplicate field {} in {}",
                    shown(name),
                    shown(path.get(..reached).unwrap_or_default())
                ));
            }
            scanner.value()?;
        }
    }
    scanner.end()?;
    let text = |from: usize, to: usize| {
        std::str::from_utf8(value.get(from..to).unwrap_or_default())
            .map_err(|e| format!("invalid UTF-8 at byte {}", from + e.valid_up_to()))
    };
    Ok(Nested {
        before: text(0, begin)?,
        array,
        array_from: from + begin,
        after: text(end, value.len())?,
    })
}

/// The error for a path that leads to no array, and where it ends.
pub(super) fn missing(path: &str, why: &str) -> String {
    format!("no array at {}: {why}", shown(path))
}

/// Moves to the value of the first field of this name; false at the end of the object, which begins here.
fn enter(scanner: &mut Scanner<'_>, name: &str) -> Result<bool, String> {
    let mut more = scanner.open(b'}');
    while more {
        if is_named(scanner.key()?, name) {
            return Ok(true);
        }
        scanner.value()?;
        more = scanner.more(b'}')?;
    }
    Ok(false)
}

/// True if a key, quotes included, is that of a field with this name.
fn is_named(key: &str, name: &str) -> bool {
    if !key.contains('\\') {
        let plain = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        return plain == Some(name);
    }
    with_document(key.as_bytes(), |document| document.string(0) == Some(name)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::super::split;

    /// The text before and after the array, and the messages.
    fn nested<'a>(document: &'a str, path: &str) -> (String, String, Vec<&'a [u8]>) {
        let parts = split(document.as_bytes(), Some(path)).expect(document);
        let history = parts.history.expect("a history");
        let (before, after) = (history.before().to_owned(), history.after().to_owned());
        (before, after, parts.messages)
    }

    fn error(document: &str, path: &str) -> String {
        split(document.as_bytes(), Some(path)).expect_err(document)
    }

    #[test]
    fn text_around_the_array_is_kept_as_it_is() {
        let document = "{ \"s\":1, \"a\" : { \"x\" : [ 1 ], \"b\" :\t{\"c\" : [ {} , {}\n] , \"d\":1.50 } }, \"t\":2}";
        let (before, after, messages) = nested(document, "a.b.c");
        assert_eq!(before, "{ \"x\" : [ 1 ], \"b\" :\t{\"c\" : ");
        assert_eq!(after, " , \"d\":1.50 } }");
        assert_eq!(messages, [b"{}", b"{}"]);
        let parts = split(document.as_bytes(), Some("a.b.c")).expect("a document");
        let fields: Vec<_> = parts.fields.iter().map(|f| f.name.text()).collect();
        assert_eq!(fields, ["s", "t"]);
        assert_eq!(parts.history.map(|h| h.position), Some(1));
    }

    #[test]
    fn names_are_compared_as_they_are_read() {
        let document = r#"{"\u0061":{"é":{"":[1],"x":{"é":[]}}}}"#;
        assert_eq!(nested(document, "a.é.").2, [b"1"]);
        let document = r#"{"a":{"caf\u00e9":[1]}}"#;
        assert_eq!(nested(document, "a.café").2, [b"1"]);
    }

    #[test]
    fn a_field_with_the_whole_name_comes_first() {
        let (before, _, messages) = nested(r#"{"a":{"b":[1]},"a.b":[2]}"#, "a.b");
        assert_eq!((&*before, messages), ("", vec![&b"2"[..]]));
        assert!(error(r#"{"a":{"b":[1]},"a.b":2}"#, "a.b").contains("'a.b'"));
    }

    #[test]
    fn errors_say_where_the_path_ends() {
        for (document, path, why) in [
            ("{}", "a.b.c", "it has no field 'a'"),
            (r#"{"a":{"b":{}}}"#, "a.b.c", "'a.b' has no field 'c'"),
            (r#"{"a":{"c":{}}}"#, "a.b.c", "'a' has no field 'b'"),
            (r#"{"a":7}"#, "a.b.c", "'a' is a number"),
            (r#"{"a":[{"b":[]}]}"#, "a.b", "'a' is an array"),
            (r#"{"a":{"b":"x"}}"#, "a.b", "'a.b' is a string"),
            (r#"{"a":{"b":null}}"#, "a.b.c", "'a.b' is null"),
        ] {
            let expected = format!("no array at '{path}': {why}");
            assert_eq!(error(document, path), expected);
        }
    }

    #[test]
    fn a_name_of_the_path_twice_is_rejected() {
        for document in [
            r#"{"a":{"b":{"c":[]},"b":{"c":[]}}}"#,
            r#"{"a":{"b":{"c":[]},"\u0062":1}}"#,
        ] {
            assert_eq!(error(document, "a.b.c"), "duplicate field 'b' in 'a'");
        }
        let document = r#"{"a":{"b":{"c":[],"c":1}}}"#;
        assert_eq!(error(document, "a.b.c"), "duplicate field 'c' in 'a.b'");
        // Other contents of the objects are not looked into.
        nested(r#"{"a":{"x":1,"b":{"c":[]},"x":2}}"#, "a.b.c");
    }

    #[test]
    fn what_is_not_json_is_rejected() {
        for document in [
            r#"{"a":{"b":[],}}"#,
            r#"{"a":{"b":[]"#,
            r#"{"a":{"x":01,"b":[]}}"#,
            r#"{"a":{"b":[],"x":[1,}]}}"#,
            r#"{"a":{"x":[1,"b":[]}}"#,
            r#"{"a":{"b":[]]}}"#,
            r#"{"a":{x:1,"b":[]}}"#,
        ] {
            error(document, "a.b");
        }
    }

    #[test]
    fn a_deep_path_takes_one_pass() {
        let depth = 200_000;
        let path = vec!["a"; depth].join(".");
        let document = ["{\"a\":".repeat(depth).as_str(), "[]", &"}".repeat(depth)].concat();
        assert!(nested(&document, &path).2.is_empty());
        assert!(error(&document, &format!("{path}.b")).len() < 400);
    }
}
