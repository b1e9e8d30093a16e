//! Hearing: the waveform of a recording, and its sound, any range of it.

use super::super::RoomState;
use super::super::guard::Caller;
use super::super::pcm::{Pcm, RequestedRange, asked};
use super::super::problem::ProblemDetails;
use super::answer::{PathName, QueryOf};
use super::finding::{granted, refuse, resolve};
use crate::archive::index::Row;
use crate::config::ListenReason;
use crate::custody::access::{Deed, Denied};
use crate::custody::audit::{Action, Draft, EntryFacts, Why, facts};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response as Answer, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use serde::Deserialize;
use serde_json::json;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Bytes made at once.
const PIECE: u64 = 128 << 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hearing {
    #[serde(default)]
    reason: Option<String>,
}

impl Hearing {
    fn reason(&self) -> Result<Option<ListenReason>, ProblemDetails> {
        match self.reason.as_deref().filter(|reason| !reason.is_empty()) {
            None => Ok(None),
            Some(word) => ListenReason::from_name(word).map(Some).ok_or_else(|| {
                let words: Vec<_> = ListenReason::ALL.iter().map(|reason| reason.name()).collect();
                ProblemDetails::bad(format!("reason: one of {}", words.join(", ")))
            }),
        }
    }
}

/// The recording, if it may be heard; what is refused is told.
fn recording_to_hear(
    room: &RoomState,
    caller: &Caller,
    id: &str,
    reason: Option<ListenReason>,
    action: Action,
) -> Result<Row, ProblemDetails> {
    let row = resolve(room, caller, id, action)?;
    let asker = caller.asker(room);
    let approved = granted(room, &asker, row.id);
    match asker.may(Deed::Hear { reason, approved }, &row) {
        Ok(()) => Ok(row),
        // The waveform is shown before somebody says why he listens.
        Err(Denied::ReasonMissing) if action == Action::Show => Ok(row),
        Err(why) => Err(refuse(room, caller, &row, Draft::new(action).why(why_of(reason)), why)?),
    }
}

fn why_of(reason: Option<ListenReason>) -> Why {
    Why { reason: reason.map(|reason| reason.name().into()), ..Why::default() }
}

pub(super) async fn peaks(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    QueryOf(hearing): QueryOf<Hearing>,
) -> Result<Response, ProblemDetails> {
    caller.scope("hear")?;
    let reason = hearing.reason()?;
    let text = room
        .blocking(move |room| {
            let row = recording_to_hear(room, &caller, &id, reason, Action::Show)?;
            caller
                .write_log(room, Draft::new(Action::Show).on([row.id]).detail(facts! { Waveform: true }))?;
            if let Some(known) = room.known_peaks(row.id, &row.sha256) {
                return Ok(known);
            }
            let pcm = open(room, &row)?;
            let [customer, agent] = pcm.peaks().map_err(|e| unreadable(&e))?;
            let seconds = pcm.frames() as f64 / f64::from(pcm.rate());
            let body = json!({ "duration_s": seconds, "customer": customer, "agent": agent });
            let text: Arc<str> = body.to_string().into();
            room.remember_peaks(row.id, &row.sha256, &text);
            Ok(text)
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response())
}

pub(super) async fn audio(
    State(room): State<Arc<RoomState>>,
    caller: Caller,
    PathName(id): PathName,
    QueryOf(hearing): QueryOf<Hearing>,
    headers: HeaderMap,
) -> Result<Response, ProblemDetails> {
    caller.scope("hear")?;
    let reason = hearing.reason()?;
    let asked = AskedSound::of(&headers);
    let (pcm, range, tag) = room
        .blocking(move |room| {
            let row = recording_to_hear(room, &caller, &id, reason, Action::Listen)?;
            let pcm = open(room, &row)?;
            let (range, tag, detail) = asked.judged(&pcm, &row.sha256);
            caller.write_log(
                room,
                Draft::new(Action::Listen).on([row.id]).why(why_of(reason)).detail(detail),
            )?;
            room.accounts(|a| a.note_heard(caller.name(), caller.now()))?;
            Ok((pcm, range, tag))
        })
        .await?;
    answer(&room, pcm, range, &tag)
}

/// Which bytes of a sound a browser asks for.
pub(super) struct AskedSound {
    range: Option<String>,
    if_range: Option<String>,
}

impl AskedSound {
    pub(super) fn of(headers: &HeaderMap) -> AskedSound {
        let text =
            |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        AskedSound { range: text(header::RANGE), if_range: text(header::IF_RANGE) }
    }

    /// What of a sound it is, its mark, and the seconds for the log.
    pub(super) fn judged(&self, pcm: &Pcm, sha256: &str) -> (RequestedRange, String, EntryFacts) {
        let tag = format!("\"{sha256}\"");
        // Of another file than the browser began with, all of it.
        let fits = self.if_range.as_ref().is_none_or(|known| *known == tag);
        let range = asked(self.range.as_deref().filter(|_| fits), pcm.len());
        let bytes = match &range {
            RequestedRange::Whole => 0..pcm.len(),
            RequestedRange::Part(range) => range.clone(),
            RequestedRange::Nothing => 0..0,
        };
        let (from, to) = pcm.seconds(&bytes);
        let millis = |s: f64| (s * 1e3).round() / 1e3;
        (range, tag, facts! { FromS: millis(from), ToS: millis(to) })
    }
}

fn open(room: &RoomState, row: &Row) -> Result<Pcm, ProblemDetails> {
    room.desk.sound(row).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ProblemDetails::from(Denied::Missing),
        _ => {
            tracing::error!(reason = %error, "a recording cannot be read");
            ProblemDetails::UNAVAILABLE
        }
    })
}

fn unreadable(error: &io::Error) -> ProblemDetails {
    tracing::error!(reason = %error.kind(), "a recording cannot be read");
    ProblemDetails::UNAVAILABLE
}

pub(super) fn answer(
    room: &Arc<RoomState>,
    pcm: Pcm,
    asked: RequestedRange,
    tag: &str,
) -> Result<Response, ProblemDetails> {
    let len = pcm.len();
    let (status, bytes) = match asked {
        RequestedRange::Whole => (StatusCode::OK, 0..len),
        RequestedRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        RequestedRange::Nothing => {
            let problem =
                ProblemDetails::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "Nothing lies in that range");
            let mut response = problem.into_response();
            let value =
                HeaderValue::try_from(format!("bytes */{len}")).map_err(|_| ProblemDetails::BROKEN)?;
            response.headers_mut().insert(header::CONTENT_RANGE, value);
            return Ok(response);
        }
    };
    let mut answer = Answer::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "audio/wav")
        .header(header::CONTENT_DISPOSITION, "inline")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, tag)
        .header(header::CONTENT_LENGTH, bytes.end - bytes.start);
    if status == StatusCode::PARTIAL_CONTENT {
        let value = format!("bytes {}-{}/{len}", bytes.start, bytes.end.saturating_sub(1));
        answer = answer.header(header::CONTENT_RANGE, value);
    }
    let sound = Sound { room: Arc::clone(room), pcm: Arc::new(pcm), left: bytes, next: None };
    answer.body(Body::new(sound)).map_err(|_| ProblemDetails::BROKEN)
}

/// Bytes being made.
type Making = Pin<Box<dyn Future<Output = Result<Vec<u8>, ProblemDetails>> + Send>>;

/// A body that is made as it is read: whoever reads slowly keeps no thread.
struct Sound {
    room: Arc<RoomState>,
    pcm: Arc<Pcm>,
    left: Range<u64>,
    next: Option<Making>,
}

impl hyper::body::Body for Sound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.left.start..self.left.end.min(self.left.start + PIECE);
        let (pcm, range) = (Arc::clone(&self.pcm), piece.clone());
        let room = Arc::clone(&self.room);
        let making = self.next.get_or_insert_with(|| {
            Box::pin(async move { room.blocking(move |_| pcm.read(range).map_err(|e| unreadable(&e))).await })
        });
        let made = ready!(making.as_mut().poll(cx));
        self.next = None;
        match made {
            Ok(bytes) => {
                self.left.start = piece.end;
                Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
            }
            Err(_) => {
                self.left = 0..0;
                Poll::Ready(Some(Err(io::Error::other("the recording cannot be read"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.end - self.left.start)
    }
}
