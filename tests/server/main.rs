//! Tests against a real redis-server with the module loaded: one file per promise.

#[path = "../support/mod.rs"]
mod support;

mod citizen;
mod commands;
mod corpus;
mod payloads;
mod persistence;
mod refusals;
mod replication;
mod retention;
mod samples;
mod selecting;
