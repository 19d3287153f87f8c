//! All output of the product in these tests, looked through for personal data: logs, results, letters, and the output of
//! the binary.
//! Not here: the tests with a real broker, which look through theirs by themselves.

use std::io;
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock, Mutex};

use bwp_sync::ports::Settlement;
use tracing::Level;

use crate::private::{assert_nothing_private, private_in};

/// All that is logged by this test program, at every level.
static LOG: LazyLock<Log> = LazyLock::new(Log::start);

/// Lines so far, and those with something private in them.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<(usize, Vec<String>)>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else has set one");
        log
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (lines, found) = &mut *self.0.lock().unwrap();
        *lines += 1;
        // the simulator is no part of the product, and reqwest's and hyper's lines are filtered out in production
        if text.contains("bwp_sync::") && private_in(&text).is_some() {
            found.push(text.into_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on all that is logged is looked through.
pub(crate) fn listen() {
    LazyLock::force(&LOG);
}

/// Fails when something private was logged since [`listen`], or nothing at all.
pub(crate) fn assert_log_is_clean() {
    let (lines, found) = LOG.0.lock().unwrap().clone();
    assert!(lines > 0, "nothing was logged, so nothing was looked through");
    assert!(found.is_empty(), "private data in the log: {found:#?}");
}

/// Fails when something private is in what a settlement publishes beside the message itself.
pub(crate) fn assert_settlement_is_clean(settlement: &Settlement) {
    let (letter, result) = match settlement {
        Settlement::Done(result) => (None, Some(result)),
        Settlement::DeadLetter(letter, result) => (Some(letter), Some(result)),
        Settlement::Later(later) => return assert_nothing_private("history", &format!("{:?}", later.history)),
    };
    assert_nothing_private("letter", &format!("{letter:?}"));
    assert_nothing_private("result", &serde_json::to_string(&result).unwrap());
}

/// Runs a program to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert_nothing_private("stdout", &String::from_utf8_lossy(&output.stdout));
    assert_nothing_private("stderr", &String::from_utf8_lossy(&output.stderr));
    output
}
