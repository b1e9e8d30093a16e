//! Calls that no interface brings: a listener receives them and offers them to the capture loop.

use crate::common::ladder::Scene;
use crate::studio::{Studio, calls, config, whole};
use nauhuri::capture::feed::{Feed, Listener};
use nauhuri::daemon::machine_clock::Clock;
use nauhuri::net::{Net, NetConfig, OwnedDatagram};
use nauhuri::wire::{Frame, LinkType};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Receives from the test.
pub struct Post(Mutex<Receiver<OwnedDatagram>>);

impl Post {
    pub fn open() -> (Sender<OwnedDatagram>, Post) {
        let (sender, letters) = channel();
        (sender, Post(Mutex::new(letters)))
    }
}

impl Listener for Post {
    fn name(&self) -> String {
        "post".into()
    }

    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool) {
        while goes_on() {
            let next = self.0.lock().unwrap().recv_timeout(Duration::from_millis(50));
            next.into_iter().for_each(|d| assert!(feed.offer(d)));
        }
    }
}

/// Hands over a scene at its own pace, stamped now.
pub fn post(scene: &Scene, to: &Sender<OwnedDatagram>) {
    let mut net = Net::new(NetConfig::from(&nauhuri::config::Config::default()));
    let frames = scene.ordered();
    let (first, began, wall) = (frames[0].0, Instant::now(), Clock::machine().wall());
    for (at, data) in frames {
        let due = Duration::from_nanos((at - first) as u64);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let (ts, wire_len) = (wall + due, data.len() as u32);
        let frame = Frame { ts, link: LinkType::Ethernet, data: &data, wire_len };
        net.handle_frame(&frame, &mut |d| to.send(OwnedDatagram::of(&d)).unwrap());
    }
}

#[test]
fn a_recorder_without_an_interface_records_what_a_listener_receives() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "");
    config.capture.interface.clear();
    let (to, listener) = Post::open();
    let studio = Studio::fed(&config, std::sync::Arc::new(listener));
    post(&calls(0..3), &to);
    let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";
    studio.until("three recordings", 10, |s| s.metric(done) >= 3.0);
    studio.until("totals", 5, |s| s.metric("nauhuri_packets_received_total") > 300.0);
    assert_eq!(studio.metric("nauhuri_packets_dropped_total{where=\"feed\"}"), 0.0);
    assert_eq!(studio.metric("nauhuri_thread_ok{thread=\"listener\"}"), 1.0);
    assert_eq!(studio.get("/readyz").unwrap().0, 200);
    assert_eq!(whole(dir.path()).len(), 3);
    let (all_well, took) = studio.stop();
    assert!(all_well && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn wire_and_listener_are_heard_together() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "fed too");
    let (to, listener) = Post::open();
    let studio = Studio::fed(&config, std::sync::Arc::new(listener));
    std::thread::scope(|s| {
        s.spawn(|| post(&calls(0..2), &to));
        studio.play(&calls(2..4));
    });
    let done = "nauhuri_recordings_completed_total{service=\"general\",ended_by=\"customer\"}";
    studio.until("four recordings", 10, |s| s.metric(done) >= 4.0);
    assert!(studio.stop().0);
    assert_eq!(whole(dir.path()).len(), 4);
}
