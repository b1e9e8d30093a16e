//! Every sentence, against what the configuration says: which are there, what changes when one key changes, and
//! whether a comparison tells.

use super::forms_of_words::{Services, WordForm, duration, services, term};
use super::privacy_notice::PrivacyNotice;
use super::published::{WORDS_MAX, keys};
use super::sentence::{NoticePart, Slice, slices};
use super::{Difference, PublishedNotice, TooManyWords, compare, sentences, to_html, to_markdown};
use crate::config::check::Purpose;
use crate::config::load::{Layers, load};
use crate::config::{Config, Language, Term};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Two services, a role of each scope.
const BASE: &str = r#"
[agents]
extensions = ["2000-2999"]
[[service]]
name = "116117"
numbers = ["116117"]
retention = "5 years"
[[service]]
name = "waste & water"
numbers = ["0800100200"]
[service_default]
name = "general"
[room.roles.agent]
hear = "own"
[room.roles.supervisor]
hear = "team"
[room.roles.office]
hear = "office"
[room.roles.main-user]
hear = "all"
[room.roles.dpo]
find = "all"
"#;

fn config(more: &[&str]) -> Config {
    of_text(BASE, more)
}

fn of_text(text: &str, more: &[&str]) -> Config {
    let set = more.iter().map(|one| (*one).to_owned()).collect();
    let layers = Layers { file: Some(("base".into(), text.to_owned())), set, ..Layers::default() };
    load(&layers, Purpose::Other).unwrap_or_else(|e| panic!("{more:?}: {e}")).config
}

fn example(name: &str) -> Config {
    let path = format!("{}/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    of_text(&std::fs::read_to_string(path).unwrap(), &[])
}

const EXAMPLES: [&str; 5] = ["helsinki-fi", "helsinki-sv", "espoo", "public-works", "hsy"];

fn notice(config: &Config, language: Language) -> PrivacyNotice {
    PrivacyNotice::new(config, language).unwrap()
}

fn read(text: &str) -> PublishedNotice {
    PublishedNotice::read(text).unwrap()
}

/// What each sentence says, those of one id together.
fn said(config: &Config, language: Language) -> BTreeMap<&'static str, Vec<String>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for statement in notice(config, language).statements {
        all.entry(statement.sentence.id).or_default().push(statement.text());
    }
    all
}

/// Ids of what is no longer there (`-`), new (`+`) and different (`~`).
fn changes(before: &Config, after: &Config, language: Language) -> BTreeSet<String> {
    let (before, after) = (said(before, language), said(after, language));
    let ids: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let sign = |id: &str| match (before.get(id), after.get(id)) {
        (Some(_), None) => Some('-'),
        (None, Some(_)) => Some('+'),
        (one, other) if one != other => Some('~'),
        _ => None,
    };
    ids.into_iter().filter_map(|id| sign(id).map(|sign| format!("{sign}{id}"))).collect()
}

/// A key, and what changes with it and nothing else.
const KEYS: &[(&[&str], &str)] = &[
    (&["controller.name=Town"], "~controller.name ~entry.controller"),
    (&["controller.address=Box 1,00100 Town"], "+controller.address"),
    (&["controller.contact=registry"], "~controller.contact ~entry.controller"),
    (&["controller.officer=officer"], "~controller.officer ~entry.controller"),
    (
        &["service_default.directions=inbound"],
        "-calls.outbound -calls.outbound_rules +calls.not_outbound -times.customer_answers -spoken.by_agent",
    ),
    (
        &["service_default.directions=outbound"],
        "-calls.inbound +calls.not_inbound -times.agent_answers -spoken.kept_for",
    ),
    (&["agents.record_internal=true"], "+calls.internal -calls.not_internal"),
    (
        &["siprec.listen=udp:127.0.0.1:5062"],
        "+times.session -times.agent_answers -times.customer_answers -times.nothing_before",
    ),
    (&["sip.media_timeout=45s"], "~times.silence"),
    (&["sip.max_silence=2h"], "~times.silence"),
    (&["pause.limit=90s"], "~times.pause"),
    (&["service_default.pause=false"], "-times.pause +times.no_pause"),
    (&["control.socket="], "-times.pause +times.no_pause"),
    (&["control.socket=", "pause.start_keys=*1"], ""),
    (&["service_default.announcement_min=8s"], "+times.announced"),
    (
        &["service_default.reasons=verify,complaint"],
        "+purpose.heard_for +entry.heard_for +heard.for_a_reason",
    ),
    (
        &["service_default.special_category=true"],
        "+purpose.heard_for +entry.heard_for +heard.for_a_reason +purpose.not_for_quality +purpose.special \
         +entry.special +heard.on_request +given.approved",
    ),
    (&["service_default.listening=on_request"], "+heard.on_request"),
    (&["agents.header=X-Agent"], "-data.agent_extension +data.agent_id"),
    (&["agents.names={ \"2001\" = \"M. Virtanen\" }"], "+data.agent_name +entry.agent_name"),
    (&["service_default.hide_caller_digits=3"], "~data.number_part ~entry.number_part"),
    (
        &["service_default.hide_caller_digits=0"],
        "-data.number_part -entry.number_part +data.number_whole +entry.number_whole -rights.how_to_find",
    ),
    (
        &["service_default.hide_caller_digits=all"],
        "-data.number_part -entry.number_part +data.number_none +entry.number_none -data.number_withheld",
    ),
    (&["service_default.silence_tones=true"], "+data.tones_silenced"),
    (&["storage.keep_undecoded=true"], "+data.undecoded"),
    (&["service_default.retention=1 month"], "~kept.for ~spoken.kept_for ~entry.kept_for"),
    (
        &["service_default.retention_bound=at_most"],
        "-kept.for -spoken.kept_for -entry.kept_for +kept.at_most +spoken.kept_at_most +entry.kept_at_most",
    ),
    (&["retention.sweep=30m"], "~kept.destroyed"),
    (&["retention.access=until_due"], "+kept.closed_when_due"),
    (&["retention.hold_review=1 year"], "~kept.longer_reviewed"),
    (&["retention.release_grace=7d"], "+kept.grace"),
    (&["retention.tombstones=2 years"], "~kept.trace"),
    (&["log.keep=36h"], "~kept.technical_log ~entry.technical_log ~data.unrecorded"),
    (&["audit.keep=7 years"], "~kept.audit_log ~entry.audit_log"),
    (&["audit.anchor=/mnt/anchor"], "+guarded.anchored"),
    (&["dsar.keep=3 months"], "~kept.requests"),
    (&["room.roles.agent.hear=none"], "-heard.own ~entry.hearers"),
    (&["room.roles.supervisor.hear=own"], "-heard.team ~heard.own"),
    (&["room.roles.office.hear=all"], "-heard.office ~heard.all"),
    (&["room.roles.main-user.hear=team"], "-heard.all ~heard.team"),
    (&["room.roles.maintenance.hear=all"], "~heard.all -heard.not_by_maintenance ~entry.hearers"),
    (&["room.roles.dpo.find=none"], "-heard.found_only"),
    (&["room.roles.agent.find=own"], ""),
    (&["room.roles.agent.listening=on_request"], "+heard.role_on_request"),
    (&["room.roles.agent.networks=10.0.0.0/8"], "+heard.networks"),
    (&["room.roles.agent.download=true"], "-heard.no_download"),
    (&["room.roles.dpo.download=true"], ""),
    (&["room.roles.supervisor.training=all"], "+heard.training"),
    (&["room.roles.supervisor.act=training"], "+heard.training"),
    (&["room.undertaking=/etc/undertaking"], "+guarded.undertaking"),
    (&["room.session_idle=5m"], "~guarded.session"),
    (&["room.tls={ cert = \"/a\", key = \"/b\" }"], "+guarded.tls +entry.tls"),
    (
        &["room.oidc={ issuer = \"https://id.example\", client_id = \"room\", roles = { a = \"agent\" } }"],
        "-guarded.accounts +guarded.provider",
    ),
    (
        &["storage.group_read=true"],
        "+heard.group_reads -guarded.files -entry.files -guarded.logged +guarded.logged_in_system",
    ),
    // What no caller has to know of.
    (&["storage.dir=/srv/calls"], ""),
    (&["storage.encoding=g711"], ""),
    (&["sip.ports=5070"], ""),
    (&["metrics.listen="], ""),
    (&["limits.workers=2"], ""),
];

#[test]
fn one_key_changes_its_sentences_and_no_others() {
    let base = config(&[]);
    for language in Language::ALL {
        for (set, expected) in KEYS {
            let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
            assert_eq!(changes(&base, &config(set), language), expected, "{language:?} {set:?}");
        }
    }
}

/// Configurations that together say everything there is to say.
fn all_sorts() -> Vec<Config> {
    let named =
        |key: &str| BASE.replace("retention = \"5 years\"\n", &format!("retention = \"5 years\"\n{key}\n"));
    let one_service = |key: &str| of_text(&named(key), &[]);
    let nobody = &BASE[..BASE.find("[room.").unwrap()];
    let mut all: Vec<Config> = KEYS.iter().map(|(set, _)| config(set)).collect();
    all.extend(EXAMPLES.map(example));
    all.extend(
        [
            "record = false",
            "directions = [\"outbound\"]",
            "directions = [\"inbound\"]",
            "retention_bound = \"at_most\"",
            "hide_caller_digits = 0",
            "hide_caller_digits = \"all\"",
            "hide_caller_digits = 1",
            "pause = false",
            "silence_tones = true",
            "announcement_min = \"12s\"",
            "special_category = true",
            "listening = \"on_request\"",
            "reasons = [\"quality\"]",
        ]
        .map(one_service),
    );
    all.push(of_text(nobody, &[]));
    all.push(of_text(&named("record = true"), &["service_default.record=false"]));
    all.push(of_text(
        &BASE.replace("retention = \"5 years\"", "record = true\ndirections = [\"outbound\"]"),
        &["service_default.record=false"],
    ));
    all.push(config(&["service_default.listening=on_request", "room.roles.agent.listening=standing"]));
    all
}

#[test]
fn every_sentence_is_said_by_some_configuration_and_reads_well() {
    let mut unsaid: BTreeSet<_> = sentences().map(|sentence| sentence.id).collect();
    assert_eq!(unsaid.len(), sentences().count(), "ids are unique");
    for config in all_sorts() {
        for language in Language::ALL {
            for statement in notice(&config, language).statements {
                let text = statement.text();
                assert!(text.ends_with('.') && !text.contains("  ") && !text.contains(" ."), "{text}");
                assert!(!text.contains(['{', '}']) && !text.starts_with(char::is_lowercase), "{text}");
                unsaid.remove(statement.sentence.id);
            }
        }
    }
    assert_eq!(unsaid, BTreeSet::new());
}

#[test]
fn templates_are_whole_in_every_language() {
    for sentence in sentences() {
        let holes = Language::ALL.map(|language| {
            let template = sentence.template(language);
            let mut names = BTreeSet::new();
            let mut words = 0;
            for slice in slices(template) {
                match slice {
                    Slice::Words(text) => {
                        // A layout writes them as they are.
                        assert!(!text.contains(['\\', '*', '_', '<', '>', '&', '#', '`', '|']), "{template}");
                        words += keys(text).len();
                    }
                    Slice::Hole { name, form, .. } => {
                        let is_known = WordForm::NAMES.iter().any(|(known, _)| *known == form);
                        assert!(form.is_empty() || is_known, "{template}");
                        names.insert(name);
                    }
                }
            }
            // Enough to be recognised by.
            assert!(words >= 3, "{template}");
            names
        });
        assert!(holes[0] == holes[1] && holes[1] == holes[2], "{}: {holes:?}", sentence.id);
        for promise in sentence.promises {
            let is_id =
                ["HEL-", "HELS-", "ESP-", "PWD-", "HSY-"].iter().any(|start| promise.starts_with(start));
            assert!(is_id, "{promise}");
        }
    }
}

/// What each notice promises and its configuration can keep. The rest is an organisation's: rooms and locks,
/// contracts, training, who may be told what.
const PROMISES: [(&str, &str); 5] = [
    (
        "helsinki-fi",
        "HEL-1 HEL-2 HEL-3 HEL-4 HEL-5 HEL-6 HEL-7 HEL-8 HEL-10 HEL-11 HEL-12 HEL-13 HEL-14 HEL-15 HEL-16",
    ),
    (
        "helsinki-sv",
        "HELS-1 HELS-2 HELS-3 HELS-4 HELS-5 HELS-6 HELS-7 HELS-8 HELS-10 HELS-11 HELS-13 HELS-14",
    ),
    (
        "espoo",
        "ESP-1 ESP-3 ESP-4 ESP-5 ESP-6 ESP-7 ESP-8 ESP-9 ESP-11 ESP-12 ESP-13 ESP-15 ESP-17 ESP-18 ESP-19 ESP-20 \
         ESP-21 ESP-22 ESP-23",
    ),
    (
        "public-works",
        "PWD-1 PWD-2 PWD-3 PWD-4 PWD-5 PWD-7 PWD-9 PWD-10 PWD-12 PWD-14 PWD-15 PWD-16 PWD-17 PWD-18 PWD-19 PWD-20 \
         PWD-21 PWD-22 PWD-23 PWD-24",
    ),
    (
        "hsy",
        "HSY-1 HSY-2 HSY-3 HSY-4 HSY-5 HSY-6 HSY-7 HSY-8 HSY-10 HSY-11 HSY-12 HSY-13 HSY-15 HSY-16 HSY-17 HSY-19 \
         HSY-21 HSY-22 HSY-23 HSY-24",
    ),
];

#[test]
fn the_five_examples_keep_what_their_notices_promise() {
    for (name, promised) in PROMISES {
        for language in Language::ALL {
            let notice = notice(&example(name), language);
            let parts = |part: NoticePart| {
                notice.statements.iter().filter(move |s| s.sentence.chapter.part() == part)
            };
            let kept: BTreeSet<_> =
                parts(NoticePart::Notice).flat_map(|s| s.sentence.promises).copied().collect();
            let missing: Vec<_> = promised.split_whitespace().filter(|id| !kept.contains(id)).collect();
            assert!(missing.is_empty(), "{name} {language:?}: {missing:?}");
            assert!(parts(NoticePart::Announcement).count() > 0 && parts(NoticePart::Entry).count() > 10);
        }
    }
}

#[test]
fn the_five_examples_differ_as_their_notices_do() {
    let says =
        |name: &str, id: &str| said(&example(name), Language::En).remove(id).unwrap_or_default().join(" ");
    let terms = said(&example("helsinki-fi"), Language::Fi).remove("kept.for").unwrap();
    assert!(terms[0].starts_with("Palvelussa 116117 puhelutallenteita säilytetään 5 vuotta "), "{terms:?}");
    assert!(
        terms[1].starts_with("Muissa palveluissa puhelutallenteita säilytetään 6 kuukautta "),
        "{terms:?}"
    );
    assert!(says("hsy", "kept.at_most").contains("at most 12 months"));
    assert!(says("public-works", "kept.at_most").contains("at most 6 months"));
    assert_eq!(says("espoo", "kept.at_most"), "");
    for (name, whole) in [
        ("espoo", true),
        ("public-works", true),
        ("hsy", true),
        ("helsinki-fi", false),
        ("helsinki-sv", false),
    ] {
        assert_eq!(says(name, "data.number_whole").is_empty(), !whole, "{name}");
        assert_eq!(says(name, "data.number_part").is_empty(), whole, "{name}");
    }
    // Who hears: the matrix of the five.
    assert_eq!(says("espoo", "heard.all"), "");
    assert!(says("espoo", "heard.team").starts_with("Supervisors can listen"));
    assert!(!says("espoo", "heard.not_by_maintenance").is_empty());
    assert!(says("hsy", "heard.all").contains("technical maintenance"));
    assert!(says("public-works", "heard.all").contains("Supervisors"));
    assert!(says("helsinki-fi", "heard.on_request").contains("approved"));
    assert_eq!(says("helsinki-fi", "heard.own"), "");
    for name in ["espoo", "public-works"] {
        assert!(!says(name, "calls.not_outbound").is_empty() && says(name, "calls.outbound").is_empty());
    }
}

/// Ids of the differences between what `published` makes of the configuration before and the one after.
fn told(before: &Config, after: &Config, language: Language, html: bool) -> BTreeSet<String> {
    let notice = notice(before, language);
    let text = if html { to_html(&notice) } else { to_markdown(&notice) };
    let found = compare(after, &read(&text), Some(language)).unwrap();
    assert_eq!(found.own, 0, "{text}");
    found.differences.iter().map(|difference| difference.sentence().id.to_owned()).collect()
}

#[test]
fn what_was_just_written_has_no_difference() {
    for (n, config) in all_sorts().iter().enumerate() {
        for (m, language) in Language::ALL.into_iter().enumerate() {
            let html = (n + m) % 2 == 0;
            assert_eq!(told(config, config, language, html), BTreeSet::new(), "{language:?} {html}");
        }
    }
}

#[test]
fn a_changed_key_is_told_with_its_sentences_and_no_others() {
    let base = config(&[]);
    for (n, (set, _)) in KEYS.iter().enumerate() {
        let language = Language::ALL[n % 3];
        for (before, after) in [(&base, &config(set)), (&config(set), &base)] {
            // A name that takes a place left open differs from no name.
            let is_open = set[0].starts_with("controller.") && std::ptr::eq(after, &base);
            let expected: BTreeSet<_> =
                changes(before, after, language).into_iter().map(|id| id[1..].to_owned()).collect();
            let found = told(before, after, language, n % 2 == 0);
            match is_open {
                true => {
                    assert!(found.is_subset(&BTreeSet::from(["controller.address".to_owned()])), "{found:?}")
                }
                false => assert_eq!(found, expected, "{language:?} {set:?}"),
            }
        }
    }
}

#[test]
fn each_sentence_is_missed_and_each_change_of_a_word_is_told() {
    // Each sentence in each language once.
    let mut done = BTreeSet::new();
    for config in EXAMPLES.map(example).into_iter().chain(all_sorts()) {
        for language in Language::ALL {
            let text = to_markdown(&notice(&config, language));
            let lines: Vec<&str> = text.lines().collect();
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("<!--")) {
                let id = line.split("<!-- ").nth(1).unwrap().split(' ').next().unwrap();
                if !done.insert((language.code(), id.to_owned())) {
                    continue;
                }
                let with = |changed: &str| {
                    let mut lines = lines.clone();
                    lines[at] = changed;
                    let found = compare(&config, &read(&lines.join("\n")), Some(language)).unwrap();
                    let told: Vec<_> = found.differences.iter().map(|d| d.sentence().id).collect();
                    (told, format!("{language:?}: {line}"))
                };
                let (told, what) = with("");
                // Without its only sentence the announcement is not there at all, and need not be.
                let is_alone = id.starts_with("spoken.") && text.matches("<!-- spoken.").count() == 1;
                assert_eq!(told, if is_alone { vec![] } else { vec![id] }, "{what}");
                // A word more in the middle; not where a place is open.
                if !line.contains('[') {
                    let words: Vec<&str> = line.split(' ').collect();
                    let (one, other) = words.split_at(words.iter().position(|w| *w == "<!--").unwrap() / 2);
                    let (told, what) = with(&format!("{} aina {}", one.join(" "), other.join(" ")));
                    assert_eq!(told, [id], "{what}");
                }
            }
        }
    }
    assert_eq!(done.len(), sentences().count() * Language::ALL.len());
}

#[test]
fn what_is_told_of_a_difference() {
    let before = notice(&config(&["service_default.retention=1 month"]), Language::En);
    let text = to_markdown(&before).replace("Recording ends when the customer or the agent hangs up.", "");
    let text = text.replace("are stored as well.", "are stored too, and that is all.")
        + "\nSupervisors can listen to all recordings. The building has a fence and two dogs.\n";
    let found = compare(&config(&[]), &read(&text), None).unwrap();
    assert_eq!((found.language, found.own), (Language::En, 1));
    assert!(found.open > 5, "{}", found.open);
    let of = |id: &str| found.differences.iter().filter(|d| d.sentence().id == id).collect::<Vec<_>>();
    assert!(matches!(of("times.hangup")[..], [Difference::Missing(_, text)] if text.contains("hangs up")));
    assert!(
        matches!(of("heard.all")[..], [Difference::NotKept(_, text)] if text.starts_with("Supervisors can"))
    );
    let [Difference::Differs { values, published, kept, .. }] = of("kept.for")[..] else {
        panic!("{found:?}")
    };
    assert_eq!(values[..], [("1 month".to_owned(), "6 months".to_owned())]);
    assert!(
        published.contains("all other services") && kept.contains("\"waste") || kept.contains("6 months")
    );
    let [Difference::Differs { values, published, .. }] = of("data.technical")[..] else {
        panic!("{found:?}")
    };
    assert!(values.is_empty() && published.contains("that is all"));
}

#[test]
fn only_the_notice_has_to_be_published() {
    let config = config(&[]);
    let whole = to_markdown(&notice(&config, Language::Sv));
    let only = &whole[..whole.find("## Meddelandets text").unwrap()];
    assert!(compare(&config, &read(only), None).unwrap().differences.is_empty());
    // But what is there has to be right, and whole.
    let entry = &whole[whole.find("## Register över").unwrap()..].replace("1 dygn", "2 dygn");
    let found = compare(&config, &read(&format!("{only}\n{entry}")), None).unwrap();
    let ids: Vec<_> = found.differences.iter().map(|d| d.sentence().id).collect();
    assert_eq!(ids, ["entry.technical_log"]);
}

#[test]
fn what_editors_do_to_a_text_is_no_difference() {
    let config = config(&[]);
    let md = to_markdown(&notice(&config, Language::Fi));
    let html = to_html(&notice(&config, Language::Fi));
    let without_comments = |text: &str| {
        let parts = text.split("<!--").map(|part| part.split_once("-->").map_or(part, |(_, after)| after));
        parts.collect::<String>()
    };
    let edited = [
        without_comments(&md),
        md.replace('\n', "\r\n"),
        md.replace("ä", "a\u{308}").replace('ö', "o\u{308}"),
        md.replace("\n- ", "\n* "),
        md.lines().map(|line| line.replacen("- ", "1. ", 1) + "\n").collect(),
        md.replace(" kuukautta", "\n  kuukautta"),
        md.replace("tallennetaan", "**tallennetaan**")
            .replace("(www.tietosuoja.fi)", "([www.tietosuoja.fi](https://x.example/))"),
        format!("\u{feff}{}", without_comments(&html)),
        html.replace('ä', "&auml;").replace('ö', "&#246;").replace(" kuukautta", "&nbsp;kuukautta"),
        html.replace("<li>", "<li class=\"x\"><strong>").replace("</li>", "</strong></li>"),
        html.replace("tallenne", "tal&shy;lenne")
            .replace("<h2>", "<h2><script>var a = '<p>Puhelut</p>';</script>"),
        // Plain text, as it is copied from a page.
        without_comments(&md).replace("\n- ", "\n").replace('#', ""),
        md.replace("5 vuotta", "viisi vuotta").replace("6 kuukautta", "kuusi (6) kuukautta"),
        // Items of a list without a full stop.
        md.lines()
            .map(|l| if l.starts_with("- ") { l.replace(". <", " <") } else { l.into() } + "\n")
            .collect(),
    ];
    for text in edited {
        let found = compare(&config, &read(&text), None).unwrap();
        assert!(found.language == Language::Fi && found.differences.is_empty(), "{found:?}\n{text}");
    }
}

#[test]
fn what_stands_in_the_configuration_is_text_and_no_markup() {
    let name = "<script>alert(1)</script> & \"Town\" *of* [x](http://y) _z_ `q` # | \u{202e}\u{1b}[31m";
    let text =
        format!("{BASE}\n[controller]\nname = {}\naddress = [\"A <b>\", \"B\"]", toml::Value::from(name));
    let config = of_text(&text, &[]);
    for language in Language::ALL {
        let notice = notice(&config, language);
        let (html, md) = (to_html(&notice), to_markdown(&notice));
        assert!(
            html.contains("&lt;script&gt;alert(1)") && !html.contains("<script") && !html.contains("<b>")
        );
        assert!(md.contains("\\<script\\>") && md.contains("\\*of\\*") && md.contains("\\[x\\]"), "{md}");
        assert!(!html.contains(['\u{202e}', '\u{1b}']) && !md.contains(['\u{202e}', '\u{1b}']));
        for text in [html, md] {
            let found = compare(&config, &read(&text), None).unwrap();
            assert!(found.differences.is_empty(), "{found:?}");
        }
    }
}

#[test]
fn a_page_is_well_formed_and_needs_nothing_else() {
    for config in all_sorts() {
        let html = to_html(&notice(&config, Language::Fi));
        let mut open: Vec<&str> = Vec::new();
        for tag in html.split('<').skip(1).map(|part| part.split('>').next().unwrap()) {
            let name = tag.split(' ').next().unwrap();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop(), Some(closed), "{html}"),
                None if ["!DOCTYPE", "!--", "meta"].contains(&name) => {}
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        for reference in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(reference), "{reference}");
        }
    }
}

#[test]
fn nothing_is_said_where_nothing_is_recorded_or_recognised() {
    let silent = of_text("[service_default]\nrecord = false", &[]);
    assert!(PrivacyNotice::new(&silent, Language::Fi).is_none());
    let own = read("We record some calls. We keep them for a while.");
    assert!(compare(&config(&[]), &own, None).is_none());
    let found = compare(&config(&[]), &own, Some(Language::En)).unwrap();
    assert!(found.differences.len() > 30 && found.own == 2, "{found:?}");
    // A page says which language it is in.
    let page = read("<html lang='sv-FI'><p>Hej.</p></html>");
    assert_eq!(compare(&config(&[]), &page, None).unwrap().language, Language::Sv);
}

/// As much of `piece` as fills so many bytes.
fn full_of(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

#[test]
fn a_long_text_is_read_once_from_end_to_end() {
    // If the end of each piece were looked for in the whole text, this would take hours.
    for piece in ["](", "[a](b", "\\](", "&", ". "] {
        assert_eq!(PublishedNotice::read(&full_of(piece, 1 << 19)).unwrap_err(), TooManyWords, "{piece}");
    }
    for piece in ["<!--", "<script></", "[`](`)"] {
        assert!(PublishedNotice::read(&full_of(piece, 1 << 19)).is_ok(), "{piece}");
    }
}

#[test]
fn a_text_has_at_most_so_many_words() {
    let config = config(&[]);
    // Words, marks, and those of numbers that are written twice count for what they are compared as.
    for (piece, words) in [("a ", 1), (". ", 1), ("a.\n\n", 2), ("six (6) ", 1)] {
        let most = piece.repeat(WORDS_MAX / words);
        assert!(PublishedNotice::read(&most).is_ok(), "{piece}");
        assert!(PublishedNotice::read(&format!("{most}{piece}")).is_err(), "{piece}");
    }
    // What makes the most of those: beginnings of sentences with holes, none of which ends.
    for start in ["Puhelutallenteita säilytetään", "voivat kuunnella kaikkia tallenteita", "Puhelut"] {
        for mark in [":", ".", ";", ""] {
            let piece = format!("{start}{mark} ");
            let text = piece.repeat(WORDS_MAX / keys(&piece).len());
            let found = compare(&config, &read(&text), Some(Language::Fi)).unwrap();
            assert!(found.differences.len() > 30, "{piece}");
        }
    }
    // A whole notice is far from it.
    let whole = to_markdown(&notice(&config, Language::En));
    assert!(keys(&whole).len() < WORDS_MAX / 5);
}

#[test]
fn links_are_read_as_their_words() {
    for (text, words) in [
        ("a [b c](http://d/e) f", "a b c f"),
        ("[a](b) [c](d) [e](f)", "a c e"),
        ("a [b](c\nd) e", "a [ b ] ( c d ) e"),
        ("a ](b) c", "a ] ( b ) c"),
        ("[a](b](c) d", "[ a ] ( b ] ( c ) d"),
        ("[a] b](c", "[ a ] b ] ( c"),
        ("[ä](é) ö", "ä ö"),
    ] {
        let read = read(text);
        let found: Vec<_> =
            read.blocks.iter().flat_map(|block| &block.words).map(|word| word.key.as_str()).collect();
        assert_eq!(found.join(" "), words, "{text}");
    }
}

#[test]
fn terms_in_words() {
    let of = |form| Language::ALL.map(|language| term(Term::Months(1), form, language));
    assert_eq!(of(WordForm::Plain), ["1 kuukauden", "1 månad", "1 month"]);
    assert_eq!(of(WordForm::Alone), ["1 kuukausi", "1 månad", "1 month"]);
    assert_eq!(of(WordForm::Genitive), ["1 kuukauden", "1 månads", "1 month"]);
    assert_eq!(of(WordForm::Every), ["kuukauden välein", "varje månad", "every month"]);
    let of = |form| Language::ALL.map(|language| term(Term::Years(5), form, language));
    assert_eq!(of(WordForm::Plain), ["5 vuotta", "5 år", "5 years"]);
    assert_eq!(of(WordForm::Genitive), ["5 vuoden", "5 års", "5 years"]);
    assert_eq!(of(WordForm::Every), ["5 vuoden välein", "med 5 års mellanrum", "every 5 years"]);
    let of = |s, form| Language::ALL.map(|language| duration(Duration::from_secs(s), form, language));
    assert_eq!(of(86_400, WordForm::Alone), ["1 vuorokausi", "1 dygn", "1 day"]);
    assert_eq!(
        of(5_400, WordForm::Plain),
        ["1 tunnin 30 minuuttia", "1 timme 30 minuter", "1 hour 30 minutes"]
    );
    assert_eq!(of(0, WordForm::Plain), ["0 sekuntia", "0 sekunder", "0 seconds"]);
    let some = |names: &[&str], others| Services {
        is_all: false,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        others,
    };
    let of = |s: &Services, form| Language::ALL.map(|language| services(s, form, language));
    assert_eq!(of(&some(&["A"], false), WordForm::In), ["palvelussa A", "i tjänsten A", "in the service A"]);
    assert_eq!(
        of(&some(&["A", "B"], false), WordForm::To),
        ["palveluihin A ja B", "till tjänsterna A och B", "to the services A and B"]
    );
    assert_eq!(
        of(&some(&["A"], true), WordForm::Plain),
        ["A ja muut palvelut", "A och övriga tjänster", "A and all other services"]
    );
    assert_eq!(of(&Services { is_all: true, ..some(&["A"], true) }, WordForm::In), ["", "", ""]);
}

proptest! {
    #[test]
    fn any_text_can_be_compared(text in "(\\PC|[<>&;\\[\\]()!\\-./*#\n]|<!--|-->|<p>|</p>|<script>|&amp;|\\]\\(|[a-z]{1,9}){0,60}", n in 0..3_usize) {
        prop_assert!(compare(&config(&[]), &read(&text), Some(Language::ALL[n])).is_some());
    }
}
