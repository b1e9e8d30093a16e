//! One recording as the signalling sees it: where it is, and how long it may be silent.

use super::decision::{Ending, HopFormats, Opening};
use super::ids::DialogId;
use super::pairing::Side;
use super::unheard::HeardSoFar;
use crate::id::{Channel, RecordingId};
use crate::rtp::standing::{Standing, Trust};
use crate::time::Timestamp;
use std::time::Duration;

/// A hold is no timeout, and silence no hang-up, however long; this long without media or any word of
/// it, its BYE was missed.
const FORGOTTEN: Duration = Duration::from_secs(12 * 3600);

/// So many packets, a second of one voice, show that a call is one.
const HEARD: u32 = 50;

/// How long a recording waits for sound.
#[derive(Clone, Copy, Debug)]
pub struct SilenceLimits {
    /// With no sign of life (`sip.media_timeout`).
    pub quiet: Duration,
    /// With RTCP, a session refresh, or word that there would be no sound (`sip.max_silence`).
    pub alive: Duration,
}

impl SilenceLimits {
    /// A sign of life makes the wait no shorter.
    pub(super) fn in_order(self) -> SilenceLimits {
        SilenceLimits { alive: self.alive.max(self.quiet), ..self }
    }
}

/// What the signalling says of the media at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// A side put the other on hold.
    pub on_hold: bool,
    /// There is no sound to expect: port 0, inactive, fax.
    pub silent: bool,
}

impl Told {
    /// Sound of both sides is to be expected.
    pub const fn is_sound_expected(self) -> bool {
        !self.on_hold && !self.silent
    }
}

/// Where a recording is.
#[derive(Debug)]
pub enum RecordingState {
    /// Answered; neither media nor half a second has come. Not yet announced.
    Candidate(Vec<HopFormats>),
    /// Its dialog lives and has been silent too long; media will begin it.
    Dormant(Vec<HopFormats>),
    /// Announced.
    Open,
    /// A hang-up was seen and is not yet confirmed.
    Ending {
        /// The first BYE.
        at: Timestamp,
        /// Who sent it, or a transfer.
        by: Ending,
        /// How far it is to be believed.
        belief: Belief,
    },
}

/// A recording that ended, and the dialog it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The dialog.
    pub dialog: DialogId,
    /// The recording.
    pub recording: RecordingId,
    /// There is a recording of it.
    pub was_recorded: bool,
    /// The dialog may live on: a [`RecordingState::Dormant`] recording takes its place.
    pub goes_on: Option<RecordingId>,
    /// The dialog has shown no life for so long that it is taken for over.
    pub is_dead: bool,
}

/// How far a hang-up is to be believed. Anybody who has seen the tags can write one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// Its side's own: its answer is awaited.
    Asked,
    /// Its side's own, answered and not challenged.
    Accepted,
    /// From elsewhere; unanswered, or refused.
    Strange,
    /// From elsewhere, and the other side has accepted it.
    Confirmed,
    /// From elsewhere and accepted elsewhere.
    Elsewhere,
}

/// A BYE that nobody answers counts after this long (the response may not have been captured);
/// so long media has to go on to say that it was none.
const BYE_WAIT: Duration = Duration::from_secs(2);
/// What a hang-up comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HungUp {
    /// The call is over.
    Yes,
    /// It is over for its side, and yet both go on talking: what they say is not in the recording.
    Contradicted,
    /// It goes on.
    No,
}

/// After an accepted BYE, packets captured before it may still come: several
/// interfaces are not merged in order.
const GRACE: Duration = Duration::from_millis(300);
/// Packets under way when somebody hangs up come no later.
const UNDER_WAY: Duration = Duration::from_millis(200);
/// Media that is no older goes on.
const GOES_ON: Duration = Duration::from_millis(500);

/// One recording.
#[derive(Debug)]
pub struct Recording {
    /// The dialog that feeds it.
    pub dialog: DialogId,
    /// What was, or will be, announced.
    pub opening: Box<Opening>,
    /// The side on the left channel.
    pub customer: Side,
    /// Where it is.
    pub state: RecordingState,
    /// Media packets so far.
    pub(super) packets: u32,
    /// Last media packet, if there was any.
    pub(super) last_media: Option<Timestamp>,
    /// The same, or the answer, on the machine's clock as it is set now.
    pub(super) heard_at: Timestamp,
    /// Last sign of life: media, RTCP, a session refresh, the end of a hold.
    pub(super) alive_at: Timestamp,
    /// What the signalling says of the media, and since when.
    pub(super) told: Told,
    pub(super) told_at: Timestamp,
    /// When its timer will go off.
    pub(super) timer: Option<Timestamp>,
    /// Last media packet of each channel.
    pub(super) last_on: [Option<Timestamp>; 2],
    /// Packets of each channel from an address that is its party's own, up to [`KNOWN`].
    pub(super) own: [u8; 2],
    /// Where each side is said to be; [`None`] before it was said.
    pub(super) places: [Option<u64>; 2],
    /// Dormant for so long that its addresses may be somebody else's: only signalling wakes it.
    pub(super) is_asleep: bool,
}

/// So many packets from a party's own address show that it sends from there.
const KNOWN: u8 = 3;

impl Recording {
    /// A new one on a dialog that was answered, or gained its agent, at `opening.answered_at`.
    pub fn new(dialog: DialogId, customer: Side, opening: Box<Opening>) -> Recording {
        let at = opening.answered_at;
        Recording {
            dialog,
            opening,
            customer,
            state: RecordingState::Candidate(Vec::new()),
            packets: 0,
            last_media: None,
            heard_at: at,
            alive_at: at,
            told: Told::default(),
            told_at: at,
            timer: None,
            last_on: [None; 2],
            own: [0; 2],
            places: [None; 2],
            is_asleep: false,
        }
    }

    /// A packet for `channel` came from an address of this standing. Is it the party's, as far as can be known?
    pub fn believes(&mut self, channel: Channel, standing: Standing) -> bool {
        let own = &mut self.own[channel as usize];
        if standing.trust() == Trust::Named {
            *own = (*own + 1).min(KNOWN);
            return true;
        }
        *own < KNOWN
    }

    /// The channel a side's voice is on.
    pub fn channel_of(&self, side: Side) -> Channel {
        if side == self.customer { Channel::Customer } else { Channel::Agent }
    }

    /// Frame zero.
    pub fn answered_at(&self) -> Timestamp {
        self.opening.answered_at
    }

    /// Waits for media to begin.
    pub fn is_dormant(&self) -> bool {
        matches!(self.state, RecordingState::Dormant(_))
    }

    /// Whoever records it knows of it.
    pub fn is_announced(&self) -> bool {
        matches!(self.state, RecordingState::Open | RecordingState::Ending { .. })
    }

    /// Whether enough was heard of it to keep its place.
    pub(super) fn was_heard(&self) -> HeardSoFar {
        match self.packets {
            HEARD.. => HeardSoFar::Yes,
            _ if self.is_dormant() || !self.told.is_sound_expected() => HeardSoFar::Excused,
            _ => HeardSoFar::No,
        }
    }

    /// On hold, as far as was told.
    pub fn is_on_hold(&self) -> bool {
        self.told.on_hold
    }

    /// The last instant of its media; the answer where there was none.
    pub fn heard_until(&self) -> Timestamp {
        self.last_media.unwrap_or(self.opening.answered_at)
    }

    /// When it is to be decided on a hang-up.
    pub fn hang_up_due(&self, at: Timestamp, belief: Belief) -> Timestamp {
        let speak = self.last_on.iter().filter(|l| l.is_some_and(|l| l > at + UNDER_WAY)).count();
        match belief {
            // Whoever hung up does not go on talking.
            Belief::Accepted if speak < 2 => at + GRACE,
            _ => at + BYE_WAIT,
        }
    }

    /// What there is to say of a hang-up, `now` that there has been time to see.
    pub fn hung_up(&self, at: Timestamp, belief: Belief, now: Timestamp) -> HungUp {
        let until = now.min(at + BYE_WAIT);
        let goes_on = |l: &Option<Timestamp>| l.is_some_and(|l| l > at + UNDER_WAY && l + GOES_ON > until);
        let speak = self.last_on.iter().filter(|l| goes_on(l)).count();
        let both_go_on = speak == 2 && until >= at + BYE_WAIT;
        match belief {
            Belief::Asked | Belief::Accepted if both_go_on => HungUp::Contradicted,
            Belief::Confirmed if both_go_on => HungUp::No,
            Belief::Elsewhere if speak > 0 => HungUp::No,
            Belief::Strange => HungUp::No,
            Belief::Asked | Belief::Accepted | Belief::Confirmed | Belief::Elsewhere => HungUp::Yes,
        }
    }

    /// When silence has lasted too long.
    pub fn deadline(&self, patience: SilenceLimits) -> Timestamp {
        let since = self.heard_at.max(self.told_at);
        match self.told {
            _ if self.is_asleep => self.alive_at.max(since) + patience.alive + FORGOTTEN,
            _ if self.is_dormant() => self.alive_at.max(since) + patience.alive,
            Told { on_hold: true, .. } => since + patience.alive.max(FORGOTTEN),
            Told { silent: true, .. } => since + patience.alive,
            Told { .. } => (self.alive_at.max(since) + patience.quiet).min(since + patience.alive),
        }
    }
}
