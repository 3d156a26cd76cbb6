//! Operations of a service: turns on a large session, cold starts, concurrent misses, several conversations in one
//! prompt.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use redis::Connection;
use serde_json::Value;

use super::session;
use crate::Setup;
use crate::python;
use crate::row::{Goal, Line};
use crate::support::{Server, cmd};

pub fn lines(setup: &Setup) -> Vec<Line> {
    let mut lines = turns(setup);
    lines.extend(cold(setup));
    lines.extend(misses());
    lines.push(several(setup));
    lines
}

fn figures(results: &Value, name: &str) -> Vec<f64> {
    let list = results[name].as_array().into_iter().flatten();
    list.filter_map(Value::as_f64).collect()
}

fn turns(setup: &Setup) -> Vec<Line> {
    const WHAT: &str = "A turn on a 10 MB session in Python: RECENT, json.loads, APPEND";
    let server = Server::start();
    session::fill(setup, &server);
    let rounds = setup.rounds.to_string();
    let results = python::run_script("service.py", &["turn", &server.port().to_string(), &rounds]);
    let against = [
        ("json", "GET, json.loads, trim, json.dumps, SET", 300.0),
        ("orjson", "the same with orjson", 150.0),
    ];
    against
        .into_iter()
        .map(|(name, against, times)| match &results {
            Err(why) => Line::skipped("service", WHAT, against, why),
            Ok(results) => Line::new("service", WHAT, against)
                .unit("ms")
                .figures(figures(results, "conv"), figures(results, name))
                .goal(Goal::AtMost(1.0 / times)),
        })
        .collect()
}

fn cold(setup: &Setup) -> Vec<Line> {
    const WHAT: &str = "Cold start of a 1,000-message conversation in Python: miss, load about the budget, BACKFILL";
    const AGAINST: &str = "load all, RPUSH all, count with tiktoken, trim";
    let server = Server::start();
    // Without system messages: a service that keeps one in the database has to read it in both variants.
    let others = session::history(setup).filter(|m| !crate::data::is_system(m));
    let messages: Vec<&Vec<u8>> = others.take(1000).collect();
    let file = std::env::temp_dir().join(format!("conv-cold-{}.jsonl", std::process::id()));
    let text: Vec<u8> = messages
        .iter()
        .flat_map(|m| [m, &b"\n"[..]].concat())
        .collect();
    std::fs::write(&file, text).expect("a file of messages");
    let args = [
        "cold",
        &server.port().to_string(),
        &setup.rounds.to_string(),
        &file.display().to_string(),
    ];
    let results = python::run_script("service.py", &args);
    let _ = std::fs::remove_file(&file);
    vec![match results {
        Err(why) => Line::skipped("service", WHAT, AGAINST, why),
        Ok(results) => Line::new("service", WHAT, AGAINST)
            .unit("ms")
            .figures(figures(&results, "conv"), figures(&results, "all"))
            .goal(Goal::AtMost(0.1))
            .note(format!(
                "reads {} messages from the database (SQLite in the client's process) instead of {}",
                results["read"]["conv"], results["read"]["all"]
            )),
    }]
}

fn misses() -> Vec<Line> {
    const WHAT: &str = "1,000 clients miss the same conversation at once: RECENT WAIT";
    const AGAINST: &str = "cache-aside: every client that misses loads";
    let server = Server::with(&["--maxclients", "4000"]);
    match python::run_script("service.py", &["misses", &server.port().to_string()]) {
        Err(why) => vec![Line::skipped("service", WHAT, AGAINST, why)],
        Ok(results) => [
            ("loads", "loads", Goal::AtMost(0.001)),
            ("ms", "ms until all have their reply", Goal::None),
        ]
        .into_iter()
        .map(|(name, unit, goal)| {
            let both = figures(&results, name);
            let of = |side: usize| both.get(side).copied().into_iter().collect();
            Line::new("service", WHAT, AGAINST)
                .unit(unit)
                .figures(of(0), of(1))
                .goal(goal)
        })
        .collect(),
    }
}

/// One-way network delay, half of a millisecond round trip.
const WAY: Duration = Duration::from_micros(500);

/// Forwards data with a delay.
fn delay(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        std::thread::sleep(WAY);
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
}

/// A port through which the server is a millisecond round trip away.
fn far(server: &Server) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = server.port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let there = TcpStream::connect(("127.0.0.1", server)).expect("the server");
            for stream in [&client, &there] {
                stream.set_nodelay(true).expect("disable Nagle's algorithm");
            }
            let (client2, there2) = (client.try_clone(), there.try_clone());
            let (client2, there2) = (client2.expect("a stream"), there2.expect("a stream"));
            std::thread::spawn(move || delay(client, there));
            std::thread::spawn(move || delay(there2, client2));
        }
    });
    port
}

fn several(setup: &Setup) -> Line {
    const KEYS: usize = 8;
    let server = Server::start();
    let mut con = server.conn();
    let messages: Vec<&Vec<u8>> = session::history(setup).take(400).collect();
    let keys: Vec<String> = (0..KEYS).map(|n| format!("user:7:{n}")).collect();
    for (key, messages) in keys.iter().zip(messages.chunks(50)) {
        cmd!(con, "CONV.APPEND", key, messages);
    }
    let port = far(&server);
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).expect("a client");
    let mut con: Connection = client.get_connection().expect("a connection");
    let timed = |step: &mut dyn FnMut()| {
        let mut taken: Vec<f64> = (0..50)
            .map(|_| {
                let start = Instant::now();
                step();
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        taken.sort_by(f64::total_cmp);
        taken[taken.len() / 2]
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        ours.push(timed(&mut || {
            cmd!(con, "CONV.MRECENT", 500, KEYS, &keys);
        }));
        theirs.push(timed(&mut || {
            for key in &keys {
                cmd!(con, "CONV.RECENT", key, 500);
            }
        }));
    }
    Line::new(
        "service",
        "Context of 8 conversations, 1 ms network delay: MRECENT",
        "8 RECENT, one after the other",
    )
    .unit("ms")
    .figures(ours, theirs)
    .goal(Goal::AtMost(0.2))
}
