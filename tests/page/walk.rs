//! A person's work on the page, in a browser.
//! Not here: what the page must refuse; see `attacks`.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::messages::{checkout_event, structured};
use crate::site::{Desk, Site, Visitor, letters_of};
use crate::stage::{ORDERS, SOON, Stage};

const WIDE: (u32, u32) = (1280, 900);

/// A letter of an order for nothing of a product.
async fn letter_of_nothing(stage: &Stage, order: &str) {
    let mut event = checkout_event(order);
    event["data"]["lines"][0]["quantity"] = json!(0);
    let mut results = stage.shop.listen("bwp.results", "#").await;
    stage.publish(&structured(&event)).await;
    results.until(SOON, |seen| !seen.is_empty()).await;
}

#[tokio::test]
async fn a_person_finds_a_group_edits_a_quantity_and_replays_the_rest_with_one_in_front() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2", "SO-3"]).await;
    letter_of_nothing(&stage, "SO-nothing").await;
    let desk = Desk::new();
    let site = Site::start_with(&stage, &["--ledger", &desk.path("ledger")]).await;
    let browser = Browser::start(WIDE.0, WIDE.1).await;

    // the printed address lets in, and does so once
    browser.open(&site.address).await;
    let groups = browser.shows_in_time("4 letters").await;
    for part in ["ItemOutOfStock", "InvalidMessage", "What can be done"] {
        assert!(groups.contains(part), "{part}: {groups}");
    }

    browser.press("InvalidMessage").await;
    assert!(browser.address().await.ends_with("/letters?code=InvalidMessage"));
    browser.press("SO-nothing").await;
    browser.press("Read the message").await;
    let letter = browser.shows("\"quantity\": 0").await;
    crate::support::private::assert_nothing_private("the page", &letter);
    browser.press("Edit").await;
    browser.write(r#"input[name="set:lines[0].quantity"]"#, "1").await;
    browser.press("Show what changes").await;
    let changes = browser.shows("A worker would take the message like this.").await;
    assert!(changes.contains("data.lines[0].quantity 0 1"), "{changes}");
    browser.press("Plan a replay with this").await;
    browser.shows_in_time("Nothing speaks against a replay. Orders read: 1.").await;
    browser.write("input[name=why]", "the shop sent nothing of it").await;
    browser.press("Replay 1 letter").await;
    browser.shows_in_time(": done").await;
    assert_eq!(stage.simulator.ledger().creations_of("SO-nothing"), 1);

    // while the item is missing, the one in front keeps the others from failing, too
    browser.open(&format!("{}/letters?code=ItemOutOfStock", origin(&site))).await;
    browser.press("Plan for all 3 that match").await;
    browser.write("input[name=why]", "is it there again?").await;
    browser.press("Replay 3 letters").await;
    let stopped = browser.shows_in_time("stopped, since the first one failed again").await;
    assert!(stopped.contains("Still letters\n2") && stopped.contains("Failed again, with new letters\n1"), "{stopped}");

    stage.mend();
    browser.press("Continue with 2 letters").await;
    let done = browser.shows_in_time(": done").await;
    assert!(done.contains("Done by the worker\n2"), "{done}");
    browser.press("Dead letters").await;
    // a button of that name is on every page
    browser.shows("By code").await;
    browser.press("Read again").await;
    browser.shows_in_time("1 letter\n").await;
    browser.press("History").await;
    let history = browser.shows("is it there again?").await;
    assert!(history.contains("changed data.lines[0].quantity, replay by operator on "), "{history}");
    assert!(history.contains("began 3 letters, replay by operator on "), "{history}");

    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (3, 0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// The address without the token that was printed with it.
fn origin(site: &Site) -> &str {
    site.address.split("/login").next().expect("an address")
}

#[tokio::test]
async fn of_two_people_the_second_sees_who_has_the_letters_and_a_run_can_be_stopped_and_continued() {
    const LETTERS: usize = 40;
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.written_letters(LETTERS).await;
    let desk = Desk::new();
    let site = Site::start(&stage, &desk).await;
    let (ada, bob) = (Browser::start(WIDE.0, WIDE.1).await, Browser::start(WIDE.0, WIDE.1).await);
    ada.log_in(&site, "ada").await;
    bob.log_in(&site, "bob").await;
    ada.shows_in_time("40 letters").await;
    ada.press("All letters").await;
    ada.press("Plan for all 40 that match").await;
    ada.write("input[name=why]", "slowly").await;
    // it must not be done before she stops it, however slow browsers are
    ada.write("input[name=rate]", "0.1").await;
    ada.press("Replay 40 letters").await;
    ada.shows_in_time("Done by the worker").await;
    // a page whose address names a place in it loads again by itself, too
    let run = ada.address().await;
    ada.open(&format!("{run}#main")).await;
    let at_first = ada.shows("Done by the worker").await;
    ada.shows_other_than(&at_first).await;

    bob.shows_in_time("40 letters").await;
    bob.press("All letters").await;
    bob.press("Plan for all 40 that match").await;
    bob.write("input[name=why]", "me, too").await;
    bob.press("Replay 40 letters").await;
    let refused = bob.shows_in_time("are being replayed or discarded by another tool").await;
    assert!(refused.contains("`replay` by ada on ") && refused.contains("Still letters\n40"), "{refused}");
    bob.press("Dead letters").await;
    bob.shows("By code").await;
    bob.press("Read again").await;
    let held = bob.shows_in_time("in use, and are not shown").await;
    assert!(held.contains("`replay` by ada on "), "{held}");

    ada.press("Stop").await;
    let stopped = ada.shows_in_time(": stopped").await;
    assert!(stopped.contains("Continue with"), "{stopped}");
    ada.end().await;
    bob.end().await;
    assert_eq!(site.terminated().await, Some(0));
    let (by_ada, left) = (count(&desk.ledger(), "ada", "published"), stage.listed().await.len());
    assert!(by_ada >= 1 && by_ada + left == LETTERS, "{by_ada} replayed, {left} left");
    assert_eq!(count(&desk.ledger(), "bob", "published"), 0);
    assert_eq!(worker.terminated().await, Some(0));
}

fn count(ledger: &[Value], user: &str, outcome: &str) -> usize {
    ledger.iter().filter(|line| line["user"] == user && line["outcome"] == outcome).count()
}

#[tokio::test]
async fn a_letter_full_of_markup_and_commands_shows_as_text_and_can_be_replayed() {
    const EVIL: &str = "SO-<img src=x onerror=alert(1)>\"'\u{202e}\u{1b}[2J";
    // within the text of a message
    const IN_JSON: &str = r#"SO-<img src=x onerror=alert(1)>\"'\u202e\u001b[2J"#;
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&[IN_JSON]).await;
    let desk = Desk::new();
    let site = Site::start_with(&stage, &["--ledger", &desk.path("ledger")]).await;
    let browser = Browser::start(WIDE.0, WIDE.1).await;
    browser.open(&site.address).await;
    browser.shows_in_time("1 letter").await;
    let shown = "SO-<img src=x onerror=alert(1)>\"'\\u{202e}\\u{1b}[2J";
    browser.press("All letters").await;
    browser.shows(shown).await;
    browser.click("tbody a").await;
    browser.press("Read the message").await;
    browser.shows(shown).await;
    browser.press("What the API has").await;
    browser.shows("Buy with Prime has no such order.").await;
    assert_eq!(browser.value("document.images.length + document.scripts.length").await, 0);
    stage.mend();
    browser.press("Back to the letter").await;
    browser.press("Plan for this letter").await;
    browser.write("input[name=why]", "<script>alert(2)</script>").await;
    browser.press("Replay 1 letter").await;
    browser.shows_in_time(": done").await;
    browser.shows("<script>alert(2)</script>").await;
    assert_eq!(browser.value("document.images.length + document.scripts.length").await, 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.end().await;
    assert_eq!(stage.simulator.ledger().creations_of(EVIL), 1);
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
}

/// All of it by the keyboard alone: a discard of one letter that was selected.
#[tokio::test]
async fn letters_can_be_selected_and_discarded_without_a_mouse() {
    const TAB: &str = "\u{e004}";
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2"]).await;
    let desk = Desk::new();
    let site = Site::start_with(&stage, &["--ledger", &desk.path("ledger")]).await;
    let browser = Browser::start(WIDE.0, WIDE.1).await;
    browser.open(&site.address).await;
    browser.shows_in_time("2 letters").await;
    browser.open(&format!("{}/letters", origin(&site))).await;
    browser.type_keys(TAB).await;
    assert_eq!(browser.value("document.activeElement.textContent").await, "To the content");
    focus(&browser, "input[type=checkbox]").await;
    browser.type_keys(" ").await;
    focus(&browser, "button[value=selected]").await;
    browser.enter().await;
    browser.shows("1 letter, selected one by one.").await;
    focus(&browser, "summary").await;
    browser.type_keys(" ").await;
    focus(&browser, "form[action$=discard] input[name=why]").await;
    browser.type_keys("test order").await;
    focus(&browser, "input[name=sure]").await;
    browser.type_keys(" ").await;
    focus(&browser, "button.danger").await;
    browser.enter().await;
    browser.shows_in_time(": done").await;
    browser.end().await;
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(stage.listed().await.len(), 1);
    let ledger = desk.ledger();
    let said = |step: &str| ledger.iter().any(|line| line["step"] == step || line["outcome"] == step);
    assert!(said("began") && said("discarded") && said("done"), "{ledger:?}");
    assert_eq!(worker.terminated().await, Some(0));
}

/// Presses Tab until an element has the focus.
async fn focus(browser: &Browser, selector: &str) {
    for _ in 0..200 {
        if browser.value(&format!("document.activeElement.matches({selector:?})")).await == true {
            return;
        }
        browser.type_keys("\u{e004}").await;
    }
    panic!("Tab does not lead to {selector}");
}

#[tokio::test]
async fn who_looks_at_personal_data_or_takes_it_away_is_noted_before() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1", "SO-2"]).await;
    let desk = Desk::new();
    let site = Site::start(&stage, &desk).await;
    let ada = Visitor::named(&site, "ada").await;
    let list = ada.sees("/letters", "SO-2").await;
    let letter = format!("/letters/{}", letters_of(&list)[0]);
    assert_eq!(ada.send_from(&letter, &format!("{letter}/body"), &[]).await.leads_to(), format!("{letter}#message"));
    let masked = ada.sees(&letter, "Show names and addresses").await;
    crate::support::private::assert_nothing_private("the letter's page", &masked);
    let shown = ada.send_from(&letter, &format!("{letter}/reveal"), &[]).await.text;
    assert!(shown.contains("Boren"), "{shown}");
    let file = ada.send_from("/letters", "/export", &[("query", "order=SO-2")]).await;
    let disposition = file.headers["content-disposition"].to_str().expect("a text");
    assert!(disposition.starts_with("attachment; filename=\"dead-letters-"), "{disposition}");
    assert_eq!(file.text.lines().count(), 1);
    std::fs::write(desk.path("exported"), &file.text).expect("a file can be written");
    let told: Vec<_> =
        desk.ledger().iter().map(|line| format!("{} {}{}", line["user"], line["outcome"], line["step"])).collect();
    assert_eq!(told, [r#""ada" "revealed"null"#, r#""ada" null"exported""#]);

    // the file is that of the command
    assert_eq!(stage.tool(&["discard", "--order", "SO-2", "--reason", "test", "--yes"]).await.code, Some(0));
    let imported = stage.tool(&["import", &desk.path("exported")]).await;
    assert_eq!((imported.code, stage.listed().await.len()), (Some(0), 2), "{imported:?}");
    assert_eq!(site.terminated().await, Some(0));
    assert_eq!(worker.terminated().await, Some(0));
}
