//! A client of the replicas: they must serve reads and reject writes during all faults.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use redis::{Connection, Value};

use crate::support::*;
use crate::writers::connect;

/// Reads from both replicas continuously, and tries to write to the last one.
#[derive(Default)]
pub struct ReplicaReader {
    /// Tells the reader to stop.
    pub done: AtomicBool,
    answered: AtomicU64,
    refused: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl ReplicaReader {
    /// Reads until [`ReplicaReader::done`] is set.
    pub fn read(&self, ports: [u16; 2]) {
        let mut rng = Rng::with_seed(7);
        let mut cons: [Option<Connection>; 2] = ports.map(connect);
        while !self.done.load(Ordering::SeqCst) {
            let which = rng.usize(..2);
            let Some(con) = &mut cons[which] else {
                std::thread::sleep(Duration::from_millis(20));
                cons[which] = connect(ports[which]);
                continue;
            };
            let key = format!(
                "w{}:{}:{}",
                rng.usize(..8),
                rng.choice(&["grown", "cut"]).unwrap(),
                rng.usize(..9)
            );
            let write = which == 1 && rng.usize(..4) == 0;
            let reply = if write {
                try_cmd!(
                    *con,
                    "CONV.APPEND",
                    &key,
                    "{\"role\":\"user\",\"content\":\"no\"}"
                )
            } else {
                try_cmd!(*con, "CONV.RECENT", &key, "2000", "WITHINFO", "ANY")
            };
            match reply {
                Ok(reply) if write => {
                    self.wrong(format!("{key}: a replica accepted a write: {reply:?}"))
                }
                Ok(Value::Nil) => {}
                Ok(reply) => {
                    let tokens = int(&map(&reply)["tokens"]);
                    if tokens > 2000 {
                        self.wrong(format!("{key}: {tokens} tokens exceed the budget of 2000"));
                    }
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => match error.code() {
                    Some("READONLY") if write => {
                        self.refused.fetch_add(1, Ordering::SeqCst);
                    }
                    // UNBLOCKED: the client was waiting for counts when its server changed its primary.
                    Some("LOADING" | "MASTERDOWN" | "UNBLOCKED") => {}
                    Some(_) => self.wrong(format!("{key}: {}", error_line(&error))),
                    // The server is down.
                    None => cons[which] = None,
                },
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().expect("no panic").push(what);
    }

    /// Replies that a replica must not give.
    pub fn findings(&self, when: &str) -> Vec<String> {
        let mut wrong = self.wrong.lock().expect("no panic").clone();
        let [answered, refused] = [&self.answered, &self.refused].map(|n| n.load(Ordering::SeqCst));
        if answered == 0 || refused == 0 {
            wrong.push(format!(
                "replicas served {answered} reads and rejected {refused} writes"
            ));
        }
        wrong
            .iter()
            .map(|wrong| format!("{when}: {wrong}"))
            .collect()
    }
}
