//! What the report says beside its numbers: what is hidden, where they come from, what nobody can know any more.

use crate::config::Language;
use crate::time::Timestamp;
use jiff::tz::TimeZone;

/// A remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportRemark {
    /// The month is not over.
    NotOver,
    /// What the signs mean.
    Signs,
    /// What totals are of.
    Totals,
    /// What is counted are recordings that are there.
    Recordings,
    /// What is known of those that are not.
    Deleted,
    /// Tombstones of what was deleted before are gone.
    TombstonesBegin(Timestamp),
    /// Where calls without a recording are known from.
    Missing,
    /// The register does not reach back so far; how long it is kept, as the configuration says it.
    NoRegister(String),
    /// What the classes of the sound mean.
    Sound,
    /// The audit log begins later.
    LogBegins(Timestamp),
    /// What is not told by service.
    OneService,
    /// Another report of the same month may say something else.
    Again,
}

impl ReportRemark {
    /// As people read it.
    pub fn text(&self, language: Language, zone: &TimeZone) -> String {
        let at = |at: Timestamp| language.instant(at, zone);
        match self {
            ReportRemark::TombstonesBegin(before) => match language {
                Language::Fi => format!(
                    "Merkinnät ennen {} poistetuista tallenteista on jo hävitetty: niitä ei ole näissä luvuissa.",
                    at(*before)
                ),
                Language::Sv => format!(
                    "Anteckningarna om inspelningar som raderats före {} har redan tagits bort: de finns inte i talen.",
                    at(*before)
                ),
                Language::En => format!(
                    "What was remembered of recordings deleted before {} is gone: they are not in these numbers.",
                    at(*before)
                ),
            },
            ReportRemark::NoRegister(keep) => match language {
                Language::Fi => format!(
                    "Puheluista, joita sääntöjen mukaan ei tallenneta, pidetään luetteloa vain {keep}: siksi niistä \
                     kerrotaan vain ne, joiden suuntaa ei tallenneta."
                ),
                Language::Sv => format!(
                    "Register över samtal som enligt reglerna inte spelas in förs bara {keep}: av dem anges därför \
                     endast de vars riktning inte spelas in."
                ),
                Language::En => format!(
                    "The register of calls that a rule leaves out is kept for {keep} only (log.keep): of them only \
                     those are told whose direction is not recorded."
                ),
            },
            ReportRemark::LogBegins(begins) => match language {
                Language::Fi => {
                    format!("Käyttöloki alkaa {}: aiemmasta ei voi kertoa mitään.", at(*begins))
                }
                Language::Sv => {
                    format!("Användningsloggen börjar {}: om tiden före det kan inget sägas.", at(*begins))
                }
                Language::En => {
                    format!("The audit log begins at {}: of the time before nothing is known.", at(*begins))
                }
            },
            other => other.fixed(language).to_owned(),
        }
    }

    /// Those without a value in them.
    const fn fixed(&self, language: Language) -> &'static str {
        let [fi, sv, en] = match self {
            ReportRemark::NotOver => {
                ["Kuukausi on kesken.", "Månaden är inte slut.", "The month is not over."]
            }
            ReportRemark::Signs => [
                "1-4: vähemmän kuin viisi. *: luku on 1-4, tai sellainen voitaisiin laskea siitä.",
                "1-4: färre än fem. *: talet är 1-4, eller ett sådant kunde räknas ut med det.",
                "1-4: fewer than five. *: the number is 1 to 4, or such a one could be reckoned from it.",
            ],
            ReportRemark::Totals => [
                "Yhteensä-luvuissa on vain se, mikä näytetään lukuina.",
                "Totalerna omfattar bara det som visas med tal.",
                "Totals are of what is shown with numbers, and of nothing else.",
            ],
            ReportRemark::Recordings => [
                "Tallenteet on laskettu hakemistosta raportin laadintahetkellä; pituus, suunta, laatu ja kattavuus \
                 tiedetään vain niistä, jotka ovat vielä olemassa.",
                "Inspelningarna räknades i indexet när rapporten gjordes; längd, riktning, kvalitet och \
                 fullständighet är kända bara för dem som ännu finns.",
                "Recordings were counted in the index when the report was made; length, direction, quality and \
                 completeness are known only of those that are still there.",
            ],
            ReportRemark::Deleted => [
                "Poistetuista tallenteista tiedetään vain palvelu, vastaamisen aika ja milloin ja miksi ne poistettiin; \
                 tunneissa ja viikonpäivissä ne ovat mukana. Ajallaan poistettu: viimeistään määräaikaa seuraavana päivänä.",
                "Om raderade inspelningar är bara tjänsten, svarstiden samt när och varför de raderades kända; de är \
                 med i timmarna och veckodagarna. Raderad i tid: senast dagen efter att tiden gått ut.",
                "Of deleted recordings only the service, the time of the answer, and when and why they were deleted are \
                 known; hours and weekdays count them in. Deleted in time: by the end of the day after they fell due.",
            ],
            ReportRemark::Missing => [
                "Puhelut, joiden tallenne puuttuu, tiedetään niin kauan kuin tallenteet olisi säilytetty. Puheluita, joita \
                 tallennin ei nähnyt, ei ole missään luvussa: ne löytää vaihteen luettelosta (nauhuri reconcile).",
                "Samtal vars inspelning saknas är kända så länge som inspelningarna skulle ha bevarats. Samtal som \
                 inspelaren inte såg finns inte i något tal: de hittas med växelns lista (nauhuri reconcile).",
                "Calls without a recording are known for as long as their recordings would have been kept. Calls that the \
                 recorder did not see are in no number: the exchange's list finds those (nauhuri reconcile).",
            ],
            ReportRemark::Sound => [
                "MOS on arvio (ITU-T G.107) verkon vaikutuksesta ääneen; rajat ovat sen liitteestä B.",
                "MOS är en uppskattning (ITU-T G.107) av nätets inverkan på ljudet; gränserna är ur dess bilaga B.",
                "MOS is an estimate (ITU-T G.107) of what the network did to the sound; the limits are those of its Annex B.",
            ],
            ReportRemark::OneService => [
                "Suojauksia, kuuntelua ja pyyntöjä ei eritellä palveluittain.",
                "Skydd, avlyssning och begäranden redovisas inte per tjänst.",
                "Holds, listening and requests are not told by service.",
            ],
            ReportRemark::Again => [
                "Myöhemmin laadittu raportti samasta kuukaudesta voi olla erilainen: tallenteita on voitu poistaa välillä.",
                "En rapport om samma månad som görs senare kan skilja sig: inspelningar kan ha raderats däremellan.",
                "A report of the same month made later may differ: recordings may have been deleted in between.",
            ],
            ReportRemark::TombstonesBegin(_) | ReportRemark::NoRegister(_) | ReportRemark::LogBegins(_) => {
                [""; 3]
            }
        };
        match language {
            Language::Fi => fi,
            Language::Sv => sv,
            Language::En => en,
        }
    }
}
