//! The time of the API's machine, as HTTP tells it.
//!
//! Not here: what a difference means.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::DATE;

use super::client::Client;

impl Client {
    /// The time of the machine that answers for the API; `None` where there is no answer, or one without a time. Asked
    /// by HEAD, which has no effect.
    pub async fn date(&self) -> Option<Timestamp> {
        let asked = self.http.head(self.endpoint.clone()).timeout(self.timeout).send();
        let answer = asked.await.ok()?;
        let date = rfc2822::parse(answer.headers().get(DATE)?.to_str().ok()?).ok()?;
        Some(date.timestamp())
    }
}
