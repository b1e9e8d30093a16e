//! The entry in the record of processing activities, GDPR Art. 30(1)(a) to (g).

use super::conditions::{always, once, text_or};
use super::fill::{Blank, Fill};
use super::on_data::parts_of_numbers;
use super::on_keeping::terms;
use super::sentence::{Chapter, Sentence};
use crate::config::{HideDigits, RetentionBound};

pub(super) const RECORD: &[Sentence] = &[
    Sentence {
        id: "entry.controller",
        promises: &[],
        chapter: Chapter::EntryController,
        when: |c| {
            let own = &c.config.controller;
            vec![vec![
                ("name", text_or(&own.name, Blank::Controller)),
                ("contact", text_or(&own.contact, Blank::Contact)),
                ("officer", text_or(&own.officer, Blank::Officer)),
            ]]
        },
        fi: "Rekisterinpitäjän nimi: {name}; yhteystiedot: {contact}; tietosuojavastaavan yhteystiedot: \
             {officer}.",
        sv: "Den personuppgiftsansvariges namn: {name}; kontaktuppgifter: {contact}; dataskyddsombudets \
             kontaktuppgifter: {officer}.",
        en: "Name of the controller: {name}; contact details: {contact}; contact details of the data \
             protection officer: {officer}.",
    },
    Sentence {
        id: "entry.purposes",
        promises: &[],
        chapter: Chapter::EntryPurposes,
        when: |_| vec![vec![("purpose", Fill::Blank(Blank::Purpose))]],
        fi: "Puhelujen tallentaminen; tarkoitukset: {purpose}.",
        sv: "Inspelning av samtal; ändamål: {purpose}.",
        en: "Recording of calls; purposes: {purpose}.",
    },
    Sentence {
        id: "entry.heard_for",
        promises: &["HEL-4", "HEL-5"],
        chapter: Chapter::EntryPurposes,
        when: |c| {
            let groups = c.grouped(|service| c.reasons(service));
            let filled =
                |(services, reasons)| vec![("services", services), ("reasons", Fill::Reasons(reasons))];
            groups.into_iter().map(filled).collect()
        },
        fi: "Kuuntelun sallitut tarkoitukset ({services}): {reasons}.",
        sv: "Tillåtna ändamål för lyssning ({services}): {reasons}.",
        en: "Permitted purposes of listening ({services}): {reasons}.",
    },
    Sentence {
        id: "entry.persons",
        promises: &[],
        chapter: Chapter::EntryData,
        when: |_| always(),
        fi: "Rekisteröityjen ryhmät: asiakkaat, jotka soittavat tai joille soitetaan, ja \
             asiakaspalvelijat.",
        sv: "Kategorier av registrerade: kunder som ringer eller blir uppringda, och kundbetjänare.",
        en: "Categories of data subjects: customers who call or are called, and agents.",
    },
    Sentence {
        id: "entry.data",
        promises: &[],
        chapter: Chapter::EntryData,
        when: |_| always(),
        fi: "Henkilötietojen ryhmät: puheen sisältö, puhelun ajankohta ja kesto, palvelu, numero, johon \
             soitettiin, asiakaspalvelijan tunniste ja puhelun tekniset tiedot.",
        sv: "Kategorier av personuppgifter: samtalets innehåll, tidpunkt och längd, tjänsten, det \
             uppringda numret, kundbetjänarens identifieringskod och tekniska uppgifter om samtalet.",
        en: "Categories of personal data: content, time and length of the call, the service, the number \
             that was called, an identifier of the agent, and technical data of the call.",
    },
    Sentence {
        id: "entry.agent_name",
        promises: &["HSY-3"],
        chapter: Chapter::EntryData,
        when: |c| once(!c.config.agents.names.is_empty(), Vec::new()),
        fi: "Henkilötietojen ryhmiin kuuluu myös asiakaspalvelijan nimi.",
        sv: "Till kategorierna av personuppgifter hör också kundbetjänarens namn.",
        en: "The categories of personal data include the agent's name.",
    },
    Sentence {
        id: "entry.number_whole",
        promises: &["ESP-6", "PWD-3", "HSY-4"],
        chapter: Chapter::EntryData,
        when: |c| c.services(|service| service.hide_caller_digits == HideDigits::Last(0)),
        fi: "Asiakkaan puhelinnumero ({services}): kokonaan.",
        sv: "Kundens telefonnummer ({services}): i sin helhet.",
        en: "Customer's telephone number ({services}): in full.",
    },
    Sentence {
        id: "entry.number_part",
        promises: &["HEL-3", "HELS-4"],
        chapter: Chapter::EntryData,
        when: parts_of_numbers,
        fi: "Asiakkaan puhelinnumero ({services}): vain osa, lopusta puuttuu {digits}.",
        sv: "Kundens telefonnummer ({services}): endast en del, i slutet saknas {digits}.",
        en: "Customer's telephone number ({services}): only a part, without {digits} at its end.",
    },
    Sentence {
        id: "entry.number_none",
        promises: &[],
        chapter: Chapter::EntryData,
        when: |c| c.services(|service| service.hide_caller_digits == HideDigits::All),
        fi: "Asiakkaan puhelinnumero ({services}): ei tallenneta.",
        sv: "Kundens telefonnummer ({services}): sparas inte.",
        en: "Customer's telephone number ({services}): not stored.",
    },
    Sentence {
        id: "entry.special",
        promises: &["HEL-11"],
        chapter: Chapter::EntryData,
        when: |c| c.services(|service| service.special_category),
        fi: "Erityiset henkilötietoryhmät ({services}): terveyttä tai sosiaalihuoltoa koskevat tiedot.",
        sv: "Särskilda kategorier av personuppgifter ({services}): uppgifter om hälsa eller socialvård.",
        en: "Special categories of personal data ({services}): data on health or social welfare.",
    },
    Sentence {
        id: "entry.hearers",
        promises: &[],
        chapter: Chapter::EntryRecipients,
        when: |c| {
            let roles = c.hearers();
            once(!roles.is_empty(), vec![("roles", Fill::Roles(roles))])
        },
        fi: "Organisaatiossa tallenteita saavat kuunnella: {roles}.",
        sv: "Inom organisationen får följande lyssna på inspelningar: {roles}.",
        en: "Within the organisation, these may listen to recordings: {roles}.",
    },
    Sentence {
        id: "entry.recipients",
        promises: &["HEL-12", "PWD-7", "HSY-18"],
        chapter: Chapter::EntryRecipients,
        when: |_| vec![vec![("processors", Fill::Blank(Blank::Processors))]],
        fi: "Ei säännönmukaisia luovutuksia; käsittelijät: {processors}.",
        sv: "Inga regelmässiga utlämnanden; personuppgiftsbiträden: {processors}.",
        en: "No regular disclosures; processors: {processors}.",
    },
    Sentence {
        id: "entry.transfers",
        promises: &["HELS-11", "ESP-12", "HSY-24"],
        chapter: Chapter::EntryTransfers,
        when: |_| vec![vec![("transfers", Fill::Blank(Blank::Transfers))]],
        fi: "Tallennusjärjestelmä itse ei siirrä tietoja kolmansiin maihin; muut siirrot: {transfers}.",
        sv: "Inspelningssystemet överför inte självt uppgifter till tredjeländer; övriga överföringar: \
             {transfers}.",
        en: "The recording system itself transfers no data to third countries; other transfers: \
             {transfers}.",
    },
    Sentence {
        id: "entry.kept_for",
        promises: &["HEL-13", "HEL-14", "HELS-3", "ESP-13"],
        chapter: Chapter::EntryTerms,
        when: |c| terms(c, RetentionBound::Keep),
        fi: "Tallenteiden säilytysaika ({services}): {term:alone}.",
        sv: "Inspelningarnas bevaringstid ({services}): {term}.",
        en: "Term of recordings ({services}): {term}.",
    },
    Sentence {
        id: "entry.kept_at_most",
        promises: &["PWD-18", "HSY-15"],
        chapter: Chapter::EntryTerms,
        when: |c| terms(c, RetentionBound::AtMost),
        fi: "Tallenteiden säilytysaika ({services}): enintään {term:alone}.",
        sv: "Inspelningarnas bevaringstid ({services}): högst {term}.",
        en: "Term of recordings ({services}): at most {term}.",
    },
    Sentence {
        id: "entry.technical_log",
        promises: &["HEL-10", "HEL-15"],
        chapter: Chapter::EntryTerms,
        when: |c| vec![vec![("keep", Fill::Lasting(c.config.log.keep))]],
        fi: "Teknisten lokien säilytysaika: {keep:alone}.",
        sv: "De tekniska loggarnas bevaringstid: {keep}.",
        en: "Term of technical logs: {keep}.",
    },
    Sentence {
        id: "entry.audit_log",
        promises: &["ESP-15"],
        chapter: Chapter::EntryTerms,
        when: |c| vec![vec![("keep", Fill::Term(c.config.audit.keep))]],
        fi: "Käyttölokin säilytysaika: {keep:alone}.",
        sv: "Användningsloggens bevaringstid: {keep}.",
        en: "Term of the audit log: {keep}.",
    },
    Sentence {
        id: "entry.destroyed",
        promises: &["ESP-13", "PWD-18"],
        chapter: Chapter::EntryTerms,
        when: |_| always(),
        fi: "Poistaminen säilytysajan päätyttyä: automaattisesti.",
        sv: "Radering efter bevaringstidens slut: automatiskt.",
        en: "Deletion after the end of the term: automatically.",
    },
    Sentence {
        id: "entry.room",
        promises: &["HEL-2", "HELS-10", "PWD-14", "HSY-19"],
        chapter: Chapter::EntrySecurity,
        when: |c| once(c.has_room(), Vec::new()),
        fi: "Henkilökohtainen kirjautuminen ja tehtäviin perustuvat käyttöoikeudet.",
        sv: "Personlig inloggning och användarrättigheter enligt uppgift.",
        en: "Personal sign-in, and rights granted by task.",
    },
    Sentence {
        id: "entry.tls",
        promises: &[],
        chapter: Chapter::EntrySecurity,
        when: |c| once(c.has_room() && c.config.room.tls.is_set(), Vec::new()),
        fi: "Salattu yhteys kuuntelujärjestelmään.",
        sv: "Krypterad förbindelse till lyssningssystemet.",
        en: "Encrypted connection to the listening system.",
    },
    Sentence {
        id: "entry.files",
        promises: &["HEL-2"],
        chapter: Chapter::EntrySecurity,
        when: |c| once(!c.config.storage.group_read, Vec::new()),
        fi: "Tiedostot ovat vain tallennuspalvelun ja palvelimen pääkäyttäjän luettavissa.",
        sv: "Filerna kan läsas endast av inspelningstjänsten och serverns huvudadministratör.",
        en: "Files can be read only by the recording service and the server's superuser.",
    },
    Sentence {
        id: "entry.audited",
        promises: &["ESP-15"],
        chapter: Chapter::EntrySecurity,
        when: |_| always(),
        fi: "Allekirjoitettu käyttöloki, jonka muuttaminen havaitaan.",
        sv: "Signerad användningslogg, där ändringar upptäcks.",
        en: "Signed audit log in which changes are detected.",
    },
];
