//! What came of a message, as a CloudEvent for `bwp.results`.
//!
//! Not here: how it is published.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::order::Alias;

/// A result. Serialized as it is: structured CloudEvents 1.0 JSON.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ResultEvent {
    /// Always `1.0`.
    pub specversion: &'static str,
    /// The same message, type and replay give the same id, so a repeated result is recognisable.
    pub id: Uuid,
    /// Who says so.
    pub source: String,
    /// Also the routing key.
    #[serde(rename = "type")]
    pub kind: ResultKind,
    /// The shop's order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When the message was settled.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: &'static str,
    /// What came of the message.
    pub data: ResultData,
    /// W3C trace context of the message, passed on as a header.
    #[serde(skip)]
    pub traceparent: Option<String>,
}

/// The types of results.
#[derive(Clone, Copy, Debug, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultKind {
    /// The order is there, whoever created it.
    OrderCreated,
    /// The order is as the message wants it.
    OrderUpdated,
    /// A dead letter was written. Not final: a letter can be replayed.
    OrderFailed,
}

impl ResultKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OrderCreated, Self::OrderUpdated, Self::OrderFailed];

    /// The type as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderCreated => "order-created",
            Self::OrderUpdated => "order-updated",
            Self::OrderFailed => "order-failed",
        }
    }
}

/// What came of a message.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultData {
    /// Id of the message that caused this.
    pub causation_id: String,
    /// In one word; absent on failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Message id of the later amendment that stands where this one was not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Buy with Prime's order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_with_prime_id: Option<String>,
    /// Aliases of the order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// `NOT_STARTED` or `STARTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_state: Option<String>,
    /// Buy with Prime's line items, matched to the shop's lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ResultLine>,
    /// Refunds that the message is about, with the ids that Buy with Prime gave.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<ResultRefund>,
    /// Where what is stored is not what was sent, in our own words and without personal data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Attempts that were counted, this one included.
    pub attempts: u32,
    /// How often the message had been replayed from the dead letters.
    pub replays: u32,
    /// The run of the replay tool that sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<String>,
}

/// What came of a message that was done.
#[derive(Clone, Copy, Debug, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Created by this message's call.
    Created,
    /// The same order was there before.
    AlreadyExisted,
    /// Changed by this message's call.
    Updated,
    /// Fulfillment had been started before.
    AlreadyStarted,
    /// All that the message asks for was there before.
    Unchanged,
    /// Something later was there before.
    Superseded,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::AlreadyExisted, Self::Updated, Self::AlreadyStarted, Self::Unchanged, Self::Superseded];

    /// The type of the result that tells it.
    pub fn kind(self) -> ResultKind {
        match self {
            Self::Created | Self::AlreadyExisted => ResultKind::OrderCreated,
            Self::Updated | Self::AlreadyStarted | Self::Unchanged | Self::Superseded => ResultKind::OrderUpdated,
        }
    }

    /// The outcome as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AlreadyExisted => "already-existed",
            Self::Updated => "updated",
            Self::AlreadyStarted => "already-started",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
        }
    }
}

/// A line of the shop and the line item that Buy with Prime made of it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultLine {
    /// The shop's line id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_id: Option<String>,
    /// Buy with Prime's line item id.
    pub line_item_id: String,
}

/// A refund of the shop and the id that Buy with Prime gave.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultRefund {
    /// The shop's id, where the shop opened the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Buy with Prime's id.
    pub id: String,
}

/// Why a message failed; the letter says the same.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Id of the dead letter.
    pub letter_id: Uuid,
    /// `ValidationError`, `LocalValidation`, `BwpSync`, …
    #[serde(rename = "type")]
    pub error_type: String,
    /// `ItemOutOfStock`, …
    pub code: String,
    /// Class of the error, as in the catalogue.
    pub class: String,
    /// What can be done.
    pub suggested_action: String,
}

/// Namespace of all ids made here; made once with `uuidgen`.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1c_54f0_57a3_4a52_9d0e_2f5f_1c8e_7b36);

/// Id of a result: the same message, result and replay give the same id, so a repeated result is recognisable.
pub fn result_id(source: &str, message_id: &str, kind: ResultKind, replays: u32) -> Uuid {
    id_of(&["result", source, message_id, kind.name(), &replays.to_string()])
}

/// Id of a dead letter: the same message and replay give the same id.
pub fn letter_id(source: &str, message_id: &str, replays: u32) -> Uuid {
    id_of(&["letter", source, message_id, &replays.to_string()])
}

/// Id of a message that came without one: the same type, timestamp and body give the same id.
pub fn made_id(type_name: &str, timestamp: Option<u64>, body: &[u8]) -> Uuid {
    let timestamp = timestamp.map(|seconds| seconds.to_string()).unwrap_or_default();
    id_of(&["message", type_name, &timestamp, &body_id(body).to_string()])
}

/// Id of a body: the same body gives the same id.
pub fn body_id(body: &[u8]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, body)
}

/// Parts are joined with their lengths, so that no two lists of parts give the same name.
fn id_of(parts: &[&str]) -> Uuid {
    let name: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
