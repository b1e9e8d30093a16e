//! Which data of a call is stored.

use super::conditions::{Conditions, always, once};
use super::fill::{Fill, Filling};
use super::sentence::{Chapter, Sentence};
use crate::config::HideDigits;

/// The services of each number of digits that is left out.
pub(super) fn parts_of_numbers(c: &Conditions<'_>) -> Vec<Filling> {
    let groups = c.grouped(|service| match service.hide_caller_digits {
        HideDigits::Last(n) if n > 0 => Some(n),
        HideDigits::Last(_) | HideDigits::All => None,
    });
    let filled = |(services, n)| vec![("services", services), ("digits", Fill::Digits(n))];
    groups.into_iter().map(filled).collect()
}

pub(super) const WHICH_DATA: &[Sentence] = &[
    Sentence {
        id: "data.sound",
        promises: &["PWD-5"],
        chapter: Chapter::Data,
        when: |_| always(),
        fi: "Tallenteessa kuuluu, mitä asiakas ja asiakaspalvelija puhelussa sanovat.",
        sv: "Inspelningen innehåller det som kunden och kundbetjänaren säger under samtalet.",
        en: "The recording contains what the customer and the agent say during the call.",
    },
    Sentence {
        id: "data.times",
        promises: &["HEL-3", "HELS-4", "ESP-9", "PWD-2", "HSY-1", "HSY-5"],
        chapter: Chapter::Data,
        when: |_| always(),
        fi: "Puhelusta tallennetaan päivämäärä, alkamis- ja päättymisaika sekä kesto.",
        sv: "Om samtalet sparas datum, start- och sluttid samt längd.",
        en: "The date, the start and end time and the length of the call are stored.",
    },
    Sentence {
        id: "data.service",
        promises: &["ESP-8", "HSY-2"],
        chapter: Chapter::Data,
        when: |_| always(),
        fi: "Puhelusta tallennetaan palvelu, jota se koskee, ja numero, johon soitettiin.",
        sv: "Om samtalet sparas vilken tjänst det gäller och vilket nummer som ringdes upp.",
        en: "The service that the call is about and the number that was called are stored.",
    },
    Sentence {
        id: "data.agent_extension",
        promises: &["HEL-3", "HELS-4", "ESP-7", "PWD-4"],
        chapter: Chapter::Data,
        when: |c| {
            let agents = &c.config.agents;
            let is_number = !agents.extensions.is_empty() && agents.header.is_empty();
            once(is_number, Vec::new())
        },
        fi: "Puhelusta tallennetaan asiakaspalvelijan alanumero.",
        sv: "Om samtalet sparas kundbetjänarens anknytningsnummer.",
        en: "The agent's extension is stored.",
    },
    Sentence {
        id: "data.agent_id",
        promises: &["HEL-3", "HELS-4", "ESP-7", "PWD-4"],
        chapter: Chapter::Data,
        when: |c| {
            let agents = &c.config.agents;
            let is_number = !agents.extensions.is_empty() && agents.header.is_empty();
            once(!is_number, Vec::new())
        },
        fi: "Puhelusta tallennetaan asiakaspalvelijan tunniste.",
        sv: "Om samtalet sparas kundbetjänarens identifieringskod.",
        en: "An identifier of the agent is stored.",
    },
    Sentence {
        id: "data.agent_name",
        promises: &["HSY-3"],
        chapter: Chapter::Data,
        when: |c| once(!c.config.agents.names.is_empty(), Vec::new()),
        fi: "Puhelusta tallennetaan myös asiakaspalvelijan nimi, jos se on merkitty järjestelmään.",
        sv: "Om samtalet sparas också kundbetjänarens namn, om det har förts in i systemet.",
        en: "The agent's name is stored as well if it has been entered into the system.",
    },
    Sentence {
        id: "data.number_whole",
        promises: &["ESP-6", "PWD-3", "HSY-4"],
        chapter: Chapter::Data,
        when: |c| c.services(|service| service.hide_caller_digits == HideDigits::Last(0)),
        fi: "{services:in }asiakkaan puhelinnumero tallennetaan kokonaan.",
        sv: "Kundens telefonnummer sparas{ services:in} i sin helhet.",
        en: "The customer's telephone number is stored{ services:in} in full.",
    },
    Sentence {
        id: "data.number_part",
        promises: &["HEL-3", "HELS-4"],
        chapter: Chapter::Data,
        when: parts_of_numbers,
        fi: "{services:in }asiakkaan puhelinnumerosta tallennetaan vain osa: lopusta jätetään pysyvästi \
             pois {digits}.",
        sv: "Av kundens telefonnummer sparas{ services:in} endast en del: i slutet utelämnas {digits} för \
             gott.",
        en: "Only a part of the customer's telephone number is stored{ services:in}, for good without \
             {digits} at its end.",
    },
    Sentence {
        id: "data.number_none",
        promises: &[],
        chapter: Chapter::Data,
        when: |c| c.services(|service| service.hide_caller_digits == HideDigits::All),
        fi: "{services:in }asiakkaan puhelinnumeroa ei tallenneta.",
        sv: "Kundens telefonnummer sparas{ services:in} inte.",
        en: "The customer's telephone number is not stored{ services:in}.",
    },
    Sentence {
        id: "data.number_withheld",
        promises: &["HSY-4"],
        chapter: Chapter::Data,
        when: |c| once(c.any(|service| service.hide_caller_digits != HideDigits::All), Vec::new()),
        fi: "Salaista puhelinnumeroa ei tallenneta lainkaan.",
        sv: "Ett hemligt telefonnummer sparas inte alls.",
        en: "A withheld telephone number is not stored at all.",
    },
    Sentence {
        id: "data.technical",
        promises: &["HSY-7"],
        chapter: Chapter::Data,
        when: |_| always(),
        fi: "Lisäksi tallennetaan puhelun tekninen tunniste, puhelun päättäjä, tiedot äänen laadusta sekä \
             puhelun tapahtumat, kuten pito.",
        sv: "Dessutom sparas samtalets tekniska identifierare, vem som avslutade samtalet, uppgifter om \
             ljudets kvalitet och händelser under samtalet, såsom parkering.",
        en: "The technical identifier of the call, who ended it, the quality of the sound and events \
             during the call, such as hold, are stored as well.",
    },
    Sentence {
        id: "data.keys",
        promises: &[],
        chapter: Chapter::Data,
        when: |_| always(),
        fi: "Näppäinten painalluksista merkitään tietoihin vain ajankohta, ei sitä, mitä näppäintä \
             painettiin.",
        sv: "Av knapptryckningar antecknas endast tidpunkten, inte vilken knapp som trycktes ned.",
        en: "Of key presses only the time is noted, not which key was pressed.",
    },
    Sentence {
        id: "data.tones_silenced",
        promises: &[],
        chapter: Chapter::Data,
        when: |c| c.services(|service| service.silence_tones),
        fi: "{services:in }näppäinäänet vaiennetaan tallenteesta.",
        sv: "Knappljuden tystas{ services:in} i inspelningen.",
        en: "The tones of keys are silenced{ services:in} in the recording.",
    },
    Sentence {
        id: "data.undecoded",
        promises: &[],
        chapter: Chapter::Data,
        when: |c| once(c.config.storage.keep_undecoded, Vec::new()),
        fi: "Jos ääntä ei voida purkaa, sen datapaketit säilytetään tallenteen rinnalla yhtä kauan kuin \
             tallenne.",
        sv: "Om ljudet inte kan avkodas bevaras dess datapaket vid sidan av inspelningen lika länge som \
             den.",
        en: "If the sound cannot be decoded, its data packets are kept beside the recording, and for as \
             long.",
    },
    Sentence {
        id: "data.unrecorded",
        promises: &["HEL-8"],
        chapter: Chapter::Data,
        when: |c| vec![vec![("keep", Fill::Lasting(c.config.log.keep))]],
        fi: "Vastatusta puhelusta, jota ei tallennettu, säilytetään {keep:gen} ajan merkintä: aika, syy, \
             palvelu ja puhelinnumerot samassa laajuudessa kuin tallenteissa.",
        sv: "Om ett besvarat samtal som inte spelades in bevaras i {keep} en anteckning: tid, orsak, \
             tjänst och telefonnummer i samma omfattning som i inspelningar.",
        en: "Of an answered call that was not recorded, a note is kept for {keep}: time, reason, service, \
             and telephone numbers to the same extent as in recordings.",
    },
];
