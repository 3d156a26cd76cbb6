//! A cluster on loopback: three primaries with one replica each, created with the server's own command-line tool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::*;

/// Time in ms after which a node that does not reply to its peers counts as failed.
const NODE_TIMEOUT: &str = "1500";
/// Time limit for forming the cluster, failovers and replication; several times what they need on a busy machine.
pub const WAIT_LIMIT: Duration = Duration::from_secs(60);

/// The six servers of the cluster.
pub struct Cluster {
    nodes: Vec<Server>,
    ids: Vec<String>,
}

impl Cluster {
    /// Starts the servers and creates the cluster.
    pub fn start() -> Result<Self, String> {
        let options = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            NODE_TIMEOUT,
            // The other slots stay available while a primary is down.
            "--cluster-require-full-coverage",
            "no",
            "--cluster-allow-replica-migration",
            "no",
            // No failover unless a primary was killed: a slow machine must not cause one. See `kill`.
            "--cluster-replica-no-failover",
            "yes",
        ];
        let nodes: Vec<Server> = (0..6).map(|_| Server::with(&options)).collect();
        let mut args = vec!["--cluster".to_string(), "create".into()];
        args.extend(
            nodes
                .iter()
                .map(|node| format!("127.0.0.1:{}", node.port())),
        );
        args.extend(["--cluster-replicas", "1", "--cluster-yes"].map(String::from));
        cli(&args)?;
        let ids = nodes
            .iter()
            .map(|node| text(&cmd!(node.conn(), "CLUSTER", "MYID")))
            .collect();
        let cluster = Self { nodes, ids };
        cluster.settle()?;
        Ok(cluster)
    }

    /// The ports of all nodes.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(Server::port).collect()
    }

    pub fn node(&self, index: usize) -> &Server {
        &self.nodes[index]
    }

    /// The cluster's id of a node.
    pub fn id(&self, index: usize) -> &str {
        &self.ids[index]
    }

    /// Nodes that exited unexpectedly, with the last lines of their logs.
    pub fn crashed(&mut self) -> Vec<String> {
        self.nodes
            .iter_mut()
            .filter_map(|node| {
                let end = |log: String| {
                    let lines: Vec<_> = log.lines().collect();
                    lines[lines.len().saturating_sub(30)..].join("\n    ")
                };
                (!node.is_alive()).then(|| format!("port {}: {}", node.port(), end(node.log())))
            })
            .collect()
    }

    /// Maps each primary to its replica, as reported by the nodes.
    pub fn pairs(&self) -> Result<BTreeMap<usize, usize>, String> {
        let mut pairs = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let fields = info(&mut node.conn(), "replication");
            if fields["role"] == "slave" {
                let port = &fields["master_port"];
                let primary = self
                    .nodes
                    .iter()
                    .position(|n| n.port().to_string() == *port);
                pairs.insert(primary.ok_or("an unknown primary")?, index);
            }
        }
        Ok(pairs)
    }

    /// Waits until all nodes agree that every slot is served, and every replica has caught up with its primary.
    pub fn settle(&self) -> Result<(), String> {
        let mut why = String::new();
        self.agree()?;
        let settled = wait_until(WAIT_LIMIT, || {
            why = self.unsettled().err().unwrap_or_default();
            why.is_empty()
        });
        settled
            .then_some(())
            .ok_or(format!("the cluster did not settle: {why}"))
    }

    /// The owners of the slots with their epochs, as seen by a node. An error if the node is loading.
    fn view(&self, index: usize) -> Result<Vec<String>, String> {
        let reply = try_cmd!(self.nodes[index].conn(), "CLUSTER", "NODES");
        let view = text(&reply.map_err(|e| e.to_string())?);
        let mut lines: Vec<String> = view
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|words| words[2].contains("master"))
            .map(|words| format!("{} {} {}", words[0], words[6], words[8..].join(" ")))
            .collect();
        lines.sort();
        Ok(lines)
    }

    /// Waits until all nodes agree on the owners of the slots. A slot that moves again too early can end up without an
    /// owner, because each of two nodes believes that the other has it.
    pub fn agree(&self) -> Result<(), String> {
        let agreed = wait_until(WAIT_LIMIT, || {
            let first = self.view(0);
            first.is_ok() && (1..self.nodes.len()).all(|index| self.view(index) == first)
        });
        agreed.then_some(()).ok_or_else(|| {
            let views: Vec<_> = (0..self.nodes.len()).map(|n| self.view(n)).collect();
            format!("the nodes do not agree: {views:?}")
        })
    }

    fn unsettled(&self) -> Result<(), String> {
        for node in &self.nodes {
            let mut con = node.conn();
            // A replica that is loading replies with an error.
            let reply = try_cmd!(con, "CLUSTER", "INFO");
            let fields = text(&reply.map_err(|e| e.to_string())?);
            for wanted in ["cluster_state:ok", "cluster_slots_ok:16384"] {
                if !fields.contains(wanted) {
                    return Err(format!("not {wanted} on {}", node.port()));
                }
            }
            let view = text(&cmd!(con, "CLUSTER", "NODES"));
            let mut words = view.split([' ', ',']);
            if words.any(|word| ["fail", "fail?", "handshake"].contains(&word)) {
                return Err(format!("on {}: {view}", node.port()));
            }
        }
        let pairs = self.pairs()?;
        if pairs.len() != 3 {
            return Err(format!("primaries and replicas: {pairs:?}"));
        }
        for (primary, replica) in pairs {
            let offset = |index: usize| -> Result<u64, String> {
                let fields = info(&mut self.nodes[index].conn(), "replication");
                let link = fields.get("master_link_status");
                if link.is_some_and(|link| link != "up") {
                    return Err(format!("the link of {} is down", self.nodes[index].port()));
                }
                fields["master_repl_offset"]
                    .parse()
                    .map_err(|e| format!("offset: {e}"))
            };
            let target = offset(primary)?;
            if offset(replica)? < target {
                return Err(format!("{} has not caught up", self.nodes[replica].port()));
            }
        }
        Ok(())
    }

    /// Kills a primary, and permits a failover to this replica only.
    pub fn kill(&mut self, primary: usize, replica: usize) {
        let mut con = self.nodes[replica].conn();
        cmd!(con, "CONFIG", "SET", "cluster-replica-no-failover", "no");
        self.nodes[primary].kill9();
    }

    /// Waits until the replica has become a primary.
    pub fn taken_over(&self, replica: usize) -> Result<(), String> {
        let mut con = self.nodes[replica].conn();
        let done = wait_until(WAIT_LIMIT, || {
            info(&mut con, "replication")["role"] == "master"
        });
        cmd!(con, "CONFIG", "SET", "cluster-replica-no-failover", "yes");
        done.then_some(()).ok_or(format!(
            "{} did not take over within {WAIT_LIMIT:?}",
            self.nodes[replica].port()
        ))
    }

    /// Restarts a killed node. It rejoins the cluster by itself.
    pub fn revive(&mut self, index: usize) {
        self.nodes[index].start_again();
    }

    /// The primary that serves a slot, as reported by that primary.
    pub fn owner(&self, slot: u16) -> Result<usize, String> {
        let mut con = self.nodes[0].conn();
        let ranges = cmd!(con, "CLUSTER", "SLOTS");
        let range = items(&ranges).iter().find(|range| {
            let range = items(range);
            (int(&range[0])..=int(&range[1])).contains(&i64::from(slot))
        });
        let range = range.ok_or(format!("no node serves slot {slot}"))?;
        let port = int(&items(&items(range)[2])[1]);
        let node = self
            .nodes
            .iter()
            .position(|node| i64::from(node.port()) == port);
        node.ok_or(format!("port {port} is not a node of this cluster"))
    }

    /// Moves a slot key by key under load, as an operator would. Returns the number of keys moved.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) -> Result<usize, String> {
        let (mut here, mut there) = (self.nodes[from].conn(), self.nodes[to].conn());
        let (from_id, to_id) = (self.id(from), self.id(to));
        let step = |result: redis::RedisResult<redis::Value>, what: &str| {
            result.map_err(|e| format!("{what} of slot {slot}: {e}"))
        };
        step(
            try_cmd!(there, "CLUSTER", "SETSLOT", slot, "IMPORTING", from_id),
            "IMPORTING",
        )?;
        step(
            try_cmd!(here, "CLUSTER", "SETSLOT", slot, "MIGRATING", to_id),
            "MIGRATING",
        )?;
        let mut moved = BTreeSet::new();
        loop {
            let keys = step(
                try_cmd!(here, "CLUSTER", "GETKEYSINSLOT", slot, 2),
                "GETKEYSINSLOT",
            )?;
            let keys = strings(&keys);
            if keys.is_empty() {
                break;
            }
            let port = self.nodes[to].port();
            step(
                try_cmd!(
                    here,
                    "MIGRATE",
                    "127.0.0.1",
                    port,
                    "",
                    0,
                    20_000,
                    "KEYS",
                    &keys[..]
                ),
                "MIGRATE",
            )?;
            moved.extend(keys);
        }
        step(
            try_cmd!(there, "CLUSTER", "SETSLOT", slot, "NODE", to_id),
            "SETSLOT",
        )?;
        step(
            try_cmd!(here, "CLUSTER", "SETSLOT", slot, "NODE", to_id),
            "SETSLOT",
        )?;
        self.agree()?;
        Ok(moved.len())
    }

    /// `redis-cli --cluster reshard`: moves a number of slots from one primary to another.
    pub fn reshard(&self, slots: u32, from: usize, to: usize) -> Result<(), String> {
        let node = format!("127.0.0.1:{}", self.nodes[from].port());
        let slots = slots.to_string();
        let args = [
            "--cluster",
            "reshard",
            &node,
            "--cluster-from",
            self.id(from),
            "--cluster-to",
            self.id(to),
            "--cluster-slots",
            &slots,
            "--cluster-yes",
        ];
        cli(&args.map(String::from))
    }
}

/// Runs the command-line tool of the server.
fn cli(args: &[String]) -> Result<(), String> {
    let program = cli_program();
    let output = Command::new(&program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let end: Vec<_> = said.lines().rev().take(10).collect();
    Err(format!(
        "{} {}: {} {}",
        program.display(),
        args[1],
        end.into_iter().rev().collect::<Vec<_>>().join(" | "),
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn cli_program() -> PathBuf {
    let sibling = std::env::var_os("REDIS_SERVER").and_then(|server| {
        ["redis-cli", "valkey-cli"]
            .map(|name| PathBuf::from(&server).with_file_name(name))
            .into_iter()
            .find(|path| path.exists())
    });
    sibling.unwrap_or_else(|| "redis-cli".into())
}
