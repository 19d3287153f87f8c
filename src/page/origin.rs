//! The page's own address: which requests were meant for it, and which forms are its own.
//!
//! Not here: who sent them; see `access`.

use std::net::SocketAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};
use url::Url;

/// Settings that would leave the page open to others.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Others can reach it, and nothing says who they are.
    #[error(
        "{0} can be reached from other machines: that needs `--token-file`, or `--trust-proxy-user` with `--proxy`"
    )]
    Open(SocketAddr),
    /// Others can reach it, under a name that is not told.
    #[error("{0} can be reached from other machines: `--public-url` must say the address that browsers use")]
    NoPublicUrl(SocketAddr),
    /// No address of a page.
    #[error("`--public-url`: expected `https://host` or `http://host`, without a path, got `{0}`")]
    PublicUrl(Url),
    /// A token that can be guessed.
    #[error("the token of `--token-file` has {0} characters: expected at least 16")]
    ShortToken(usize),
}

/// The address at which browsers find the page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// Values of `Host` that are ours.
    hosts: Vec<String>,
    /// Values of `Origin` that are ours.
    origins: Vec<String>,
    /// Whether browsers come by https.
    pub is_secure: bool,
}

impl Origin {
    /// The page's address: as it is told, else that at which it listens.
    ///
    /// # Errors
    /// Other machines can reach it, and its name is not told; or the name is none.
    pub fn of(listen: SocketAddr, public: Option<&Url>) -> Result<Self, AccessError> {
        let Some(url) = public else {
            if !listen.ip().is_loopback() {
                return Err(AccessError::NoPublicUrl(listen));
            }
            let mut hosts = vec![listen.to_string(), format!("localhost:{}", listen.port())];
            // browsers leave this one out
            if listen.port() == 80 {
                hosts.iter_mut().for_each(|host| host.truncate(host.len() - ":80".len()));
            }
            let origins = hosts.iter().map(|host| format!("http://{host}")).collect();
            return Ok(Self { hosts, origins, is_secure: false });
        };
        let is_plain =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let host = url.host_str().filter(|_| is_plain && matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| AccessError::PublicUrl(url.clone()))?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let origin = format!("{}://{host}", url.scheme());
        Ok(Self { hosts: vec![host], origins: vec![origin], is_secure: url.scheme() == "https" })
    }

    /// The address for people.
    pub fn address(&self) -> &str {
        self.origins.first().map_or("", String::as_str)
    }

    /// Whether a request was meant for this page: a name of somebody else's that leads here is none of ours.
    pub(super) fn is_asked(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        host.is_some_and(|host| self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host)))
    }

    /// Whether a form came from a page of ours. A browser says so; one that says nothing is no browser of today.
    pub(super) fn is_sender(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        match (text(HeaderName::from_static("sec-fetch-site")), text(ORIGIN)) {
            (Some(site), _) if site != "same-origin" => false,
            (_, Some(origin)) => self.origins.iter().any(|ours| ours == origin),
            (Some(_), None) => true,
            (None, None) => false,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use axum::http::HeaderValue;

    use super::*;

    pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    pub(crate) fn origin(public: Option<&str>) -> Origin {
        Origin::of("127.0.0.1:8080".parse().unwrap(), public.map(|url| url.parse().unwrap()).as_ref()).unwrap()
    }

    #[test]
    fn only_a_name_of_ours_is_answered() {
        let (here, told) = (origin(None), origin(Some("https://letters.example.com")));
        for (host, is_here, is_told) in [
            ("127.0.0.1:8080", true, false),
            ("localhost:8080", true, false),
            ("LOCALHOST:8080", true, false),
            ("localhost", false, false),
            ("evil.example.com:8080", false, false),
            ("letters.example.com", false, true),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!((here.is_asked(&headers), told.is_asked(&headers)), (is_here, is_told), "{host}");
        }
        assert!(!here.is_asked(&HeaderMap::new()));
    }

    #[test]
    fn a_form_of_another_page_is_none_of_ours() {
        let here = origin(None);
        for (pairs, is_ours) in [
            (&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8080")][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "http://127.0.0.1:8080")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://localhost:8080")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://127.0.0.1:8080")], false),
            (&[("origin", "http://127.0.0.1:8081")], false),
            (&[], false),
        ] {
            assert_eq!(here.is_sender(&headers(pairs)), is_ours, "{pairs:?}");
        }
    }

    #[test]
    fn behind_https_the_cookie_is_for_https_alone() {
        let origin = origin(Some("https://letters.example.com"));
        assert!(origin.is_secure && origin.address() == "https://letters.example.com");
    }
}
