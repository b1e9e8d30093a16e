//! What is said on the telephone.

use super::conditions::{Conditions, goes, once};
use super::fill::{Blank, Fill, Filling};
use super::sentence::{Chapter, Sentence};
use crate::config::{CallDirection, RetentionBound};

/// What callers are told, for the services of each term with this bound.
fn told(c: &Conditions<'_>, bound: RetentionBound) -> Vec<Filling> {
    let groups = c.grouped(|service| {
        let is_told = service.retention_bound == bound && goes(service, CallDirection::Inbound);
        is_told.then_some(service.retention)
    });
    let filled = |(services, term)| {
        vec![("services", services), ("term", Fill::Term(term)), ("address", Fill::Blank(Blank::WebAddress))]
    };
    groups.into_iter().map(filled).collect()
}

pub(super) const SPOKEN: &[Sentence] = &[
    Sentence {
        id: "spoken.kept_for",
        promises: &["HEL-7", "HELS-1", "ESP-5", "PWD-20"],
        chapter: Chapter::Announcement,
        when: |c| told(c, RetentionBound::Keep),
        fi: "Tiedote soittajalle{ services:in}: Tämä puhelu tallennetaan, ja tallenne säilytetään {term}. \
             Lisätietoja puhelujen tallentamisesta saatte osoitteesta {address}.",
        sv: "Meddelande till den som ringer{ services:to}: Detta samtal spelas in, och inspelningen \
             bevaras i {term}. Mer information om inspelning av samtal finns på adressen {address}.",
        en: "Announcement for callers{ services:to}: This call is recorded, and the recording is kept for \
             {term}. You can find more about the recording of calls at {address}.",
    },
    Sentence {
        id: "spoken.kept_at_most",
        promises: &["HEL-7", "HELS-1", "ESP-5", "PWD-20"],
        chapter: Chapter::Announcement,
        when: |c| told(c, RetentionBound::AtMost),
        fi: "Tiedote soittajalle{ services:in}: Tämä puhelu tallennetaan, ja tallenne säilytetään enintään \
             {term}. Lisätietoja puhelujen tallentamisesta saatte osoitteesta {address}.",
        sv: "Meddelande till den som ringer{ services:to}: Detta samtal spelas in, och inspelningen \
             bevaras i högst {term}. Mer information om inspelning av samtal finns på adressen {address}.",
        en: "Announcement for callers{ services:to}: This call is recorded, and the recording is kept for \
             at most {term}. You can find more about the recording of calls at {address}.",
    },
    Sentence {
        id: "spoken.by_agent",
        promises: &["HSY-8"],
        chapter: Chapter::Announcement,
        when: |c| {
            once(
                c.any(|service| goes(service, CallDirection::Outbound)),
                vec![("address", Fill::Blank(Blank::WebAddress))],
            )
        },
        fi: "Asiakaspalvelijan ilmoitus, kun hän soittaa asiakkaalle: Tämä puhelu tallennetaan. \
             Lisätietoja puhelujen tallentamisesta saatte osoitteesta {address}.",
        sv: "Kundbetjänarens upplysning vid samtal till en kund: Detta samtal spelas in. Mer information \
             om inspelning av samtal finns på adressen {address}.",
        en: "What agents say when they call a customer: This call is recorded. You can find more about the \
             recording of calls at {address}.",
    },
];
