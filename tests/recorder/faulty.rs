//! Faults of the sound while a call runs: what a scrape and the book show of them.

use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::voice::{Fate, Packet, Voice, encrypted};
use nauhuri::call::Ending;
use nauhuri::config::{AnnouncementMin, Config};
use nauhuri::daemon::context::Context;
use nauhuri::daemon::counts::MediaCounts;
use nauhuri::daemon::crew::{Crew, Faults};
use nauhuri::daemon::pipeline::{Pipeline, Workshop};
use nauhuri::engine::Engine;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A recorder's engine and workers over a scene, stopped for a look.
struct Stand {
    context: Arc<Context>,
    engine: Engine,
    pipeline: Pipeline,
    frames: std::vec::IntoIter<(i64, Vec<u8>)>,
    _store: tempfile::TempDir,
}

impl Stand {
    fn of(scene: &Scene, change: impl FnOnce(&mut Config)) -> Stand {
        let store = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.storage.dir = store.path().to_owned();
        config.storage.min_free = 1;
        config.agents.extensions = vec!["2000-2999".into()];
        change(&mut config);
        let context = Arc::new(Context::recording(&config));
        let counts = Arc::new(MediaCounts::default());
        let crew = Crew::new(&context.outlets.metrics, Faults::default());
        let shop = Workshop {
            workers: 1,
            waits: true,
            queue_bytes: config.limits.queue_bytes,
            context: &context,
            timezone: &jiff::tz::TimeZone::UTC,
            counts: &counts,
            crew: &crew,
        };
        let pipeline = Pipeline::start(&shop, |_| {}).unwrap();
        let frames = scene.ordered().into_iter();
        Stand { engine: Engine::new(&config), context, pipeline, frames, _store: store }
    }

    /// All that was captured before `ms` of the ladder.
    fn until(&mut self, ms: f64) {
        let end = crate::common::ladder::ns(ms);
        while self.frames.as_slice().first().is_some_and(|(at, _)| *at < end)
            && let Some((at, data)) = self.frames.next()
        {
            let (ts, wire_len) = (Timestamp::from_ns(at), data.len() as u32);
            let frame = Frame { ts, link: LinkType::Ethernet, data: &data, wire_len };
            self.engine.handle_frame(&frame, &mut self.pipeline);
        }
        self.engine.handle_timeout(Timestamp::from_ns(end), &mut self.pipeline);
    }

    /// These lines come to stand in a scrape; the book balances in each.
    #[track_caller]
    fn shows(&self, lines: &[&str]) {
        let began = Instant::now();
        loop {
            let text = self.context.metrics().render();
            balances(&text);
            if lines.iter().all(|line| text.lines().any(|l| l == *line)) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{lines:?} not in\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The end of the capture; what stands there then.
    #[track_caller]
    fn ends(mut self, lines: &[&str]) {
        self.until(1e6);
        self.engine.finish(Ending::CaptureEnd, &mut self.pipeline);
        let Stand { context, pipeline, .. } = self;
        assert!(pipeline.join(|| {}));
        let text = context.metrics().render();
        balances(&text);
        for line in lines {
            assert!(text.lines().any(|l| l == *line), "{line} not in\n{text}");
        }
    }
}

#[track_caller]
fn balances(text: &str) {
    let sum = |family: &str| -> f64 {
        let of = |l: &&str| l.split(['{', ' ']).next() == Some(family);
        text.lines().filter(of).filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let [answered, assured, active] =
        ["nauhuri_calls_answered_total", "nauhuri_calls_assured_total", "nauhuri_recordings_active"].map(sum);
    assert_eq!(answered, assured + active, "\n{text}");
}

#[test]
fn a_side_that_is_not_heard_is_shown_within_five_seconds_and_no_longer_than_it_lasts() {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    s.media(&Voice::of(&d, Callee, 1).talk(1010.0, 20_000.0));
    let mut caller = Voice::of(&d, Caller, 2);
    s.media(&caller.talk(9000.0, 20_000.0));
    d.bye(&mut s, 20_000.0, Caller);
    let mut stand = Stand::of(&s, |_| {});
    stand.until(4000.0);
    stand.shows(&["nauhuri_recordings_faulty{fault=\"one_way\"} 0", "nauhuri_recordings_active 1"]);
    stand.until(6000.0);
    stand.shows(&[
        "nauhuri_recordings_faulty{fault=\"one_way\"} 1",
        "nauhuri_media_faults_total{fault=\"one_way\"} 1",
    ]);
    stand.until(12_000.0);
    stand.shows(&["nauhuri_recordings_faulty{fault=\"one_way\"} 0"]);
    stand.ends(&[
        "nauhuri_media_faults_total{fault=\"one_way\"} 1",
        "nauhuri_recordings_faulty{fault=\"one_way\"} 0",
        "nauhuri_calls_assured_total{service=\"general\",bucket=\"partial\"} 1",
    ]);
}

#[test]
fn a_call_of_which_nothing_passes_is_known_while_no_packet_of_it_comes() {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    d.bye(&mut s, 20_000.0, Caller);
    let mut stand = Stand::of(&s, |_| {});
    stand.until(1500.0);
    // Nothing is captured; only time passes.
    for ms in (1600..=6000).step_by(100) {
        stand.until(f64::from(ms));
    }
    stand.shows(&["nauhuri_recordings_faulty{fault=\"no_rtp\"} 1", "nauhuri_recordings_active 1"]);
    stand.ends(&[
        "nauhuri_recordings_faulty{fault=\"no_rtp\"} 0",
        "nauhuri_media_faults_total{fault=\"no_rtp\"} 1",
        "nauhuri_media_faults_total{fault=\"one_way\"} 0",
        "nauhuri_calls_assured_total{service=\"general\",bucket=\"missing\"} 1",
    ]);
}

#[test]
fn what_the_recorder_lost_is_told_apart_from_what_the_network_lost() {
    for dropped in [false, true] {
        let d = Dialog::new(1);
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        let mut net = |n: usize| if n < 100 && n % 8 == 5 { Fate::LOST } else { Fate::CLEAN };
        s.media(&Voice::of(&d, Caller, 1).talk_over(1010.0, 12_000.0, &mut net));
        s.media(&Voice::of(&d, Callee, 2).talk(1010.0, 12_000.0));
        d.bye(&mut s, 12_000.0, Caller);
        let mut stand = Stand::of(&s, |_| {});
        stand.until(2000.0);
        if dropped {
            stand.pipeline.note_dropped(Timestamp::from_ns(crate::common::ladder::ns(2000.0)));
        }
        let [own, others] = [usize::from(dropped), usize::from(!dropped)];
        stand.until(4500.0);
        stand.shows(&[
            &format!("nauhuri_recordings_faulty{{fault=\"capture_loss\"}} {own}"),
            &format!("nauhuri_recordings_faulty{{fault=\"network_loss\"}} {others}"),
        ]);
        stand.ends(&[
            &format!("nauhuri_media_faults_total{{fault=\"capture_loss\"}} {own}"),
            &format!("nauhuri_media_faults_total{{fault=\"network_loss\"}} {others}"),
        ]);
    }
}

#[test]
fn an_announcement_that_was_too_short_is_counted_by_service() {
    let d = Dialog::new(1);
    let mut s = Scene::new();
    d.answered(&mut s, 0.0, 1000.0);
    for side in [Caller, Callee] {
        s.media(&Voice::of(&d, side, 1 + side as u64).talk(1010.0, 4000.0));
    }
    d.bye(&mut s, 4000.0, Caller);
    for (least_s, counted) in [(None, 0), (Some(8), 1)] {
        let least = AnnouncementMin(least_s.map(Duration::from_secs));
        let stand = Stand::of(&s, |c| c.service_default.announcement_min = least);
        stand.ends(&[
            &format!("nauhuri_announcement_short_total{{service=\"general\"}} {counted}"),
            "nauhuri_calls_assured_total{service=\"general\",bucket=\"complete\"} 1",
        ]);
    }
}

/// The agent talks as usual; what is wrong with the customer's side follows from the payload.
#[test]
fn what_is_wrong_with_the_sound_itself_is_shown_by_its_kind() {
    // A-law: digital silence, an amplitude of 120, full scale.
    let sounds = [("silent", [0xD5, 0x55]), ("quiet", [0xD2, 0x52]), ("clipped", [0xAA, 0x2A])];
    let d = Dialog::new(1);
    let scene = |d: &Dialog, customer: &[Packet]| {
        let mut s = Scene::new();
        d.answered(&mut s, 0.0, 1000.0);
        s.media(customer);
        s.media(&Voice::of(d, Callee, 2).talk(1010.0, 12_000.0));
        d.bye(&mut s, 12_000.0, Caller);
        s
    };
    let talk = |d: &Dialog| Voice::of(d, Caller, 1).talk(1010.0, 12_000.0);
    let mut all = Vec::new();
    for (fault, wave) in sounds {
        let mut packets = talk(&d);
        for p in &mut packets {
            p.rtp[12..].chunks_exact_mut(2).for_each(|two| two.copy_from_slice(&wave));
        }
        all.push((fault, scene(&d, &packets)));
    }
    // A codec that nobody has; and a profile that says encrypted, without a key.
    let unknown = d.sdp(Caller).replace("AVP 8", "AVP 99") + "a=rtpmap:99 EVS/16000\r\n";
    let other = Dialog { bodies: [unknown, String::new()], ..d.clone() };
    let packets = Voice::of(&d, Caller, 1).meaning(99, 8).talk(1010.0, 12_000.0);
    all.push(("undecodable", scene(&other, &packets)));
    let bodies = [Caller, Callee].map(|side| d.sdp(side).replace("RTP/AVP", "RTP/SAVP"));
    let sealed = Dialog { bodies, ..d.clone() };
    all.push(("encrypted", scene(&sealed, &encrypted(&talk(&d), 7))));
    for (fault, scene) in all {
        let [now, total] = ["nauhuri_recordings_faulty", "nauhuri_media_faults_total"]
            .map(|family| format!("{family}{{fault=\"{fault}\"}} "));
        let mut stand = Stand::of(&scene, |_| {});
        stand.until(1500.0);
        stand.shows(&[&(now.clone() + "0"), &(total.clone() + "0"), "nauhuri_recordings_active 1"]);
        stand.until(9000.0);
        stand.shows(&[&(now.clone() + "1"), &(total.clone() + "1")]);
        stand.ends(&[&(now + "0"), &(total + "1")]);
    }
}
