//! The client: each operation is one call under one deadline, a look-up before it included.
//!
//! Not here: HTTP and TLS, the shape of answers, the life of a token.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::config::{ClientConfig, ClientError, header, target_header};
use super::dialect::{Dialect, InputWithId, UpdateOrder};
use super::token::{Token, Tokens};
use super::token_endpoint::TokenEndpoint;
use super::transport::Http;
use super::wire::{Answer, CreateOrder, DATA_FETCHING, ReadOrder, request_body};
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::ports::{ApiError, ErrorFact, Operation, OrderApi, TokenError};

/// Buy with Prime's Order interface over HTTP.
pub struct Client {
    http: Http,
    tokens: Tokens,
    endpoint: Url,
    /// On every call, beside the token.
    headers: HeaderMap,
    dialect: Dialect,
    timeout: Duration,
    /// The server does not know some of the undocumented fields; they are not asked for again.
    core_only: AtomicBool,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        if let Some(problem) = config.problems().into_iter().next() {
            return Err(problem);
        }
        let headers = headers(&config)?;
        let http = Http::new(&config)?;
        let tokens = Tokens::new(TokenEndpoint {
            http: http.clone(),
            url: config.token_endpoint,
            client_id: config.client_id,
            client_secret: config.client_secret,
            access_key: config.access_key,
            timeout: config.timeout,
        });
        Ok(Self {
            http,
            tokens,
            endpoint: config.endpoint,
            headers,
            dialect: Dialect::of(config.version),
            timeout: config.timeout,
            core_only: AtomicBool::new(false),
        })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// One call; a second time with another token where the first was refused, since a refused call has no effect.
    async fn call(&self, document: &str, variables: &impl Serialize, deadline: Instant) -> Result<Answer, ApiError> {
        let body = request_body(document, variables)?;
        let token = self.token(deadline).await?;
        let answer = self.post(body.clone(), &token, deadline).await?;
        if !answer.refuses_token() {
            return Ok(answer);
        }
        self.tokens.discard(&token);
        let token = self.token(deadline).await?;
        self.post(body, &token, deadline).await
    }

    async fn token(&self, deadline: Instant) -> Result<Token, ApiError> {
        let late = |_| TokenError::Unavailable { reason: "no answer within the time of the call".to_owned() };
        timeout_at(deadline, self.tokens.get()).await.map_err(late).flatten().map_err(ApiError::NoToken)
    }

    async fn post(&self, body: Vec<u8>, token: &Token, deadline: Instant) -> Result<Answer, ApiError> {
        let request = self
            .http
            .post(self.endpoint.clone())
            .headers(self.headers.clone())
            .headers(token.headers.clone())
            .body(body);
        let raw = self.http.exchange(request, deadline.saturating_duration_since(Instant::now())).await?;
        Ok(Answer::read(&raw))
    }

    /// Buy with Prime's id of an order, read with `query` where the order is known by an alias.
    async fn order_id(&self, query: &str, order: &OrderIdentifier, deadline: Instant) -> Result<String, ApiError> {
        if let OrderIdentifier::OrderId(id) = order {
            return Ok(id.clone());
        }
        let read = self.call(query, &ReadOrder { order_identifier: order }, deadline).await.and_then(Answer::queried);
        let found = read.map_err(|error| ApiError::NotLookedUp(Box::new(error)))?;
        found.map(|stored| stored.id).ok_or(ApiError::OrderNotFound)
    }

    /// Reads with documented fields alone, after the whole document was refused. That is kept to once it is known that
    /// the undocumented fields were at fault: this was answered, and the refusal did not come from running the query.
    async fn read_core(
        &self,
        variables: &ReadOrder<'_>,
        refusal: &[ErrorFact],
        deadline: Instant,
    ) -> Result<Option<StoredOrder>, ApiError> {
        let result = self.call(self.dialect.order_core, variables, deadline).await?.queried();
        let was_run = refusal.iter().any(|error| error.error_type.as_deref() == Some(DATA_FETCHING));
        if result.is_ok() && !was_run && !self.core_only.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "not all fields that are read of an order are known to the API, from here on only documented ones"
            );
        }
        result
    }
}

impl OrderApi for Client {
    async fn create_order(&self, input: &CreateOrderInput) -> Result<StoredOrder, ApiError> {
        let variables = CreateOrder { input: self.dialect.create_input(input)? };
        self.call(self.dialect.create_order, &variables, self.deadline()).await?.mutated(Operation::CreateOrder)
    }

    async fn update_order(&self, order: &OrderIdentifier, input: &UpdateOrderInput) -> Result<StoredOrder, ApiError> {
        let deadline = self.deadline();
        let variables = match self.dialect.order_id {
            None => UpdateOrder::Beside { order_identifier: order, input },
            Some(query) => {
                let order_id = self.order_id(query, order, deadline).await?;
                UpdateOrder::Within { input: InputWithId { order_id, input } }
            }
        };
        self.call(self.dialect.update_order, &variables, deadline).await?.mutated(Operation::UpdateOrder)
    }

    async fn order(&self, order: &OrderIdentifier) -> Result<Option<StoredOrder>, ApiError> {
        let variables = ReadOrder { order_identifier: order };
        let deadline = self.deadline();
        if self.core_only.load(Ordering::Relaxed) {
            return self.call(self.dialect.order_core, &variables, deadline).await?.queried();
        }
        match self.call(self.dialect.order, &variables, deadline).await?.queried() {
            Err(ApiError::Answered { errors, .. }) if errors.iter().any(|error| error.document) => {
                self.read_core(&variables, &errors, deadline).await
            }
            result => result,
        }
    }
}

/// Settings hold secrets, and a pool is of no interest.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .field("core_only", &self.core_only)
            .finish_non_exhaustive()
    }
}

fn headers(config: &ClientConfig) -> Result<HeaderMap, ClientError> {
    Ok(HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (HeaderName::from_static("x-api-version"), HeaderValue::from_static(config.version.name())),
        (target_header(&config.target_header)?, header("target_id", &config.target_id)?),
    ]))
}
