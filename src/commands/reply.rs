//! Where replies go.

use smallvec::SmallVec;

/// Takes a reply, element by element. Two implementations: Redis's own reply calls, and a tree, for tests and for what
/// is replied when a change has been made.
pub trait Reply {
    /// Nil.
    fn null(&mut self);
    /// An integer.
    fn integer(&mut self, value: i64);
    /// A bulk string.
    fn bulk(&mut self, bytes: &[u8]);
    /// A simple string, such as `OK`.
    fn status(&mut self, text: &'static str);
    /// An array of `len` elements, which follow.
    fn array(&mut self, len: usize);
    /// A map of `len` keys and values, which follow. In RESP2 a flat array.
    fn map(&mut self, len: usize);
}

/// An element of a reply that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nil.
    Null,
    /// An integer.
    Integer(i64),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// A simple string.
    Status(&'static str),
    /// An array of so many of the elements that follow.
    Array(usize),
    /// A map of so many pairs of the elements that follow.
    Map(usize),
}

/// A reply that is buffered until a change has been made: mostly one element.
pub type BufferedReply = SmallVec<[Tree; 2]>;

macro_rules! keeps {
    ($list:ty) => {
        impl Reply for $list {
            fn null(&mut self) {
                self.push(Tree::Null);
            }
            fn integer(&mut self, value: i64) {
                self.push(Tree::Integer(value));
            }
            fn bulk(&mut self, bytes: &[u8]) {
                self.push(Tree::Bulk(bytes.to_vec()));
            }
            fn status(&mut self, text: &'static str) {
                self.push(Tree::Status(text));
            }
            fn array(&mut self, len: usize) {
                self.push(Tree::Array(len));
            }
            fn map(&mut self, len: usize) {
                self.push(Tree::Map(len));
            }
        }
    };
}

keeps!(Vec<Tree>);
keeps!(BufferedReply);

/// Replies with what was buffered.
pub fn replay_to(buffered: &[Tree], reply: &mut dyn Reply) {
    for element in buffered {
        match element {
            Tree::Null => reply.null(),
            Tree::Integer(value) => reply.integer(*value),
            Tree::Bulk(bytes) => reply.bulk(bytes),
            Tree::Status(text) => reply.status(text),
            Tree::Array(len) => reply.array(*len),
            Tree::Map(len) => reply.map(*len),
        }
    }
}
