//! What a row of the table is: id, promises, condition, and a template in each language.
//!
//! A template has holes, `{name:form}`: the value called `name` in that grammatical form. A space inside
//! the braces is written only if there is something to write: `calls{ services:to} are` becomes
//! `calls are` where all services are alike.

use super::conditions::Conditions;
use super::fill::Filling;
use crate::config::Language;

/// A sentence of the notice.
#[derive(Debug)]
pub struct Sentence {
    /// Its name, such as `kept.at_most`.
    pub id: &'static str,
    /// The promises of published notices that it keeps, such as `HSY-15`.
    pub promises: &'static [&'static str],
    /// Where it stands.
    pub chapter: Chapter,
    /// How often and with which values it holds: not at all if this is empty.
    pub(super) when: fn(&Conditions<'_>) -> Vec<Filling>,
    pub(super) fi: &'static str,
    pub(super) sv: &'static str,
    pub(super) en: &'static str,
}

impl Sentence {
    /// Its text with holes, `{name}` or `{name:form}`.
    pub const fn template(&self, language: Language) -> &'static str {
        match language {
            Language::Fi => self.fi,
            Language::Sv => self.sv,
            Language::En => self.en,
        }
    }
}

/// A part of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticePart {
    /// What the people recorded are told.
    Notice,
    /// What is said on the telephone.
    Announcement,
    /// The entry in the record of processing activities (GDPR Art. 30(1)).
    Entry,
}

/// Sentences under one heading, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chapter {
    /// Who is responsible.
    Controller,
    /// Which calls.
    Recorded,
    /// From when to when.
    Times,
    /// What for.
    Purpose,
    /// Which data.
    Data,
    /// How long, and how it ends.
    Kept,
    /// Who hears.
    Heard,
    /// To whom it goes.
    Given,
    /// How it is protected.
    Guarded,
    /// What the people recorded can ask for.
    Rights,
    /// The announcement.
    Announcement,
    /// Art. 30(1)(a)
    EntryController,
    /// Art. 30(1)(b)
    EntryPurposes,
    /// Art. 30(1)(c)
    EntryData,
    /// Art. 30(1)(d)
    EntryRecipients,
    /// Art. 30(1)(e)
    EntryTransfers,
    /// Art. 30(1)(f)
    EntryTerms,
    /// Art. 30(1)(g)
    EntrySecurity,
}

impl Chapter {
    /// The part that it belongs to.
    pub const fn part(self) -> NoticePart {
        match self {
            Chapter::Controller
            | Chapter::Recorded
            | Chapter::Times
            | Chapter::Purpose
            | Chapter::Data
            | Chapter::Kept
            | Chapter::Heard
            | Chapter::Given
            | Chapter::Guarded
            | Chapter::Rights => NoticePart::Notice,
            Chapter::Announcement => NoticePart::Announcement,
            Chapter::EntryController
            | Chapter::EntryPurposes
            | Chapter::EntryData
            | Chapter::EntryRecipients
            | Chapter::EntryTransfers
            | Chapter::EntryTerms
            | Chapter::EntrySecurity => NoticePart::Entry,
        }
    }
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice<'t> {
    /// As it stands.
    Words(&'t str),
    /// To be filled in.
    Hole {
        /// Of the value.
        name: &'t str,
        /// Grammatical form; empty for the plain one.
        form: &'t str,
        /// A space before what is written.
        space_before: bool,
        /// A space after it.
        space_after: bool,
    },
}

/// The pieces of a template, in order.
pub(super) fn slices(template: &str) -> Vec<Slice<'_>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        if !before.is_empty() {
            out.push(Slice::Words(before));
        }
        let (hole, after) = behind.split_once('}').unwrap_or((behind, ""));
        let (name, form) = hole.trim().split_once(':').unwrap_or((hole.trim(), ""));
        let (space_before, space_after) = (hole.starts_with(' '), hole.ends_with(' '));
        out.push(Slice::Hole { name, form, space_before, space_after });
        rest = after;
    }
    if !rest.is_empty() {
        out.push(Slice::Words(rest));
    }
    out
}
