//! Slots that move at once, with all their keys, where the server can do it: CLUSTER MIGRATESLOTS of Valkey 9, CLUSTER
//! MIGRATION of Redis 8.4.

use std::time::Instant;

use redis::Value;

use super::nodes::{Cluster, PATIENCE};
use crate::support::*;

/// How this server moves slots at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Valkey: asked of the node that has the slot.
    Export,
    /// Redis: asked of the node that is to have it.
    Import,
}

impl Cluster {
    /// The way that the nodes know, if they know one.
    pub fn way(&self) -> Option<Way> {
        let mut con = self.node(0).conn();
        let mut knows = |name: &str| {
            let found = cmd!(con, "COMMAND", "INFO", name);
            items(&found).iter().any(|command| *command != Value::Nil)
        };
        if knows("cluster|migrateslots") {
            Some(Way::Export)
        } else if knows("cluster|migration") {
            Some(Way::Import)
        } else {
            None
        }
    }

    /// Moves a slot under load. Returns how many keys it has at its new place.
    pub fn move_at_once(
        &self,
        way: Way,
        slot: u16,
        from: usize,
        to: usize,
    ) -> Result<usize, String> {
        let (mut here, mut there) = (self.node(from).conn(), self.node(to).conn());
        let start = Instant::now();
        let before = jobs(way, &mut here, &mut there);
        // What an earlier move has left behind may still be cleared away.
        let mut last = String::new();
        let asked = wait_until(PATIENCE, || {
            let asked = match way {
                Way::Export => try_cmd!(
                    here,
                    "CLUSTER",
                    "MIGRATESLOTS",
                    "SLOTSRANGE",
                    slot,
                    slot,
                    "NODE",
                    self.id(to)
                ),
                Way::Import => try_cmd!(there, "CLUSTER", "MIGRATION", "IMPORT", slot, slot),
            };
            last = asked
                .as_ref()
                .err()
                .map(ToString::to_string)
                .unwrap_or_default();
            asked.is_ok()
        });
        if !asked {
            return Err(format!("slot {slot} cannot be moved at once: {last}"));
        }
        let mut state = String::new();
        let done = wait_until(PATIENCE, || {
            let new = jobs(way, &mut here, &mut there)
                .into_iter()
                .find(|(name, _)| !before.iter().any(|(old, _)| old == name));
            state = new.map(|(_, state)| state).unwrap_or_default();
            ["success", "completed", "failed", "cancelled", "canceled"].contains(&state.as_str())
        });
        if !done || !["success", "completed"].contains(&state.as_str()) {
            return Err(format!(
                "slot {slot} from {from} to {to}: {state:?} after {:?}",
                start.elapsed()
            ));
        }
        self.agree()?;
        let count = int(&cmd!(there, "CLUSTER", "COUNTKEYSINSLOT", slot));
        usize::try_from(count).map_err(|e| e.to_string())
    }
}

/// The moves that were asked for, by name, and how far they are.
fn jobs(
    way: Way,
    here: &mut redis::Connection,
    there: &mut redis::Connection,
) -> Vec<(String, String)> {
    let (reply, name) = match way {
        Way::Export => (cmd!(*here, "CLUSTER", "GETSLOTMIGRATIONS"), "name"),
        Way::Import => (cmd!(*there, "CLUSTER", "MIGRATION", "STATUS", "ALL"), "id"),
    };
    items(&reply)
        .iter()
        .map(|job| {
            let fields = map(job);
            (text(&fields[name]), text(&fields["state"]))
        })
        .collect()
}
