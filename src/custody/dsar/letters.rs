//! Letters to whoever asked: that the request came, that it takes longer, what became of it, why
//! not and how to complain (GDPR Art. 12(3) and (4)), and the certificate of refusal.
//!
//! Made to be printed. A letter holds name and address, so nothing of it is kept.

mod texts;

use super::subject::{RequestOutcome, SubjectRequest};
use crate::config::Controller;
use crate::config::Language;
use crate::pii::Pii;
use crate::store::calendar::local_date;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt::Write as _;
use texts::{LetterTexts, texts};

/// Characters of a line of plain text.
const WIDTH: usize = 78;

/// Which letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LetterKind {
    /// The request came.
    Receipt,
    /// It takes longer, and why.
    Extension,
    /// What was done.
    Answer,
    /// What was not done, why, and how to complain.
    Refusal,
    /// The certificate of a refusal.
    Certificate,
}

impl LetterKind {
    /// All of them.
    pub const ALL: [LetterKind; 5] = [
        LetterKind::Receipt,
        LetterKind::Extension,
        LetterKind::Answer,
        LetterKind::Refusal,
        LetterKind::Certificate,
    ];

    /// As commands and addresses write it.
    pub const fn name(self) -> &'static str {
        match self {
            LetterKind::Receipt => "receipt",
            LetterKind::Extension => "extension",
            LetterKind::Answer => "answer",
            LetterKind::Refusal => "refusal",
            LetterKind::Certificate => "certificate",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<LetterKind> {
        LetterKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether there is something of the kind to write about a request.
    pub fn fits(self, request: &SubjectRequest) -> bool {
        let outcome = request.decided.as_ref().map(|decided| decided.outcome);
        match self {
            LetterKind::Receipt => true,
            LetterKind::Extension => request.extended.is_some(),
            LetterKind::Answer => matches!(outcome, Some(RequestOutcome::Granted | RequestOutcome::Partly)),
            LetterKind::Refusal => outcome.is_some_and(|outcome| outcome != RequestOutcome::Granted),
            LetterKind::Certificate => {
                matches!(outcome, Some(RequestOutcome::Refused | RequestOutcome::Partly))
            }
        }
    }
}

/// A letter, whole.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its language.
    pub language: Language,
    /// Who writes, line by line.
    pub sender: Vec<String>,
    /// To whom, line by line.
    pub recipient: Pii<Vec<String>>,
    /// Of which day.
    pub date: String,
    /// What it is.
    pub title: &'static str,
    /// The case.
    pub case: String,
    /// What it says.
    pub paragraphs: Pii<Vec<String>>,
    /// Below it.
    pub closing: Vec<String>,
}

impl Letter {
    pub(super) fn write(
        request: &SubjectRequest,
        kind: LetterKind,
        controller: &Controller,
        today: Date,
        zone: &TimeZone,
    ) -> Letter {
        let t = texts(request.language);
        let filler = Filler::new(request, t, controller, zone);
        let [receipt, extension, answer, refusal, certificate] = t.titles;
        let (title, templates) = match kind {
            LetterKind::Receipt => (receipt, of_receipt(t, request)),
            LetterKind::Extension => (extension, t.extension.to_vec()),
            LetterKind::Answer => (answer, of_answer(t, request)),
            LetterKind::Refusal => (refusal, of_refusal(t, request)),
            LetterKind::Certificate => (certificate, of_certificate(t, request)),
        };
        let fill = |template: &str| filler.fill(template);
        let below = [(t.contact, &controller.contact), (t.officer, &controller.officer)];
        let below = below.into_iter().filter(|(_, value)| !value.is_empty()).map(|(line, _)| fill(line));
        let lines = |text: &Option<Pii<String>>| -> Vec<String> {
            let text = text.as_ref().map_or("", Pii::as_str);
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
        };
        Letter {
            language: request.language,
            sender: [&[controller.name.clone()][..], &controller.address].concat(),
            recipient: Pii::new([lines(&request.name), lines(&request.address)].concat()),
            date: request.language.day(today),
            title,
            case: format!("{}: {}", t.case, request.case),
            paragraphs: Pii::new(templates.into_iter().map(fill).collect()),
            closing: std::iter::once(controller.name.clone()).chain(below).collect(),
        }
    }

    /// Plain text, to be printed.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut block = |lines: &[String]| {
            for line in lines {
                let _ = writeln!(text, "{}", printable(line));
            }
            text.push('\n');
        };
        block(&self.sender);
        block(std::slice::from_ref(&self.date));
        block(self.recipient.expose());
        block(&[self.title.to_owned(), self.case.clone()]);
        for paragraph in self.paragraphs.expose() {
            block(&wrapped(paragraph));
        }
        block(&self.closing);
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

fn of_receipt(t: &LetterTexts, request: &SubjectRequest) -> Vec<&'static str> {
    let [came, due, free] = t.receipt;
    match request.identity {
        Some(_) => vec![came, due, free],
        None => vec![came, t.identity, due, free],
    }
}

fn of_answer(t: &LetterTexts, request: &SubjectRequest) -> Vec<&'static str> {
    let mut all = vec![t.came];
    let is_partly = request.decided.as_ref().is_some_and(|d| d.outcome == RequestOutcome::Partly);
    all.extend(is_partly.then_some(t.partly));
    all.push(t.granted[request.right as usize]);
    if is_partly {
        all.push(t.ground);
    }
    all.extend(has_reasons(request).then_some(t.why));
    if is_partly {
        all.extend(t.complain);
    }
    all
}

fn of_refusal(t: &LetterTexts, request: &SubjectRequest) -> Vec<&'static str> {
    let said = match request.decided.as_ref().map(|decided| decided.outcome) {
        Some(RequestOutcome::Partly) => t.partly,
        Some(RequestOutcome::Deferred) => t.deferred,
        Some(RequestOutcome::Refused | RequestOutcome::Granted) | None => t.refused,
    };
    let mut all = vec![t.came, said, t.ground];
    all.extend(has_reasons(request).then_some(t.why));
    all.extend(t.complain);
    all
}

fn of_certificate(t: &LetterTexts, request: &SubjectRequest) -> Vec<&'static str> {
    let is_partly = request.decided.as_ref().is_some_and(|d| d.outcome == RequestOutcome::Partly);
    let [whole, decided] = t.certificate;
    let mut all = vec![if is_partly { t.certificate_partly } else { whole }, decided, t.ground];
    all.extend(has_reasons(request).then_some(t.why));
    all.extend(t.complain);
    all
}

fn has_reasons(request: &SubjectRequest) -> bool {
    request.decided.as_ref().is_some_and(|decided| decided.why.is_some())
}

/// What is filled in.
struct Filler(Vec<(&'static str, String)>);

impl Filler {
    fn new(request: &SubjectRequest, t: &LetterTexts, controller: &Controller, zone: &TimeZone) -> Filler {
        let day = |day: Date| request.language.day(day);
        let text = |text: Option<&Pii<String>>| text.map_or(String::new(), |text| text.as_str().to_owned());
        let decided = request.decided.as_ref();
        let extended = request.extended.as_ref().and_then(|extended| extended.why.as_ref());
        Filler(vec![
            ("received", day(request.received)),
            ("due", day(request.due)),
            ("right", t.rights[request.right as usize].to_owned()),
            ("why", text(decided.and_then(|d| d.why.as_ref()))),
            ("longer", text(extended)),
            ("ground", decided.and_then(|d| d.ground.clone()).unwrap_or_default()),
            ("decided", decided.map(|d| day(local_date(d.at, zone))).unwrap_or_default()),
            ("name", text(request.name.as_ref())),
            ("controller", controller.name.clone()),
            ("contact", controller.contact.clone()),
            ("officer", controller.officer.clone()),
        ])
    }

    /// Fills in once: what stands in a value stays as it is.
    fn fill(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let (word, after) = behind.split_once('}').unwrap_or((behind, ""));
            let value = self.0.iter().find(|(known, _)| *known == word);
            out.push_str(value.map_or("", |(_, value)| value));
            rest = after;
        }
        out + rest
    }
}

/// Nothing that moves the cursor of a terminal.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A paragraph in lines.
fn wrapped(paragraph: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let line = lines.last_mut();
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::subject::{ContactChannel, Decided, Extended, SubjectRight};
    use super::*;
    use crate::time::Timestamp;

    fn request(language: Language, right: SubjectRight, outcome: RequestOutcome) -> SubjectRequest {
        let at = Timestamp::parse_rfc3339("2026-11-29T22:30:00Z").unwrap();
        let day = |text: &str| text.parse().unwrap();
        SubjectRequest {
            n: 4,
            right,
            received: day("2026-11-23"),
            channel: ContactChannel::Letter,
            case: "17/2026".into(),
            language,
            // What looks like a place to be filled in stays as it is.
            name: Some("Aino {ground}".into()),
            address: Some("Street 7\n\n00100 Helsinki".into()),
            identity_asked: None,
            identity: None,
            due: day("2026-12-23"),
            extended: Some(Extended { months: 1, why: Some("many calls".into()), by: "kaisa".into(), at }),
            decided: Some(Decided {
                outcome,
                ground: Some("GDPR Art. 17(3)(b)".into()),
                why: Some("the law".into()),
                by: "kaisa".into(),
                at,
            }),
            copied: None,
            by: "kaisa".into(),
            recordings: Vec::new(),
            prior: 0,
        }
    }

    #[test]
    fn every_letter_is_whole_in_every_language() {
        let controller = Controller {
            name: "Town".into(),
            address: vec!["Box 1".into()],
            contact: "registry".into(),
            officer: "officer".into(),
        };
        let zone = TimeZone::get("Europe/Helsinki").unwrap();
        let today = "2026-11-30".parse().unwrap();
        for language in Language::ALL {
            for right in SubjectRight::ALL {
                for outcome in [RequestOutcome::Partly, RequestOutcome::Refused, RequestOutcome::Deferred] {
                    let request = request(language, *right, outcome);
                    for kind in LetterKind::ALL.into_iter().filter(|kind| kind.fits(&request)) {
                        let text = Letter::write(&request, kind, &controller, today, &zone).to_text();
                        let what = format!("{language:?} {right:?} {outcome:?} {kind:?}: {text}");
                        for part in
                            ["Town", "Box 1", "Aino {ground}", "00100 Helsinki", "17/2026", "registry"]
                        {
                            assert!(text.contains(part), "{part}: {what}");
                        }
                        assert_eq!(
                            text.matches('{').count(),
                            1 + usize::from(kind == LetterKind::Certificate),
                            "{what}"
                        );
                        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{what}");
                        assert!(!text.contains("\n\n\n") && text.ends_with("officer\n"), "{what}");
                        let complains = text.contains("tietosuoja@om.fi");
                        let is_no = matches!(kind, LetterKind::Refusal | LetterKind::Certificate)
                            || kind == LetterKind::Answer && outcome == RequestOutcome::Partly;
                        assert_eq!(complains, is_no, "{what}");
                        assert_eq!(text.contains("GDPR Art. 17(3)(b)"), is_no, "{what}");
                        assert_eq!(text.contains("many calls"), kind == LetterKind::Extension, "{what}");
                    }
                }
            }
        }
        let certificate = request(Language::Fi, SubjectRight::Erase, RequestOutcome::Refused);
        let text = Letter::write(&certificate, LetterKind::Certificate, &controller, today, &zone).to_text();
        assert!(text.contains("ratkaistu 30.11.2026"), "on the calendar of the office: {text}");
    }
}
