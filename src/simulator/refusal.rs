//! Refusals of the simulated API and their names.
//! Not here: the choice of calls to refuse (`rules`, `store`, `fault`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Codes of `ValidationError`: those of the published error tables for create and update, of the best practices and of
/// the refund pages.
const VALIDATION_CODES: &[&str] = &[
    "AddressMismatch",
    "AliasValueAlreadyExists",
    "DuplicateAliasId",
    "DuplicateRefundId",
    "ExecutionAlreadyStarted",
    "ExecutionCannotBeStartedDueToCancellation",
    "ExpiredIdpToken",
    "InvalidAliasId",
    "InvalidIdpToken",
    "InvalidItemIdentifier",
    "InvalidOrderExecutionState",
    "InvalidRecipientAddressInput",
    "InvalidRecipientContactInput",
    "InvalidRefundId",
    "InvalidRefundRequestReasonUpdate",
    "InvalidRefundStateTransition",
    "InvalidShopperContactInput",
    "ItemOutOfStock",
    "ItemUnavailableWithPrime",
    "MissingItemAttributes",
    "MissingRefundId",
    "OrderAliasLimitExceeded",
    "OrderLinkLimitExceeded",
    "OrderQuantityLimitExceeded",
    "ReduceQuantityToProceed",
    "SelectedQuantityNotAvailable",
    "ShopperIdMismatch",
    "ShopperNotPrime",
];

/// Types without a code, each with the API's number for it.
const CODELESS_TYPES: &[(&str, u16)] =
    &[("AccessDenied", 403), ("Conflict", 409), ("InternalServer", 500), ("Throttling", 429)];

/// One refusal of the Order interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Type of the error, for example `ValidationError`. The published tables spell types with `Error` or with
    /// `Exception`.
    #[serde(rename = "type")]
    pub error_type: String,
    /// Code of the error, for example `ItemOutOfStock`; several types have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Place of a refusal in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// `extensions.classification { errorType, errorCode, code }`
    #[default]
    Classification,
    /// `extensions { errorType, code }`
    Extensions,
    /// `errorType` and `errorInfo` beside `message`
    TopLevel,
    /// The whole body is `{ message, code, type }`, with the HTTP status of the type.
    Flat,
}

impl Refusal {
    /// `ValidationError` with a code.
    #[must_use]
    pub fn validation(code: &str) -> Self {
        Self { error_type: "ValidationError".to_owned(), code: Some(code.to_owned()) }
    }

    /// A type without a code, in the given spelling.
    #[must_use]
    pub fn codeless(error_type: &str) -> Self {
        Self { error_type: error_type.to_owned(), code: None }
    }

    /// The refusal of this name: a code, or a type without codes, of the published tables. `None` for other names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        if VALIDATION_CODES.contains(&name) {
            return Some(Self::validation(name));
        }
        let known = CODELESS_TYPES.iter().any(|(stem, _)| *stem == stem_of(name));
        (known && stem_of(name) != name).then(|| Self::codeless(name))
    }

    /// Every name that [`Refusal::named`] knows, with types spelled with `Error`.
    #[must_use]
    pub fn names() -> Vec<String> {
        let types = CODELESS_TYPES.iter().map(|(stem, _)| format!("{stem}Error"));
        VALIDATION_CODES.iter().map(|code| (*code).to_owned()).chain(types).collect()
    }

    /// The code, or the type if there is no code.
    #[must_use]
    pub fn name(&self) -> &str {
        self.code.as_deref().unwrap_or(&self.error_type)
    }

    /// The API's number for the type; it reads like an HTTP status.
    #[must_use]
    pub fn number(&self) -> u16 {
        let stem = stem_of(&self.error_type);
        CODELESS_TYPES.iter().find(|(known, _)| *known == stem).map_or(400, |(_, number)| *number)
    }

    /// The entry of `errors[]` for the root field under `response_key`.
    pub(super) fn graphql_error(&self, shape: Shape, response_key: &str) -> Value {
        let mut error = Map::from_iter([
            ("message".to_owned(), Value::from(self.message())),
            ("path".to_owned(), json!([response_key])),
        ]);
        match shape {
            Shape::Classification | Shape::Flat => {
                let mut classification = json!({ "errorType": self.error_type, "errorCode": self.number() });
                if let Some(code) = &self.code {
                    classification["code"] = Value::from(code.as_str());
                }
                error.insert("extensions".to_owned(), json!({ "classification": classification }));
            }
            Shape::Extensions => {
                let mut extensions = json!({ "errorType": self.error_type });
                if let Some(code) = &self.code {
                    extensions["code"] = Value::from(code.as_str());
                }
                error.insert("extensions".to_owned(), extensions);
            }
            Shape::TopLevel => {
                error.insert("errorType".to_owned(), Value::from(self.error_type.as_str()));
                error.insert("errorInfo".to_owned(), json!(self.code));
            }
        }
        Value::Object(error)
    }

    /// The body of an answer that is not GraphQL: flat, as from the token endpoint.
    pub(super) fn flat(&self) -> Value {
        json!({ "message": self.message(), "code": self.code, "type": self.error_type })
    }

    fn message(&self) -> String {
        format!("the simulator refused the call with {}", self.name())
    }
}

/// The name of a type without `Error` or `Exception` at its end.
fn stem_of(error_type: &str) -> &str {
    error_type.strip_suffix("Error").or_else(|| error_type.strip_suffix("Exception")).unwrap_or(error_type)
}
