//! A parsed text, and where its values are in the source.

use std::cell::RefCell;
use std::ops::Range;

use simd_json::Node;

use super::is_number_byte;

/// Index of a value in a [`Document`].
pub type NodeId = usize;

/// A parsed text. Values are named by their index; 0 is the outermost.
pub struct Document<'a> {
    pub(super) nodes: &'a [Node<'a>],
    pub(super) source: &'a [u8],
    /// Address of the copy of the source that strings are slices of.
    pub(super) copy: usize,
    pub(super) structurals: &'a [u32],
    /// Numbers in `nodes` are not those of the source.
    pub(super) repaired: bool,
    /// Per node its position in `structurals`; made when it is first asked for a node that is far from any string.
    pub(super) starts: RefCell<Vec<u32>>,
}

impl<'a> Document<'a> {
    /// What kind of value this is, with its article, for error messages.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> &'static str {
        match self.nodes.get(id) {
            Some(Node::Object { .. }) => "an object",
            Some(Node::Array { .. }) => "an array",
            Some(Node::String(_)) => "a string",
            Some(Node::Static(simd_json::StaticNode::Null)) => "null",
            Some(Node::Static(simd_json::StaticNode::Bool(_))) => "a boolean",
            Some(Node::Static(_)) => "a number",
            None => "nothing",
        }
    }

    /// True for `{...}`.
    #[must_use]
    pub fn is_object(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(id), Some(Node::Object { .. }))
    }

    /// The node itself.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&'a Node<'a>> {
        self.nodes.get(id)
    }

    /// The unescaped text of a string, nothing for any other value.
    #[must_use]
    pub fn string(&self, id: NodeId) -> Option<&'a str> {
        match self.nodes.get(id) {
            Some(Node::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The elements of an array; none for any other value.
    pub fn elements(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        let len = match self.nodes.get(id) {
            Some(Node::Array { len, .. }) => *len,
            _ => 0,
        };
        let nodes = self.nodes;
        let mut next = id + 1;
        (0..len).map(move |_| {
            let this = next;
            next = after(nodes, this);
            this
        })
    }

    /// The members of an object, in their order, duplicates included; none for any other value.
    pub fn members(&self, id: NodeId) -> impl Iterator<Item = (&'a str, NodeId)> + use<'a> {
        let len = match self.nodes.get(id) {
            Some(Node::Object { len, .. }) => *len,
            _ => 0,
        };
        let nodes = self.nodes;
        let mut next = id + 1;
        (0..len).map(move |_| {
            let key = match nodes.get(next) {
                Some(Node::String(key)) => *key,
                _ => "",
            };
            let value = next + 1;
            next = after(nodes, value);
            (key, value)
        })
    }

    /// As [`Document::members`], in the fewest instructions: most of the time that a message takes besides parsing is spent
    /// here. Values are named by 32 bits: the parser rejects texts of 4 GB.
    #[inline]
    pub fn visit_members(&self, id: NodeId, mut visit: impl FnMut(&'a str, u32)) {
        let Some([Node::Object { count, .. }, rest @ ..]) = self.nodes.get(id..) else {
            return;
        };
        let mut rest = rest.get(..*count).unwrap_or_default();
        let mut at = id as u32 + 2;
        while let [Node::String(key), value, after @ ..] = rest {
            visit(key, at);
            at += 2;
            rest = after;
            if let Node::Object { count, .. } | Node::Array { count, .. } = value {
                at += *count as u32;
                rest = after.get(*count..).unwrap_or_default();
            }
        }
    }

    /// The values of an object that has exactly these members, in this order; nothing for any other value. Much cheaper than
    /// looking the names up, and it covers most objects, since a framework always writes the same names in the same order.
    #[inline(always)]
    #[allow(clippy::inline_always)] // Otherwise the names are no constants.
    #[must_use]
    pub fn exactly<const N: usize>(&self, id: NodeId, names: [&str; N]) -> Option<[NodeId; N]> {
        let [Node::Object { len, .. }, rest @ ..] = self.nodes.get(id..)? else {
            return None;
        };
        if *len != N {
            return None;
        }
        let (mut rest, mut at, mut values) = (rest, id + 1, [0; N]);
        for (name, slot) in names.into_iter().zip(&mut values) {
            let [Node::String(key), value, after @ ..] = rest else {
                return None;
            };
            if *key != name {
                return None;
            }
            *slot = at + 1;
            at += 2;
            rest = after;
            if let Node::Object { count, .. } | Node::Array { count, .. } = value {
                at += *count;
                rest = after.get(*count..)?;
            }
        }
        Some(values)
    }

    /// True for `null`.
    #[must_use]
    pub fn is_null(&self, id: NodeId) -> bool {
        matches!(
            self.nodes.get(id),
            Some(Node::Static(simd_json::StaticNode::Null))
        )
    }

    /// True for `true`.
    #[must_use]
    pub fn is_true(&self, id: NodeId) -> bool {
        matches!(
            self.nodes.get(id),
            Some(Node::Static(simd_json::StaticNode::Bool(true)))
        )
    }

    /// True for a number, `true` or `false`.
    #[must_use]
    pub fn is_scalar(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(id), Some(Node::Static(_))) && !self.is_null(id)
    }

    /// True for `[...]`.
    #[must_use]
    pub fn is_array(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(id), Some(Node::Array { .. }))
    }

    /// True for an array that is not empty.
    #[must_use]
    pub fn has_elements(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(id), Some(Node::Array { len: 1.., .. }))
    }

    /// True for an object that is not empty.
    #[must_use]
    pub fn has_members(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(id), Some(Node::Object { len: 1.., .. }))
    }

    /// The value after the one at `id` and all that is nested in it.
    #[must_use]
    pub fn after(&self, id: NodeId) -> NodeId {
        after(self.nodes, id)
    }

    /// The source text of a value, byte for byte.
    #[must_use]
    pub fn verbatim(&self, id: NodeId) -> Option<&'a str> {
        std::str::from_utf8(self.source.get(self.span(id)?)?).ok()
    }

    /// Bytes of the source.
    #[must_use]
    pub fn source_len(&self) -> usize {
        self.source.len()
    }

    /// The source text between two positions of it.
    #[must_use]
    pub fn source(&self, span: Range<usize>) -> Option<&'a str> {
        std::str::from_utf8(self.source.get(span)?).ok()
    }

    /// Where the value is in the source.
    #[must_use]
    pub fn span(&self, id: NodeId) -> Option<Range<usize>> {
        let first = self.structural(id)?;
        let begin = *self.structurals.get(first)? as usize;
        let rest = self.source.get(begin..)?;
        let len = match self.nodes.get(id)? {
            Node::Object { .. } | Node::Array { .. } => self.container_end(first)? - begin,
            Node::String(_) => string_len(rest)?,
            Node::Static(_) => rest
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'))
                .unwrap_or(rest.len()),
        };
        Some(begin..begin + len)
    }

    /// The position after the container that begins at this structural position.
    fn container_end(&self, first: usize) -> Option<usize> {
        let mut depth = 0usize;
        for &at in self.structurals.get(first..)? {
            match self.source.get(at as usize)? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(at as usize + 1);
            }
        }
        None
    }

    /// Which of the structural positions the node begins at.
    fn structural(&self, id: NodeId) -> Option<usize> {
        self.structural_near(id)
            .or_else(|| self.structural_of_all(id))
    }

    /// As [`Document::structural`], if the node or one shortly before it is a string: its address tells where it begins.
    fn structural_near(&self, id: NodeId) -> Option<usize> {
        const NEAR: usize = 4;
        let before = self.nodes.get(id.saturating_sub(NEAR)..=id)?;
        let (steps, text) =
            (before.iter().rev().enumerate()).find_map(|(steps, node)| match node {
                Node::String(text) => Some((steps, *text)),
                _ => None,
            })?;
        let quote = text.as_ptr().addr().checked_sub(self.copy + 1)?;
        let quote = u32::try_from(quote).ok()?;
        let first = self.structurals.binary_search(&quote).ok()?;
        if self.source.get(quote as usize) != Some(&b'"') {
            return None;
        }
        let mut nodes = (self.structurals.get(first..)?.iter())
            .zip(first..)
            .filter(|&(&at, _)| self.begins_node(at));
        nodes.nth(steps).map(|(_, first)| first)
    }

    /// Each node begins at one structural position, in the order of the tape; the others only separate.
    fn begins_node(&self, at: u32) -> bool {
        !matches!(
            self.source.get(at as usize),
            Some(b':' | b',' | b'}' | b']')
        )
    }

    fn structural_of_all(&self, id: NodeId) -> Option<usize> {
        let mut starts = self.starts.borrow_mut();
        if starts.is_empty() {
            starts.reserve(self.nodes.len());
            starts.extend(
                (0u32..)
                    .zip(self.structurals)
                    .filter(|&(_, &at)| self.begins_node(at))
                    .map(|(i, _)| i),
            );
        }
        starts.get(id).map(|&first| first as usize)
    }

    /// The source text of a number, if the node does not hold its value: see the documentation of [`super`].
    #[must_use]
    pub fn number_source(&self, id: NodeId) -> Option<&'a str> {
        if !self.repaired {
            return None;
        }
        let begin = *self.structurals.get(self.structural(id)?)? as usize;
        let rest = self.source.get(begin..)?;
        let end = rest
            .iter()
            .position(|b| !is_number_byte(*b))
            .unwrap_or(rest.len());
        std::str::from_utf8(rest.get(..end)?).ok()
    }
}

/// The length of the string literal that `source` begins with, quotes included.
fn string_len(source: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', source.get(at..)?)?;
        match source.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The node after the value at `id` and all that is nested in it.
fn after(nodes: &[Node<'_>], id: NodeId) -> NodeId {
    match nodes.get(id) {
        Some(Node::Object { count, .. } | Node::Array { count, .. }) => id + 1 + count,
        _ => id + 1,
    }
}
