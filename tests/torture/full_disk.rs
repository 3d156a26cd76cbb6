//! A server whose disk is full when it is told so.
//!
//! The disk is full for this server only: the size of its files is limited from outside while it runs, so that writes
//! end in the middle with an error. Where the test may mount, every other one has a small file system that is really
//! full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::*;

/// See the head of this file.
pub struct Disk {
    pub server: Server,
    /// A file system of its own, if there is one.
    pub mount: Option<Mount>,
}

/// Room for about so many bytes, per file or in all.
const ROOM: u64 = 6 << 20;

impl Disk {
    pub fn new(options: &[&str]) -> Self {
        let mount = Mount::new();
        let mut all = vec!["--rdbcompression", "no"];
        if let Some(mount) = &mount {
            all.extend(["--dir", mount.0.to_str().expect("a path in UTF-8")]);
        }
        all.extend(options);
        // A write beyond the limit would end the process otherwise.
        let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
        let server = Server::wrapped(&wrapper, &all, &[]);
        Self { server, mount }
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        self.mount
            .as_ref()
            .map_or(self.server.dir(), |mount| &mount.0)
    }

    /// From now on there is no room, or `left` bytes.
    pub fn fill(&self, left: u64) {
        match &self.mount {
            Some(mount) => mount.fill(left),
            None => limit(self.server.pid(), "fsize", &left.to_string()),
        }
    }

    pub fn free(&self) {
        match &self.mount {
            Some(mount) => fs::remove_file(mount.ballast()).expect("the ballast"),
            None => limit(self.server.pid(), "fsize", "unlimited"),
        }
    }
}

/// Sets a soft limit of a process of ours.
pub fn limit(pid: u32, what: &str, to: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--{what}={to}:")])
        .status()
        .expect("prlimit, of util-linux");
    assert!(done.success(), "prlimit: {done}");
}

pub struct Mount(PathBuf);

impl Mount {
    /// A file system in memory, if we may have one.
    fn new() -> Option<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Every other time only, so that both kinds of full disk are met.
        if number % 2 == 1 {
            return None;
        }
        let dir = std::env::temp_dir().join(format!("conv-disk-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let options = format!("size={ROOM}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "conv-test"])
            .arg(&dir)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        let _ = fs::remove_dir(dir);
        None
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all the room, and gives `left` bytes back.
    pub fn fill(&self, left: u64) {
        use std::io::Write;
        let mut file = fs::File::create(self.ballast()).expect("the ballast");
        let mut size = 0;
        while let Ok(written @ 1..) = file.write(&[0; 4096]) {
            size += written as u64;
        }
        file.set_len(size.saturating_sub(left))
            .expect("less ballast");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the server may be about to end.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}
