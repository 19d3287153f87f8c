//! The client: each operation is one call under one deadline, a look-up before it included.
//!
//! Not here: HTTP and TLS, the shape of answers, the life of a token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::config::{ClientConfig, ClientError, header, target_header};
use super::dialect::{Dialect, InputWithId, Mutation, UNDOCUMENTED, UpdateOrder};
use super::document::{Document, Written};
use super::left_out::LeftOut;
use super::token::Tokens;
use super::token_endpoint::{Token, TokenEndpoint};
use super::transport::Http;
use super::wire::{Answer, CreateOrder, DATA_FETCHING, ReadOrder, request_body};
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::ports::{ApiError, ErrorFact, Operation, OrderApi, Purpose, TokenError};

/// Buy with Prime's Order interface over HTTP.
pub struct Client {
    pub(super) http: Http,
    tokens: Tokens,
    pub(super) endpoint: Url,
    /// Headers of every call, beside the token.
    headers: HeaderMap,
    pub(super) dialect: Dialect,
    pub(super) timeout: Duration,
    pub(super) left_out: LeftOut,
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
            left_out: LeftOut::default(),
        })
    }

    /// Gets a token, so that a worker without messages knows whether it can.
    pub async fn have_token(&self) -> Result<(), ApiError> {
        self.token(self.deadline()).await.map(drop)
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Sends a document. Sends it again without the fields that the API does not know, while `has_run_nothing` holds of
    /// the answer.
    pub(super) async fn ask(
        &self,
        written: impl Fn(&[&str]) -> Arc<Written>,
        has_run_nothing: impl Fn(&Answer) -> bool,
        variables: &impl Serialize,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        loop {
            let left_out = self.left_out.all();
            let written = written(&left_out.iter().map(|field| field.path.as_str()).collect::<Vec<_>>());
            let answer = self.call(&written, variables, deadline).await?;
            if !has_run_nothing(&answer) || !self.left_out.learn(answer.complaints(), &written) {
                return Ok(answer);
            }
        }
    }

    async fn ask_by(
        &self,
        document: &Document,
        variables: &impl Serialize,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        self.ask(|left_out| document.without(left_out), |_| true, variables, deadline).await
    }

    /// Sends a mutation. It is sent again only where an error names an unknown field in known words: other words might
    /// tell that the change took effect.
    async fn change_by(
        &self,
        document: &Document,
        variables: &impl Serialize,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        self.ask(|left_out| document.without(left_out), Answer::names_unknown_fields, variables, deadline).await
    }

    /// One call; a second time with another token where the first was refused, since a refused call has no effect.
    async fn call(
        &self,
        document: &Written,
        variables: &impl Serialize,
        deadline: Instant,
    ) -> Result<Answer, ApiError> {
        let body = request_body(&document.quoted, variables)?;
        let token = self.token(deadline).await?;
        let answer = self.post(body, &token, deadline).await?;
        if !answer.refuses_token() {
            return Ok(answer);
        }
        self.tokens.discard(&token);
        let token = self.token(deadline).await?;
        self.post(request_body(&document.quoted, variables)?, &token, deadline).await
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
        Ok(Answer::read(raw))
    }

    /// Buy with Prime's id of an order, read where the order is known by an alias.
    async fn order_id(&self, order: &OrderIdentifier, deadline: Instant) -> Result<String, ApiError> {
        if let OrderIdentifier::OrderId(id) = order {
            return Ok(id.clone());
        }
        let (document, variables) = (self.dialect.query(Purpose::Identify), ReadOrder { order_identifier: order });
        let read = self.ask_by(document, &variables, deadline).await.and_then(Answer::queried);
        let found = read.map_err(|error| ApiError::NotLookedUp(Box::new(error)))?;
        found.map(|stored| stored.id).ok_or(ApiError::OrderNotFound)
    }

    /// Reads with documented fields alone, after a document was refused in unknown words. If the other fields were at
    /// fault, they are left out from then on. They were if this read was answered, and the refusal did not come from
    /// running the query.
    async fn read_documented(
        &self,
        document: &Document,
        variables: &ReadOrder<'_>,
        refusal: &[ErrorFact],
        deadline: Instant,
    ) -> Result<Option<StoredOrder>, ApiError> {
        let undocumented = document.with_fields(&UNDOCUMENTED);
        let written = |left_out: &[&str]| document.without(&[left_out, &undocumented].concat());
        let result = self.ask(written, |_| true, variables, deadline).await?.queried();
        let was_run = refusal.iter().any(|error| error.error_type.as_deref() == Some(DATA_FETCHING));
        if result.is_ok() && !was_run {
            undocumented.iter().for_each(|path| self.left_out.leave_out(path, None));
        }
        result
    }

    /// Whether the document asks for undocumented fields now.
    fn asks_for_undocumented(&self, document: &Document) -> bool {
        let left_out = self.left_out.all();
        let mut undocumented = document.with_fields(&UNDOCUMENTED).into_iter();
        undocumented.any(|path| left_out.iter().all(|field| field.path != path))
    }
}

impl OrderApi for Client {
    async fn create_order(&self, input: &CreateOrderInput) -> Result<StoredOrder, ApiError> {
        let variables = CreateOrder { input: self.dialect.create_input(input)? };
        let answer = self.change_by(self.dialect.mutation(Mutation::Create), &variables, self.deadline()).await?;
        answer.mutated(Operation::CreateOrder)
    }

    async fn update_order(&self, order: &OrderIdentifier, input: &UpdateOrderInput) -> Result<StoredOrder, ApiError> {
        let deadline = self.deadline();
        let variables = if self.dialect.by_id_alone {
            let order_id = self.order_id(order, deadline).await?;
            UpdateOrder::Within { input: InputWithId { order_id, input } }
        } else {
            UpdateOrder::Beside { order_identifier: order, input }
        };
        let answer = self.change_by(self.dialect.mutation(Mutation::of_update(input)), &variables, deadline).await?;
        answer.mutated(Operation::UpdateOrder)
    }

    async fn order(&self, order: &OrderIdentifier, purpose: Purpose) -> Result<Option<StoredOrder>, ApiError> {
        let (document, variables) = (self.dialect.query(purpose), ReadOrder { order_identifier: order });
        let deadline = self.deadline();
        let read = match self.ask_by(document, &variables, deadline).await?.queried() {
            Err(ApiError::Answered { errors, .. })
                if errors.iter().any(|error| error.document) && self.asks_for_undocumented(document) =>
            {
                self.read_documented(document, &variables, &errors, deadline).await
            }
            result => result,
        };
        read.map(|found| found.map(|stored| StoredOrder { unknown: self.left_out.all(), ..stored }))
    }

    fn session_began(&self) {
        self.left_out.forget();
    }
}

/// Shows neither secrets nor the connection pool.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeout", &self.timeout)
            .field("left_out", &self.left_out)
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
