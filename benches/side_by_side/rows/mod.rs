//! The rows of the table, one file each.

mod append;
mod budgets;
mod clear;
mod counting;
mod flat;
mod fork;
mod generator;
mod large;
mod limited;
mod load;
mod many;
pub mod memory;
mod recent;
mod resting;
mod search;
mod service;
mod session;
mod short;
mod stall;

use crate::Setup;
use crate::row::Line;

/// A row: measures, and returns its lines of the table.
pub type Row = fn(&Setup) -> Vec<Line>;

/// All rows, by their name in `ROWS`.
pub const ROWS: [(&str, Row); 19] = [
    ("generator", generator::lines),
    ("recent", recent::lines),
    ("budgets", budgets::lines),
    ("clear", clear::lines),
    ("append", append::lines),
    ("limited", limited::lines),
    ("flat", flat::lines),
    ("fork", fork::lines),
    ("search", search::lines),
    ("stall", stall::lines),
    ("large", large::lines),
    ("memory", memory::lines),
    ("short", short::lines),
    ("many", many::lines),
    ("resting", resting::lines),
    ("load", load::lines),
    ("counting", counting::lines),
    ("session", session::lines),
    ("service", service::lines),
];
