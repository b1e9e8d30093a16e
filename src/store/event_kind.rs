//! The words of a sidecar's streams and events.

use super::word::{Vocabulary, vocabulary, words};
use crate::config::PauseBy;
use crate::rtp::standing::Standing;
use crate::tape::FaultKind;

/// What an event is: `events[].kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The call was put on hold.
    Hold,
    /// It was taken off hold.
    Resume,
    /// A key was pressed; which one is not stored.
    KeyPress,
    /// A side changed its codec.
    Codec,
    /// Somebody else sent media in a party's name.
    Intruder,
    /// Sound was left out on purpose from there to its end.
    Pause,
    /// The caller cannot have heard the announcement: there was no time for it.
    NoAnnouncement,
    /// Something was wrong with the sound.
    Fault(FaultKind),
}

impl EventKind {
    /// Those that are no faults.
    const PLAIN: [EventKind; 7] = [
        EventKind::Hold,
        EventKind::Resume,
        EventKind::KeyPress,
        EventKind::Codec,
        EventKind::Intruder,
        EventKind::Pause,
        EventKind::NoAnnouncement,
    ];
}

impl Vocabulary for EventKind {
    fn word(self) -> &'static str {
        match self {
            EventKind::Hold => "hold",
            EventKind::Resume => "resume",
            EventKind::KeyPress => "dtmf",
            EventKind::Codec => "codec",
            EventKind::Intruder => "intruder",
            EventKind::Pause => "pause",
            EventKind::NoAnnouncement => "no_announcement",
            EventKind::Fault(kind) => kind.name(),
        }
    }

    fn of_word(text: &str) -> Option<EventKind> {
        let plain = EventKind::PLAIN.into_iter().find(|kind| kind.word() == text);
        plain.or_else(|| FaultKind::of_word(text).map(EventKind::Fault))
    }
}

words! {
    /// What speaks for the address a stream came from: `streams[].source`.
    pub enum StreamSource {
        /// The party's description claimed it.
        Claimed = "claimed",
        /// A NAT shows the party there.
        Nat = "nat",
        /// A candidate of its description.
        Candidate = "candidate",
        /// Nothing: it is anybody's.
        Other = "other",
    }
}

impl From<Standing> for StreamSource {
    fn from(standing: Standing) -> StreamSource {
        match standing {
            Standing::Claimed => StreamSource::Claimed,
            Standing::Nat => StreamSource::Nat,
            Standing::Candidate => StreamSource::Candidate,
            Standing::Host | Standing::Beside | Standing::Other => StreamSource::Other,
        }
    }
}

vocabulary!(FaultKind, PauseBy, StreamSource);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_word_and_by_no_other() {
        let faults = FaultKind::ALL.map(EventKind::Fault);
        let all: Vec<EventKind> = EventKind::PLAIN.into_iter().chain(faults).collect();
        let words: std::collections::BTreeSet<&str> = all.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), 16);
        assert!(all.iter().all(|kind| EventKind::of_word(kind.word()) == Some(*kind)));
        assert_eq!(EventKind::of_word("key_press"), None);
        assert!(StreamSource::ALL.iter().all(|s| StreamSource::of_word(s.word()) == Some(*s)));
        assert!(PauseBy::ALL.iter().all(|by| PauseBy::of_word(by.word()) == Some(*by)));
    }
    #[test]
    fn what_a_standing_is_called() {
        use Standing::{Beside, Candidate, Claimed, Host, Nat, Other};
        let all = [Claimed, Nat, Candidate, Host, Beside, Other];
        let called = all.map(|standing| StreamSource::from(standing).name());
        assert_eq!(called, ["claimed", "nat", "candidate", "other", "other", "other"]);
    }
}
