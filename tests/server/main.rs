//! Tests against a real redis-server with the module loaded: one file per promise.

#[path = "../support/mod.rs"]
mod support;

mod citizen;
mod commands;
mod corpus;
mod dialects;
mod hostile;
mod managing;
mod notation;
mod payloads;
mod persistence;
mod reading;
mod refusals;
mod replication;
mod retention;
mod samples;
mod selecting;
mod start;
mod summaries;
