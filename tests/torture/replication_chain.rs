//! Starts, reloads and compares a primary, its replica and the replica's replica.

use fastrand::Rng;
use redis::{Connection, Value};

use crate::support::*;
use crate::writers::CONTROL;

/// A replication chain of three servers.
pub struct ReplicationChain {
    pub primary: Server,
    pub replica: Server,
    pub below: Server,
}

/// Starts a server with a short backlog that sends replication data without delay.
pub fn server(rng: &mut Rng, settings: &[&str], of: Option<&Server>) -> Server {
    let load = *rng.choice(&["disabled", "on-empty-db", "swapdb"]).unwrap();
    let diskless = *rng.choice(&["yes", "no"]).unwrap();
    let port = of.map(|of| of.port().to_string());
    let mut options = vec![
        "--repl-diskless-load",
        load,
        "--repl-diskless-sync",
        diskless,
        "--repl-backlog-size",
        "65536",
        "--client-output-buffer-limit",
        "replica 1mb 500kb 1",
        // Needed by Fault::Reload.
        "--enable-protected-configs",
        "yes",
    ];
    if let Some(port) = &port {
        options.extend(["--replicaof", "127.0.0.1", port]);
    }
    Server::with_module_args(&options, settings)
}

/// Compares a list that the module does not handle. A difference here is caused by the servers, not by the module.
pub fn control(one: &mut Connection, other: &mut Connection, when: &str) -> Option<String> {
    let [here, there] = [one, other].map(|con| words_of(&cmd!(*con, "LRANGE", CONTROL, 0, -1)));
    (here != there).then(|| {
        format!(
            "{when}: a plain Redis list differs: {} items and {}",
            here.len(),
            there.len()
        )
    })
}

fn words_of(list: &Value) -> Vec<String> {
    items(list).iter().map(text).collect()
}

/// Saves the logs of all three servers for analysis. Returns the directory.
pub fn keep_logs(chain: &ReplicationChain, when: &str) -> String {
    let port = chain.primary.port();
    let kept = std::env::temp_dir().join(format!("conv-torture-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&kept).expect("create the log directory");
    let servers = [
        ("primary", &chain.primary),
        ("replica", &chain.replica),
        ("below", &chain.below),
    ];
    for (name, server) in servers {
        let log = format!("{when}\n{}", server.log());
        std::fs::write(kept.join(name).with_extension("log"), log).expect("write the log");
    }
    kept.display().to_string()
}

/// Runs `DEBUG RELOAD` with a file name of its own. DEBUG RELOAD overwrites the dump file even while the file of a
/// BGSAVE of the same name waits to be sent to a sub-replica. The sub-replica then receives a newer state than its
/// offset says and applies commands twice. Redis 7.0.15, 7.4.1 and Valkey 8.0.1 do this with plain INCR and without
/// any module.
pub fn reload(server: &Server) {
    let mut pipe = redis::pipe();
    // In one pipeline, so that nothing else runs under the other file name.
    for command in [
        "CONFIG SET dbfilename reload.rdb",
        "DEBUG RELOAD",
        "CONFIG SET dbfilename dump.rdb",
    ] {
        let mut words = command.split(' ');
        let queued = pipe.cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            queued.arg(word);
        });
    }
    let replies: redis::RedisResult<Vec<Value>> = pipe.query(&mut server.conn());
    assert!(replies.is_ok(), "DEBUG RELOAD: {replies:?}");
}
