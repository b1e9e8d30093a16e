//! Label values of the metrics: closed sets, so that no label grows with calls.
//!
//! Each set is an enum; what is not in it falls to its last member. Nothing
//! here knows where the values come from.

use crate::codec::table;

macro_rules! labels {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal, $doc:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $doc] $variant,)+
        }

        impl $name {
            /// Every member, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// How many members there are: the length of a counter array.
            pub const COUNT: usize = Self::ALL.len();

            /// The label value.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// What it means, in a sentence.
            pub const fn describe(self) -> &'static str {
                match self { $($name::$variant => $doc),+ }
            }

            /// Place in a counter array of [`Self::COUNT`] elements.
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The member with this label value, in any letter case.
            pub fn from_label(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|m| m.as_str().eq_ignore_ascii_case(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

mod receiving;
mod upkeep;

pub use receiving::{HepFault, HepKind, SiprecFault, SiprecMedia};
pub use upkeep::{ReloadResult, UpkeepTask};

labels! {
    /// Where a packet was dropped: `nauhuri_packets_dropped_total{where}`.
    DropPlace {
        Kernel = "kernel", "The ring was full: the capture loop is too slow.";
        Interface = "interface", "The network card or its driver dropped it.";
        Socket = "socket", "The kernel's buffer of a socket on which HEP is received was full.";
        Feed = "feed", "The queue of what was received over the network (HEP, SIPREC) was full: the capture loop is too slow.";
        Queue = "queue", "A worker's queue was full.";
        Truncated = "truncated", "Cut short by the snap length or the file.";
        Malformed = "malformed", "No readable Ethernet, IP, UDP or TCP header.";
        Fragment = "fragment", "An IP fragment whose other fragments never arrived, or that exceeded `limits.fragments`.";
        Tcp = "tcp", "A TCP segment outside the window, or beyond `limits.tcp_buffer`.";
        Sctp = "sctp", "Part of a SIP message over SCTP whose other parts never arrived, or that exceeded the bound.";
    }
}

labels! {
    /// Request methods: `nauhuri_sip_messages_total{method}`. RFC 3261 and its extensions.
    SipMethod {
        Invite = "INVITE", "RFC 3261 §13.";
        Ack = "ACK", "RFC 3261 §13.2.2.4.";
        Bye = "BYE", "RFC 3261 §15.";
        Cancel = "CANCEL", "RFC 3261 §9.";
        Options = "OPTIONS", "RFC 3261 §11.";
        Register = "REGISTER", "RFC 3261 §10.";
        Prack = "PRACK", "RFC 3262.";
        Update = "UPDATE", "RFC 3311.";
        Info = "INFO", "RFC 6086.";
        Refer = "REFER", "RFC 3515.";
        Notify = "NOTIFY", "RFC 6665.";
        Subscribe = "SUBSCRIBE", "RFC 6665.";
        Message = "MESSAGE", "RFC 3428.";
        Publish = "PUBLISH", "RFC 3903.";
        Other = "OTHER", "Any other token: methods come from strangers.";
    }
}

impl SipMethod {
    /// The label of a method token as received; case counts (RFC 3261 §7.1).
    pub fn of(token: &str) -> SipMethod {
        Self::ALL.iter().copied().find(|m| m.as_str() == token).unwrap_or(SipMethod::Other)
    }
}

labels! {
    /// Response classes: `nauhuri_sip_messages_total{class}`. RFC 3261 §7.2.
    SipClass {
        Provisional = "1xx", "Provisional.";
        Success = "2xx", "Success.";
        Redirection = "3xx", "Redirection.";
        ClientError = "4xx", "Client error.";
        ServerError = "5xx", "Server error.";
        GlobalFailure = "6xx", "Global failure.";
    }
}

impl SipClass {
    /// The class of a status code; `None` outside 100 to 699.
    pub fn of(status: u16) -> Option<SipClass> {
        match status {
            100..=699 => Self::ALL.get(usize::from(status / 100) - 1).copied(),
            _ => None,
        }
    }
}

/// Encodings: `nauhuri_rtp_packets_total{codec}`. One for each codec that is known, the last for
/// all others: encoding names come from strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodecLabel(usize);

impl CodecLabel {
    /// How many there are: the length of a counter array.
    pub const COUNT: usize = table::COUNT;
    /// Anything else.
    pub const OTHER: CodecLabel = CodecLabel(table::COUNT - 1);

    /// Every one of them.
    pub fn all() -> impl Iterator<Item = CodecLabel> {
        (0..Self::COUNT).map(CodecLabel)
    }

    /// The label of an encoding name as in SDP; names compare in any case (RFC 4855 §3).
    pub fn of(name: &str) -> CodecLabel {
        CodecLabel(table::index_of(name))
    }

    /// Those whose sound may turn out not to be decodable.
    pub fn undecodable() -> impl Iterator<Item = CodecLabel> {
        Self::all().filter(|label| table::CODECS[label.0].may_be_undecodable())
    }

    /// The label value.
    pub fn as_str(self) -> &'static str {
        table::CODECS[self.0].names[0]
    }

    /// Place in a counter array of [`Self::COUNT`] elements.
    pub const fn index(self) -> usize {
        self.0
    }
}

impl std::fmt::Display for CodecLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

labels! {
    /// Why an answered call left no recording: `nauhuri_recordings_failed_total{reason}`.
    FailReason {
        Storage = "storage", "The file could not be created, written or renamed.";
        NoSpace = "no_space", "Less than `storage.min_free` was left.";
        Limit = "limit", "`limits.recordings` was reached.";
        Overload = "overload", "The workers could not keep up and the call was given up.";
        Stray = "stray", "A fork that lost and was hung up within half a second, or a caller whom the exchange kept waiting for an agent: not a call.";
        OtherHop = "other_hop", "The same call turned out to be recorded nearer the agent.";
        Excluded = "excluded", "The service became known only after recording had begun, and it is one that is not recorded.";
        NoMedia = "no_media", "No RTP of the call passed the capture point.";
    }
}

labels! {
    /// How far an answered call was recorded: `nauhuri_calls_assured_total{bucket}`.
    CallBucket {
        Complete = "complete", "All of it is in the recording.";
        Partial = "partial", "There is a recording, but something is missing from it.";
        Missing = "missing", "It should have been recorded and was not.";
        Excluded = "excluded", "It turned out not to be a call that is recorded, or to be part of another call.";
        Paused = "paused", "All of it is in the recording, except what was paused.";
    }
}

labels! {
    /// What can be wrong with the sound of a running recording: `nauhuri_media_faults_total{fault}`.
    FaultLabel {
        NoRtp = "no_rtp", "Answered, and no RTP of the call passes the capture point.";
        OneWay = "one_way", "One side is not heard while the other is.";
        Silent = "silent", "One side sends nothing but digital silence.";
        Quiet = "quiet", "One side is 20 dB or more below the usual level.";
        Clipped = "clipped", "One side is overdriven.";
        Undecodable = "undecodable", "The sound of one side cannot be decoded.";
        Encrypted = "encrypted", "The sound of one side is encrypted, and its key is not known.";
        NetworkLoss = "network_loss", "Five percent of one side's packets were lost before they reached the recorder.";
        CaptureLoss = "capture_loss", "Five percent of one side's packets were lost while the recorder or its host dropped packets.";
    }
}

labels! {
    /// Why an answered call was not to be recorded: `nauhuri_calls_unrecorded_total{reason}`.
    UnrecordedReason {
        InviteUnseen = "invite_unseen", "The 2xx answers an INVITE that was never seen: capture began mid-call.";
        NoAgent = "no_agent", "No agent takes part.";
        Service = "service", "The service has `record = false`.";
        Direction = "direction", "The service does not list the call's direction.";
        Internal = "internal", "Two agents, and `agents.record_internal` is off.";
        OtherHop = "other_hop", "The same call, already recorded nearer the agent.";
        Stray = "stray", "The second 2xx of a forked call, hung up within half a second without media: not a call.";
        Truncated = "truncated", "The snap length left only the first lines of its messages.";
    }
}

labels! {
    /// What passed by and was not read: `nauhuri_unread_total{what}`.
    UnreadKind {
        Cut = "cut", "Packets cut by a snap length, or sliced on their way to the recorder.";
        LinkType = "link_type", "Frames of a link type that is not read.";
        Encapsulation = "encapsulation", "Packets in an encapsulation that is not read: ESP, MACsec, L2TP, an unknown GRE protocol.";
        Tunnel = "tunnel", "Packets in a tunnel that `capture.tunnels` does not open.";
        Nested = "nested", "Packets nested in more tunnels than are opened.";
        Header = "header", "Packets whose headers do not fit into what was captured.";
        SipPort = "sip_port", "SIP messages on a port that is not in `sip.ports`.";
        NotSip = "not_sip", "Directions of TCP connections on a SIP port that do not speak SIP.";
        Tls = "tls", "TLS where SIP is likely: on a SIP port, on 5061, or asked for by that name.";
        TlsNoSecret = "tls_no_secret", "TLS connections for which no secret arrived in time from a key log or server key.";
        TlsUnsupported = "tls_unsupported", "TLS connections of a version, or with a cipher suite, that cannot be decrypted.";
        TlsLost = "tls_lost", "TLS connections of which the beginning, or too much, was not captured.";
        KeyLog = "key_log", "Lines in a key log that cannot be parsed.";
        WebSocket = "websocket", "WebSockets that carry SIP (RFC 7118) on a port that is not in `sip.ports`.";
        Deflated = "deflated", "Messages of WebSockets on a SIP port that are compressed (RFC 7692).";
        Sctp = "sctp", "SCTP that carries SIP (RFC 4168) on a port that is not in `sip.ports`.";
        SuperPacket = "super_packet", "UDP datagrams that an offload made of several RTP packets; they are split and recorded.";
    }
}

impl UnreadKind {
    /// What to do about it where it should have been read.
    pub const fn remedy(self) -> &'static str {
        match self {
            UnreadKind::Cut => "mirror whole packets: no slicing, no snap length",
            UnreadKind::LinkType => "capture on the interface the packets come in on",
            UnreadKind::Encapsulation | UnreadKind::Nested => {
                "mirror a segment where the packets are not encapsulated"
            }
            UnreadKind::Tunnel => "if the sender is your mirror, name kind and sender in capture.tunnels",
            UnreadKind::SipPort | UnreadKind::WebSocket | UnreadKind::Sctp => "add the port to sip.ports",
            UnreadKind::Deflated => "switch permessage-deflate off at the SIP server",
            UnreadKind::Tls => {
                "set tls.key_log, mirror where the signalling is not encrypted, or let a capture agent send it (hep.listen)"
            }
            UnreadKind::TlsNoSecret => {
                "is tls.key_log the file that this server writes now, and does it write at once?"
            }
            UnreadKind::TlsUnsupported => "let the server agree to TLS 1.2 or 1.3 with AES or ChaCha20",
            UnreadKind::TlsLost => "let the SIP server reconnect after the recorder was started",
            UnreadKind::KeyLog => "write only secrets of connections (RFC 9850) to the file",
            UnreadKind::SuperPacket => "ethtool -K IFACE gro off rx-udp-gro-forwarding off",
            UnreadKind::Header | UnreadKind::NotSip => "",
        }
    }
}

labels! {
    /// What the frames held: `nauhuri_seen_total{what}`.
    SeenKind {
        NotIp = "not_ip", "Frames that carry no IP: ARP, LLDP and the like.";
        OtherTransport = "other_transport", "IP packets that are not read: not UDP, TCP, a tunnel, or SCTP on a SIP port.";
        Decapsulated = "decapsulated", "Packets extracted from a tunnel or mirror.";
        Fragment = "fragment", "IP fragments.";
        FragmentLate = "fragment_late", "Fragments of datagrams that were already complete.";
        Reassembled = "reassembled", "Datagrams put together from fragments.";
        Udp = "udp", "UDP datagrams.";
        UdpOther = "udp_other", "UDP datagrams that are neither SIP nor RTP nor RTCP.";
        Rtcp = "rtcp", "RTCP packets.";
        RtpRecorded = "rtp_recorded", "RTP packets given to recordings.";
        Tcp = "tcp", "TCP segments on SIP ports.";
        TcpOther = "tcp_other", "TCP segments on other ports.";
        TcpRepeated = "tcp_repeated", "TCP segments that contained nothing new.";
        TcpUnordered = "tcp_unordered", "TCP segments that arrived out of order.";
        TcpSip = "tcp_sip", "SIP messages taken from TCP, bare, in WebSockets or in TLS.";
        TlsOpened = "tls_opened", "TLS connections that were decrypted (`tls.key_log`, `tls.rsa_keys`).";
        TlsSecret = "tls_secret", "Secrets of connections read from key logs.";
        Sctp = "sctp", "SCTP packets on SIP ports.";
        SctpSip = "sctp_sip", "SIP messages taken from SCTP.";
        TcpCut = "tcp_cut", "SIP messages over TCP of which only the start was captured.";
        SipCut = "sip_cut", "SIP messages of which only the start was captured.";
    }
}

labels! {
    /// Why the fragments of a datagram were given up: `nauhuri_fragments_dropped_total{reason}`.
    FragmentLoss {
        Timeout = "timeout", "The missing ones did not arrive in time.";
        Evicted = "evicted", "Pushed out by newer ones.";
        Overlap = "overlap", "Two of them disagree about the same bytes, or about the end.";
        Malformed = "malformed", "Longer than a datagram can be, too many, or empty.";
        Truncated = "truncated", "One of them was cut by the snap length.";
    }
}

labels! {
    /// Why no SIP message could be read: `nauhuri_sip_unreadable_total{reason}`.
    SipFault {
        Method = "method", "No method and no SIP/2.0 at the start.";
        Uri = "uri", "A request line without a URI.";
        Version = "version", "A request line that does not end in SIP/2.0.";
        Status = "status", "A status code that is not three digits.";
    }
}

labels! {
    /// Why an RTP packet of a recording cannot be used whole: `nauhuri_rtp_unusable_total{reason}`.
    UnusableRtp {
        Cut = "cut", "Cut by the snap length, or shortened on its way to the recorder.";
        Malformed = "malformed", "Its header cannot be read.";
        Unauthentic = "unauthentic", "SRTP packets that no known key decrypts, in a stream that was decrypted before: altered or forged.";
    }
}

labels! {
    /// Why sound that libavcodec decodes was not decoded: `nauhuri_decoder_faults_total{fault}`.
    DecoderFault {
        Crashed = "crashed", "The decoding process ended, or gave an invalid answer.";
        Hung = "hung", "It did not answer in time and was ended.";
        Unstartable = "unstartable", "It could not be started.";
        TooOften = "too_often", "It was started too often within ten minutes; it is not started again until they have passed.";
        Streams = "streams", "More streams at once than it may decode.";
    }
}

labels! {
    /// Bounds of `[limits]` and of one recording: `nauhuri_limit_reached_total{limit}`.
    Limit {
        Memory = "memory", "`limits.memory`: calls forgotten because their signalling needed too much memory.";
        Calls = "calls", "`limits.calls`.";
        Recordings = "recordings", "`limits.recordings`.";
        Fragments = "fragments", "`limits.fragments`.";
        TcpStreams = "tcp_streams", "`limits.tcp_streams`.";
        TcpBuffer = "tcp_buffer", "`limits.tcp_buffer`.";
        TlsSecrets = "tls_secrets", "TLS connections whose secrets were forgotten because a key log contained too many.";
        QueueBytes = "queue_bytes", "`limits.queue_bytes`.";
        Sources = "sources", "Packets from more sources than one recording can play at a time: their sound is missing.";
        Streams = "streams", "Streams of one recording beyond those that are listed: they are counted with another stream.";
        Events = "events", "Events of one recording beyond those kept.";
        Connections = "connections", "Connections to `metrics.listen`, `control.socket` or `pause.listen`: the oldest was closed for a new one.";
        Other = "other", "A limit without a key.";
    }
}

labels! {
    /// Threads of the recorder: `nauhuri_thread_ok{thread}`.
    ThreadRole {
        Capture = "capture", "Takes packets from the interfaces and follows the calls.";
        Worker = "worker", "Decodes and writes recordings; there are several.";
        Listener = "listener", "Receives what is sent to the recorder (HEP, SIPREC); there may be several.";
        Archivist = "archivist", "Finishes what a crash left, keeps the index, deletes what is due.";
        Housekeeping = "housekeeping", "Looks at free space, links and whether the storage takes writes.";
        Metrics = "metrics", "Answers /metrics, /healthz and /readyz.";
        Control = "control", "Answers `nauhuri calls`, `nauhuri top`, `nauhuri pause` and `nauhuri reload`, and the agents' desktops.";
        Reload = "reload", "Takes a new configuration when SIGHUP asks for it.";
        Signals = "signals", "Waits for SIGTERM and SIGINT, which do not stop the recorder while it is dead or stuck.";
    }
}

impl ThreadRole {
    /// It is started again where it dies; the process ends with the others.
    pub const fn is_restarted(self) -> bool {
        !matches!(self, ThreadRole::Capture | ThreadRole::Worker)
    }
}

labels! {
    /// What stored bytes belong to: `nauhuri_storage_bytes{state}`.
    StorageState {
        Open = "open", "Recordings still running (`.part`).";
        Kept = "kept", "Whole recordings within their retention.";
        Held = "held", "Recordings under a hold.";
        Due = "due", "Past their retention and not held: about to be deleted.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_words_fall_to_the_last_member() {
        assert_eq!(SipMethod::of("INVITE"), SipMethod::Invite);
        assert_eq!(SipMethod::of("invite"), SipMethod::Other);
        assert_eq!(SipMethod::of("X\"}\n"), SipMethod::Other);
        assert_eq!(CodecLabel::of("pcma").as_str(), "PCMA");
        assert_eq!(CodecLabel::of("EVS"), CodecLabel::OTHER);
        assert_eq!(SipClass::of(99), None);
        assert_eq!(SipClass::of(700), None);
        assert_eq!(SipClass::of(200), Some(SipClass::Success));
        assert_eq!(SipClass::of(699), Some(SipClass::GlobalFailure));
    }

    #[test]
    fn indexes_are_dense() {
        for (i, m) in DropPlace::ALL.iter().enumerate() {
            assert_eq!(m.index(), i);
        }
    }
}
