//! Atomic slot migration: CLUSTER MIGRATESLOTS of Valkey 9 and CLUSTER MIGRATION of Redis 8.4 move a slot with all its
//! keys at once.

use std::time::Instant;

use redis::Value;

use super::nodes::{Cluster, WAIT_LIMIT};
use crate::support::*;

/// The command with which this server migrates slots atomically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Valkey: sent to the node that owns the slot.
    Export,
    /// Redis: sent to the node that will own the slot.
    Import,
}

impl Cluster {
    /// The command that the nodes support, if any.
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

    /// Migrates a slot under load. Returns the number of keys at the destination.
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
        // The server rejects a migration while it still cleans up after an earlier one.
        let mut last = String::new();
        let asked = wait_until(WAIT_LIMIT, || {
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
            return Err(format!("slot {slot} cannot be migrated atomically: {last}"));
        }
        let mut state = String::new();
        let done = wait_until(WAIT_LIMIT, || {
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

/// The state of the requested migrations, by name.
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
