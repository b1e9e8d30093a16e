//! What is received on sockets of our own, and what of it is not taken.

labels! {
    /// Why something that came to the SIPREC listener was not accepted: `nauhuri_siprec_refused_total{reason}`.
    SiprecFault {
        Address = "address", "The client is not in `siprec.from`: 403.";
        NotSiprec = "not_siprec", "An INVITE that does not ask for a recording session: 421.";
        Extension = "extension", "It requires an unknown extension: 420.";
        Malformed = "malformed", "A request that is cut off, or lacks a mandatory part: 400.";
        Media = "media", "None of the offered media can be received: 488.";
        Sessions = "sessions", "`siprec.sessions` was reached: 503.";
        Ports = "ports", "No pair of `siprec.rtp_ports` is free, or no file can be opened: 503.";
        Stopping = "stopping", "The recorder was stopping: 503.";
        UnknownSession = "unknown_session", "A request within a session that is unknown and cannot be taken over: 481.";
        Method = "method", "An unknown method: 405.";
        Order = "order", "A request that is older than one already received in its session: 500.";
        Unreadable = "unreadable", "Bytes that are not SIP, or a message longer than 64 KiB.";
        Metadata = "metadata", "Metadata that is not XML as in RFC 7865; the session was accepted all the same.";
        Unnamed = "unnamed", "A session ended before its metadata named a participant; nothing of it was recorded.";
        Connections = "connections", "The maximum number of connections was reached.";
        Slow = "slow", "A message or a TLS handshake was not finished within ten seconds, or an answer was not read.";
        Tls = "tls", "The TLS handshake failed, or the sender did not use TLS.";
    }
}

labels! {
    /// What packets in HEP held: `nauhuri_hep_packets_total{what}`.
    HepKind {
        Sip = "sip", "A SIP message.";
        Rtp = "rtp", "An RTP packet.";
        Rtcp = "rtcp", "An RTCP packet.";
        Other = "other", "Data that is not used: reports, logs, other protocols.";
        Empty = "empty", "Nothing: a keep-alive.";
    }
}

labels! {
    /// Why packets in HEP, or connections for them, were not taken: `nauhuri_hep_refused_total{reason}`.
    HepFault {
        Sender = "sender", "The sender is not in `hep.from`.";
        Password = "password", "The password of `hep.password_file` was missing or wrong.";
        Malformed = "malformed", "Not HEP, or damaged.";
        Compressed = "compressed", "A compressed payload that cannot be read, or is too long.";
        Connections = "connections", "The maximum number of connections was reached.";
        Slow = "slow", "A packet or a TLS handshake was begun and not finished within ten seconds.";
        Tls = "tls", "The TLS handshake failed, or the sender did not use TLS.";
    }
}

labels! {
    /// Why media of a recording session is in no recording: `nauhuri_siprec_media_dropped_total{reason}`.
    SiprecMedia {
        Stranger = "stranger", "It came from an address that the client does not send from.";
        Idle = "idle", "Its stream is paused, no participant is assigned to it, or the call is over.";
    }
}
