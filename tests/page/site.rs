//! The page as an operator starts it, and a client without a browser.
//! Not here: what is looked for on it.

use std::path::Path;

use regex::Regex;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use tempfile::TempDir;
use url::form_urlencoded;

use crate::stage::{SOON, Stage};
use crate::support::http::plain_http;
use crate::support::process::Process;
use crate::support::until::until;

/// The token of the tests.
pub(crate) const TOKEN: &str = "a-token-of-these-tests";

/// `bwp-sync dead-letters serve`.
pub(crate) struct Site {
    pub(crate) process: Process,
    /// `http://127.0.0.1:…`.
    pub(crate) address: String,
}

/// A folder with a token's file and a place for the ledger.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).expect("a file can be written");
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("the path is UTF-8").to_owned()
    }

    /// The lines of the ledger.
    pub(crate) fn ledger(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.path("ledger")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the ledger is JSON")).collect()
    }
}

impl Site {
    /// The page with a token and a ledger.
    pub(crate) async fn start(stage: &Stage, desk: &Desk) -> Self {
        Self::start_with(stage, &["--token-file", &desk.path("token"), "--ledger", &desk.path("ledger")]).await
    }

    /// The page with these arguments, on a free port.
    pub(crate) async fn start_with(stage: &Stage, arguments: &[&str]) -> Self {
        let process = stage.starting_tool(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let said = async || (process.stdout(), process.stderr());
        let is_there =
            |(lines, _): &(Vec<String>, Vec<String>)| lines.iter().any(|line| line.contains("the page is at"));
        let (lines, _) = until("the page says where it is", SOON, said, is_there).await;
        let address = lines.iter().find_map(|line| line.split_once("the page is at ")).expect("it was waited for").1;
        Self { address: address.to_owned(), process }
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn terminated(mut self) -> Option<i32> {
        self.process.sigterm();
        self.process.wait(SOON).await.code()
    }

    /// Ends it without a chance to do anything.
    pub(crate) async fn killed(mut self) {
        self.process.sigkill();
        self.process.wait(SOON).await;
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The path that it leads to.
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[LOCATION].to_str().expect("a path is a text")
    }
}

/// A client that follows nothing, with the cookie of a session.
pub(crate) struct Visitor {
    http: Client,
    pub(crate) address: String,
    pub(crate) cookie: Option<String>,
}

impl Visitor {
    /// Somebody whom the page does not know.
    pub(crate) fn stranger(site: &Site) -> Self {
        let http = plain_http().redirect(redirect::Policy::none()).timeout(SOON);
        Self { http: http.build().expect("a client can be made"), address: site.address.clone(), cookie: None }
    }

    /// Somebody who has logged in.
    pub(crate) async fn named(site: &Site, name: &str) -> Self {
        let mut visitor = Self::stranger(site);
        let answer = visitor.send("/login", &[("name", name), ("token", TOKEN)]).await;
        assert_eq!(answer.leads_to(), "/");
        let cookie = answer.headers[SET_COOKIE].to_str().expect("a cookie is a text");
        visitor.cookie = cookie.split(';').next().map(ToOwned::to_owned);
        visitor
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(self.http.get(format!("{}{path}", self.address))).await
    }

    /// Sends a form as it stands, as a page of ours would.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(self.form(path, fields).header(ORIGIN, &self.address)).await
    }

    /// Sends a form of a page, with the token that the page has.
    pub(crate) async fn send_from(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = form_token(&self.get(page).await.text);
        self.send(path, &[&[("form-token", token.as_str())], fields].concat()).await
    }

    /// A form without any header of a browser.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(format!("{}{path}", self.address)).body(body);
        request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    pub(crate) async fn ask(&self, request: RequestBuilder) -> Answer {
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        let response = request.send().await.expect("the page answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("the page answers in full") }
    }

    /// Waits until a page has a text in it.
    pub(crate) async fn sees(&self, path: &str, wanted: &str) -> String {
        let look = async || self.get(path).await.text;
        until(&format!("{path} shows {wanted:?}"), SOON * 2, look, |text| text.contains(wanted)).await
    }
}

/// The token of the forms of a page.
pub(crate) fn form_token(page: &str) -> String {
    let pattern = Regex::new(r#"name="form-token" value="([^"]+)""#).expect("a pattern");
    pattern.captures(page).unwrap_or_else(|| panic!("no form in {page}"))[1].to_owned()
}

/// Ids of the letters that a page links to.
pub(crate) fn letters_of(page: &str) -> Vec<String> {
    let pattern = Regex::new(r#"href="/letters/([0-9a-f-]{36})""#).expect("a pattern");
    pattern.captures_iter(page).map(|found| found[1].to_owned()).collect()
}

/// Whether a file is there.
pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
