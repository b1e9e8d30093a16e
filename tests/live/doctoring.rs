//! `nauhuri doctor` at mirror ports that somebody set up wrongly: the cause is named in the first three lines.

use crate::common::capture::{frames, ip_datagram};
use crate::common::files::tagged;
use crate::common::ladder::ethernet;
use crate::lab::{ip, run};
use crate::recorder::{NAUHURI, Setup, copy_program};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether the clock is kept is the machine's affair, not a mirror's.
const ANY_CLOCK: &str = "[retention]\nclock = \"any\"\n";

/// A switch's mirror port, and the cable from it to the recorder; both are gone when this is dropped.
struct MirrorPort {
    /// The recorder's interface.
    name: String,
    switch: String,
}

impl MirrorPort {
    fn new(name: &str) -> MirrorPort {
        let port = MirrorPort { name: name.into(), switch: format!("{name}-sw") };
        ip(&format!("link add {name} type veth peer name {}", port.switch));
        for end in [&port.name, &port.switch] {
            // Nothing of its own shall be on it.
            let path = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
            if Path::new(&path).exists() {
                fs::write(path, "1").unwrap();
            }
            ip(&format!("link set {end} up"));
        }
        port
    }

    /// Sends frames out of the switch, at their times.
    fn play(&self, all: &[(i64, Vec<u8>)]) {
        let switch = pcap::Capture::from_device(self.switch.as_str()).unwrap();
        let mut switch = switch.open().unwrap();
        let (began, first) = (Instant::now(), all[0].0);
        for (at, frame) in all {
            let due = Duration::from_nanos((at - first).max(0) as u64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            switch.sendpacket(frame.as_slice()).unwrap();
        }
    }

    /// The recorder's own address on the cable.
    fn address(&self) -> Vec<u8> {
        let text = fs::read_to_string(format!("/sys/class/net/{}/address", self.name)).unwrap();
        text.trim().split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
    }
}

impl Drop for MirrorPort {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &self.name]).stderr(Stdio::null()).status();
    }
}

/// A call of four seconds.
fn call() -> Vec<(i64, Vec<u8>)> {
    let mut all = Vec::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps/sipp-inbound-customer-bye.pcap");
    frames(&file, &mut |at, _, data| all.push((at, data.to_vec())));
    all
}

fn setup(port: &MirrorPort, filter: &str) -> Setup {
    let setup = Setup::with(&format!("\"{}\"", port.name), filter, "0");
    setup.configure(ANY_CLOCK);
    setup
}

/// Waits until it listens, lets `meanwhile` happen, ends it by Ctrl-C; exit status and what was said.
fn visit(setup: &Setup, meanwhile: impl FnOnce(&Child)) -> (Option<i32>, String) {
    let mut command = setup.command("doctor");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    std::thread::sleep(Duration::from_millis(300));
    meanwhile(&child);
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
    let (mut said, mut rest) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    errors.read_to_string(&mut rest).unwrap();
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5), "Ctrl-C does not end it");
    assert!(!rest.contains("panicked"), "{rest}");
    assert!(!setup.store.exists(), "the store was made");
    (status.code(), said)
}

#[track_caller]
fn names((code, said): &(Option<i32>, String), words: &[&str], wanted: i32) {
    let first: Vec<&str> = said.lines().take(3).collect();
    let first = first.join("\n");
    words.iter().for_each(|word| assert!(first.contains(word), "{word:?} is not in\n{first}\n---\n{said}"));
    assert_eq!(*code, Some(wanted), "{said}");
}

#[test]
#[ignore = "make test-live"]
fn doctor_finds_a_healthy_mirror_fit() {
    let port = MirrorPort::new("docwell");
    let told = visit(&setup(&port, ""), |_| port.play(&call()));
    names(&told, &["fit to record: 1 call answered, 1 of 1 heard on both sides", "none dropped"], 0);
    assert!(!told.1.contains("do:"), "{}", told.1);
}

#[test]
#[ignore = "make test-live"]
fn doctor_at_a_mirror_of_one_direction() {
    let port = MirrorPort::new("dochalf");
    let mut half = call();
    let customer = half.iter().find_map(|(_, f)| ip_datagram(1, f)).unwrap().src.ip();
    half.retain(|(_, f)| ip_datagram(1, f).is_none_or(|d| d.src.ip() == customer));
    let told = visit(&setup(&port, ""), |_| port.play(&half));
    names(&told, &["not fit to record - one direction only", "both directions"], 1);
}

#[test]
#[ignore = "make test-live"]
fn doctor_where_no_mirror_ends() {
    let port = MirrorPort::new("docnone");
    let own = setup(&port, "");
    let told = visit(&own, |_| {});
    names(&told, &["docnone: not one packet arrived", "SPAN"], 1);
    let mut frame = port.address();
    frame.extend([2, 0, 0, 0, 0, 9, 8, 0]);
    frame.resize(60, 0x45);
    let mut everybody = frame.clone();
    everybody[..6].fill(0xFF);
    let told = visit(&own, |_| port.play(&[(0, frame), (0, everybody)]));
    names(&told, &["only this host's own traffic (1 packet) and broadcasts (1)", "SPAN"], 1);
    ip("link set docnone-sw down");
    names(&visit(&own, |_| {}), &["docnone", "no link", "cable"], 1);
    ip("link set docnone down");
    names(&own.tell("doctor -q"), &["docnone: the interface is down", "ip link set docnone up"], 1);
}

#[test]
#[ignore = "make test-live"]
fn doctor_behind_a_filter() {
    let port = MirrorPort::new("docvlan");
    // The kernel takes the outer tag off before a filter sees the frame.
    let all: Vec<_> = call().into_iter().map(|(at, f)| (at, tagged(&tagged(&f, 30), 7))).collect();
    let told = visit(&setup(&port, "udp"), |_| port.play(&all));
    names(&told, &["capture.filter = \"udp\" keeps 7 of 7 SIP messages", "VLAN tag", "vlan and"], 1);
    let told = visit(&setup(&port, "port 5060"), |_| port.play(&call()));
    names(&told, &["keeps 402 of 402 RTP packets", "leave capture.filter empty"], 1);
    let told = visit(&setup(&port, ""), |_| port.play(&all));
    names(&told, &["fit to record: 1 call"], 0);
}

#[test]
#[ignore = "make test-live"]
fn doctor_at_mirrors_that_show_something_else() {
    type Frames = Vec<(i64, Vec<u8>)>;
    type Change = fn(Frames) -> Frames;
    let cases: [(&str, &str, Change, &[&str], i32); 6] = [
        (
            "doctwice",
            "",
            |all| all.into_iter().flat_map(|(at, f)| [(at, f.clone()), (at, f)]).collect(),
            &["fit to record - packets come twice"],
            0,
        ),
        (
            "docport",
            "",
            |all| all.iter().map(|(at, f)| (*at, on_port(f, 5070))).collect(),
            &["SIP messages on UDP port 5070", "sip.ports = [5060, 5080, 5070]"],
            1,
        ),
        (
            "doctunnel",
            "",
            |all| all.iter().map(|(at, f)| (*at, in_vxlan(f))).collect(),
            &["tunnel of kind vxlan", "capture.tunnels = "],
            1,
        ),
        (
            "docsilent",
            "",
            |mut all| {
                all.retain(|(_, f)| !is_rtp(f));
                all
            },
            &["no RTP at all in 1 of 1 calls", "mirror the ports of these hosts"],
            1,
        ),
        (
            "docmute",
            "",
            |mut all| {
                let talker =
                    all.iter().filter(|(_, f)| is_rtp(f)).find_map(|(_, f)| ip_datagram(1, f)).unwrap().src;
                all.retain(|(_, f)| !is_rtp(f) || ip_datagram(1, f).unwrap().src == talker);
                all
            },
            &["RTP in one direction only in 1 of 1 calls"],
            1,
        ),
        ("docagent", "7000-7999", |all| all, &["no party of any is an agent by agents.extensions"], 1),
    ];
    std::thread::scope(|scope| {
        for (name, extensions, change, words, code) in cases {
            scope.spawn(move || {
                let port = MirrorPort::new(name);
                let setup = setup(&port, "");
                if !extensions.is_empty() {
                    setup.change("2000-2999", extensions);
                }
                names(&visit(&setup, |_| port.play(&change(call()))), words, code);
            });
        }
    });
}

fn is_rtp(frame: &[u8]) -> bool {
    ip_datagram(1, frame).is_some_and(|d| d.rtp().is_some())
}

/// SIP on another port.
fn on_port(frame: &[u8], port: u16) -> Vec<u8> {
    let Some(mut d) = ip_datagram(1, frame) else { return frame.to_vec() };
    for end in [&mut d.src, &mut d.dst] {
        if end.port() == 5060 {
            end.set_port(port);
        }
    }
    ethernet(d.src, d.dst, &d.payload)
}

fn in_vxlan(frame: &[u8]) -> Vec<u8> {
    let ends = ["198.51.100.66:50000", "192.0.2.99:4789"].map(|at| at.parse().unwrap());
    ethernet(ends[0], ends[1], &[&[8, 0, 0, 0, 0, 0, 7, 0], frame].concat())
}

#[test]
#[ignore = "make test-live"]
fn doctor_that_may_not_capture() {
    let port = MirrorPort::new("docmay");
    let setup = setup(&port, "");
    let open = |p: &Path| fs::set_permissions(p, fs::Permissions::from_mode(0o777)).unwrap();
    let program = setup.dir.path().join("nauhuri");
    copy_program(&program);
    open(setup.dir.path());
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    let out = nobody.args(["doctor", "-q", "--config"]).arg(setup.config()).output().unwrap();
    let told = (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned());
    names(&told, &["docmay: this user may not capture", "setcap cap_net_raw+ep"], 1);
}

#[test]
#[ignore = "make test-live"]
fn doctor_that_cannot_keep_up_or_has_no_room() {
    let port = MirrorPort::new("docfull");
    let setup = setup(&port, "");
    setup.change("buffer_mib = 16", "buffer_mib = 1");
    let noise: Vec<_> = std::iter::repeat_n((0, call()[0].1.clone()), 20_000).collect();
    let told = visit(&setup, |child| {
        run("kill", &["-STOP", &child.id().to_string()]);
        port.play(&noise);
        run("kill", &["-CONT", &child.id().to_string()]);
        port.play(&call());
    });
    let said = &told.1;
    assert!(
        said.contains("packets were dropped beside") && said.contains("capture.buffer_mib above 1"),
        "{said}"
    );
    assert_eq!(told.0, Some(1), "{said}");
    setup.change("min_free = \"0\"", "min_free = \"900 TiB\"");
    let told = visit(&setup, |_| port.play(&call()));
    names(&told, &["less than the 921600.0 GiB of storage.min_free"], 1);
}

#[test]
#[ignore = "make test-live"]
fn doctor_is_told_of_an_interface_that_is_not_there() {
    let out = Command::new(NAUHURI).args(["doctor", "--interface", "eth99"]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("eth99") && said.contains("lo"), "{said}");
    assert_eq!(out.status.code(), Some(2), "{said}");
}
