//! The worker over the second API.
//! Not here: the broker; the comparison with the results over the simulator.

use bwp_sync::api::Client;
use bwp_sync::domain::outcome::{Outcome, ResultData};
use bwp_sync::ports::Settlement;
use bwp_sync::worker::{Context, handle};
use serde_json::Value;

use crate::messages::{EXAMPLES, inbound};
use crate::server::http::Server;
use crate::settings::{context, for_second};

async fn done(context: &Context<Client>, message: &str) -> ResultData {
    match handle(context, &inbound(message)).await {
        Settlement::Done(event) => event.data,
        other => panic!("{message}: expected a result, got {other:?}"),
    }
}

/// Number of calls of a mutation that took effect.
fn effects(server: &Server, mutation: &str) -> usize {
    server.answers().iter().filter(|answer| answer["data"][mutation]["order"]["id"] != Value::Null).count()
}

#[tokio::test]
async fn every_example_is_created_once_however_often_it_is_delivered() {
    let server = Server::start().await;
    let context = context(&for_second(&server));
    for example in EXAMPLES {
        let message = format!("create-{example}");
        let first = done(&context, &message).await;
        let again = done(&context, &message).await;
        assert_eq!(first.outcome, Some(Outcome::Created), "{example}");
        assert_eq!(again.outcome, Some(Outcome::AlreadyExisted), "{example}");
        assert_eq!(again.buy_with_prime_id, first.buy_with_prime_id, "{example}");
        assert_eq!((&again.lines, &again.aliases), (&first.lines, &first.aliases), "{example}");
        assert!(again.differences.is_empty(), "{example}: {:?}", again.differences);
    }
    assert_eq!(effects(&server, "createOrder"), EXAMPLES.len());
}

#[tokio::test]
async fn every_trigger_starts_its_order_once_however_often_it_is_delivered() {
    let server = Server::start().await;
    let context = context(&for_second(&server));
    for example in EXAMPLES {
        let created = done(&context, &format!("create-{example}")).await;
        let message = format!("trigger-{example}");
        let first = done(&context, &message).await;
        let again = done(&context, &message).await;
        assert_eq!(first.outcome, Some(Outcome::Updated), "{example}");
        assert_eq!(again.outcome, Some(Outcome::AlreadyStarted), "{example}");
        for data in [&first, &again] {
            assert_eq!(data.execution_state.as_deref(), Some("STARTED"), "{example}");
            assert_eq!(data.buy_with_prime_id, created.buy_with_prime_id, "{example}");
        }
    }
    assert_eq!(effects(&server, "updateOrder"), EXAMPLES.len());
}

#[tokio::test]
async fn a_trigger_before_its_create_waits() {
    let server = Server::start().await;
    let settlement = handle(&context(&for_second(&server)), &inbound("trigger-lwa")).await;
    assert!(matches!(settlement, Settlement::Later(later) if later.awaits_create));
}
