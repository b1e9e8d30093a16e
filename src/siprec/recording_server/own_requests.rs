//! What the server asks of a client, and what it is answered: BYE, a snapshot of the metadata, refreshes.

use super::super::outputs::MediaPorts;
use super::super::recording_session::SessionState;
use super::super::schedule::Schedule;
use super::{Output, RecordingServer};
use crate::sip::{Message, Method};
use crate::time::Timestamp;

impl RecordingServer {
    /// A response to a request of ours.
    pub(in crate::siprec) fn handle_response(
        &mut self,
        msg: &Message<'_>,
        now: Timestamp,
        ports: &mut dyn MediaPorts,
    ) {
        let (Some((_, method)), Some(code), Some(call_id)) = (msg.cseq(), msg.status(), msg.call_id()) else {
            return;
        };
        let theirs = msg.to().and_then(|t| t.tag()).unwrap_or_default().to_vec();
        let Some(number) = self.by_dialog.get(&(call_id.to_vec(), theirs)).copied() else { return };
        let Some(session) = self.sessions.get_mut(&number).filter(|_| code >= 200) else { return };
        match method {
            Method::Bye => self.end(number, ports),
            Method::Update | Method::Invite => {
                if method == Method::Invite {
                    let ack = session.request("ACK", &self.entropy.branch()).done();
                    let to = session.next_hop();
                    self.out.push_back(Output::Send(to, ack));
                }
                match code {
                    200..300 => {
                        session.timer.refreshed(now);
                        session.alive_at = now;
                    }
                    // RFC 3261 §12.2.1.2: the client knows nothing of it any more.
                    408 | 481 => self.hang_up(number, now),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// We hang up. Where the recorder stops the engine is not told: it closes what is open itself.
    pub(in crate::siprec) fn hang_up(&mut self, number: u64, now: Timestamp) {
        let branch = self.entropy.branch();
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if matches!(session.state, SessionState::Ending { .. }) {
            return;
        }
        session.own = session.request("BYE", &branch).done();
        session.state = SessionState::Ending { since: now, again: Schedule::first(now) };
        let (to, bye) = (session.next_hop(), session.own.clone());
        if !self.is_stopping {
            let mut fed = Vec::new();
            session.end_calls(&mut fed);
            self.out.extend(fed.into_iter().map(Output::Feed));
        }
        self.out.push_back(Output::Send(to, bye));
    }

    /// Nobody knows who talks: the client is asked for all its metadata (RFC 7866 §9.2).
    pub(in crate::siprec) fn ask_snapshot(&mut self, number: u64) {
        let branch = self.entropy.branch();
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let update = session.request("UPDATE", &branch).header("Content-Disposition", "recording-session");
        let update =
            update.body("application/rs-metadata-request", "the recording server was started again\r\n");
        let to = session.next_hop();
        self.out.push_back(Output::Send(to, update));
    }
}
