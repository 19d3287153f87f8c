//! One real worker process after another in the same place, each with its own way to broker and API.
//! Not here: what is done to it; see `faults`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::history::{Handled, PROCESS_BEGINS};
use crate::support::private::assert_nothing_private;
use crate::support::process::Process;
use crate::support::relay::Relay;

/// How long a worker may take to end when asked.
const END_WITHIN: Duration = Duration::from_secs(30);

/// The kernel counts CPU time for programs in hundredths of a second, whatever its own clock.
const MILLIS_PER_TICK: u64 = 10;

/// A place for a worker.
pub(crate) struct Worker {
    pub(crate) broker: Relay,
    pub(crate) api: Relay,
    environment: Vec<(String, String)>,
    log: PathBuf,
    read: u64,
    settled: usize,
    /// How often a process in this place has begun to consume.
    consumed: usize,
    process: Option<Process>,
    /// How often it ended although nobody had ended it.
    pub(crate) ended_by_itself: usize,
}

/// Memory and CPU time of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most that it ever had in memory, in bytes.
    pub(crate) peak_memory: u64,
    /// CPU time so far.
    pub(crate) cpu: Duration,
}

impl Worker {
    /// A place with nothing in it yet. `settings` go over those of all workers.
    pub(crate) fn new(
        tag: &str,
        broker: Relay,
        api: Relay,
        vhost: &str,
        log: &Path,
        settings: &BTreeMap<String, String>,
    ) -> Self {
        let mut environment: Vec<(String, String)> = [
            ("BWP__BROKER__CONSUMER_TAG", tag.to_owned()),
            ("BWP__BROKER__PREFETCH", "20".to_owned()),
            ("BWP__BROKER__HEARTBEAT", "2s".to_owned()),
            ("BWP__BROKER__URI", format!("amqp://guest:guest@{}/{vhost}", broker.address())),
            ("BWP__API__ENDPOINT", format!("http://{}/graphql", api.address())),
            ("BWP__API__TOKEN_ENDPOINT", format!("http://{}/token", api.address())),
            ("BWP__API__CLIENT_ID", "sim-client".to_owned()),
            ("BWP__API__CLIENT_SECRET", "sim-secret".to_owned()),
            ("BWP__API__TARGET_ID", "store-1".to_owned()),
            ("BWP__API__TIMEOUT", "2s".to_owned()),
            ("BWP__API__CONNECT_TIMEOUT", "1s".to_owned()),
            ("BWP__API__SETTLE", "100ms".to_owned()),
            ("BWP__RETRY__DELAYS", "1s,2s,5s".to_owned()),
            ("BWP__SHUTDOWN__GRACE", "10s".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        // of two values for one name the later is taken
        environment.extend(settings.iter().map(|(name, value)| (name.clone(), value.clone())));
        File::create(log).expect("the log can be written");
        let log = log.to_owned();
        Self { broker, api, environment, log, read: 0, settled: 0, consumed: 0, process: None, ended_by_itself: 0 }
    }

    /// Starts a process, after the last one's end.
    pub(crate) fn start(&mut self) {
        let environment: Vec<_> =
            self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let program = env!("CARGO_BIN_EXE_bwp-sync");
        let mut log = OpenOptions::new().append(true).open(&self.log).expect("the log can be written");
        writeln!(log, "{PROCESS_BEGINS}").expect("the log can be written");
        self.process = Some(Process::spawn_with_log(program, &["run"], &environment, &self.log));
    }

    /// Kills the process and waits for that.
    pub(crate) async fn kill(&mut self) {
        self.notice_end();
        if let Some(mut process) = self.process.take() {
            process.sigkill();
            process.wait(END_WITHIN).await;
        }
    }

    /// Asks the process to end, waits for that, and starts the next one; returns the exit code.
    pub(crate) async fn restart(&mut self) -> Option<i32> {
        let code = self.terminate().await;
        self.start();
        code
    }

    /// Restarts the process, and waits until the next one consumes, or for so long.
    pub(crate) async fn restart_and_consume(&mut self, within: Duration) -> Option<i32> {
        let code = self.terminate().await;
        self.start_and_consume(within).await;
        code
    }

    async fn start_and_consume(&mut self, within: Duration) {
        let before = self.consumed;
        self.start();
        let deadline = Instant::now() + within;
        while self.consumed <= before && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
            self.settled();
        }
    }

    /// Starts the next process beside the one that runs, and asks that to end as soon as the new one consumes. It waits no
    /// longer than `within`, a time that is enough unless the broker is away. Returns the exit code.
    pub(crate) async fn roll(&mut self, within: Duration) -> Option<i32> {
        self.notice_end();
        let old = self.process.take();
        self.settled();
        self.start_and_consume(within).await;
        let mut old = old?;
        old.sigterm();
        old.wait(END_WITHIN).await.code()
    }

    /// Starts a process in the place of one that ended by itself, as an orchestrator would.
    pub(crate) fn notice_end(&mut self) {
        if self.process.as_mut().is_some_and(|process| process.ended().is_some()) {
            self.ended_by_itself += 1;
            self.start();
        }
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        match &self.process {
            Some(process) if frozen => process.sigstop(),
            Some(process) => process.sigcont(),
            None => {}
        }
    }

    /// Asks the process to end; returns its exit code.
    pub(crate) async fn terminate(&mut self) -> Option<i32> {
        self.notice_end();
        let mut process = self.process.take()?;
        process.sigterm();
        let code = process.wait(END_WITHIN).await.code();
        // lines that it has logged since are looked through, too
        self.settled();
        code
    }

    /// How many settlements the processes in this place have logged so far. Fails when they have logged what is private.
    pub(crate) fn settled(&mut self) -> usize {
        let mut log = File::open(&self.log).expect("the log can be read");
        log.seek(SeekFrom::Start(self.read)).expect("a file can be read from anywhere");
        let mut lines = BufReader::new(log);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).expect("the log can be read") > 0 && line.ends_with(b"\n") {
            self.read += line.len() as u64;
            let line_of_settlement =
                holds(&line, br#""message":"done""#) || holds(&line, br#""message":"dead-lettered""#);
            self.settled += usize::from(line_of_settlement);
            self.consumed += usize::from(holds(&line, br#""message":"consuming""#));
            assert_nothing_private("the log", &String::from_utf8_lossy(&line));
            line.clear();
        }
        self.settled
    }

    /// Log lines about messages, of all processes in this place.
    pub(crate) fn handled(&self, place: usize) -> Vec<Handled> {
        Handled::read_all(place, &std::fs::read_to_string(&self.log).expect("the log can be read"))
    }

    /// Memory and CPU time of the process, as the kernel tells.
    pub(crate) fn usage(&self) -> Usage {
        let id = self.process.as_ref().expect("a process runs here").id();
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).expect("the process runs");
        let peak = read("status").lines().find_map(|line| line.strip_prefix("VmHWM:").map(kibibytes));
        let stat = read("stat");
        // after the name, which is in parentheses: state, …, user and system time as the 12th and 13th
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a time is a number")).sum();
        Usage {
            peak_memory: peak.expect("a process has a peak of memory") * 1024,
            cpu: Duration::from_millis(ticks * MILLIS_PER_TICK),
        }
    }
}

fn holds(line: &[u8], text: &[u8]) -> bool {
    line.windows(text.len()).any(|window| window == text)
}

fn kibibytes(text: &str) -> u64 {
    text.split_whitespace().next().and_then(|number| number.parse().ok()).expect("memory is a number of kB")
}
