//! Faults, and the rules that choose the calls they hit.
//! Not here: faults that an order names (`magic`), and their execution (`service`, `http`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::names::Operation;
use super::refusal::{Refusal, Shape};

/// A fault of one call. As JSON `{"http": {"status": 429, "retry-after": 1}}`, `"non-json"`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The call is refused and has no effect.
    Refuse {
        /// Type of the error, for example `ValidationError` or `ConflictException`.
        #[serde(rename = "type")]
        error_type: String,
        /// Code of the error, for example `ItemOutOfStock`.
        #[serde(default)]
        code: Option<String>,
        /// Place of the refusal in the answer.
        #[serde(default)]
        shape: Shape,
    },
    /// The call takes effect, and its answer carries an error beside the data.
    DataAndErrors {
        /// Type of the error, for example `InternalServerError`.
        #[serde(rename = "type")]
        error_type: String,
        /// Code of the error, for example `ItemOutOfStock`.
        #[serde(default)]
        code: Option<String>,
    },
    /// An HTTP status that is not 200.
    Http {
        /// Status code.
        status: u16,
        /// The header `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// Body; a short line of text if absent.
        #[serde(default)]
        body: Option<String>,
        /// Whether the call takes effect first.
        #[serde(default)]
        after_effect: bool,
    },
    /// Status 200 with a body that is not JSON; no effect.
    NonJson,
    /// No answer for as long as the caller keeps the connection.
    Hang {
        /// Whether the call takes effect first.
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is closed without one byte of an answer.
    Drop {
        /// Whether the call takes effect first.
        #[serde(default)]
        after_effect: bool,
    },
    /// Effect and answer are late. The effect comes even if the caller has disconnected.
    Delay {
        /// Delay in milliseconds.
        millis: u64,
    },
    /// Every token issued before becomes invalid: this call is answered with 401.
    RevokeTokens,
}

/// A fault and the conditions of the calls it hits. An absent condition matches every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultRule {
    /// Operation of the call.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// Id of any alias of the order.
    #[serde(default)]
    pub alias: Option<String>,
    /// Product identifier of any line of the order, of any kind.
    #[serde(default)]
    pub product: Option<String>,
    /// Number of calls that are hit before the rule ends; absent: no end.
    #[serde(default)]
    pub times: Option<u32>,
    /// Probability, from 0 to 1, that a matching call is hit; absent: 1.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Allowance of calls that are not hit, as an API throttles; absent: every call is hit.
    #[serde(default)]
    pub beyond: Option<Allowance>,
    /// Fault of the calls that are hit.
    pub fault: Fault,
}

/// Calls that a rule does not hit: a token bucket with a steady rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allowance {
    /// Tokens per second.
    pub per_second: f64,
    /// Capacity of the bucket, which starts full.
    pub burst: f64,
}

impl FaultRule {
    /// A rule that hits every call.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, alias: None, product: None, times: None, probability: None, beyond: None, fault }
    }

    /// A rule that hits the first `times` matching calls.
    #[must_use]
    pub fn first(times: u32, fault: Fault) -> Self {
        Self { times: Some(times), ..Self::always(fault) }
    }

    /// Restricts the rule to calls beyond an allowance.
    #[must_use]
    pub fn beyond(mut self, per_second: f64, burst: f64) -> Self {
        self.beyond = Some(Allowance { per_second, burst });
        self
    }

    /// Restricts the rule to an operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Restricts the rule to orders with an alias of this id.
    #[must_use]
    pub fn for_alias(mut self, id: &str) -> Self {
        self.alias = Some(id.to_owned());
        self
    }

    /// Restricts the rule to orders with a line of this product.
    #[must_use]
    pub fn for_product(mut self, identifier: &str) -> Self {
        self.product = Some(identifier.to_owned());
        self
    }

    fn matches(&self, call: &CallFacts) -> bool {
        self.operation.is_none_or(|operation| operation == call.operation)
            && self.alias.as_ref().is_none_or(|alias| call.aliases.contains(alias))
            && self.product.as_ref().is_none_or(|product| call.products.contains(product))
    }
}

impl Fault {
    /// A refusal in the default shape.
    #[must_use]
    pub fn refuse(refusal: Refusal) -> Self {
        Self::Refuse { error_type: refusal.error_type, code: refusal.code, shape: Shape::default() }
    }

    /// An HTTP status without a body; no effect.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Http { status, retry_after: None, body: None, after_effect: false }
    }

    /// Name of the fault in the ledger and in a rule's JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::DataAndErrors { .. } => "data-and-errors",
            Self::Http { .. } => "http",
            Self::NonJson => "non-json",
            Self::Hang { .. } => "hang",
            Self::Drop { .. } => "drop",
            Self::Delay { .. } => "delay",
            Self::RevokeTokens => "revoke-tokens",
        }
    }

    /// Whether the call takes effect in spite of the fault.
    pub(super) fn has_effect(&self) -> bool {
        match self {
            Self::Refuse { .. } | Self::NonJson | Self::RevokeTokens => false,
            Self::DataAndErrors { .. } | Self::Delay { .. } => true,
            Self::Http { after_effect, .. } | Self::Hang { after_effect } | Self::Drop { after_effect } => {
                *after_effect
            }
        }
    }
}

/// Properties of a call that rules can match.
#[derive(Debug, Clone)]
pub(super) struct CallFacts {
    pub(super) operation: Operation,
    /// Ids of all aliases of the order; the most telling one first.
    pub(super) aliases: Vec<String>,
    /// Product identifiers of all lines.
    pub(super) products: Vec<String>,
}

/// Rules in force.
#[derive(Debug)]
pub(super) struct FaultRules {
    rules: Vec<(FaultRule, Option<Bucket>, Arc<AtomicU64>)>,
    random: fastrand::Rng,
}

impl FaultRules {
    pub(super) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        let mut new = Self { rules: Vec::new(), random: fastrand::Rng::with_seed(seed) };
        for rule in rules {
            new.add(rule);
        }
        new
    }

    /// Adds a rule; the answer counts the calls that it hits.
    pub(super) fn add(&mut self, rule: FaultRule) -> Arc<AtomicU64> {
        let (bucket, hits) = (rule.beyond.map(Bucket::full), Arc::default());
        self.rules.push((rule, bucket, Arc::clone(&hits)));
        hits
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault of the first rule that hits this call; it spends one use of that rule.
    pub(super) fn fault_for(&mut self, call: &CallFacts) -> Option<Fault> {
        let Self { rules, random } = self;
        let hit = rules.iter_mut().position(|(rule, bucket, _)| {
            rule.times != Some(0)
                && rule.matches(call)
                && rule.probability.is_none_or(|probability| random.f64() < probability)
                && !bucket.as_mut().is_some_and(|bucket| bucket.take(Instant::now()))
        })?;
        let (rule, _, hits) = &mut rules[hit];
        hits.fetch_add(1, Ordering::Relaxed);
        rule.times = rule.times.map(|times| times - 1);
        Some(rule.fault.clone())
    }
}

/// Tokens that are left of an allowance.
#[derive(Debug)]
struct Bucket {
    allowance: Allowance,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(allowance: Allowance) -> Self {
        Self { allowance, tokens: allowance.burst, at: Instant::now() }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let filled = self.tokens + (now - self.at).as_secs_f64() * self.allowance.per_second;
        let tokens = filled.min(self.allowance.burst);
        let taken = tokens >= 1.0;
        (self.tokens, self.at) = (tokens - f64::from(u8::from(taken)), now);
        taken
    }
}
