//! Initial settings: redis.conf and arguments of `loadmodule`, and how CONFIG REWRITE writes them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::Connection;

use crate::samples::*;
use crate::settings::*;
use crate::support::*;

#[test]
fn loadmodule_arguments_set_the_settings() {
    for prefix in ["", "conv."] {
        let named: Vec<String> = SETTINGS
            .iter()
            .flat_map(|(name, _, good, _)| [format!("{prefix}{name}"), good[0].0.to_string()])
            .collect();
        let args: Vec<&str> = named.iter().map(String::as_str).collect();
        let server = Server::with_module_args(&[], &args);
        let mut con = server.conn();
        for (name, _, good, _) in SETTINGS {
            assert_eq!(
                get(&mut con, name).as_deref(),
                Some(good[0].1),
                "{prefix}{name}"
            );
        }
    }
}

#[test]
fn arguments_have_the_syntax_of_config_set() {
    // Units, and names and keywords in any letter case.
    for (name, value, shown) in [
        ("max-message-bytes", "2mb", "2097152"),
        ("assume-complete", "NO", "no"),
        ("TTL", "9", "9"),
        ("CONV.TTL", "9", "9"),
    ] {
        let server = Server::plain(&[]);
        let mut con = server.conn();
        let module = module_path();
        let loaded = try_cmd!(
            con,
            "MODULE",
            "LOAD",
            module.to_str().expect("UTF-8"),
            name,
            value
        );
        assert!(loaded.is_ok(), "{name} {value}: {}", server.log());
        let bare = name.to_lowercase().replace("conv.", "");
        assert_eq!(
            get(&mut con, &bare).as_deref(),
            Some(shown),
            "{name} {value}"
        );
    }
}

#[test]
fn invalid_loadmodule_arguments_are_rejected() {
    let mut server = Server::plain(&[]);
    let mut con = server.conn();
    let module = module_path();
    let module = module.to_str().expect("UTF-8");
    let cases: [(&[&str], &str); 12] = [
        (
            &["nonsense", "1"],
            "unknown module argument 'nonsense': expected encoding, overhead, scale, max-messages, ",
        ),
        (
            &["conv.nonsense", "1"],
            "unknown module argument 'conv.nonsense': expected encoding, ",
        ),
        (
            &["conv.max-message", "1"],
            "unknown module argument 'conv.max-message': did you mean max-messages?",
        ),
        (&["ttl"], "module argument 'ttl' needs a value"),
        (
            &["ttl", "-1"],
            "module argument 'ttl' must be from 0 to 9000000000000, got '-1'",
        ),
        (
            &["conv.ttl", "soon"],
            "module argument 'conv.ttl' must be an integer, got 'soon'",
        ),
        (
            &["hot-bytes", "lots"],
            "module argument 'hot-bytes' must be a number of bytes, such as 65536 or 64kb, got 'lots'",
        ),
        (
            &["max-tokens", "-1"],
            "module argument 'max-tokens' must be 0 or more, got '-1'",
        ),
        (
            &["encoding", "nonsense"],
            "module argument 'encoding': unknown encoding or model 'nonsense': expected o200k_base, ",
        ),
        (
            &["assume-complete", "maybe"],
            "module argument 'assume-complete' must be yes or no, got 'maybe'",
        ),
        (&["ttl", "77", "max-messages", "5", "bogus", "1"], "'bogus'"),
        // A thread may be loading tokenizer tables while the module is unloaded.
        (&["encoding", "cl100k_base", "bogus", "1"], "'bogus'"),
    ];
    for (args, named) in cases {
        let before = server.log().len();
        assert!(
            try_cmd!(con, "MODULE", "LOAD", module, args).is_err(),
            "{args:?}"
        );
        let log = server.log()[before..].to_string();
        let line = log
            .lines()
            .find(|line| line.contains("<conv>") && line.contains("cannot be loaded"));
        assert!(
            line.is_some_and(|line| line.contains(named)),
            "{args:?}: {log}"
        );
        assert!(
            !con_has_commands(&mut con),
            "{args:?}: commands of a module that was refused"
        );
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(server.is_alive());
    // Rejected settings leave no state behind.
    cmd!(con, "MODULE", "LOAD", module, "media-tokens", "3");
    let got = ["encoding", "ttl", "max-messages", "media-tokens"]
        .map(|name| get(&mut con, name).unwrap_or_default());
    assert_eq!(got, ["o200k_base", "0", "0", "3"]);
    assert_eq!(append(&mut con, "k", &[says("user", "hello")]), 1);
}

fn con_has_commands(con: &mut Connection) -> bool {
    items(&cmd!(*con, "COMMAND", "INFO", "conv.append"))[0] != redis::Value::Nil
}

/// A server with a configuration file, listening on a socket in its own directory.
struct Configured {
    child: Child,
    dir: PathBuf,
}

impl Configured {
    /// Starts the server in `dir`, which contains its file. Returns its output if it exits.
    fn start(dir: &Path) -> Result<Self, String> {
        let program = std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into());
        let child = Command::new(program)
            .arg(dir.join("redis.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("a server");
        let mut server = Self {
            child,
            dir: dir.into(),
        };
        let mut ended = false;
        let up = wait_until(Duration::from_secs(30), || {
            ended = !matches!(server.child.try_wait(), Ok(None));
            ended || server.connect().is_ok()
        });
        if up && !ended {
            return Ok(server);
        }
        Err(std::fs::read_to_string(dir.join("log")).unwrap_or_default())
    }

    fn connect(&self) -> redis::RedisResult<Connection> {
        let socket = self.dir.join("socket");
        redis::Client::open(format!("unix://{}", socket.display()))?.get_connection()
    }

    fn conn(&self) -> Connection {
        self.connect().expect("a connection")
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory with a redis.conf that ends with these lines. The returned guard removes it.
struct Directory(PathBuf);

impl Directory {
    fn with(name: &str, lines: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("conv-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        let path = dir.display();
        let head = format!(
            "port 0\nunixsocket {path}/socket\ndir {path}\nlogfile {path}/log\nsave \"\"\n"
        );
        std::fs::write(dir.join("redis.conf"), head + lines).expect("a file");
        Self(dir)
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.0.join("redis.conf")).expect("the file")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn config_rewrite_preserves_settings_of_redis_conf() {
    let module = module_path();
    let lines = format!(
        "loadmodule {} ttl 50 max-tokens 900\nconv.encoding cl100k_base\nconv.max-messages 12\nconv.ttl 60\n",
        module.display()
    );
    let dir = Directory::with("settings", &lines);
    let names = [
        "encoding",
        "max-messages",
        "ttl",
        "max-tokens",
        "media-tokens",
        "max-message-bytes",
        "assume-complete",
    ];
    let all = |con: &mut Connection| names.map(|name| get(con, name).unwrap_or_default());
    {
        let server = Configured::start(&dir.0).expect("a server");
        let mut con = server.conn();
        // Settings in the file override arguments.
        assert_eq!(
            all(&mut con),
            ["cl100k_base", "12", "60", "900", "85", "16777216", "yes"]
        );
        append(&mut con, "k", &[says("user", "hello")]);
        assert_eq!(
            text(&map(&cmd!(con, "CONV.INFO", "k"))["encoding"]),
            "cl100k_base"
        );
        for (name, value) in [
            ("encoding", "gpt2"),
            ("max-messages", "0"),
            ("max-tokens", "800"),
            ("max-message-bytes", "2mb"),
            ("assume-complete", "no"),
        ] {
            set(&mut con, name, value).expect("a setting");
        }
        cmd!(con, "CONFIG", "REWRITE");
    }
    let file = dir.file().replace('"', "");
    for expected in [
        "conv.encoding r50k_base",
        "conv.max-tokens 800",
        "conv.assume-complete no",
        "loadmodule ",
    ] {
        assert!(
            file.lines().any(|line| line.starts_with(expected)),
            "{expected}: {file}"
        );
    }
    for round in 0..2 {
        let server = Configured::start(&dir.0).expect("a server again");
        let mut con = server.conn();
        let expected = ["r50k_base", "0", "60", "800", "85", "2097152", "no"];
        assert_eq!(all(&mut con), expected, "round {round}: {}", dir.file());
        cmd!(con, "CONFIG", "REWRITE");
    }
}

#[test]
fn an_invalid_file_is_rejected_with_a_clear_message() {
    let module = module_path();
    let module = module.display();
    for (n, (lines, named)) in [
        (
            format!("loadmodule {module}\nconv.encoding nonsense\n"),
            "nonsense",
        ),
        (format!("loadmodule {module}\nconv.ttl -5\n"), "conv.ttl"),
        (
            format!("loadmodule {module}\nconv.nonsense 5\n"),
            "onfiguration",
        ),
        (format!("loadmodule {module} nonsense 5\n"), "'nonsense'"),
    ]
    .iter()
    .enumerate()
    {
        let dir = Directory::with(&format!("refused-{n}"), lines);
        let Err(log) = Configured::start(&dir.0) else {
            panic!("it started with {lines}");
        };
        assert!(log.contains(named), "{lines}: {log}");
    }
}

#[test]
fn module_loadex_sets_the_settings() {
    let server = Server::plain(&[]);
    let mut con = server.conn();
    let module = module_path();
    let module = module.to_str().expect("UTF-8");
    let line = [
        module,
        "CONFIG",
        "conv.encoding",
        "cl100k_base",
        "CONFIG",
        "conv.ttl",
        "5",
        "ARGS",
        "ttl",
        "9",
        "media-tokens",
        "2",
    ];
    cmd!(con, "MODULE", "LOADEX", &line[..]);
    let got =
        ["encoding", "ttl", "media-tokens"].map(|name| get(&mut con, name).unwrap_or_default());
    assert_eq!(got, ["cl100k_base", "5", "2"]);
}
