//! What another client notices while large messages are written and read: the slowest thousandth of its PINGs.
//!
//! One client sends messages of 1 MB and reads them back as fast as it gets answers; the other sends a PING four
//! thousand times a second. A PING is late from the moment when it should have been sent, so that one long stall
//! counts as all the requests it delays. SET and GET are sent at the rate that conv reached, and once more as fast as
//! they go.

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
    cmd!(con, "CONV.TOKENS", "loads the tables");
    let length = Duration::from_secs_f64(setup.seconds * 2.0);
    let kinds = megabytes();
    // Of each kind its own line, and all in turn.
    let sets = kinds
        .iter()
        .map(|kind| (kind.0, std::slice::from_ref(kind)));
    sets.chain([("all in turn", &kinds[..])])
        .map(|(name, kinds)| {
            let (mut ours, mut theirs, mut flat_out) = (Vec::new(), Vec::new(), Vec::new());
            let (mut rates, mut longest) = (Vec::new(), Vec::new());
            // The line of all kinds is the one with the goal; the single ones say where it comes from.
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
                format!("PING p99.9 beside APPEND, RECENT, GET of 1 MB: {name}"),
                "PING p99.9 beside SET, GET, GET of the same",
            )
            .unit("ms")
            .figures(ours, theirs)
            .goal(if whole { Goal::AtMost(1.5) } else { Goal::None })
            .note(note)
        })
        .collect()
}

/// One kind's commands; the number of the next append is put in where it is asked for.
struct Step {
    write: Vec<u8>,
    reads: Box<dyn Fn(u64) -> [Vec<u8>; 2] + Send + Sync>,
}

fn appends(con: &mut redis::Connection, kinds: &[(&str, Vec<u8>)]) -> Vec<Step> {
    kinds
        .iter()
        .map(|(kind, message)| {
            let key = format!("c:{kind}");
            // Few are kept, as SET keeps one.
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

/// How late PINGs were answered, in ms, while the steps ran at a rate or as fast as they went, and commands a second.
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
        (late, load.join().expect("the load runs through"))
    })
}

/// Sends the PINGs that are due, all at once if there are several: clients do not wait for each other. How late each
/// was answered, in ms.
fn pings(server: &Server, length: Duration) -> Vec<f64> {
    let mut connection = Raw::connect(server);
    let ping = request(&[b"PING"]);
    let start = Instant::now();
    let mut late = Vec::new();
    while start.elapsed() < length {
        let first = late.len() as u32;
        let next = start + EVERY * first;
        let wait = next.saturating_duration_since(Instant::now());
        // That a sleep ends late is not the server's fault; that a PING could not be sent yet is.
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
