//! Things that a page must not do, each with a request that would have it do so.
//! Not here: the page's own work; see `walk`.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HOST, ORIGIN};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::site::{Answer, Desk, Site, Visitor, exists, letters_of};
use crate::stage::{SOON, Stage};
use crate::support::until::until;

/// Every address that shows something.
const SHOWN: [&str; 12] = [
    "/",
    "/letters",
    "/letters/{letter}",
    "/letters/{letter}/order",
    "/letters/{letter}/edit",
    "/plans/{none}",
    "/runs",
    "/runs/{none}",
    "/history",
    "/style.css",
    "/icon.svg",
    "/nothing-here",
];
/// Every address that takes a form of somebody who is logged in.
const TAKEN: [&str; 12] = [
    "/letters/{letter}/body",
    "/letters/{letter}/reveal",
    "/letters/{letter}/edit",
    "/plans",
    "/plans/{none}/replay",
    "/plans/{none}/discard",
    "/runs/{none}/stop",
    "/runs/{none}/continue",
    "/export",
    "/read",
    "/logout",
    "/nothing-here",
];
const NONE: &str = "00000000-0000-0000-0000-000000000000";

/// A page with one letter.
struct Target {
    stage: Stage,
    desk: Desk,
    site: Site,
    letter: String,
}

impl Target {
    async fn new() -> Self {
        let stage = Stage::new().await;
        assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
        stage.written_letters(1).await;
        let desk = Desk::new();
        let site = Site::start(&stage, &desk).await;
        let list = Visitor::named(&site, "eve").await.sees("/letters", "SO-0").await;
        Self { letter: letters_of(&list)[0].clone(), stage, desk, site }
    }

    fn path(&self, pattern: &str) -> String {
        pattern.replace("{letter}", &self.letter).replace("{none}", NONE)
    }

    /// The page is as it was: the letter lies there, and nothing was noted.
    async fn ends_untouched(self) {
        assert_eq!(self.stage.listed().await.len(), 1);
        assert!(!exists(&self.desk.path("ledger")) || self.desk.ledger().is_empty());
        assert_eq!(self.site.terminated().await, Some(0));
    }
}

fn is_guarded(answer: &Answer) {
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{part}: {answer:?}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "same-origin");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    assert!(["no-store", "no-cache"].contains(&header("cache-control")), "{answer:?}");
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_stores_and_repeats_no_markup() {
    const EVIL: &str = "\"'><script>alert(1)</script>";
    let target = Target::new().await;
    let (known, stranger) = (Visitor::named(&target.site, EVIL).await, Visitor::stranger(&target.site));
    let evil: String = url::form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    let fields =
        ["code", "order", "text", "since", "until", "operation", "class", "type", "mapping", "replays", "page"];
    let query: Vec<_> = fields.iter().chain(&["next", "token", "x"]).map(|field| format!("{field}={evil}")).collect();
    let query = query.join("&");
    let paths = SHOWN.iter().map(|path| target.path(path)).chain([
        "/login".to_owned(),
        format!("/letters/{evil}"),
        format!("/plans/{evil}"),
        format!("/{evil}"),
    ]);
    for path in paths {
        for (who, visitor) in [("known", &known), ("stranger", &stranger)] {
            let answer = visitor.get(&format!("{path}?{query}")).await;
            is_guarded(&answer);
            assert!(
                !answer.text.contains("<script") && !answer.text.contains("onerror"),
                "{who} {path}: {}",
                answer.text
            );
        }
        let from_elsewhere = stranger.http().get(format!("{}{path}?{query}", stranger.address));
        let answer = stranger.ask(from_elsewhere.header("sec-fetch-site", "cross-site")).await;
        assert!(!answer.text.contains("<script"), "{path}: {}", answer.text);
    }
    let wrong = stranger.send("/login", &[("name", EVIL), ("token", EVIL), ("next", EVIL)]).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && !wrong.text.contains("<script"), "{}", wrong.text);
    target.ends_untouched().await;
}

#[tokio::test]
async fn nobody_sees_anything_or_sends_anything_without_having_logged_in() {
    let target = Target::new().await;
    let stranger = Visitor::stranger(&target.site);
    for path in SHOWN.iter().filter(|path| !path.contains('.')) {
        let path = target.path(path);
        let answer = stranger.get(&path).await;
        assert!(answer.leads_to().starts_with("/login?next="), "{path}");
        assert!(!answer.text.contains("SO-0"), "{path}");
    }
    for path in TAKEN {
        let answer = stranger.send(&target.path(path), &[("why", "x"), ("scope", "all"), ("query", "")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    target.ends_untouched().await;
}

#[tokio::test]
async fn a_form_of_another_page_or_another_session_does_nothing() {
    let target = Target::new().await;
    let (ada, eve) = (Visitor::named(&target.site, "ada").await, Visitor::named(&target.site, "eve").await);
    let token_of = async |visitor: &Visitor| crate::site::form_token(&visitor.get("/letters").await.text);
    let (of_ada, of_eve) = (token_of(&ada).await, token_of(&eve).await);
    assert_ne!(of_ada, of_eve);
    for path in TAKEN.iter().filter(|path| !path.contains("nothing")).map(|path| target.path(path)) {
        let all = [("form-token", of_ada.as_str()), ("scope", "all"), ("query", ""), ("why", "x"), ("sure", "yes")];
        let headers: [&[(&str, &str)]; 5] = [
            &[("origin", "https://evil.example.com")],
            &[("origin", "null")],
            &[("origin", &ada.address), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[],
        ];
        for headers in headers {
            let form = headers.iter().fold(ada.form(&path, &all), |form, (name, value)| form.header(*name, *value));
            assert_eq!(ada.ask(form).await.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        for token in [&[][..], &[("form-token", of_eve.as_str())], &[("form-token", "")]] {
            let answer = ada.send(&path, &[token, &all[1..]].concat()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {token:?}");
        }
    }
    target.ends_untouched().await;
}

#[tokio::test]
async fn another_name_that_leads_here_is_not_answered() {
    let target = Target::new().await;
    let ada = Visitor::named(&target.site, "ada").await;
    for host in ["evil.example.com", "127.0.0.1", "localhost", "127.0.0.1.evil.example.com:80"] {
        let request = ada.http().get(format!("{}/letters", ada.address)).header(HOST, host);
        let answer = ada.ask(request).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        is_guarded(&answer);
        let login = ada.form("/login", &[("name", "eve"), ("token", crate::site::TOKEN)]);
        let answer = ada.ask(login.header(HOST, host).header(ORIGIN, format!("http://{host}"))).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    target.ends_untouched().await;
}

#[tokio::test]
async fn no_path_leads_to_a_file() {
    let target = Target::new().await;
    let ada = Visitor::named(&target.site, "ada").await;
    let cookie = ada.cookie.as_deref().expect("she has logged in");
    let address = ada.address.strip_prefix("http://").expect("a plain address");
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/style.css/../../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/letters/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/runs/..%2ftoken",
        "/export",
    ] {
        let mut stream = TcpStream::connect(address).await.expect("somebody listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it is read");
        let mut answer = String::new();
        timeout(SOON, stream.read_to_string(&mut answer)).await.expect("in time").expect("a text");
        let status = answer.split_whitespace().nth(1).expect("a status");
        assert!(["400", "404", "405"].contains(&status), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains(crate::site::TOKEN), "{path}: {answer}");
    }
    target.ends_untouched().await;
}

#[tokio::test]
async fn a_huge_form_is_refused_and_takes_no_memory() {
    let target = Target::new().await;
    let ada = Visitor::named(&target.site, "ada").await;
    let before = peak(&target.site);
    for path in ["/plans", "/login", "/export"] {
        let request = ada.http().post(format!("{}{path}", ada.address)).header(ORIGIN, &ada.address);
        let request = request.header("cookie", ada.cookie.as_deref().expect("she has logged in"));
        match request.body("x=".repeat(50 * 1024 * 1024)).send().await {
            Ok(answer) => assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}"),
            // the page may close the connection while most of it is still to come
            Err(error) => assert!(error.is_request(), "{path}: {error}"),
        }
    }
    let grown = peak(&target.site).saturating_sub(before);
    assert!(grown < 20 * 1024, "{grown} KiB more");
    target.ends_untouched().await;
}

/// Most memory that the process ever had, in KiB.
fn peak(site: &Site) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.process.id())).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells it");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

#[tokio::test]
async fn somebody_whom_nobody_knows_sends_four_kilobytes_at_the_most() {
    let target = Target::new().await;
    let stranger = Visitor::stranger(&target.site);
    let many = "x".repeat(4096);
    assert_eq!(stranger.send("/login", &[("token", &many)]).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    target.ends_untouched().await;
}

#[tokio::test]
async fn a_person_whom_the_proxy_names_is_in_and_nobody_else() {
    let stage = Stage::new().await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    stage.written_letters(1).await;
    let desk = Desk::new();
    let guard = ["--trust-proxy-user", "x-user", "--proxy", "127.0.0.1", "--ledger", &desk.path("ledger")];
    let site = Site::start_with(&stage, &guard).await;
    let client = Visitor::stranger(&site);
    let by_proxy = async |name: &str| {
        client.ask(client.http().get(format!("{}/letters", client.address)).header("x-user", name)).await
    };
    let seen =
        until("the letters are read", SOON, async || by_proxy("ada").await.text, |text| text.contains("SO-0")).await;
    assert!(seen.contains("<span>ada</span>") && !seen.contains("Log out"), "{seen}");
    assert_eq!(client.get("/letters").await.status, StatusCode::FORBIDDEN);
    let token = crate::site::form_token(&seen);
    let form = |name: &str| {
        client.form("/read", &[("form-token", &token)]).header(ORIGIN, &client.address).header("x-user", name)
    };
    assert_eq!(client.ask(form("eve")).await.status, StatusCode::FORBIDDEN, "the token is ada's");
    assert_eq!(client.ask(form("ada")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(site.terminated().await, Some(0));
    let others = ["--trust-proxy-user", "x-user", "--proxy", "10.0.0.7"];
    let site = Site::start_with(&stage, &others).await;
    let client = Visitor::stranger(&site);
    let named = client.ask(client.http().get(format!("{}/letters", client.address)).header("x-user", "ada")).await;
    assert_eq!(named.status, StatusCode::FORBIDDEN, "we are not that proxy");
    assert_eq!(site.terminated().await, Some(0));
}

#[tokio::test]
async fn a_second_page_with_the_same_ledger_does_not_start() {
    let target = Target::new().await;
    let second = ["serve", "--listen", "127.0.0.1:0", "--ledger", &target.desk.path("ledger")];
    let ran = target.stage.tool(&second).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("another page works with this ledger"), "{ran:?}");
    target.ends_untouched().await;
}

#[tokio::test]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    const IDLERS: usize = 10_000;
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("the limit can be raised");
    let target = Target::new().await;
    let ada = Visitor::named(&target.site, "ada").await;
    let address = ada.address.strip_prefix("http://").expect("a plain address").to_owned();
    let mut idlers = Vec::new();
    for _ in 0..IDLERS {
        let mut idler = TcpStream::connect(&address).await.expect("somebody listens");
        // one that has been let go already may not take it
        idler.write_all(b"POST /plans HTTP/1.1\r\nhost: ").await.ok();
        idlers.push(idler);
    }
    assert_eq!(ada.get("/letters").await.status, StatusCode::OK);
    let files =
        std::fs::read_dir(format!("/proc/{}/fd", target.site.process.id())).expect("they can be listed").count();
    assert!(files < 1_000, "{files} files and connections are open");
    drop(idlers);
    assert_eq!(ada.get("/").await.status, StatusCode::OK);
    target.ends_untouched().await;
}

#[tokio::test]
async fn a_plan_is_carried_out_once_however_often_it_is_sent() {
    let target = Target::new().await;
    let ada = Visitor::named(&target.site, "ada").await;
    let plan = ada.send_from("/letters", "/plans", &[("scope", "all"), ("query", "")]).await;
    let plan = plan.leads_to().to_owned();
    let token = crate::site::form_token(&ada.get(&plan).await.text);
    let path = format!("{plan}/discard");
    let fields = [("form-token", token.as_str()), ("why", "twice"), ("sure", "yes")];
    let (one, two, three) = tokio::join!(ada.send(&path, &fields), ada.send(&path, &fields), ada.send(&path, &fields));
    let leads: Vec<_> = [&one, &two, &three].map(Answer::leads_to).to_vec();
    assert!(leads.iter().all(|path| *path == plan.replace("plans", "runs")), "{leads:?}");
    ada.sees(leads[0], ": done").await;
    assert_eq!(ada.get(&plan).await.leads_to(), leads[0], "the plan is a run now");
    let began = target.desk.ledger().iter().filter(|line| line["step"] == "began").count();
    assert_eq!((began, target.stage.listed().await.len()), (1, 0));
    assert_eq!(target.site.terminated().await, Some(0));
}

#[tokio::test]
async fn without_a_ledger_nothing_can_be_changed_shown_in_full_or_taken_away() {
    let target = Target::new().await;
    let site = Site::start_with(&target.stage, &["--token-file", &target.desk.path("token")]).await;
    let ada = Visitor::named(&site, "ada").await;
    let list = ada.sees("/letters", "SO-0").await;
    assert!(!list.contains("formaction") && !list.contains("checkbox") && list.contains("read-only"), "{list}");
    for (path, fields) in [
        ("/plans", &[("scope", "all"), ("query", "")][..]),
        ("/export", &[("query", "")]),
        ("/letters/{letter}/reveal", &[]),
    ] {
        let answer = ada.send_from("/letters", &target.path(path), fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let letter = target.path("/letters/{letter}");
    assert_eq!(ada.send_from(&letter, &format!("{letter}/body"), &[]).await.status, StatusCode::SEE_OTHER);
    let page = ada.sees(&letter, "specversion").await;
    assert!(!page.contains("Show names") && !page.contains("/edit"), "{page}");
    assert_eq!(site.terminated().await, Some(0));
    target.ends_untouched().await;
}

#[tokio::test]
async fn wrong_tokens_are_answered_slowly_one_after_the_other() {
    let target = Target::new().await;
    let eve = Visitor::stranger(&target.site);
    let before = Instant::now();
    let guess = || eve.send("/login", &[("name", "eve"), ("token", "0123456789abcdef")]);
    let (one, two, three) = tokio::join!(guess(), guess(), guess());
    assert_eq!([one.status, two.status, three.status], [StatusCode::FORBIDDEN; 3]);
    assert!(before.elapsed() >= Duration::from_secs(3), "{:?}", before.elapsed());
    let said = async || target.site.process.stderr().iter().filter(|line| line.contains("with a wrong token")).count();
    until("each is logged", SOON, said, |lines| *lines == 3).await;
    target.ends_untouched().await;
}

#[tokio::test]
async fn a_page_that_others_could_reach_does_not_start_without_a_guard() {
    let stage = Stage::new().await;
    let everywhere = ["serve", "--listen", "0.0.0.0:0"];
    for (more, said) in [
        (&[][..], "`--public-url` must say the address that browsers use"),
        (&["--public-url", "https://letters.example.com"], "that needs `--token-file`, or `--trust-proxy-user`"),
        (&["--trust-proxy-user", "x-user"], "--proxy"),
    ] {
        let ran = stage.tool(&[&everywhere[..], more].concat()).await;
        assert!(ran.code != Some(0) && ran.stderr.contains(said), "{more:?}: {ran:?}");
    }
}
