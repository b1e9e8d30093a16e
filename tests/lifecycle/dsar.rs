//! Requests of data subjects, by command: from the day one comes to the day its name goes.

use crate::lifecycle::office::Office;
use nauhuri::custody::dsar::{BOOK, WaitingRequests};
use nauhuri::custody::expire::SweepOptions;
use nauhuri::custody::wall_clock::{Reading, Sync};
use nauhuri::time::{NS_PER_S, Timestamp};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

const NAME: &str = "Aino Rekisteröity";
const STREET: &str = "Salainenkatu 7";
const PERSON: &str = "Aino Rekisteröity\nSalainenkatu 7\n00100 Helsinki\n";
const NUMBER: &str = "+358 40 765 4321";

fn office() -> Office {
    let office = Office::new();
    let path = office.store.outside().join("nauhuri.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("[retention]\n", "[retention]\nguard = 0\n");
    let more = "[controller]\nname = \"Mallilan kaupunki\"\naddress = [\"Kirjaamo\", \"PL 1, 00099 Mallila\"]\n\
        contact = \"kirjaamo@mallila.example\"\nofficer = \"tietosuoja@mallila.example\"\n\
        [numbers]\ncountry = \"358\"\nnational_prefix = \"0\"\n";
    std::fs::write(&path, text + more).unwrap();
    office
}

/// Days from today, as the commands write them.
fn date(days: i64) -> String {
    use jiff::ToSpan;
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    today.saturating_add(days.days()).to_string()
}

fn takes(office: &Office, args: &[&str], person: &str) -> (i32, String) {
    let all = [&["dsar", "add"], args].concat();
    let mut command = office.command(&all);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(person.as_bytes());
    let out = child.wait_with_output().unwrap();
    let text = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
    (out.status.code().unwrap(), text)
}

fn take(office: &Office, right: &str, received: &str, more: &[&str]) -> String {
    let base = ["--right", right, "--received", received, "--channel", "letter", "--ref", "17/2026"];
    let (status, said) = takes(office, &[&base[..], more].concat(), PERSON);
    assert_eq!(status, 0, "{said}");
    said.split(' ').next().unwrap().to_owned()
}

fn actions(office: &Office) -> Vec<String> {
    let entries = office.store.audit().entries().unwrap();
    entries.map(|e| format!("{} {}", e.action, e.outcome)).collect()
}

#[test]
fn access_from_the_letter_to_the_copy() {
    let office = office();
    let id = office.record(1, -20, 100);
    let heard = office.json(&["show", &id, "--json"]);
    assert_eq!(heard["id"], id.as_str());
    let n = take(&office, "access", &date(-3), &["--own-number", NUMBER, "--ask-identity", &id]);
    let shown = office.json(&["dsar", "show", &n, "--json"]);
    assert_eq!((&shown["state"], &shown["name"]), (&"open".into(), &NAME.into()));
    assert_eq!((&shown["identity_asked"], &shown["recordings"][0]), (&date(0).into(), &id.as_str().into()));
    let receipt = office.ends(0, &["dsar", "letter", &n, "--kind", "receipt"]).replace('\n', " ");
    for part in ["Mallilan kaupunki", NAME, STREET, "17/2026", "henkilöllisyyttänne", "15 artikla"] {
        assert!(receipt.contains(part), "{part}: {receipt}");
    }
    let to = office.store.outside().join("out");
    let copy = ["dsar", "copy", &n, "--to", to.to_str().unwrap()];
    assert!(office.ends(1, &copy).contains("identity"), "nobody knows who asks");
    office.ends(0, &["dsar", "change", &n, "--identity", "passport at the desk"]);
    let said = office.ends(0, &[&copy[..], &["--silence", "agent", "--without-names"]].concat());
    let path = said.lines().next().unwrap().split(": ").nth(1).unwrap().to_owned();
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let mut read = |suffix: &str| {
        let name = zip.file_names().map(|n| n.unwrap().into_owned()).find(|n| n.ends_with(suffix)).unwrap();
        let mut bytes = Vec::new();
        zip.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let usage = String::from_utf8(read("usage.txt")).unwrap();
    assert!(usage.contains("tietoja katsottu") && usage.contains("työntekijä 1"), "{usage}");
    let manifest: serde_json::Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    assert_eq!(manifest["files"][0]["name"], "usage.txt");
    let stem = manifest["recordings"][0]["files"][0]["name"].as_str().unwrap().replace(".wav", ".txt");
    let text = String::from_utf8(read(&stem)).unwrap();
    assert!(text.contains("Puhelun tallenne") && text.contains("Työntekijä on vaimennettu"), "{text}");
    let wav = read(".wav");
    assert!(!wav.is_empty());
    // Decided, answered; the letter says so.
    assert!(office.ends(1, &["dsar", "letter", &n, "--kind", "answer"]).contains("nothing of that kind"));
    office.ends(0, &["dsar", "decide", &n, "--outcome", "granted"]);
    assert!(office.ends(1, &["dsar", "decide", &n, "--outcome", "granted"]).contains("decided already"));
    assert!(office.ends(0, &["dsar", "letter", &n, "--kind", "answer"]).contains("jäljennöksen"));
    let shown = office.json(&["dsar", "show", &n, "--json"]);
    assert_eq!((&shown["state"], &shown["decided"]["outcome"]), (&"decided".into(), &"granted".into()));
    assert!(shown["copied"].is_string());
    // Asked again, with the number written in another way: counted, though only a keyed hash is there.
    let again = ["--right", "access", "--received", &date(0), "--channel", "phone", "--ref", "18/2026"];
    let again = [&again[..], &["--own-number", "0407654321"]].concat();
    let (_, said) = takes(&office, &again, "Somebody Else\n");
    assert!(said.contains("1 of the same person"), "{said}");
    for needle in ["7654321", "765 4321"] {
        assert!(office.store.holding(needle.as_bytes()).is_empty(), "{needle} is nowhere");
    }
    // The log knows what was done and of nobody's name.
    let log = std::fs::read_to_string(office.store.state().join("audit.jsonl")).unwrap();
    assert!(!log.contains("Aino") && !log.contains(STREET) && !log.contains("passport"), "{log}");
    let told = actions(&office);
    for action in ["dsar_add", "dsar_show", "dsar_change", "dsar_decide", "export"] {
        assert!(told.contains(&format!("{action} done")), "{action}: {told:?}");
    }
    for file in [BOOK, "dsar.key"] {
        let mode = std::fs::metadata(office.store.state().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    office.store.assert_sound(Timestamp::from_jiff(jiff::Timestamp::now()), "after all");
}

#[test]
fn a_month_and_two_more() {
    let office = office();
    let n = take(&office, "rectify", &date(-10), &["--language", "sv"]);
    let late = take(&office, "access", &date(-40), &[]);
    let extend = |n: &str, months: &str, status| {
        office.ends(status, &["dsar", "extend", n, "--months", months, "--why", "Många samtal."])
    };
    assert!(extend(&late, "1", 1).contains("last day is over"));
    extend(&n, "1", 0);
    assert!(extend(&n, "1", 1).contains("extended so far already"));
    extend(&n, "2", 0);
    extend(&n, "3", 2);
    let list = office.json(&["dsar", "list", "--json"]);
    assert_eq!(list[0]["n"].to_string(), late, "the one that is due first, first");
    assert!(list[0]["days_left"].as_i64().unwrap() < 0);
    assert_eq!(list[1]["extended"]["months"], 2);
    let letter = office.ends(0, &["dsar", "letter", &n, "--kind", "extension"]);
    assert!(letter.contains("Många samtal.") && letter.contains("artikel 12.3"), "{letter}");
    let now = Timestamp::from_jiff(jiff::Timestamp::now());
    let of = || {
        let keeper = office.store.keeper();
        WaitingRequests::of(&office.store.state(), keeper.index(), &jiff::tz::TimeZone::UTC, now).unwrap()
    };
    let waiting = of();
    assert_eq!((waiting.open, waiting.overdue, waiting.deferred), ([1, 1, 0, 0, 0], 1, 0));
    assert_eq!(waiting.next.map(|day| day.to_string()), list[0]["due"].as_str().map(str::to_owned));
    // What makes no sense is a wrong command line.
    for (more, want) in [
        (["--right", "access", "--received", &date(2)], "future"),
        (["--right", "copy", "--received", &date(0)], "copy"),
    ] {
        let (status, said) =
            takes(&office, &[&more[..], &["--channel", "email", "--ref", "1"]].concat(), PERSON);
        assert_eq!((status, said.contains(want)), (2, true), "{said}");
    }
    let plain = ["--right", "access", "--received", &date(0), "--channel", "email", "--ref", "1"];
    assert_eq!(takes(&office, &plain, "").0, 2, "nobody asks");
    assert_eq!(office.ends(1, &["dsar", "show", "99"]).trim(), "nauhuri: there is no request 99");
}

#[test]
fn erased_refused_or_put_off_until_the_hold_ends() {
    let office = office();
    let [free, held, kept] = [1, 2, 3].map(|n| office.record(n, -20, 100));
    office.ends(0, &["hold", &held, "--reason", "crime", "--ref", "A"]);
    let identity = ["--identity", "strong identification"];
    let of = |id: &str| take(&office, "erase", &date(-2), &[&identity[..], &[id]].concat());
    let (one, two, three) = (of(&free), of(&held), of(&kept));
    assert!(office.ends(1, &["dsar", "decide", &one, "--outcome", "granted"]).contains("--yes"));
    office.ends(0, &["dsar", "decide", &one, "--outcome", "granted", "--yes"]);
    assert!(office.row(&free).is_none(), "erased");
    // A hold wins.
    let yes = ["dsar", "decide", &two, "--outcome", "granted", "--yes"];
    assert!(office.ends(1, &yes).contains("a hold keeps a recording"));
    assert!(office.row(&held).is_some());
    assert_eq!(office.json(&["dsar", "show", &two, "--json"])["state"], "open", "nothing is decided");
    office.ends(2, &["dsar", "decide", &two, "--outcome", "deferred"]);
    let deferred = ["dsar", "decide", &two, "--outcome", "deferred", "--ground", "GDPR Art. 17(3)(e)"];
    office.ends(0, &deferred);
    let state = || office.json(&["dsar", "show", &two, "--json"])["state"].clone();
    assert_eq!(state(), "deferred");
    assert!(office.ends(0, &["dsar", "letter", &two, "--kind", "refusal"]).contains("uudelleen"));
    // The hold ends: it waits again, whoever released it was told of it.
    let said = office.ends(0, &["release", &held, "--ref", "A"]);
    assert!(said.contains("erase") || said.contains("erasure"), "{said}");
    assert_eq!(state(), "resumed");
    assert_eq!(office.json(&["dsar", "list", "--json"]).as_array().unwrap().len(), 2);
    office.ends(0, &yes);
    assert!(office.row(&held).is_none());
    // Refused on a ground, with a certificate and the way to complain.
    office.ends(2, &["dsar", "decide", &three, "--outcome", "refused"]);
    let refused = ["dsar", "decide", &three, "--outcome", "refused", "--ground", "GDPR Art. 17(3)(b)"];
    office.ends(0, &[&refused[..], &["--why", "Säilytysaika on laissa."]].concat());
    assert!(office.row(&kept).is_some());
    for kind in ["refusal", "certificate"] {
        let letter = office.ends(0, &["dsar", "letter", &three, "--kind", kind]);
        for part in ["GDPR Art. 17(3)(b)", "Säilytysaika on laissa.", "Tietosuojavaltuutetun toimisto"] {
            assert!(letter.contains(part), "{part}: {letter}");
        }
    }
    assert!(actions(&office).contains(&"erase refused".into()));
    // Restricted under its case.
    let four = take(&office, "restrict", &date(-1), &[&identity[..], &[&kept]].concat());
    office.ends(0, &["dsar", "decide", &four, "--outcome", "granted"]);
    assert!(office.row(&kept).unwrap().restricted);
    office.ends(0, &["unrestrict", &kept, "--ref", "17/2026"]);
}

#[test]
fn a_name_goes_when_its_time_is_over() {
    let office = office();
    let n = take(&office, "object", &date(-5), &["--identity", "known", "--own-number", NUMBER]);
    let open = take(&office, "access", &date(-5), &[]);
    office.ends(0, &["dsar", "decide", &n, "--outcome", "refused", "--ground", "GDPR Art. 21(1)"]);
    assert!(!office.store.holding(STREET.as_bytes()).is_empty());
    let sweep = |days: i64| {
        let now = Timestamp::from_jiff(jiff::Timestamp::now()).offset_ns(days * 86_400 * NS_PER_S);
        let config: nauhuri::config::Config = nauhuri::config::Config::default();
        let reading =
            Reading { wall: now, uptime_ns: days * 86_400 * NS_PER_S, boot: "a".into(), sync: Sync::Yes };
        let options = SweepOptions { ignore_clock: true, ..SweepOptions::of(&config, now) };
        let swept = office.store.keeper().sweep(&crate::lifecycle::kaisa(), &reading, &options).unwrap();
        assert!(swept.troubles.is_empty(), "{:?}", swept.troubles);
        swept.dsar_pruned
    };
    assert_eq!((sweep(364), sweep(367), sweep(368)), (0, 1, 0));
    let shown = office.json(&["dsar", "show", &n, "--json"]);
    assert!(shown["name"].is_null() && shown["address"].is_null() && shown["identity"]["how"].is_null());
    assert_eq!(shown["decided"]["ground"], "GDPR Art. 21(1)", "what was decided stays");
    assert!(office.ends(1, &["dsar", "letter", &n, "--kind", "refusal"]).contains("kept no longer"));
    assert_eq!(office.json(&["dsar", "show", &open, "--json"])["name"], NAME, "what is open is waited for");
    assert!(actions(&office).contains(&"dsar_prune done".into()));
}
