//! A message without its results.

use super::shape::Shape;
use super::walk::walk;
use super::{Counted, FoundCall, FoundResult, Pairs, Visitor};
use crate::conversation::json::{Document, NodeId};

/// Notes calls and results.
#[derive(Default)]
struct Noted<'a>(Pairs<'a>);

impl<'a> Visitor<'a> for Noted<'a> {
    const TEXTS: bool = false;

    fn counted(&mut self, _: Counted<'_>) {}

    fn call(&mut self, call: FoundCall<'a>) {
        self.0.call(call);
    }

    fn result(&mut self, result: FoundResult<'a>) {
        self.0.result(result);
    }
}

/// The message without the result blocks of its content, byte for byte as it was otherwise. Results of calls in the message
/// itself stay. `None` if there are no others, or if they are not blocks of the content.
pub fn without_results(shape: &Shape<'_, '_>) -> Option<Vec<u8>> {
    let doc = shape.doc;
    let array = shape.content_array()?;
    let mut noted = Noted::default();
    walk(shape, &mut noted);
    noted.0.close();
    let results = noted.0.results().map(|result| result.block);
    let mut blocks: Vec<NodeId> = results.collect::<Option<_>>()?;
    blocks.sort_unstable();
    let removed = |element: &NodeId| blocks.binary_search(element).is_ok();
    let count = doc.elements(array).filter(removed).count();
    if blocks.is_empty() || count != blocks.len() {
        return None;
    }
    cut(doc, array, removed)
}

/// The document without these elements of an array, and without the commas that separated them.
fn cut(doc: &Document<'_>, array: NodeId, removed: impl Fn(&NodeId) -> bool) -> Option<Vec<u8>> {
    let (message, array_span) = (doc.span(0)?, doc.span(array)?);
    let mut out = String::new();
    let mut end = array_span.start + 1;
    let mut any = false;
    out.push_str(doc.source(message.start..end)?);
    for (i, element) in doc.elements(array).enumerate() {
        let span = doc.span(element)?;
        if !removed(&element) {
            // The white space before the first element, or the comma before any other.
            if any || i == 0 {
                out.push_str(doc.source(end..span.start)?);
            }
            out.push_str(doc.source(span.clone())?);
            any = true;
        }
        end = span.end;
    }
    out.push_str(doc.source(end..message.end)?);
    Some(out.into_bytes())
}
