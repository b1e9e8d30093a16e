//! Thousands of calls that are open when the recorder stops.

use crate::common::run::files;
use nauhuri::call::{Agent, Customer, Decision, Ending, HopFormats, Opening};
use nauhuri::codec::CodecSpec;
use nauhuri::codec::formats::PayloadMap;
use nauhuri::config::{CallDirection, Config, Storage};
use nauhuri::daemon::context::Context;
use nauhuri::daemon::counts::MediaCounts;
use nauhuri::daemon::crew::{Crew, Faults};
use nauhuri::daemon::pipeline::{Pipeline, Workshop};
use nauhuri::engine::{MediaPacket, Sink};
use nauhuri::id::{Channel, RecordingId};
use nauhuri::rtp::packet::RtpPacket;
use nauhuri::rtp::standing::Standing;
use nauhuri::store::sidecar::{EndedBy, Sidecar};
use nauhuri::tape::Packet;
use nauhuri::time::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How many where nobody says otherwise: what any machine has files for.
const CALLS: u64 = 900;

fn how_many() -> u64 {
    std::env::var("NAUHURI_OPEN").ok().and_then(|n| n.parse().ok()).unwrap_or(CALLS)
}

/// A recorder's workers with so many calls that both sides have talked in for `ms`.
fn talking(
    root: &std::path::Path,
    calls: u64,
    ms: u32,
) -> (Pipeline, Arc<Context>, Vec<RecordingId>, Timestamp) {
    let now = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum }).unwrap();
    let storage = Storage { dir: root.to_owned(), min_free: 0, ..Storage::default() };
    let config = Config { storage, ..Config::default() };
    let context = Arc::new(Context::recording(&config));
    let counts = Arc::new(MediaCounts::default());
    let crew = Crew::new(&context.outlets.metrics, Faults::default());
    let shop = Workshop {
        workers: 2,
        waits: false,
        queue_bytes: 1 << 30,
        context: &context,
        timezone: &jiff::tz::TimeZone::UTC,
        counts: &counts,
        crew: &crew,
    };
    let mut pipeline = Pipeline::start(&shop, |_| {}).unwrap();
    let at = Timestamp::from_parts(1_780_000_000, 0);
    let pcma = PayloadMap::new([(8, CodecSpec::from_rtpmap(8, None, None, None))], false);
    let ids: Vec<RecordingId> = (1..=calls).map(|n| RecordingId(n << 32)).collect();
    for (n, id) in (1..).zip(&ids) {
        let opening = Opening {
            id: *id,
            uuid: Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | n),
            call_group: Uuid::from_u64_pair(1, n),
            service: Arc::new(config.service_default.clone()),
            direction: CallDirection::Inbound,
            agent: Agent { id: Some("2001".into()), name: None },
            customer: Customer { number: None, withheld: true },
            dialled: None,
            answered_at: at,
            call_id: n.to_string(),
            before_agent: None,
        };
        pipeline.decision(Decision::Open(Box::new(opening)));
        for channel in [Channel::Customer, Channel::Agent] {
            let hop = HopFormats { channel, rank: 0, formats: pcma.clone(), keys: Vec::new() };
            pipeline.decision(Decision::Formats(*id, hop));
        }
    }
    for packet in 0..ms / 20 {
        let sent = at.offset_ns(i64::from(packet) * 20_000_000 + 1_000_000);
        for id in &ids {
            for (channel, ssrc) in [(Channel::Customer, 1_u32), (Channel::Agent, 2)] {
                let mut rtp = vec![0x80, 8];
                rtp.extend((packet as u16).to_be_bytes());
                rtp.extend((packet * 160).to_be_bytes());
                rtp.extend(ssrc.to_be_bytes());
                rtp.extend((0..160_u32).map(|i| (i * 7 + packet) as u8));
                let (heard, flow) = (RtpPacket::parse(&rtp).unwrap(), ssrc);
                let packet = Packet {
                    channel,
                    rank: 0,
                    standing: Standing::Claimed,
                    flow,
                    at: sent,
                    heard,
                    is_opened: false,
                };
                pipeline.media(MediaPacket { recording: *id, packet });
            }
        }
        pipeline.tick(sent);
    }
    let end = at.offset_ns(i64::from(ms) * 1_000_000);
    pipeline.tick(end.offset_ns(1_000_000_000));
    let open = |c: &Context| c.health.open_bytes() > calls * u64::from(ms / 2) * 32;
    let began = Instant::now();
    while !open(&context) {
        assert!(began.elapsed() < Duration::from_secs(300), "{}", context.health.open_bytes());
        pipeline.tick(end.offset_ns(2_000_000_000));
        std::thread::sleep(Duration::from_millis(50));
    }
    (pipeline, context, ids, end)
}

fn stop(mut pipeline: Pipeline, ids: &[RecordingId], at: Timestamp, within: Duration) -> Duration {
    let asked = Instant::now();
    pipeline.stop_by(asked + within);
    for id in ids {
        pipeline.decision(Decision::Close { recording: *id, at, by: Ending::Shutdown, seen: false });
    }
    assert!(pipeline.join(|| {}));
    asked.elapsed()
}

fn count(root: &std::path::Path, ending: &str) -> u64 {
    files(root).iter().filter(|p| p.to_string_lossy().ends_with(ending)).count() as u64
}

#[test]
fn all_of_them_are_finished_within_the_units_stop_time() {
    let (dir, calls) = (tempfile::tempdir().unwrap(), how_many());
    let (pipeline, context, ids, end) = talking(dir.path(), calls, 1000);
    let took = stop(pipeline, &ids, end, nauhuri::daemon::capture_loop::STOP_WITHIN);
    println!("{calls} open recordings finished within {took:?}");
    assert_eq!((count(dir.path(), ".json"), count(dir.path(), ".wav")), (calls, calls));
    assert_eq!((count(dir.path(), ".part"), count(dir.path(), ".new")), (0, 0));
    assert_eq!(context.metrics().ledger().active(), 0);
    for json in files(dir.path()).iter().filter(|p| p.to_string_lossy().ends_with("7.json")) {
        let s = Sidecar::read(json).unwrap();
        let wav = json.with_extension("wav");
        assert_eq!(s.audio.sha256, nauhuri::store::wav::sha256_hex(&wav).unwrap());
        // Shown as nauhuri_recordings_completed_total{ended_by="shutdown"}.
        assert_eq!((s.ended_by, s.audio.frames), (EndedBy::Shutdown, 8000), "{s:?}");
    }
    assert!(took < Duration::from_secs(60), "{took:?}");
}

/// What is not finished by the deadline is left as a crash would leave it, and counted.
#[test]
fn what_the_time_does_not_suffice_for_is_left_to_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (pipeline, context, ids, end) = talking(dir.path(), 60, 1000);
    let took = stop(pipeline, &ids, end, Duration::ZERO);
    assert!(took < Duration::from_secs(10), "{took:?}");
    let (finished, left) = (count(dir.path(), ".json"), count(dir.path(), ".wav.part"));
    assert_eq!((finished, left, count(dir.path(), ".json.part")), (0, 60, 60));
    assert_eq!(context.metrics().ledger().active(), 60, "which the log tells at the end");
}
