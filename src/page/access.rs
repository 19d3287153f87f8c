//! Who may come in: sessions, tokens, names by a proxy.
//!
//! Not here: which requests are ours (`origin`); the login page.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::origin::{AccessError, Origin};

/// Name of the hidden field with the token of a session's forms.
pub(super) const FORM_TOKEN: &str = "form-token";
/// How long a session lasts.
const SESSION_LASTS: Duration = Duration::from_secs(8 * 3600);
/// Wait after a wrong token, for all who guess together.
const AFTER_A_WRONG_TOKEN: Duration = Duration::from_secs(1);
/// Wrong tokens that wait for their answer at the same time.
const WAITING: usize = 8;
/// Sessions at the same time; with one more, the oldest ends.
const SESSIONS: usize = 1000;

/// How visitors show who they are.
#[derive(Debug)]
pub enum Gate {
    /// By a token that is printed once and works once: for one person on this machine.
    Once {
        /// The token.
        token: Mutex<Option<String>>,
        /// The name of the person.
        user: String,
    },
    /// By a token of a file; they say their names themselves.
    Token(String),
    /// By a proxy, which names them in a header.
    Proxy {
        /// Address of the proxy.
        address: IpAddr,
        /// The header.
        header: HeaderName,
    },
}

/// A visitor who has shown who they are.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) user: String,
    /// The token of each form of the session.
    pub(super) form_token: String,
}

struct Session {
    visitor: Visitor,
    since: Instant,
}

/// The guard of the page.
pub struct Access {
    gate: Gate,
    origin: Origin,
    sessions: Mutex<HashMap<String, Session>>,
    /// One guess at a time.
    guesses: tokio::sync::Mutex<()>,
    waiting: Semaphore,
}

/// The answer to a token.
#[derive(Debug, PartialEq)]
pub(super) enum Guess {
    /// A session began; the value of its cookie.
    Right(String),
    /// It is not ours, or nobody is named.
    Wrong,
    /// Too many wrong ones wait already.
    TooMany,
}

impl Gate {
    /// A gate with a token that works once.
    pub fn once(user: String) -> Self {
        Self::Once { token: Mutex::new(Some(random())), user }
    }

    /// A gate with the token of a file.
    ///
    /// # Errors
    /// The token is too short.
    pub fn token(text: &str) -> Result<Self, AccessError> {
        let token = text.trim();
        let characters = token.chars().count();
        if characters < 16 { Err(AccessError::ShortToken(characters)) } else { Ok(Self::Token(token.to_owned())) }
    }
}

impl Access {
    /// A guard.
    ///
    /// # Errors
    /// Other machines can reach the page, and nothing says who comes.
    pub fn new(gate: Gate, origin: Origin, listen: SocketAddr) -> Result<Self, AccessError> {
        if matches!(gate, Gate::Once { .. }) && !listen.ip().is_loopback() {
            return Err(AccessError::Open(listen));
        }
        Ok(Self {
            gate,
            origin,
            sessions: Mutex::default(),
            guesses: tokio::sync::Mutex::default(),
            waiting: Semaphore::new(WAITING),
        })
    }

    /// The page's address.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The address that is printed for the one person on this machine: it lets in once.
    pub fn printed_address(&self) -> String {
        let address = self.origin.address();
        match &self.gate {
            Gate::Once { token, .. } => match &*token.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(token) => format!("{address}/login?token={token}"),
                None => address.to_owned(),
            },
            Gate::Token(_) | Gate::Proxy { .. } => address.to_owned(),
        }
    }

    /// Whether visitors say their own names.
    pub(super) fn asks_for_names(&self) -> bool {
        matches!(self.gate, Gate::Token(_))
    }

    /// Whether visitors log in here.
    pub(super) fn has_login(&self) -> bool {
        !matches!(self.gate, Gate::Proxy { .. })
    }

    /// The visitor of a request.
    pub(super) fn visitor(&self, headers: &HeaderMap, peer: IpAddr) -> Option<Visitor> {
        match &self.gate {
            Gate::Proxy { address, header } => {
                let mut names = headers.get_all(header).iter();
                let (name, more) = (std::str::from_utf8(names.next()?.as_bytes()).ok()?.trim(), names.next());
                // a second one may be the visitor's own
                let is_told = peer.to_canonical() == address.to_canonical() && !name.is_empty() && more.is_none();
                is_told.then(|| self.named(name))
            }
            Gate::Once { .. } | Gate::Token(_) => {
                let sessions = self.sessions();
                let session = cookies(headers, self.cookie_name()).find_map(|id| sessions.get(id))?;
                (session.since.elapsed() < SESSION_LASTS).then(|| session.visitor.clone())
            }
        }
    }

    /// Begins a session. A wrong token costs a second, one guess after the other; a right one waits for nobody.
    pub(super) async fn log_in(&self, peer: IpAddr, token: &str, name: Option<&str>) -> Guess {
        let Some(user) = self.user_of(token, name) else {
            tracing::warn!(%peer, "somebody came to the page with a wrong token");
            let Ok(_place) = self.waiting.try_acquire() else { return Guess::TooMany };
            let _guess = self.guesses.lock().await;
            tokio::time::sleep(AFTER_A_WRONG_TOKEN).await;
            return Guess::Wrong;
        };
        tracing::info!(user, %peer, "logged in to the page");
        let id = random();
        self.begin(id.clone(), user);
        let lasts = SESSION_LASTS.as_secs();
        Guess::Right(format!("{}={id}; {}; Max-Age={lasts}", self.cookie_name(), self.cookie_limits()))
    }

    fn user_of(&self, token: &str, name: Option<&str>) -> Option<String> {
        match &self.gate {
            Gate::Once { token: ours, user } => {
                let mut ours = ours.lock().unwrap_or_else(PoisonError::into_inner);
                let is_right = ours.as_deref().is_some_and(|ours| is_same(ours, token));
                if is_right {
                    *ours = None;
                }
                is_right.then(|| user.clone())
            }
            Gate::Token(ours) => name.filter(|_| is_same(ours, token)).map(ToOwned::to_owned),
            Gate::Proxy { .. } => None,
        }
    }

    /// A name that browsers take from this host alone, by https.
    fn cookie_name(&self) -> &'static str {
        if self.origin.is_secure { "__Host-bwp_session" } else { "bwp_session" }
    }

    fn cookie_limits(&self) -> &'static str {
        if self.origin.is_secure {
            "Path=/; HttpOnly; SameSite=Strict; Secure"
        } else {
            "Path=/; HttpOnly; SameSite=Strict"
        }
    }

    /// Ends the session of a request; the value of a cookie that says so.
    pub(super) fn log_out(&self, headers: &HeaderMap) -> String {
        let mut sessions = self.sessions();
        for id in cookies(headers, self.cookie_name()) {
            sessions.remove(id);
        }
        format!("{}=; {}; Max-Age=0", self.cookie_name(), self.cookie_limits())
    }

    /// The session of a person whom the proxy names.
    fn named(&self, user: &str) -> Visitor {
        if let Some(session) = self.sessions().get(user) {
            return session.visitor.clone();
        }
        self.begin(user.to_owned(), user.to_owned())
    }

    fn begin(&self, id: String, user: String) -> Visitor {
        let visitor = Visitor { user, form_token: random() };
        let mut sessions = self.sessions();
        sessions.retain(|_, session| session.since.elapsed() < SESSION_LASTS);
        if sessions.len() >= SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.since).map(|(id, _)| id.clone())
        {
            sessions.remove(&oldest);
        }
        sessions.insert(id, Session { visitor: visitor.clone(), since: Instant::now() });
        visitor
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub(super) fn is_same(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

fn cookies<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs.filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// 244 bits from the operating system.
fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::super::origin::tests::{headers, origin};
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:8080";
    const EVERYWHERE: &str = "0.0.0.0:8080";

    fn guard(gate: Gate) -> Access {
        Access::new(gate, origin(None), LOOPBACK.parse().unwrap()).unwrap()
    }

    fn cookie(guess: Guess) -> String {
        let Guess::Right(cookie) = guess else { panic!("{guess:?}") };
        cookie
    }

    fn session(cookie: &str) -> HeaderMap {
        headers(&[("cookie", &format!("other=1; {}", cookie.split(';').next().unwrap()))])
    }

    #[test]
    fn what_other_machines_can_reach_says_who_comes_and_how_it_is_called() {
        let listen: SocketAddr = EVERYWHERE.parse().unwrap();
        assert!(matches!(Origin::of(listen, None), Err(AccessError::NoPublicUrl(_))));
        let url: url::Url = "https://letters.example.com".parse().unwrap();
        let origin = Origin::of(listen, Some(&url)).unwrap();
        assert!(matches!(Access::new(Gate::once("ada".into()), origin.clone(), listen), Err(AccessError::Open(_))));
        assert!(Access::new(Gate::token("0123456789abcdef").unwrap(), origin, listen).is_ok());
        assert!(matches!(Gate::token("0123456789abcde\n"), Err(AccessError::ShortToken(15))));
        for wrong in
            ["https://example.com/letters", "ftp://example.com", "https://a@example.com", "https://example.com/?q"]
        {
            assert!(
                matches!(Origin::of(listen, Some(&wrong.parse().unwrap())), Err(AccessError::PublicUrl(_))),
                "{wrong}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_printed_token_lets_in_once_and_a_wrong_one_costs_a_second() {
        let guard = guard(Gate::once("ada".into()));
        let address = guard.printed_address();
        let (begin, token) = address.split_once("?token=").unwrap();
        assert_eq!(begin, "http://127.0.0.1:8080/login");
        let before = Instant::now();
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(guard.log_in(peer, "wrong", None).await, Guess::Wrong);
        assert_eq!(before.elapsed(), AFTER_A_WRONG_TOKEN);
        let cookie = cookie(guard.log_in(peer, token, None).await);
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800"), "{cookie}");
        assert_eq!(guard.visitor(&session(&cookie), peer).unwrap().user, "ada");
        assert_eq!(guard.log_in(peer, token, None).await, Guess::Wrong);
        assert_eq!(guard.printed_address(), "http://127.0.0.1:8080");
        assert!(guard.visitor(&session("bwp_session=other"), peer).is_none());
        guard.log_out(&session(&cookie));
        assert!(guard.visitor(&session(&cookie), peer).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_token_waits_for_no_wrong_one_and_few_of_those_wait() {
        let guard = guard(Gate::token("0123456789abcdef").unwrap());
        let peer = IpAddr::from([127, 0, 0, 1]);
        let mut wrong: Vec<_> = (0..WAITING).map(|_| Box::pin(guard.log_in(peer, "wrong", Some("eve")))).collect();
        let begun = futures_util::future::poll_immediate(futures_util::future::join_all(wrong.iter_mut())).await;
        assert_eq!(begun, None, "they wait");
        assert_eq!(guard.log_in(peer, "wrong", Some("eve")).await, Guess::TooMany);
        let before = Instant::now();
        cookie(guard.log_in(peer, "0123456789abcdef", Some("ada")).await);
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_after_eight_hours() {
        let guard = guard(Gate::token("0123456789abcdef").unwrap());
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(guard.log_in(peer, "0123456789abcdef", None).await, Guess::Wrong, "nobody without a name");
        let cookie = cookie(guard.log_in(peer, "0123456789abcdef", Some("ada")).await);
        tokio::time::advance(SESSION_LASTS - Duration::from_secs(1)).await;
        assert!(guard.visitor(&session(&cookie), peer).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(guard.visitor(&session(&cookie), peer).is_none());
    }

    #[test]
    fn a_name_counts_only_when_the_proxy_alone_tells_it() {
        let proxy = IpAddr::from([10, 0, 0, 1]);
        let guard = guard(Gate::Proxy { address: proxy, header: HeaderName::from_static("x-user") });
        let told = headers(&[("x-user", "ada")]);
        let visitor = guard.visitor(&told, proxy).unwrap();
        assert_eq!(visitor.user, "ada");
        assert_eq!(guard.visitor(&told, "::ffff:10.0.0.1".parse().unwrap()).unwrap().form_token, visitor.form_token);
        assert!(guard.visitor(&told, IpAddr::from([127, 0, 0, 1])).is_none());
        assert!(guard.visitor(&headers(&[("x-user", "ada"), ("x-user", "eve")]), proxy).is_none());
        assert!(guard.visitor(&headers(&[("x-user", " ")]), proxy).is_none());
        assert_eq!(guard.visitor(&headers(&[("x-user", "jürgen")]), proxy).unwrap().user, "jürgen");
    }
}
