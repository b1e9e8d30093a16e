//! Processes that crash, hang and talk nonsense, in place of the one that decodes.

use super::*;

/// A shell script that greets as if it could decode everything, then does as told.
fn script(then: &str) -> Program {
    let text = format!("printf 'NHRD\\0\\0\\075\\0\\377\\0\\0\\0'; {then}");
    Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), text.into()] }
}

/// Answers one frame of G.729 with 80 samples of zero, so many times.
fn answers(times: usize) -> String {
    let one = "head -c 20 >/dev/null; printf '\\0\\0\\0\\0\\120\\0\\0\\0'; head -c 160 /dev/zero; ";
    one.repeat(times)
}

fn counted(metrics: &Metrics, fault: &str) -> u64 {
    let line = format!("nauhuri_decoder_faults_total{{fault=\"{fault}\"}} ");
    let text = metrics.render();
    text.lines().find_map(|l| l.strip_prefix(&line)?.parse().ok()).unwrap_or_else(|| panic!("{line}\n{text}"))
}

fn caged(then: &str) -> (CagedDecoders, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new([]));
    (CagedDecoders::patient(script(then), &metrics, [Duration::from_millis(500); 2]), metrics)
}

#[test]
fn a_crash_costs_what_was_decoded_then_and_another_is_started() {
    let (decoders, metrics) = caged(&answers(2));
    let mut stream = decoders.open(ForeignCodec::G729).expect("it says it can");
    let mut other = decoders.open(ForeignCodec::G729).expect("it says it can");
    let mut out = Vec::new();
    for _ in 0..2 {
        stream.decode(&[&[1; 10]], &mut out).expect("an answer");
    }
    assert_eq!(stream.decode(&[&[1; 10]], &mut out), Err(DecodeError::Corrupt), "it has crashed");
    assert_eq!((out.len(), counted(&metrics, "crashed")), (160, 1));
    other.decode(&[&[1; 10]], &mut out).expect("the next one answers");
    stream.decode(&[&[1; 10]], &mut out).expect("and to the first stream too");
    assert_eq!(stream.decode(&[&[1; 10]], &mut out), Err(DecodeError::Corrupt), "it has crashed again");
    other.decode(&[&[1; 10]], &mut out).expect("a third one");
    assert_eq!(stream.decode(&[&[1; 10]], &mut out), Err(DecodeError::Corrupt), "not a third time with this");
    other.decode(&[&[1; 10]], &mut out).expect("which has cost the others nothing");
    assert_eq!((out.len(), counted(&metrics, "crashed")), (480, 2));
}

#[test]
fn a_hang_is_ended() {
    let (decoders, metrics) = caged("exec sleep 100");
    let mut stream = decoders.open(ForeignCodec::G7231).expect("it says it can");
    let begun = Instant::now();
    assert_eq!(stream.decode(&[&[0; 24]], &mut Vec::new()), Err(DecodeError::Corrupt));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!((counted(&metrics, "hung"), counted(&metrics, "crashed")), (1, 0));
}

#[test]
fn nonsense_is_a_crash_and_no_process_is_started_without_end() {
    let (decoders, metrics) = caged("printf 'nonsense of some length'; exec cat >/dev/null");
    for _ in 0..2 * MAX_STARTS {
        let mut stream = decoders.open(ForeignCodec::G729).expect("as the first one said");
        assert_eq!(stream.decode(&[&[1; 10]], &mut Vec::new()), Err(DecodeError::Corrupt));
    }
    assert_eq!(counted(&metrics, "crashed"), MAX_STARTS as u64);
    assert_eq!(counted(&metrics, "too_often"), 1);
}

#[test]
fn what_cannot_be_started_decodes_nothing() {
    for program in [
        Program { path: "/nowhere/at/all".into(), arguments: vec![] },
        script("").with("printf 'something else'"),
    ] {
        let metrics = Arc::new(Metrics::new([]));
        let decoders = CagedDecoders::patient(program, &metrics, [Duration::from_millis(500); 2]);
        assert!(!decoders.has(ForeignCodec::AmrWide) && decoders.open(ForeignCodec::G729).is_none());
        assert_eq!(counted(&metrics, "unstartable"), 1);
    }
}

#[test]
fn streams_have_a_bound() {
    let (decoders, metrics) = caged("exec cat >/dev/null");
    let all: Vec<_> = (0..MAX_STREAMS).map(|_| decoders.open(ForeignCodec::G729).expect("room")).collect();
    assert!(decoders.open(ForeignCodec::G729).is_none());
    assert_eq!(counted(&metrics, "streams"), 1);
    drop(all);
    assert!(decoders.open(ForeignCodec::G729).is_some());
}

impl Program {
    fn with(self, text: &str) -> Program {
        Program { arguments: vec!["-c".into(), text.into()], ..self }
    }
}
