//! Primary, replica and the replica's replica: how they are started, reloaded and compared.

use fastrand::Rng;
use redis::{Connection, Value};

use crate::support::*;
use crate::writers::CONTROL;

/// Three servers in a row.
pub struct Row {
    pub primary: Server,
    pub replica: Server,
    pub below: Server,
}

/// What is sent goes out of the buffers soon, and the backlog is short.
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
        // For Fault::Reload.
        "--enable-protected-configs",
        "yes",
    ];
    if let Some(port) = &port {
        options.extend(["--replicaof", "127.0.0.1", port]);
    }
    Server::with_module_args(&options, settings)
}

/// What differs between the lists that the module has nothing to do with: then it is the servers that differ.
pub fn control(one: &mut Connection, other: &mut Connection, when: &str) -> Option<String> {
    let [here, there] = [one, other].map(|con| words_of(&cmd!(*con, "LRANGE", CONTROL, 0, -1)));
    (here != there).then(|| {
        format!(
            "{when}: Redis's own list differs: {} items against {}",
            here.len(),
            there.len()
        )
    })
}

fn words_of(list: &Value) -> Vec<String> {
    items(list).iter().map(text).collect()
}

/// Keeps the logs of all three, for whoever looks for the cause; where they are.
pub fn keep_logs(row: &Row, when: &str) -> String {
    let port = row.primary.port();
    let kept = std::env::temp_dir().join(format!("conv-torture-{}-{port}", std::process::id()));
    std::fs::create_dir_all(&kept).expect("a directory for the logs");
    let servers = [
        ("primary", &row.primary),
        ("replica", &row.replica),
        ("below", &row.below),
    ];
    for (name, server) in servers {
        let log = format!("{when}\n{}", server.log());
        std::fs::write(kept.join(name).with_extension("log"), log).expect("a log that is kept");
    }
    kept.display().to_string()
}

/// `DEBUG RELOAD`, by a file of its own. It writes a file even while the file of the same name of a BGSAVE waits to be
/// sent to a sub-replica, which then gets a newer state than the offset it was told, and applies commands twice: seen
/// with plain INCR and no module on Redis 7.0.15, 7.4.1 and Valkey 8.0.1.
pub fn reload(server: &Server) {
    let mut pipe = redis::pipe();
    // In one pipeline, so that nothing else is done under the other name.
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
