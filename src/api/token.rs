//! The token of the calls: kept, renewed before it ends, by one request however many calls want it.
//!
//! Not here: the request itself; what a call does when its token is refused, other than saying so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use metrics::counter;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::token_endpoint::{Token, TokenEndpoint};
use crate::ports::TokenError;

/// Backoff after an early renewal that failed, while the old token still lives. The margin has room for a dozen tries.
const RENEWAL_BACKOFF: Duration = Duration::from_secs(5);

/// The cached token and the renewal that may be under way.
#[derive(Debug)]
pub(super) struct Tokens(Arc<Cache>);

#[derive(Debug)]
struct Cache {
    endpoint: TokenEndpoint,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Token>,
    renewal: Option<Renewal>,
    /// No early renewal before this.
    paused_until: Option<Instant>,
}

/// A renewal runs as a task of its own, so that no call that gives up takes it away from the others.
#[derive(Clone, Debug)]
struct Renewal {
    task: AbortHandle,
    result: Shared<BoxFuture<'static, Result<Token, TokenError>>>,
}

impl Tokens {
    /// An empty cache; nothing is requested yet.
    pub(super) fn new(endpoint: TokenEndpoint) -> Self {
        Self(Arc::new(Cache { endpoint, state: Mutex::default() }))
    }

    /// A valid token: the cached one at once, also while it is being renewed. Otherwise that of the renewal under way;
    /// all who wait share its failure.
    pub(super) async fn get(&self) -> Result<Token, TokenError> {
        let renewal = {
            let now = Instant::now();
            let mut state = self.0.lock();
            let living = state.current.clone().filter(|token| now < token.expires_at);
            match living {
                Some(token) => {
                    if token.renew_at <= now && state.paused_until.is_none_or(|until| until <= now) {
                        self.renewal(&mut state);
                    }
                    return Ok(token);
                }
                None => self.renewal(&mut state),
            }
        };
        renewal.result.await
    }

    /// Forgets a token that the API refused, unless another has taken its place.
    pub(super) fn discard(&self, refused: &Token) {
        let mut state = self.0.lock();
        if state.current.as_ref().is_some_and(|token| token.headers == refused.headers) {
            state.current = None;
        }
    }

    /// The renewal under way, or a new one.
    fn renewal(&self, state: &mut State) -> Renewal {
        if let Some(renewal) = state.renewal.as_ref().filter(|renewal| !renewal.task.is_finished()) {
            return renewal.clone();
        }
        let cache = Arc::clone(&self.0);
        let task = tokio::spawn(async move { cache.renew().await });
        let renewal = Renewal {
            task: task.abort_handle(),
            result: task.map(|joined| joined.unwrap_or_else(|_| Err(stopped()))).boxed().shared(),
        };
        state.renewal = Some(renewal.clone());
        renewal
    }
}

/// Outcomes of a renewal, in metrics.
const OUTCOMES: [&str; 4] = ["ok", "refused", "throttled", "unavailable"];

/// Begins all series of this room at zero.
pub fn begin_series() {
    OUTCOMES.iter().for_each(|outcome| counter!("bwp_token_renewals_total", "outcome" => *outcome).absolute(0));
}

impl Cache {
    async fn renew(&self) -> Result<Token, TokenError> {
        let result = self.endpoint.request().await;
        let [ok, refused, throttled, unavailable] = OUTCOMES;
        let outcome = match &result {
            Ok(_) => ok,
            Err(TokenError::Refused { .. }) => refused,
            Err(TokenError::Throttled { .. }) => throttled,
            Err(TokenError::Unavailable { .. }) => unavailable,
        };
        counter!("bwp_token_renewals_total", "outcome" => outcome).increment(1);
        let mut state = self.lock();
        match &result {
            Ok(token) => {
                tracing::debug!("token renewed");
                state.current = Some(token.clone());
                state.paused_until = None;
            }
            Err(error) => {
                let now = Instant::now();
                if state.current.as_ref().is_some_and(|token| now < token.expires_at) {
                    // no call sees this failure: they go on with the token that lives
                    tracing::info!(%error, "token not renewed, the one in use still lives");
                }
                state.paused_until = Some(now + RENEWAL_BACKOFF);
            }
        }
        result
    }

    /// The state, also after a panic: it is whole after each statement.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a renewal without a result, which only a panic or the end of the runtime leaves.
fn stopped() -> TokenError {
    TokenError::Unavailable { reason: "the renewal was stopped".to_owned() }
}
