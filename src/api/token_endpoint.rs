//! One token request: client credentials in, a token or facts out.
//!
//! Not here: keeping a token, deciding when another is needed.

use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::token::Token;
use super::transport::{Http, RawAnswer, Unanswered, exchange};
use crate::ports::TokenError;

/// Seconds. Assumed where an answer does not say how long its token lives; a token that ends earlier is refused by the API and
/// renewed then. The documentation says 15 minutes.
const ASSUMED_LIFETIME: u64 = 900;

/// Codes go into letters and logs; the documented ones have less than 30 characters.
const MAX_CODE: usize = 64;

/// Where tokens are had, and with what.
#[derive(Debug)]
pub(super) struct TokenEndpoint {
    pub(super) http: Http,
    pub(super) url: Url,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    /// For one request, the answer included.
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
    /// Asks for a token, once.
    pub(super) async fn request(&self) -> Result<Token, TokenError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
        ];
        let asked_at = Instant::now();
        let answer = exchange(self.http.post(self.url.clone()).form(&form), self.timeout).await;
        match answer {
            Ok(answer) if (200..300).contains(&answer.status) => token(&answer, asked_at),
            Ok(answer) => Err(refusal(&answer)),
            Err(Unanswered::NotSent(reason) | Unanswered::NoAnswer(reason)) => Err(TokenError::Unavailable { reason }),
        }
    }
}

fn token(answer: &RawAnswer, asked_at: Instant) -> Result<Token, TokenError> {
    let unreadable = || TokenError::Unavailable { reason: format!("HTTP {} without a token", answer.status) };
    let granted: Granted = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
    let seconds = granted.expires_in.and_then(|seconds| seconds.as_u64()).unwrap_or(ASSUMED_LIFETIME);
    let lifetime = Duration::from_secs(seconds);
    let mut authorization =
        HeaderValue::try_from(format!("Bearer {}", granted.access_token.expose_secret())).map_err(|_| unreadable())?;
    authorization.set_sensitive(true);
    Token::new(authorization, asked_at, lifetime).ok_or_else(unreadable)
}

fn refusal(answer: &RawAnswer) -> TokenError {
    match answer.status {
        400 | 401 => TokenError::Refused { status: answer.status, code: code(&answer.body) },
        429 => TokenError::Throttled { retry_after: answer.retry_after },
        status => TokenError::Unavailable { reason: format!("HTTP {status}") },
    }
}

fn code(body: &[u8]) -> String {
    let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
    let code = refused.code.or(refused.kind).or(refused.error).unwrap_or_else(|| "without a code".to_owned());
    code.chars().take(MAX_CODE).collect()
}
