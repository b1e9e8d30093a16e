//! What is shown is counted: every series of `/metrics` is moved by something a test does.
//!
//! The shipped captures and a few scenes run through engine and workers; what they leave at nothing
//! is moved by another test, which has to look at it.

use crate::common::capture::frames;
use crate::common::ladder::Side::{Callee, Caller};
use crate::common::ladder::{Dialog, Scene};
use crate::common::repository;
use crate::common::voice::Voice;
use crate::late;
use crate::strange;
use crate::studio::calls;
use nauhuri::call::Ending;
use nauhuri::config::{Config, Storage, TunnelRule};
use nauhuri::daemon::context::Context;
use nauhuri::daemon::counts::MediaCounts;
use nauhuri::daemon::crew::{Crew, Faults};
use nauhuri::daemon::housekeeping;
use nauhuri::daemon::pipeline::{Pipeline, Workshop};
use nauhuri::daemon::totals::snapshot;
use nauhuri::engine::Engine;
use nauhuri::telemetry::label::CodecLabel;
use nauhuri::time::Timestamp;
use nauhuri::wire::{Frame, LinkType};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

/// Series that another test moves and looks at: their beginning, the file, and what stands there.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("nauhuri_announcement_short_total", "tests/recorder/faulty.rs", "nauhuri_announcement_short_total"),
    ("nauhuri_archive_ok", "tests/recorder/archive.rs", "nauhuri_archive_ok"),
    ("nauhuri_audit_", "tests/recorder/archive.rs", "nauhuri_audit_entries"),
    ("nauhuri_calls_unrecorded_total{reason=\"truncated\"}", "tests/replay/unread.rs", "truncated"),
    ("nauhuri_config_reloads_total", "tests/recorder/reloading.rs", "office.reloads(\"taken\")"),
    ("nauhuri_dsar_", "tests/recorder/archive.rs", "nauhuri_dsar_"),
    ("nauhuri_hep_clock_offset_seconds", "tests/recorder/hep.rs", "nauhuri_hep_clock_offset_seconds"),
    ("nauhuri_hep_connections", "src/capture/hep_listener/tests.rs", "c.connections() =="),
    ("nauhuri_hep_packets_total", "tests/recorder/hep.rs", "nauhuri_hep_packets_total"),
    ("nauhuri_leftovers", "tests/recorder/leftovers.rs", "nauhuri_leftovers"),
    ("nauhuri_packets_dropped_total{where=\"sctp\"}", "src/net/sctp.rs", "sctp.given_up()"),
    (
        "nauhuri_packets_dropped_total{where=\"socket\"}",
        "src/capture/hep_listener/socket_drops.rs",
        "drops.new_drops()",
    ),
    (
        "nauhuri_pauses_total{by=\"command\"}",
        "tests/recorder/control.rs",
        "nauhuri_pauses_total{by=\\\"command",
    ),
    ("nauhuri_pauses_total{by=\"http\"}", "tests/recorder/control.rs", "\"http\""),
    ("nauhuri_pauses_ended_total{by=\"command\"}", "tests/recorder/control.rs", "nauhuri_pauses_ended_total"),
    ("nauhuri_pauses_ended_total{by=\"http\"}", "tests/recorder/control.rs", "Some(\"http\")"),
    (
        "nauhuri_probe_last_run_timestamp_seconds",
        "tests/recorder/archive.rs",
        "nauhuri_probe_last_run_timestamp_seconds",
    ),
    (
        "nauhuri_probe_last_success_timestamp_seconds",
        "tests/recorder/archive.rs",
        "studio.metric(success), 1_779_990_000.0",
    ),
    ("nauhuri_ready", "tests/recorder/threads.rs", "nauhuri_ready"),
    (
        "nauhuri_recordings_completed_total{ended_by=\"recovered\"}",
        "tests/recorder/leftovers.rs",
        "recovered",
    ),
    (
        "nauhuri_recordings_completed_total{ended_by=\"shutdown\"}",
        "tests/recorder/stop.rs",
        "EndedBy::Shutdown",
    ),
    ("nauhuri_retention_deleted_total", "tests/recorder/archive.rs", "nauhuri_retention_deleted_total"),
    ("nauhuri_rtp_unusable_total{reason=\"unauthentic\"}", "src/tape/tests/sealed.rs", "counts.rejected"),
    ("nauhuri_siprec_accepted_total", "tests/siprec/program.rs", "nauhuri_siprec_accepted_total"),
    ("nauhuri_siprec_connections", "tests/siprec/program.rs", "nauhuri_siprec_connections"),
    ("nauhuri_siprec_lapsed_total", "tests/siprec/signalling.rs", "lapsed"),
    ("nauhuri_siprec_media_dropped_total{reason=\"idle\"}", "tests/siprec/calls.rs", "idle_media"),
    (
        "nauhuri_siprec_media_dropped_total{reason=\"stranger\"}",
        "tests/siprec/program.rs",
        "nauhuri_siprec_media_dropped_total",
    ),
    ("nauhuri_siprec_sessions", "tests/siprec/program.rs", "nauhuri_siprec_sessions"),
    ("nauhuri_siprec_taken_over_total", "tests/siprec/signalling.rs", "taken_over"),
    ("nauhuri_storage_bytes{state=\"kept\"}", "tests/recorder/archive.rs", "kept"),
    ("nauhuri_sweep_last_success", "tests/recorder/archive.rs", "nauhuri_sweep_last_success"),
    ("nauhuri_thread_ok", "tests/recorder/threads.rs", "nauhuri_thread_ok"),
    ("nauhuri_thread_restarts_total", "tests/recorder/threads.rs", "nauhuri_thread_restarts_total"),
    (
        "nauhuri_limit_reached_total{limit=\"connections\"}",
        "src/telemetry/http/tests.rs",
        "nauhuri_limit_reached_total{limit=\\\"connections\\\"}",
    ),
    ("nauhuri_limit_reached_total{limit=\"tls_secrets\"}", "src/tls/key_log.rs", "log.stats().forgotten"),
    ("nauhuri_seen_total{what=\"tls_", "tests/recorder/tls.rs", "tls_opened"),
    ("nauhuri_unread_total{what=\"key_log\"}", "tests/replay/tls.rs", "1 line of tls.key_log"),
    ("nauhuri_unread_total{what=\"tls_lost\"}", "src/net/reassembly/tests.rs", "Unopened::Lost"),
    ("nauhuri_unread_total{what=\"tls_no_secret\"}", "tests/replay/tls.rs", "secrets did not become known"),
    (
        "nauhuri_unread_total{what=\"tls_unsupported\"}",
        "src/net/reassembly/tests.rs",
        "Unopened::Unsupported",
    ),
    ("nauhuri_unread_total{what=\"super_packet\"}", "tests/replay/capture_files.rs", "super_packets"),
    ("nauhuri_unread_total{what=\"websocket\"}", "tests/replay/unread.rs", "WebSocket"),
    ("nauhuri_tunnels_refused_total{kind=\"hep\"}", "tests/replay/hep.rs", "in a tunnel of kind hep"),
    ("nauhuri_worker_lag_seconds", "tests/recorder/threads.rs", "nauhuri_worker_lag_seconds"),
    ("nauhuri_capture_lag_seconds", "tests/recorder/figures.rs", "nauhuri_capture_lag_seconds"),
    ("nauhuri_deletion_guard_tripped", "tests/recorder/figures.rs", "nauhuri_deletion_guard_tripped"),
    ("nauhuri_holds", "tests/recorder/figures.rs", "nauhuri_holds"),
    ("nauhuri_storage_wrong_owner", "tests/recorder/figures.rs", "nauhuri_storage_wrong_owner"),
    (
        "nauhuri_packets_dropped_total{where=\"feed\"}",
        "tests/recorder/figures.rs",
        "nauhuri_packets_dropped_total{where=\\\"feed\\\"}",
    ),
    (
        "nauhuri_packets_dropped_total{where=\"interface\"}",
        "tests/recorder/figures.rs",
        "nauhuri_packets_dropped_total{where=\\\"interface\\\"}",
    ),
    (
        "nauhuri_packets_dropped_total{where=\"kernel\"}",
        "tests/recorder/figures.rs",
        "nauhuri_packets_dropped_total{where=\\\"kernel\\\"}",
    ),
    ("nauhuri_recordings_missing", "tests/recorder/figures.rs", "nauhuri_recordings_missing"),
    ("nauhuri_retention_failed_total", "tests/recorder/figures.rs", "nauhuri_retention_failed_total"),
    ("nauhuri_retention_overdue", "tests/recorder/figures.rs", "nauhuri_retention_overdue"),
    ("nauhuri_storage_bytes_per_day", "tests/recorder/figures.rs", "nauhuri_storage_bytes_per_day"),
    (
        "nauhuri_storage_bytes{state=\"due\"}",
        "tests/recorder/figures.rs",
        "nauhuri_storage_bytes{state=\\\"due\\\"}",
    ),
    (
        "nauhuri_storage_bytes{state=\"held\"}",
        "tests/recorder/figures.rs",
        "nauhuri_storage_bytes{state=\\\"held\\\"}",
    ),
    (
        "nauhuri_storage_exhaustion_timestamp_seconds",
        "tests/recorder/figures.rs",
        "nauhuri_storage_exhaustion_timestamp_seconds",
    ),
    ("nauhuri_upkeep_failures_total{task=\"assurance\"}", "tests/recorder/upkeep.rs", "\"assurance\""),
    ("nauhuri_upkeep_failures_total{task=\"audit_anchor\"}", "tests/recorder/upkeep.rs", "\"audit_anchor\""),
    ("nauhuri_upkeep_failures_total{task=\"audit_key\"}", "tests/recorder/upkeep.rs", "\"audit_key\""),
    ("nauhuri_upkeep_failures_total{task=\"dsar\"}", "tests/recorder/upkeep.rs", "\"dsar\""),
    ("nauhuri_upkeep_failures_total{task=\"register\"}", "tests/recorder/upkeep.rs", "\"register\""),
    ("nauhuri_upkeep_failures_total{task=\"training\"}", "tests/recorder/upkeep.rs", "\"training\""),
    ("nauhuri_clock_synchronised", "tests/recorder/archive.rs", "nauhuri_clock_synchronised"),
    ("nauhuri_log_suppressed_total", "src/telemetry/log/tests.rs", "nauhuri_log_suppressed_total"),
    ("nauhuri_siprec_unsent_total", "tests/siprec/program.rs", "nauhuri_siprec_unsent_total"),
    ("nauhuri_ledger_refused_total", "src/telemetry/metrics/tests.rs", "nauhuri_ledger_refused_total"),
];

/// Values of a label, and of each what stands in the file that brings it about.
type ByValue = &'static [(&'static str, &'static str)];

/// Families of which each value has its own scene elsewhere: family and label, file, and of each value what
/// stands there.
const EACH: &[(&str, &str, ByValue)] = &[
    (
        "nauhuri_decoder_faults_total{fault",
        "src/daemon/decoders/tests.rs",
        &[
            ("crashed", "(&metrics, \"crashed\")), (160, 1)"),
            ("hung", "(counted(&metrics, \"hung\"), counted(&metrics, \"crashed\")), (1, 0)"),
            ("unstartable", "counted(&metrics, \"unstartable\"), 1"),
            ("too_often", "counted(&metrics, \"too_often\"), 1"),
            ("streams", "counted(&metrics, \"streams\"), 1"),
        ],
    ),
    (
        "nauhuri_media_faults_total{fault",
        "tests/recorder/faulty.rs",
        &[
            ("no_rtp", "{fault=\\\"no_rtp\\\"} 1"),
            ("one_way", "{fault=\\\"one_way\\\"} 1"),
            ("silent", "(\"silent\", [0xD5"),
            ("quiet", "(\"quiet\", [0xD2"),
            ("clipped", "(\"clipped\", [0xAA"),
            ("undecodable", "all.push((\"undecodable\", scene"),
            ("encrypted", "all.push((\"encrypted\", scene"),
            ("network_loss", "nauhuri_media_faults_total{{fault=\\\"network_loss\\\"}} {others}"),
            ("capture_loss", "nauhuri_media_faults_total{{fault=\\\"capture_loss\\\"}} {own}"),
        ],
    ),
    (
        "nauhuri_recordings_faulty{fault",
        "tests/recorder/faulty.rs",
        &[
            ("no_rtp", "{fault=\\\"no_rtp\\\"} 1"),
            ("one_way", "{fault=\\\"one_way\\\"} 1"),
            ("silent", "(\"silent\", [0xD5"),
            ("quiet", "(\"quiet\", [0xD2"),
            ("clipped", "(\"clipped\", [0xAA"),
            ("undecodable", "all.push((\"undecodable\", scene"),
            ("encrypted", "all.push((\"encrypted\", scene"),
            ("network_loss", "nauhuri_recordings_faulty{{fault=\\\"network_loss\\\"}} {others}"),
            ("capture_loss", "nauhuri_recordings_faulty{{fault=\\\"capture_loss\\\"}} {own}"),
        ],
    ),
    (
        "nauhuri_probe_last_result{result",
        "src/probe/probe_outcome.rs",
        &[
            ("heard", "([good, None], true, ProbeResult::Heard)"),
            ("silent", "([None, None], true, ProbeResult::Silent)"),
            ("wrong_channel", "([None, good], true, ProbeResult::WrongChannel)"),
            ("quiet", "([of(16, 0.5, -45.0), None], true, ProbeResult::Quiet)"),
            ("damaged", "([of(13, 0.5, -15.0), None], true, ProbeResult::Damaged)"),
            ("incomplete", "([good, None], false, ProbeResult::Incomplete)"),
            ("not_recorded", "(CallEnd::ByUs, true, None, true, ProbeResult::NotRecorded"),
            ("cut_short", "(CallEnd::ByThem, false, None, true, ProbeResult::CutShort"),
            ("not_answered", "(CallEnd::NotAnswered, false, None, true, ProbeResult::NotAnswered"),
            ("refused", "(refused(404), false, None, true, ProbeResult::Refused"),
            ("unreachable", "(CallEnd::Unreachable, false, None, true, ProbeResult::Unreachable"),
        ],
    ),
    (
        "nauhuri_hep_refused_total{reason",
        "src/capture/hep_listener/tests.rs",
        &[
            ("sender", "refuses(RefusedHep::Sender, 1)"),
            ("password", "refuses(RefusedHep::Password, 1)"),
            ("malformed", "refuses(RefusedHep::Malformed, 3)"),
            ("compressed", "refuses(RefusedHep::Compressed, 1)"),
            ("connections", "refuses(RefusedHep::Connections, 1)"),
            ("slow", "refuses(RefusedHep::Slow, 1)"),
            ("tls", "refuses(RefusedHep::Tls, 1)"),
        ],
    ),
    (
        "nauhuri_siprec_refused_total{reason",
        "tests/siprec/signalling.rs",
        &[
            ("address", "refused(Declined::Address, 403"),
            ("not_siprec", "refused(Declined::NotSiprec, 421"),
            ("extension", "refused(Declined::Extension, 420"),
            ("malformed", "refused(Declined::Malformed, 400"),
            ("media", "refused(Declined::Media, 488"),
            ("sessions", "refused[Declined::Sessions as usize], 1"),
            ("ports", "refused(Declined::Ports, 503"),
            ("stopping", "refused(Declined::Stopping, 503"),
            ("unknown_session", "refused(Declined::Unknown, 481"),
            ("method", "refused(Declined::Method, 405"),
            ("order", "refused[Declined::Order as usize], 1"),
        ],
    ),
    (
        "nauhuri_siprec_refused_total{reason",
        "tests/siprec/program.rs",
        &[
            ("unreadable", "refused(\"unreadable\") > 400.0"),
            ("slow", "refused(\"slow\") >= 51.0"),
            ("tls", "refused(p, \"tls\") == 1.0"),
            ("connections", "reason=\\\"connections\\\""),
        ],
    ),
    (
        "nauhuri_siprec_refused_total{reason",
        "tests/siprec/calls.rs",
        &[
            ("metadata", "(s.server.stats().unnamed, s.server.stats().bad_metadata), (1, 1)"),
            ("unnamed", "(s.server.stats().unnamed, s.server.stats().bad_metadata), (1, 1)"),
        ],
    ),
];

/// Families of which one entry of [`ELSEWHERE`] may not stand for several reasons.
const ONE_BY_ONE: &[&str] = &[
    "nauhuri_decoder_faults_total",
    "nauhuri_hep_refused_total",
    "nauhuri_media_faults_total",
    "nauhuri_probe_last_result",
    "nauhuri_recordings_faulty",
    "nauhuri_siprec_refused_total",
];

/// Stamp, link type, bytes, and how many there were on the wire.
pub type Stamped = (i64, i32, Vec<u8>, u32);

/// Runs frames through a recorder's engine and workers; the series that stand at something then.
fn moved(config: &Config, frames: &[Stamped], waits: bool, hold_up: bool) -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let min_free = config.storage.min_free;
    let min_free = if min_free == u64::MAX { min_free } else { 1 };
    // Where the folder should be there is a file: nothing can be made below it.
    let is_broken = config.storage.dir.ends_with("broken");
    let root = if is_broken { dir.path().join("broken") } else { dir.path().to_owned() };
    if is_broken {
        fs::write(&root, "").unwrap();
    }
    let storage = Storage { dir: root, min_free, ..config.storage.clone() };
    let config = Config { storage, ..config.clone() };
    let context = Arc::new(Context::recording(&config));
    housekeeping::look(&context);
    let counts = Arc::new(MediaCounts::default());
    let held = Arc::new(std::sync::Mutex::new(()));
    let gate = Arc::clone(&held);
    let faults = Faults::with(move |_| drop(gate.lock()));
    let crew = Crew::new(&context.outlets.metrics, if hold_up { faults } else { Faults::default() });
    let shop = Workshop {
        workers: 1,
        waits,
        queue_bytes: config.limits.queue_bytes,
        context: &context,
        timezone: &jiff::tz::TimeZone::UTC,
        counts: &counts,
        crew: &crew,
    };
    let mut pipeline = Pipeline::start(&shop, |_| {}).unwrap();
    let mut engine = Engine::new(&config);
    let mut seen = BTreeSet::new();
    let stalled = hold_up.then(|| held.lock().unwrap());
    for (n, (at, link, data, wire_len)) in frames.iter().enumerate() {
        let link = LinkType::from_dlt(*link as u16);
        let frame = Frame { ts: Timestamp::from_ns(*at), link, data, wire_len: *wire_len };
        engine.handle_frame(&frame, &mut pipeline);
        if n == frames.len() / 2 {
            housekeeping::look(&context);
            seen.extend(standing(&context.metrics().render()));
        }
    }
    drop(stalled);
    engine.finish(Ending::CaptureEnd, &mut pipeline);
    let (mut stats, dropped) = (engine.stats(), pipeline.dropped());
    assert!(pipeline.join(|| {}));
    stats.super_packets = counts.super_packets.load(std::sync::atomic::Ordering::Relaxed);
    context.metrics().publish(&snapshot(&stats, &counts, dropped, config.sip.ports.listed()));
    seen.extend(standing(&context.metrics().render()));
    seen
}

/// Series that are not at nothing.
fn standing(text: &str) -> impl Iterator<Item = String> {
    samples(text).filter(|(_, value)| *value != "0").map(|(series, _)| series)
}

/// Series and value. Services are like one another, and so are the bounds of a histogram.
fn samples(text: &str) -> impl Iterator<Item = (String, &str)> {
    let lines = text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.rsplit_once(' '));
    lines.filter(|(series, _)| !series.contains("_bucket{") && !series.ends_with("_sum")).map(
        |(series, value)| {
            let (family, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels
                .trim_end_matches('}')
                .split(',')
                .filter(|l| !l.starts_with("service=") && !l.is_empty());
            (family.to_owned() + &labels.map(|l| format!("{{{l}}}")).collect::<String>(), value)
        },
    )
}

pub fn of_scene(s: &Scene) -> Vec<Stamped> {
    s.ordered().into_iter().map(|(at, data)| stamped(at, data)).collect()
}

pub fn stamped(at: i64, data: Vec<u8>) -> Stamped {
    let wire_len = data.len() as u32;
    (at, 1, data, wire_len)
}

/// A configuration that opens every tunnel.
pub fn plain() -> Config {
    let mut config = Config::default();
    config.capture.tunnels = vec![TunnelRule::ANY];
    config
}

/// Scenes that no shipped capture has: bounds that bite, and calls that end in other ways.
fn scenes() -> Vec<(Config, Vec<Stamped>, bool)> {
    let mut all = strange::scenes();
    let many = of_scene(&calls(0..40));
    let mut few = plain();
    (few.limits.recordings, few.limits.calls) = (2, 10);
    all.push((few, many.clone(), false));
    // Less memory than `check` lets through: for a few calls only.
    let mut poor = plain();
    poor.limits.memory = 1 << 14;
    all.push((poor, many.clone(), false));
    // A worker that stands still, and next to no room to wait in.
    let mut crowded = plain();
    crowded.limits.queue_bytes = 1024;
    all.push((crowded, many.clone(), true));
    let mut broken = plain();
    broken.storage.dir = "broken".into();
    all.push((broken, of_scene(&calls(0..2)), false));
    let mut sliced = of_scene(&calls(3..4));
    for (n, f) in sliced.iter_mut().enumerate().filter(|(_, f)| f.2.len() == 214) {
        match n % 3 {
            0 => f.2.truncate(100),
            // The padding bit, and more padding than there is.
            1 => (f.2[42], f.2[213]) = (0xA0, 255),
            _ => {}
        }
    }
    all.push((plain(), sliced, false));
    let mut full = plain();
    full.storage.min_free = u64::MAX;
    all.push((full, many, false));
    // One call of more senders, streams and events than one recording tells of.
    let mut s = Scene::new();
    let d = Dialog::new(1);
    d.answered(&mut s, 0.0, 500.0);
    for ssrc in 0..400_u32 {
        let mut voice = Voice::of(&d, [Caller, Callee][ssrc as usize % 2], 1);
        voice.ssrc = ssrc;
        s.media(&voice.talk(600.0 + f64::from(ssrc), 900.0 + f64::from(ssrc)));
        s.media(&voice.talk(2000.0 + 30.0 * f64::from(ssrc), 2060.0 + 30.0 * f64::from(ssrc)));
    }
    for i in 0..9000_u32 {
        let (at, relay) = (17_000.0 + f64::from(i), "Content-Type: application/dtmf-relay\r\n");
        d.request(&mut s, at, "INFO", Caller, 10 + i, relay, Some("Signal=5\r\nDuration=100\r\n"));
    }
    d.bye(&mut s, 30_000.0, Caller);
    all.push((plain(), of_scene(&s), false));
    // Answered and hung up in silence; a payload that nobody decodes; a call that falls silent.
    for (n, name) in ["AMR/8000", "AMR-WB/16000", "GSM/8000", "iLBC/8000", "EVS/16000", ""].iter().enumerate()
    {
        let mut s = Scene::new();
        let d = Dialog::new(2 + n as u16);
        let sdp = |side| d.sdp(side).replace("AVP 8", "AVP 99") + &format!("a=rtpmap:99 {name}\r\n");
        let d = if name.is_empty() {
            d.clone()
        } else {
            Dialog { bodies: [sdp(Caller), sdp(Callee)], ..d.clone() }
        };
        d.answered(&mut s, 0.0, 500.0);
        if !name.is_empty() {
            s.media(&Voice::of(&d, Caller, 1).meaning(99, 8).talk(600.0, 1600.0));
        }
        if n != 0 {
            d.bye(&mut s, 3000.0, Callee);
        }
        d.request(&mut s, 90_000.0, "OPTIONS", Caller, 90, "", None);
        all.push((plain(), of_scene(&s), false));
    }
    // A service that is not recorded, and calls that only go out.
    let mut s = Scene::new();
    let mut refuses = plain();
    refuses.service_default.record = false;
    let d = Dialog::new(20);
    d.answered(&mut s, 0.0, 500.0);
    d.bye(&mut s, 2000.0, Caller);
    all.push((refuses, of_scene(&s), false));
    let mut inbound_not = plain();
    inbound_not.service_default.directions = vec![nauhuri::config::CallDirection::Outbound];
    all.push((inbound_not, of_scene(&s), false));
    all.push(paused());
    all.push(paused_and_whole());
    all.push(forked());
    all.push(many_streams());
    all.extend(late::scenes());
    // One stamp that lies, by two hours.
    let mut lying = of_scene(&calls(4..5));
    lying[30].0 += 7_200_000_000_000;
    all.push((plain(), lying, false));
    all.extend(
        CodecLabel::all().map(|codec| (plain(), of_scene(&spoken_in(&format!("{codec}/8000"))), false)),
    );
    // On a clock, and with channels, that no decoder takes.
    let odd = CodecLabel::undecodable().map(|codec| of_scene(&spoken_in(&format!("{codec}/12345/2"))));
    all.extend(odd.map(|scene| (plain(), scene, false)));
    all
}

/// A call that is paused in every way that a telephone knows, and that ends paused.
fn paused() -> (Config, Vec<Stamped>, bool) {
    let mut config = plain();
    (config.pause.start_keys, config.pause.stop_keys) = ("*1".into(), "*2".into());
    (config.pause.header, config.pause.limit) = ("Record".into(), std::time::Duration::from_secs(1));
    let (mut s, d) = (Scene::new(), Dialog::new(22));
    d.answered(&mut s, 0.0, 500.0);
    for side in [Caller, Callee] {
        s.media(&Voice::of(&d, side, 1).talk(500.0, 7000.0));
    }
    let relay = "Content-Type: application/dtmf-relay\r\n";
    let asked = [
        ("INFO", "Record: off\r\n", None),
        ("INFO", "Record: on\r\n", None),
        ("UPDATE", "Record: off\r\n", None),
        ("UPDATE", "Record: on\r\n", None),
        ("INFO", relay, Some("Signal=*\r\n")),
        ("INFO", relay, Some("Signal=1\r\n")),
        ("INFO", relay, Some("Signal=*\r\n")),
        ("INFO", relay, Some("Signal=2\r\n")),
        ("INFO", "Record: off\r\n", None),
    ];
    for (n, (method, headers, body)) in (0..).zip(asked) {
        d.request(&mut s, 1000.0 + 400.0 * f64::from(n), method, Callee, 10 + n, headers, body);
    }
    // The limit ends that one, the call the next.
    d.request(&mut s, 6500.0, "INFO", Callee, 30, "Record: off\r\n", None);
    d.bye(&mut s, 7000.0, Caller);
    (config, of_scene(&s), false)
}

/// A call of which nothing is missing but what was paused.
fn paused_and_whole() -> (Config, Vec<Stamped>, bool) {
    let mut config = plain();
    config.pause.header = "Record".into();
    let (mut s, d) = (Scene::new(), Dialog::new(28));
    d.answered(&mut s, 0.0, 500.0);
    for side in [Caller, Callee] {
        s.media(&Voice::of(&d, side, 1).talk(505.0, 5000.0));
    }
    d.request(&mut s, 2000.0, "INFO", Callee, 10, "Record: off\r\n", None);
    d.request(&mut s, 3000.0, "INFO", Callee, 11, "Record: on\r\n", None);
    d.bye(&mut s, 5000.0, Caller);
    (config, of_scene(&s), false)
}

/// An INVITE that more telephones answer provisionally than are followed.
fn forked() -> (Config, Vec<Stamped>, bool) {
    let (mut s, d) = (Scene::new(), Dialog::new(30));
    d.invite(&mut s, 0.0);
    for i in 0..20 {
        let fork = Dialog { tags: [d.tags[0].clone(), format!("fork{i}")], ..d.clone() };
        fork.status(&mut s, 10.0 + f64::from(i), 180);
    }
    (plain(), of_scene(&s), false)
}

/// A call of more streams than a recording lists, one after the other.
fn many_streams() -> (Config, Vec<Stamped>, bool) {
    let (mut s, d) = (Scene::new(), Dialog::new(31));
    d.answered(&mut s, 0.0, 500.0);
    for ssrc in 0..1200_u32 {
        let mut voice = Voice::of(&d, Caller, 1);
        voice.ssrc = ssrc;
        let at = 600.0 + 200.0 * f64::from(ssrc);
        s.media(&voice.talk(at, at + 180.0));
    }
    d.bye(&mut s, 245_000.0, Caller);
    (plain(), of_scene(&s), false)
}

/// A call in an encoding that is only named, with its clock and channels, as 96.
fn spoken_in(encoding: &str) -> Scene {
    let (mut s, mut d) = (Scene::new(), Dialog::new(21));
    for side in [Caller, Callee] {
        let text = d.sdp_with(side, d.rtp[side as usize], "96", "sendrecv", 1);
        d.bodies[side as usize] = text + &format!("a=rtpmap:96 {encoding}\r\n");
    }
    d.answered(&mut s, 0.0, 500.0);
    for side in [Caller, Callee] {
        let mut voice = Voice::of(&d, side, 1).meaning(96, 8);
        s.media(&voice.talk(500.0, 1500.0));
    }
    d.bye(&mut s, 2000.0, Caller);
    s
}

#[test]
fn every_series_is_moved_by_some_test() {
    let mut seen = BTreeSet::new();
    let mut config: Config =
        toml::from_str(&fs::read_to_string(repository("pcaps/nauhuri.toml")).unwrap()).unwrap();
    config.capture.tunnels = vec![TunnelRule::ANY];
    let mut captures: Vec<_> =
        fs::read_dir(repository("pcaps")).unwrap().map(|e| e.unwrap().path()).collect();
    captures.retain(|p| p.extension().is_some_and(|e| e.to_string_lossy().starts_with("pcap")));
    captures.sort();
    let mut all = BTreeSet::new();
    for capture in &captures {
        let mut those = Vec::new();
        frames(capture, &mut |at, link, data| those.push((at, link, data.to_vec(), data.len() as u32)));
        seen.extend(moved(&config, &those, true, false));
    }
    for (config, frames, hold_up) in scenes() {
        seen.extend(moved(&config, &frames, !hold_up, hold_up));
    }
    let fresh = nauhuri::telemetry::Metrics::new(["general", "116117"]).render();
    all.extend(samples(&fresh).map(|(series, _)| series));
    let each: BTreeSet<String> = EACH
        .iter()
        .flat_map(|(label, _, values)| values.iter().map(move |(value, _)| format!("{label}=\"{value}\"}}")))
        .collect();
    let is_told = |series: &String| {
        ELSEWHERE.iter().any(|(prefix, ..)| series.starts_with(prefix)) || each.contains(series)
    };
    let still: Vec<&String> = all.difference(&seen).filter(|s| !is_told(s)).collect();
    assert!(still.is_empty(), "shown and never counted: {still:#?}");
    for (prefix, file, words) in ELSEWHERE {
        let text = fs::read_to_string(repository(file)).unwrap_or_default();
        assert!(text.contains(words), "{file} does not look at {prefix}");
        let family = prefix.split('{').next().unwrap();
        assert!(text.contains(family), "{file} does not name {family}");
        assert!(all.iter().any(|s| s.starts_with(prefix)), "{prefix} is no series any more");
    }
    for (label, file, values) in EACH {
        let text = fs::read_to_string(repository(file)).unwrap_or_default();
        for (value, words) in *values {
            assert!(text.contains(words), "{file} does not bring about {label}=\"{value}\"");
            let series = format!("{label}=\"{value}\"}}");
            assert!(all.contains(&series), "{series} is no series any more");
        }
    }
    let prefixes = ELSEWHERE.iter().map(|(prefix, ..)| *prefix);
    for prefix in prefixes.filter(|prefix| ONE_BY_ONE.iter().any(|family| prefix.starts_with(family))) {
        assert!(prefix.ends_with('}'), "{prefix} stands for several series: each needs a scene of its own");
    }
}

/// An event that nobody lets happen is a promise of the log and of a metric that nobody keeps.
#[test]
fn every_event_is_emitted_somewhere() {
    let events = fs::read_to_string(repository("src/telemetry/events.rs")).unwrap();
    let body = events.split("pub enum Event<'a> {").nth(1).unwrap().split("\n}").next().unwrap();
    let variants: Vec<&str> = body
        .lines()
        .filter_map(|l| l.strip_prefix("    ").filter(|l| l.starts_with(|c: char| c.is_ascii_uppercase())))
        .map(|l| l.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap())
        .collect();
    assert!(variants.len() > 30, "{variants:?}");
    let mut code = String::new();
    let mut folders = vec![repository("src/daemon"), repository("src/cmd")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("tests.rs") {
                code += fs::read_to_string(path).unwrap().split("#[cfg(test)]\nmod tests {").next().unwrap();
            }
        }
    }
    let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_emitted = |v: &&&str| {
        let said = format!("Event::{v}");
        code.match_indices(&said).any(|(i, _)| {
            let after = code[i + said.len()..].trim_start();
            after.starts_with(['{', '(', '.', '}'])
        })
    };
    let silent: Vec<_> = variants.iter().filter(|v| !is_emitted(v)).collect();
    assert!(silent.is_empty(), "nobody emits {silent:?}");
}
