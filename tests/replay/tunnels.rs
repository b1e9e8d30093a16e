//! A tunnel is opened only where the configuration says so; what is refused is told with the remedy.

use crate::common::ladder::{AGENTS, Dialog, Scene, Side, write_pcap};
use crate::common::run::{self, Run, nauhuri};
use crate::common::voice::Voice;
use crate::kit::warnings;
use Side::{Callee, Caller};

/// A call of three seconds, every frame in a VXLAN packet from this address.
fn wrapped_call(sender: [u8; 4]) -> (tempfile::TempDir, std::path::PathBuf, usize) {
    let (d, mut s) = (Dialog::new(1), Scene::new());
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Caller, 1).talk(1001.3, 4000.0));
    s.media(&Voice::of(&d, Callee, 2).talk(1007.9, 4000.0));
    d.bye(&mut s, 4000.0, Caller);
    let dst = std::net::SocketAddr::from(([192, 0, 2, 99], 4789));
    let src = std::net::SocketAddr::from((sender, 50_000));
    let wrap = |f: &[u8]| crate::common::ladder::ethernet(src, dst, &[&[8, 0, 0, 0, 0, 0, 7, 0], f].concat());
    let frames: Vec<_> = s.ordered().iter().map(|(at, f)| (*at, wrap(f))).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("wrapped.pcap");
    write_pcap(&path, &frames);
    (dir, path, frames.len())
}

fn with(tunnels: &str) -> String {
    format!("{AGENTS}[capture]\ntunnels = {tunnels}\n")
}

#[test]
fn a_call_from_a_tunnel_is_recorded_only_where_the_tunnel_is_named() {
    let (_keep, path, packets) = wrapped_call([198, 51, 100, 66]);
    for open in ["[\"vxlan\"]", "\"any\"", "[\"gre\", { kind = \"vxlan\", from = \"198.51.100.0/24\" }]"] {
        let run = run::replay(&with(open), &[&path]);
        assert_eq!((run.only().json["complete"] == true, warnings(&run).as_str()), (true, "[]"), "{open}");
    }
    for closed in ["[]", "[\"gre\"]", "[{ kind = \"vxlan\", from = \"198.51.100.65\" }]"] {
        let run = run::replay(&with(closed), &[&path]);
        assert_eq!(run.recordings.len(), 0, "{closed}");
        let told = warnings(&run);
        for word in [
            format!("{packets} packets in a tunnel of kind vxlan, the first from 198.51.100.66"),
            "capture.tunnels = [{ kind = \"vxlan\", from = \"198.51.100.66\" }]".into(),
            format!("seen instead: {packets} packets in tunnels"),
        ] {
            assert!(told.contains(&word), "{word} is not in {told}");
        }
        assert_eq!(run.summary()["tunnels_refused"]["vxlan"], packets, "{closed}");
    }
    // Nothing said: nothing opened, as soon as there is a configuration.
    assert_eq!(run::replay(AGENTS, &[&path]).recordings.len(), 0);
}

#[test]
fn without_a_configuration_every_tunnel_is_opened_unless_it_is_said_otherwise() {
    let (_keep, path, _) = wrapped_call([198, 51, 100, 66]);
    let bare = |args: &[&str]| {
        let dir = tempfile::tempdir().unwrap();
        let run = nauhuri().args(["replay", "--out"]).arg(dir.path()).args(args).arg(&path).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        run::recordings(dir.path()).len()
    };
    assert_eq!(bare(&[]), 1);
    assert_eq!(bare(&["--set", "capture.tunnels=gre"]), 0);
    assert_eq!(bare(&["--set", "capture.tunnels=gre,vxlan"]), 1);
    assert_eq!(bare(&["--set", "capture.tunnels=[{ kind = \"vxlan\", from = \"10.0.0.0/8\" }]"]), 0);
    assert_eq!(bare(&["--set", "capture.tunnels={ kind = \"any\", from = \"198.51.100.66\" }"]), 1);
    assert_eq!(bare(&["--set", "capture.tunnels="]), 0);
}

#[test]
fn a_kind_or_a_block_that_means_nothing_is_told() {
    let (_keep, path, _) = wrapped_call([198, 51, 100, 66]);
    for wrong in [
        "[\"wireguard\"]",
        "[{ kind = \"gre\", from = \"10.9.0.0/33\" }]",
        "[{ kind = \"gre\", form = \"::\" }]",
    ] {
        let run: Run = run::replay_with(&with(wrong), &[&path], &[], &[]);
        assert_eq!(run.output.status.code(), Some(2), "{wrong}");
        let told = run.stderr();
        assert!(told.contains("capture.tunnels") && told.contains("\"tzsp\""), "{told}");
    }
}
