//! Who asks: the session or token of a request, and whether it may be a request at all.

use super::accounts::LoginSession;
use super::desk::Asker;
use super::problem::ProblemDetails;
use super::{RoomState, now};
use crate::config::listening::Act;
use crate::custody::access::{Directory, Person};
use crate::custody::audit::{By, Draft, Outcome, Who, facts};
use crate::time::Timestamp;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;

/// Name of the cookie.
pub const COOKIE: &str = "nauhuri";
/// Longest secret that is looked at.
const SECRET_MAX: usize = 128;

/// Where a request came from, as the server found out.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The browser's address, behind a trusted proxy as that one tells.
    pub address: IpAddr,
    /// The browser speaks TLS.
    pub secure: bool,
}

/// Somebody who is signed in, and may not have accepted the undertaking.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// The session.
    pub session: LoginSession,
    /// Who that is to the rules.
    pub person: Person,
    /// Who that is to the log, and when the request came.
    pub by: By,
    /// The cookie's secret; `None`: a token.
    pub cookie: Option<String>,
}

/// Somebody who is signed in and has accepted what there is to accept.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As above.
    pub entrant: Entrant,
    /// Who was in which team.
    pub directory: Arc<Directory>,
}

impl Caller {
    /// Name of the account.
    pub fn name(&self) -> &str {
        &self.entrant.person.name
    }

    /// When the request came.
    pub fn now(&self) -> Timestamp {
        self.entrant.by.at
    }

    /// For questions to the rules.
    pub fn asker<'a>(&'a self, room: &'a RoomState) -> Asker<'a> {
        let person = &self.entrant.person;
        Asker { policy: &room.policy, directory: &self.directory, person, now: self.now() }
    }

    /// Whether the token of the request, if it is one, reaches so far.
    pub fn scope(&self, word: &str) -> Result<(), ProblemDetails> {
        let within = |acts: &Vec<String>| acts.iter().any(|act| act == word);
        let fine = self.entrant.session.acts.as_ref().is_none_or(within);
        if fine { Ok(()) } else { Err(ProblemDetails::FORBIDDEN.with("the token does not reach so far")) }
    }

    /// Whether a role of his gives an act that is about no recording; the refusal is told.
    ///
    /// # Errors
    /// None does, or the log cannot be written.
    pub fn must_have(&self, room: &RoomState, act: Act, draft: Draft) -> Result<(), ProblemDetails> {
        self.scope(act.name())?;
        if room.policy.gives(&self.entrant.person, act) {
            return Ok(());
        }
        let told = draft.ended(Outcome::Refused).detail(facts! { Because: "no right" });
        room.desk.write_log(&self.entrant.by, told)?;
        Err(ProblemDetails::FORBIDDEN)
    }

    /// Tells the log.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_log(&self, room: &RoomState, draft: Draft) -> Result<(), ProblemDetails> {
        room.desk.write_log(&self.entrant.by, draft)
    }
}

impl FromRequestParts<Arc<RoomState>> for Entrant {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Entrant, ProblemDetails> {
        let address = parts.extensions.get::<Peer>().ok_or(ProblemDetails::BROKEN)?.address;
        let now = now();
        let (bearer, cookie) = (bearer(&parts.headers), session_cookie(&parts.headers));
        // Which session it is, and nothing that lets anybody in.
        let mark = bearer.as_ref().or(cookie.as_ref()).map(|secret| mark_of(secret)).unwrap_or_default();
        let found = match (bearer, cookie.clone()) {
            (Some(secret), _) => room.blocking(move |room| room.accounts(|a| a.bearer(&secret, now))).await?,
            (None, Some(secret)) => {
                must_be_own(&parts.method, &parts.headers)?;
                room.blocking(move |room| room.accounts(|a| a.session(&secret, now))).await?
            }
            (None, None) => None,
        };
        let session = found.ok_or(ProblemDetails::UNAUTHENTICATED)?;
        let person = session.account.person(address);
        let by = By::new(web(&person.name, mark, address), now);
        let cookie = cookie.filter(|_| session.acts.is_none());
        Ok(Entrant { session, person, by, cookie })
    }
}

impl FromRequestParts<Arc<RoomState>> for Caller {
    type Rejection = ProblemDetails;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<RoomState>) -> Result<Caller, ProblemDetails> {
        let entrant = Entrant::from_request_parts(parts, room).await?;
        let name = entrant.person.name.clone();
        let (accepted, directory) = room
            .blocking(move |room| {
                let accepted = match room.undertaking() {
                    Some(text) => room.accounts(|a| a.has_accepted(&name, &text.version))?,
                    None => true,
                };
                Ok((accepted, room.accounts(|a| a.directory())?))
            })
            .await?;
        if !accepted {
            return Err(ProblemDetails::UNDERTAKING);
        }
        Ok(Caller { entrant, directory: Arc::new(directory) })
    }
}

/// Somebody at the room, for the log.
pub fn web(name: &str, session: String, address: IpAddr) -> Who {
    Who::Web { web: name.to_owned(), session, address: address.to_canonical() }
}

/// By what a session is known in the log.
pub fn mark_of(secret: &str) -> String {
    hex::encode(&Sha256::digest(secret.as_bytes())[..4])
}

/// A change by cookie comes from a page of ours: no other site can send the header, nor
/// be the origin.
pub fn must_be_own(method: &Method, headers: &HeaderMap) -> Result<(), ProblemDetails> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let own = headers.get("x-nauhuri").is_some_and(|value| value.as_bytes() == b"1");
    if own && is_own_origin(headers) { Ok(()) } else { Err(ProblemDetails::CROSS_SITE) }
}

/// No `Origin`, or the one of the `Host`.
pub fn is_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (headers.get(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(host)) => {
            let origin = text(header::ORIGIN).unwrap_or_default();
            origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && secret.len() <= SECRET_MAX;
    fits.then(|| secret.trim().to_owned())
}

/// The secret of a session that the browser sent back.
pub fn session_cookie(headers: &HeaderMap) -> Option<String> {
    cookie_named(headers, COOKIE).filter(|secret| secret.len() <= SECRET_MAX)
}

/// One cookie that the browser sent back.
pub fn cookie_named(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
}

/// Has a browser keep the secret of a session, or forget it where `age` is `Some(0)`.
///
/// # Errors
/// The secret is none.
pub fn keep_session(
    response: &mut Response,
    secret: &str,
    peer: Peer,
    age: Option<u32>,
) -> Result<(), ProblemDetails> {
    let age = age.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    set_cookie(response, &format!("{COOKIE}={secret}; Path=/; SameSite=Strict{age}"), peer)
}

/// Adds a cookie that no script can read.
///
/// # Errors
/// It is none.
pub fn set_cookie(response: &mut Response, text: &str, peer: Peer) -> Result<(), ProblemDetails> {
    let secure = if peer.secure { "; Secure" } else { "" };
    let value =
        HeaderValue::try_from(format!("{text}; HttpOnly{secure}")).map_err(|_| ProblemDetails::BROKEN)?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(())
}

/// The address of the room as a browser sees it, without a path.
///
/// # Errors
/// The request names no host.
pub fn base(peer: Peer, headers: &HeaderMap) -> Result<String, ProblemDetails> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let fine = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    let host = host.filter(|host| !host.is_empty() && host.bytes().all(fine));
    let scheme = if peer.secure { "https" } else { "http" };
    host.map(|host| format!("{scheme}://{host}")).ok_or_else(|| ProblemDetails::bad("Host: missing, or none"))
}
