//! Log lines of the test's own thread, at every level.
//!
//! Not here: what should be in it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::hearing::hears;

/// Listens while it lives.
pub(crate) struct Log {
    text: Arc<watch::Sender<String>>,
    _guard: DefaultGuard,
}

struct Writer(Arc<watch::Sender<String>>);

impl Log {
    pub(crate) fn listen() -> Self {
        let text = Arc::new(watch::Sender::new(String::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || Writer(Arc::clone(&writer)))
            .finish();
        Self { text, _guard: hears(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        self.text.borrow().clone()
    }

    pub(crate) fn count(&self, words: &str) -> usize {
        self.text.borrow().matches(words).count()
    }

    /// Waits until the words have been logged this often.
    pub(crate) async fn says(&self, words: &str, times: usize) {
        let mut log = self.text.subscribe();
        let said = log.wait_for(|text| text.matches(words).count() >= times);
        timeout(Duration::from_secs(30), said).await.unwrap().unwrap();
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_modify(|text| text.push_str(&String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
