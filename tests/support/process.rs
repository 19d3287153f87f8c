//! The real binaries, run as an operator or Kubernetes runs them: environment in, output lines and exit status out.
//! Not here: the choice of binary and settings, which is the test's.

use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::private::assert_nothing_private;

/// A running program, killed when dropped. Its output is then searched for private data.
pub(crate) struct Process {
    child: Child,
    stdout: watch::Receiver<Vec<String>>,
    stderr: watch::Receiver<Vec<String>>,
}

impl Process {
    /// Starts `program`, such as `env!("CARGO_BIN_EXE_bwp-sync")`. No setting in the test's own environment is passed
    /// on.
    pub(crate) fn spawn(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(program, arguments, environment);
        let mut child = spawned(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let stdout = lines(child.stdout.take().expect("stdout is piped"));
        let stderr = lines(child.stderr.take().expect("stderr is piped"));
        Self { child, stdout, stderr }
    }

    /// Starts a program that writes more than a test wants to hold: all of its output is appended to a file.
    pub(crate) fn spawn_with_log(program: &str, arguments: &[&str], environment: &[(&str, &str)], log: &Path) -> Self {
        let open = || File::options().create(true).append(true).open(log).expect("the log can be written");
        let child = spawned(command(program, arguments, environment).stdout(open()).stderr(open()));
        Self { child, stdout: lines(tokio::io::empty()), stderr: lines(tokio::io::empty()) }
    }

    /// Process id of the program.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    /// The exit status, after the program has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the program can be waited for")
    }

    /// The lines written to stdout so far.
    pub(crate) fn stdout(&self) -> Vec<String> {
        self.stdout.borrow().clone()
    }

    /// The lines written to stderr so far.
    pub(crate) fn stderr(&self) -> Vec<String> {
        self.stderr.borrow().clone()
    }

    /// Waits for a line on stderr, from the start of the program on, and returns it. Fails with all lines if none
    /// matches.
    pub(crate) async fn wait_for_line(&self, within: Duration, wanted: impl Fn(&str) -> bool) -> String {
        let first = |lines: &[String]| lines.iter().find(|line| wanted(line)).cloned();
        let mut stderr = self.stderr.clone();
        let found = match timeout(within, stderr.wait_for(|lines| first(lines).is_some())).await {
            Ok(Ok(lines)) => first(&lines),
            Ok(Err(_)) | Err(_) => None,
        };
        found.unwrap_or_else(|| panic!("no such line within {within:?} in stderr: {:#?}", self.stderr()))
    }

    /// Sends SIGTERM, as Kubernetes does.
    pub(crate) fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn sigint(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGKILL, which the program cannot handle.
    pub(crate) fn sigkill(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops the program, which then gets no CPU time.
    pub(crate) fn sigstop(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues the stopped program.
    pub(crate) fn sigcont(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until the program has ended and all of its output is read.
    pub(crate) async fn wait(&mut self, within: Duration) -> ExitStatus {
        let ended = timeout(within, async {
            let status = self.child.wait().await.expect("the program can be waited for");
            for output in [&mut self.stdout, &mut self.stderr] {
                // the reader closes its end after the last line
                while output.changed().await.is_ok() {}
            }
            status
        });
        match ended.await {
            Ok(status) => status,
            Err(_) => panic!("still running after {within:?}; stderr: {:#?}", self.stderr()),
        }
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw).expect("a process id is positive");
        kill_process(id, signal).expect("our own child can be signalled");
    }
}

fn command(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BWP__")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn spawned(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

/// Lines of a program's stderr that are shown when its test has failed.
const SHOWN: usize = 60;

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "shown with the failure alone")]
    fn drop(&mut self) {
        // a failed test has given its reason already
        if std::thread::panicking() {
            let lines = self.stderr();
            eprintln!("the last lines of a program that still ran or was still looked at:");
            lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| eprintln!("    {line}"));
            return;
        }
        self.stdout().iter().for_each(|line| assert_nothing_private("stdout", line));
        self.stderr().iter().for_each(|line| assert_nothing_private("stderr", line));
    }
}

fn lines(output: impl AsyncRead + Unpin + Send + 'static) -> watch::Receiver<Vec<String>> {
    let (sender, receiver) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let mut read = BufReader::new(output).lines();
        while let Ok(Some(line)) = read.next_line().await {
            sender.send_modify(|lines| lines.push(line));
        }
    });
    receiver
}
