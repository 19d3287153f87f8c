//! How the page looks: at three widths, light and dark. The pictures are for eyes; what can be told without eyes is demanded.
//! Not here: what a person does on it; see `walk`.

use std::path::PathBuf;

use lapin::types::AMQPValue;
use serde_json::json;

use crate::browser::Browser;
use crate::messages::checkout_of;
use crate::site::{Desk, Site};
use crate::stage::{LETTERS, Stage};
use crate::tool::{REFUSED, letter_properties};

/// Codes with their classes, what can be done, and how many letters have them.
const CODES: [(&str, &str, &str, &str, usize); 6] = [
    (
        "ItemOutOfStock",
        "rejected",
        "take the item out of the order, or replay when it is in stock",
        "HTTP 200: Item is out of stock",
        61,
    ),
    (
        "ShopperNotPrime",
        "rejected",
        "tell the shopper; the order cannot go to Buy with Prime",
        "HTTP 200: The shopper is no Prime member",
        24,
    ),
    (
        "AddressMismatch",
        "rejected",
        "ask the shopper for the address of the delivery offer",
        "HTTP 200: The address is not that of the offer",
        17,
    ),
    (
        "InvalidMessage",
        "rejected",
        "correct the field that is named, and send the message again",
        "data.lines[0].quantity: expected a number above 0, got 0",
        9,
    ),
    (
        "OrderNotFound",
        "not-there",
        "find out why the order was never created, then replay",
        "no such order after 24 h",
        5,
    ),
    ("ExpiredIdpToken", "rejected", "the shopper has to sign in again", "HTTP 200: The token has expired", 2),
];

/// Letters of six codes over two days.
async fn many_letters(stage: &Stage) {
    let end = jiff::Timestamp::now();
    let mut number = 1000;
    for (code, class, action, message, count) in CODES {
        for at in 0..count {
            number += 1;
            let order = format!("SO-{number}");
            let checkout = checkout_of(&order, REFUSED);
            let mut properties = letter_properties(&checkout, &order, "createOrder");
            let minutes = i64::try_from((at * at * 7 + code.len() * 31) % 2800).expect("a small number");
            let written = end - jiff::SignedDuration::from_mins(minutes);
            let mut headers = properties.headers().clone().expect("a letter has headers");
            for (name, value) in [
                ("bwp-error-code", code.to_owned()),
                ("bwp-error-class", class.to_owned()),
                ("bwp-suggested-action", action.to_owned()),
                ("bwp-error-message", message.to_owned()),
                ("bwp-dead-lettered-at", format!("{written:.0}")),
            ] {
                headers.insert(name.into(), AMQPValue::LongString(value.into()));
            }
            properties = properties.with_headers(headers);
            stage.shop.publish("", LETTERS, properties, &checkout.body).await;
        }
    }
}

/// Where pictures are kept; `BWP_TEST_PICTURES` names another folder, such as that of the documentation.
fn folder() -> PathBuf {
    let folder = std::env::var_os("BWP_TEST_PICTURES").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pictures"),
        |folder| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder),
    );
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

#[tokio::test]
async fn every_page_fits_its_window_is_labelled_and_complains_of_nothing() {
    let stage = Stage::new().await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    many_letters(&stage).await;
    let desk = Desk::new();
    let site = Site::start(&stage, &desk).await;
    let browser = Browser::start(1280, 900).await;
    browser.log_in(&site, "ada").await;
    browser.shows_in_time("118 letters").await;
    browser.press("InvalidMessage").await;
    browser.click("tbody a").await;
    browser.press("Read the message").await;
    browser.shows("specversion").await;
    let letter = browser.address().await;
    let letter = letter.split('#').next().expect("an address").to_owned();
    browser.press("Plan for this letter").await;
    browser.shows("What the API has").await;
    let plan = browser.address().await;
    let at = |path: &str| format!("{}{path}", site.address);
    let pages = [
        ("groups", at("/")),
        ("list", at("/letters?code=ItemOutOfStock")),
        ("letter", letter.clone()),
        ("edit", format!("{letter}/edit")),
        ("plan", plan),
        ("history", at("/history")),
    ];
    for (width, height) in [(400, 800), (1000, 800), (1600, 1000)] {
        browser.resize(width, height).await;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            for (name, address) in &pages {
                browser.open(address).await;
                let picture = browser.picture().await;
                std::fs::write(folder().join(format!("{name}-{width}-{scheme}.png")), picture)
                    .expect("it can be written");
                let over = browser.value("document.documentElement.scrollWidth - window.innerWidth").await;
                assert!(over.as_i64() <= Some(0), "{name} at {width}: {over} pixels too wide");
                is_labelled(&browser, name).await;
            }
        }
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
    assert_eq!(site.terminated().await, Some(0));
}

/// Landmarks and labels, by which a screen reader finds its way.
async fn is_labelled(browser: &Browser, page: &str) {
    let unlabelled = "[...document.querySelectorAll('input:not([type=hidden]), textarea')]
        .filter(it => !it.labels.length && !it.ariaLabel).map(it => it.name)";
    assert_eq!(browser.value(unlabelled).await, json!([]), "{page}");
    let landmarks = "['main', 'header', 'header nav', 'h1', 'footer'].map(it => document.querySelectorAll(it).length)";
    assert_eq!(browser.value(landmarks).await, json!([1, 1, 1, 1, 1]), "{page}");
    let unnamed = "[...document.querySelectorAll('button, a')].filter(it => !it.textContent.trim()).length";
    assert_eq!(browser.value(unnamed).await, 0, "{page}");
    assert_eq!(browser.value("document.documentElement.lang").await, "en", "{page}");
}
