//! Conversations in which every message can be computed from its number, with their writers and readers.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::Value;
use serde_json::json;

use super::client::{Client, Failure};
use crate::plan::Tally;
use crate::support::*;

/// A conversation with one writer and many readers.
pub struct Chat {
    pub key: String,
    /// The newest message that the writer knows of.
    held: AtomicI64,
    /// Messages up to this number are on a primary and its replica, so no fault may lose them.
    safe: AtomicI64,
    /// Reads served by a node that was no longer the primary and had not learned it yet.
    pub stale: AtomicU64,
}

/// Time that a restarted node may take to learn that another node serves its slots. Redis waits two seconds before it
/// serves clients; 5 s allow for a busy machine.
const LEARNING: Duration = Duration::from_secs(5);

/// What the clients share while nodes fail and slots move.
pub struct Traffic<'a> {
    pub ports: &'a [u16],
    pub stop: &'a AtomicBool,
    pub redirected: &'a AtomicU64,
}

/// A well-mixed number (the finalizer of SplitMix64).
pub fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Chat {
    pub fn new(key: String) -> Self {
        Self {
            key,
            held: AtomicI64::new(0),
            safe: AtomicI64::new(0),
            stale: AtomicU64::new(0),
        }
    }

    /// Message `seq`. Four messages repeat: a question, a tool call, its result, a reply.
    pub fn message(&self, seq: i64) -> String {
        let words = mix(seq.unsigned_abs() ^ self.key.len() as u64) % 60;
        let said = format!(
            "{} {seq} \u{1f600}{}",
            self.key,
            " word".repeat(words as usize)
        );
        match seq % 4 {
            1 => json!({"role": "user", "content": said}),
            2 => json!({"role": "assistant", "content": null, "tool_calls": [{"id": format!("c{seq}"),
                "type": "function", "function": {"name": "look", "arguments": "{}"}}]}),
            3 => json!({"role": "tool", "tool_call_id": format!("c{}", seq - 1), "content": said}),
            _ => json!({"content": said, "role": "assistant"}),
        }
        .to_string()
        // Unusual spacing, which shows whether anything parses and reserializes the message.
        .replacen(':', " :  ", 1)
    }

    fn messages(&self, from: i64, to: i64) -> Vec<Vec<u8>> {
        (from..=to)
            .map(|seq| self.message(seq).into_bytes())
            .collect()
    }

    /// Appends many messages at once, before the first fault.
    pub fn fill(&self, client: &mut Client, count: i64) -> Result<(), String> {
        for from in (1..=count).step_by(500) {
            let to = (from + 499).min(count);
            let mut args = vec![b"CONV.APPEND".to_vec(), self.key.clone().into_bytes()];
            args.extend(self.messages(from, to));
            client.call(&self.key, &args).map_err(|e| e.to_string())?;
        }
        self.held.store(count, Ordering::SeqCst);
        self.safe.store(count, Ordering::SeqCst);
        Ok(())
    }

    /// Reads the last sequence number after a lost connection.
    fn resync(&self, client: &mut Client, tally: &mut Tally) {
        loop {
            match client.call(&self.key, &["CONV.LEN", &self.key]) {
                Ok((reply, _)) => {
                    let (len, safe) = (int(&reply), self.safe.load(Ordering::SeqCst));
                    if len < safe {
                        tally.lost += (safe - len).unsigned_abs();
                        tally.findings.push(format!(
                            "{}: {len} messages, but {safe} were safe",
                            self.key
                        ));
                        self.safe.store(len, Ordering::SeqCst);
                    }
                    return self.held.store(len, Ordering::SeqCst);
                }
                Err(Failure::Unknown) => {}
                Err(failure) => {
                    let finding = format!("CONV.LEN {}: {failure}", self.key);
                    return tally.findings.push(finding);
                }
            }
        }
    }

    /// Appends one message. It is safe once a replica has it.
    fn append(&self, client: &mut Client, tally: &mut Tally) {
        let held = self.held.load(Ordering::SeqCst);
        let (last, message) = (held.to_string(), self.message(held + 1));
        let args = ["CONV.APPEND", &self.key, "IFLAST", &last, &message];
        match client.call(&self.key, &args) {
            Ok((Value::Int(seq), port)) => {
                if seq != held + 1 {
                    tally.diverged += 1;
                    let finding = format!("{}: {seq} follows {held}", self.key);
                    tally.findings.push(finding);
                }
                self.held.store(seq, Ordering::SeqCst);
                if client.wait(port) >= 1 {
                    tally.acknowledged += 1;
                    self.safe.store(seq, Ordering::SeqCst);
                }
            }
            // The reply to an earlier append was lost after it was executed, or a failover lost the append.
            Ok((Value::Nil, _)) | Err(Failure::Unknown) => self.resync(client, tally),
            Ok((other, _)) => tally
                .findings
                .push(format!("CONV.APPEND {}: {other:?}", self.key)),
            Err(failure) => tally
                .findings
                .push(format!("CONV.APPEND {}: {failure}", self.key)),
        }
    }

    /// Reads the newest messages. They must be complete, in order, and include every safe message. A temporary fault
    /// must disappear by itself.
    fn read(&self, client: &mut Client, tally: &mut Tally) {
        let safe = self.safe.load(Ordering::SeqCst);
        let start = Instant::now();
        let Err(finding) = self.look(client, safe) else {
            return;
        };
        while start.elapsed() < LEARNING {
            std::thread::sleep(Duration::from_millis(100));
            if self.look(client, safe) == Ok(true) {
                self.stale.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        tally.diverged += 1;
        tally.findings.push(format!("{}: {finding}", self.key));
    }

    /// Checks one reply of RECENT. Returns false if the node gave no reply, and an error that describes a wrong one.
    fn look(&self, client: &mut Client, safe: i64) -> Result<bool, String> {
        let args = ["CONV.RECENT", &self.key, "400", "WITHINFO"];
        let reply = match client.call(&self.key, &args) {
            Ok((Value::Nil, _)) if safe == 0 => return Ok(true),
            Ok((Value::Nil, port)) => {
                return Err(format!("no messages on {port}, but {safe} were safe"));
            }
            Ok((reply, _)) => map(&reply),
            Err(Failure::Unknown) => return Ok(false),
            Err(failure) => return Err(format!("CONV.RECENT: {failure}")),
        };
        let (first, last) = (int(&reply["first"]), int(&reply["last"]));
        if last < safe || strings(&reply["messages"]) != self.messages(first, last) {
            return Err(format!(
                "RECENT returns {first} to {last}, but {safe} are safe: {reply:?}"
            ));
        }
        Ok(true)
    }

    /// Checks that all messages are there, in order and byte for byte. No writer may be running.
    pub fn verify(&self, client: &mut Client, tally: &mut Tally) {
        self.resync(client, tally);
        let held = self.held.load(Ordering::SeqCst);
        match client.call(&self.key, &["CONV.RANGE", &self.key, "0", "-1"]) {
            Ok((reply, _)) if strings(&reply) == self.messages(1, held) => {}
            other => {
                tally.diverged += 1;
                let other: String = format!("{other:?}").chars().take(500).collect();
                tally
                    .findings
                    .push(format!("{}: expected {held} messages: {other}", self.key));
            }
        }
        // The primary may have held the newest messages alone. All replicas have them now.
        self.safe.store(held, Ordering::SeqCst);
    }
}

/// Appends to these conversations in turn until told to stop.
pub fn write(chats: &[Chat], traffic: &Traffic<'_>) -> Tally {
    go_round(chats, traffic, Chat::append)
}

/// Reads these conversations in turn until told to stop.
pub fn read(chats: &[Chat], traffic: &Traffic<'_>) -> Tally {
    go_round(chats, traffic, |chat, client, tally| {
        chat.read(client, tally);
        std::thread::yield_now();
    })
}

fn go_round(
    chats: &[Chat],
    traffic: &Traffic<'_>,
    step: impl Fn(&Chat, &mut Client, &mut Tally),
) -> Tally {
    let (mut client, mut tally) = (Client::new(traffic.ports), Tally::default());
    for chat in chats.iter().cycle() {
        if traffic.stop.load(Ordering::SeqCst) || tally.findings.len() > 100 {
            break;
        }
        step(chat, &mut client, &mut tally);
    }
    traffic
        .redirected
        .fetch_add(client.redirected, Ordering::Relaxed);
    tally
}
