//! Tokenizer files: `conv.tokenizers`, `CONV.ENCODINGS`, conversations whose file is missing here.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::{Connection, Value};

use crate::support::*;

const USER: &str = r#"{"role":"user","content":"Hello, tokenizers: 12345 words and été!"}"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tokenizers")
        .join(name)
}

/// A directory of copies of fixtures, removed when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("conv-tok-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        let directory = Self(path);
        for (from, to) in files {
            directory.add(from, to);
        }
        directory
    }

    fn add(&self, from: &str, to: &str) {
        fs::copy(fixture(from), self.0.join(to)).expect("a copy");
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).expect("a file");
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    fn server(&self, args: &[&str]) -> Server {
        Server::with_module_args(args, &["tokenizers", self.path()])
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn encodings(con: &mut Connection) -> BTreeMap<String, BTreeMap<String, Value>> {
    let list = cmd!(*con, "CONV.ENCODINGS");
    let maps = items(&list).iter().map(map);
    maps.map(|entry| (text(&entry["name"]), entry)).collect()
}

/// The entries, once nothing is loading.
fn loaded(con: &mut Connection) -> BTreeMap<String, BTreeMap<String, Value>> {
    let done = wait_until(Duration::from_secs(30), || {
        encodings(con)
            .values()
            .all(|entry| text(&entry["state"]) != "loading")
    });
    assert!(done, "still loading");
    encodings(con)
}

fn field(con: &mut Connection, key: &str, name: &str) -> String {
    let info = map(&cmd!(*con, "CONV.INFO", key));
    match &info[name] {
        Value::Int(number) => number.to_string(),
        other => text(other),
    }
}

fn count(con: &mut Connection, string: &str, encoding: &str) -> i64 {
    ints(&cmd!(*con, "CONV.TOKENS", string, "ENCODING", encoding))[0]
}

/// The tokens of the messages of a conversation, none pending.
fn tokens(con: &mut Connection, key: &str) -> i64 {
    let done = wait_until(Duration::from_secs(30), || {
        field(con, key, "pending") == "0"
    });
    assert!(done, "pending");
    field(con, key, "tokens").parse().expect("a number")
}

#[test]
fn encodings_lists_builtin_encodings_and_files() {
    let directory = Directory::new(
        "lists",
        &[
            ("llama3.json", "llama-3.json"),
            ("tekken.tekken.json", "nemo.tekken.json"),
            ("bert.json", "bert_x.json"),
        ],
    );
    directory.write("broken.json", "{\"version\":\"1.0\"");
    directory.write("notes.txt", "not a tokenizer");
    directory.write("gpt-4o.json", "reserved");
    directory.write("o200k_base.json", "reserved");
    directory.write("bad name.json", "not a name");
    directory.add("glm.json", "both.json");
    directory.add("tekken.tekken.json", "both.tekken.json");
    let server = directory.server(&[]);
    let mut con = server.conn();
    let list = loaded(&mut con);
    let names: Vec<&str> = list.keys().map(|name| &**name).collect();
    assert_eq!(
        names,
        [
            "bert_x",
            "both",
            "broken",
            "cl100k_base",
            "llama-3",
            "nemo",
            "o200k_base",
            "o200k_harmony",
            "p50k_base",
            "r50k_base"
        ]
    );
    for (name, kind, vocabulary) in [
        ("llama-3", "huggingface", None),
        ("nemo", "tekken", Some(651)),
        ("bert_x", "huggingface", Some(500)),
        ("o200k_base", "builtin", Some(199_998)),
    ] {
        let entry = &list[name];
        assert_eq!(text(&entry["kind"]), kind, "{name}");
        assert_eq!(text(&entry["state"]), "ready", "{name}");
        assert_eq!(entry["error"], Value::Nil, "{name}");
        assert_eq!(text(&entry["fingerprint"]).len(), 16, "{name}");
        if let Some(vocabulary) = vocabulary {
            assert_eq!(int(&entry["vocabulary"]), vocabulary, "{name}");
        }
        assert!(int(&entry["memory"]) > 0 || kind == "builtin", "{name}");
    }
    let error = |name: &str| (text(&list[name]["state"]), text(&list[name]["error"]));
    let (state, why) = error("broken");
    assert!(state == "error" && why.contains("EOF"), "{why}");
    let (state, why) = error("both");
    assert!(
        state == "error" && why.contains("both.tekken.json"),
        "{why}"
    );
    // A broken file is reported, and nothing else changes.
    for name in ["broken", "both"] {
        for command in [
            vec!["CONV.CREATE", "k", "ENCODING", name],
            vec!["CONV.TOKENS", "x", "ENCODING", name],
        ] {
            let why = err(run(&mut con, &command));
            assert!(
                why.starts_with(&format!("ERR cannot use the encoding '{name}': ")),
                "{why}"
            );
        }
        let why = err(try_cmd!(con, "CONFIG", "SET", "conv.encoding", name));
        assert!(why.contains("cannot use the encoding"), "{why}");
    }
    assert_eq!(int(&cmd!(con, "EXISTS", "k")), 0);
    let why = err(try_cmd!(con, "CONV.TOKENS", "x", "ENCODING", "absent"));
    assert!(
        why.contains("unknown encoding or model 'absent'") && why.contains("conv.tokenizers"),
        "{why}"
    );
    assert!(
        info(&mut con, "conv")["conv_tokenizer_memory"]
            .parse::<u64>()
            .expect("a number")
            > 100_000
    );
}

#[test]
fn a_file_counts_in_every_command_that_takes_an_encoding() {
    let directory = Directory::new(
        "commands",
        &[("llama3.json", "a.json"), ("gemma3.json", "b.json")],
    );
    let server = directory.server(&[]);
    let mut con = server.conn();
    // No wait: the first command waits for the file.
    let a = count(&mut con, "Hello, tokenizers: 12345 words and été!", "a");
    let b = count(&mut con, "Hello, tokenizers: 12345 words and été!", "b");
    assert!(a != b && a > 8 && b > 8, "{a} {b}");
    let role = [count(&mut con, "user", "a"), count(&mut con, "user", "b")];
    cmd!(con, "CONV.CREATE", "k", "ENCODING", "a");
    cmd!(con, "CONV.APPEND", "k", USER);
    assert_eq!(tokens(&mut con, "k"), 3 + role[0] + a);
    cmd!(con, "CONV.ALTER", "k", "ENCODING", "b");
    assert_eq!(tokens(&mut con, "k"), 3 + role[1] + b);
    assert_eq!(field(&mut con, "k", "encoding"), "b");
    assert_eq!(field(&mut con, "k", "encoding-missing"), "0");
    // The default of new conversations.
    cmd!(con, "CONFIG", "SET", "conv.encoding", "a");
    assert_eq!(
        strings(&cmd!(con, "CONFIG", "GET", "conv.encoding"))[1],
        b"a"
    );
    cmd!(con, "CONV.APPEND", "n", USER);
    assert_eq!(tokens(&mut con, "n"), 3 + role[0] + a);
    assert_eq!(
        ints(&cmd!(
            con,
            "CONV.TOKENS",
            "Hello, tokenizers: 12345 words and été!"
        )),
        [a]
    );
    // In a transaction, where no client can wait.
    cmd!(con, "CONFIG", "SET", "conv.tokenizers", directory.path());
    cmd!(con, "MULTI");
    cmd!(con, "CONV.CREATE", "m", "ENCODING", "b");
    cmd!(con, "CONV.APPEND", "m", USER);
    cmd!(con, "CONV.RECENT", "m", 1000, "WITHINFO");
    let replies = cmd!(con, "EXEC");
    assert_eq!(items(&replies).len(), 3);
    assert_eq!(tokens(&mut con, "m"), 3 + role[1] + b);
}

#[test]
fn settings_name_a_directory_and_a_file_in_any_order() {
    let directory = Directory::new("order", &[("qwen3.json", "q.json")]);
    let server = Server::with_module_args(&[], &["encoding", "q", "tokenizers", directory.path()]);
    let mut con = server.conn();
    cmd!(con, "CONV.APPEND", "k", USER);
    assert_eq!(field(&mut con, "k", "encoding"), "q");
    for bad in [
        "/nonexistent/directory",
        fixture("bert.json").to_str().expect("UTF-8"),
    ] {
        let why = err(try_cmd!(con, "CONFIG", "SET", "conv.tokenizers", bad));
        assert!(why.contains("cannot read the directory"), "{why}");
    }
    assert_eq!(text(&map(&cmd!(con, "CONV.INFO", "k"))["encoding"]), "q");
    // Without the directory new conversations cannot be created; those that exist go on.
    cmd!(con, "CONFIG", "SET", "conv.tokenizers", "");
    let why = err(try_cmd!(con, "CONV.APPEND", "new", USER));
    assert!(why.contains("unknown encoding or model 'q'"), "{why}");
    assert_eq!(int(&cmd!(con, "EXISTS", "new")), 0);
    cmd!(con, "CONV.APPEND", "k", USER);
    assert_eq!(field(&mut con, "k", "encoding-missing"), "1");
}

#[test]
fn only_regular_files_of_limited_size_are_read() {
    let directory = Directory::new("kinds", &[]);
    symlink(fixture("glm.json"), directory.0.join("link.json")).expect("a link");
    symlink("/nonexistent", directory.0.join("dangling.json")).expect("a link");
    symlink("/dev/zero", directory.0.join("device.json")).expect("a link");
    fs::create_dir(directory.0.join("folder.json")).expect("a directory");
    let large = fs::File::create(directory.0.join("large.json")).expect("a file");
    large.set_len((64 << 20) + 1).expect("a sparse file");
    let server = directory.server(&[]);
    let mut con = server.conn();
    let list = loaded(&mut con);
    assert_eq!(text(&list["link"]["state"]), "ready");
    assert!(!list.contains_key("folder"));
    for (name, why) in [
        ("dangling", "No such file"),
        ("device", "not a regular file"),
        ("large", "larger than 64 MB"),
    ] {
        let found = text(&list[name]["error"]);
        assert!(found.contains(why), "{name}: {found}");
    }
    // A name that is used for the first time is looked for, and a broken file that was replaced.
    directory.add("llama3.json", "late.json");
    assert!(count(&mut con, "late", "late") > 0);
    fs::remove_file(directory.0.join("large.json")).expect("removed");
    directory.add("llama3.json", "large.json");
    assert!(count(&mut con, "late", "large") > 0);
}

/// A conversation of a file `x`, with one counted message, and its fingerprint.
fn conversation(con: &mut Connection) -> (i64, String) {
    cmd!(*con, "CONV.CREATE", "k", "ENCODING", "x");
    cmd!(*con, "CONV.APPEND", "k", USER);
    let counted = tokens(con, "k");
    (counted, text(&encodings(con)["x"]["fingerprint"]))
}

/// T of [`USER`] if bytes are counted.
fn by_bytes() -> i64 {
    3 + "user".len() as i64 + "Hello, tokenizers: 12345 words and été!".len() as i64
}

#[test]
fn without_the_file_new_messages_count_bytes_until_it_comes() {
    let directory = Directory::new("missing", &[("llama3.json", "x.json")]);
    let other = Directory::new("missing-other", &[("qwen3.json", "x.json")]);
    let server = directory.server(&[]);
    let mut con = server.conn();
    let (counted, _) = conversation(&mut con);
    let dump = bytes(&cmd!(con, "DUMP", "k"));
    // A server without the file, and one with a different file of that name.
    for there in [Server::start(), other.server(&[])] {
        let mut con = there.conn();
        loaded(&mut con);
        cmd!(con, "RESTORE", "k", 0, &dump);
        assert_eq!(field(&mut con, "k", "encoding"), "x");
        assert_eq!(field(&mut con, "k", "encoding-missing"), "1");
        assert_eq!(tokens(&mut con, "k"), counted, "existing counts are kept");
        cmd!(con, "CONV.APPEND", "k", USER, USER);
        assert_eq!(tokens(&mut con, "k"), counted + 2 * by_bytes());
        cmd!(con, "CONV.SETSUMMARY", "k", "éé");
        let summary = map(&cmd!(con, "CONV.SUMMARY", "k", "WITHINFO"));
        assert_eq!(int(&summary["tokens"]), 3 + 6 + 4);
        let lines = there.log().matches("uses the encoding 'x'").count()
            + there.log().matches("use the encoding 'x'").count();
        assert_eq!(lines, 1, "{}", there.log());
        // Fewer messages fit than with exact counts.
        let dumped = bytes(&cmd!(con, "DUMP", "k"));
        // The file comes.
        cmd!(con, "CONFIG", "SET", "conv.tokenizers", directory.path());
        loaded(&mut con);
        assert_eq!(tokens(&mut con, "k"), 3 * counted);
        assert_eq!(field(&mut con, "k", "encoding-missing"), "0");
        let summary = map(&cmd!(con, "CONV.SUMMARY", "k", "WITHINFO"));
        assert!(int(&summary["tokens"]) != 3 + 6 + 4);
        // What was estimated is pending in what was stored meanwhile.
        cmd!(con, "RESTORE", "back", 0, &dumped);
        assert_eq!(tokens(&mut con, "back"), 3 * counted);
    }
}

#[test]
fn rdb_aof_and_replicas_carry_name_and_fingerprint() {
    let directory = Directory::new("carry", &[("deepseek.json", "x.json")]);
    let mut server = directory.server(&["--appendonly", "yes"]);
    let replica = Server::start();
    replicate(&replica, &server);
    let mut con = server.conn();
    let (counted, _) = conversation(&mut con);
    caught_up(&replica, &server);
    let mut there = replica.conn();
    assert_eq!(field(&mut there, "k", "encoding"), "x");
    assert_eq!(field(&mut there, "k", "encoding-missing"), "1");
    // It counts for itself, and reports the same once it has the file.
    assert_eq!(tokens(&mut there, "k"), by_bytes());
    assert_eq!(digest(&mut there, "k"), digest(&mut con, "k"));
    cmd!(there, "CONFIG", "SET", "conv.tokenizers", directory.path());
    loaded(&mut there);
    assert_eq!(tokens(&mut there, "k"), counted);
    assert_eq!(field(&mut there, "k", "encoding-missing"), "0");
    for rewrite in [false, true] {
        if rewrite {
            cmd!(con, "BGREWRITEAOF");
            settled(&mut con);
        }
        server.restart();
        con = server.conn();
        assert_eq!(field(&mut con, "k", "encoding"), "x");
        assert_eq!(field(&mut con, "k", "encoding-missing"), "0");
        assert_eq!(tokens(&mut con, "k"), counted);
    }
}

#[test]
fn malformed_identities_are_rejected() {
    let server = Server::start();
    let mut con = server.conn();
    for encoding in [
        "x",
        "x#",
        "x#0123",
        "x#0123456789ABCDEF",
        "x y#0123456789abcdef",
        "gpt-4o#0123456789abcdef",
        "#0123456789abcdef",
    ] {
        let header = format!(
            r#"{{"v":1,"at":1,"create":{{"encoding":"{encoding}","media-tokens":85,"max-messages":0,"max-tokens":0,"ttl":0,"complete":true}},"numbering":[1,1,1]}}"#
        );
        let error = err(try_cmd!(con, "CONV.EFFECT", "k", &header));
        assert!(error.starts_with("ERR"), "{encoding}: {error}");
    }
    assert_eq!(int(&cmd!(con, "DBSIZE")), 0);
}

#[test]
fn other_clients_do_not_wait_while_files_load() {
    let directory = Directory::new("stall", &[]);
    for n in 0..20 {
        directory.add("gemma3.json", &format!("g{n}.json"));
    }
    let server = Server::start();
    let mut con = server.conn();
    cmd!(con, "CONFIG", "SET", "conv.tokenizers", directory.path());
    let list = encodings(&mut con);
    assert_eq!(list.len(), 25);
    // The names are there at once, and using one waits for its file only.
    let mut other = server.conn();
    assert!(count(&mut con, "hello", "g7") > 0);
    assert_eq!(text(&cmd!(other, "PING")), "PONG");
    assert!(
        loaded(&mut con)
            .values()
            .all(|entry| text(&entry["state"]) == "ready")
    );
}

#[test]
fn an_rdb_file_moves_to_a_server_without_the_tokenizer_and_back() {
    let directory = Directory::new("rdb", &[("glm.json", "x.json")]);
    let server = directory.server(&[]);
    let mut con = server.conn();
    let (counted, fingerprint) = conversation(&mut con);
    let saved = |server: &Server| {
        cmd!(server.conn(), "SAVE");
        fs::read(server.dir().join("dump.rdb")).expect("an RDB file")
    };
    let without = Server::from_rdb(&saved(&server), &[]).expect("a server");
    let mut con = without.conn();
    assert_eq!(field(&mut con, "k", "encoding-missing"), "1");
    assert_eq!(tokens(&mut con, "k"), counted);
    cmd!(con, "CONV.APPEND", "k", USER);
    assert_eq!(tokens(&mut con, "k"), counted + by_bytes());
    let args = ["--conv.tokenizers", directory.path()];
    let back = Server::from_rdb(&saved(&without), &args).expect("a server");
    let mut con = back.conn();
    assert_eq!(tokens(&mut con, "k"), 2 * counted);
    assert_eq!(field(&mut con, "k", "encoding-missing"), "0");
    assert_eq!(text(&encodings(&mut con)["x"]["fingerprint"]), fingerprint);
}

#[test]
fn a_file_that_has_changed_is_another_encoding() {
    let directory = Directory::new("changed", &[("llama3.json", "x.json")]);
    let server = directory.server(&[]);
    let mut con = server.conn();
    let (counted, fingerprint) = conversation(&mut con);
    let reload = |con: &mut Connection| {
        // Redis ignores CONFIG SET with the value that a setting has.
        cmd!(*con, "CONFIG", "SET", "conv.tokenizers", "");
        cmd!(*con, "CONFIG", "SET", "conv.tokenizers", directory.path());
        text(&loaded(con)["x"]["fingerprint"])
    };
    // Replacing the file alone changes nothing.
    directory.add("qwen3.json", "x.json");
    assert_eq!(text(&encodings(&mut con)["x"]["fingerprint"]), fingerprint);
    assert_ne!(reload(&mut con), fingerprint);
    assert_eq!(field(&mut con, "k", "encoding-missing"), "1");
    assert_eq!(tokens(&mut con, "k"), counted, "existing counts are kept");
    let new = count(&mut con, "Hello, tokenizers: 12345 words and été!", "x");
    let role = count(&mut con, "user", "x");
    cmd!(con, "CONV.CREATE", "n", "ENCODING", "x");
    cmd!(con, "CONV.APPEND", "n", USER);
    assert_eq!(tokens(&mut con, "n"), 3 + role + new);
    // The name now stands for the new file, also where it is set again.
    cmd!(con, "COPY", "k", "a");
    cmd!(con, "CONV.ALTER", "a", "ENCODING", "x");
    assert_eq!(tokens(&mut con, "a"), 3 + role + new);
    assert_eq!(field(&mut con, "a", "encoding-missing"), "0");
    directory.add("llama3.json", "x.json");
    assert_eq!(reload(&mut con), fingerprint);
    assert_eq!(field(&mut con, "k", "encoding-missing"), "0");
    assert_eq!(field(&mut con, "n", "encoding-missing"), "1");
}

/// Files that are broken, or made to harm, by name.
fn hostile_files() -> Vec<(String, Vec<u8>)> {
    let read = |name: &str| fs::read_to_string(fixture(name)).expect("a fixture");
    let json =
        |name: &str| -> serde_json::Value { serde_json::from_str(&read(name)).expect("JSON") };
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for name in ["llama3", "gemma3", "unigram", "bert", "tekken.tekken"] {
        let whole = read(&format!("{name}.json"));
        let suffix = if name.ends_with("tekken") {
            ".tekken"
        } else {
            ""
        };
        for part in 1..6 {
            let mut cut = whole.as_bytes().to_vec();
            cut.truncate(whole.len() * part / 6);
            files.push((format!("cut-{part}-{}{suffix}", &name[..4]), cut));
            let mut damaged = whole.as_bytes().to_vec();
            for at in (part * 37..damaged.len()).step_by(damaged.len() / 7) {
                damaged[at] ^= 1 << part;
            }
            files.push((format!("damaged-{part}-{}{suffix}", &name[..4]), damaged));
        }
    }
    for (name, content) in [
        ("empty", ""),
        ("null", "null"),
        ("list", "[]"),
        ("object", "{}"),
        ("empty.tekken", "{}"),
    ] {
        files.push((name.into(), content.into()));
    }
    files.push(("deep".into(), "[".repeat(200_000).into()));
    files.push(("nul".into(), vec![0; 1000]));
    files.push(("binary".into(), vec![0xff; 1000]));
    let step = |kind: &str, step: serde_json::Value| {
        let mut file = json("unigram.json");
        file[kind] = step;
        file.to_string().into_bytes()
    };
    let split = |regex: &str| serde_json::json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    let replace =
        serde_json::json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
    let prepend = serde_json::json!({"type": "Prepend", "prepend": "a".repeat(1 << 20)});
    for (name, kind, value) in [
        (
            "charsmap",
            "normalizer",
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "AAAA////AAAA"}),
        ),
        (
            "charsmap-short",
            "normalizer",
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": ""}),
        ),
        (
            "bomb",
            "normalizer",
            serde_json::json!({"type": "Sequence", "normalizers": vec![replace; 70]}),
        ),
        (
            "prepend",
            "normalizer",
            serde_json::json!({"type": "Sequence", "normalizers": vec![prepend; 20]}),
        ),
        ("slow", "pre_tokenizer", split("(a+)+$")),
        ("slower", "pre_tokenizer", split(r"(?:(?:a|aa|aaa)*)*\1?c")),
        ("invalid", "pre_tokenizer", split("(a")),
        (
            "nested",
            "pre_tokenizer",
            split(&format!("{}a{}", "(".repeat(3000), ")".repeat(3000))),
        ),
        (
            "no-length",
            "pre_tokenizer",
            serde_json::json!({"type": "FixedLength", "length": 0}),
        ),
    ] {
        files.push((name.into(), step(kind, value)));
    }
    let mut own = json("llama3.json");
    own["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] =
        r"(?:a+)+$|(?:\p{L}|a)*?b".into();
    files.push(("slow-own".into(), own.to_string().into_bytes()));
    let mut merges = json("llama3.json");
    merges["model"]["merges"] =
        serde_json::json!([["a", "b"], ["ab", "zzzzz"], "x", "a b c", ["", ""]]);
    files.push(("merges".into(), merges.to_string().into_bytes()));
    let mut ids = json("llama3.json");
    for (n, (_, id)) in ids["model"]["vocab"]
        .as_object_mut()
        .expect("a map")
        .iter_mut()
        .enumerate()
    {
        *id = (if n % 2 == 0 { u32::MAX } else { 7 }).into();
    }
    files.push(("ids".into(), ids.to_string().into_bytes()));
    let mut words = json("bert.json");
    words["model"]["max_input_chars_per_word"] = (1u64 << 60).into();
    files.push(("words".into(), words.to_string().into_bytes()));
    let mut added = json("qwen3.json");
    added["added_tokens"][0]["content"] = "y".repeat(3 << 20).into();
    files.push(("added".into(), added.to_string().into_bytes()));
    for (name, key, value) in [
        ("sizes", "default_vocab_size", serde_json::json!(u64::MAX)),
        ("negative", "default_vocab_size", serde_json::json!(-1)),
        (
            "special",
            "default_num_special_tokens",
            serde_json::json!(1u64 << 40),
        ),
        ("pattern", "pattern", serde_json::json!("(((")),
        ("backtracking", "pattern", serde_json::json!(r"(a*)*\1b|.")),
    ] {
        let mut tekken = json("tekken.tekken.json");
        tekken["config"][key] = value;
        files.push((format!("{name}.tekken"), tekken.to_string().into_bytes()));
    }
    files
}

#[test]
fn hostile_files_are_errors_and_never_end_the_server() {
    let directory = Directory::new("hostile", &[]);
    let files = hostile_files();
    for (name, content) in &files {
        fs::write(directory.0.join(format!("{name}.json")), content).expect("a file");
    }
    let mut server = directory.server(&[]);
    let mut con = server.conn();
    let list = loaded(&mut con);
    for (name, _) in &files {
        let name = name.trim_end_matches(".tekken");
        assert!(list.contains_key(name), "{name} of {:?}", list.keys());
    }
    let texts = [
        "a".repeat(40),
        "hello, world 123 été".into(),
        format!("{}!", "aaab".repeat(2000)),
    ];
    for (name, entry) in &list {
        match &*text(&entry["state"]) {
            "error" => {
                let why = text(&entry["error"]);
                assert!(!why.is_empty() && why.len() < 1000, "{name}: {why}");
            }
            "ready" => {
                for text in &texts {
                    let counted = count(&mut con, text, name);
                    assert!(counted > 0, "{name}: {counted}");
                }
            }
            other => panic!("{name}: {other}"),
        }
    }
    for name in [
        "empty", "deep", "nul", "binary", "added", "words", "sizes", "negative", "special",
        "pattern", "invalid",
    ] {
        assert_eq!(text(&list[name]["state"]), "error", "{name}");
    }
    // A text that the normalizer makes too long counts its bytes.
    assert_eq!(count(&mut con, &texts[0], "bomb"), 40);
    assert!(server.is_alive());
}
