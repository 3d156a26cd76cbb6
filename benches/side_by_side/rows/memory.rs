//! Memory of long conversations: the growth of `used_memory`, compared with other data types.
//!
//! Each type is filled by a process of its own (this program, started again) in a server of its own, because RedisJSON
//! may need a newer server than the rest. `REJSON_MODULE` names its module, `REJSON_SERVER` the server.

use std::process::Command;

use serde_json::json;

use crate::Setup;
use crate::data::{Data, join};
use crate::load::{request, send_all};
use crate::measure::used_memory;
use crate::row::{Goal, Line};
use crate::support::{Server, cmd, items, map, text};

/// Number of messages to which conversations are extended.
const MESSAGES: usize = 10_000;

/// Argument with which this program fills a server and prints the memory used.
pub const HELD: &str = "held";

struct Held {
    /// Memory of the conversations of each file in bytes.
    files: Vec<f64>,
    /// The server and module that were measured.
    server: String,
}

pub fn lines(setup: &Setup) -> Vec<Line> {
    let conversations: Vec<_> = setup
        .data
        .files()
        .iter()
        .map(|(_, files)| join(files, MESSAGES))
        .collect();
    let all: Vec<&Vec<u8>> = conversations.iter().flatten().flatten().collect();
    let raw = all.iter().map(|m| m.len()).sum::<usize>() as f64 / all.len() as f64;
    let what = format!("Bytes per message, conversations of up to {MESSAGES} messages");
    let per_message = |held: &Held| vec![held.files.iter().sum::<f64>() / all.len() as f64];
    let ours = match held("conv", false) {
        Ok(ours) => ours,
        Err(why) => return vec![Line::skipped("memory", &what, "LIST", why)],
    };
    [
        ("list", "LIST", Goal::AtMost(0.35)),
        ("json", "RedisJSON", Goal::AtMost(0.15)),
        ("stream", "stream", Goal::None),
    ]
    .map(|(kind, against, goal)| {
        let theirs = if kind == "json" {
            rejson()
        } else {
            held(kind, false)
        };
        let theirs = match theirs {
            Ok(theirs) => theirs,
            Err(why) => return Line::skipped("memory", &what, against, why),
        };
        // If RedisJSON runs in another server, conv is measured in that server, too.
        let ours = if kind == "json" {
            held("conv", true)
        } else {
            Ok(Held {
                files: ours.files.clone(),
                server: String::new(),
            })
        };
        let ours = match ours {
            Ok(ours) => ours,
            Err(why) => return Line::skipped("memory", &what, against, why),
        };
        let by_file: serde_json::Map<_, _> = setup
            .data
            .files()
            .iter()
            .zip(ours.files.iter().zip(&theirs.files))
            .map(|((name, _), (ours, theirs))| (name.clone(), json!(ours / theirs)))
            .collect();
        let ratios: Vec<String> = by_file
            .iter()
            .map(|(name, ratio)| format!("{name} {:.2}", ratio.as_f64().unwrap_or(f64::NAN)))
            .collect();
        let server = if kind == "json" {
            format!("; {}", theirs.server)
        } else {
            String::new()
        };
        Line::new("memory", &what, against)
            .unit("B")
            .goal(goal)
            .figures(per_message(&ours), per_message(&theirs))
            .note(format!(
                "messages alone {raw:.0} B; {}{server}",
                ratios.join(", ")
            ))
            .more(json!({"ratio_by_file": by_file}))
    })
    .into()
}

fn rejson() -> Result<Held, String> {
    if std::env::var_os("REJSON_MODULE").is_none() {
        return Err("REJSON_MODULE is not set".into());
    }
    held("json", true)
}

/// Starts another process that fills a server.
fn held(kind: &str, rejson_server: bool) -> Result<Held, String> {
    let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    command.args([HELD, kind]);
    if rejson_server && let Some(server) = std::env::var_os("REJSON_SERVER") {
        command.env("REDIS_SERVER", server);
    }
    let output = command.output().map_err(|e| e.to_string())?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let results: serde_json::Value = serde_json::from_str(&printed).map_err(|_| {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = errors
            .lines()
            .find(|line| line.contains("not support") || line.contains("rror"));
        format!(
            "{kind} does not run on this server: {}",
            line.unwrap_or("see its log")
        )
    })?;
    Ok(Held {
        files: results["files"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_f64())
            .collect(),
        server: results["server"].as_str().unwrap_or_default().to_string(),
    })
}

/// Fills a server and prints the memory used.
pub fn print_held(kind: &str) {
    let rejson = std::env::var("REJSON_MODULE").unwrap_or_default();
    let server = match kind {
        "conv" => Server::start(),
        "json" => Server::plain(&["--loadmodule", &rejson]),
        _ => Server::plain(&[]),
    };
    let mut con = server.conn();
    if kind == "conv" {
        cmd!(con, "CONV.TOKENS", "load the tables");
    }
    let data = Data::load();
    // The first fill is not measured: it includes one-time costs such as the caches of the tokenizer.
    fill(&server, kind, &data);
    cmd!(con, "FLUSHALL", "SYNC");
    let files = fill(&server, kind, &data);
    let modules: Vec<String> = items(&cmd!(con, "MODULE", "LIST"))
        .iter()
        .map(|module| {
            let module = map(module);
            format!("{} {}", text(&module["name"]), text(&module["ver"]))
        })
        .collect();
    let server = format!(
        "{} in {}",
        modules.join(", "),
        crate::report::server_version(&server)
    );
    println!("{}", json!({"files": files, "server": server}));
}

/// Fills a server. Returns the memory used by the conversations of each file.
fn fill(server: &Server, kind: &str, data: &Data) -> Vec<f64> {
    let mut con = server.conn();
    let mut last = used_memory(server);
    let mut files = Vec::new();
    for (name, dialogues) in data.files() {
        for (number, conversation) in join(dialogues, MESSAGES).iter().enumerate() {
            let key = format!("{name}:{number}");
            let key = key.as_bytes();
            if kind == "json" {
                cmd!(con, "JSON.SET", key, "$", "[]");
            }
            let requests: Vec<Vec<u8>> = conversation
                .iter()
                .map(|message| match kind {
                    "conv" => request(&[b"CONV.APPEND", key, message]),
                    "json" => request(&[b"JSON.ARRAPPEND", key, b"$", message]),
                    "stream" => request(&[b"XADD", key, b"*", b"m", message]),
                    _ => request(&[b"RPUSH", key, message]),
                })
                .collect();
            send_all(server, requests.iter().map(Vec::as_slice));
        }
        let now = used_memory(server);
        files.push(now - last);
        last = now;
    }
    files
}
