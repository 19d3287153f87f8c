//! The client against the second API.
//! Not here: the reaction to an error.

use bwp_sync::api::Client;
use bwp_sync::domain::input::{DesiredExecutionState, UpdateOrderInput};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::stored::{ExecutionState, PackageState};
use bwp_sync::ports::{ApiError, ErrorFact, OrderApi, Purpose, TokenError};
use serde_json::Value;

use crate::messages::{body, create, create_of};
use crate::server::http::Server;
use crate::settings::{client, for_second};

fn start() -> UpdateOrderInput {
    UpdateOrderInput { desired_execution_state: Some(DesiredExecutionState::Started), ..UpdateOrderInput::default() }
}

fn by_shop_id(id: &str) -> OrderIdentifier {
    OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", id))
}

/// The only error of an answer with HTTP 200.
fn only_error(error: ApiError) -> ErrorFact {
    match error {
        ApiError::Answered { status: 200, mut errors, .. } if errors.len() == 1 => errors.remove(0),
        other => panic!("expected one error, got {other:?}"),
    }
}

fn named(error: &ErrorFact) -> (Option<&str>, Option<&str>, Option<u16>, bool) {
    (error.error_type.as_deref(), error.code.as_deref(), error.error_code, error.document)
}

#[tokio::test]
async fn an_order_is_created_and_read_by_its_alias() {
    let server = Server::start().await;
    let client = client(&for_second(&server));
    let create = create("merchant-fulfilled");

    let created = client.create_order(&create.input).await.unwrap();
    let read = client.order(&by_shop_id(&create.order_id), Purpose::Compare).await.unwrap().unwrap();

    assert_eq!(read.id, created.id);
    assert_eq!(read.aliases.as_ref(), Some(&create.input.aliases));
    let to_start = client.order(&by_shop_id(&create.order_id), Purpose::Start).await.unwrap().unwrap();
    assert_eq!(to_start.execution_state, Some(ExecutionState::NotStarted));
    assert_eq!(to_start.package_state, Some(PackageState::Pending));
    let lines = read.lines.unwrap();
    let created_lines = created.lines.unwrap();
    assert!(lines.iter().all(|line| line.id.is_some()));
    assert!(lines.iter().map(|line| &line.id).eq(created_lines.iter().map(|line| &line.id)));
    assert_eq!(lines[1].aliases.as_ref(), Some(&create.input.line_items[1].aliases));
}

#[tokio::test]
async fn a_repeated_create_is_refused_by_its_alias() {
    let server = Server::start().await;
    let client = client(&for_second(&server));
    let create = create("non-prime");
    client.create_order(&create.input).await.unwrap();

    let error = only_error(client.create_order(&create.input).await.unwrap_err());

    assert_eq!(named(&error), (Some("ValidationError"), Some("AliasValueAlreadyExists"), Some(400), false));
}

#[tokio::test]
async fn an_unknown_order_reads_as_absent_and_refuses_its_update_without_a_code() {
    let server = Server::start().await;
    let client = client(&for_second(&server));

    assert_eq!(client.order(&by_shop_id("nobody"), Purpose::Compare).await.unwrap(), None);
    let error = only_error(client.update_order(&by_shop_id("nobody"), &start()).await.unwrap_err());
    assert_eq!(named(&error), (Some("AccessDeniedError"), None, Some(403), false));
}

#[tokio::test]
async fn fulfillment_starts_once() {
    let server = Server::start().await;
    let client = client(&for_second(&server));
    let created = client.create_order(&create("lwa").input).await.unwrap();
    let order = OrderIdentifier::OrderId(created.id);

    client.update_order(&order, &start()).await.unwrap();
    let started = client.order(&order, Purpose::Start).await.unwrap().unwrap();
    assert_eq!(started.execution_state, Some(ExecutionState::Started));
    let error = only_error(client.update_order(&order, &start()).await.unwrap_err());
    assert_eq!(named(&error), (Some("ValidationError"), Some("ExecutionAlreadyStarted"), Some(400), false));
}

#[tokio::test]
async fn money_is_the_same_digits_on_the_way_in_and_out() {
    let server = Server::start().await;
    let client = client(&for_second(&server));
    // more digits than a float has, a fraction that no float has, and a zero at the end
    let (total, price) = ("99999999999999999.99", "0.10");
    let mut message: Value = serde_json::from_slice(&body("create-minimum-fulfillable")).unwrap();
    message["data"]["total"] = total.into();
    message["data"]["lines"][0]["unitPrice"] = price.into();
    let create = create_of(&serde_json::to_vec(&message).unwrap());

    client.create_order(&create.input).await.unwrap();
    let read = client.order(&by_shop_id(&create.order_id), Purpose::Compare).await.unwrap().unwrap();

    let stored_total = read.total.unwrap();
    assert_eq!((stored_total.amount.to_string().as_str(), stored_total.currency.as_deref()), (total, Some("USD")));
    assert_eq!(read.lines.unwrap()[0].price.as_ref().unwrap().amount.to_string(), price);
    let answered = server.answers().pop().unwrap();
    assert_eq!(answered["data"]["order"]["totalPrice"]["value"]["amount"].to_string(), total);
}

#[tokio::test]
async fn fields_beyond_the_documentation_are_asked_for_once_and_then_left_out() {
    let server = Server::start().await;
    let client = client(&for_second(&server));
    let create = create("non-prime");
    client.create_order(&create.input).await.unwrap();

    for _ in 0..2 {
        client.order(&by_shop_id(&create.order_id), Purpose::Compare).await.unwrap().unwrap();
    }

    let reads = server.answers().split_off(1);
    let refused: Vec<bool> = reads.iter().map(|answer| answer["data"].is_null()).collect();
    assert_eq!(refused, [true, false, false], "{reads:#?}");
    let names: Vec<String> = client.unknown_fields().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["Product.id", "Product.sku", "Product.externalId"]);
    // the engine's own words, without any classification
    let complaints = reads[0]["errors"].as_array().unwrap();
    assert!(complaints.iter().all(|error| error["extensions"].is_null() && error["locations"].is_array()));
}

#[tokio::test]
async fn a_wrong_secret_gets_no_token() {
    let server = Server::start().await;
    let mut config = for_second(&server).api();
    config.client_secret = "another".into();
    let client = Client::new(config).unwrap();

    let error = client.order(&by_shop_id("any"), Purpose::Compare).await.unwrap_err();

    let refused = TokenError::Refused { status: 400, code: "InvalidClientSecret".into() };
    assert_eq!(error, ApiError::NoToken(refused));
    assert!(server.answers().is_empty());
}
