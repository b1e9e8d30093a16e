//! Frames from network interfaces, through libpcap's memory-mapped ring.
//!
//! Never in immediate mode (it falls back to a slower ring), never a blocking
//! read (libpcap's timeout does not bound it): non-blocking reads and a poll of
//! our own.

use super::link_name;
use crate::time::Timestamp;
use crate::wire::{Frame, LinkType};
use pcap::{Active, Capture, Device, Error as PcapError, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use std::net::IpAddr;
use std::time::Duration;

/// The whole frame: RTP of wide-band codecs and large INVITEs included.
const SNAPLEN: i32 = 65_535;
/// How long the kernel may gather frames before it wakes the reader, ms.
const BLOCK_TIMEOUT_MS: i32 = 100;

/// How to capture.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Extra BPF expression; empty for none.
    pub filter: String,
    /// Kernel ring, MiB.
    pub buffer_mib: u32,
    /// Promiscuous mode.
    pub promiscuous: bool,
}

/// Why an interface cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// There is no such interface.
    #[error("{name}: no such interface; there are {known}")]
    NoSuchInterface {
        /// As configured.
        name: String,
        /// Names of those that are there.
        known: String,
    },
    /// The process may not capture.
    #[error(
        "{name}: no permission to capture; run as root, or give the binary CAP_NET_RAW \
         (setcap cap_net_raw+ep, or AmbientCapabilities= in the unit)"
    )]
    Forbidden {
        /// As configured.
        name: String,
    },
    /// It is there, but down.
    #[error("{name}: the interface is down; bring it up first (ip link set {name} up)")]
    Down {
        /// As configured.
        name: String,
    },
    /// What it brings is not read.
    #[error(
        "{name}: its frames are of link type {number} ({known}), which is not recorded from; capture on the \
         interface the packets come in on, or on \"any\""
    )]
    LinkType {
        /// As configured.
        name: String,
        /// libpcap's number.
        number: i32,
        /// libpcap's name for it.
        known: String,
    },
    /// The BPF expression is wrong.
    #[error("capture.filter: {why}")]
    Filter {
        /// What libpcap says.
        why: String,
    },
    /// The interface failed or went away.
    #[error("{name}: {why}")]
    Failed {
        /// As configured.
        name: String,
        /// What libpcap says.
        why: String,
    },
}

/// Drops since the interface was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// The ring was full.
    pub kernel: u64,
    /// The card or its driver.
    pub interface: u64,
}

/// Where frames come from while they happen.
pub trait FrameSource: Sized {
    /// Opens the interface of this name.
    ///
    /// # Errors
    /// [`LiveError`], which tells what to do.
    fn open(name: &str, options: &LiveOptions) -> Result<Self, LiveError>;

    /// Its name.
    fn name(&self) -> &str;

    /// The next frame, `None` when there is none just now.
    ///
    /// # Errors
    /// The interface failed: open it again.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, LiveError>;

    /// Drops since the last time this was asked.
    fn new_drops(&mut self) -> Drops;

    /// Waits until one of them has frames, or for `at_most`.
    fn wait(sources: &[Self], at_most: Duration);
}

/// One interface being captured.
pub struct LiveSource {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    seen: Drops,
}

/// Which interface names this machine does not have, and the names that it has. `any` is always there.
pub fn missing_interfaces(names: &[String]) -> Option<(Vec<String>, String)> {
    let known: Vec<String> = Device::list().ok()?.into_iter().map(|d| d.name).collect();
    let missing: Vec<String> = names.iter().filter(|n| *n != "any" && !known.contains(n)).cloned().collect();
    (!missing.is_empty()).then(|| (missing, known.join(", ")))
}

/// Interfaces that may be a mirror port's, the likeliest first: up, and without an address of their own, which
/// whatever only listens has no use for. Empty where there are none, or libpcap does not say.
pub fn likely_mirrors() -> Vec<String> {
    let mut all: Vec<Device> = Device::list().unwrap_or_default();
    all.retain(|d| !d.flags.is_loopback() && !d.flags.is_wireless() && is_ethernet(&d.name));
    // Link-local addresses come by themselves.
    let has_address = |d: &Device| {
        d.addresses.iter().any(|a| match a.addr {
            IpAddr::V4(_) => true,
            IpAddr::V6(v6) => !v6.is_unicast_link_local(),
        })
    };
    all.sort_by_key(|d| (!d.flags.is_up(), has_address(d)));
    all.into_iter().map(|d| d.name).collect()
}

/// `any`, loggers and the like are devices to libpcap and none to the kernel.
fn is_ethernet(name: &str) -> bool {
    const ARPHRD_ETHER: &str = "1";
    std::fs::read_to_string(format!("/sys/class/net/{name}/type"))
        .is_ok_and(|kind| kind.trim() == ARPHRD_ETHER)
}

impl FrameSource for LiveSource {
    fn open(name: &str, options: &LiveOptions) -> Result<LiveSource, LiveError> {
        let told = |e: PcapError| explain(name, &e);
        let ring = i64::from(options.buffer_mib) << 20;
        let inactive = Capture::from_device(name)
            .map_err(told)?
            .promisc(options.promiscuous)
            .snaplen(SNAPLEN)
            .buffer_size(ring.clamp(1 << 20, i64::from(i32::MAX)) as i32)
            .timeout(BLOCK_TIMEOUT_MS)
            .precision(Precision::Nano);
        let mut capture = inactive.open().map_err(told)?.setnonblock().map_err(told)?;
        // What the recorder starts has no use for what is captured. A descriptor that is open takes this.
        let _ = fcntl_setfd(&capture, FdFlags::CLOEXEC);
        if !options.filter.trim().is_empty() {
            let wrong = |e: PcapError| LiveError::Filter { why: e.to_string() };
            capture.filter(&options.filter, true).map_err(wrong)?;
        }
        let number = capture.get_datalink().0;
        let link = LinkType::from_dlt(u16::try_from(number).unwrap_or(u16::MAX));
        // A log of netfilter is read from files: live, libpcap cannot wait for it.
        if matches!(link, LinkType::Other(_) | LinkType::Nflog) {
            let known = link_name(u16::try_from(number).unwrap_or(u16::MAX));
            return Err(LiveError::LinkType { name: name.into(), number, known });
        }
        Ok(LiveSource { name: name.to_string(), capture, link, seen: Drops::default() })
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, LiveError> {
        match self.capture.next_packet() {
            Ok(p) => {
                // With nanosecond precision the field for microseconds holds nanoseconds.
                let ns = u32::try_from(p.header.ts.tv_usec).unwrap_or(0);
                let ts = Timestamp::from_parts(p.header.ts.tv_sec, ns);
                Ok(Some(Frame { ts, link: self.link, data: p.data, wire_len: p.header.len }))
            }
            Err(PcapError::TimeoutExpired | PcapError::NoMorePackets) => Ok(None),
            Err(e) => Err(LiveError::Failed { name: self.name.clone(), why: e.to_string() }),
        }
    }

    fn new_drops(&mut self) -> Drops {
        let Ok(s) = self.capture.stats() else { return Drops::default() };
        let now = Drops { kernel: u64::from(s.dropped), interface: u64::from(s.if_dropped) };
        // libpcap counts in 32 bits, which wrap.
        let since = |now: u64, before: u64| u64::from((now as u32).wrapping_sub(before as u32));
        let new = Drops {
            kernel: since(now.kernel, self.seen.kernel),
            interface: since(now.interface, self.seen.interface),
        };
        self.seen = now;
        new
    }

    fn wait(sources: &[LiveSource], at_most: Duration) {
        let mut fds: Vec<_> = sources.iter().map(|s| PollFd::new(&s.capture, PollFlags::IN)).collect();
        let timeout =
            Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        // Interrupted or failed: the caller looks at the sources anyway.
        let _ = poll(&mut fds, Some(&timeout));
    }
}

fn explain(name: &str, e: &PcapError) -> LiveError {
    let why = e.to_string();
    let said = why.to_ascii_lowercase();
    if said.contains("no such device") || said.contains("siocgifhwaddr") || said.contains("doesn't exist") {
        let known = Device::list().map(|l| l.into_iter().map(|d| d.name).collect::<Vec<_>>().join(", "));
        LiveError::NoSuchInterface { name: name.into(), known: known.unwrap_or_default() }
    } else if said.contains("is not up") || said.contains("is down") {
        LiveError::Down { name: name.into() }
    } else if said.contains("permission") || said.contains("not permitted") {
        LiveError::Forbidden { name: name.into() }
    } else {
        LiveError::Failed { name: name.into(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpcap_says_is_kept_where_nothing_better_is_known() {
        for text in ["The interface disappeared", "recv failed: Input/output error"] {
            let told = explain("eth7", &PcapError::PcapError(text.into())).to_string();
            assert!(told.contains("eth7") && told.contains(text), "{told}");
        }
        let told = explain("eth7", &PcapError::PcapError("SIOCGIFHWADDR: No such device".into()));
        assert!(matches!(told, LiveError::NoSuchInterface { .. }), "{told}");
        let told = explain("eth7", &PcapError::PcapError("eth7: That device is not up".into()));
        assert!(matches!(told, LiveError::Down { .. }), "{told}");
        let told = explain("eth7", &PcapError::PcapError("socket: Operation not permitted".into()));
        assert!(matches!(told, LiveError::Forbidden { .. }), "{told}");
    }
}
