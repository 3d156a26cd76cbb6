//! Measurements on a server (time of its main thread, memory) and statistics of rounds.

use std::time::{Duration, Instant};

use crate::support::{Server, cmd, info, wait_until};

/// CPU time of the server's main thread, user and system, in seconds.
pub fn main_thread_seconds(server: &Server) -> f64 {
    let task = format!("/proc/{0}/task/{0}", server.pid());
    let field = |file: &str, number: usize| -> Option<f64> {
        let text = std::fs::read_to_string(format!("{task}/{file}")).ok()?;
        // The second field of `stat`, the name in parentheses, may contain spaces.
        let text = text.rsplit(')').next()?;
        text.split_whitespace().nth(number)?.parse().ok()
    };
    // `schedstat` has nanoseconds, if the kernel provides it. `stat` has ticks of 10 ms.
    match field("schedstat", 0) {
        Some(ns) if ns > 0.0 => ns / 1e9,
        _ => (field("stat", 11).unwrap_or(0.0) + field("stat", 12).unwrap_or(0.0)) / 100.0,
    }
}

/// A figure of `INFO`; 0 if there is none.
pub fn number(server: &Server, section: &str, field: &str) -> f64 {
    info(&mut server.conn(), section)
        .get(field)
        .and_then(|value| value.parse().ok())
        .unwrap_or(0.0)
}

/// Waits until all messages are counted and memory is stable. Returns how long counting took.
pub fn settle(server: &Server) -> Duration {
    let start = Instant::now();
    let mut counted = None;
    let (mut last, mut since) = (0.0, Instant::now());
    loop {
        if counted.is_none() && number(server, "conv", "conv_pending") == 0.0 {
            counted = Some(start.elapsed());
        }
        let now = (
            number(server, "memory", "used_memory"),
            number(server, "conv", "conv_bytes_stored"),
        );
        // A few hundred bytes always fluctuate.
        if f64::abs(now.0 + now.1 - last) > 4096.0 {
            last = now.0 + now.1;
            since = Instant::now();
        }
        if let Some(counted) = counted
            && since.elapsed() > Duration::from_millis(400)
        {
            return counted;
        }
        assert!(
            start.elapsed() < Duration::from_secs(300),
            "counting does not finish"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What nobody uses for a second or two is packed within this time.
const PACKED: Duration = Duration::from_secs(3);

/// `used_memory` between two turns: no work is pending, and nothing was used just now.
pub fn used_memory(server: &Server) -> f64 {
    std::thread::sleep(PACKED);
    settle(server);
    number(server, "memory", "used_memory")
}

pub fn conversations_at_rest(server: &Server) -> usize {
    number(server, "conv", "conv_conversations_at_rest") as usize
}

/// Has all conversations compressed as a whole, which they are when nobody has used them for a while, and waits until
/// there are `conversations` of them. How long that takes is no figure: the server does it with a small part of a core.
pub fn rest(server: &Server, conversations: usize) {
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "conv.idle-seconds", 0);
    let at_rest = || conversations_at_rest(server);
    let done = wait_until(Duration::from_secs(600), || {
        std::thread::sleep(Duration::from_millis(100));
        at_rest() == conversations
    });
    assert!(done, "{} of {conversations} are at rest", at_rest());
    settle(server);
    cmd!(con, "CONFIG", "SET", "conv.idle-seconds", 60);
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which the fraction `part` of the values lies.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if part == 0.5 && len.is_multiple_of(2) => {
            (sorted[len / 2 - 1] + sorted[len / 2]) / 2.0
        }
        len => sorted[((len as f64 * part) as usize).min(len - 1)],
    }
}
