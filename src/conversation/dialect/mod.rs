//! Reading messages as the frameworks write them.
//!
//! [`vocabulary`], [`kind`] and [`class`] are the table of spellings. [`shape`] finds the message in the object and its role, [`walk`] goes through it
//! once and reports to a [`Visitor`]; both the [facts](super::facts::Facts) and the counted text come from that walk, so
//! they cannot disagree.
//!
//! | file | what it reads |
//! |---|---|
//! | [`shape`], [`role`] | where the message is, and its role |
//! | [`item`], [`content`] | Responses items, and the content of a message |
//! | [`walk`], [`outside`] | the message: content, what is outside it, calls |
//! | [`block`], [`text`], [`document`] | blocks of a content array |
//! | [`call`], [`result`] | calls and results, wherever they are |
//! | [`usual`] | blocks and calls as nearly all are, by their members alone |
//! | [`unread`] | content of unknown kinds, serialised bytes and base64 |
//! | [`pairing`] | calls and results of the same message close each other |
//! | [`edit`] | messages without their results |
//! | [`located_texts`] | the texts that may be cut |
//! | [`result_values`] | where the values of results are, and what clears them |

mod block;
mod call;
mod class;
mod content;
mod document;
mod edit;
mod fields;
mod item;
mod kind;
mod located_texts;
mod lookup;
mod outside;
mod pairing;
mod result;
mod result_values;
mod role;
mod shape;
mod text;
mod unread;
mod usual;
mod vocabulary;
mod walk;

#[cfg(test)]
mod tests;

pub use edit::without_results;
pub use located_texts::{ReadTexts, texts};
pub use pairing::Pairs;
pub use result_values::{Edit, ReadResults, ResultValue, clear, results};
pub use shape::Shape;
pub use walk::walk;

use super::facts::CallKind;
use super::json::NodeId;

/// A part of a message that costs tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted<'a> {
    /// The role, as it is written, or the word of its class.
    Role(&'a str),
    /// The author's name.
    Name(&'a str),
    /// Text, or the JSON text of content that is not understood.
    Text(&'a str),
    /// A call, by its name and its arguments.
    Call(&'a str, &'a str),
    /// An image, audio, file or document.
    Media,
}

/// A call that a message opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoundCall<'a> {
    /// What it pairs with.
    pub kind: CallKind,
    /// Its id.
    pub id: Option<&'a str>,
    /// The `id` of a `local_shell_call`, if it differs.
    pub item_id: Option<&'a str>,
    /// Name of the tool, if the call has no id: with one it pairs by the id alone.
    pub name: Option<&'a str>,
}

/// A result that a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoundResult<'a> {
    /// What it pairs with.
    pub kind: CallKind,
    /// The id of its call.
    pub id: Option<&'a str>,
    /// `id` may name a call's `item_id`.
    pub by_item_id: bool,
    /// Name of the tool.
    pub name: Option<&'a str>,
    /// The block of the content array that it is, if it is one.
    pub block: Option<NodeId>,
}

/// Receives what a walk finds.
pub trait Visitor<'a> {
    /// False if strings need not be visited that have to be cut or built from the source.
    const TEXTS: bool;
    /// Something that costs tokens.
    fn counted(&mut self, part: Counted<'_>);
    /// A call that is opened.
    fn call(&mut self, call: FoundCall<'a>);
    /// A result of a call that was opened in this message or an earlier one.
    fn result(&mut self, result: FoundResult<'a>);
    /// Something begins that may be a result of this message or hold the values of one.
    fn begin_result(&mut self) {}
    /// A value of it begins: what is counted until it ends belongs to the result.
    fn begin_value(&mut self, _id: NodeId) {}
    /// The value ends.
    fn end_value(&mut self) {}
    /// What began last ends; it is a tool result or it is not.
    fn end_result(&mut self, _is_result: bool) {}
}
