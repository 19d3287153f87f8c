//! Chromium without a window, driven by WebDriver, the protocol that every browser's driver speaks.
//! Not here: what is done with it.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::site::{Site, TOKEN};
use crate::stage::SOON;
use crate::support::http::plain_http;
use crate::support::until::until;

/// The name under which WebDriver returns an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// A way to find elements.
const CSS: &str = "css selector";
/// The key that sends a form.
const ENTER: &str = "\u{e007}";
/// The page that loads nothing and does nothing by itself.
const EMPTY: &str = "about:blank";

/// A browser with its driver; both end when it is dropped.
pub(crate) struct Browser {
    http: reqwest::Client,
    session: String,
    driver: Child,
}

impl Browser {
    /// Starts a browser with a window of this size.
    pub(crate) async fn start(width: u32, height: u32) -> Self {
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().expect("chromedriver is installed: Debian's package is chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().expect("stdout is piped")).lines();
        let port = async {
            while let Some(line) = lines.next_line().await.expect("the driver writes text") {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return port.trim_end_matches('.').to_owned();
                }
            }
            panic!("chromedriver ended");
        };
        let port = tokio::time::timeout(SOON, port).await.expect("chromedriver starts in time");
        // its later output must not fill the pipe
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let http = plain_http().timeout(SOON * 2).build().expect("a client can be made");
        let size = format!("--window-size={width},{height}");
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", &size];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": { "args": arguments } } } });
        let mut browser = Self { http, session: format!("http://127.0.0.1:{port}/session"), driver };
        let session = browser.post("", &capabilities).await;
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Logs in by the token, under a name.
    pub(crate) async fn log_in(&self, site: &Site, name: &str) {
        self.open(&site.address).await;
        self.write("input[name=name]", name).await;
        self.write("input[name=token]", TOKEN).await;
        self.press("Log in").await;
        self.shows("Log out").await;
    }

    /// Opens an address and waits until the page is there. An empty page comes between: one that loads again by itself at
    /// that moment takes the place of what was asked for.
    pub(crate) async fn open(&self, address: &str) {
        let leave = async || {
            self.post("/url", &json!({ "url": EMPTY })).await;
            self.address().await
        };
        until("the page before is left", SOON, leave, |now| now == EMPTY).await;
        self.post("/url", &json!({ "url": address })).await;
    }

    /// The address of the page.
    pub(crate) async fn address(&self) -> String {
        self.get("/url").await.as_str().expect("an address is a text").to_owned()
    }

    /// Waits until the page shows a text, and returns all that it shows.
    pub(crate) async fn shows(&self, wanted: &str) -> String {
        until(&format!("the page shows {wanted:?}"), SOON, async || self.text_now().await, |text| text.contains(wanted))
            .await
    }

    /// Waits until the page shows something else than this.
    pub(crate) async fn shows_other_than(&self, before: &str) {
        until("the page shows something else", SOON, async || self.text_now().await, |text| text != before).await;
    }

    /// Loads the page again until it shows a text, as a person does who waits for something.
    pub(crate) async fn shows_in_time(&self, wanted: &str) -> String {
        let look = async || {
            self.post("/refresh", &json!({})).await;
            self.text_now().await
        };
        until(&format!("the page shows {wanted:?} at last"), SOON, look, |text| text.contains(wanted)).await
    }

    /// Clicks the first element of a CSS selector, and waits for the page that follows.
    pub(crate) async fn click(&self, selector: &str) {
        self.follow(CSS, selector).await;
    }

    /// Clicks the link or button with this text, and waits for the page that follows.
    pub(crate) async fn press(&self, label: &str) {
        let path = format!("//*[self::a or self::button][normalize-space(.)={label:?}]");
        self.follow("xpath", &path).await;
    }

    async fn follow(&self, using: &str, value: &str) {
        let clicked = self.act(using, value, "click", &json!({})).await;
        self.left(&clicked).await;
    }

    /// Presses the key Enter where the focus is, and waits for the page that follows.
    pub(crate) async fn enter(&self) {
        let focused = self.focused().await;
        self.post(&format!("/element/{focused}/value"), &json!({ "text": ENTER })).await;
        self.left(&focused).await;
    }

    /// Waits until the page with this element is gone. A form is sent only after a click or a key is answered, and anything
    /// asked of the page meanwhile may keep it from that.
    async fn left(&self, element: &str) {
        let look = async || {
            is_of_another_page(&self.answer(self.http.get(format!("{}/element/{element}/name", self.session))).await)
        };
        until("another page follows", SOON, look, |left| *left).await;
    }

    /// Puts a text into a field in the place of the one before.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        self.act(CSS, selector, "clear", &json!({})).await;
        self.act(CSS, selector, "value", &json!({ "text": text })).await;
    }

    /// Presses keys where the focus is.
    pub(crate) async fn type_keys(&self, keys: &str) {
        let focused = self.focused().await;
        self.post(&format!("/element/{focused}/value"), &json!({ "text": keys })).await;
    }

    async fn focused(&self) -> String {
        let focused = self.get("/element/active").await;
        focused[ELEMENT].as_str().expect("an element has the focus").to_owned()
    }

    /// The value of a script's expression in the page; tests may look in by script, the page has none.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// A picture of the window.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        let picture = self.get("/screenshot").await;
        BASE64_STANDARD.decode(picture.as_str().expect("a text")).expect("a picture is sent in base 64")
    }

    /// Changes the size of the window.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height })).await;
    }

    /// Has the page believe that the person likes it dark, or light.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.post("/goog/cdp/execute", &command).await;
    }

    /// Things that the browser has refused or could not load, by its console.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).await;
        let all = log.as_array().cloned().unwrap_or_default();
        all.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Does something with an element, of the new page where the page has loaded again by itself meanwhile. Returns the
    /// element's id.
    async fn act(&self, using: &str, value: &str, action: &str, body: &Value) -> String {
        let act = async || {
            let element = self.found(using, value).await;
            (self.try_post(&format!("/element/{element}/{action}"), body).await, element)
        };
        let (acted, element) =
            until(&format!("{action} of {value}"), SOON, act, |(acted, _)| !is_of_another_page(acted)).await;
        acted.unwrap_or_else(|error| panic!("{action} of {value}: {error}"));
        element
    }

    /// Waits for an element: a page may load again by itself meanwhile.
    async fn found(&self, using: &str, value: &str) -> String {
        let look = async || self.try_post("/element", &json!({ "using": using, "value": value })).await;
        let found = until(&format!("there is {value}"), SOON, look, Result::is_ok).await;
        found.expect("it was waited for")[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    /// The text now; a page that is going away has none.
    async fn text_now(&self) -> String {
        let Ok(body) = self.try_post("/element", &json!({ "using": CSS, "value": "body" })).await else {
            return String::new();
        };
        let body = body[ELEMENT].as_str().unwrap_or_default().to_owned();
        let text = self.answer(self.http.get(format!("{}/element/{body}/text", self.session))).await;
        text.ok().and_then(|text| text.as_str().map(ToOwned::to_owned)).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.answer(self.http.get(format!("{}{path}", self.session))).await;
        answer.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.try_post(path, body).await.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    async fn try_post(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let request = self.http.post(format!("{}{path}", self.session)).body(body.to_string());
        self.answer(request.header("content-type", "application/json")).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Value> {
        let response = request.send().await.expect("the driver answers");
        let is_good = response.status().is_success();
        let text = response.text().await.expect("the driver answers in full");
        let mut answer: Value = serde_json::from_str(&text).expect("the driver answers in JSON");
        let value = answer["value"].take();
        if is_good { Ok(value) } else { Err(value) }
    }

    /// Ends the browser, and then its driver.
    pub(crate) async fn end(mut self) {
        self.answer(self.http.delete(&self.session)).await.expect("the browser ends");
        self.driver.start_kill().expect("the driver can be killed");
        tokio::time::timeout(Duration::from_secs(120), self.driver.wait())
            .await
            .expect("it ends")
            .expect("it is waited for");
    }
}

/// Whether the driver says that the element was on a page that is no longer there. It has no error of its own for a page
/// that is replaced while the element is being looked at.
fn is_of_another_page(answer: &Result<Value, Value>) -> bool {
    const REPLACED: &str = "Node with given id does not belong to the document";
    matches!(answer, Err(error) if error["error"] == "stale element reference"
        || error["message"].as_str().is_some_and(|message| message.contains(REPLACED)))
}
