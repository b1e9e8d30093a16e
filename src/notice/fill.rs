//! What goes into a hole of a sentence, and its words in each language.

use super::forms_of_words::{self as words, Services, WordForm};
use crate::config::{Language, ListenReason, Term};
use std::time::Duration;

/// The values of a sentence by the names of its holes.
pub(super) type Filling = Vec<(&'static str, Fill)>;

/// A typed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fill {
    /// A term on the calendar.
    Term(Term),
    /// A length of time.
    Lasting(Duration),
    /// So many digits of a number.
    Digits(u8),
    /// Some of the services, or all.
    Services(Services),
    /// The people with a role.
    Role(String),
    /// The people with these roles.
    Roles(Vec<String>),
    /// What recordings are listened to for.
    Reasons(Vec<ListenReason>),
    /// A text of the configuration.
    Text(String),
    /// What the configuration does not know.
    Blank(Blank),
}

/// A place that is left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// Name of the controller.
    Controller,
    /// Where requests go.
    Contact,
    /// The data protection officer.
    Officer,
    /// What is recorded for.
    Purpose,
    /// The legal basis.
    Basis,
    /// That of special categories of data.
    SpecialBasis,
    /// Where the server is.
    Place,
    /// Who processes data for the controller.
    Processors,
    /// Transfers outside the EU and the EEA.
    Transfers,
    /// Where the notice is published.
    WebAddress,
}

impl Blank {
    /// All of them.
    pub(super) const ALL: [Blank; 10] = [
        Blank::Controller,
        Blank::Contact,
        Blank::Officer,
        Blank::Purpose,
        Blank::Basis,
        Blank::SpecialBasis,
        Blank::Place,
        Blank::Processors,
        Blank::Transfers,
        Blank::WebAddress,
    ];

    /// What has to be filled in there.
    pub const fn label(self, language: Language) -> &'static str {
        let labels = match self {
            Blank::Controller => {
                ["rekisterinpitäjän nimi", "den personuppgiftsansvariges namn", "name of the controller"]
            }
            Blank::Contact => ["yhteystiedot", "kontaktuppgifter", "contact details"],
            Blank::Officer => {
                ["nimi ja yhteystiedot", "namn och kontaktuppgifter", "name and contact details"]
            }
            Blank::Purpose => {
                ["käsittelyn tarkoitukset", "behandlingens ändamål", "purposes of the processing"]
            }
            Blank::Basis => {
                ["oikeusperuste ja säännös", "rättslig grund och bestämmelse", "legal basis and provision"]
            }
            Blank::SpecialBasis => [
                "tietosuoja-asetuksen 9 artiklan 2 kohdan peruste",
                "grund enligt artikel 9.2 i dataskyddsförordningen",
                "ground of Article 9(2) of the General Data Protection Regulation",
            ],
            Blank::Place => ["palvelimen sijaintipaikka", "serverns placering", "location of the server"],
            Blank::Processors => {
                ["henkilötietojen käsittelijät", "personuppgiftsbiträden", "processors of personal data"]
            }
            Blank::Transfers => [
                "ei siirretä, tai mihin ja millä perusteella",
                "överförs inte, eller vart och på vilken grund",
                "none, or where to and on which ground",
            ],
            Blank::WebAddress => [
                "selosteen verkko-osoite",
                "dataskyddsbeskrivningens webbadress",
                "web address of the notice",
            ],
        };
        labels[language as usize]
    }
}

impl Fill {
    /// Its words, in a form that the template names.
    pub(super) fn words(&self, form: &str, language: Language) -> String {
        let case = WordForm::from_name(form);
        match self {
            Fill::Term(term) => words::term(*term, case, language),
            Fill::Lasting(length) => words::duration(*length, case, language),
            Fill::Digits(n) => words::digits(*n, language),
            Fill::Services(services) => words::services(services, case, language),
            Fill::Role(role) => words::role(role, language),
            Fill::Roles(roles) => {
                words::list(roles.iter().map(|role| words::role(role, language)).collect(), language)
            }
            Fill::Reasons(reasons) => {
                let each = reasons.iter().map(|reason| words::reason(*reason, language).to_owned());
                words::list(each.collect(), language)
            }
            Fill::Text(text) => text.clone(),
            Fill::Blank(blank) => format!("[{}]", blank.label(language)),
        }
    }
}
