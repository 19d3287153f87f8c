//! The GraphQL documents, one set for each version of the API.
//!
//! Not here: variables; which of two documents is sent.

use super::config::ApiVersion;

/// The documents of one version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Documents {
    /// `mutation createOrder($input)`.
    pub(super) create_order: &'static str,
    /// `mutation updateOrder($orderIdentifier, $input)`.
    pub(super) update_order: &'static str,
    /// `query order($orderIdentifier)` with all that helps to compare two orders; some of it is undocumented on
    /// answers: a product's identifiers and the recipient.
    pub(super) order: &'static str,
    /// `query order($orderIdentifier)` with documented fields alone.
    pub(super) order_core: &'static str,
}

impl Documents {
    /// The documents of a version.
    pub(super) fn of(version: ApiVersion) -> Self {
        match version {
            ApiVersion::V2024_11_01 => Self {
                create_order: include_str!("documents/2024-11-01/create_order.graphql"),
                update_order: include_str!("documents/2024-11-01/update_order.graphql"),
                order: include_str!("documents/2024-11-01/order.graphql"),
                order_core: include_str!("documents/2024-11-01/order_core.graphql"),
            },
        }
    }
}
