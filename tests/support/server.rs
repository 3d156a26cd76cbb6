//! Starts, stops, kills and connects to servers.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use redis::{Connection, RedisResult};

use super::{cmd, error_line, info, text, try_cmd};

/// A server that does not reply within a minute hangs. Without the limit the test would never end.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Like [`START_TIMEOUT`], for files that may be damaged. They hold few keys, and Redis may hang on them.
const RDB_TIMEOUT: Duration = Duration::from_secs(5);

/// Path of the module: the library that cargo built together with this test or example.
pub fn module_path() -> PathBuf {
    if let Some(path) = std::env::var_os("CONV_MODULE") {
        return PathBuf::from(path);
    }
    let exe = std::env::current_exe().expect("the path of this executable");
    // The executable is `<profile>/deps/<test>` or `<profile>/examples/<example>`. Building those leaves the library
    // in deps. Only a plain `cargo build` links it one level up, where it may be outdated.
    let profile = exe.ancestors().nth(2).expect("a profile directory");
    ["deps/libconv.so", "libconv.so"]
        .map(|name| profile.join(name))
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| {
            panic!(
                "no libconv.so under {}: run cargo build, or set CONV_MODULE",
                profile.display()
            )
        })
}

/// A server that did not start.
#[derive(Debug)]
pub struct Ended {
    /// The exit status, or `None` if it hung.
    pub status: Option<ExitStatus>,
    /// Its complete log.
    pub log: String,
}

/// A running redis-server.
pub struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
    wrapper: Vec<String>,
    args: Vec<String>,
}

impl Server {
    /// Starts a server with the module and without persistence.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with the module and further options, such as `["--appendonly", "yes"]`.
    pub fn with(server_args: &[&str]) -> Self {
        Self::with_module_args(server_args, &[])
    }

    /// Starts a server with further options and `loadmodule` arguments, such as `["max-messages", "10"]`.
    pub fn with_module_args(server_args: &[&str], module_args: &[&str]) -> Self {
        Self::wrapped(&[], server_args, module_args)
    }

    /// Starts a server through `wrapper`, a program that executes the command in its arguments without forking.
    pub fn wrapped(wrapper: &[&str], server_args: &[&str], module_args: &[&str]) -> Self {
        let module = module_path()
            .into_os_string()
            .into_string()
            .expect("a module path in UTF-8");
        let mut args = vec!["--loadmodule", &module];
        args.extend(module_args);
        args.extend(server_args);
        Self::launch(wrapper, &args)
    }

    /// Starts a server without the module, for comparison and for moving data to.
    pub fn plain(server_args: &[&str]) -> Self {
        Self::launch(&[], server_args)
    }

    /// Starts a server with the module from an RDB file, which may be damaged. Not starting is an ordinary result.
    pub fn from_rdb(rdb: &[u8], server_args: &[&str]) -> Result<Self, Ended> {
        let module = module_path()
            .into_os_string()
            .into_string()
            .expect("a module path in UTF-8");
        let args = [&["--loadmodule", &module], server_args].concat();
        Self::try_launch(&[], &args, Some(rdb))
    }

    fn launch(wrapper: &[&str], args: &[&str]) -> Self {
        Self::try_launch(wrapper, args, None)
            .unwrap_or_else(|ended| panic!("redis-server did not start:\n{}", tail(&ended.log)))
    }

    fn try_launch(wrapper: &[&str], args: &[&str], rdb: Option<&[u8]>) -> Result<Self, Ended> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("conv-{}-{number}", std::process::id()));
        // A killed process with the same pid may have left a directory.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a temporary directory");
        let [wrapper, args] =
            [wrapper, args].map(|words| words.iter().map(|word| word.to_string()).collect());
        let (wrapper, args): (Vec<String>, Vec<String>) = (wrapper, args);
        if let Some(rdb) = rdb {
            fs::write(dir.join("dump.rdb"), rdb).expect("an RDB file");
        }
        // Another process may bind the port between its selection and our bind. Try again with another port.
        for _ in 0..5 {
            let port = free_port();
            let mut server = Self {
                child: spawn(port, &dir, &wrapper, &args),
                port,
                dir: dir.clone(),
                wrapper: wrapper.clone(),
                args: args.clone(),
            };
            let timeout = if rdb.is_some() {
                RDB_TIMEOUT
            } else {
                START_TIMEOUT
            };
            match server.wait_until_ready(timeout) {
                Ok(()) => return Ok(server),
                Err(log) if log.contains("Address already in use") => {
                    let _ = fs::remove_file(server.log_file());
                    std::mem::forget(server); // its process has ended, its directory is used again
                }
                Err(_) => {
                    return Err(Ended {
                        status: server.child.try_wait().ok().flatten(),
                        log: server.log(),
                    });
                }
            }
        }
        panic!("no free port found in five attempts");
    }

    /// Waits until our server has loaded its data. Compares the process id, because another server may have taken the
    /// port.
    fn wait_until_ready(&mut self, timeout: Duration) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < timeout {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(tail(&self.log()));
            }
            if let Ok(mut con) = self.try_conn("")
                && let Ok(reply) = try_cmd!(con, "INFO", "server")
                && text(&reply).contains(&format!("process_id:{}\r\n", self.child.id()))
                && try_cmd!(con, "PING").is_ok()
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!(
            "no reply within {timeout:?}\n{}",
            tail(&self.log())
        ))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory of the data files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn log_file(&self) -> PathBuf {
        self.dir.join("redis.log")
    }

    /// Everything that the server and the module logged, including earlier runs.
    pub fn log(&self) -> String {
        fs::read(self.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// A new RESP2 connection.
    pub fn conn(&self) -> Connection {
        self.try_conn("")
            .unwrap_or_else(|e| panic!("no connection: {e}\n{}", tail(&self.log())))
    }

    /// A new RESP3 connection.
    pub fn conn3(&self) -> Connection {
        self.try_conn("?protocol=resp3")
            .unwrap_or_else(|e| panic!("no connection: {e}\n{}", tail(&self.log())))
    }

    fn try_conn(&self, query: &str) -> RedisResult<Connection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}/{query}", self.port))?;
        let con = client.get_connection_with_timeout(Duration::from_secs(5))?;
        con.set_read_timeout(Some(REPLY_TIMEOUT))?;
        con.set_write_timeout(Some(REPLY_TIMEOUT))?;
        Ok(con)
    }

    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Shuts down the server, which saves as configured, and starts it again with the same options and files.
    pub fn restart(&mut self) {
        // A successful SHUTDOWN closes the connection instead of replying.
        if let Err(e) = try_cmd!(self.conn(), "SHUTDOWN")
            && e.code().is_some()
        {
            panic!("SHUTDOWN: {}\n{}", error_line(&e), tail(&self.log()));
        }
        assert!(
            wait_until(START_TIMEOUT, || !self.is_alive()),
            "SHUTDOWN failed:\n{}",
            tail(&self.log())
        );
        self.start_again();
    }

    /// Kills the server and its child processes, as in a crash: nothing is saved or flushed.
    pub fn kill9(&mut self) {
        // If the server has exited, another process may have its pid.
        let children = if self.is_alive() {
            children(self.child.id())
        } else {
            Vec::new()
        };
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in children {
            signal("KILL", &pid);
        }
    }

    /// Restarts a server that has exited, with the same port, options and files.
    pub fn start_again(&mut self) {
        assert!(!self.is_alive(), "the server is still running");
        for attempt in 1.. {
            let logged = self.log().len();
            self.child = spawn(self.port, &self.dir, &self.wrapper, &self.args);
            let Err(log) = self.wait_until_ready(START_TIMEOUT) else {
                return;
            };
            // An outgoing connection of another process may use the port in the meantime.
            let taken = self
                .log()
                .get(logged..)
                .is_some_and(|log| log.contains("Address already in use"));
            assert!(
                taken && attempt < 20,
                "redis-server did not start again:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!(
                "--- log of the server on port {} ---\n{}",
                self.port,
                tail(&self.log())
            );
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// The child processes of a server, which save or rewrite the AOF.
fn children(pid: u32) -> Vec<String> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .map(String::from)
        .collect()
}

/// Sends a signal, given by name, to a process.
fn signal(name: &str, pid: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), pid])
        .stderr(Stdio::null())
        .status();
}

fn spawn(port: u16, dir: &Path, wrapper: &[String], args: &[String]) -> Child {
    let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
    let log: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("redis.log"))
        .expect("a log file");
    let mut command = match wrapper {
        [] => Command::new(&program),
        [first, others @ ..] => {
            let mut command = Command::new(first);
            command.args(others).arg(&program);
            command
        }
    };
    // Asks for the stack of a panic, which the module must not let the standard library print.
    command
        .env("RUST_BACKTRACE", "1")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(dir)
        // Logs to standard output, so that the log also has errors in options and panics.
        .args(["--logfile", "", "--save", "", "--appendonly", "no"])
        .args([
            "--enable-debug-command",
            "yes",
            "--enable-module-command",
            "yes",
        ])
        // By default Redis waits five seconds for more replicas before it sends them data.
        .args(["--repl-diskless-sync-delay", "0"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle of the log"))
        .stderr(log)
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", program.to_string_lossy()))
}

/// A free port below 55536, so that the cluster bus port (port + 10000) is valid.
fn free_port() -> u16 {
    std::iter::repeat_with(|| {
        TcpListener::bind(("127.0.0.1", 0))
            .and_then(|l| l.local_addr())
            .expect("a port")
            .port()
    })
    .find(|port| *port < 55_536)
    .expect("the iterator is infinite")
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// Makes `replica` a replica of `primary` and waits for the first synchronization.
pub fn replicate(replica: &Server, primary: &Server) {
    cmd!(replica.conn(), "REPLICAOF", "127.0.0.1", primary.port());
    caught_up(replica, primary);
}

/// Waits until the replica has applied all writes of the primary.
pub fn caught_up(replica: &Server, primary: &Server) {
    let (mut from, mut to) = (primary.conn(), replica.conn());
    let offset = |fields: &BTreeMap<String, String>| fields.get("master_repl_offset").cloned();
    let equal = wait_until(START_TIMEOUT, || {
        let (primary, replica) = (info(&mut from, "replication"), info(&mut to, "replication"));
        replica
            .get("master_link_status")
            .is_some_and(|status| status == "up")
            && offset(&primary) == offset(&replica)
    });
    assert!(
        equal,
        "the replica did not catch up:\n{}",
        tail(&replica.log())
    );
}

/// Memory used by the server in bytes, without the tables and caches of the tokenizer, which grow with the text
/// counted.
pub fn used(con: &mut Connection) -> i64 {
    let mut figure = |section: &str, name: &str| -> i64 {
        info(con, section)[name].parse().expect("parse the number")
    };
    figure("memory", "used_memory") - figure("conv", "conv_tokenizer_memory")
}

/// How long [`settled`] waits. Counting threads have a low priority and load tables first, which takes seconds in a debug
/// build; on a busy machine they can get no CPU time for minutes.
pub const SETTLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Waits until all messages are counted and all maintenance that depends on counts is done.
pub fn settled(con: &mut Connection) {
    let done = wait_until(SETTLE_TIMEOUT, || {
        let figures = info(con, "conv");
        figures["conv_pending"] == "0" && figures["conv_keys_to_revisit"] == "0"
    });
    assert!(done, "messages are still pending");
}

/// Waits for a condition. Returns whether it became true in time.
pub fn wait_until(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > timeout {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
