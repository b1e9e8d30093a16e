//! How long recordings and what is known of them are kept, and how that ends.

use super::conditions::{Conditions, always, once};
use super::fill::{Fill, Filling};
use super::sentence::{Chapter, Sentence};
use crate::config::{CopyAccess, RetentionBound, Term};

/// The services of each term with this bound.
pub(super) fn terms(c: &Conditions<'_>, bound: RetentionBound) -> Vec<Filling> {
    let groups = c.grouped(|service| (service.retention_bound == bound).then_some(service.retention));
    let filled = |(services, term): (Fill, Term)| vec![("services", services), ("term", Fill::Term(term))];
    groups.into_iter().map(filled).collect()
}

pub(super) const HOW_LONG: &[Sentence] = &[
    Sentence {
        id: "kept.for",
        promises: &["HEL-13", "HEL-14", "HELS-3", "ESP-13"],
        chapter: Chapter::Kept,
        when: |c| terms(c, RetentionBound::Keep),
        fi: "{services:in }puhelutallenteita säilytetään {term} puhelun päivästä, säilytysajan viimeinen \
             päivä mukaan lukien.",
        sv: "Inspelningar av samtal{ services:in} bevaras i {term} från dagen för samtalet, den sista \
             dagen inräknad.",
        en: "Recordings of calls{ services:in} are kept for {term} from the day of the call, the last day \
             included.",
    },
    Sentence {
        id: "kept.at_most",
        promises: &["PWD-18", "HSY-15"],
        chapter: Chapter::Kept,
        when: |c| terms(c, RetentionBound::AtMost),
        fi: "{services:in }puhelutallenteita säilytetään enintään {term} puhelun päivästä.",
        sv: "Inspelningar av samtal{ services:in} bevaras i högst {term} från dagen för samtalet.",
        en: "Recordings of calls{ services:in} are kept for at most {term} from the day of the call.",
    },
    Sentence {
        id: "kept.destroyed",
        promises: &["HELS-3", "ESP-13", "PWD-18", "HSY-15"],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("sweep", Fill::Lasting(c.config.retention.sweep))]],
        fi: "Säilytysajan päätyttyä tallenteet ja niiden tiedot tuhotaan automaattisesti: järjestelmä \
             poistaa vanhentuneet tallenteet {sweep:every}.",
        sv: "När bevaringstiden har gått ut förstörs inspelningarna och uppgifterna om dem automatiskt: \
             systemet raderar utgångna inspelningar {sweep:every}.",
        en: "When their term has ended, recordings and their data are destroyed automatically: the system \
             deletes expired recordings {sweep:every}.",
    },
    Sentence {
        id: "kept.closed_when_due",
        promises: &["HEL-13", "HELS-3", "ESP-13", "PWD-18", "HSY-15"],
        chapter: Chapter::Kept,
        when: |c| once(c.config.retention.access == CopyAccess::UntilDue, Vec::new()),
        fi: "Säilytysajan päätyttyä tallennetta ei voi kuunnella eikä luovuttaa, vaikka sitä ei olisi \
             vielä poistettu.",
        sv: "När bevaringstiden har gått ut kan man varken lyssna på en inspelning eller lämna ut den, \
             även om den ännu inte har raderats.",
        en: "Once its term has ended, a recording can be neither listened to nor handed out, even if it \
             has not been deleted yet.",
    },
    Sentence {
        id: "kept.longer",
        promises: &["ESP-22", "PWD-19", "HSY-16"],
        chapter: Chapter::Kept,
        when: |_| always(),
        fi: "Yksittäinen tallenne voidaan suojata poistamiselta, jos sen säilyttämiseen on erityinen syy: \
             ilmoitettu rikos tai onnettomuus, laki, sopimus, oikeudenkäynti tai rekisteröidyn pyyntö.",
        sv: "En enskild inspelning kan skyddas mot radering om det finns ett särskilt skäl att bevara den: \
             ett anmält brott eller en anmäld olycka, lag, avtal, rättegång eller den registrerades \
             begäran.",
        en: "A single recording can be protected from deletion if there is a special reason to keep it: a \
             reported crime or accident, a statute, a contract, litigation, or a request of the data \
             subject.",
    },
    Sentence {
        id: "kept.longer_reviewed",
        promises: &["PWD-19", "HSY-16"],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("review", Fill::Term(c.config.retention.hold_review))]],
        fi: "Järjestelmä muistuttaa suojauksen tarpeen tarkistamisesta {review:every}.",
        sv: "Systemet påminner {review:every} om att pröva om skyddet fortfarande behövs.",
        en: "The system gives a reminder {review:every} to review whether the protection is still needed.",
    },
    Sentence {
        id: "kept.grace",
        promises: &[],
        chapter: Chapter::Kept,
        when: |c| {
            let grace = c.config.retention.release_grace;
            once(!grace.is_zero(), vec![("grace", Fill::Lasting(grace))])
        },
        fi: "Kun suojaus päättyy, tallenne, jonka säilytysaika on jo päättynyt, säilyy vielä {grace}.",
        sv: "När skyddet upphör bevaras en inspelning vars bevaringstid redan har gått ut ännu i {grace}.",
        en: "When the protection ends, a recording whose term has already ended is kept for another \
             {grace}.",
    },
    Sentence {
        id: "kept.trace",
        promises: &[],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("tombstones", Fill::Term(c.config.retention.tombstones))]],
        fi: "Poistetusta tallenteesta säilytetään {tombstones:gen} ajan, kuitenkin vähintään alkuperäisen \
             säilytysajan loppuun, merkintä ilman ääntä ja puhelinnumeroa, jotta tallenne ei palaudu \
             varmuuskopiosta.",
        sv: "Om en raderad inspelning bevaras i {tombstones}, dock minst till slutet av den ursprungliga \
             bevaringstiden, en anteckning utan ljud och telefonnummer, för att inspelningen inte ska \
             återställas från en säkerhetskopia.",
        en: "Of a deleted recording, a note without sound and telephone number is kept for {tombstones}, \
             and at least until its own term would have ended, so that no backup brings it back.",
    },
    Sentence {
        id: "kept.technical_log",
        promises: &["HEL-8", "HEL-10", "HEL-15"],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("keep", Fill::Lasting(c.config.log.keep))]],
        fi: "Teknisiä lokitietoja, joissa ei ole puhelinnumeroita, nimiä eikä ääntä, säilytetään {keep}, \
             minkä jälkeen ne poistuvat automaattisesti.",
        sv: "Tekniska loggar, som inte innehåller telefonnummer, namn eller ljud, bevaras i {keep}, \
             varefter de försvinner automatiskt.",
        en: "Technical logs, which contain no telephone numbers, names or sound, are kept for {keep} and \
             then removed automatically.",
    },
    Sentence {
        id: "kept.audit_log",
        promises: &["ESP-15"],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("keep", Fill::Term(c.config.audit.keep))]],
        fi: "Käyttölokia siitä, kuka on käsitellyt tallenteita, säilytetään {keep}.",
        sv: "Användningsloggen över vem som har behandlat inspelningar bevaras i {keep}.",
        en: "The audit log of who has used recordings is kept for {keep}.",
    },
    Sentence {
        id: "kept.requests",
        promises: &[],
        chapter: Chapter::Kept,
        when: |c| vec![vec![("keep", Fill::Term(c.config.dsar.keep))]],
        fi: "Tallenteita koskevan pyynnön tekijän nimi ja osoite poistetaan, kun pyynnön ratkaisemisesta \
             on kulunut {keep:alone}.",
        sv: "Namn och adress för den som har framställt en begäran om inspelningar raderas när det har \
             gått {keep} sedan begäran avgjordes.",
        en: "The name and address of somebody who made a request about recordings are deleted {keep} after \
             the decision.",
    },
];
