//! A notice as Markdown and as a page of HTML that needs nothing else and prints.
//!
//! Beside each sentence stands a comment that readers do not see: its id, and the promises it keeps.

use super::privacy_notice::{Portion, PrivacyNotice, Statement};
use super::sentence::{Chapter, NoticePart};
use crate::config::Language;
use crate::html::escaped;
use std::fmt::Write as _;

/// The looks of the page.
const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 44rem; padding: 1.5rem 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2rem 0 .5rem; }
section.part { border-top: 2px solid; margin-top: 3rem; }
p, ul, blockquote { margin: .5rem 0; }
ul { padding-left: 1.3rem; }
li { margin: .25rem 0; }
blockquote { border-left: 4px solid #888; padding-left: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #888; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { font-weight: 600; width: 32%; }
td p { margin: 0 0 .3rem; }
mark { background: #ffe58a; color: #222; }
@page { margin: 20mm; }
@media print {
  :root { color-scheme: light; }
  body { font-size: 10.5pt; max-width: none; padding: 0; }
  h1, h2 { break-after: avoid; }
  li, tr, blockquote { break-inside: avoid; }
  section.part { border-top: 0; break-before: page; margin-top: 0; }
}
";

/// The notice as Markdown.
pub fn to_markdown(notice: &PrivacyNotice) -> String {
    let language = notice.language;
    let mut out = format!("# {}\n", title(language));
    let mut part = NoticePart::Notice;
    for (chapter, statements) in notice.chapters() {
        if chapter.part() != part {
            part = chapter.part();
            let _ = write!(out, "\n## {}\n", part_heading(part, language));
        }
        let mark = match part {
            NoticePart::Notice => "##",
            NoticePart::Announcement | NoticePart::Entry => "###",
        };
        if chapter != Chapter::Announcement {
            let _ = write!(out, "\n{mark} {}\n", heading(chapter, language));
        }
        out.push('\n');
        for statement in statements {
            let text: String = statement.fragments.iter().map(in_markdown).collect();
            let bullet = if is_list(chapter) { "- " } else { "" };
            // Each announcement is a paragraph.
            let between = if chapter == Chapter::Announcement && !out.ends_with("\n\n") { "\n" } else { "" };
            let _ = writeln!(out, "{between}{bullet}{text} {}", comment(statement));
        }
    }
    out
}

/// The notice as a page.
pub fn to_html(notice: &PrivacyNotice) -> String {
    let language = notice.language;
    let (code, title) = (language.code(), title(language));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    let mut part = NoticePart::Notice;
    for (chapter, statements) in notice.chapters() {
        if chapter.part() != part {
            close(part, &mut out);
            part = chapter.part();
            let _ = write!(out, "<section class=\"part\">\n<h2>{}</h2>\n", part_heading(part, language));
            out.push_str(if part == NoticePart::Entry { "<table>\n" } else { "" });
        }
        chapter_in_html(chapter, statements, language, &mut out);
    }
    close(part, &mut out);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn close(part: NoticePart, out: &mut String) {
    out.push_str(match part {
        NoticePart::Notice => "",
        NoticePart::Announcement => "</section>\n",
        NoticePart::Entry => "</table>\n</section>\n",
    });
}

fn chapter_in_html(chapter: Chapter, statements: &[Statement], language: Language, out: &mut String) {
    let [open, close] = match (chapter.part(), is_list(chapter)) {
        (NoticePart::Entry, _) => ["<p>", "</p>"],
        (NoticePart::Announcement, _) => ["<blockquote>", "</blockquote>"],
        (NoticePart::Notice, true) => ["<li>", "</li>"],
        (NoticePart::Notice, false) => ["", ""],
    };
    let lines: String = statements
        .iter()
        .map(|statement| {
            let text: String = statement.fragments.iter().map(in_html).collect();
            format!("{open}{text} {}{close}\n", comment(statement))
        })
        .collect();
    let heading = escaped(heading(chapter, language));
    let _ = match (chapter.part(), is_list(chapter)) {
        (NoticePart::Entry, _) => {
            write!(out, "<tr>\n<th scope=\"row\">{heading}</th>\n<td>\n{lines}</td>\n</tr>\n")
        }
        (NoticePart::Announcement, _) => write!(out, "{lines}"),
        (NoticePart::Notice, true) => write!(out, "<h2>{heading}</h2>\n<ul>\n{lines}</ul>\n"),
        (NoticePart::Notice, false) => write!(out, "<h2>{heading}</h2>\n<p>\n{lines}</p>\n"),
    };
}

/// The id and the promises, for whoever reads the source.
fn comment(statement: &Statement) -> String {
    let words = [statement.sentence.id].into_iter().chain(statement.sentence.promises.iter().copied());
    format!("<!-- {} -->", words.collect::<Vec<_>>().join(" "))
}

fn in_markdown(fragment: &Portion) -> String {
    let Portion::Value(_, text) = fragment else { return fragment.text().to_owned() };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]<>#|&~!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn in_html(fragment: &Portion) -> String {
    match fragment {
        Portion::Words(text) | Portion::Value(_, text) => escaped(text),
        Portion::Open(_, text) => format!("<mark>{}</mark>", escaped(text)),
    }
}

/// Whether its sentences stand one below the other.
const fn is_list(chapter: Chapter) -> bool {
    !matches!(chapter, Chapter::Controller | Chapter::Recorded | Chapter::Given | Chapter::Announcement)
}

const fn title(language: Language) -> &'static str {
    [
        "Tietosuojaseloste: puhelujen tallentaminen",
        "Dataskyddsbeskrivning: inspelning av samtal",
        "Privacy notice: recording of calls",
    ][language as usize]
}

const fn part_heading(part: NoticePart, language: Language) -> &'static str {
    let words = match part {
        NoticePart::Notice => return title(language),
        NoticePart::Announcement => ["Tiedotteen teksti", "Meddelandets text", "Text of the announcement"],
        NoticePart::Entry => [
            "Seloste käsittelytoimista (EU:n yleisen tietosuoja-asetuksen 30 artiklan 1 kohta)",
            "Register över behandling (artikel 30.1 i EU:s allmänna dataskyddsförordning)",
            "Record of processing activities (Article 30(1) of the General Data Protection Regulation)",
        ],
    };
    words[language as usize]
}

const fn heading(chapter: Chapter, language: Language) -> &'static str {
    let words = match chapter {
        Chapter::Controller => ["Rekisterinpitäjä", "Personuppgiftsansvarig", "Controller"],
        Chapter::Recorded => ["Mitä tallennetaan", "Vad som spelas in", "What is recorded"],
        Chapter::Times => [
            "Milloin tallennus alkaa ja päättyy",
            "När inspelningen börjar och slutar",
            "When recording starts and ends",
        ],
        Chapter::Purpose => [
            "Käsittelyn tarkoitus ja oikeusperuste",
            "Behandlingens ändamål och rättsliga grund",
            "Purpose and legal basis",
        ],
        Chapter::Data => ["Mitä tietoja tallennetaan", "Vilka uppgifter som sparas", "Which data is stored"],
        Chapter::Kept => [
            "Kuinka kauan tietoja säilytetään ja miten ne poistetaan",
            "Hur länge uppgifterna bevaras och hur de raderas",
            "How long data is kept and how it is deleted",
        ],
        Chapter::Heard => ["Kuka saa kuunnella tallenteita", "Vem som får lyssna", "Who may listen"],
        Chapter::Given => ["Tietojen luovuttaminen", "Utlämnande av uppgifter", "Disclosure of data"],
        Chapter::Guarded => ["Miten tiedot suojataan", "Hur uppgifterna skyddas", "How data is protected"],
        Chapter::Rights => {
            ["Rekisteröidyn oikeudet", "Den registrerades rättigheter", "Rights of data subjects"]
        }
        Chapter::Announcement => ["Tiedote", "Meddelande", "Announcement"],
        Chapter::EntryController => ["a) Rekisterinpitäjä", "a) Personuppgiftsansvarig", "(a) Controller"],
        Chapter::EntryPurposes => {
            ["b) Käsittelyn tarkoitukset", "b) Ändamålen med behandlingen", "(b) Purposes of the processing"]
        }
        Chapter::EntryData => [
            "c) Rekisteröityjen ja henkilötietojen ryhmät",
            "c) Kategorier av registrerade och personuppgifter",
            "(c) Categories of data subjects and of personal data",
        ],
        Chapter::EntryRecipients => [
            "d) Henkilötietojen vastaanottajat",
            "d) Mottagare av personuppgifter",
            "(d) Recipients of personal data",
        ],
        Chapter::EntryTransfers => [
            "e) Siirrot kolmansiin maihin",
            "e) Överföringar till tredjeländer",
            "(e) Transfers to third countries",
        ],
        Chapter::EntryTerms => [
            "f) Tietojen poistamisen määräajat",
            "f) Tidsfrister för radering",
            "(f) Time limits for erasure",
        ],
        Chapter::EntrySecurity => [
            "g) Tekniset ja organisatoriset turvatoimet",
            "g) Tekniska och organisatoriska säkerhetsåtgärder",
            "(g) Technical and organisational security measures",
        ],
    };
    words[language as usize]
}
