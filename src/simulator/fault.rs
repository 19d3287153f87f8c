//! What can go wrong on purpose, and when: the faults, and the rules that choose the calls they hit.
//! Not here: faults named inside an order (`magic`), and carrying a fault out (`service`, `http`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::names::Operation;
use super::refusal::{Refusal, Shape};

/// Something that goes wrong with one call. As JSON `{"http": {"status": 429, "retry-after": 1}}`, `"non-json"`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The call is refused and has no effect.
    Refuse {
        /// For example `ValidationError` or `ConflictException`.
        #[serde(rename = "type")]
        error_type: String,
        /// For example `ItemOutOfStock`.
        #[serde(default)]
        code: Option<String>,
        /// How the refusal is written.
        #[serde(default)]
        shape: Shape,
    },
    /// The effect takes place and is answered, and the same answer carries an error.
    DataAndErrors {
        /// For example `InternalServerError`.
        #[serde(rename = "type")]
        error_type: String,
        /// For example `ItemOutOfStock`.
        #[serde(default)]
        code: Option<String>,
    },
    /// An HTTP status that is not 200.
    Http {
        /// The status.
        status: u16,
        /// The header `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
        /// The body; a short line of text when absent.
        #[serde(default)]
        body: Option<String>,
        /// Whether the effect takes place first.
        #[serde(default)]
        after_effect: bool,
    },
    /// Status 200 with a body that is not JSON; no effect.
    NonJson,
    /// No answer for as long as the caller keeps the connection.
    Hang {
        /// Whether the effect takes place first.
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is closed without one byte of an answer.
    Drop {
        /// Whether the effect takes place first.
        #[serde(default)]
        after_effect: bool,
    },
    /// The effect and the answer come late. The effect comes even when the caller has gone by then.
    Delay {
        /// How late, in milliseconds.
        millis: u64,
    },
    /// Every token issued so far becomes invalid, so that this call is answered 401.
    RevokeTokens,
}

/// A fault and the calls it hits. Absent conditions match every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultRule {
    /// The operation hit.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// The id of an alias of the order concerned.
    #[serde(default)]
    pub alias: Option<String>,
    /// The product identifier of a line of the order concerned, whichever kind of identifier it is.
    #[serde(default)]
    pub product: Option<String>,
    /// How many calls are hit before the rule is used up; absent: no end.
    #[serde(default)]
    pub times: Option<u32>,
    /// The chance, from 0 to 1, with which a matching call is hit; absent: 1.
    #[serde(default)]
    pub probability: Option<f64>,
    /// Only calls beyond this many are hit, as an API throttles; absent: all.
    #[serde(default)]
    pub beyond: Option<Allowance>,
    /// What happens to it.
    pub fault: Fault,
}

/// Calls that a rule leaves alone: a bucket of `burst` tokens, filled at a steady rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allowance {
    /// Tokens that come in a second.
    pub per_second: f64,
    /// Tokens that the bucket holds at most, and in the beginning.
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

    /// A bare HTTP status; no effect.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Http { status, retry_after: None, body: None, after_effect: false }
    }

    /// The name under which the ledger counts it: the same as in a rule's JSON.
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

    /// Whether the call has its effect all the same.
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

/// What a rule can ask about a call.
#[derive(Debug, Clone)]
pub(super) struct CallFacts {
    pub(super) operation: Operation,
    /// Ids of all aliases of the order concerned; the one that names it first.
    pub(super) aliases: Vec<String>,
    /// Product identifiers of its lines.
    pub(super) products: Vec<String>,
}

/// The rules in force.
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

    /// Counts the calls that it hits.
    pub(super) fn add(&mut self, rule: FaultRule) -> Arc<AtomicU64> {
        let (bucket, hits) = (rule.beyond.map(Bucket::full), Arc::default());
        self.rules.push((rule, bucket, Arc::clone(&hits)));
        hits
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault of the first rule that hits this call; one use of that rule is spent.
    pub(super) fn take(&mut self, call: &CallFacts) -> Option<Fault> {
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

/// What is left of an allowance.
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

    /// Whether there was a token.
    fn take(&mut self, now: Instant) -> bool {
        let filled = self.tokens + (now - self.at).as_secs_f64() * self.allowance.per_second;
        let tokens = filled.min(self.allowance.burst);
        let taken = tokens >= 1.0;
        (self.tokens, self.at) = (tokens - f64::from(u8::from(taken)), now);
        taken
    }
}
