//! What is received on sockets of our own, and what of it is not taken.

labels! {
    /// Why something that came to the SIPREC listener was not accepted: `nauhuri_siprec_refused_total{reason}`.
    SiprecFault {
        Address = "address", "The client is not in `siprec.from`: 403.";
        NotSiprec = "not_siprec", "An INVITE that does not ask for a recording session: 421.";
        Extension = "extension", "It requires an extension that is not known: 420.";
        Malformed = "malformed", "A request that is cut, or lacks what it must have: 400.";
        Media = "media", "Nothing of the media offered can be received: 488.";
        Sessions = "sessions", "There are as many sessions as `siprec.sessions` allows: 503.";
        Ports = "ports", "No pair of `siprec.rtp_ports` is free, or no file can be opened: 503.";
        Stopping = "stopping", "The recorder was stopping: 503.";
        UnknownSession = "unknown_session", "A request of a session that is not known, and cannot be taken over: 481.";
        Method = "method", "A method that is not known: 405.";
        Order = "order", "A request older than another one of its session: 500.";
        Unreadable = "unreadable", "Bytes that are no SIP, or a message longer than 64 KiB.";
        Metadata = "metadata", "Metadata that is no XML of RFC 7865; the session was accepted all the same.";
        Unnamed = "unnamed", "A session was over without its metadata having named anybody who talks; nothing of it was recorded.";
        Connections = "connections", "There were as many connections as are kept.";
        Slow = "slow", "A message, or the greeting of TLS, was not finished within ten seconds, or an answer not read.";
        Tls = "tls", "No TLS where TLS is spoken, or none that both sides know.";
    }
}

labels! {
    /// What packets in HEP held: `nauhuri_hep_packets_total{what}`.
    HepKind {
        Sip = "sip", "A SIP message.";
        Rtp = "rtp", "An RTP packet.";
        Rtcp = "rtcp", "An RTCP packet.";
        Other = "other", "What is not followed: reports, logs, other protocols.";
        Empty = "empty", "Nothing: a sign of life.";
    }
}

labels! {
    /// Why packets in HEP, or connections for them, were not taken: `nauhuri_hep_refused_total{reason}`.
    HepFault {
        Sender = "sender", "The sender is not in `hep.from`.";
        Password = "password", "Without the password of `hep.password_file`, or with another.";
        Malformed = "malformed", "No HEP, or broken.";
        Compressed = "compressed", "A compressed payload that cannot be read, or is too long.";
        Connections = "connections", "There are as many connections as one listener keeps.";
        Slow = "slow", "A packet, or the greeting of TLS, was begun and not finished within ten seconds.";
        Tls = "tls", "No TLS where TLS is spoken, or none that both sides know.";
    }
}

labels! {
    /// Why media of a recording session is in no recording: `nauhuri_siprec_media_dropped_total{reason}`.
    SiprecMedia {
        Stranger = "stranger", "It came from elsewhere than the client sends from.";
        Idle = "idle", "Its stream is paused, or nobody is known to speak on it, or the call is over.";
    }
}
