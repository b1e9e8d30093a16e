//! Terms, lengths of time, services, roles and reasons in Finnish, Swedish and English.

use crate::config::{Language, ListenReason, Term};
use std::time::Duration;

/// In which form a value stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WordForm {
    /// A length of time as an object: `6 kuukautta`, `1 kuukauden`.
    #[default]
    Plain,
    /// By itself: `1 kuukausi`.
    Alone,
    /// Genitive: `6 kuukauden`, `6 månaders`.
    Genitive,
    /// How often: `6 kuukauden välein`, `varje timme`, `every hour`.
    Every,
    /// Services: where something is so.
    In,
    /// Services: where a call goes to.
    To,
}

impl WordForm {
    /// Those that a template may name.
    pub(super) const NAMES: [(&str, WordForm); 5] = [
        ("alone", WordForm::Alone),
        ("gen", WordForm::Genitive),
        ("every", WordForm::Every),
        ("in", WordForm::In),
        ("to", WordForm::To),
    ];

    /// From the word in a template.
    pub(super) fn from_name(name: &str) -> WordForm {
        WordForm::NAMES.iter().find(|(known, _)| *known == name).map_or(WordForm::Plain, |(_, form)| *form)
    }
}

/// Services that have something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// Every one that is recorded: nothing has to be said of services.
    pub is_all: bool,
    /// Those with a name of their own.
    pub names: Vec<String>,
    /// Whether the calls to all other numbers belong to them.
    pub others: bool,
}

/// A unit: Finnish nominative, genitive, partitive; Swedish one, many, genitive of both; English one, many.
struct Unit([&'static str; 3], [&'static str; 4], [&'static str; 2]);

const MILLISECOND: Unit = Unit(
    ["millisekunti", "millisekunnin", "millisekuntia"],
    ["millisekund", "millisekunder", "millisekunds", "millisekunders"],
    ["millisecond", "milliseconds"],
);
const SECOND: Unit = Unit(
    ["sekunti", "sekunnin", "sekuntia"],
    ["sekund", "sekunder", "sekunds", "sekunders"],
    ["second", "seconds"],
);
const MINUTE: Unit = Unit(
    ["minuutti", "minuutin", "minuuttia"],
    ["minut", "minuter", "minuts", "minuters"],
    ["minute", "minutes"],
);
const HOUR: Unit =
    Unit(["tunti", "tunnin", "tuntia"], ["timme", "timmar", "timmes", "timmars"], ["hour", "hours"]);
/// Of twenty-four hours.
const FULL_DAY: Unit =
    Unit(["vuorokausi", "vuorokauden", "vuorokautta"], ["dygn", "dygn", "dygns", "dygns"], ["day", "days"]);
const DAY: Unit = Unit(["päivä", "päivän", "päivää"], ["dag", "dagar", "dags", "dagars"], ["day", "days"]);
const WEEK: Unit =
    Unit(["viikko", "viikon", "viikkoa"], ["vecka", "veckor", "veckas", "veckors"], ["week", "weeks"]);
const MONTH: Unit = Unit(
    ["kuukausi", "kuukauden", "kuukautta"],
    ["månad", "månader", "månads", "månaders"],
    ["month", "months"],
);
const YEAR: Unit = Unit(["vuosi", "vuoden", "vuotta"], ["år", "år", "års", "års"], ["year", "years"]);

fn counted(n: u64, unit: &Unit, form: WordForm, language: Language) -> String {
    let is_one = n == 1;
    let noun = match (language, form) {
        (Language::Fi, WordForm::Genitive) => unit.0[1],
        (Language::Fi, WordForm::Alone) if is_one => unit.0[0],
        (Language::Fi, _) if is_one => unit.0[1],
        (Language::Fi, _) => unit.0[2],
        (Language::Sv, form) => unit.1[usize::from(!is_one) + if form == WordForm::Genitive { 2 } else { 0 }],
        (Language::En, _) => unit.2[usize::from(!is_one)],
    };
    format!("{n} {noun}")
}

/// `6 kuukautta`
pub(super) fn term(term: Term, form: WordForm, language: Language) -> String {
    let (n, unit) = match term {
        Term::Days(n) => (n, DAY),
        Term::Weeks(n) => (n, WEEK),
        Term::Months(n) => (n, MONTH),
        Term::Years(n) => (n, YEAR),
    };
    many(&[(n.into(), unit)], form, language)
}

/// `1 tunti 30 minuuttia`: every unit that counts, the largest first.
fn many(counts: &[(u64, Unit)], form: WordForm, language: Language) -> String {
    if form != WordForm::Every {
        let each = counts.iter().map(|(n, unit)| counted(*n, unit, form, language));
        return each.collect::<Vec<_>>().join(" ");
    }
    if let [(1, unit)] = counts {
        return match language {
            Language::Fi => format!("{} välein", unit.0[1]),
            Language::Sv => format!("varje {}", unit.1[0]),
            Language::En => format!("every {}", unit.2[0]),
        };
    }
    match language {
        Language::Fi => format!("{} välein", many(counts, WordForm::Genitive, language)),
        Language::Sv => format!("med {} mellanrum", many(counts, WordForm::Genitive, language)),
        Language::En => format!("every {}", many(counts, WordForm::Plain, language)),
    }
}

/// A length of time in the units that count.
pub(super) fn duration(length: Duration, form: WordForm, language: Language) -> String {
    let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let units = [
        (ms / 86_400_000, FULL_DAY),
        (ms / 3_600_000 % 24, HOUR),
        (ms / 60_000 % 60, MINUTE),
        (ms / 1_000 % 60, SECOND),
        (ms % 1_000, MILLISECOND),
    ];
    let said: Vec<_> = units.into_iter().filter(|(n, _)| *n > 0).collect();
    if said.is_empty() { counted(0, &SECOND, form, language) } else { many(&said, form, language) }
}

/// `4 numeroa`
pub(super) fn digits(n: u8, language: Language) -> String {
    let [one, many] = [["numero", "numeroa"], ["siffra", "siffror"], ["digit", "digits"]][language as usize];
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `a, b ja c`
pub(super) fn list(items: Vec<String>, language: Language) -> String {
    let and = ["ja", "och", "and"][language as usize];
    match items.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {and} {last}", before.join(", ")),
        _ => items.concat(),
    }
}

/// `palvelussa 116117`; nothing where it is all of them and their names are not asked for.
pub(super) fn services(services: &Services, form: WordForm, language: Language) -> String {
    let names = &services.names;
    // One, several, all others.
    let [one, many, others] = match (form, language) {
        (WordForm::In | WordForm::To, _) if services.is_all => return String::new(),
        (WordForm::In, Language::Fi) => ["palvelussa", "palveluissa", "muissa palveluissa"],
        (WordForm::In, Language::Sv) => ["i tjänsten", "i tjänsterna", "i övriga tjänster"],
        (WordForm::In, Language::En) => ["in the service", "in the services", "in all other services"],
        (WordForm::To, Language::Fi) => ["palveluun", "palveluihin", "muihin palveluihin"],
        (WordForm::To, Language::Sv) => ["till tjänsten", "till tjänsterna", "till övriga tjänster"],
        (WordForm::To, Language::En) => ["to the service", "to the services", "to all other services"],
        (_, Language::Fi) if services.is_all => return "kaikki palvelut".into(),
        (_, Language::Sv) if services.is_all => return "alla tjänster".into(),
        (_, Language::En) if services.is_all => return "all services".into(),
        (_, Language::Fi) => ["", "", "muut palvelut"],
        (_, Language::Sv) => ["", "", "övriga tjänster"],
        (_, Language::En) => ["", "", "all other services"],
    };
    let head = if names.len() == 1 { one } else { many };
    let named = match (names.is_empty(), services.others) {
        (true, _) => String::new(),
        (false, true) => names.join(", "),
        (false, false) => list(names.clone(), language),
    };
    let named = format!("{head} {named}").trim().to_owned();
    match (names.is_empty(), services.others) {
        (true, _) => others.to_owned(),
        (false, false) => named,
        (false, true) => list(vec![named, others.to_owned()], language),
    }
}

/// The people with a role, as the subject of a sentence.
pub(super) fn role(name: &str, language: Language) -> String {
    let known = match name {
        "agent" => ["asiakaspalvelijat", "kundbetjänarna", "agents"],
        "supervisor" => ["esimiehet", "cheferna", "supervisors"],
        "office" => [
            "palvelusta vastaavan yksikön käyttäjät",
            "användarna vid den enhet som ansvarar för tjänsten",
            "users of the office responsible for the service",
        ],
        "approver" => ["pyyntöjen hyväksyjät", "de som godkänner begäranden", "those who approve requests"],
        "dpo" => ["tietosuojavastaavat", "dataskyddsombuden", "data protection officers"],
        "auditor" => ["lokien tarkastajat", "de som granskar loggarna", "auditors of the log"],
        "maintenance" => [
            "teknisestä ylläpidosta vastaavat henkilöt",
            "de som ansvarar för det tekniska underhållet",
            "those responsible for technical maintenance",
        ],
        "admin" => {
            ["käyttäjätunnusten ylläpitäjät", "de som sköter användarkontona", "account administrators"]
        }
        _ => {
            return match language {
                Language::Fi => format!("roolin \"{name}\" käyttäjät"),
                Language::Sv => format!("användarna med rollen \"{name}\""),
                Language::En => format!("users with the role \"{name}\""),
            };
        }
    };
    known[language as usize].to_owned()
}

/// What a recording is listened to for.
pub(super) const fn reason(reason: ListenReason, language: Language) -> &'static str {
    let words = match reason {
        ListenReason::Verify => [
            "puhelun sisällön todentaminen ja epäselvien asiakaskontaktien selvittäminen",
            "att verifiera vad som sades och reda ut oklara kundkontakter",
            "verifying what was said and clarifying unclear contacts",
        ],
        ListenReason::Quality => [
            "palvelun laadun ylläpitäminen",
            "att upprätthålla servicens kvalitet",
            "maintaining the quality of the service",
        ],
        ListenReason::Training => {
            ["henkilöstön kouluttaminen", "att utbilda personalen", "training of staff"]
        }
        ListenReason::Complaint => {
            ["reklamaatioiden ja valitusten käsittely", "att behandla klagomål", "handling of complaints"]
        }
        ListenReason::Authority => [
            "viranomaisten lakiin perustuvat pyynnöt",
            "myndigheters lagstadgade begäranden",
            "statutory requests of authorities",
        ],
        ListenReason::Dsar => [
            "rekisteröityjen oikeuksien toteuttaminen",
            "att tillgodose de registrerades rättigheter",
            "fulfilling the rights of data subjects",
        ],
    };
    words[language as usize]
}
