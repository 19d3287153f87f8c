//! Asks the API what it thinks of every document, without any effect.
//!
//! Not here: what is said of it to an operator.

use super::client::Client;
use super::document::Document;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::UnknownField;
use crate::ports::{ApiError, OrderApi, Purpose};

/// What came of a document.
#[derive(Debug)]
pub struct Probe {
    /// Its name for people.
    pub document: String,
    /// What was asked.
    pub asked: Probed,
}

/// What was asked with a document, and the answer.
#[derive(Debug)]
pub enum Probed {
    /// A query for an order that cannot be there; whether it is.
    Read(Result<bool, ApiError>),
    /// A mutation, sent so that it is validated alone: without its variables, and with its field skipped.
    Validated(Result<(), ApiError>),
}

impl Client {
    /// Tries every document, unless the first one gets no answer; `nobodys` names an order that cannot be there. Nothing
    /// can come of it.
    pub async fn probe(&self, nobodys: &OrderIdentifier) -> Vec<Probe> {
        let mut probes = Vec::new();
        for purpose in Purpose::ALL {
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

    /// A server checks a document before its variables, and those before it carries anything out.
    async fn validate(&self, document: &Document) -> Result<(), ApiError> {
        let nothing = serde_json::Map::new();
        self.ask(|left_out| document.skipped(left_out), |_| true, &nothing, self.deadline()).await?.validated()
    }
}
