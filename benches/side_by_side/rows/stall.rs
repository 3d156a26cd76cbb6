//! The effect of large messages on other clients: the 99.9th percentile of their PING latency.
//!
//! One client appends messages of 1 MB and reads them back as fast as it receives replies. Another sends 4,000 PINGs
//! per second. The latency of a PING is measured from the time at which it was due, so a long stall counts for every
//! request that it delays. SET and GET are sent at the rate that conv reached, and again at full speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Setup;
use crate::generated::megabytes;
use crate::load::{Raw, request};
use crate::measure::{median, quantile, settle};
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

const EVERY: Duration = Duration::from_micros(250);

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONV.TOKENS", "load the tables");
    let length = Duration::from_secs_f64(setup.seconds * 2.0);
    let kinds = megabytes();
    // One line per kind of message, and one for all kinds in turn.
    let sets = kinds
        .iter()
        .map(|kind| (kind.0, std::slice::from_ref(kind)));
    sets.chain([("all in turn", &kinds[..])])
        .map(|(name, kinds)| {
            let (mut ours, mut theirs, mut flat_out) = (Vec::new(), Vec::new(), Vec::new());
            let (mut rates, mut longest) = (Vec::new(), Vec::new());
            // Only the line for all kinds has a goal. The others explain it.
            let whole = kinds.len() > 1;
            let (rounds, length) = if whole {
                (setup.rounds, length)
            } else {
                (1, length / 2)
            };
            for _ in 0..rounds {
                let written = appends(&mut con, kinds);
                let (late, rate) = round(&server, length, None, &written);
                settle(&server);
                cmd!(con, "FLUSHALL", "SYNC");
                ours.push(quantile(&late, 0.999));
                longest.push(quantile(&late, 1.0));
                let sets = sets_and_gets(kinds);
                theirs.push(quantile(
                    &round(&server, length, Some(rate), &sets).0,
                    0.999,
                ));
                flat_out.push(quantile(&round(&server, length, None, &sets).0, 0.999));
                cmd!(con, "FLUSHALL", "SYNC");
                rates.push(rate);
            }
            let note = format!(
                "{:.0} commands/s on both sides; longest {:.1} ms; SET/GET at full speed {:.2} ms",
                median(&rates),
                median(&longest),
                median(&flat_out)
            );
            Line::new(
                "stall",
                format!("PING p99.9 during APPEND, RECENT, GET of 1 MB: {name}"),
                "PING p99.9 during SET, GET, GET of the same",
            )
            .unit("ms")
            .figures(ours, theirs)
            .goal(if whole { Goal::AtMost(1.5) } else { Goal::None })
            .note(note)
        })
        .collect()
}

/// The commands for one kind of message, with a place for the sequence number of the last append.
struct Step {
    write: Vec<u8>,
    reads: Box<dyn Fn(u64) -> [Vec<u8>; 2] + Send + Sync>,
}

fn appends(con: &mut redis::Connection, kinds: &[(&str, Vec<u8>)]) -> Vec<Step> {
    kinds
        .iter()
        .map(|(kind, message)| {
            let key = format!("c:{kind}");
            // Few messages are kept, as SET keeps one.
            cmd!(*con, "CONV.CREATE", &key, "MAXMESSAGES", 2);
            Step {
                write: request(&[b"CONV.APPEND", key.as_bytes(), message]),
                reads: Box::new(move |seq| {
                    let (key, seq) = (key.as_bytes(), seq.to_string());
                    [
                        request(&[
                            b"CONV.RECENT",
                            key,
                            b"100000000",
                            b"MESSAGES",
                            b"1",
                            b"FORMAT",
                            b"JSON",
                        ]),
                        request(&[b"CONV.GET", key, seq.as_bytes()]),
                    ]
                }),
            }
        })
        .collect()
}

fn sets_and_gets(kinds: &[(&str, Vec<u8>)]) -> Vec<Step> {
    kinds
        .iter()
        .map(|(kind, message)| {
            let key = format!("s:{kind}");
            let get = request(&[b"GET", key.as_bytes()]);
            Step {
                write: request(&[b"SET", key.as_bytes(), message]),
                reads: Box::new(move |_| [get.clone(), get.clone()]),
            }
        })
        .collect()
}

/// Returns the PING latencies in ms while the steps run at `rate` or at full speed, and the commands per second.
fn round(server: &Server, length: Duration, rate: Option<f64>, steps: &[Step]) -> (Vec<f64>, f64) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut connection = Raw::connect(server);
            let (start, mut commands) = (Instant::now(), 0u32);
            let mut send = |request: &[u8]| {
                if let Some(rate) = rate {
                    let due = start + Duration::from_secs_f64(f64::from(commands) / rate);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                connection.send(request);
                connection.receive(1);
                commands += 1;
            };
            'all: for seq in 1.. {
                for step in steps {
                    send(&step.write);
                    for read in (step.reads)(seq) {
                        send(&read);
                    }
                    if stop.load(Ordering::Relaxed) {
                        break 'all;
                    }
                }
            }
            f64::from(commands) / start.elapsed().as_secs_f64()
        });
        let late = pings(server, length);
        stop.store(true, Ordering::Relaxed);
        (late, load.join().expect("join the load thread"))
    })
}

/// Sends all due PINGs without waiting for earlier ones, as independent clients would. Returns their latencies in ms.
fn pings(server: &Server, length: Duration) -> Vec<f64> {
    let mut connection = Raw::connect(server);
    let ping = request(&[b"PING"]);
    let start = Instant::now();
    let mut late = Vec::new();
    while start.elapsed() < length {
        let first = late.len() as u32;
        let next = start + EVERY * first;
        let wait = next.saturating_duration_since(Instant::now());
        // A late wakeup is not the fault of the server. A PING that could not be sent because of an earlier one is.
        let on_time = !wait.is_zero();
        std::thread::sleep(wait);
        let sent = Instant::now();
        let due = (sent - start).as_nanos() / EVERY.as_nanos() + 1;
        let due = (u32::try_from(due).unwrap_or(u32::MAX) - first).max(1);
        connection.send(&ping.repeat(due as usize));
        connection.receive(u64::from(due));
        let answered = Instant::now();
        for number in first..first + due {
            let since = if on_time {
                sent
            } else {
                start + EVERY * number
            };
            late.push(answered.saturating_duration_since(since).as_secs_f64() * 1e3);
        }
    }
    late
}
