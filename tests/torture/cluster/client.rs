//! A cluster client that follows redirections and distinguishes failed commands from commands with unknown outcome.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult, Value};

use super::nodes::WAIT_LIMIT;
use crate::support::{error_line, run};

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// The connection broke after the command was sent. The command was executed or not.
    Unknown,
    /// An error reply other than a redirection or a temporary failure.
    Rejected(String),
    /// No node served the key within [`WAIT_LIMIT`].
    Unserved(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the connection broke after the command was sent"),
            Self::Rejected(error) => write!(f, "rejected: {error}"),
            Self::Unserved(last) => write!(f, "served by no node for {WAIT_LIMIT:?}: {last}"),
        }
    }
}

/// Connections to the nodes, and the node that last served each key.
pub struct Client {
    ports: Vec<u16>,
    cons: HashMap<u16, Connection>,
    homes: HashMap<String, u16>,
    /// Number of MOVED and ASK redirections followed.
    pub redirected: u64,
}

impl Client {
    pub fn new(ports: &[u16]) -> Self {
        Self {
            ports: ports.to_vec(),
            cons: HashMap::new(),
            homes: HashMap::new(),
            redirected: 0,
        }
    }

    /// Sends a command to the node that owns its key. Returns the reply and the port of the node.
    pub fn call<A: AsRef<[u8]>>(&mut self, key: &str, args: &[A]) -> Result<(Value, u16), Failure> {
        let start = Instant::now();
        let (mut other, mut last, mut asking) = (0, String::new(), None);
        while start.elapsed() < WAIT_LIMIT {
            let known = self.homes.get(key).copied();
            let port = asking.unwrap_or(known.unwrap_or(self.ports[other % self.ports.len()]));
            let Some(con) = self.connection(port) else {
                (asking, last) = (None, format!("no connection to {port}"));
                self.elsewhere(key, &mut other);
                continue;
            };
            let reply = match asking.take() {
                Some(_) => run(con, &["ASKING"]).and_then(|_| run(con, args)),
                None => run(con, args),
            };
            let error = match reply {
                Ok(value) => {
                    if known.is_none() {
                        self.homes.insert(key.into(), port);
                    }
                    return Ok((value, port));
                }
                Err(error) if error.code().is_none() => {
                    self.cons.remove(&port);
                    self.homes.remove(key);
                    return Err(Failure::Unknown);
                }
                Err(error) => error_line(&error),
            };
            let words: Vec<&str> = error.split(' ').collect();
            let target = words
                .get(2)
                .and_then(|address| address.rsplit(':').next()?.parse::<u16>().ok());
            match (words[0], target) {
                ("MOVED", Some(port)) => {
                    self.redirected += 1;
                    self.homes.insert(key.into(), port);
                    // The slots of a killed node stay assigned to it until the cluster detects the failure.
                    if start.elapsed() > Duration::from_millis(100) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                }
                ("ASK", Some(port)) => {
                    self.redirected += 1;
                    asking = Some(port);
                }
                ("TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN", _) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return Err(Failure::Rejected(error)),
            }
            last = error;
        }
        Err(Failure::Unserved(last))
    }

    /// The number of replicas that received, within a short time, all writes of this client on that node.
    pub fn wait(&mut self, port: u16) -> i64 {
        let Some(con) = self.cons.get_mut(&port) else {
            return 0;
        };
        match run(con, &["WAIT", "1", "500"]) {
            Ok(Value::Int(replicas)) => replicas,
            _ => {
                self.cons.remove(&port);
                0
            }
        }
    }

    fn elsewhere(&mut self, key: &str, other: &mut usize) {
        self.homes.remove(key);
        *other += 1;
        std::thread::sleep(Duration::from_millis(10));
    }

    fn connection(&mut self, port: u16) -> Option<&mut Connection> {
        match self.cons.entry(port) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(new) => Some(new.insert(connect(port).ok()?)),
        }
    }
}

fn connect(port: u16) -> RedisResult<Connection> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
    let con = client.get_connection_with_timeout(Duration::from_secs(2))?;
    con.set_read_timeout(Some(Duration::from_secs(20)))?;
    con.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(con)
}
