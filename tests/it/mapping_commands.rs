//! Settings of mappings, their examples, and the page about them.
//! Not here: what a mapping can do; see `mappings`.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{SETTINGS, bwp_sync};
use crate::generated::assert_current;
use crate::output::output;

#[test]
fn every_program_in_the_repository_passes_its_examples() {
    for (program, least) in [
        ("config/mappings/shopify", 24),
        ("config/mappings/commercetools", 17),
        ("config/mappings/woocommerce", 2),
        ("config/mappings/adobe-commerce", 2),
        ("tests/fixtures/shops/own-shop", 1),
    ] {
        let file = format!("{program}.jq");
        let update = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
        let arguments = if update { vec!["map", "--check", "--update", &file] } else { vec!["map", "--check", &file] };
        let output = output(bwp_sync(&arguments).current_dir(env!("CARGO_MANIFEST_DIR")));
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.lines().count() >= least && text.lines().all(|line| line.ends_with(" ok")), "{text}");
    }
}

/// Output and exit code of `map` with these settings.
fn with_settings(folder: &Path, settings: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let file = folder.join("bwp.toml");
    std::fs::write(&file, settings).unwrap();
    let config = ["--config", file.to_str().unwrap()];
    let output = output(bwp_sync(&[&config, arguments].concat()).envs(SETTINGS));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn wrong_mappings_are_refused_all_at_once_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrong.jq"), "{ order: .id,\n  total: mony_sum }").unwrap();
    std::fs::write(folder.path().join("right.jq"), "{ order: { id } }").unwrap();
    let settings = r#"
        [[mappings]]
        name = "one"
        routing_keys = ["orders/create"]
        kind = "checkout-completed"
        file = "wrong.jq"
        [[mappings]]
        name = "one"
        routing_keys = ["orders/#"]
        kind = "checkout"
        file = "nowhere.jq"
        [[mappings]]
        name = "a name"
        kind = "order-amended"
        preset = "magento"
        idd = "x"
        [[mappings]]
        name = "four"
        types = ["x"]
        kind = "order-amended"
        file = "right.jq"
        preset = "shopify"
        [[mappings]]
        name = "five"
        types = [7]
        kind = "order-amended"
        file = "right.jq"
        variables = { offer = "x", list = [1] }
    "#;
    let (code, _, said) = with_settings(folder.path(), settings, &["run"]);
    assert_eq!(code, Some(64), "{said}");
    for expected in [
        "wrong.jq`: line 2 column 10: there is no filter `mony_sum`",
        "mappings[1].name: expected another name, `one` is given twice",
        "mappings[1].routing_keys: expected whole routing keys, without `#` and `*`",
        "mappings[1].kind: expected one of checkout-completed, fulfillment-triggered, order-amended, refund-updated",
        "mappings[1].file: `",
        "mappings[2].name: expected a name of letters",
        "mappings[2].routing_keys: expected at least one routing key, or one of `types`",
        "mappings[2].preset: `magento`: expected one of shopify, commercetools",
        "mappings[2].idd: unknown key",
        "mappings[3].file: expected either `file` or `preset`, got both",
        "mappings[4].types: expected texts",
        "mappings[4].variables.list: expected text, a whole number, `true` or `false`",
        "mappings[4].variables.offer: `",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let (code, _, said) = with_settings(folder.path(), "mappings = 7", &["run"]);
    assert_eq!(code, Some(64));
    assert!(said.contains("mappings: expected tables in a file, as `[[mappings]]`"), "{said}");
}

#[test]
fn examples_beside_a_mapping_are_checked_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("maps/shop")).unwrap();
    let program = |tax: &str| {
        let source = format!(
            r#"if .cart then null else {{ order: {{ id }}, currency: "USD", tax: {tax}, total: .total, shopper, shipTo,
                lines: [{{ product: {{ sku: "S" }}, quantity: 1, delivery: {{ by: "merchant" }} }}] }} end"#
        );
        std::fs::write(path("maps/shop.jq"), source).unwrap();
    };
    let order = json!({ "id": "1", "total": "10.00", "tax": "1.25", "shopper": { "name": "A", "email": "a@b.example" },
        "shipTo": { "name": "A", "street": "S", "city": "C", "region": "WA", "postalCode": "1", "country": "US" } });
    std::fs::write(path("maps/shop/order.in.json"), order.to_string()).unwrap();
    std::fs::write(path("maps/shop/cart.in.json"), r#"{"cart":true}"#).unwrap();
    std::fs::write(path("maps/shop/broken.in.json"), r#"{"id":"1"}"#).unwrap();
    let settings = r#"
        [[mappings]]
        name = "shop"
        routing_keys = ["orders/create"]
        kind = "checkout-completed"
        file = "maps/shop.jq"
    "#;
    let check = |arguments: &[&str]| with_settings(folder.path(), settings, &[&["map", "--check"], arguments].concat());
    program(".tax");
    let (code, text, _) = check(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("shop: order FAILS\n  no `") && text.contains("order.out.json`"), "{text}");
    assert!(text.contains("shop: broken FAILS\n  mapping shop: "), "{text}");
    let (code, text, _) = check(&["--update"]);
    assert_eq!((code, text.as_str()), (Some(0), "shop: broken ok\nshop: cart ok\nshop: order ok\n"));
    assert_eq!(std::fs::read_to_string(path("maps/shop/cart.out.json")).unwrap(), "null\n");
    assert!(std::fs::read_to_string(path("maps/shop/broken.error")).unwrap().starts_with("mapping shop: "));
    let (_, text, _) = with_settings(folder.path(), settings, &["check", "--json"]);
    assert!(text.contains("\"mapping shop\"") && text.contains("3 examples pass"), "{text}");
    // a sum through a float: other digits, and lost ones
    program("(.tax | tonumber + 0.0)");
    let (code, text, _) = check(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("/data/tax is not as expected"), "{text}");
    assert!(text.contains("tax loses digits on its way to tax"), "{text}");
    assert!(text.contains("hint: if it divides amounts") && text.contains("order.divides`"), "{text}");
    std::fs::write(path("maps/shop/order.divides"), "").unwrap();
    assert!(!check(&[]).1.contains("loses digits"));
    let (code, text, _) = check(&["--json"]);
    assert_eq!(code, Some(1));
    let findings: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(findings[2]["faults"][0], "/data/tax is not as expected");
}

/// A body that has no list where the program expects one.
#[test]
fn a_mapping_that_fails_is_told_with_the_fields_that_the_body_has_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("shop.jq"), "{ order: { id },\n  lines: [.order.rows[]] }").unwrap();
    std::fs::write(path("order.json"), r#"{"id":"1","order":{"items":[],"who\u001b":"Ada"}}"#).unwrap();
    let (program, order) = (path("shop.jq"), path("order.json"));
    let hint = "`.order.rows[]`: `.order` has no `rows`, it has: items, \"who\\u{1b}\"";
    let why = "mapping shop: line 2 column 11: expected a list or an object, got null";
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = |arguments: &[&str]| {
        let output = output(&mut bwp_sync(arguments));
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        (text(output.stdout), text(output.stderr))
    };
    let mapped = run(&["map", "--program", &program, &order]);
    assert_eq!(mapped, (String::new(), format!("{order}: {why}\nhint: {hint}\n")));
    let (json, _) = run(&["map", "--program", &program, "--json", &order]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["fault"].as_str(), json["hint"].is_string()), (Some(why), true), "{json:#}");
    let (validated, _) = run(&["validate", "--program", &program, &order]);
    assert!(validated.contains(&format!("{order}: {why} ({hint})\n")), "{validated}");
    assert!(![mapped.1, validated].concat().contains("Ada"), "names alone");
}

#[test]
fn a_command_without_a_mapping_says_what_names_one_and_asks_for_no_settings() {
    for arguments in [
        &["map", "order.json"][..],
        &["map", "--mapping", "shop", "order.json"],
        &["map", "--check"],
        &["validate", "--mapping", "shop", "order.json"],
    ] {
        let output = output(&mut bwp_sync(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "bwp-sync: arguments: no mapping to work with: expected `--program FILE`, `--preset NAME` with one of shopify, \
             commercetools, or `--config FILE` with the settings that have the mapping\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let (code, _, said) = with_settings(folder.path(), "", &["map", "--mapping", "shop", "order.json"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("expected `--program FILE`, `--preset NAME`"), "{said}");
}

#[test]
fn the_page_shows_the_real_output_of_each_command() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connect-your-shop.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shops/own-shop.jq");
    assert!(page.contains(&std::fs::read_to_string(program).unwrap()), "the page shows own-shop.jq as it is");
    let mut shown = String::new();
    let (mut in_console, mut commands) = (false, 0);
    for line in page.lines() {
        match line {
            "```console" => in_console = true,
            "```" => in_console = false,
            _ => {}
        }
        let command = line.strip_prefix("$ bwp-sync ").filter(|_| in_console);
        // an old output is replaced
        if in_console && command.is_none() && line != "```console" {
            continue;
        }
        shown.push_str(&format!("{line}\n"));
        if let Some(arguments) = command {
            commands += 1;
            let arguments: Vec<_> = arguments.split(' ').collect();
            // people of the examples, not of the fixtures that `output` looks for
            let output = bwp_sync(&arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
            shown.push_str(&String::from_utf8(output.stdout).unwrap());
            shown.push_str(&String::from_utf8(output.stderr).unwrap());
        }
    }
    assert!(commands >= 4, "{commands}");
    assert_current(&file, &shown);
}
