//! What the pages say, in Finnish, Swedish and English.

use crate::config::Language;
use axum::http::{HeaderMap, header};
use fluent_bundle::FluentResource;
use fluent_bundle::concurrent::FluentBundle;
use jiff::tz::TimeZone;
use std::sync::OnceLock;

/// In the order of [`Language::ALL`].
const TEXTS: [&str; 3] =
    [include_str!("text/fi.ftl"), include_str!("text/sv.ftl"), include_str!("text/en.ftl")];

type Bundle = FluentBundle<FluentResource>;

fn bundles() -> &'static [Bundle; 3] {
    static BUNDLES: OnceLock<[Bundle; 3]> = OnceLock::new();
    BUNDLES.get_or_init(|| Language::ALL.map(|l| bundle(l.code(), TEXTS[l as usize])))
}

fn bundle(code: &str, text: &str) -> Bundle {
    let mut bundle = Bundle::new_concurrent(code.parse().into_iter().collect());
    bundle.set_use_isolating(false);
    // What cannot be read is left out; a test sees that nothing is.
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
    let _ = bundle.add_resource(resource);
    bundle
}

impl Language {
    /// The one to use: as asked for, as the account chose, as the browser prefers, the first there is.
    pub fn choose(
        asked: Option<&str>,
        own: Option<Language>,
        headers: &HeaderMap,
        there: &[Language],
    ) -> Language {
        let known = |code: &str| Language::from_code(code);
        let accepted =
            headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        // Browsers send them in the order they are preferred.
        let accepted = accepted.split(',').filter_map(|item| known(item.trim().get(..2)?));
        let mut wanted = asked.and_then(known).into_iter().chain(own).chain(accepted);
        let offered = wanted.find(|language| there.contains(language));
        offered.or(there.first().copied()).unwrap_or_default()
    }

    /// What is said under `key`.
    pub fn say(self, key: &str) -> String {
        let bundle = &bundles()[self as usize];
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        match pattern {
            Some(pattern) => bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned(),
            None => key.to_owned(),
        }
    }

    /// Whether there is something under `key`.
    pub fn has(self, key: &str) -> bool {
        bundles()[self as usize].has_message(key)
    }

    /// An RFC 3339 instant as day and time; what is none comes back as it is.
    pub fn instant_in(self, text: &str, zone: &TimeZone) -> String {
        match crate::store::sidecar::parse_rfc3339(text) {
            Some(at) => self.instant(at, zone),
            None => text.to_owned(),
        }
    }
}

/// `1:05`, `1:00:05`.
pub fn length(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    let (h, m, s) = (s / 3_600, s / 60 % 60, s % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::assurance::{AssuranceBucket, AssuranceReason};
    use crate::tape::FaultKind;
    use crate::web::query::flags;
    use std::collections::BTreeSet;

    fn keys(text: &str) -> BTreeSet<&str> {
        text.lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.split_once(" = "))
            .map(|(k, _)| k)
            .collect()
    }

    #[test]
    fn the_three_say_the_same_things_and_all_that_pages_ask_for() {
        let english = keys(TEXTS[Language::En as usize]);
        for (lang, text) in Language::ALL.into_iter().zip(TEXTS) {
            let code = lang.code();
            assert_eq!(keys(text), english, "{code}");
            assert_eq!(keys(text).len(), text.lines().count() - 1, "{code}: nothing said twice");
            for key in &english {
                assert!(lang.has(key), "{code}: {key} cannot be read");
            }
        }
        let pages = [
            include_str!("frame.rs"),
            include_str!("search_page.rs"),
            include_str!("one_recording.rs"),
            include_str!("desks.rs"),
            include_str!("door.rs"),
            include_str!("provider.rs"),
            include_str!("numbers_page.rs"),
            include_str!("dsar_page.rs"),
            include_str!("training_page.rs"),
        ];
        for page in pages {
            for piece in page.split("say(\"").skip(1) {
                let key = piece.split('"').next().unwrap();
                assert!(english.contains(key), "{key} is said nowhere");
            }
        }
        let faults = FaultKind::ALL.map(|kind| format!("mark-{}", kind.name()));
        let events = ["hold", "resume", "dtmf", "codec", "pause", "intruder", "no_announcement"];
        let reasons = AssuranceReason::ALL.iter().map(|reason| format!("why-{}", reason.name()));
        let buckets = AssuranceBucket::ALL.map(|bucket| format!("assured-{}", bucket.name()));
        let words = faults.into_iter().chain(events.map(|kind| format!("mark-{kind}"))).chain(buckets);
        for key in words.chain(reasons).chain(flags().map(|flag| flag.name().to_owned())) {
            assert!(english.contains(key.as_str()), "{key} is said nowhere");
        }
    }

    #[test]
    fn who_reads_what() {
        let there = [Language::Fi, Language::Sv];
        let choose = |asked, own, accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            Language::choose(asked, own, &headers, &there).code()
        };
        assert_eq!(choose(None, None, "sv-FI,sv;q=0.9,fi;q=0.8"), "sv");
        assert_eq!(choose(None, Some(Language::Fi), "sv"), "fi");
        assert_eq!(choose(Some("sv"), Some(Language::Fi), ""), "sv");
        assert_eq!(choose(Some("en"), None, "en-GB,de"), "fi", "not offered here");
        assert_eq!(choose(None, Some(Language::En), "sv"), "sv", "no longer offered here");
        assert_eq!(choose(Some("x"), None, "*;q=1,ä"), "fi");
    }

    #[test]
    fn times_as_each_writes_them() {
        let at = crate::store::sidecar::parse_rfc3339("2026-11-03T08:05:09Z").unwrap();
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let want = ["3.11.2026 klo 10.05.09", "3.11.2026 kl. 10.05.09", "3 November 2026 10:05:09"];
        assert_eq!(Language::ALL.map(|lang| lang.instant(at, &zone)), want);
        assert_eq!([0.4, 65.0, 3_605.2].map(length), ["0:00", "1:05", "1:00:05"]);
        assert_eq!(Language::Fi.instant_in("soon", &zone), "soon");
    }
}
