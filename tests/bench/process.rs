//! A contender, or the API: a process that is started, watched and ended.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Ended when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program and waits until a line of its output has this in it.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        ready: &str,
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).envs(environment.iter().cloned()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (mut stdout, mut stderr) = (BufReader::new(stdout).lines(), BufReader::new(stderr).lines());
        let mut said = Vec::new();
        loop {
            let line = tokio::select! { line = stdout.next_line() => line, line = stderr.next_line() => line };
            let Some(line) = line.unwrap() else {
                panic!("{} ended before it was ready: {}", program.display(), said.join("\n"));
            };
            if line.contains(ready) {
                break;
            }
            said.push(line);
        }
        // read on, else it would wait for its reader
        tokio::spawn(async move { while let Ok(Some(_)) = stdout.next_line().await {} });
        tokio::spawn(async move { while let Ok(Some(_)) = stderr.next_line().await {} });
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id().unwrap()
    }

    pub(crate) async fn end(mut self) {
        self.0.kill().await.unwrap();
    }
}

/// The unit of CPU times in /proc, which the kernel fixes.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of a process so far, in microseconds; user and system.
pub(crate) fn cpu_micros(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks * 1_000_000 / TICKS_PER_SECOND
}

/// The most memory that a process had, in KiB.
pub(crate) fn peak_kib(pid: u32) -> u64 {
    kib(pid, "VmHWM:")
}

/// The memory that a process has, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    kib(pid, "VmRSS:")
}

fn kib(pid: u32, named: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(named)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
