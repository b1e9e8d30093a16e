//! What is known of a recording session by all its metadata so far.
//!
//! RFC 7865 §7, RFC 7866 §9: the first document is complete, later ones are complete again or tell what
//! has changed. What a document leaves out is filled in as far as there is one way to read it: without
//! associations everybody takes part in what there is, and streams and participants are of one order.

use super::rs_metadata::{
    Extension, MAX_EXTENSIONS, MAX_ITEMS, Metadata, ParticipantData, SessionData, Subject,
};
use super::rs_metadata::{Membership, Sending, StreamData};
use crate::pii::Pii;
use crate::sip::{Scheme, Uri};

/// The latest of everything.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    sessions: Vec<SessionData>,
    participants: Vec<ParticipantData>,
    streams: Vec<StreamData>,
    memberships: Vec<Membership>,
    senders: Vec<Sending>,
    extensions: Vec<Extension>,
}

/// A communication session as it is now.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Its id; empty where it has none.
    pub id: String,
    /// Its Session-ID (RFC 7989), or what the client takes for one.
    pub sip_session_id: Option<String>,
    /// The group it is of.
    pub group: Option<String>,
    /// Who takes part, in the order of the metadata.
    pub members: Vec<Participant>,
    /// For each media line, who is heard on it: places in `members`.
    pub voices: Vec<Vec<usize>>,
    /// What else is told of it, or of all.
    pub extensions: Vec<Extension>,
}

/// Somebody in a [`Scene`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Participant {
    /// Its id in the metadata.
    pub id: String,
    /// User part of its address; [`None`] where it has none.
    pub user: Option<Pii<String>>,
    /// What else is told of it.
    pub extensions: Vec<Extension>,
}

/// A media line as far as it matters here.
#[derive(Clone, Debug, Default)]
pub struct LineName {
    /// `a=label`.
    pub label: Option<String>,
    /// It is audio that was accepted.
    pub is_audio: bool,
}

impl Picture {
    /// Nothing is known of anybody.
    pub fn is_empty(&self) -> bool {
        self.participants.is_empty()
    }

    /// Takes a document in.
    pub fn take_in(&mut self, new: Metadata) {
        let has_frame = !new.sessions.is_empty() || !new.streams.is_empty();
        let is_whole = has_frame && !new.participants.is_empty();
        if !new.is_partial.unwrap_or(!is_whole) {
            let Metadata { sessions, participants, streams, memberships, senders, extensions, .. } = new;
            *self = Picture { sessions, participants, streams, memberships, senders, extensions };
            return;
        }
        for s in new.sessions {
            match self.sessions.iter_mut().find(|o| o.id == s.id) {
                Some(old) => {
                    old.sip_session_id = s.sip_session_id.or(old.sip_session_id.take());
                    old.group = s.group.or(old.group.take());
                    old.is_over |= s.is_over;
                }
                None => push(&mut self.sessions, s),
            }
        }
        for p in new.participants {
            match self.participants.iter_mut().find(|o| o.id == p.id) {
                Some(old) => {
                    old.aor = p.aor.or(old.aor.take());
                    old.name = p.name.or(old.name.take());
                }
                None => push(&mut self.participants, p),
            }
        }
        for s in new.streams {
            match self.streams.iter_mut().find(|o| o.id == s.id) {
                Some(old) => {
                    old.label = s.label.or(old.label.take());
                    old.session = s.session.or(old.session.take());
                }
                None => push(&mut self.streams, s),
            }
        }
        for m in new.memberships {
            self.memberships.retain(|o| (&o.participant, &o.session) != (&m.participant, &m.session));
            push(&mut self.memberships, m);
        }
        self.senders.retain(|o| new.senders.iter().all(|s| s.participant != o.participant));
        new.senders.into_iter().for_each(|s| push(&mut self.senders, s));
        for e in new.extensions {
            self.extensions.retain(|o| (&o.about, &o.name) != (&e.about, &e.name));
            if self.extensions.len() < MAX_EXTENSIONS {
                self.extensions.push(e);
            }
        }
    }

    /// The sessions that go on, each with its share of the media `lines`.
    pub fn scenes(&self, lines: &[LineName]) -> Vec<Scene> {
        let implied = [SessionData::default()];
        let sessions = match self.sessions.is_empty() && !self.participants.is_empty() {
            true => &implied[..],
            false => &self.sessions,
        };
        let live: Vec<&SessionData> = sessions.iter().filter(|s| !s.is_over).collect();
        let is_only = live.len() == 1;
        live.into_iter().map(|s| self.scene(s, is_only, lines)).collect()
    }

    /// Is this session known to be over?
    pub fn is_over(&self, session: &str) -> bool {
        self.sessions.iter().any(|s| s.id == session && s.is_over)
    }

    /// The one who left a session, if there is one whose leaving was told and others are still there.
    pub fn left_first(&self, session: &str) -> Option<&str> {
        let of = |has_left: bool| {
            self.memberships.iter().filter(move |m| m.session == session && m.has_left == has_left)
        };
        let mut left = of(true);
        let first = left.next()?;
        (left.next().is_none() && of(false).next().is_some()).then_some(&*first.participant)
    }

    fn scene(&self, session: &SessionData, is_only: bool, lines: &[LineName]) -> Scene {
        let is_told = self.memberships.iter().any(|m| m.session == session.id);
        let is_member = |p: &&ParticipantData| {
            let mut of = self.memberships.iter().filter(|m| m.participant == p.id);
            match is_told {
                true => of.any(|m| m.session == session.id && !m.has_left),
                false => of.next().is_none(),
            }
        };
        let members: Vec<&ParticipantData> = self.participants.iter().filter(is_member).collect();
        let is_ours = |s: &StreamData| s.session.as_ref().map_or(is_only, |id| *id == session.id) || is_only;
        let streams: Vec<Option<&StreamData>> = self.streams_of(lines);
        let mut voices: Vec<Vec<usize>> = streams
            .iter()
            .map(|stream| {
                let Some(stream) = stream.filter(|s| is_ours(s)) else { return Vec::new() };
                let sends = |p: &ParticipantData| {
                    let own = self.senders.iter().filter(|s| s.participant == p.id && !s.has_ended);
                    own.flat_map(|s| &s.streams).any(|id| *id == stream.id)
                };
                (0..members.len()).filter(|i| sends(members[*i])).collect()
            })
            .collect();
        if is_only && voices.iter().all(Vec::is_empty) && self.senders.is_empty() {
            in_order(&mut voices, lines, members.len());
        }
        let of = |about: &Subject| self.extensions.iter().filter(|e| e.about == *about).cloned().collect();
        let member = |p: &&ParticipantData| {
            let extensions = of(&Subject::Participant(p.id.clone()));
            Participant { id: p.id.clone(), user: user_of(p), extensions }
        };
        let mut extensions: Vec<Extension> = of(&Subject::Session(session.id.clone()));
        let of_all: Vec<Extension> = if is_only { of(&Subject::Recording) } else { Vec::new() };
        extensions.extend(of_all);
        Scene {
            id: session.id.clone(),
            sip_session_id: session.sip_session_id.clone(),
            group: session.group.clone(),
            members: members.iter().map(member).collect(),
            voices,
            extensions,
        }
    }

    /// The stream of each line: by its label, else by its place.
    fn streams_of(&self, lines: &[LineName]) -> Vec<Option<&StreamData>> {
        let labelled = |l: &LineName| {
            let label = l.label.as_deref()?;
            self.streams.iter().find(|s| s.label.as_deref() == Some(label))
        };
        let by_label: Vec<_> = lines.iter().map(labelled).collect();
        if by_label.iter().any(Option::is_some) || self.streams.len() != lines.len() {
            return by_label;
        }
        self.streams.iter().map(Some).collect()
    }
}

/// Nobody is said to send anything: as many voices as lines are of one order, and one line is of all.
fn in_order(voices: &mut [Vec<usize>], lines: &[LineName], members: usize) {
    let audio: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].is_audio).collect();
    match audio[..] {
        [only] => voices[only] = (0..members).collect(),
        _ => audio.iter().zip(0..members).for_each(|(line, who)| voices[*line] = vec![who]),
    }
}

/// The user part of an address of record, in whatever form it is written; a name that is a number does
/// where it has none.
fn user_of(p: &ParticipantData) -> Option<Pii<String>> {
    let aor = p.aor.as_ref().map(Pii::as_str).unwrap_or_default();
    let inside = aor.rsplit_once('<').map_or(aor, |(_, uri)| uri);
    let uri = Uri::parse(inside.trim().trim_end_matches('>').as_bytes());
    let host = String::from_utf8_lossy(uri.host()).into_owned();
    if host.eq_ignore_ascii_case("anonymous.invalid") {
        return Some("anonymous".into());
    }
    let bare = || (uri.scheme() == Scheme::Other && !host.contains('.') && !host.is_empty()).then_some(host);
    let user = uri.user().map(|u| u.into_owned()).or_else(bare);
    let is_number = |n: &&str| n.len() > 1 && n.chars().all(|c| c.is_ascii_digit() || "+-. ".contains(c));
    let name = p.name.as_ref().map(Pii::as_str).filter(is_number);
    user.or_else(|| name.map(str::to_owned)).map(Pii::new)
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= MAX_ITEMS {
        list.remove(0);
    }
    list.push(item);
}
