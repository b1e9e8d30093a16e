//! Recording metadata (RFC 7865): what the XML of a recording client says.
//!
//! Read by the names of its elements alone, in any case, whatever their namespaces and prefixes, and
//! in the form of the drafts as well (`id=` and `session=` for `participant_id=` and associations,
//! `send` and `recv` inside the participant): every vendor writes its own. What is not known is an
//! extension, or nothing. No entity is resolved but those XML itself has and characters by number,
//! and everything that is kept has a bound. What the parts mean together is `picture`'s.

use crate::pii::Pii;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Sessions, participants, streams and associations kept of one document, of each kind.
pub const MAX_ITEMS: usize = 64;
/// Extension data kept of one document.
pub const MAX_EXTENSIONS: usize = 128;
/// Characters kept of one id, name or value.
pub const MAX_TEXT: usize = 256;
/// Elements inside one another, at most.
const MAX_DEPTH: usize = 32;
/// Elements looked at in one document.
const MAX_ELEMENTS: usize = 10_000;

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `dataMode`: only what has changed. [`None`] where it does not say.
    pub is_partial: Option<bool>,
    /// Communication sessions.
    pub sessions: Vec<SessionData>,
    /// Who takes part.
    pub participants: Vec<ParticipantData>,
    /// Media streams.
    pub streams: Vec<StreamData>,
    /// Who takes part in what.
    pub memberships: Vec<Membership>,
    /// Who sends what.
    pub senders: Vec<Sending>,
    /// Everything else that has a value.
    pub extensions: Vec<Extension>,
    /// Something found no room.
    pub is_cut: bool,
}

/// `session`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionData {
    /// Its id.
    pub id: String,
    /// `sipSessionID`: the first one's.
    pub sip_session_id: Option<String>,
    /// `group-ref`, or the group it stands for.
    pub group: Option<String>,
    /// It has a `stop-time`, or its recording a `disassociate-time`.
    pub is_over: bool,
}

/// `participant`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParticipantData {
    /// Its id.
    pub id: String,
    /// `aor` of its first `nameID` that has one.
    pub aor: Option<Pii<String>>,
    /// `name` of it.
    pub name: Option<Pii<String>>,
}

/// `stream`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamData {
    /// Its id.
    pub id: String,
    /// `label` of the media description it is sent by (RFC 4574).
    pub label: Option<String>,
    /// The session it is of.
    pub session: Option<String>,
}

/// `participantsessionassoc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub participant: String,
    /// In what.
    pub session: String,
    /// He has left: `disassociate-time`.
    pub has_left: bool,
}

/// `participantstreamassoc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    /// Who.
    pub participant: String,
    /// Streams with his voice.
    pub streams: Vec<String>,
    /// No more: `disassociate-time`.
    pub has_ended: bool,
}

/// What an extension is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// All of it.
    #[default]
    Recording,
    /// The session of this id.
    Session(String),
    /// The participant of this id.
    Participant(String),
}

/// A value that RFC 7865 does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// What it is about.
    pub about: Subject,
    /// Name of its element; of the header it holds where the element is called `header`.
    pub name: String,
    /// Its text.
    pub value: Pii<String>,
}

/// Why bytes are no metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// No element `recording`.
    #[error("no element recording")]
    NoRecording,
}

impl Metadata {
    /// Reads a document; one that breaks off, or is no well-formed XML from somewhere on, is read up to there.
    ///
    /// # Errors
    /// [`MetadataError`]
    pub fn parse(xml: &[u8]) -> Result<Metadata, MetadataError> {
        let text = String::from_utf8_lossy(xml);
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        config.expand_empty_elements = true;
        let mut walk = XmlWalk::default();
        for _ in 0..MAX_ELEMENTS {
            match reader.read_event() {
                Ok(Event::Start(e)) => walk.open(&e),
                Ok(Event::End(_)) => walk.close(),
                Ok(Event::Text(t)) => walk.text(&t.xml10_content()),
                Ok(Event::CData(t)) => walk.text(&t.xml10_content()),
                Ok(Event::GeneralRef(r)) => match r.resolve_char_ref() {
                    Ok(Some(c)) => walk.text(c.encode_utf8(&mut [0; 4])),
                    _ => walk.text(predefined(&r.xml10_content())),
                },
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        while !walk.open.is_empty() {
            walk.close();
        }
        if walk.has_recording { Ok(walk.out) } else { Err(MetadataError::NoRecording) }
    }
}

/// The entities of XML 1.0 §4.6.
fn predefined(name: &str) -> &'static str {
    match name {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
}

/// An element that is open.
#[derive(Default)]
struct Element {
    /// Local name in lower case, and as it was written.
    name: String,
    written: String,
    /// Attributes by local name in lower case.
    attributes: Vec<(String, String)>,
    text: String,
    has_children: bool,
}

impl Element {
    fn attribute(&self, names: &[&str]) -> Option<String> {
        let of = |n: &&str| self.attributes.iter().find(|(k, v)| k == n && !v.is_empty());
        names.iter().find_map(of).map(|(_, v)| v.clone())
    }
}

#[derive(Default)]
struct XmlWalk {
    open: Vec<Element>,
    /// Elements that are too deep to be kept.
    beyond: usize,
    out: Metadata,
    has_recording: bool,
}

impl XmlWalk {
    fn open(&mut self, e: &BytesStart<'_>) {
        if let Some(parent) = self.open.last_mut() {
            parent.has_children = true;
        }
        if self.open.len() >= MAX_DEPTH {
            self.beyond += 1;
            return;
        }
        let written = cut(e.local_name().as_ref());
        let attributes = e.html_attributes().filter_map(Result::ok).take(16).map(|a| {
            let value =
                a.normalized_value(XmlVersion::Implicit1_0).map_or_else(|_| cut(&a.value), |v| cut(&v));
            (a.key.local_name().as_ref().to_ascii_lowercase(), value.trim().to_owned())
        });
        let attributes = attributes.collect();
        let name = written.to_ascii_lowercase();
        self.has_recording |= name == "recording";
        let element = Element { name, written, attributes, ..Element::default() };
        self.begin(&element);
        self.open.push(element);
    }

    fn text(&mut self, text: &str) {
        if self.beyond == 0
            && let Some(e) = self.open.last_mut()
        {
            let room = MAX_TEXT.saturating_sub(e.text.chars().count());
            e.text.extend(text.chars().take(room));
        }
    }

    /// What an element's beginning says.
    fn begin(&mut self, e: &Element) {
        let id = |own: &str| e.attribute(&[own, "id"]).unwrap_or_default();
        let out = &mut self.out;
        // Whatever a vendor's extension calls so is none of ours.
        if self.open.iter().any(|o| is_extension(&o.name)) {
            return;
        }
        match &*e.name {
            "session" => {
                let id = e.attribute(&["session_id", "id", "session"]).unwrap_or_default();
                if let Some(value) = e.attribute(&["direction"]) {
                    let (about, name) = (Subject::Session(id.clone()), "direction".to_owned());
                    out.extensions.push(Extension { about, name, value: Pii::new(value) });
                }
                push(&mut out.sessions, SessionData { id, ..SessionData::default() }, &mut out.is_cut);
            }
            "participant" => {
                let id = id("participant_id");
                if let Some(session) = e.attribute(&["session", "session_id"]) {
                    let member = Membership { participant: id.clone(), session, has_left: false };
                    push(&mut out.memberships, member, &mut out.is_cut);
                }
                push(&mut out.participants, ParticipantData { id, ..Default::default() }, &mut out.is_cut);
            }
            "stream" => {
                let id = e.attribute(&["stream_id", "id", "streamid"]).unwrap_or_default();
                let (label, session) = (e.attribute(&["label"]), e.attribute(&["session_id", "session"]));
                push(&mut out.streams, StreamData { id, label, session }, &mut out.is_cut);
            }
            "participantsessionassoc" => {
                let participant = id("participant_id");
                let session = e.attribute(&["session_id", "session"]).unwrap_or_default();
                let member = Membership { participant, session, has_left: false };
                push(&mut out.memberships, member, &mut out.is_cut);
            }
            "participantstreamassoc" => {
                let participant = id("participant_id");
                push(&mut out.senders, Sending { participant, ..Sending::default() }, &mut out.is_cut);
            }
            "nameid" => {
                if let (Some(p), Some(aor)) = (out.participants.last_mut(), e.attribute(&["aor"])) {
                    p.aor.get_or_insert(Pii::new(aor));
                }
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let Some(e) = self.open.pop() else { return };
        let text = e.text.trim().to_owned();
        let is_within = |name: &str| self.open.iter().any(|o| o.name == name);
        let parent = self.open.last().map_or("", |p| &*p.name).to_owned();
        if self.open.iter().any(|o| is_extension(&o.name)) {
            return self.extension(&e, text);
        }
        let out = &mut self.out;
        match (&*e.name, &*parent) {
            ("datamode", _) => out.is_partial = Some(text.eq_ignore_ascii_case("partial")),
            ("sipsessionid", _) => {
                if let Some(s) = out.sessions.last_mut().filter(|_| !text.is_empty()) {
                    s.sip_session_id.get_or_insert(text);
                }
            }
            ("group-ref", _) => {
                if let Some(s) = out.sessions.last_mut() {
                    s.group = Some(text);
                }
            }
            ("stop-time", "session") => {
                if let Some(s) = out.sessions.last_mut() {
                    s.is_over = true;
                }
            }
            ("label", "stream") => {
                if let Some(s) = out.streams.last_mut() {
                    s.label = Some(text);
                }
            }
            ("name", "nameid") | ("name", "participant") => {
                if let Some(p) = out.participants.last_mut().filter(|_| !text.is_empty()) {
                    p.name.get_or_insert(Pii::new(text));
                }
            }
            ("aor", _) if is_within("participant") => {
                if let Some(p) = out.participants.last_mut().filter(|_| !text.is_empty()) {
                    p.aor.get_or_insert(Pii::new(text));
                }
            }
            ("send", "participantstreamassoc") => {
                if let Some(s) = out.senders.last_mut() {
                    push(&mut s.streams, text, &mut out.is_cut);
                }
            }
            ("send", "participant") => {
                if let Some(p) = out.participants.last() {
                    let sending =
                        Sending { participant: p.id.clone(), streams: vec![text], has_ended: false };
                    push(&mut out.senders, sending, &mut out.is_cut);
                }
            }
            ("disassociate-time", _) => self.left(&parent),
            ("recv" | "associate-time" | "start-time" | "reason" | "start" | "end" | "recording", _) => {}
            ("session" | "participant" | "stream" | "nameid" | "group" | "name" | "mode" | "type", _) => {}
            _ => self.extension(&e, text),
        }
    }

    /// `disassociate-time` in what was begun last.
    fn left(&mut self, parent: &str) {
        let session = self.open.last().and_then(|e| e.attribute(&["session_id", "id"]));
        let out = &mut self.out;
        match parent {
            "participantsessionassoc" => {
                out.memberships.last_mut().into_iter().for_each(|m| m.has_left = true)
            }
            "participantstreamassoc" => out.senders.last_mut().into_iter().for_each(|s| s.has_ended = true),
            "sessionrecordingassoc" => {
                let session = session.unwrap_or_default();
                match out.sessions.iter_mut().find(|s| s.id == session) {
                    Some(s) => s.is_over = true,
                    None => {
                        let over = SessionData { id: session, is_over: true, ..SessionData::default() };
                        push(&mut out.sessions, over, &mut out.is_cut);
                    }
                }
            }
            "session" => out.sessions.last_mut().into_iter().for_each(|s| s.is_over = true),
            _ => {}
        }
    }

    /// A value of a vendor's.
    fn extension(&mut self, e: &Element, text: String) {
        // `<header label="Diversion"><value>...`, `<header name="Diversion">...`
        let parent = self.open.last();
        let is_value = e.name == "value";
        let named = parent.filter(|_| is_value).or(Some(e)).and_then(|e| e.attribute(&["label", "name"]));
        let outer = || parent.filter(|_| is_value).map(|p| p.written.clone());
        let name = named.or_else(outer).unwrap_or_else(|| e.written.clone());
        if text.is_empty() || e.has_children && e.name != "header" {
            return;
        }
        let about = self.open.iter().rev().find_map(|o| {
            let id = |names: &[&str]| o.attribute(names);
            match &*o.name {
                "participant" => id(&["participant_id", "id"]).map(Subject::Participant),
                "session" => id(&["session_id", "id"]).map(Subject::Session),
                _ => None,
            }
        });
        let extension = Extension { about: about.unwrap_or_default(), name, value: Pii::new(text) };
        let out = &mut self.out;
        match out.extensions.len() < MAX_EXTENSIONS {
            true => out.extensions.push(extension),
            false => out.is_cut = true,
        }
    }
}

/// RFC 7865 §6.9 has extensions in an element of their own; so have the drafts.
fn is_extension(name: &str) -> bool {
    matches!(name, "extensiondata" | "extension" | "calldata")
}

fn push<T>(list: &mut Vec<T>, item: T, is_cut: &mut bool) {
    match list.len() < MAX_ITEMS {
        true => list.push(item),
        false => *is_cut = true,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
#[path = "tests/rs_metadata.rs"]
mod tests;
