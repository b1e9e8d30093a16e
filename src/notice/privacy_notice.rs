//! The sentences that a configuration keeps, filled in.

use super::all_sentences::sentences;
use super::conditions::Conditions;
use super::fill::{Fill, Filling};
use super::sentence::{Chapter, Sentence, Slice, slices};
use crate::config::{Config, Language};

/// What a configuration makes true, in one language.
#[derive(Debug)]
pub struct PrivacyNotice {
    /// In which one.
    pub language: Language,
    /// In the order of the table.
    pub statements: Vec<Statement>,
}

/// A sentence, filled in.
#[derive(Debug)]
pub struct Statement {
    /// The row that it comes from.
    pub sentence: &'static Sentence,
    pub(super) fragments: Vec<Portion>,
}

/// A part of a statement. Only a value can hold what means something to a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// Words of the table.
    Words(String),
    /// From the configuration, of the hole with this name.
    Value(&'static str, String),
    /// A place to be filled in, brackets included.
    Open(&'static str, String),
}

impl Portion {
    pub(super) fn text(&self) -> &str {
        match self {
            Portion::Words(text) | Portion::Value(_, text) | Portion::Open(_, text) => text,
        }
    }
}

impl PrivacyNotice {
    /// Of a checked configuration; `None` if it records nothing.
    pub fn new(config: &Config, language: Language) -> Option<PrivacyNotice> {
        let conditions = Conditions::new(config);
        if !conditions.records() {
            return None;
        }
        let of_row = |sentence: &'static Sentence| {
            let fillings = (sentence.when)(&conditions);
            fillings.into_iter().map(move |filling| Statement::new(sentence, &filling, language))
        };
        Some(PrivacyNotice { language, statements: sentences().flat_map(of_row).collect() })
    }

    /// The chapters that have something to say, each with its statements.
    pub fn chapters(&self) -> impl Iterator<Item = (Chapter, &[Statement])> {
        self.statements.chunk_by(|a, b| a.sentence.chapter == b.sentence.chapter).map(|chunk| {
            // A chunk has at least one.
            (chunk.first().map_or(Chapter::Controller, |first| first.sentence.chapter), chunk)
        })
    }
}

impl Statement {
    fn new(sentence: &'static Sentence, filling: &Filling, language: Language) -> Statement {
        let mut fragments = Vec::new();
        for slice in slices(sentence.template(language)) {
            match slice {
                Slice::Words(words) => fragments.push(Portion::Words(words.to_owned())),
                Slice::Hole { name, form, space_before, space_after } => {
                    let Some((name, fill)) = filling.iter().find(|(known, _)| *known == name) else {
                        continue;
                    };
                    let text = printable(&fill.words(form, language));
                    if text.is_empty() {
                        continue;
                    }
                    let space = |is_there: bool| is_there.then(|| Portion::Words(" ".into()));
                    fragments.extend(space(space_before));
                    fragments.push(match fill {
                        Fill::Blank(_) => Portion::Open(name, text),
                        _ => Portion::Value(name, text),
                    });
                    fragments.extend(space(space_after));
                }
            }
        }
        if let Some(Portion::Words(text) | Portion::Value(_, text)) = fragments.first_mut() {
            *text = capitalised(text);
        }
        Statement { sentence, fragments }
    }

    /// What stands in the hole of this name; nothing where it is left open.
    pub(super) fn value(&self, name: &str) -> &str {
        let value = self.fragments.iter().find_map(|fragment| match fragment {
            Portion::Value(known, text) if *known == name => Some(text.as_str()),
            Portion::Value(..) | Portion::Words(_) | Portion::Open(..) => None,
        });
        value.unwrap_or_default()
    }

    /// As it reads.
    pub fn text(&self) -> String {
        self.fragments.iter().map(Portion::text).collect()
    }
}

/// With a capital first letter.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Nothing that moves a cursor or turns the direction of writing.
fn printable(text: &str) -> String {
    let is_mark = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().map(|c| if c.is_control() || is_mark(c) { ' ' } else { c }).collect()
}
