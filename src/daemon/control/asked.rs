//! What is asked of a running recorder on its way to the threads that know the answer.
//!
//! The capture loop takes it between two packets and passes it on to the workers, behind the packets that
//! came before. Nobody there waits for whoever asked: answers go into channels with room for them.

use super::protocol::RunningCall;
use crate::config::{PauseBy, Switch};
use crate::id::RecordingId;
use crate::time::Timestamp;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Requests that wait for the capture loop; one more is refused.
const MAX_WAITING: usize = 64;
/// Workers that answer: more than [`crate::config::Limits::workers`] may be.
const MAX_ANSWERS: usize = 1025;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// All running calls.
    Calls,
    /// A pause of this one, or its end, and how it is then.
    Switch {
        /// Which.
        recording: RecordingId,
        /// From when on, on the machine's clock.
        at: Timestamp,
        /// Pause or go on.
        switch: Switch,
        /// What asks.
        by: PauseBy,
    },
}

/// A request and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What.
    pub errand: Errand,
    /// Each worker that has something to say sends once.
    pub reply: Sender<Vec<RunningCall>>,
}

/// Which of its recordings a worker is to tell of.
#[derive(Clone, Debug)]
pub struct AskedOfWorker {
    /// One, or all of them.
    pub only: Option<RecordingId>,
    /// Where the answer goes.
    pub reply: Sender<Vec<RunningCall>>,
}

/// Where requests are put in.
#[derive(Clone, Debug)]
pub struct AskDoor(Sender<Asked>);

/// A way for requests, and its other end.
pub fn ask_line() -> (AskDoor, Receiver<Asked>) {
    let (to, from) = bounded(MAX_WAITING);
    (AskDoor(to), from)
}

impl AskDoor {
    /// Asks; the channel ends once everybody has answered. `None` where too much is being asked,
    /// or the recorder stops.
    pub fn ask(&self, errand: Errand) -> Option<Receiver<Vec<RunningCall>>> {
        let (reply, answers) = bounded(MAX_ANSWERS);
        match self.0.try_send(Asked { errand, reply }) {
            Ok(()) => Some(answers),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}
