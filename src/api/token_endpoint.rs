//! One token request: client credentials in, a token or facts out.
//!
//! Not here: keeping a token, deciding when another is needed.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::config::{ClientError, sensitive_header};
use super::transport::{Http, RawAnswer, Unanswered};
use crate::ports::TokenError;
use crate::secret::Secret;

/// Lifetime in seconds of a token whose answer does not tell one. The documentation says 15 minutes. A token that ends
/// earlier is refused by the API, and renewed then.
const ASSUMED_LIFETIME: u64 = 900;

/// A token is renewed when it has less than this to live, or less than a tenth of its life where that is more. This is
/// enough for a renewal that is slow or fails, and for the last call that carries the old token. Of the documented 885
/// s it leaves 796 s.
const MARGIN: Duration = Duration::from_secs(60);

/// Characters of a code, which goes into letters and logs. The documented ones have fewer than 30.
const MAX_CODE: usize = 64;

/// A token as a call carries it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// `Authorization` and, where there is one, the access key. The values are marked as sensitive.
    pub(super) headers: HeaderMap,
    /// From then on a renewal may begin.
    pub(super) renew_at: Instant,
    pub(super) expires_at: Instant,
}

impl Token {
    /// A token that was asked for at `asked_at`, which is at most as late as the server began to count. `None` where
    /// the lifetime is beyond what a clock can hold.
    fn new(headers: HeaderMap, asked_at: Instant, lifetime: Duration) -> Option<Self> {
        // a short life is used for its first half, or each call would renew
        let margin = MARGIN.max(lifetime / 10).min(lifetime / 2);
        let expires_at = asked_at.checked_add(lifetime)?;
        Some(Self { headers, renew_at: expires_at - margin, expires_at })
    }
}

/// The endpoint that grants tokens, with the credentials for it.
#[derive(Debug)]
pub(super) struct TokenEndpoint {
    pub(super) http: Http,
    pub(super) url: Url,
    pub(super) client_id: Secret,
    pub(super) client_secret: Secret,
    /// Access key, which every call carries beside the token.
    pub(super) access_key: Option<Secret>,
    /// Limit of one request, the answer included.
    pub(super) timeout: Duration,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<serde_json::Value>,
}

/// The documented form has `code` and `type`, that of RFC 6749 has `error`.
#[derive(Default, Deserialize)]
struct Refused {
    code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    error: Option<String>,
}

impl TokenEndpoint {
    /// Asks for a token, once, with the credentials as they are now.
    pub(super) async fn request(&self) -> Result<Token, TokenError> {
        self.http.refresh();
        let (id, secret) = (self.client_id.read(), self.client_secret.read());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id.expose_secret()),
            ("client_secret", secret.expose_secret()),
        ];
        let asked_at = Instant::now();
        let answer = self.http.exchange(self.http.post(self.url.clone()).form(&form), self.timeout).await;
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => self.token(&answer, asked_at),
            Ok(answer) => Err(refusal(&answer)),
            Err(Unanswered::NotSent(reason) | Unanswered::NoAnswer(reason)) => Err(TokenError::Unavailable { reason }),
        }
    }

    fn token(&self, answer: &RawAnswer, asked_at: Instant) -> Result<Token, TokenError> {
        let unreadable = || TokenError::Unavailable {
            reason: format!("HTTP {} without a token: {}", answer.status, answer.body.kind()),
        };
        let granted: Granted = serde_json::from_slice(answer.body.text()).map_err(|_| unreadable())?;
        let seconds = granted.expires_in.and_then(|seconds| seconds.as_u64()).unwrap_or(ASSUMED_LIFETIME);
        let bearer = SecretString::from(format!("Bearer {}", granted.access_token.expose_secret()));
        let bearer = sensitive_header("access_token", &bearer).map_err(|_| unreadable())?;
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        if let Some(key) = &self.access_key {
            let unfit = |error: ClientError| TokenError::Unavailable { reason: error.to_string() };
            headers.insert("x-api-access-key", sensitive_header("access_key", &key.read()).map_err(unfit)?);
        }
        Token::new(headers, asked_at, Duration::from_secs(seconds)).ok_or_else(unreadable)
    }
}

fn refusal(answer: &RawAnswer) -> TokenError {
    match answer.status {
        400 | 401 => TokenError::Refused { status: answer.status, code: code(answer.body.text()) },
        429 => TokenError::Throttled { retry_after: answer.retry_after },
        status => TokenError::Unavailable { reason: format!("HTTP {status}") },
    }
}

fn code(body: &[u8]) -> String {
    let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
    let code = refused.code.or(refused.kind).or(refused.error).unwrap_or_else(|| "without a code".to_owned());
    code.chars().take(MAX_CODE).collect()
}
