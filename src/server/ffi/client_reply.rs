//! Replies through Redis's own calls.

use std::ffi::{c_char, c_long};

use redis_module::raw::RedisModuleCtx;

use super::api::{c_text, call};
use super::context::Context;
use crate::commands::reply::Reply;

/// The reply to the client of a call under way.
pub struct ClientReply<'c> {
    ctx: Context<'c>,
    started: bool,
}

impl<'c> ClientReply<'c> {
    /// Replies to the client of this context.
    pub fn new(ctx: Context<'c>) -> Self {
        Self {
            ctx,
            started: false,
        }
    }

    /// Replies with an error, unless a reply has begun.
    pub fn error(&mut self, text: &str) {
        if !std::mem::replace(&mut self.started, true) {
            // Line breaks would end the error in the protocol.
            let text = c_text(&text.replace(['\r', '\n'], " "));
            // SAFETY: the context is valid; the text ends in NUL.
            unsafe { call!(RedisModule_ReplyWithError, self.ctx.as_ptr(), text.as_ptr()) };
        }
    }

    /// An error in the place of an element of an array.
    pub fn error_element(&mut self, text: &str) {
        self.started = false;
        self.error(text);
    }

    /// Replies with an error after a panic.
    pub fn internal_error(&mut self) {
        self.error("ERR internal error, nothing was done; the server's log has the details");
    }

    fn begin(&mut self) -> *mut RedisModuleCtx {
        self.started = true;
        self.ctx.as_ptr()
    }
}

fn length(len: usize) -> c_long {
    c_long::try_from(len).unwrap_or(c_long::MAX)
}

impl Reply for ClientReply<'_> {
    fn null(&mut self) {
        let ctx = self.begin();
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_ReplyWithNull, ctx) };
    }

    fn null_array(&mut self) {
        let ctx = self.begin();
        // SAFETY: the context is valid. In RESP3 Redis writes the one nil that there is.
        unsafe { call!(RedisModule_ReplyWithNullArray, ctx) };
    }

    fn integer(&mut self, value: i64) {
        let ctx = self.begin();
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_ReplyWithLongLong, ctx, value) };
    }

    fn bulk(&mut self, bytes: &[u8]) {
        let ctx = self.begin();
        // SAFETY: the context is valid; pointer and length belong together.
        unsafe {
            call!(
                RedisModule_ReplyWithStringBuffer,
                ctx,
                bytes.as_ptr().cast::<c_char>(),
                bytes.len()
            )
        };
    }

    fn status(&mut self, text: &'static str) {
        let ctx = self.begin();
        let text = c_text(text);
        // SAFETY: the context is valid; the text ends in NUL.
        unsafe { call!(RedisModule_ReplyWithSimpleString, ctx, text.as_ptr()) };
    }

    fn array(&mut self, len: usize) {
        let ctx = self.begin();
        // SAFETY: the context is valid.
        unsafe { call!(RedisModule_ReplyWithArray, ctx, length(len)) };
    }

    fn map(&mut self, len: usize) {
        let ctx = self.begin();
        // SAFETY: the context is valid. In RESP2 Redis writes a flat array itself.
        unsafe { call!(RedisModule_ReplyWithMap, ctx, length(len)) };
    }
}
