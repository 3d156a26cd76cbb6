//! Compares the load generator with redis-benchmark, to verify that the server is the bottleneck.

use std::path::PathBuf;
use std::process::Command;

use crate::Setup;
use crate::load::{Shape, request, run};
use crate::row::Line;
use crate::support::{Server, cmd};

const BYTES: usize = 12_000;

pub fn lines(setup: &Setup) -> Vec<Line> {
    let server = Server::plain(&[]);
    cmd!(server.conn(), "SET", "k", "x".repeat(BYTES));
    [1, 16]
        .map(|pipeline| line(setup, &server, pipeline))
        .into()
}

fn line(setup: &Setup, server: &Server, pipeline: usize) -> Line {
    let what = format!("GET of 12 kB by this generator, 50 clients, pipeline {pipeline}");
    let against = "the same by redis-benchmark";
    let get = request(&[b"GET", b"k"]);
    let shape = Shape {
        clients: 50,
        pipeline,
        seconds: setup.seconds,
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let rate = run(server, shape, &mut |_, out| out.extend_from_slice(&get));
        let requests = (rate.per_second * setup.seconds) as u64;
        ours.push(rate.per_second);
        match redis_benchmark(server, pipeline, requests) {
            Ok(per_second) => theirs.push(per_second),
            Err(why) => return Line::skipped("generator", &what, against, why),
        }
    }
    Line::new("generator", what, against).figures(ours, theirs)
}

fn redis_benchmark(server: &Server, pipeline: usize, requests: u64) -> Result<f64, String> {
    // Prefer the redis-benchmark next to the measured server.
    let sibling = std::env::var_os("REDIS_SERVER").and_then(|path| {
        let dir = PathBuf::from(path).parent()?.to_path_buf();
        ["redis-benchmark", "valkey-benchmark"]
            .map(|name| dir.join(name))
            .into_iter()
            .find(|p| p.exists())
    });
    let output = Command::new(sibling.unwrap_or_else(|| "redis-benchmark".into()))
        .args([
            "-p",
            &server.port().to_string(),
            "-c",
            "50",
            "-P",
            &pipeline.to_string(),
        ])
        .args(["-n", &requests.to_string(), "--csv", "GET", "k"])
        .output()
        .map_err(|e| format!("redis-benchmark: {e}"))?;
    // The output is "test","rps",... followed by a line of values, all in quotes.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text
        .lines()
        .rev()
        .find_map(|line| line.split(',').nth(1)?.trim_matches('"').parse().ok());
    rate.ok_or(format!("no result of redis-benchmark in: {text}"))
}
