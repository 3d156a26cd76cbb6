//! A server whose disk can be filled and freed.
//!
//! The disk is full for this server only: the file size limit of the running process is lowered, so that writes fail
//! midway. If the test is allowed to mount file systems, every other server uses a small file system that is really
//! full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::*;

/// A server with a disk that can be filled. See the module documentation.
pub struct Disk {
    pub server: Server,
    /// The file system of its own, if it has one.
    pub mount: Option<Mount>,
}

/// Disk space in bytes, per file or in total.
const ROOM: u64 = 6 << 20;

impl Disk {
    pub fn new(options: &[&str]) -> Self {
        let mount = Mount::new();
        let mut all = vec!["--rdbcompression", "no"];
        if let Some(mount) = &mount {
            all.extend(["--dir", mount.0.to_str().expect("a path in UTF-8")]);
        }
        all.extend(options);
        // Without the trap, a write beyond the limit would kill the process.
        let wrapper = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];
        let server = Server::wrapped(&wrapper, &all, &[]);
        Self { server, mount }
    }

    /// The directory of the data files.
    pub fn dir(&self) -> &Path {
        self.mount
            .as_ref()
            .map_or(self.server.dir(), |mount| &mount.0)
    }

    /// From now on only `left` bytes of disk space remain.
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

/// Sets a soft limit of a child process.
pub fn limit(pid: u32, what: &str, to: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--{what}={to}:")])
        .status()
        .expect("prlimit, of util-linux");
    assert!(done.success(), "prlimit: {done}");
}

pub struct Mount(PathBuf);

impl Mount {
    /// A file system in memory, if mounting is permitted.
    fn new() -> Option<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Only for every other server, so that both kinds of full disk are tested.
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

    /// Fills the file system except for `left` bytes.
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
        // A lazy unmount, because the server may still be exiting.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}
