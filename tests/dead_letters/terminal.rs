//! A letter whose every text would do something to a terminal: no command lets any of it through.
//! Not here: the writer alone (`src/cli/terminal.rs`).

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;

use crate::stage::{LETTERS, Stage};
use crate::tool::{Ran, path};

/// Clears the screen, sets the title, begins a sequence by C1, turns the writing direction, goes back to the line's start.
const NASTY: &str = "A\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{2066}\u{feff}\u{8}\rB";

fn obeyed(text: &str) -> Vec<char> {
    let harmless = |c: &char| matches!(c, '\n' | '\t') || !c.is_control();
    let marks = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200e}');
    text.chars().filter(|c| !harmless(c) || marks(c)).collect()
}

fn check(arguments: &[&str], ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(obeyed(text).is_empty(), "{arguments:?}: {ran:?}");
    }
    assert!(!ran.stdout.contains("\nforged") && !ran.stderr.contains("\nforged"), "{arguments:?}: {ran:?}");
}

async fn nasty_letter(stage: &Stage, number: u32) {
    let nasty = format!("{NASTY}\nforged {number}");
    let text = |value: &str| AMQPValue::LongString(value.into());
    let mut headers = FieldTable::default();
    for name in ["error-type", "error-code", "error-class", "error-message", "suggested-action", "order"] {
        headers.insert(format!("bwp-{name}").into(), text(&nasty));
    }
    for (name, value) in [
        ("bwp-letter-id", format!("00000000-0000-0000-0000-00000000000{number}").as_str()),
        ("bwp-operation", "createOrder"),
        ("bwp-source-exchange", "shop.events"),
        ("bwp-source-routing-key", &nasty),
        (&nasty, &nasty),
    ] {
        headers.insert(name.into(), text(value));
    }
    let mut line = json!({ "id": nasty, "product": { "sku": nasty, "title": nasty }, "quantity": 1, "unitPrice": "1",
        "delivery": { "by": "merchant" } });
    line[&nasty] = json!(nasty);
    let address = json!({ "name": nasty, "street": nasty, "city": nasty, "region": "KY", "postalCode": "40003",
        "country": "US" });
    let data = json!({ "order": { "id": nasty }, "currency": "USD", "shopper": { "name": nasty, "email": nasty },
        "shipTo": address, "lines": [line], "total": "1" });
    let event = json!({ "specversion": "1.0", "id": nasty, "source": nasty, "type": "checkout-completed",
        "subject": nasty, "data": data });
    let properties = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
    stage.shop.publish("", LETTERS, properties, event.to_string().as_bytes()).await;
}

#[tokio::test]
async fn no_command_lets_a_letter_do_anything_to_a_terminal() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    for number in 1..=3 {
        nasty_letter(&stage, number).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let [plan, file, ledger] = ["plan", "file", "ledger"].map(|name| path(&folder, name));
    let id = "00000000-0000-0000-0000-000000000001";
    let set = "lines[0].product.title=\u{1b}[2J\u{202e}";
    let commands: [&[&str]; 18] = [
        &["list"],
        &["list", "--reveal"],
        &["list", "--json", "--reveal"],
        &["show", id],
        &["show", id, "--reveal"],
        &["show", id, "--reveal", "--json"],
        &["show", NASTY],
        &["stats"],
        &["stats", "--json"],
        &["plan", "--all", "--out", &plan],
        &["replay", "--all", "--dry-run"],
        &["replay", "--all", "--dry-run", "--set", set, "--reveal"],
        &["replay", "--all", "--dry-run", "--set", "order.id= "],
        &["export", "--all", "--out", &file],
        &["discard", id, "--reason", NASTY, "--yes", "--ledger", &ledger],
        &["import", &file, "--again"],
        &["apply", &plan, "--yes", "--no-wait"],
        &["replay", "--all", "--yes", "--no-wait", "--json"],
    ];
    let mut shown = 0;
    for arguments in commands {
        let ran = stage.tool(arguments).await;
        check(arguments, &ran);
        shown += usize::from(ran.stdout.contains("1b}") || ran.stdout.contains(r"\u001b"));
        if arguments.contains(&"--json") {
            ran.stdout.lines().next().unwrap();
            let whole = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<serde_json::Value>();
            assert!(whole.map(Result::unwrap).count() >= 1, "{arguments:?}");
        }
    }
    assert!(shown > 8, "only {shown} commands showed what is in a letter");

    // of letters that fail again, order and code are told
    for number in 4..=6 {
        nasty_letter(&stage, number).await;
    }
    let _worker = stage.worker(&[]).await;
    for arguments in [&["replay", "--all", "--yes"][..], &["replay", "--all", "--yes", "--json"]] {
        check(arguments, &stage.tool(arguments).await);
    }
}
