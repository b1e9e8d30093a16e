//! Who listened to a recording and who got a copy of it, for the person in it.
//!
//! Drawn from the audit log. Holds, restrictions and searches are left out: a hold may be
//! of an investigation that its subject is not to know of, and so may be a copy handed to the
//! police: whoever sends this leaves such entries out by their numbers.

use super::super::audit::{Action, AuditLog, Entry, Fact, Outcome};
use super::super::keeper::KeeperError;
use crate::archive::index::Row;
use crate::config::Language;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How it is told.
pub(super) struct UsageReport<'a> {
    pub(super) language: Language,
    pub(super) zone: &'a TimeZone,
    /// Names of accounts; without them each is a number.
    pub(super) names: bool,
    /// Numbers of entries that are not told.
    pub(super) leave_out: &'a [u64],
}

/// Words of one language.
struct UsageWords {
    title: &'static str,
    of: &'static str,
    nothing: &'static str,
    seen: &'static str,
    heard: &'static str,
    copied: &'static str,
    recipient: &'static str,
    reason: &'static str,
    basis: &'static str,
    somebody: &'static str,
    seconds: &'static str,
}

const fn words_in(language: Language) -> UsageWords {
    match language {
        Language::Fi => UsageWords {
            title: "Kuka on katsonut tallenteen tietoja, kuunnellut tallennetta tai saanut siitä jäljennöksen",
            of: "Tallenne",
            nothing: "Tallenteen tietoja ei ole katsottu, tallennetta ei ole kuunneltu eikä siitä ole annettu jäljennöstä.",
            seen: "tietoja katsottu",
            heard: "kuunneltu",
            copied: "jäljennös annettu",
            recipient: "saaja",
            reason: "syy",
            basis: "peruste",
            somebody: "työntekijä",
            seconds: "s",
        },
        Language::Sv => UsageWords {
            title: "Vem som har sett inspelningens uppgifter, lyssnat på den eller fått en kopia",
            of: "Inspelning",
            nothing: "Ingen har sett inspelningens uppgifter, lyssnat på den eller fått en kopia.",
            seen: "uppgifter visade",
            heard: "avlyssnad",
            copied: "kopia utlämnad",
            recipient: "mottagare",
            reason: "orsak",
            basis: "grund",
            somebody: "medarbetare",
            seconds: "s",
        },
        Language::En => UsageWords {
            title: "Who looked at the details of the recording, listened to it, or was given a copy",
            of: "Recording",
            nothing: "Nobody has looked at the details of the recording, listened to it or been given a copy.",
            seen: "details seen",
            heard: "listened to",
            copied: "copy handed out",
            recipient: "recipient",
            reason: "reason",
            basis: "legal basis",
            somebody: "employee",
            seconds: "s",
        },
    }
}

impl UsageReport<'_> {
    /// Plain text about each of `rows`.
    pub(super) fn write(&self, log: &AuditLog, rows: &[Row]) -> Result<String, KeeperError> {
        let said = words_in(self.language);
        let mut text = format!("{}\n", said.title);
        let mut people: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            // A String takes everything.
            let _ = writeln!(text, "\n{} {}", said.of, row.id);
            let mut any = false;
            for entry in log.entries_for(row.id)? {
                if let Some(line) = self.line(&said, &entry, &mut people) {
                    let _ = writeln!(text, "{line}");
                    any = true;
                }
            }
            if !any {
                let _ = writeln!(text, "{}", said.nothing);
            }
        }
        Ok(text)
    }

    fn line(&self, said: &UsageWords, entry: &Entry, people: &mut BTreeMap<String, usize>) -> Option<String> {
        if entry.outcome != Outcome::Done || self.leave_out.contains(&entry.seq) {
            return None;
        }
        let what = [(Action::Show, said.seen), (Action::Listen, said.heard), (Action::Export, said.copied)];
        let (_, what) = what.into_iter().find(|(action, _)| entry.action == *action)?;
        let at = self.language.instant(entry.at, self.zone);
        let name = entry.who.name();
        let who = match self.names {
            true => name,
            false => {
                let next = people.len() + 1;
                format!("{} {}", said.somebody, people.entry(name).or_insert(next))
            }
        };
        let mut line = format!("{at}  {who}: {what}");
        let second = |fact| entry.detail.as_ref().and_then(|detail| detail.number(fact));
        if let (Some(from), Some(to)) = (second(Fact::FromS), second(Fact::ToS)) {
            let _ = write!(line, " ({from:.0}-{to:.0} {})", said.seconds);
        }
        for (word, value) in [
            (said.recipient, &entry.why.recipient),
            (said.reason, &entry.why.reason),
            (said.basis, &entry.why.basis),
        ] {
            if let Some(value) = value {
                let _ = write!(line, "; {word}: {value}");
            }
        }
        // Reasons are free text: a line break in one would forge a line.
        Some(line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
}
