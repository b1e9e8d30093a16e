//! Layers, precedence, and what a mistake in each of them says.

use super::*;
use crate::config::listening::Scope;
use crate::config::{CallDirection, HideDigits};
use std::time::Duration;

fn layers(file: &str, env: &[(&str, &str)], set: &[&str]) -> Layers {
    Layers {
        file: Some(("nauhuri.toml".into(), file.into())),
        env: env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        set: set.iter().map(|s| s.to_string()).collect(),
        options: Vec::new(),
    }
}

fn good(file: &str, env: &[(&str, &str)], set: &[&str]) -> Config {
    load(&layers(file, env, set), Purpose::Other).map(|l| l.config).unwrap_or_else(|e| panic!("{e}"))
}

fn bad(file: &str, env: &[(&str, &str)], set: &[&str]) -> Vec<String> {
    match load(&layers(file, env, set), Purpose::Other) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn nothing_is_the_defaults() {
    let loaded = load(&Layers::default(), Purpose::Other).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.sources.of("sip.ports").0, ValueOrigin::Defaults);
    assert_eq!(good("", &[("PATH", "/bin"), ("NAUHURI_CORPUS", "x")], &[]), Config::default());
}

#[test]
fn each_layer_overrides_the_one_before() {
    let file =
        "[sip]\nports = [1]\nmedia_timeout = \"1s\"\n[metrics]\nlisten = \"\"\n[storage]\ndir = \"/a\"";
    let env = [("NAUHURI__SIP__PORTS", "2,3"), ("NAUHURI__STORAGE__DIR", "/b"), ("NAUHURI__LOG__KEEP", "2h")];
    let mut layers = layers(file, &env, &["sip.ports=[4]", "storage.dir=/c"]);
    layers.options.push(("--out", "storage.dir", "/d".into()));
    let Loaded { config, sources } = load(&layers, Purpose::Other).unwrap();
    assert_eq!(config.sip.ports.listed(), [4]);
    assert_eq!(config.sip.media_timeout, Duration::from_secs(1));
    assert_eq!(config.metrics.listen, None);
    assert_eq!(config.log.keep, Duration::from_secs(7200));
    assert_eq!(config.storage.dir, PathBuf::from("/d"));
    assert_eq!(sources.of("storage.dir").0.to_string(), "--out");
    assert_eq!(sources.of("sip.ports").0.to_string(), "--set sip.ports");
    assert_eq!(sources.of("log.keep").0.to_string(), "environment NAUHURI__LOG__KEEP");
    assert_eq!(sources.of("sip.media_timeout"), (ValueOrigin::File("nauhuri.toml".into()), Some(3)));
}

#[test]
fn limits_that_no_layer_sets_follow_from_the_memory() {
    let of = |c: &Config| (c.limits.calls, c.limits.recordings, c.limits.queue_bytes);
    let small = good("[limits]\nmemory = \"256 MiB\"", &[], &[]);
    assert_eq!(of(&small), (25_000, 5000, 16 << 20));
    // Also where it is what the default would be.
    let file = "[limits]\nmemory = \"256 MiB\"\nrecordings = 20000";
    assert_eq!(of(&good(file, &[], &["limits.calls=7"])), (7, 20_000, 16 << 20));
    let env = [("NAUHURI__LIMITS__MEMORY", "2 GiB"), ("NAUHURI__LIMITS__QUEUE_BYTES", "9000000")];
    assert_eq!(of(&good(file, &env, &[])), (200_000, 20_000, 9_000_000));
}

#[test]
fn text_of_the_environment_takes_the_type_of_its_key() {
    let env = [
        ("NAUHURI__CAPTURE__INTERFACE", "eth1, eth2"),
        ("NAUHURI__CAPTURE__BUFFER_MIB", "64"),
        ("NAUHURI__CAPTURE__PROMISCUOUS", "false"),
        ("NAUHURI__SERVICE_DEFAULT__DIRECTIONS", "inbound"),
        ("NAUHURI__SERVICE_DEFAULT__HIDE_CALLER_DIGITS", "all"),
        ("NAUHURI__NUMBERS__COUNTRY", "358"),
        ("NAUHURI__AGENTS__NAMES__2001.B", "M. Virtanen"),
        ("NAUHURI__STORAGE__MIN_FREE", "1 GiB"),
    ];
    let set =
        ["service=[{name=\"a\",numbers=[\"116117\"],hide_caller_digits=0}]", "agents.names.alice=\"A, B\""];
    let config = good("[agents]\nnames = { \"Kiosk\" = \"K\" }", &env, &set);
    assert_eq!(config.capture.interface, ["eth1", "eth2"]);
    assert_eq!(config.capture.buffer_mib, 64);
    assert!(!config.capture.promiscuous);
    assert_eq!(config.service_default.directions, [CallDirection::Inbound]);
    assert_eq!(config.service_default.hide_caller_digits, HideDigits::All);
    assert_eq!(config.numbers.country, "358");
    assert_eq!(config.storage.min_free, 1 << 30);
    assert_eq!(config.service[0].hide_caller_digits, Some(HideDigits::Last(0)));
    let names: Vec<_> = config.agents.names.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(names, [("2001.B", "M. Virtanen"), ("Kiosk", "K"), ("alice", "A, B")]);
}

#[test]
fn the_list_of_services_is_replaced_whole() {
    let file = "[[service]]\nname = \"a\"\nnumbers = [\"1\"]\n[[service]]\nname = \"b\"\nnumbers = [\"2\"]";
    assert_eq!(good(file, &[], &[]).service.len(), 2);
    let config = good(file, &[], &["service=[{ name = \"c\", numbers = [\"3\"] }]"]);
    assert_eq!(config.service.len(), 1);
    assert_eq!(config.service[0].name, "c");
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let lines = bad(
        "[sip]\nport = [5060]\n\n[[service]]\nname = \"a\"\nnumbers = [\"1\"]\nretentoin = \"1 year\"",
        &[],
        &[],
    );
    assert_eq!(
        lines,
        [
            "nauhuri.toml: service[1].retentoin (line 7): found an unknown key; allowed: name, numbers, record, \
             directions, retention, retention_bound, hide_caller_digits, pause, silence_tones, announcement_min, special_category, office, listening, reasons; nearest: retention",
            "nauhuri.toml: sip.port (line 2): found an unknown key; allowed: ports, correlation_headers, \
             media_timeout, max_silence; nearest: sip.ports",
        ]
    );
    let cases: &[(&str, &str)] = &[
        ("[stroage]\ndir = \"/x\"", "; nearest: storage"),
        ("ports = [5060]", "; nearest: sip.ports"),
        ("[capture]\nports = [5060]", "; nearest: sip.ports"),
        (
            "[limits.deep]\nx = 1",
            "limits.deep (line 1): found an unknown key; allowed: memory, calls, recordings",
        ),
    ];
    for (file, end) in cases {
        let lines = bad(file, &[], &[]);
        assert!(lines.len() == 1 && lines[0].contains(end), "{lines:?}");
    }
}

#[test]
fn an_unknown_key_in_any_layer() {
    let env = [("NAUHURI__SIP__PROTS", "1"), ("NAUHURI__SIP", "1"), ("NAUHURI__SERVICE__0__NAME", "x")];
    let lines = bad("", &env, &["sipp.ports=1", "sip.ports.0=1", "nonsense", "=1"]);
    let starts = [
        "environment NAUHURI__SERVICE__0__NAME: service.0.NAME: found an unknown key; allowed: [[service]] tables",
        "environment NAUHURI__SIP: sip: found an unknown key",
        "environment NAUHURI__SIP__PROTS: sip.prots: found an unknown key; allowed: ports,",
        "--set sipp.ports: sipp.ports: found an unknown key",
        "--set sip.ports.0: sip.ports.0: found an unknown key",
        "--set nonsense: found no `=`; allowed: section.key=value",
        "--set : found an unknown key",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(lines[3].ends_with("nearest: sip.ports"), "{}", lines[3]);
}

#[test]
fn a_file_is_strict_about_types() {
    let cases: &[(&str, &str)] = &[
        ("[sip]\nports = \"5060\"", "sip.ports (line 2): found \"5060\"; allowed: a list of port numbers"),
        ("[sip]\nports = [\"5060\"]", "sip.ports (line 2): found [\"5060\"]; allowed: a list of port"),
        ("[sip]\nports = [70000]", "sip.ports (line 2): found [70000]; allowed: a list of port"),
        (
            "[sip]\nmedia_timeout = 30",
            "sip.media_timeout (line 2): found 30; allowed: a duration above zero with its unit",
        ),
        (
            "[capture]\npromiscuous = \"true\"",
            "capture.promiscuous (line 2): found \"true\"; allowed: true or false",
        ),
        (
            "[capture]\nbuffer_mib = -1",
            "capture.buffer_mib (line 2): found -1; allowed: a whole number from 1 to 2047",
        ),
        (
            "[service_default]\nretention = \"half a year\"",
            "service_default.retention (line 2): found \"half a year\"; allowed: N days, weeks, months or years",
        ),
        (
            "[[service]]\nname = \"a\"\nnumbers = [\"1\"]\nretention = \"0 days\"",
            "service[1].retention (line 4): found \"0 days\"; allowed: N days, weeks, months or years",
        ),
        ("[retention]\nhold_review = 6", "retention.hold_review (line 2): found 6; allowed: N days,"),
        ("[retention]\ntombstones = \"for ever\"", "found \"for ever\"; allowed: N days, weeks, months or"),
        ("[audit]\nkeep = \"\"", "audit.keep (line 2): found \"\"; allowed: N days, weeks, months or years"),
        ("[storage]\nencoding = \"mp3\"", "found \"mp3\"; allowed: \"pcm_s16le\" or \"g711\""),
        ("[storage]\nmin_free = \"5 GB\"", "found \"5 GB\"; allowed: a size such as \"5 GiB\""),
        (
            "[service_default]\nhide_caller_digits = \"none\"",
            "allowed: a number of digits from 0 to 255, or \"all\"",
        ),
        ("[service_default]\ndirections = [\"internal\"]", "allowed: a list of \"inbound\" and \"outbound\""),
        ("[hep]\nlisten = [\"9060\"]", "hep.listen (line 2): found \"9060\"; allowed: addresses such as"),
        ("[siprec]\nlisten = [\"udp:x:1\"]", "siprec.listen (line 2): found \"udp:x:1\"; allowed: addresses"),
        ("[siprec]\nrtp_ports = \"20000\"", "siprec.rtp_ports (line 2): found \"20000\"; allowed: a range"),
        ("[siprec]\nadvertise = [\"a.b\"]", "siprec.advertise (line 2): found \"a.b\"; allowed: addresses"),
        ("[probe]\nexchange = \"a.b\"", "probe.exchange (line 2): found \"a.b\"; allowed: an exchange such"),
        ("[room]\nlisten = \"localhost\"", "room.listen (line 2): found \"localhost\"; allowed: an address"),
        ("[pause]\nlisten = \"9161\"", "pause.listen (line 2): found \"9161\"; allowed: an address with"),
        ("[cdr]\nseparator = \";;\"", "cdr.separator (line 2): found \";;\"; allowed: one character"),
        ("sip = 5060", "sip (line 1): found 5060; allowed: a table [sip]"),
        ("[service]\nname = \"a\"", "service (line 1): found a table; allowed: [[service]] tables"),
        (
            "[agents]\nnames = { \"1\" = 2 }",
            "agents.names (line 2): found a table; allowed: texts by agent id",
        ),
    ];
    for (file, part) in cases {
        let lines = bad(file, &[], &[]);
        assert!(lines.len() == 1 && lines[0].contains(part), "{file}: {lines:?}");
    }
}

#[test]
fn toml_that_cannot_be_read_says_where() {
    let lines = bad("[sip]\nports = [5060\nx", &[], &[]);
    assert!(lines[0].starts_with("nauhuri.toml: line 3, column 1: found "), "{lines:?}");
    let lines = bad("[sip]\nports = [1]\nports = [2]", &[], &[]);
    assert!(lines[0].starts_with("nauhuri.toml: line 3, column 1: found duplicate key"), "{lines:?}");
}

#[test]
fn every_problem_at_once_with_its_own_source() {
    let file = "[sip]\nprots = [1]\nmedia_timeout = \"0s\"\n[[service]]\nname = 5\nnumbers = [\"x\"]";
    let lines = bad(file, &[("NAUHURI__METRICS__LISTEN", "here")], &["agents.extensions=2999-2000"]);
    let starts = [
        "nauhuri.toml: service[1].name (line 5): found 5; allowed: text of 1 to 64",
        "nauhuri.toml: sip.prots (line 2): found an unknown key",
        "nauhuri.toml: sip.media_timeout (line 3): found \"0s\"; allowed: a duration above zero",
        "environment NAUHURI__METRICS__LISTEN: metrics.listen: found \"here\"; allowed: an address",
        "--set agents.extensions: agents.extensions: found \"2999-2000\" (a range that ends before it starts)",
        "nauhuri.toml: service[1].numbers (line 6): found \"x\"; allowed: numbers such as",
    ];
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    // In the order of the sample file, but for what is no key at all or no value of its key.
    for start in starts {
        assert!(lines.iter().any(|line| line.starts_with(start)), "{start}: {lines:#?}");
    }
}

#[test]
fn a_missing_interface_points_at_the_file() {
    let error = load(&layers("", &[], &[]), Purpose::Capture).unwrap_err();
    assert!(
        error.to_string().starts_with("nauhuri.toml: capture.interface: found nothing; allowed:"),
        "{error}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics(file in "\\PC{0,60}", key in "[a-z_.\\[\\]0-9]{0,20}", value in "\\PC{0,30}") {
        let _ = load(&layers(&file, &[("NAUHURI__SIP__PORTS", &value)], &[&file, &format!("{key}={value}")]), Purpose::Capture);
        for (key, _) in lookup::all() {
            let _ = load(&layers("", &[], &[&format!("{key}={value}")]), Purpose::Other);
            let _ = load(&layers(&format!("{key} = {value}"), &[], &[]), Purpose::Other);
        }
    }
}

fn with(text: &str, set: &[&str]) -> Result<crate::config::Config, String> {
    let set = set.iter().map(ToString::to_string).collect();
    let layers = Layers { file: Some(("x.toml".into(), text.into())), set, ..Layers::default() };
    load(&layers, Purpose::Other).map(|l| l.config).map_err(|e| e.to_string())
}

#[test]
fn roles_from_file_and_command_line() {
    let text =
        "[room.roles.agent]\nfind = \"own\"\nact = [\"hold\"]\n[room.roles.night-shift]\nhear = \"team\"";
    let config = with(text, &["room.roles.agent.hear=own", "room.tls.cert=/c", "room.tls.key=/k"]).unwrap();
    let agent = &config.room.roles["agent"];
    assert_eq!((agent.find, agent.hear, agent.act.len()), (Scope::Own, Scope::Own, 1));
    assert_eq!(config.room.roles["night-shift"].hear, Scope::Team);
    assert!(config.room.tls.is_set());
}

#[test]
fn a_slip_in_a_role_is_told_with_the_nearest_key() {
    let said = with("[room.roles.agent]\nheer = \"own\"\nact = [\"liste\"]\n[room.tls]\ncrt = \"\"", &[]);
    let said = said.unwrap_err();
    for part in [
        "x.toml: room.roles.agent.heer (line 1): found an unknown key; allowed: find, hear,",
        "nearest: hear",
        "room.roles.agent.act (line 1): found [\"liste\"]; allowed: a list of \"export\", \"hold\"",
        "room.tls.crt",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(with("[room]\nroles = 3", &[]).unwrap_err().contains("room.roles (line 2): found 3"));
    assert!(with("", &["room.roles.agent.heer=own"]).unwrap_err().contains("an unknown key"));
}

#[test]
fn the_wrong_entry_of_a_list_is_named() {
    for (text, says) in [
        ("[agents]\nnetworks = [\"10.0.0.0/8\", \"10.0.0.0/33\"]", "found \"10.0.0.0/33\"; allowed: CIDR"),
        ("[numbers]\ncaller = [\"From\", \"P Asserted\"]", "found \"P Asserted\"; allowed: header names"),
        ("[numbers]\ncaller = []", "found []; allowed: header names"),
        ("[sip]\nports = []", "found []; allowed: a list of port numbers"),
        (
            "[retention]\ntombstones = \"soon\"",
            "retention.tombstones (line 2): found \"soon\"; allowed: N days",
        ),
        (
            "[[service]]\nname = \"a\"\nnumbers = [\"1\"]\nretention = \"5\"",
            "service[1].retention (line 4): found \"5\"",
        ),
    ] {
        let lines = bad(text, &[], &[]);
        assert!(lines.len() == 1 && lines[0].contains(says), "{text}: {lines:?}");
    }
}
