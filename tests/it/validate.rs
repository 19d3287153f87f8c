//! `bwp-sync validate`: all faults of a message, each in the words of a letter.

use std::collections::BTreeSet;
use std::path::Path;

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::Kind;
use bwp_sync::domain::faults::{Faults, of_event};
use bwp_sync::domain::rule::Rule;
use jiff::Timestamp;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::cli::bwp_sync;
use crate::output::output;
use crate::schemas::{changed, pointers};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sample(name: &str) -> Value {
    let path = root().join(format!("tests/fixtures/messages/{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn faults(event: &Value) -> Faults {
    of_event(event, &Conventions::default(), Timestamp::UNIX_EPOCH)
}

fn paths(event: &Value) -> BTreeSet<String> {
    let Faults { faults, more_may_follow } = faults(event);
    assert!(!more_may_follow, "{faults:?}\n{event}");
    faults.into_iter().map(|fault| fault.path).collect()
}

#[test]
fn valid_samples_have_no_fault_and_a_sample_of_nothing_but_its_kind_has_all_that_is_required() {
    for entry in std::fs::read_dir(root().join("tests/fixtures/messages")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let found = faults(&sample(name));
        assert_eq!(found.faults.is_empty(), !name.starts_with("broken-"), "{name}: {found:?}");
    }
    let required = |kind: &str, data: Value| {
        paths(&json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": kind, "data": data }))
    };
    let all = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        required(
            "checkout-completed",
            json!({ "shopper": {}, "lines": [{ "delivery": { "by": "amazon", "prime": true } }] })
        ),
        all(&[
            "currency",
            "lines[0].delivery.offerId",
            "lines[0].delivery.previewId",
            "lines[0].product",
            "lines[0].product.title",
            "lines[0].quantity",
            "lines[0].unitPrice",
            "order",
            "shipTo",
            "shopper.email",
            "shopper.name",
            "total",
        ])
    );
    assert_eq!(required("fulfillment-triggered", json!({})), all(&["order"]));
    assert_eq!(
        required("refund-updated", json!({ "order": {}, "refunds": [{}, { "id": 1 }] })),
        all(&[
            "currency",
            "order",
            "refunds[0].state",
            "refunds[0].total",
            "refunds[0]",
            "refunds[1].id",
            "refunds[1].state",
            "refunds[1].total"
        ])
    );
}

/// Two fields of a message are broken: the faults of both are found, as they are found alone.
#[test]
fn the_faults_of_two_fields_are_those_of_each() {
    let wrong = [json!(true), json!([])];
    let (mut pairs, mut missed) = (0, Vec::new());
    for name in ["full-checkout", "amend-everything", "refund-external"] {
        let message = sample(name);
        let leaf = |at: &String| !message.pointer(at).is_some_and(|it| it.is_object() || it.is_array());
        let leaves: Vec<_> = pointers("", &message).into_iter().filter(|at| leaf(at) && at != "/type").collect();
        let broken = |message: &Value, at: &str| changed(message, at, Some(wrong[at.len() % 2].clone()));
        for (number, one) in leaves.iter().enumerate() {
            let alone = paths(&broken(&message, one));
            for other in leaves.iter().skip(number + 1).step_by(7) {
                let both = paths(&broken(&broken(&message, one), other));
                let expected: BTreeSet<_> = alone.union(&paths(&broken(&message, other))).cloned().collect();
                pairs += 1;
                if !both.is_superset(&expected) {
                    missed.push(format!("{name} {one} {other}: {both:?}, alone {expected:?}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} of {pairs}\n{}", missed.len(), missed.join("\n"));
    assert!(pairs > 100, "{pairs}");
}

#[test]
fn a_value_that_stands_in_for_a_wrong_one_is_no_fault_of_the_message() {
    let rules = [Rule::TotalIsSum].into_iter().collect();
    let conventions = Conventions { rules, ..Conventions::default() };
    let mut event = sample("create-merchant-fulfilled");
    event["data"]["total"] = json!("61.37");
    let paths = |event: &Value| {
        let found = of_event(event, &conventions, Timestamp::UNIX_EPOCH);
        found.faults.into_iter().map(|fault| fault.path).filter(|path| path == "total").count()
    };
    assert_eq!(paths(&event), 1);
    event["data"]["total"] = json!("61,37");
    assert_eq!(paths(&event), 1);
}

#[test]
fn a_kind_that_nobody_knows_hides_what_follows_and_is_said_to() {
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "cart", "data": {} });
    let found = faults(&event);
    let expected = Kind::iter().map(Kind::name).collect::<Vec<_>>().join(", ");
    assert_eq!(found.faults[0].reason, format!("expected one of {expected}, got \"cart\""));
    assert!(found.more_may_follow);
}

#[test]
fn the_command_names_every_fault_with_the_shops_own_fields() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let program = r#"if .draft then null else { order: { id: .no }, currency: .cur, total: .sum.amount,
        shopper: { name: .who, email: .mail }, shipTo: { name: .who, street: "1 Main St", city: "Seattle", region: "WA",
        postalCode: "98109", country: "US" }, lines: [.items[] | { product: { sku: .sku }, quantity: .pieces,
        unitPrice: .price, delivery: { by: "merchant" } }] } end"#;
    write("shop.jq", program);
    let body = json!({ "no": "7", "cur": "usd", "sum": { "amount": "12,50" }, "who": "Maria Lopez", "mail": null,
        "items": [{ "sku": "S", "pieces": 1, "price": "1.00" }, { "sku": "T", "pieces": 0, "price": "x" }] });
    write("order.json", &body.to_string());
    write("draft.json", r#"{"draft":true}"#);
    write("fine.json", &sample("full-checkout").to_string());
    write("data.json", &sample("amend-everything")["data"].to_string());
    write("none.json", "{");
    let run = |arguments: &[&str]| {
        let output = output(bwp_sync(&[&["validate"], arguments].concat()).current_dir(folder.path()));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run(&["--program", "shop.jq", "order.json", "draft.json"]);
    let expected = "order.json: currency: expected three capital letters, as USD, got \"usd\" (from cur)\n";
    assert_eq!(code, Some(1), "{said}");
    let faults: Vec<_> = said.lines().collect();
    let starts = |path: &str, from: &str| {
        faults.iter().any(|it| it.starts_with(&format!("order.json: {path}: ")) && it.ends_with(from))
    };
    for (path, from) in [
        ("currency", "(from cur)"),
        ("total", "expected a decimal, got \"12,50\" (from sum.amount)"),
        ("shopper.email", "missing (from mail)"),
        ("lines[1].quantity", "(from items[1].pieces)"),
        ("lines[1].unitPrice", "(from items[1].price)"),
    ] {
        assert!(starts(path, from), "{path}: {said}\n{expected}");
    }
    assert_eq!(faults.len(), 6, "{said}");
    assert!(said.ends_with("draft.json: ignored: no message\n") && !said.contains("Maria"), "{said}");

    assert_eq!(run(&["fine.json"]), (Some(0), "fine.json: ok\n".to_owned()));
    assert_eq!(run(&["--kind", "order-amended", "data.json"]), (Some(0), "data.json: ok\n".to_owned()));
    let (code, said) = run(&["none.json"]);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("none.json: body: not JSON at line 1 column 1\n"), "{said}");
    let (code, said) = run(&["--json", "--program", "shop.jq", "order.json"]);
    let reports: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(reports[0]["faults"].as_array().unwrap().len(), 5, "{said}");
    assert_eq!(reports[0]["faults"][0]["code"], "InvalidMessage", "{said}");
    assert_eq!(run(&["--preset", "nobody", "fine.json"]).0, Some(1));
    assert_eq!(run(&[]).0, Some(2));
}
