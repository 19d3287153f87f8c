//! Asks the API whether it accepts every document, without any effect.
//!
//! Not here: how the answers are shown to an operator.

use strum::IntoEnumIterator;

use super::client::Client;
use super::document::Document;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::UnknownField;
use crate::ports::{ApiError, OrderApi, Purpose};

/// A document, and the API's answer to it.
#[derive(Debug)]
pub struct Probe {
    /// Name of the document for people.
    pub document: String,
    /// How it was sent, and the answer.
    pub asked: Probed,
}

/// How a document was sent, and the answer.
#[derive(Debug)]
pub enum Probed {
    /// A query for an order that cannot exist; whether it was found.
    Read(Result<bool, ApiError>),
    /// A mutation, sent so that it is validated alone: without its variables, and with its field skipped.
    Validated(Result<(), ApiError>),
}

impl Client {
    /// Tries every document, unless the first one gets no answer. `nobodys` names an order that cannot exist. Nothing
    /// takes effect.
    pub async fn probe(&self, nobodys: &OrderIdentifier) -> Vec<Probe> {
        let mut probes = Vec::new();
        for purpose in Purpose::iter() {
            let read = self.order(nobodys, purpose).await.map(|order| order.is_some());
            let document = format!("order to {}", purpose.name());
            let is_answered = matches!(read, Ok(_) | Err(ApiError::Answered { .. }));
            probes.push(Probe { document, asked: Probed::Read(read) });
            if !is_answered {
                return probes;
            }
        }
        for (name, document) in self.dialect.mutations() {
            let asked = Probed::Validated(self.validate(document).await);
            probes.push(Probe { document: name.to_owned(), asked });
        }
        probes
    }

    /// Fields that the API has said it does not know.
    pub fn unknown_fields(&self) -> Vec<UnknownField> {
        self.left_out.all()
    }

    /// Sends a mutation without variables. A server checks the document first, then the variables, and only then runs
    /// it.
    async fn validate(&self, document: &Document) -> Result<(), ApiError> {
        let nothing = serde_json::Map::new();
        self.ask(|left_out| document.skipped(left_out), |_| true, &nothing, self.deadline()).await?.validated()
    }
}
