//! Who hears recordings, under which conditions, and to whom they go.

use super::conditions::{always, once};
use super::fill::{Blank, Fill};
use super::sentence::{Chapter, Sentence};
use crate::config::Listening;
use crate::config::listening::Scope;

/// The role of whoever keeps the machines going.
const MAINTENANCE: &str = "maintenance";

pub(super) const WHO_HEARS: &[Sentence] = &[
    Sentence {
        id: "heard.own",
        promises: &["ESP-3", "PWD-15", "HSY-11"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear == Scope::Own),
        fi: "{role} voivat kuunnella vain omien puhelujensa tallenteita.",
        sv: "{role} kan endast lyssna på inspelningar av sina egna samtal.",
        en: "{role} can listen only to recordings of their own calls.",
    },
    Sentence {
        id: "heard.team",
        promises: &["ESP-3"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear == Scope::Team),
        fi: "{role} voivat kuunnella omien puhelujensa tallenteita ja niiden asiakaspalvelijoiden \
             puhelujen tallenteita, jotka kuuluivat puhelun aikaan heidän tiimiinsä.",
        sv: "{role} kan lyssna på inspelningar av sina egna samtal och av samtal med de kundbetjänare som \
             hörde till deras team vid tiden för samtalet.",
        en: "{role} can listen to recordings of their own calls and of the calls of agents who were in \
             their team at the time of the call.",
    },
    Sentence {
        id: "heard.office",
        promises: &["HELS-5", "HELS-7", "HELS-8"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear == Scope::Office),
        fi: "{role} voivat kuunnella vain oman yksikkönsä palvelujen tallenteita.",
        sv: "{role} kan endast lyssna på inspelningar av samtal till den egna enhetens tjänster.",
        en: "{role} can listen only to recordings of calls to the services of their own office.",
    },
    Sentence {
        id: "heard.all",
        promises: &["HEL-2", "HELS-5", "PWD-16", "PWD-17", "HSY-11", "HSY-12"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear == Scope::All),
        fi: "{role} voivat kuunnella kaikkia tallenteita.",
        sv: "{role} kan lyssna på alla inspelningar.",
        en: "{role} can listen to all recordings.",
    },
    Sentence {
        id: "heard.by_nobody",
        promises: &[],
        chapter: Chapter::Heard,
        when: |c| once(c.hearers().is_empty(), Vec::new()),
        fi: "Kenelläkään ei ole oikeutta kuunnella tallenteita kuuntelujärjestelmässä.",
        sv: "Ingen har rätt att lyssna på inspelningar i lyssningssystemet.",
        en: "Nobody has the right to listen to recordings in the listening system.",
    },
    Sentence {
        id: "heard.not_by_maintenance",
        promises: &["ESP-4"],
        chapter: Chapter::Heard,
        when: |c| once(!c.hearers().iter().any(|role| role == MAINTENANCE), Vec::new()),
        fi: "Teknisellä ylläpidolla ei ole oikeutta kuunnella tallenteita.",
        sv: "Det tekniska underhållet har ingen rätt att lyssna på inspelningar.",
        en: "Technical maintenance has no right to listen to recordings.",
    },
    Sentence {
        id: "heard.found_only",
        promises: &[],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.find != Scope::None && role.hear == Scope::None),
        fi: "{role} näkevät tallenteiden tietoja mutta eivät voi kuunnella tallenteita.",
        sv: "{role} ser uppgifter om inspelningar men kan inte lyssna på dem.",
        en: "{role} see the data of recordings but cannot listen to them.",
    },
    Sentence {
        id: "heard.on_request",
        promises: &["HEL-6"],
        chapter: Chapter::Heard,
        when: |c| {
            let asks = |name: &String| {
                c.config.room.roles.get(name).is_some_and(|role| role.listening != Some(Listening::Standing))
            };
            match c.hearers().iter().any(asks) {
                true => c.services(|service| c.is_on_request(service)),
                false => Vec::new(),
            }
        },
        fi: "{services:in }tallenteen saa kuunnella vain, kun toinen henkilö on hyväksynyt sitä koskevan \
             perustellun pyynnön.",
        sv: "Man får lyssna på inspelningar{ services:in} endast när en annan person har godkänt en motiverad \
             begäran.",
        en: "Recordings{ services:in} may be listened to only after another person has approved a request \
             that gives a reason.",
    },
    Sentence {
        id: "heard.role_on_request",
        promises: &["HELS-7"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear != Scope::None && role.listening == Some(Listening::OnRequest)),
        fi: "{role} voivat kuunnella tallenteen vain, kun toinen henkilö on hyväksynyt sitä koskevan \
             perustellun pyynnön.",
        sv: "{role} kan lyssna på en inspelning endast när en annan person har godkänt en motiverad \
             begäran.",
        en: "{role} can listen to a recording only after another person has approved a request that gives \
             a reason.",
    },
    Sentence {
        id: "heard.role_standing",
        promises: &[],
        chapter: Chapter::Heard,
        when: |c| match c.any(|service| c.is_on_request(service)) {
            true => c.roles(|role| role.hear != Scope::None && role.listening == Some(Listening::Standing)),
            false => Vec::new(),
        },
        fi: "Poikkeuksena {role} voivat kuunnella tallenteita ilman erillistä pyyntöä.",
        sv: "Undantagsvis kan {role} lyssna på inspelningar utan separat begäran.",
        en: "As an exception, {role} can listen to recordings without a separate request.",
    },
    Sentence {
        id: "heard.for_a_reason",
        promises: &["HEL-6"],
        chapter: Chapter::Heard,
        when: |c| match c.hearers().is_empty() {
            true => Vec::new(),
            false => c.services(|service| c.reasons(service).is_some()),
        },
        fi: "{services:in }kuuntelijan on aina ilmoitettava kuuntelun syy.",
        sv: "Den som lyssnar på inspelningar{ services:in} ska alltid ange orsaken.",
        en: "Whoever listens to recordings{ services:in} always has to give the reason.",
    },
    Sentence {
        id: "heard.no_download",
        promises: &["HELS-6"],
        chapter: Chapter::Heard,
        when: |c| {
            let loads = |name: &String| c.config.room.roles.get(name).is_some_and(|role| role.download);
            let hearers = c.hearers();
            once(!hearers.is_empty() && !hearers.iter().any(loads), Vec::new())
        },
        fi: "Kuunteluun oikeutetut eivät voi ladata tallenteita selaimella omalle laitteelleen.",
        sv: "De som har rätt att lyssna kan inte ladda ner inspelningar med webbläsaren till sin egen \
             enhet.",
        en: "Those who may listen to recordings cannot download them to their own device with the browser.",
    },
    Sentence {
        id: "heard.networks",
        promises: &["HELS-6"],
        chapter: Chapter::Heard,
        when: |c| c.roles(|role| role.hear != Scope::None && !role.networks.is_empty()),
        fi: "{role} voivat kuunnella tallenteita vain organisaation määräämissä verkoissa.",
        sv: "{role} kan lyssna på inspelningar endast i nät som organisationen har bestämt.",
        en: "{role} can listen to recordings only in networks that the organisation has determined.",
    },
    Sentence {
        id: "heard.training",
        promises: &["PWD-9", "PWD-10"],
        chapter: Chapter::Heard,
        when: |c| c.services(|service| c.trains(service)),
        fi: "{services:in }koulutusta varten tehtävät kopiot anonymisoidaan, ja ne poistetaan viimeistään \
             samalla kuin alkuperäinen tallenne.",
        sv: "Kopior för utbildning av inspelningar{ services:in} anonymiseras och raderas senast samtidigt \
             som den ursprungliga inspelningen.",
        en: "Copies of recordings{ services:in} that are made for training are anonymised, and deleted \
             with the original recording at the latest.",
    },
    Sentence {
        id: "heard.group_reads",
        promises: &[],
        chapter: Chapter::Heard,
        when: |c| once(c.config.storage.group_read, Vec::new()),
        fi: "Tallennuspalvelimella tallenteita voivat lukea myös palvelun käyttäjäryhmän jäsenet, eikä \
             lukemisesta jää merkintää käyttölokiin.",
        sv: "På inspelningsservern kan inspelningar också läsas av medlemmarna i tjänstens användargrupp, \
             utan att det antecknas i användningsloggen.",
        en: "On the recording server, members of the service's user group can read recordings as well, and \
             this leaves no entry in the audit log.",
    },
];

pub(super) const WHERE_TO: &[Sentence] = &[
    Sentence {
        id: "given.nowhere",
        promises: &["HEL-12", "HELS-11", "ESP-12", "PWD-7", "HSY-24"],
        chapter: Chapter::Given,
        when: |_| always(),
        fi: "Tallennusjärjestelmä ei itse lähetä tallenteita mihinkään.",
        sv: "Inspelningssystemet sänder inte självt inspelningar någonstans.",
        en: "The recording system itself sends recordings nowhere.",
    },
    Sentence {
        id: "given.logged",
        promises: &["HEL-12", "HELS-13", "ESP-11"],
        chapter: Chapter::Given,
        when: |_| always(),
        fi: "Kun jäljennös luovutetaan järjestelmästä, käyttölokiin merkitään, kuka sen antoi, milloin ja \
             mistä syystä.",
        sv: "När en kopia lämnas ut ur systemet antecknas i användningsloggen vem som gav den, när och av \
             vilken orsak.",
        en: "When a copy is handed out from the system, the audit log notes who gave it, when, and for \
             what reason.",
    },
    Sentence {
        id: "given.in_part",
        promises: &["HSY-17"],
        chapter: Chapter::Given,
        when: |_| always(),
        fi: "Jäljennös voidaan rajata siihen osaan puhelua, joka on tarpeen.",
        sv: "En kopia kan begränsas till den del av samtalet som behövs.",
        en: "A copy can be limited to the part of the call that is needed.",
    },
    Sentence {
        id: "given.approved",
        promises: &[],
        chapter: Chapter::Given,
        when: |c| c.services(|service| service.special_category),
        fi: "{services:in }jäljennöksen antaminen kuuntelujärjestelmästä vaatii toisen henkilön \
             hyväksynnän.",
        sv: "För att en kopia{ services:in} ska få lämnas ut ur lyssningssystemet krävs en annan persons \
             godkännande.",
        en: "A copy{ services:in} can be given from the listening system only with the approval of another \
             person.",
    },
    Sentence {
        id: "given.processors",
        promises: &[],
        chapter: Chapter::Given,
        when: |_| vec![vec![("processors", Fill::Blank(Blank::Processors))]],
        fi: "Rekisterinpitäjän lukuun tietoja käsittelevät: {processors}.",
        sv: "För den personuppgiftsansvariges räkning behandlas uppgifterna av: {processors}.",
        en: "On behalf of the controller, the data is processed by: {processors}.",
    },
    Sentence {
        id: "given.transfers",
        promises: &[],
        chapter: Chapter::Given,
        when: |_| vec![vec![("transfers", Fill::Blank(Blank::Transfers))]],
        fi: "Tietojen siirto EU:n tai Euroopan talousalueen ulkopuolelle: {transfers}.",
        sv: "Överföring av uppgifter utanför EU eller Europeiska ekonomiska samarbetsområdet: {transfers}.",
        en: "Transfer of data outside the EU or the European Economic Area: {transfers}.",
    },
];
