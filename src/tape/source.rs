//! One RTP source (SSRC) of one party on one hop: kept encoded, put in order,
//! decoded when its neighbours are known.
//!
//! RFC 3550 §5.1, §A.1. This module must not know of files or of the other party.

mod play;
mod progress;
mod redundant;

use super::clock::WireClock;
use super::copies::Copies;
use super::doubt::Doubt;
use super::floor::HeardAt;
use super::holes::Holes;
use super::kept::Packet;
use super::keyed::{Encryption, Secrecy};
use super::meaning::{Carries, Formats, Meanings, PayloadKind};
use super::order::{Judged, Number, Pace, PacketOrder};
use super::proof::Look;
use super::report::Missing;
use super::skew::SkewRate;
use super::stamps::{Stamp, Stamps};
use super::streams::Streams;
use super::timeline::frames_at;
use super::voice::Voice;
use super::waiting::{Pending, Waiting};
use crate::codec::CodecSpec;
use crate::codec::telephone_event::KeyPresses;
use crate::rtp::standing::{Standing, source_of};
use crate::rtp::stats::{Arrival, StreamStats};
use crate::time::NS_PER_S;

/// Packets in a row of a type that nobody named: fewer are keep-alives (RFC 6263 §4.6).
const MANY_UNNAMED: u64 = 10;
/// Length of a packet until one has been heard.
const USUAL_PACKET_NS: i64 = 20_000_000;

/// One source.
#[derive(Debug)]
pub(super) struct Source {
    ssrc: u32,
    /// Where it is heard now.
    place: HeardAt,
    best_standing: Standing,
    secrecy: Secrecy,
    streams: Streams,
    meanings: Meanings,
    order: PacketOrder,
    stamps: Stamps,
    clock: WireClock,
    voice: Voice,
    keys: KeyPresses,
    waiting: Waiting,
    /// What came again with later packets and was not there (RFC 2198).
    copies: Option<Box<Copies>>,
    /// Packets whose numbers may begin anew.
    doubt: Option<Box<Doubt>>,
    /// A better place is listened to.
    rests: bool,
    codec_name: Option<String>,
    other_name: Option<String>,
    /// Place in the order of what was played last, and the timestamp where its sound ends.
    played: Option<(u64, i64)>,
    /// Length of the last packet, to notice one that is unlike it.
    last_len: usize,
    first_at_ns: i64,
    last_at_ns: i64,
    spoke_at_ns: Option<i64>,
    /// What it said last is that it is silent.
    is_resting: bool,
    /// It has stopped sending before, and gone on.
    has_paused: bool,
    unnamed: (u64, i64),
    /// Sound heard, in units of the codec's clock.
    ticks_heard: i64,
    missing: u64,
    /// Sound that nobody here can decode came while nobody else was listened to.
    is_undecodable: bool,
    /// By how much the quickest packet of what is kept undecoded came after its stamp.
    quickest_ns: Option<i64>,
    holes: Holes,
    /// What never came was heard elsewhere.
    is_excused: bool,
}

impl Source {
    /// A source first heard now.
    pub fn new(ssrc: u32, place: HeardAt, at_ns: i64) -> Self {
        Source {
            ssrc,
            place,
            best_standing: place.standing(),
            secrecy: Secrecy::default(),
            streams: Streams::default(),
            meanings: Meanings::default(),
            order: PacketOrder::default(),
            stamps: Stamps::new(),
            clock: WireClock::new(8000, 8000),
            voice: Voice::default(),
            keys: KeyPresses::new(),
            waiting: Waiting::default(),
            copies: None,
            doubt: None,
            rests: false,
            codec_name: None,
            other_name: None,
            played: None,
            last_len: 0,
            first_at_ns: at_ns,
            last_at_ns: at_ns,
            spoke_at_ns: None,
            is_resting: false,
            has_paused: false,
            unnamed: (0, i64::MIN),
            ticks_heard: 0,
            missing: 0,
            is_undecodable: false,
            quickest_ns: None,
            holes: Holes::default(),
            is_excused: false,
        }
    }

    /// RFC 3550 synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Where it is heard.
    pub fn place(&self) -> HeardAt {
        self.place
    }

    /// It is heard there from here on.
    pub fn set_place(&mut self, place: HeardAt) {
        self.place = place;
        self.best_standing = self.best_standing.min(place.standing());
    }

    /// What spoke for where it was heard, at best.
    pub fn best_standing(&self) -> Standing {
        self.best_standing
    }

    /// Was it heard from where this flow comes from?
    pub fn is_from(&self, flow: u32) -> bool {
        self.streams.iter().any(|(f, _)| source_of(*f) == source_of(flow))
    }

    /// Was this number of it heard, between whatever addresses?
    pub fn knows(&self, seq: u16) -> bool {
        self.streams.iter().any(|(_, s)| s.knows(seq))
    }

    /// How far keys were agreed for it.
    pub fn set_keys(&mut self, keys: Encryption) {
        self.secrecy.keys = keys;
    }

    /// Sound of it that nobody here can decode is missing.
    pub fn note_undecodable(&mut self) {
        self.is_undecodable = true;
    }

    /// Can a packet be played, or does it belong to what can?
    pub fn is_usable(&mut self, kind: PayloadKind, formats: &Formats) -> bool {
        let meaning = self.meanings.of(kind, self.place.rank(), formats);
        let meaning = self.meanings.get(meaning);
        match meaning.carries {
            Carries::Unreadable => false,
            Carries::Sound | Carries::Redundant | Carries::Event | Carries::Noise => {
                !self.secrecy.hides(meaning, Look::Unknown)
            }
        }
    }

    /// When it was first heard, from the answer.
    pub fn first_at_ns(&self) -> i64 {
        self.first_at_ns
    }

    /// Distinct packets.
    pub fn packets(&self) -> u64 {
        self.streams.iter().map(|(_, s)| s.received()).sum()
    }

    /// Packets, losses and jitter of each of its streams, by the flow it was heard on.
    pub fn streams(&self) -> impl Iterator<Item = &(u32, StreamStats)> {
        self.streams.iter()
    }

    /// Encoding name of its first audio; of whatever else it carried where there was none.
    pub fn codec_name(&self) -> Option<&str> {
        self.codec_name.as_deref().or(self.other_name.as_deref())
    }

    /// Packets that came too late for their place.
    pub fn late(&self) -> u64 {
        self.voice.late()
    }

    /// What of its sound is not in the recording, though it was heard.
    pub fn missing(&self, rate_hz: u32) -> Missing {
        // A packet's worth of sound that gave way is what every jitter buffer costs.
        let gave_way_ns = self.voice.gave_way() as i64 * NS_PER_S / i64::from(rate_hz.max(1));
        let is_unnamed = self.unnamed.0 >= MANY_UNNAMED;
        let is_lost = is_unnamed
            || self.holes.are_unexplained()
            || self.missing > 0
            || self.voice.misplaced() > 0
            || gave_way_ns > USUAL_PACKET_NS;
        match (is_lost, self.is_undecodable) {
            (true, _) => Missing::Sound,
            (false, true) => Missing::Undecoded,
            (false, false) => Missing::Nothing,
        }
    }

    /// More sound came than there was time for it to be spoken in.
    pub fn is_rushed(&self) -> bool {
        let heard_ns = self.ticks_heard.saturating_mul(NS_PER_S) / i64::from(self.clock.clock_hz());
        let passed_ns = self.last_at_ns - self.first_at_ns;
        heard_ns > passed_ns + passed_ns / 2 + NS_PER_S / 2
    }

    /// How fast its clock goes.
    pub fn skew(&self) -> SkewRate {
        self.clock.skew()
    }

    /// When it was heard last, from the answer.
    pub fn last_at_ns(&self) -> i64 {
        self.last_at_ns
    }

    /// When it first spoke, from the answer.
    pub fn spoke_at_ns(&self) -> Option<i64> {
        self.spoke_at_ns
    }

    /// How many packets of it are not yet played.
    pub fn waiting(&self) -> usize {
        self.waiting.packets().len()
    }

    /// Holds packets that are not yet played.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.packets().is_empty() || self.doubt.is_some()
    }

    /// Holds a packet that arrived by then.
    pub fn has_arrived_by(&self, horizon_ns: i64) -> bool {
        self.waiting.packets().iter().any(|p| p.at_ns <= horizon_ns)
    }

    /// The codec of the audio that waits, for choosing the file's rate.
    pub fn waiting_spec(&self) -> Option<&CodecSpec> {
        let sound = self.waiting.packets().iter().find(|p| self.is_sound(p))?;
        self.meanings.get(sound.meaning).spec.as_deref()
    }

    /// Sets the rate of the file; before it nothing can be placed.
    pub fn set_rate(&mut self, rate_hz: u32) {
        self.clock.set_rate(rate_hz);
    }

    /// A nearer hop speaks from `from_ns` on: what lies there is not played, and what comes
    /// until this hop is listened to again is no loss.
    pub fn rest(&mut self, from_ns: i64, rate_hz: u32) {
        let length_ns = self.packet_ns();
        self.waiting.retain(|p| p.at_ns + length_ns <= from_ns);
        self.doubt = None;
        self.streams.each(StreamStats::rest);
        self.voice.take_back(frames_at(from_ns, rate_hz) as i64);
        (self.rests, self.is_excused) = (true, true);
    }

    /// What it said from `from_ns` on was another's. Where that lies.
    pub fn give_back(&mut self, from_ns: i64) -> std::ops::Range<i64> {
        let spoken = self.voice.spoken_since(frames_at(from_ns, self.clock.rate_hz()) as i64);
        self.waiting.retain(|p| p.at_ns < from_ns);
        self.doubt = None;
        self.copies = None;
        self.voice.take_back(spoken.start);
        spoken
    }

    /// How long a packet lasts.
    fn packet_ns(&self) -> i64 {
        match self.meanings.last_ticks() * NS_PER_S / i64::from(self.clock.clock_hz()) {
            0 => USUAL_PACKET_NS,
            ns => ns,
        }
    }

    /// Unlike the packets before it: worth a look whether it is several in one.
    pub fn is_unlike(&self, packet: &Packet<'_>) -> bool {
        packet.heard.whole.len() != self.last_len || !self.order.is_next(packet.heard.seq)
    }

    /// Takes a packet that came `at_ns` after the answer.
    pub fn push(&mut self, packet: &Packet<'_>, at_ns: i64, formats: &Formats) {
        let meaning = self.meanings.of(PayloadKind::of(packet), self.place.rank(), formats);
        let mut anew = false;
        if self.doubt.is_some() || !self.order.is_next(packet.heard.seq) {
            match self.judge(packet, at_ns, meaning) {
                Judged::Doubtful(needed) => return self.doubt(packet, needed, at_ns, formats),
                Judged::Anew => {
                    // Those that were in doubt before it began what it goes on with.
                    let goes_on = self.doubt.as_ref().is_some_and(|d| d.is_near(packet.heard.seq));
                    self.settle_doubt(goes_on, formats);
                    anew = !goes_on;
                }
                Judged::InRun if self.doubt.is_some() => self.settle_in_run(packet.heard.seq, formats),
                Judged::InRun => {}
            }
        }
        self.admit(packet, at_ns, meaning, anew, formats);
    }

    fn judge(&self, packet: &Packet<'_>, at_ns: i64, meaning: u8) -> Judged {
        let heard = &packet.heard;
        let known_here = self.streams.knows(packet.flow, heard.seq);
        let ts = self.secrecy.is_sound(self.meanings.get(meaning), Look::Unknown).then_some(heard.timestamp);
        // Where it was never heard before nothing tells a copy from a start.
        let n = Number { seq: heard.seq, ts, at_ns, is_known: known_here.unwrap_or(true) };
        self.order.judge(n, self.pace())
    }

    fn pace(&self) -> Pace {
        let packet_ticks = self.stamps.raw_of(self.meanings.last_ticks());
        Pace { packet_ns: self.packet_ns(), packet_ticks, clock_hz: i64::from(self.clock.clock_hz()) }
    }

    /// Its number may begin anew: it waits for those that follow to say the same.
    fn doubt(&mut self, packet: &Packet<'_>, needed: usize, at_ns: i64, formats: &Formats) {
        if self.doubt.as_ref().is_some_and(|d| !d.is_near(packet.heard.seq)) {
            self.settle_doubt(false, formats);
        }
        let doubt = self.doubt.get_or_insert_default();
        doubt.push(packet, at_ns);
        if doubt.distinct() >= needed {
            self.settle_doubt(true, formats);
        }
    }

    /// Those in doubt were none that begin anew. If the source goes on where it was, they were copies.
    fn settle_in_run(&mut self, seq: u16, formats: &Formats) {
        if self.order.is_ahead(seq) {
            let pace = self.pace();
            let packets = self.doubt.iter().flat_map(|d| d.packets());
            self.order.note_late_copies(packets.map(|(at_ns, packet)| (packet.heard.seq, at_ns)), pace);
        }
        self.settle_doubt(false, formats);
    }

    fn settle_doubt(&mut self, anew: bool, formats: &Formats) {
        let Some(doubt) = self.doubt.take() else { return };
        let mut is_first = anew;
        for (at_ns, packet) in doubt.packets() {
            if !anew && self.order.is_ahead(packet.heard.seq) && !self.order.is_next(packet.heard.seq) {
                // A number that nothing before or after it has to do with.
                self.missing += u64::from(!packet.heard.payload.is_empty());
                continue;
            }
            let meaning = self.meanings.of(PayloadKind::of(&packet), self.place.rank(), formats);
            self.admit(&packet, at_ns, meaning, std::mem::take(&mut is_first), formats);
        }
    }

    fn admit(&mut self, packet: &Packet<'_>, at_ns: i64, meaning: u8, anew: bool, formats: &Formats) {
        let heard = &packet.heard;
        self.missing += if anew { self.order.note_anew() } else { 0 };
        self.last_len = heard.whole.len();
        self.last_at_ns = self.last_at_ns.max(at_ns);
        if std::mem::take(&mut self.rests) {
            self.clock.forget();
        }
        let (meaning, payload) = self.unwrapped(meaning, at_ns, packet, formats);
        let carries = self.meanings.get(meaning).carries;
        let mut ticks = 0;
        if carries.is_sound() && !payload.is_empty() {
            ticks = self.meanings.ticks_of(meaning, payload);
            let look = self.secrecy.proof.note(heard.seq, heard.timestamp, ticks);
            if let Some(before) = self.waiting.packets_mut().last_mut() {
                before.look = look;
            }
            if self.meanings.get(meaning).is_sealed {
                self.secrecy.proof.note_octets(payload);
            }
        }
        let is_sound =
            !payload.is_empty() && self.secrecy.is_sound(self.meanings.get(meaning), Look::Unknown);
        if is_sound {
            let clock_hz = self.meanings.get(meaning).clock_hz();
            if clock_hz != self.clock.clock_hz() {
                self.restart_clock(clock_hz);
            }
        }
        let clock_hz = self.clock.clock_hz();
        let stats = self.streams.on(packet.flow, clock_hz);
        let arrival = if anew { stats.begin_anew(heard.seq) } else { stats.on_number(heard.seq) };
        let ts_told = is_sound.then_some(heard.timestamp);
        if arrival == Arrival::Duplicate {
            let number = Number { seq: heard.seq, ts: ts_told, at_ns, is_known: true };
            self.missing += u64::from(is_sound && !self.order.note_again(number, self.pace()));
            return;
        }
        let number = Number { seq: heard.seq, ts: ts_told, at_ns, is_known: false };
        let seq = self.order.place(number, anew);
        let told = if is_sound { ticks } else { 0 };
        let (raw, ts) = self.stamps.take(Stamp { seq, ts: heard.timestamp, at_ns, ticks: told, meaning });
        if carries != Carries::Event {
            stats.on_stamp(arrival, ts as u32, packet.at);
        }
        if !self.waiting.push(Pending::new(at_ns, seq, (raw, ts), (meaning, ticks), anew), payload) {
            self.missing += 1;
            return;
        }
        if is_sound {
            self.clock.note(at_ns, ts);
        }
        if self.stamps.is_in_doubt() {
            self.reckon_again(at_ns, clock_hz);
        }
    }

    /// The stamps may turn out to count in other units than the codec says.
    fn reckon_again(&mut self, at_ns: i64, clock_hz: u32) {
        let Some(from) = self.stamps.find_factor(at_ns, clock_hz) else { return };
        for p in self.waiting.packets_mut().iter_mut().filter(|p| p.seq >= from) {
            p.ts = self.stamps.reckoned(p.raw);
        }
        let (secrecy, meanings) = (self.secrecy, &self.meanings);
        let is_sound = |p: &&Pending| p.has_payload() && secrecy.is_sound(meanings.get(p.meaning), p.look);
        let sound = self.waiting.packets().iter().filter(is_sound);
        self.clock.note_again(sound.map(|p| (p.at_ns, p.ts)));
        self.streams.each(StreamStats::forget_jitter);
    }

    fn is_sound(&self, p: &Pending) -> bool {
        p.has_payload() && self.secrecy.is_sound(self.meanings.get(p.meaning), p.look)
    }

    fn restart_clock(&mut self, clock_hz: u32) {
        self.clock.restart(clock_hz);
        self.streams.each(|s| s.set_clock(clock_hz));
    }
}
