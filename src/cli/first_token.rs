//! Asks for a token at start, so that a worker without messages shows whether it can work.
//!
//! Not here: renewing it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::api::Client;
use crate::policy::classify::classify;
use crate::ports::{ApiState, Operation};
use crate::worker::Context;

/// Wait before the next try. Calls of messages ask for a token by themselves.
const AGAIN: Duration = Duration::from_secs(15);

/// Asks until there is a token, or a call has succeeded.
pub(super) async fn first_token(context: Arc<Context<Client>>) {
    while let Err(error) = context.api.have_token().await {
        context.status.api_fails(&classify(Operation::Order, &error));
        sleep(AGAIN).await;
        if context.status.api() == ApiState::Works {
            return;
        }
    }
    context.status.token_had();
}
