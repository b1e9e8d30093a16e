//! HTTP for the agents' desktops: pause and resume the calls of the agent whose token it is.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/agents/{id}` | the agent's running calls |
//! | `POST /v1/agents/{id}/pause`, `/resume` | the same, once it is done; 404 where there is none |
//!
//! Each with `Authorization: Bearer TOKEN`. A token opens its own agent's calls and nothing else; of the tokens only
//! hashes are known here. Callers are strangers: connections, headers and time are bounded, no body
//! is read or repeated, and whoever guesses or asks too often is told to wait.

use super::errands::{Errands, NotDone, Switched};
use super::guests::Guests;
use super::protocol::RunningCall;
use crate::config::{Config, PauseBy, Switch};
use crate::custody::audit::Who;
use crate::id::short_hex;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// From the connection to the last byte of the answer.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// To the end of the request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes and lines of a request's header.
const MAX_HEADER: (usize, usize) = (8192, 64);
/// Longest token looked at, bytes.
const MAX_TOKEN: usize = 512;
/// Tokens in the file.
const MAX_TOKENS: usize = 20_000;
/// Longest file of tokens, bytes.
const MAX_FILE: u64 = 4 << 20;
/// Requests with a token: so many at once, and so many a second after that, for each token.
const OWN_RATE: (f64, f64) = (20.0, 5.0);
/// The same for requests without a right one, all together.
const WRONG_RATE: (f64, f64) = (30.0, 5.0);

/// Why agents' desktops cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DesktopError {
    /// The port cannot be had.
    #[error("pause.listen: cannot listen on {listen}: {source}")]
    Bind {
        /// As configured.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file of the tokens.
    #[error("pause.tokens: {file}{at}: {why}", file = file.display(), at = line.map_or(String::new(), |n| format!(", line {n}")))]
    Tokens {
        /// Which.
        file: PathBuf,
        /// Where in it.
        line: Option<usize>,
        /// What is wrong.
        why: String,
    },
}

/// One agent's token.
#[derive(Clone)]
struct AgentToken {
    agent: String,
    hash: [u8; 32],
}

/// An open port that nobody answers on yet.
pub struct DesktopPort {
    listener: TcpListener,
    addr: SocketAddr,
    tokens: Vec<AgentToken>,
}

impl std::fmt::Debug for DesktopPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DesktopPort({}, {} tokens)", self.addr, self.tokens.len())
    }
}

/// So many requests, and so many more a second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    looked: Instant,
}

/// What the connections share.
struct DesktopService {
    errands: Errands,
    tokens: Vec<AgentToken>,
    own: RefCell<Vec<Bucket>>,
    wrong: Cell<Bucket>,
}

impl DesktopPort {
    /// Opens the port of a checked configuration and reads the tokens; `None` where none is wanted.
    ///
    /// # Errors
    /// [`DesktopError`]
    pub fn open(config: &Config) -> Result<Option<DesktopPort>, DesktopError> {
        let Some(listen) = config.pause.listen else { return Ok(None) };
        let tokens = tokens(&config.pause.tokens)?;
        let refused = |source| DesktopError::Bind { listen, source };
        let listener = TcpListener::bind(listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        Ok(Some(DesktopPort { listener, addr, tokens }))
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The socket.
    pub(super) fn listener(&self) -> &TcpListener {
        &self.listener
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(&self, errands: &Errands) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let served = Rc::new(DesktopService {
            errands: errands.clone(),
            own: RefCell::new(vec![Bucket::full(OWN_RATE); self.tokens.len()]),
            tokens: self.tokens.clone(),
            wrong: Cell::new(Bucket::full(WRONG_RATE)),
        });
        let mut guests = Guests::default();
        loop {
            match listener.accept().await {
                Ok((stream, from)) => {
                    let task = tokio::task::spawn_local(converse(stream, from, Rc::clone(&served)));
                    errands.note_crowd(guests.let_in(task.abort_handle()));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

/// Reads `AGENT HASH` lines.
fn tokens(file: &Path) -> Result<Vec<AgentToken>, DesktopError> {
    let wrong = |line, why: &str| DesktopError::Tokens { file: file.into(), line, why: why.into() };
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|f| f.take(MAX_FILE).read_to_string(&mut text));
    read.map_err(|e| wrong(None, &e.to_string()))?;
    let mut all = Vec::new();
    for (n, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let [agent, hash] = parts[..] else {
            return Err(wrong(Some(n), "not an agent's id and a hash"));
        };
        let mut bytes = [0; 32];
        // What stands there is not repeated: it may be a token itself.
        if hex::decode_to_slice(hash, &mut bytes).is_err() {
            return Err(wrong(
                Some(n),
                "the second word is not a SHA-256 in hexadecimal (printf %s TOKEN | sha256sum)",
            ));
        }
        if all.len() == MAX_TOKENS {
            return Err(wrong(Some(n), "too many tokens"));
        }
        all.push(AgentToken { agent: agent.into(), hash: bytes });
    }
    Ok(all)
}

async fn converse(stream: tokio::net::TcpStream, from: SocketAddr, served: Rc<DesktopService>) {
    let service = service_fn(move |request| {
        let served = Rc::clone(&served);
        async move { Ok::<_, Infallible>(served.answer(&request, from).await) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER.0)
        .max_headers(MAX_HEADER.1)
        .serve_connection(TokioIo::new(stream), service);
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
}

/// What is asked for.
enum Wish {
    Look,
    Switch(Switch),
}

impl DesktopService {
    async fn answer(&self, request: &Request<Incoming>, from: SocketAddr) -> Response<Full<Bytes>> {
        let Some(known) = self.token_of(request) else {
            if !self.may_guess() {
                return wait();
            }
            let mut refused = problem(StatusCode::UNAUTHORIZED, "no token, or a wrong one");
            refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return refused;
        };
        if !self.own.borrow_mut().get_mut(known).is_none_or(|b| b.take(OWN_RATE)) {
            return wait();
        }
        let Some((agent, act)) = path(request.uri().path()) else {
            return problem(StatusCode::NOT_FOUND, "not found: /v1/agents/{id}, .../pause, .../resume");
        };
        let token = &self.tokens[known];
        if agent != token.agent {
            return problem(StatusCode::FORBIDDEN, "the token is another agent's");
        }
        let wish = match (act, request.method()) {
            (None, &Method::GET) => Wish::Look,
            (Some("pause"), &Method::POST) => Wish::Switch(Switch::Pause),
            (Some("resume"), &Method::POST) => Wish::Switch(Switch::Resume),
            (act, _) => {
                let mut refused =
                    problem(StatusCode::METHOD_NOT_ALLOWED, "GET to look, POST to pause and resume");
                let allowed = if act.is_none() { "GET" } else { "POST" };
                refused.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
                return refused;
            }
        };
        match wish {
            Wish::Look => {
                let calls = self.errands.of_agent(&token.agent).await;
                calls_answer(&token.agent, calls.map(|done| Switched { done, failed: Vec::new() }))
            }
            Wish::Switch(switch) => {
                let what = (switch, PauseBy::Http);
                let done = self.errands.switch_all(token.who(from), &token.agent, what).await;
                calls_answer(
                    &token.agent,
                    done.and_then(|all| if all.done.is_empty() { Err(NotDone::Unknown) } else { Ok(all) }),
                )
            }
        }
    }

    /// Whose token came along; all are compared, whatever is found.
    fn token_of(&self, request: &Request<Incoming>) -> Option<usize> {
        let value = request.headers().get(AUTHORIZATION)?.as_bytes();
        let is_bearer = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
        let token = value.get(7..).filter(|t| is_bearer && !t.is_empty() && t.len() <= MAX_TOKEN)?;
        let hash: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        let mut found = None;
        for (i, known) in self.tokens.iter().enumerate() {
            let differs = known.hash.iter().zip(hash).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
            if std::hint::black_box(differs) == 0 {
                found = Some(i);
            }
        }
        found
    }

    fn may_guess(&self) -> bool {
        let mut bucket = self.wrong.get();
        let may = bucket.take(WRONG_RATE);
        self.wrong.set(bucket);
        may
    }
}

impl AgentToken {
    /// For the audit log: the agent, and which of his tokens, without what would let anybody in.
    fn who(&self, from: SocketAddr) -> Who {
        let web = format!("agent {}", self.agent);
        Who::Web { web, session: hex::encode(&self.hash[..4]), address: from.ip() }
    }
}

impl Bucket {
    fn full((most, _): (f64, f64)) -> Bucket {
        Bucket { left: most, looked: Instant::now() }
    }

    fn take(&mut self, (most, a_second): (f64, f64)) -> bool {
        let now = Instant::now();
        let more = now.duration_since(self.looked).as_secs_f64() * a_second;
        (self.left, self.looked) = ((self.left + more).min(most), now);
        let is_there = self.left >= 1.0;
        self.left -= f64::from(u8::from(is_there));
        is_there
    }
}

/// The agent and what is to be done: `/v1/agents/2001/pause`.
fn path(path: &str) -> Option<(&str, Option<&str>)> {
    let rest = path.strip_prefix("/v1/agents/")?;
    let (agent, act) = rest.split_once('/').map_or((rest, None), |(agent, act)| (agent, Some(act)));
    let is_known = act.is_none_or(|act| matches!(act, "pause" | "resume"));
    (!agent.is_empty() && is_known).then_some((agent, act))
}

/// What a desktop needs to know of its calls, and no more.
fn calls_answer(agent: &str, done: Result<Switched, NotDone>) -> Response<Full<Bytes>> {
    let one = |c: &RunningCall| {
        json!({
            "id": short_hex(c.id),
            "service": c.service,
            "answered_at": c.answered_at,
            "state": c.state,
            "held": c.held,
            "may_pause": c.may_pause,
            "paused_at": c.paused_at,
            "resumes_at": c.resumes_at,
        })
    };
    match done {
        Ok(Switched { done, failed }) => {
            let calls: Vec<Value> = done.iter().map(one).collect();
            let mut body = json!({ "agent": agent, "calls": calls });
            if !failed.is_empty() {
                let one =
                    |(id, why): &(Uuid, NotDone)| json!({ "id": short_hex(*id), "error": reason(why).1 });
                body["failed"] = failed.iter().map(one).collect();
            }
            page(StatusCode::OK, &body)
        }
        Err(why) => {
            let (status, said) = reason(&why);
            problem(status, &said)
        }
    }
}

/// Why something was not done, as a desktop is told.
fn reason(why: &NotDone) -> (StatusCode, String) {
    match why {
        NotDone::Unknown | NotDone::Ended => (StatusCode::NOT_FOUND, "this agent has no running call".into()),
        NotDone::NotAllowed(_) | NotDone::Several(..) => (StatusCode::CONFLICT, why.to_string()),
        NotDone::Busy => (StatusCode::SERVICE_UNAVAILABLE, why.to_string()),
        // Which file, and what the system said of it, the log has.
        NotDone::NotLogged(_) | NotDone::DoneUnlogged(_) => {
            let said = match why {
                NotDone::DoneUnlogged(_) => "paused, but the audit log cannot be written",
                _ => "not done: the audit log cannot be written",
            };
            (StatusCode::SERVICE_UNAVAILABLE, said.into())
        }
    }
}

fn wait() -> Response<Full<Bytes>> {
    let mut refused = problem(StatusCode::TOO_MANY_REQUESTS, "too many requests");
    refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    refused
}

fn problem(status: StatusCode, why: &str) -> Response<Full<Bytes>> {
    page(status, &json!({ "error": why }))
}

fn page(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("/v1/agents/2001"), Some(("2001", None)));
        assert_eq!(path("/v1/agents/2001/pause"), Some(("2001", Some("pause"))));
        for wrong in
            ["/", "/v1/agents/", "/v1/agents//pause", "/v1/agents/2001/stop", "/v1/agents/2001/pause/x"]
        {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn tokens_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tokens");
        let hash = hex::encode(Sha256::digest(b"a token"));
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            tokens(&file)
                .map(|all| all.into_iter().map(|t| t.agent).collect::<Vec<_>>())
                .map_err(|e| e.to_string())
        };
        assert_eq!(
            read(&format!("# desk\n\n2001 {hash}\n2002  {}\n", hash.to_uppercase())).unwrap(),
            ["2001", "2002"]
        );
        for wrong in
            ["2001", "2001 a-token-in-clear", &format!("2001 {hash} x"), &format!("2001 {}", &hash[2..])]
        {
            let said = read(wrong).unwrap_err();
            assert!(said.contains("line 1") && !said.contains("a-token"), "{said}");
        }
        assert!(tokens(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_bucket_fills_again() {
        let mut bucket = Bucket::full((3.0, 1.0));
        assert_eq!([(); 4].map(|()| bucket.take((3.0, 1.0))), [true, true, true, false]);
        bucket.looked -= Duration::from_secs(2);
        assert_eq!([(); 3].map(|()| bucket.take((3.0, 1.0))), [true, true, false]);
        bucket.looked -= Duration::from_secs(3600);
        assert_eq!((0..10).filter(|_| bucket.take((3.0, 1.0))).count(), 3);
    }
}
