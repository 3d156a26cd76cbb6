//! The destination of replies.

use smallvec::SmallVec;

/// Receives a reply, element by element. The server implements it with the reply functions of Redis. Lists of [`Tree`]
/// buffer a reply: in tests, and until the effect of a write has been applied.
pub trait Reply {
    /// Nil.
    fn null(&mut self);
    /// Nil in the place of an array. RESP2 distinguishes it from [`Reply::null`].
    fn null_array(&mut self);
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

/// An element of a buffered reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nil.
    Null,
    /// Nil in the place of an array.
    NullArray,
    /// An integer.
    Integer(i64),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// A simple string.
    Status(&'static str),
    /// An array of this many elements, which follow.
    Array(usize),
    /// A map of this many keys and values, which follow.
    Map(usize),
}

/// The reply of a write, buffered until its effect has been applied. Most such replies are one element.
pub type BufferedReply = SmallVec<[Tree; 2]>;

macro_rules! buffers_replies {
    ($list:ty) => {
        impl Reply for $list {
            fn null(&mut self) {
                self.push(Tree::Null);
            }
            fn null_array(&mut self) {
                self.push(Tree::NullArray);
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

buffers_replies!(Vec<Tree>);
buffers_replies!(BufferedReply);

/// Sends a buffered reply.
pub fn replay_to(buffered: &[Tree], reply: &mut dyn Reply) {
    for element in buffered {
        match element {
            Tree::Null => reply.null(),
            Tree::NullArray => reply.null_array(),
            Tree::Integer(value) => reply.integer(*value),
            Tree::Bulk(bytes) => reply.bulk(bytes),
            Tree::Status(text) => reply.status(text),
            Tree::Array(len) => reply.array(*len),
            Tree::Map(len) => reply.map(*len),
        }
    }
}
