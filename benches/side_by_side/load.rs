//! The load generator: one thread keeps a server busy over many connections.
//!
//! Each connection has one burst of requests in flight (as many requests as the pipeline is deep). The thread visits
//! the connections in turn, reads the replies of the burst and sends the next one. It never polls for readiness, so a
//! request costs the generator one write and one read, less than it costs the server. `Rate::busy` shows whether that
//! was the case.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::measure::main_thread_seconds;
use crate::skip::Skipper;
use crate::support::Server;

/// A connection that sends prepared bytes and only counts replies.
pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    skipper: Skipper,
}

impl Raw {
    pub fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .expect("a timeout");
        Self {
            stream,
            buffer: vec![0; 256 * 1024],
            skipper: Skipper::default(),
        }
    }

    pub fn send(&mut self, requests: &[u8]) {
        self.stream.write_all(requests).expect("send the requests");
    }

    /// Reads `replies` replies.
    pub fn receive(&mut self, replies: u64) {
        let until = self.skipper.replies + replies;
        while self.skipper.replies < until {
            let read = self.stream.read(&mut self.buffer).expect("a reply");
            assert!(read > 0, "the server closed the connection");
            if let Err(error) = self.skipper.take(&self.buffer[..read]) {
                panic!("{error}");
            }
        }
    }
}

/// Parameters of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub clients: usize,
    pub pipeline: usize,
    pub seconds: f64,
}

/// The result of a load.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests per second.
    pub per_second: f64,
    /// Time of the server's main thread per request, in µs.
    pub server_us: f64,
    /// Fraction of the time that the server's main thread was running. If it is well below 1, the generator was the
    /// bottleneck.
    pub busy: f64,
}

const WARM_UP: Duration = Duration::from_millis(150);

/// Keeps the server busy. `source` appends the next request of a connection to the buffer.
pub fn run(server: &Server, shape: Shape, source: &mut dyn FnMut(usize, &mut Vec<u8>)) -> Rate {
    let mut connections: Vec<Raw> = (0..shape.clients).map(|_| Raw::connect(server)).collect();
    let mut burst = Vec::new();
    let mut send = |number: usize, connection: &mut Raw| {
        burst.clear();
        for _ in 0..shape.pipeline {
            source(number, &mut burst);
        }
        connection.send(&burst);
    };
    for (number, connection) in connections.iter_mut().enumerate() {
        send(number, connection);
    }
    let replies = shape.pipeline as u64;
    let mut go_on = |length: Duration| {
        let (start, mut done) = (Instant::now(), 0);
        let cpu = main_thread_seconds(server);
        loop {
            for (number, connection) in connections.iter_mut().enumerate() {
                connection.receive(replies);
                done += replies;
                send(number, connection);
            }
            if start.elapsed() >= length {
                let cpu = main_thread_seconds(server) - cpu;
                return (done as f64, start.elapsed().as_secs_f64(), cpu);
            }
        }
    };
    go_on(WARM_UP);
    let (done, seconds, cpu) = go_on(Duration::from_secs_f64(shape.seconds));
    for connection in &mut connections {
        connection.receive(replies);
    }
    Rate {
        per_second: done / seconds,
        server_us: cpu / done * 1e6,
        busy: cpu / seconds,
    }
}

/// A command in the wire format.
pub fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A source that repeats a list of requests, shared by all connections.
pub fn cycle(requests: &[Vec<u8>]) -> impl FnMut(usize, &mut Vec<u8>) {
    let mut next = 0;
    move |_, out| {
        out.extend_from_slice(&requests[next]);
        next = (next + 1) % requests.len();
    }
}

/// Sends requests with a deep pipeline, to load data. Every request must have one reply.
pub fn send_all<'a>(server: &Server, requests: impl Iterator<Item = &'a [u8]>) {
    const IN_FLIGHT: u64 = 64;
    let mut connection = Raw::connect(server);
    let (mut burst, mut count) = (Vec::new(), 0);
    for request in requests {
        burst.extend_from_slice(request);
        count += 1;
        if count == IN_FLIGHT || burst.len() > 256 * 1024 {
            connection.send(&burst);
            connection.receive(count);
            burst.clear();
            count = 0;
        }
    }
    connection.send(&burst);
    connection.receive(count);
}
