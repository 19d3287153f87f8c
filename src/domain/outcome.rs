//! The result of a message, a CloudEvent for `bwp.results`.
//!
//! Not here: its publication.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use strum::EnumIter;
use uuid::Uuid;

use super::order::Alias;

/// A result, serialized as structured CloudEvents 1.0 JSON.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ResultEvent {
    /// Always `1.0`.
    pub specversion: &'static str,
    /// Id from message, type and replay: a repeated result has an equal id.
    pub id: Uuid,
    /// CloudEvents source of the results, a setting.
    pub source: String,
    /// Type of the result, also its routing key.
    #[serde(rename = "type")]
    pub kind: ResultKind,
    /// The shop's order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Time of settlement.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: &'static str,
    /// Payload of the result.
    pub data: ResultData,
    /// W3C trace context of the message, published as a header.
    #[serde(skip)]
    pub traceparent: Option<String>,
    /// Letter that the message was replayed from, published as a header.
    #[serde(skip)]
    pub replayed_letter: Option<String>,
    /// Queue of the replay tool, which gets a copy.
    #[serde(skip)]
    pub replay_to: Option<String>,
}

/// Types of results.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultKind {
    /// The order exists, whether this message's call created it or not.
    OrderCreated,
    /// The order is as the message wants it.
    OrderUpdated,
    /// A dead letter was written. The result is not final: the letter can be replayed.
    OrderFailed,
    /// A mapping said that the message is not for this worker.
    MessageIgnored,
}

impl ResultKind {
    /// The type as results write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderCreated => "order-created",
            Self::OrderUpdated => "order-updated",
            Self::OrderFailed => "order-failed",
            Self::MessageIgnored => "message-ignored",
        }
    }
}

/// Payload of a result.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultData {
    /// Id of the message that caused the result.
    pub causation_id: String,
    /// Outcome of a message that succeeded; absent on failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Id of the later amendment, if this message was superseded by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Buy with Prime's order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_with_prime_id: Option<String>,
    /// Aliases of the order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Execution state of the order: `NOT_STARTED` or `STARTED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_state: Option<String>,
    /// Buy with Prime's line items, matched to the shop's lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ResultLine>,
    /// Refunds of the message, with Buy with Prime's ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<ResultRefund>,
    /// Differences between the message and the stored order, without personal data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Cause of a failure; absent on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<ResultFailure>,
    /// Counted attempts, this one included.
    pub attempts: u32,
    /// Number of replays from the dead letters before this attempt.
    pub replays: u32,
    /// Id of the run of the replay tool that sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<String>,
}

/// Outcome of a message that succeeded.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The order was created by this message's call.
    Created,
    /// The order existed before, equal to the message's.
    AlreadyExisted,
    /// The order was changed by this message's call.
    Updated,
    /// Fulfillment had been started before.
    AlreadyStarted,
    /// The order was already as the message wants it.
    Unchanged,
    /// The order already showed a later change.
    Superseded,
    /// Nothing was to be done.
    Ignored,
}

impl Outcome {
    /// The type of the result that carries this outcome.
    pub fn kind(self) -> ResultKind {
        match self {
            Self::Created | Self::AlreadyExisted => ResultKind::OrderCreated,
            Self::Updated | Self::AlreadyStarted | Self::Unchanged | Self::Superseded => ResultKind::OrderUpdated,
            Self::Ignored => ResultKind::MessageIgnored,
        }
    }

    /// The outcome as results write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::AlreadyExisted => "already-existed",
            Self::Updated => "updated",
            Self::AlreadyStarted => "already-started",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::Ignored => "ignored",
        }
    }
}

/// A line of the shop, and Buy with Prime's line item for it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultLine {
    /// The shop's line id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_id: Option<String>,
    /// Buy with Prime's line item id.
    pub line_item_id: String,
}

/// A refund of the shop, and Buy with Prime's id for it.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultRefund {
    /// The shop's refund id, if the shop opened the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Buy with Prime's refund id.
    pub id: String,
}

/// Cause of a failure; the dead letter contains the same data.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Failure")]
pub struct ResultFailure {
    /// Id of the dead letter.
    pub letter_id: Uuid,
    /// Type of the error, for example `ValidationError`, `LocalValidation` or `BwpSync`.
    #[serde(rename = "type")]
    pub error_type: String,
    /// Code of the error, for example `ItemOutOfStock`.
    pub code: String,
    /// Class of the error in the catalogue.
    pub class: String,
    /// Action that an operator can take.
    pub suggested_action: String,
}

/// Namespace of all ids made here; created once with `uuidgen`.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1c_54f0_57a3_4a52_9d0e_2f5f_1c8e_7b36);

/// Id of a result. Equal messages, types and replays give equal ids: consumers recognise a repeated result.
pub fn result_id(source: &str, message_id: &str, kind: ResultKind, replays: u32) -> Uuid {
    id_of(&["result", source, message_id, kind.name(), &replays.to_string()])
}

/// Id of a dead letter. Equal messages and replays give equal ids.
pub fn letter_id(source: &str, message_id: &str, replays: u32) -> Uuid {
    id_of(&["letter", source, message_id, &replays.to_string()])
}

/// Id for a message that has none. Equal types, timestamps and bodies give equal ids.
pub fn made_id(type_name: &str, timestamp: Option<u64>, body: &[u8]) -> Uuid {
    let timestamp = timestamp.map(|seconds| seconds.to_string()).unwrap_or_default();
    id_of(&["message", type_name, &timestamp, &body_id(body).to_string()])
}

/// Id of a body. Equal bodies give equal ids.
pub fn body_id(body: &[u8]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, body)
}

/// A name-based id. Each part is joined with its length: different lists of parts give different names.
fn id_of(parts: &[&str]) -> Uuid {
    let name: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
