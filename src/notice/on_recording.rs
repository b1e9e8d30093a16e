//! Who is responsible; which calls are recorded, from when to when, and what for.

use super::conditions::{always, goes, once, text_or};
use super::fill::{Blank, Fill};
use super::sentence::{Chapter, Sentence};
use crate::config::CallDirection;

pub(super) const WHO_AND_WHICH: &[Sentence] = &[
    Sentence {
        id: "controller.name",
        promises: &[],
        chapter: Chapter::Controller,
        when: |c| vec![vec![("name", text_or(&c.config.controller.name, Blank::Controller))]],
        fi: "Rekisterinpitäjä on {name}.",
        sv: "Personuppgiftsansvarig är {name}.",
        en: "The controller is {name}.",
    },
    Sentence {
        id: "controller.address",
        promises: &[],
        chapter: Chapter::Controller,
        when: |c| {
            let lines =
                c.config.controller.address.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
            let address = lines.collect::<Vec<_>>().join(", ");
            once(!address.is_empty(), vec![("address", Fill::Text(address))])
        },
        fi: "Rekisterinpitäjän postiosoite on {address}.",
        sv: "Den personuppgiftsansvariges postadress är {address}.",
        en: "The postal address of the controller is {address}.",
    },
    Sentence {
        id: "controller.contact",
        promises: &[],
        chapter: Chapter::Controller,
        when: |c| vec![vec![("contact", text_or(&c.config.controller.contact, Blank::Contact))]],
        fi: "Yhteydenotot puhelutallenteita koskevissa asioissa: {contact}.",
        sv: "Kontakt i ärenden som gäller inspelade samtal: {contact}.",
        en: "Contact for questions about recorded calls: {contact}.",
    },
    Sentence {
        id: "controller.officer",
        promises: &[],
        chapter: Chapter::Controller,
        when: |c| vec![vec![("officer", text_or(&c.config.controller.officer, Blank::Officer))]],
        fi: "Tietosuojavastaavan yhteystiedot: {officer}.",
        sv: "Dataskyddsombudets kontaktuppgifter: {officer}.",
        en: "Contact details of the data protection officer: {officer}.",
    },
    Sentence {
        id: "calls.inbound",
        promises: &["HEL-16", "ESP-1", "PWD-1"],
        chapter: Chapter::Recorded,
        when: |c| c.services(|service| goes(service, CallDirection::Inbound)),
        fi: "Asiakkaiden{ services:to} soittamat puhelut, joihin asiakaspalvelija vastaa, tallennetaan.",
        sv: "Samtal som kunder ringer{ services:to} och som en kundbetjänare besvarar spelas in.",
        en: "Calls that customers make{ services:to} and that an agent answers are recorded.",
    },
    Sentence {
        id: "calls.not_inbound",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| c.services(|service| !goes(service, CallDirection::Inbound)),
        fi: "Asiakkaiden{ services:to} soittamia puheluita ei tallenneta.",
        sv: "Samtal som kunder ringer{ services:to} spelas inte in.",
        en: "Calls that customers make{ services:to} are not recorded.",
    },
    Sentence {
        id: "calls.outbound",
        promises: &["HEL-16", "HSY-8"],
        chapter: Chapter::Recorded,
        when: |c| once(c.others().record && goes(c.others(), CallDirection::Outbound), Vec::new()),
        fi: "Asiakaspalvelijoiden asiakkaille soittamat puhelut tallennetaan.",
        sv: "Samtal som kundbetjänare ringer till kunder spelas in.",
        en: "Calls that agents make to customers are recorded.",
    },
    Sentence {
        id: "calls.outbound_rules",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| {
            let is_general = c.others().record && goes(c.others(), CallDirection::Outbound);
            once(is_general && c.differ(), Vec::new())
        },
        fi: "Asiakaspalvelijan asiakkaalle soittamaa puhelua koskee se, mitä tässä sanotaan muista \
             palveluista.",
        sv: "För samtal som en kundbetjänare ringer till en kund gäller det som här sägs om övriga \
             tjänster.",
        en: "For calls that agents make to customers, what is said here of all other services applies.",
    },
    Sentence {
        id: "calls.outbound_to",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| match c.others().record && goes(c.others(), CallDirection::Outbound) {
            true => Vec::new(),
            false => c.services(|service| goes(service, CallDirection::Outbound)),
        },
        fi: "Lähtevät puhelut{ services:to} tallennetaan.",
        sv: "Utgående samtal{ services:to} spelas in.",
        en: "Outgoing calls{ services:to} are recorded.",
    },
    Sentence {
        id: "calls.not_outbound",
        promises: &["ESP-1", "PWD-1"],
        chapter: Chapter::Recorded,
        when: |c| once(!c.any(|service| goes(service, CallDirection::Outbound)), Vec::new()),
        fi: "Asiakaspalvelijoiden asiakkaille soittamia puheluita ei tallenneta.",
        sv: "Samtal som kundbetjänare ringer till kunder spelas inte in.",
        en: "Calls that agents make to customers are not recorded.",
    },
    Sentence {
        id: "calls.internal",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| once(c.config.agents.record_internal, Vec::new()),
        fi: "Asiakaspalvelijoiden keskinäiset puhelut tallennetaan.",
        sv: "Samtal mellan kundbetjänare spelas in.",
        en: "Calls between agents are recorded.",
    },
    Sentence {
        id: "calls.not_internal",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| once(!c.config.agents.record_internal, Vec::new()),
        fi: "Asiakaspalvelijoiden keskinäisiä puheluita ei tallenneta.",
        sv: "Samtal mellan kundbetjänare spelas inte in.",
        en: "Calls between agents are not recorded.",
    },
    Sentence {
        id: "calls.excluded",
        promises: &[],
        chapter: Chapter::Recorded,
        when: |c| c.excluded(),
        fi: "Puheluita{ services:to} ei tallenneta lainkaan.",
        sv: "Inga samtal{ services:to} spelas in.",
        en: "No calls{ services:to} are recorded.",
    },
    Sentence {
        id: "calls.files",
        promises: &["HEL-1", "HELS-2", "PWD-12", "HSY-13"],
        chapter: Chapter::Recorded,
        when: |_| always(),
        fi: "Puhelut tallennetaan WAV-tiedostoina tallennuspalvelimelle.",
        sv: "Samtalen sparas som WAV-filer på en inspelningsserver.",
        en: "Calls are stored as WAV files on a recording server.",
    },
];

pub(super) const WHEN: &[Sentence] = &[
    Sentence {
        id: "times.announced",
        promises: &["HEL-7", "HELS-1", "ESP-5", "PWD-20"],
        chapter: Chapter::Times,
        when: |c| {
            let least = c.grouped(|service| {
                service.announcement_min.0.filter(|_| goes(service, CallDirection::Inbound))
            });
            let filled = |(services, least)| vec![("services", services), ("least", Fill::Lasting(least))];
            least.into_iter().map(filled).collect()
        },
        fi: "{services:in }tallentamisesta kerrotaan soittajalle ennen kuin asiakaspalvelija vastaa, ja \
             järjestelmä merkitsee tallenteen, jos soittajalla oli vähemmän kuin {least:alone} aikaa \
             kuulla tiedote.",
        sv: "Den som ringer{ services:to} får veta att samtalet spelas in innan en kundbetjänare svarar, \
             och systemet märker inspelningen om den som ringde hade mindre än {least} på sig att höra \
             meddelandet.",
        en: "Callers{ services:to} are told of the recording before an agent answers, and the system marks \
             a recording whose caller had less than {least} to hear the announcement.",
    },
    Sentence {
        id: "times.agent_answers",
        promises: &["HSY-6"],
        chapter: Chapter::Times,
        when: |c| {
            once(!c.has_sessions() && c.any(|service| goes(service, CallDirection::Inbound)), Vec::new())
        },
        fi: "Asiakkaan soittaman puhelun tallennus alkaa, kun asiakaspalvelija vastaa.",
        sv: "Inspelningen av ett samtal från en kund börjar när kundbetjänaren svarar.",
        en: "Recording of a call from a customer starts when the agent answers.",
    },
    Sentence {
        id: "times.customer_answers",
        promises: &["HSY-8"],
        chapter: Chapter::Times,
        when: |c| {
            once(!c.has_sessions() && c.any(|service| goes(service, CallDirection::Outbound)), Vec::new())
        },
        fi: "Asiakaspalvelijan soittaman puhelun tallennus alkaa, kun asiakas vastaa.",
        sv: "Inspelningen av ett samtal från en kundbetjänare börjar när kunden svarar.",
        en: "Recording of a call from an agent starts when the customer answers.",
    },
    Sentence {
        id: "times.nothing_before",
        promises: &["HSY-6"],
        chapter: Chapter::Times,
        when: |c| once(!c.has_sessions(), Vec::new()),
        fi: "Sitä ennen ei tallenneta mitään: ei hälytysääntä, jonotusmusiikkia eikä tiedotteita.",
        sv: "Dessförinnan spelas ingenting in: varken ringsignal, kömusik eller meddelanden.",
        en: "Nothing is recorded before that: no ringing, no queue music, no announcements.",
    },
    Sentence {
        id: "times.session",
        promises: &[],
        chapter: Chapter::Times,
        when: |c| once(c.has_sessions(), Vec::new()),
        fi: "Tallennus alkaa, kun puhelinjärjestelmä aloittaa vastatun puhelun lähettämisen \
             tallennuspalvelimelle.",
        sv: "Inspelningen börjar när telefonsystemet börjar sända ett besvarat samtal till \
             inspelningsservern.",
        en: "Recording starts when the telephone system begins to send an answered call to the recording \
             server.",
    },
    Sentence {
        id: "times.hangup",
        promises: &["HSY-7"],
        chapter: Chapter::Times,
        when: |_| always(),
        fi: "Tallennus päättyy, kun asiakas tai asiakaspalvelija sulkee linjan.",
        sv: "Inspelningen slutar när kunden eller kundbetjänaren lägger på.",
        en: "Recording ends when the customer or the agent hangs up.",
    },
    Sentence {
        id: "times.silence",
        promises: &[],
        chapter: Chapter::Times,
        when: |c| {
            let sip = &c.config.sip;
            let (silence, longest) = (Fill::Lasting(sip.media_timeout), Fill::Lasting(sip.max_silence));
            vec![vec![("silence", silence), ("longest", longest)]]
        },
        fi: "Jos linjan sulkemista ei havaita, tallennus päättyy, kun puhelusta ei ole tullut mitään \
             merkkiä {silence:gen} aikana tai ääntä {longest:gen} aikana; tämä ei koske pidossa olevaa \
             puhelua.",
        sv: "Om det inte märks att samtalet avslutas, slutar inspelningen när samtalet inte har gett något \
             livstecken på {silence} eller inget ljud på {longest}; detta gäller inte parkerade samtal.",
        en: "If the end of the call is not noticed, recording ends when the call has given no sign of life \
             for {silence}, or no sound for {longest}; this does not apply to calls on hold.",
    },
    Sentence {
        id: "times.transfer",
        promises: &["ESP-3"],
        chapter: Chapter::Times,
        when: |_| always(),
        fi: "Kun puhelu siirretään toiselle asiakaspalvelijalle, hänen osuudestaan syntyy erillinen \
             tallenne.",
        sv: "När ett samtal kopplas vidare till en annan kundbetjänare blir dennes del en separat \
             inspelning.",
        en: "When a call is transferred to another agent, that agent's part becomes a separate recording.",
    },
    Sentence {
        id: "times.pause",
        promises: &[],
        chapter: Chapter::Times,
        when: |c| {
            let limit = || Fill::Lasting(c.config.pause.limit);
            let services = c.services(|service| c.pauses(service));
            services.into_iter().map(|filling| [filling, vec![("limit", limit())]].concat()).collect()
        },
        fi: "{services:in }tallennus voidaan keskeyttää esimerkiksi maksukortin numeron sanomisen ajaksi; \
             se jatkuu itsestään viimeistään {limit:gen} kuluttua, eikä keskeytyksen ajalta tallennu \
             ääntä.",
        sv: "Inspelningen{ services:in} kan avbrytas till exempel medan ett kortnummer läses upp; den \
             fortsätter av sig själv senast efter {limit}, och under avbrottet sparas inget ljud.",
        en: "Recording{ services:in} can be paused, for example while a card number is read out; it \
             resumes by itself after {limit} at the latest, and no sound is stored during the pause.",
    },
    Sentence {
        id: "times.no_pause",
        promises: &[],
        chapter: Chapter::Times,
        when: |c| c.services(|service| !c.pauses(service)),
        fi: "{services:in }tallennusta ei voi keskeyttää puhelun aikana.",
        sv: "Inspelningen{ services:in} kan inte avbrytas under samtalet.",
        en: "Recording{ services:in} cannot be paused during the call.",
    },
];

pub(super) const WHAT_FOR: &[Sentence] = &[
    Sentence {
        id: "purpose.open",
        promises: &[],
        chapter: Chapter::Purpose,
        when: |_| vec![vec![("purpose", Fill::Blank(Blank::Purpose))]],
        fi: "Puheluita tallennetaan seuraaviin tarkoituksiin: {purpose}.",
        sv: "Samtal spelas in för följande ändamål: {purpose}.",
        en: "Calls are recorded for these purposes: {purpose}.",
    },
    Sentence {
        id: "purpose.basis",
        promises: &[],
        chapter: Chapter::Purpose,
        when: |_| vec![vec![("basis", Fill::Blank(Blank::Basis))]],
        fi: "Käsittelyn oikeusperuste: {basis}.",
        sv: "Rättslig grund för behandlingen: {basis}.",
        en: "Legal basis of the processing: {basis}.",
    },
    Sentence {
        id: "purpose.heard_for",
        promises: &["HEL-4", "HEL-5", "HEL-12"],
        chapter: Chapter::Purpose,
        when: |c| {
            let groups = c.grouped(|service| c.reasons(service));
            let filled =
                |(services, reasons)| vec![("services", services), ("reasons", Fill::Reasons(reasons))];
            groups.into_iter().map(filled).collect()
        },
        fi: "{services:in }tallenteita saa kuunnella vain seuraaviin tarkoituksiin: {reasons}.",
        sv: "Man får lyssna på inspelningar{ services:in} endast för följande ändamål: {reasons}.",
        en: "Recordings{ services:in} may be listened to only for these purposes: {reasons}.",
    },
    Sentence {
        id: "purpose.not_for_quality",
        promises: &["HEL-4"],
        chapter: Chapter::Purpose,
        when: |c| c.services(|service| service.special_category),
        fi: "{services:in }tallenteita ei kuunnella palvelun laadun seuraamiseksi.",
        sv: "Ingen lyssnar på inspelningar{ services:in} för att följa upp servicens kvalitet.",
        en: "Recordings{ services:in} are not listened to in order to monitor the quality of the service.",
    },
    Sentence {
        id: "purpose.special",
        promises: &["HEL-11"],
        chapter: Chapter::Purpose,
        when: |c| {
            let services = c.services(|service| service.special_category);
            let basis = |filling| [filling, vec![("basis", Fill::Blank(Blank::SpecialBasis))]].concat();
            services.into_iter().map(basis).collect()
        },
        fi: "{services:in }puhelut voivat sisältää terveyttä tai sosiaalihuoltoa koskevia tietoja, joiden \
             käsittelyn peruste on {basis}.",
        sv: "Samtal{ services:in} kan innehålla uppgifter om hälsa eller socialvård, som behandlas på \
             följande grund: {basis}.",
        en: "Calls{ services:in} may contain data on health or social welfare, which are processed on this \
             ground: {basis}.",
    },
];
