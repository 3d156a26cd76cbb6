//! Tests against a real redis-server with the module loaded, one file per topic.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod agreement;
mod backfill;
mod catalogue;
mod claims;
mod clustered;
mod commands;
mod corpus;
mod defragging;
mod dialects;
mod dialects_by_type;
mod effects;
mod events;
mod fixtures;
mod hostile;
mod loading;
mod managing;
mod memory;
mod multi_key;
mod notation;
mod odd_messages;
mod payloads;
mod persistence;
mod random_writes;
mod reading;
mod redis_integration;
mod refusals;
mod replication;
mod retention;
mod samples;
mod selecting;
mod sessions;
mod settings;
mod shapes;
mod side_effect_probe;
mod stall;
mod start;
mod summaries;
mod verbatim;
mod views;
mod waiting;
mod writes;
mod wrong_place;
