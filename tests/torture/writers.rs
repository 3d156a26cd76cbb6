//! Eight clients that write concurrently and record every reply, and clients that add unrecorded load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fastrand::Rng;
use redis::{Connection, Value};

use crate::ledger::*;
use crate::random_writes::random_write;
use crate::support::*;
use crate::workload::{PlannedCommand, next_command};

pub const WRITERS: usize = 8;

/// The running clients.
pub struct WriterPool {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Ledger>>,
    noise: Vec<JoinHandle<()>>,
}

struct Shared {
    stop: AtomicBool,
    port: AtomicU16,
    acknowledged: AtomicU64,
    /// Pause of a writer after each command.
    rest: Duration,
}

impl Shared {
    fn port(&self) -> u16 {
        self.port.load(Ordering::SeqCst)
    }

    fn may_continue(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

impl WriterPool {
    /// Starts the clients against the server at `port`.
    pub fn start(port: u16, seed: u64, rest: Duration) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            port: AtomicU16::new(port),
            acknowledged: AtomicU64::new(0),
            rest,
        });
        let writers = (0..WRITERS)
            .map(|number| {
                let (shared, seed) = (shared.clone(), seed.wrapping_add(number as u64));
                std::thread::spawn(move || Writer::new(shared, number, seed).work())
            })
            .collect();
        let noise = {
            let (noisy, plain) = (shared.clone(), shared.clone());
            vec![
                std::thread::spawn(move || add_unrecorded_load(&noisy, seed)),
                std::thread::spawn(move || write_control_list(&plain)),
            ]
        };
        Self {
            shared,
            writers,
            noise,
        }
    }

    /// Redirects the clients. Those whose writes are rejected by the old server connect to this port.
    pub fn move_to(&self, port: u16) {
        self.shared.port.store(port, Ordering::SeqCst);
    }

    /// Number of commands acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// Stops the clients and returns their ledgers. A writer whose server went away has stopped already.
    pub fn stop(mut self) -> Vec<Ledger> {
        self.shared.stop.store(true, Ordering::SeqCst);
        for noise in std::mem::take(&mut self.noise) {
            noise.join().expect("join the load thread");
        }
        let writers = std::mem::take(&mut self.writers);
        writers
            .into_iter()
            .map(|writer| writer.join().expect("join the writer thread"))
            .collect()
    }
}

impl Drop for WriterPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

/// Opens a connection. An error reply does not close it, so the caller can distinguish a rejected command from a lost
/// connection.
pub fn connect(port: u16) -> Option<Connection> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).ok()?;
    let con = client
        .get_connection_with_timeout(Duration::from_secs(5))
        .ok()?;
    con.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    Some(con)
}

struct Writer {
    shared: Arc<Shared>,
    number: usize,
    rng: Rng,
    ledger: Ledger,
    /// The newest number in `shared:race` that this writer knows.
    raced: i64,
}

impl Writer {
    fn new(shared: Arc<Shared>, number: usize, seed: u64) -> Self {
        Self {
            shared,
            number,
            rng: Rng::with_seed(seed),
            ledger: Ledger {
                writer: number,
                ..Ledger::default()
            },
            raced: 0,
        }
    }

    fn work(mut self) -> Ledger {
        let mut port = self.shared.port();
        let mut con = connect(port);
        while let Some(open) = &mut con {
            if !self.shared.may_continue() {
                break;
            }
            let planned = next_command(
                &mut self.rng,
                self.number,
                self.ledger.ops.len(),
                self.raced,
            );
            let key = String::from_utf8_lossy(&planned.args[1]).into_owned();
            let ended = self.send(open, &key, planned).is_none();
            // A server that becomes a replica closes the connections of blocked clients. They reconnect to the new
            // primary.
            let moved = self.shared.port() != port && self.ledger.is_settled();
            if ended && !moved {
                break;
            }
            if self.shared.port() != port {
                port = self.shared.port();
                con = connect(port);
            }
            std::thread::sleep(self.shared.rest);
        }
        self.ledger
    }

    /// Sends the command, followed by commands that read the resulting state. Returns `None` if the connection closed.
    fn send(&mut self, con: &mut Connection, key: &str, planned: PlannedCommand) -> Option<()> {
        let mut pipe = redis::pipe();
        let command = pipe.cmd(std::str::from_utf8(&planned.args[0]).ok()?);
        for arg in &planned.args[1..] {
            command.arg(arg);
        }
        pipe.cmd("DEBUG").arg("DIGEST-VALUE").arg(key);
        pipe.cmd("CONV.INFO").arg(key);
        pipe.cmd("PEXPIRETIME").arg(key);
        self.ledger.ops.push(SentCommand {
            key: key.to_string(),
            change: planned.change,
            sent: Instant::now(),
            sent_ms: now_ms(),
            outcome: CommandOutcome::Open,
        });
        con.send_packed_command(&pipe.get_packed_pipeline()).ok()?;
        let reply = con.recv_response().ok()?;
        let op = self.ledger.ops.last_mut()?;
        let (idle, number) = match &reply {
            Value::ServerError(error) => {
                op.outcome = CommandOutcome::Rejected;
                let code = error.code();
                // Errors that a failover, a full disk or a message removed by retention can cause. Any other error is
                // a finding. UNBLOCKED: the client was waiting for counts when its server became a replica.
                let known = ["READONLY", "MISCONF", "LOADING", "MASTERDOWN", "UNBLOCKED"]
                    .contains(&code)
                    || ["no such message", "no such key"]
                        .contains(&error.details().unwrap_or_default());
                if !known {
                    self.ledger.findings.push(format!("{key}: {error:?}"));
                }
                for _ in 0..3 {
                    con.recv_response().ok()?;
                }
                std::thread::sleep(Duration::from_millis(5));
                return Some(());
            }
            Value::Nil => (true, 0),
            Value::Int(number) => (false, *number),
            Value::Array(items) => (items.is_empty(), items.len() as i64),
            _ => (false, 0),
        };
        op.outcome = CommandOutcome::Done {
            at: Instant::now(),
            at_ms: now_ms(),
            idle,
            number,
            state: None,
        };
        self.shared.acknowledged.fetch_add(1, Ordering::SeqCst);
        let rest = [
            con.recv_response(),
            con.recv_response(),
            con.recv_response(),
        ];
        let [Ok(digest), Ok(info), Ok(expires)] = rest else {
            return None;
        };
        let Value::Array(digest) = digest else {
            return Some(());
        };
        let (messages, last) = match info {
            Value::Array(_) => {
                let info = map(&info);
                (int(&info["messages"]), int(&info["last"]))
            }
            Value::Nil => (0, 0),
            _ => return Some(()),
        };
        if key == "shared:race" {
            self.raced = last;
        }
        if !is_shared(key)
            && let CommandOutcome::Done { state, .. } = &mut op.outcome
        {
            *state = Some(State {
                digest: text(&digest[0]),
                messages,
                last,
                expires: int(&expires),
            });
        }
        Some(())
    }
}

/// Sends unrecorded writes of every kind. Their results must be consistent and equal on all servers.
fn add_unrecorded_load(shared: &Shared, seed: u64) {
    let mut rng = Rng::with_seed(!seed);
    let mut port = shared.port();
    let mut con = connect(port);
    while let Some(open) = &mut con {
        if !shared.may_continue() {
            break;
        }
        let number = rng.usize(..6);
        let command = match rng.usize(..20) {
            0 => ["CONV.CREATE", &format!("brief:{number}"), "TTL", "1"]
                .map(String::from)
                .to_vec(),
            1 | 2 => random_write(&mut rng, &format!("brief:{number}")),
            3 => {
                let key = format!("noise:{number}");
                ["CONV.ALTER", &key, "MAXTOKENS", "900"]
                    .map(String::from)
                    .to_vec()
            }
            4 => vec!["DEL".into(), format!("noise:{number}")],
            _ => random_write(&mut rng, &format!("noise:{number}")),
        };
        // Any reply is acceptable. No reply means that the server is gone.
        if let Err(error) = run(open, &command)
            && error.code().is_none()
            && !shared.may_continue()
        {
            break;
        }
        if shared.port() != port || !is_still_open(open) {
            port = shared.port();
            con = connect(port);
        }
        std::thread::sleep(shared.rest);
    }
}

/// A plain Redis list. If it differs, too, the servers are at fault, not the module.
pub const CONTROL: &str = "control";

fn write_control_list(shared: &Shared) {
    // The list is only compared between servers, so writes that are lost with a server do not matter.
    let mut port = shared.port();
    let mut con = connect(port);
    let mut number = 0;
    while let Some(open) = &mut con {
        if !shared.may_continue() {
            break;
        }
        number += 1;
        let command = ["RPUSH", CONTROL, &number.to_string()].map(String::from);
        if let Err(error) = run(open, &command)
            && error.code().is_none()
            && !shared.may_continue()
        {
            break;
        }
        if shared.port() != port || !is_still_open(open) {
            port = shared.port();
            con = connect(port);
        }
        std::thread::sleep(shared.rest / 4);
    }
}

fn is_still_open(con: &Connection) -> bool {
    use redis::ConnectionLike;
    con.is_open()
}
