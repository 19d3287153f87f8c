//! Letters of other kinds on the page: mapped ones, ones that are there already, ones that fail first.
//! Not here: the usual way; see `walk`.

use lapin::BasicProperties;
use serde_json::json;

use crate::messages::{Message, checkout};
use crate::site::{Desk, Site, Visitor, letters_of};
use crate::stage::{SOON, Stage};

const SETTINGS: &str = r#"
    [[mappings]]
    name = "shop-orders"
    routing_keys = ["orders/create"]
    kind = "checkout-completed"
    file = "shop.jq"
"#;
const PROGRAM: &str = r#"{
    order: { id: .number }, currency: "USD", total: .sum, shopper: { name: .who, email: .mail },
    shipTo: { name: .who, street: "399 Boren Ave N", city: "Seattle", region: "WA", postalCode: "98109", country: "US" },
    lines: [{ product: { sku: "S-1", title: "Mug" }, unitPrice: "12.50", quantity: .count, delivery: { by: "merchant" } }]
}"#;

#[tokio::test]
async fn a_mapped_letter_shows_what_its_mapping_makes_of_it_and_an_edit_is_one_of_that() {
    let (stage, desk) = (Stage::new().await, Desk::new());
    std::fs::write(desk.path("bwp.toml"), SETTINGS).expect("a file can be written");
    std::fs::write(desk.path("shop.jq"), PROGRAM).expect("a file can be written");
    let config = desk.path("bwp.toml");
    let worker = stage.configured(config.as_ref()).await;
    let order =
        json!({ "number": "SO-1", "sum": "12.50", "who": "John Smith", "mail": "john.smith@shop.example", "count": 0 });
    let mut results = stage.results().await;
    let properties = BasicProperties::default().with_delivery_mode(2);
    stage.publish(&Message { key: "orders/create".into(), properties, body: order.to_string().into_bytes() }).await;
    results.until(SOON, |seen| seen.len() == 1).await;

    let arguments = ["--token-file", &desk.path("token"), "--ledger", &desk.path("ledger"), "--config", &config];
    let site = Site::start_with(&stage, &arguments).await;
    let ada = Visitor::named(&site, "ada").await;
    let list = ada.sees("/letters", "Plan for all 1 that match").await;
    let letter = format!("/letters/{}", letters_of(&list).first().unwrap_or_else(|| panic!("no letter in {list}")));
    ada.send_from(&letter, &format!("{letter}/body"), &[]).await.leads_to();
    let page = ada.sees(&letter, "What the mapping makes of it now").await;
    assert!(page.contains("&quot;quantity&quot;: 0") && page.contains("&quot;number&quot;: &quot;[…]&quot;"), "{page}");
    crate::support::private::assert_nothing_private("the letter's page", &page);
    let edit = format!("{letter}/edit");
    let changes = ada.send_from(&edit, &edit, &[("set:lines[0].quantity", "1")]).await.text;
    assert!(changes.contains("A worker would take the message like this."), "{changes}");
    let id = letter.rsplit('/').next().expect("an id");
    let fields = [("scope", "selected"), ("letter", id), ("set", "lines[0].quantity=1")];
    let plan = ada.send_from(&letter, "/plans", &fields).await.leads_to().to_owned();
    let run = ada.send_from(&plan, &format!("{plan}/replay"), &[("why", "one of it")]).await.leads_to().to_owned();
    ada.sees(&run, ": done").await;
    assert_eq!(stage.simulator.ledger().creations_of("SO-1"), 1);
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_plan_tells_of_orders_that_are_there_already() {
    let (stage, desk) = (Stage::new().await, Desk::new());
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-0")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.written_letters(2).await;
    let site = Site::start(&stage, &desk).await;
    let ada = Visitor::named(&site, "ada").await;
    ada.sees("/letters", "Plan for all 2 that match").await;
    let plan = ada.send_from("/letters", "/plans", &[("scope", "all"), ("query", "")]).await;
    let page = ada.sees(plan.leads_to(), "is there already, fulfillment not started").await;
    assert!(page.contains("Order SO-0 ") && !page.contains("Order SO-1 "), "{page}");
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn the_first_letter_that_fails_ends_a_run_however_many_failures_are_allowed() {
    let (stage, desk) = (Stage::new().await, Desk::new());
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2", "SO-3"]).await;
    let site = Site::start(&stage, &desk).await;
    let ada = Visitor::named(&site, "ada").await;
    ada.sees("/letters", "Plan for all 3 that match").await;
    let plan = ada.send_from("/letters", "/plans", &[("scope", "all"), ("query", "")]).await.leads_to().to_owned();
    let wanted = [("why", "again"), ("max-failures", "3")];
    let run = ada.send_from(&plan, &format!("{plan}/replay"), &wanted).await.leads_to().to_owned();
    ada.sees(&run, "stopped, since the first one failed again").await;
    let failed = desk.ledger().iter().filter(|line| line["failed"] == true).count();
    assert_eq!((failed, stage.listed().await.len()), (1, 3));
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
}
