//! The sections of the configuration, a row for each key.
//!
//! A row is: what the key means, as the sample file has it; its field and type; its
//! default; what it may hold; when a change of it takes effect. See `keys::section`.

use super::hep_keys::HepSection;
use super::keys::{self, Kind, section};
use super::limits::Limits;
use super::listening::Room;
use super::networks::Networks;
use super::pausing::{Control, PauseRules};
use super::probe_keys::ProbeSection;
use super::report_keys::ReportSection;
use super::separator::Separator;
use super::service::{Service, ServiceRule};
use super::sip_ports::SipPorts;
use super::siprec::Siprec;
use super::term::Term;
use super::tls_keys::TlsSection;
use super::tunnels::TunnelRule;
use super::words;
use super::zone::Zone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Largest ring libpcap takes, MiB: its size is an `int` of bytes.
const BUFFER_MIB_MAX: i64 = 2047;

keys::config! {
    capture: Capture,
    hep: HepSection,
    siprec: Siprec,
    sip: Sip,
    tls: TlsSection,
    agents: Agents,
    service: Vec<ServiceRule>,
    service_default: Service,
    numbers: Numbers,
    retention: Retention,
    storage: Storage,
    codecs: Codecs,
    pause: PauseRules,
    control: Control,
    audit: Audit,
    cdr: CdrSettings,
    probe: ProbeSection,
    controller: Controller,
    dsar: Dsar,
    report: ReportSection,
    metrics: MetricsSection,
    log: Log,
    limits: Limits,
    room: Room,
}

section! {
    /// Where packets come from.
    pub struct Capture {
        /// The interface that sees the calls (the mirror or SPAN port), or a list of
        /// them; "any" listens on all. Empty if calls come from elsewhere: hep.listen, siprec.listen.
        #[serde(deserialize_with = "crate::config::forms::interfaces")]
        interface: Vec<String> = Vec::new(), Kind::OneOrTexts, OnRestart;
        /// An extra BPF expression, such as "net 10.20.0.0/16": packets outside it are
        /// never read. Empty: all packets.
        filter: String = String::new(), Kind::Text, OnRestart;
        /// Size of the kernel's ring buffer for each interface, MiB. It absorbs delays: 256 MiB
        /// hold about four seconds of 6,000 calls.
        buffer_mib: u32 = 256, Kind::Count(1, BUFFER_MIB_MAX), OnRestart;
        /// Tunnels whose content is read: a kind, such as "vxlan", or a kind from certain
        /// senders, such as { kind = "erspan", from = "10.9.0.0/16" }. Kinds: "gre", "erspan",
        /// "vxlan", "geneve", "gtp-u", "ipip" (IP, Ethernet or MPLS in IP), "tzsp", "hep" (what
        /// capture agents send to somebody else; hep.listen is for what they send to the recorder);
        /// "any" is all of them. Anybody who can reach a mirrored address can send a tunnel packet with a
        /// forged call inside, so name the kind and the sender of your mirror. VLAN tags, MPLS
        /// and PPPoE are always read.
        #[serde(deserialize_with = "crate::config::tunnels::rules")]
        tunnels: Vec<TunnelRule> = Vec::new(), Kind::Tunnels, OnRestart;
        /// Receive packets that are addressed to others, which are all that a mirror port carries.
        promiscuous: bool = true, Kind::Bool, OnRestart;
    }
}

section! {
    /// What counts as SIP, and how calls are followed.
    pub struct Sip {
        /// UDP, TCP and SCTP ports that carry SIP, at either end, WebSockets among them. "any": SIP is
        /// recognised on every port by its content. Every packet that is not RTP is then examined, and
        /// anybody who can send to a mirrored port can invent calls, so name the ports if you know them.
        ports: SipPorts = SipPorts::Listed(vec![5060, 5080]), Kind::Ports, OnReload;
        /// Headers that connect the legs of one contact (trunk, queue, agent): legs with the
        /// same value in one of them belong together.
        correlation_headers: Vec<String> = vec!["Session-ID".into()], Kind::Words(&words::HEADERS), OnReload;
        /// A recording ends when no hang-up was seen and neither side has sent audio for this
        /// long. Calls on hold are not affected.
        #[serde(with = "crate::config::forms::duration")]
        media_timeout: Duration = Duration::from_secs(30), Kind::Period, OnReload;
        /// How long a call may be without audio while there are signs that it is alive: RTCP,
        /// session refreshes, or signalled silence (no audio port, fax). After that the
        /// recording ends. If the same call has audio again later, another recording begins.
        #[serde(with = "crate::config::forms::duration")]
        max_silence: Duration = Duration::from_secs(3600), Kind::Period, OnRestart;
    }
}

section! {
    /// Who is an agent. `nauhuri record` needs at least one rule; without any,
    /// `nauhuri replay` takes the called party for the agent.
    pub struct Agents {
        /// Extensions: "2001"; a range "2000-2999", which matches numbers of the same length as its
        /// ends; a prefix "31*", which matches 31 too.
        extensions: Vec<String> = Vec::new(), Kind::Texts, OnReload;
        /// Networks of the agents' telephones, such as "10.20.0.0/16". Set them: without them a
        /// caller who writes an agent's number into the From header, or into the header below,
        /// counts as an agent, and the call is not recorded. A party who is an agent only by
        /// address is stored under its number if that has fewer than seven digits.
        networks: Networks = Networks::default(), Kind::Words(&words::NETWORKS), OnReload;
        /// A SIP header that carries the agent's id, such as "X-Agent-Id".
        header: String = String::new(), Kind::Word(&words::HEADER), OnReload;
        /// Record calls between two agents as well.
        record_internal: bool = false, Kind::Bool, OnReload;
        /// "within": where networks is set, a number or a header counts only for a party within
        /// them. "any": any one of the three rules is enough.
        matching as "match": AgentMatch = AgentMatch::Within, Kind::OneOf(&["within", "any"]), OnReload;
        /// Names to store beside the ids: { "2001" = "M. Virtanen" }
        names: BTreeMap<String, String> = BTreeMap::new(), Kind::Names, OnReload;
    }
}

section! {
    /// How numbers are compared. With both keys set, 0401234567 and +358401234567 are the same
    /// number: country = "358", national_prefix = "0".
    pub struct Numbers {
        /// Country code, digits only.
        country: String = String::new(), Kind::Word(&words::COUNTRY), OnReload;
        /// The prefix that is dialled before a national number.
        national_prefix: String = String::new(), Kind::Word(&words::NATIONAL_PREFIX), OnReload;
        /// The headers with the caller's number, the most trusted one first. The first that
        /// contains a telephone number counts.
        caller: Vec<String> = ["P-Asserted-Identity", "Remote-Party-ID", "From"].map(String::from).into(),
            Kind::Words(&words::CALLER_HEADERS), OnReload;
    }
}

section! {
    /// How long recordings are kept, and how expired ones are deleted.
    pub struct Retention {
        /// The time zone of the calendar days, such as "Europe/Helsinki".
        timezone: Zone = Zone::default(), Kind::Word(&words::ZONE), OnRestart;
        /// How often the daemon deletes what is due.
        #[serde(with = "crate::config::forms::duration")]
        sweep: Duration = Duration::from_secs(3600), Kind::Period, OnReload;
        /// A sweep deletes nothing if what is due fell due on more than this many days, or is
        /// far more than usual: then the clock or the configuration is probably wrong, and
        /// somebody has to look (`nauhuri expire --dry-run`, then `--ignore-guard`). Up to
        /// twenty recordings are always deleted. 0 switches the check off.
        guard: u32 = 3, Kind::Count(0, 1_000_000), OnReload;
        /// "synchronised": nothing is deleted while the clock is not synchronised. "any": do
        /// not ask, for a container that cannot tell. A clock that has jumped stops deletion
        /// in either case.
        clock: ClockTrust = ClockTrust::Synchronised, Kind::OneOf(&["synchronised", "any"]), OnReload;
        /// "until_deleted": a recording can be exported as long as it exists. "until_due": it
        /// cannot be exported once its retention has ended, even if the sweep has not deleted
        /// it yet.
        access: CopyAccess = CopyAccess::UntilDeleted, Kind::OneOf(&["until_deleted", "until_due"]), Elsewhere;
        /// A hold that nobody has confirmed for this long is due for review: `nauhuri list
        /// --flag review` lists it, and the metric nauhuri_holds_due_review counts it.
        hold_review: Term = Term::Months(6), Kind::Word(&words::TERM), OnReload;
        /// How long a recording that is past its retention is kept after its last hold is
        /// released.
        #[serde(with = "crate::config::forms::duration")]
        release_grace: Duration = Duration::ZERO, Kind::Duration, Elsewhere;
        /// How long the recorder remembers that a recording was deleted, so that restoring an
        /// old backup does not bring it back; at least until its own retention has ended.
        tombstones: Term = Term::Years(5), Kind::Word(&words::TERM), OnReload;
    }
}

section! {
    /// Where recordings are kept.
    pub struct Storage {
        /// Folder of the recordings. It holds DIR/YYYY/MM/DD.
        dir: PathBuf = "/var/lib/nauhuri/recordings".into(), Kind::Word(&words::FOLDER), OnRestart;
        /// Folder of the index and the audit log; by default .nauhuri inside dir.
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<PathBuf> = None, Kind::Text, OnRestart, "\"/var/lib/nauhuri/state\"";
        /// The UUID of the store that must be in dir, from dir/.nauhuri/store-id. If it is set,
        /// an empty mount point is not taken for a new store. Empty: any store.
        id: String = String::new(), Kind::Word(&words::STORE_ID), OnRestart;
        /// "pcm_s16le", or "g711": A-law and mu-law kept as received, at half the size.
        encoding: Encoding = Encoding::PcmS16le, Kind::OneOf(&["pcm_s16le", "g711"]), OnRestart;
        /// Recording stops before less than this is free on the disk.
        #[serde(with = "crate::config::forms::bytes")]
        min_free: u64 = 5 << 30, Kind::Size(0), OnReload;
        /// true: members of the service's group may read recordings (files 0640, folders 0750 instead
        /// of 0600 and 0700). A copy made that way leaves no trace in the audit log.
        group_read: bool = false, Kind::Bool, OnRestart;
        /// true: packets that cannot be decoded are kept in NAME.pcap beside the recording, and for as
        /// long; `nauhuri redecode` decodes them once a decoder is available.
        keep_undecoded: bool = false, Kind::Bool, OnRestart;
    }
}

section! {
    /// How sound is decoded.
    pub struct Codecs {
        /// Decode G.729, AMR, AMR-WB, iLBC, Speex and G.723.1 with libavcodec if it is installed, in a
        /// separate process without privileges, files or network. false: they are recorded as silence.
        external: bool = true, Kind::Bool, OnRestart;
    }
}

section! {
    /// The exchange's own list of calls, for `nauhuri reconcile`. Columns are named as in its first
    /// line, or by their number from 1; what is set here overrides the format.
    pub struct CdrSettings {
        /// The program that wrote the list: "asterisk" (Master.csv of cdr_csv), "freeswitch" (the template example
        /// of mod_cdr_csv), "kamailio" (the table cdrs), "cucm", or "columns": only what is set below.
        format: CdrFormat = CdrFormat::Asterisk,
            Kind::OneOf(&["asterisk", "freeswitch", "kamailio", "cucm", "columns"]), Elsewhere;
        /// When the call was answered: RFC 3339, seconds since 1970, or a local time of
        /// retention.timezone such as 2026-11-23 08:15:23 or 23.11.2026 08:15:23.
        answered: String = String::new(), Kind::Text, Elsewhere;
        /// When it ended.
        ended: String = String::new(), Kind::Text, Elsewhere;
        /// Its duration from the answer, if the list does not say when it ended.
        duration: String = String::new(), Kind::Text, Elsewhere;
        /// Columns that may contain the agent: numbers or channels.
        parties: Vec<String> = Vec::new(), Kind::Texts, Elsewhere;
        /// The number that was called; it determines the service.
        called: String = String::new(), Kind::Text, Elsewhere;
        /// The SIP Call-ID, if the list has it.
        call_id: String = String::new(), Kind::Text, Elsewhere;
        /// The outcome of the call. If this column is set, only calls with one of answered_words
        /// in it were answered.
        status: String = String::new(), Kind::Text, Elsewhere;
        /// See status.
        answered_words: Vec<String> = Vec::new(), Kind::Texts, Elsewhere;
        /// Column separator.
        separator: Separator = Separator::default(), Kind::Word(&words::SEPARATOR), Elsewhere;
        /// How far its times may differ from the recorder's.
        #[serde(with = "crate::config::forms::duration")]
        tolerance: Duration = Duration::from_secs(5), Kind::Duration, Elsewhere;
    }
}

section! {
    /// The log of who looked at, held, exported or deleted which recording.
    pub struct Audit {
        /// How long its entries are kept.
        keep: Term = Term::Years(10), Kind::Word(&words::TERM), OnReload;
        /// A file, best on another machine, that always holds the newest link of the log's
        /// hash chain. With it, `nauhuri audit verify` also finds a log that was cut short or
        /// replaced. Empty for none.
        /// The service must be allowed to write it (ReadWritePaths= in a drop-in).
        anchor: PathBuf = PathBuf::new(), Kind::Word(&words::ANCHOR), OnRestart;
    }
}

section! {
    /// The controller of the recordings (GDPR Art. 4(7)), as named in letters to the people
    /// recorded.
    pub struct Controller {
        /// Its name, such as "City of Espoo".
        name: String = String::new(), Kind::Text, Elsewhere;
        /// Its postal address, line by line.
        address: Vec<String> = Vec::new(), Kind::Texts, Elsewhere;
        /// Contact for requests: telephone, e-mail.
        contact: String = String::new(), Kind::Text, Elsewhere;
        /// Contact of the data protection officer.
        officer: String = String::new(), Kind::Text, Elsewhere;
    }
}

section! {
    /// Requests of data subjects (GDPR Art. 15 to 18 and 21): `nauhuri dsar`.
    pub struct Dsar {
        /// How long after the decision name, address, and how the identity was checked are kept. What was
        /// asked for, decided and on which ground is kept as long as the audit log. With less than a
        /// year here, not all requests of somebody who asks again are counted.
        keep: Term = Term::Years(1), Kind::Word(&words::TERM), OnReload;
    }
}

section! {
    /// The Prometheus endpoint.
    pub struct MetricsSection {
        /// Where Prometheus reads the metrics. Empty switches them off.
        #[serde(with = "crate::config::forms::or_nothing")]
        listen: Option<SocketAddr> = Some(SocketAddr::from(([127, 0, 0, 1], 9160))), Kind::Word(&words::METRICS_ADDRESS), OnRestart;
    }
}

section! {
    /// The technical log.
    pub struct Log {
        /// How long the technical log is kept, as the privacy notice says. The journal is deleted
        /// by journald (MaxRetentionSec= in /etc/systemd/journald@nauhuri.conf; `nauhuri check`
        /// compares the two), the register of calls that were not recorded by the recorder.
        #[serde(with = "crate::config::forms::duration")]
        keep: Duration = Duration::from_secs(24 * 3600), Kind::Period, OnReload;
    }
}

/// `agents.match`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentMatch {
    /// Where `networks` is set, a number or a header counts only for a party within them.
    Within,
    /// Any one rule is enough.
    Any,
}

/// `retention.access`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyAccess {
    /// Until the sweep has deleted the recording.
    UntilDeleted,
    /// Until the instant it falls due, though the sweep has not come yet.
    UntilDue,
}

/// `retention.clock`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockTrust {
    /// It has to be synchronised.
    Synchronised,
    /// It only must not have jumped.
    Any,
}

/// `cdr.format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CdrFormat {
    /// cdr_csv of Asterisk.
    Asterisk,
    /// mod_cdr_csv of FreeSWITCH.
    Freeswitch,
    /// The table `cdrs` of Kamailio.
    Kamailio,
    /// Cisco Unified Communications Manager.
    Cucm,
    /// As the keys beside it say.
    Columns,
}

/// `storage.encoding`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// 16-bit PCM.
    PcmS16le,
    /// A-law or mu-law as received; PCM where the call is neither.
    G711,
}

impl Config {
    /// Whether calls can come from anywhere: an interface, or whoever sends to the recorder.
    pub fn has_source(&self) -> bool {
        !self.capture.interface.is_empty() || !self.hep.listen.is_empty() || !self.siprec.listen.is_empty()
    }

    /// A service by its name, with everything filled in.
    pub fn service_named(&self, name: &str) -> Option<Service> {
        let base = &self.service_default;
        let own = self.service.iter().find(|rule| rule.name == name).map(|rule| rule.resolve(base));
        own.or_else(|| (base.name == name).then(|| base.clone()))
    }
}
