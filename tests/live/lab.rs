//! Tools of the system: interfaces, mounts, sipp, tcpdump.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Tries until it is done, for so long as a child that another test has just forked may hold what we have
/// closed: until it is executed.
pub fn once_free<T, E: std::fmt::Display>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(why) => assert!(began.elapsed() < Duration::from_secs(5), "{what}: {why}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a tool; its complaint is the test's.
pub fn run(tool: &str, args: &[&str]) {
    let out = Command::new(tool).args(args).output();
    let out = out.unwrap_or_else(|e| panic!("{tool} is missing ({e}): scripts/setup installs it"));
    assert!(out.status.success(), "{tool} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// The same as `ip ...`, split at blanks.
pub fn ip(args: &str) {
    run("ip", &args.split(' ').collect::<Vec<_>>());
}

/// A cable from here to a name space of its own; both are gone when this is dropped.
pub struct Cable {
    pub name: String,
    space: String,
    net: u8,
}

impl Cable {
    /// 10.20.`net`.1 here, .2 at the other end.
    pub fn new(name: &str, net: u8) -> Cable {
        let cable = Cable { name: name.into(), space: format!("far-{name}"), net };
        ip(&format!("netns add {}", cable.space));
        cable.plug();
        cable
    }

    /// Lays it (again).
    pub fn plug(&self) {
        let Cable { name, space, net } = self;
        ip(&format!("link add {name} type veth peer name far netns {space}"));
        ip(&format!("addr add 10.20.{net}.1/24 dev {name}"));
        ip(&format!("link set {name} up"));
        ip(&format!("-n {space} addr add 10.20.{net}.2/24 dev far"));
        ip(&format!("-n {space} link set far up"));
    }

    /// Tears it out.
    pub fn unplug(&self) {
        ip(&format!("link del {}", self.name));
    }

    /// `calls` calls over it by sipp, `rate` a second; both sides play 8 s of
    /// speech at the other, of which `talk_ms` are heard.
    pub fn sipp(&self, dir: &Path, calls: u32, rate: u32, talk_ms: u32) {
        let (client, server) = (dir.join("client.xml"), dir.join("server.xml"));
        fs::write(&client, CLIENT.replace("TALK_MS", &talk_ms.to_string())).unwrap();
        fs::write(&server, SERVER).unwrap();
        let (here, there) = (format!("10.20.{}.1", self.net), format!("10.20.{}.2", self.net));
        let mut callee = Killed(
            sipp(&["ip", "netns", "exec", &self.space, "sipp"], &server, dir)
                .args(["-i", &there, "-p", "5060", "-mi", &there, "-mp", "20000"])
                .spawn()
                .unwrap_or_else(|e| panic!("ip or sipp is missing ({e}): scripts/setup installs them")),
        );
        std::thread::sleep(Duration::from_millis(300));
        let out = sipp(&["sipp"], &client, dir)
            .args(["-i", &here, "-p", "5060", "-mi", &here, "-mp", "20000"])
            .args(["-m", &calls.to_string(), "-r", &rate.to_string(), "-l", "2000", "-timeout", "60s"])
            .arg(format!("{there}:5060"))
            .status()
            .unwrap();
        assert!(out.success(), "sipp: {out}");
        let _ = callee.0.kill();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for args in [vec!["link", "del", &self.name], vec!["netns", "del", &self.space]] {
            let _ = Command::new("ip").args(args).stderr(Stdio::null()).status();
        }
    }
}

fn sipp(command: &[&str], scenario: &Path, dir: &Path) -> Command {
    let mut c = Command::new(command[0]);
    c.args(&command[1..]).arg("-sf").arg(scenario).arg("-nostdin");
    c.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    c
}

/// A child that does not outlive the test.
pub struct Killed(pub Child);

impl Killed {
    /// SIGINT, and waits for its end.
    pub fn interrupt(mut self) {
        run("kill", &["-INT", &self.0.id().to_string()]);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.0.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// tcpdump beside the recorder, with time stamps to the nanosecond.
pub fn tcpdump(interface: &str, to: &Path) -> Killed {
    tcpdump_of("", interface, to)
}

/// The same of what this BPF expression lets through.
pub fn tcpdump_of(filter: &str, interface: &str, to: &Path) -> Killed {
    let child = Command::new("tcpdump")
        .args(["-i", interface, "-Z", "root", "-B", "16384", "-U", "--time-stamp-precision=nano", "-w"])
        .arg(to)
        .args(filter.split_whitespace())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("tcpdump is missing ({e}): scripts/setup installs it"));
    let deadline = Instant::now() + Duration::from_secs(5);
    while fs::metadata(to).map_or(0, |m| m.len()) < 24 {
        assert!(Instant::now() < deadline, "tcpdump does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    Killed(child)
}

/// While one socket wants time stamps the kernel stamps each packet once, so
/// that all who capture it see the same time.
pub fn stamp_once() -> Killed {
    let program =
        "use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); setsockopt(S, SOL_SOCKET, 29, 1); sleep 600";
    let child = Command::new("perl").args(["-e", program]).spawn();
    let child = child.unwrap_or_else(|e| panic!("perl is missing ({e}); Debian has it in perl-base"));
    std::thread::sleep(Duration::from_millis(300));
    Killed(child)
}

/// Something mounted, until dropped.
pub struct Mounted(String);

impl Mounted {
    /// An empty file system in memory.
    pub fn memory(at: &Path, size: &str) -> Mounted {
        fs::create_dir_all(at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size},mode=750"), "tmpfs", at.to_str().unwrap()]);
        Mounted(at.to_str().unwrap().into())
    }

    /// The same folder over itself, closed to writing.
    pub fn read_only(at: &Path) -> Mounted {
        let at = at.to_str().unwrap();
        run("mount", &["--bind", at, at]);
        run("mount", &["-o", "remount,ro,bind", at]);
        Mounted(at.into())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

const CLIENT: &str = r#"<?xml version="1.0"?><scenario name="customer">
<send retrans="500"><![CDATA[
INVITE sip:2001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+358401234567@[local_ip]>;tag=c[call_number]
To: <sip:2001@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:customer@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK sip:2001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+358401234567@[local_ip]>;tag=c[call_number]
To: <sip:2001@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<nop><action><exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/></action></nop>
<pause milliseconds="TALK_MS"/>
<send retrans="500"><![CDATA[
BYE sip:2001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+358401234567@[local_ip]>;tag=c[call_number]
To: <sip:2001@[remote_ip]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"#;

const SERVER: &str = r#"<?xml version="1.0"?><scenario name="agent">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:2001@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:2001@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv request="ACK"/>
<nop><action><exec play_pcap_audio="/usr/share/sip-tester/g711a.pcap"/></action></nop>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"#;
