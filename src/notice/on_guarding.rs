//! How recordings are protected, and what the people recorded can ask for.

use super::conditions::{always, once};
use super::fill::{Blank, Fill};
use super::sentence::{Chapter, Sentence};
use crate::config::HideDigits;

pub(super) const PROTECTION: &[Sentence] = &[
    Sentence {
        id: "guarded.place",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |_| vec![vec![("place", Fill::Blank(Blank::Place))]],
        fi: "Tallennuspalvelin on sijoitettu seuraavasti: {place}.",
        sv: "Inspelningsservern är placerad på följande sätt: {place}.",
        en: "The recording server is located as follows: {place}.",
    },
    Sentence {
        id: "guarded.accounts",
        promises: &["HEL-2", "HELS-10", "ESP-15", "PWD-14", "HSY-19"],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room() && c.config.room.oidc.issuer.is_empty(), Vec::new()),
        fi: "Tallenteiden haku ja kuuntelu edellyttävät henkilökohtaista käyttäjätunnusta ja salasanaa.",
        sv: "För att söka och lyssna på inspelningar krävs ett personligt användarnamn och lösenord.",
        en: "Searching for and listening to recordings require a personal user name and password.",
    },
    Sentence {
        id: "guarded.provider",
        promises: &["HEL-2", "HELS-10", "ESP-15", "PWD-14", "HSY-19"],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room() && !c.config.room.oidc.issuer.is_empty(), Vec::new()),
        fi: "Tallenteiden haku ja kuuntelu edellyttävät henkilökohtaista kirjautumista organisaation \
             tunnistuspalvelussa tai henkilökohtaista käyttäjätunnusta ja salasanaa.",
        sv: "För att söka och lyssna på inspelningar krävs personlig inloggning i organisationens \
             identifieringstjänst eller ett personligt användarnamn och lösenord.",
        en: "Searching for and listening to recordings require a personal sign-in at the organisation's \
             identity provider, or a personal user name and password.",
    },
    Sentence {
        id: "guarded.roles",
        promises: &["HEL-2", "ESP-15", "PWD-24"],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room(), Vec::new()),
        fi: "Käyttöoikeudet perustuvat tehtäviin: oikeutta, jota ei ole myönnetty, ei ole.",
        sv: "Användarrättigheterna beviljas enligt uppgift: den som inte har beviljats en rättighet har \
             den inte.",
        en: "Rights are granted by task: what has not been granted is denied.",
    },
    Sentence {
        id: "guarded.undertaking",
        promises: &["ESP-16"],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room() && !c.config.room.undertaking.as_os_str().is_empty(), Vec::new()),
        fi: "Jokainen käyttäjä hyväksyy käyttö- ja salassapitositoumuksen ennen kuin hän pääsee \
             käsittelemään tallenteita.",
        sv: "Varje användare godkänner en användar- och sekretessförbindelse innan användaren får tillgång \
             till inspelningar.",
        en: "Every user accepts an undertaking of use and confidentiality before getting access to \
             recordings.",
    },
    Sentence {
        id: "guarded.session",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room(), vec![("idle", Fill::Lasting(c.config.room.session_idle))]),
        fi: "Kuuntelujärjestelmä kirjaa käyttäjän ulos, kun sitä ei ole käytetty {idle:gen} aikana.",
        sv: "Lyssningssystemet loggar ut användaren när det inte har använts på {idle}.",
        en: "The listening system signs a user out when it has not been used for {idle}.",
    },
    Sentence {
        id: "guarded.tls",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |c| once(c.has_room() && c.config.room.tls.is_set(), Vec::new()),
        fi: "Yhteys kuuntelujärjestelmään on salattu (TLS).",
        sv: "Förbindelsen till lyssningssystemet är krypterad (TLS).",
        en: "The connection to the listening system is encrypted (TLS).",
    },
    Sentence {
        id: "guarded.files",
        promises: &["HEL-2"],
        chapter: Chapter::Guarded,
        when: |c| once(!c.config.storage.group_read, Vec::new()),
        fi: "Tallennuspalvelimella tallennetiedostot voi avata vain tallennuspalvelu ja palvelimen \
             pääkäyttäjä.",
        sv: "På inspelningsservern kan inspelningsfilerna öppnas endast av inspelningstjänsten och \
             serverns huvudadministratör.",
        en: "On the recording server, only the recording service and the server's superuser can open the \
             files.",
    },
    Sentence {
        id: "guarded.logged",
        promises: &["ESP-15"],
        chapter: Chapter::Guarded,
        when: |c| once(!c.config.storage.group_read, Vec::new()),
        fi: "Jokaisesta hausta, katselusta, kuuntelusta, jäljennöksestä, suojauksesta ja poistosta jää \
             merkintä käyttölokiin.",
        sv: "Varje sökning, visning, lyssning, kopia, skyddsåtgärd och radering antecknas i \
             användningsloggen.",
        en: "Every search, view, listening, copy, protection and deletion is entered in the audit log.",
    },
    Sentence {
        id: "guarded.logged_in_system",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |c| once(c.config.storage.group_read, Vec::new()),
        fi: "Järjestelmän kautta tehdyistä hauista, katseluista, kuunteluista, jäljennöksistä, \
             suojauksista ja poistoista jää merkintä käyttölokiin.",
        sv: "Sökningar, visningar, lyssningar, kopior, skyddsåtgärder och raderingar som görs via systemet \
             antecknas i användningsloggen.",
        en: "Searches, views, listening, copies, protections and deletions that are made by way of the \
             system are entered in the audit log.",
    },
    Sentence {
        id: "guarded.sealed",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |_| always(),
        fi: "Käyttölokin merkinnät on ketjutettu ja allekirjoitettu, jotta jälkikäteinen muuttaminen \
             havaitaan.",
        sv: "Anteckningarna i användningsloggen är kedjade och signerade, så att ändringar i efterhand \
             upptäcks.",
        en: "The entries of the audit log are chained and signed, so that later changes are detected.",
    },
    Sentence {
        id: "guarded.anchored",
        promises: &[],
        chapter: Chapter::Guarded,
        when: |c| once(!c.config.audit.anchor.as_os_str().is_empty(), Vec::new()),
        fi: "Käyttölokin viimeisin tarkiste säilytetään lisäksi erillisessä paikassa.",
        sv: "Användningsloggens senaste kontrollsumma bevaras dessutom på en separat plats.",
        en: "The newest checksum of the audit log is kept in a separate place as well.",
    },
    Sentence {
        id: "guarded.statistics",
        promises: &["HSY-10"],
        chapter: Chapter::Guarded,
        when: |_| always(),
        fi: "Tilastoista ja raporteista ei voi tunnistaa yksittäistä asiakasta: niissä ei ole soittajien tietoja, \
             eikä lukumääriä yhdestä neljään näytetä.",
        sv: "Ingen enskild kund kan identifieras i statistik och rapporter: de innehåller inga uppgifter om dem \
             som ringer, och antal från ett till fyra visas inte.",
        en: "No individual customer can be identified in statistics and reports: they contain no data of callers, \
             and counts from one to four are not shown.",
    },
];

pub(super) const DATA_SUBJECTS: &[Sentence] = &[
    Sentence {
        id: "rights.copy",
        promises: &["HELS-14", "ESP-17", "PWD-21", "HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröidyllä on oikeus saada jäljennös puhelutallenteestaan ja siihen liittyvistä \
             tiedoista.",
        sv: "Den registrerade har rätt att få en kopia av inspelningen av sitt samtal och av uppgifterna \
             om den.",
        en: "Data subjects have the right to a copy of the recording of their call and of the data about \
             it.",
    },
    Sentence {
        id: "rights.rectify",
        promises: &["ESP-21", "PWD-22", "HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröidyllä on oikeus saada virheelliset tiedot oikaistuiksi tai täydennetyiksi; ääntä ei \
             muuteta, ja aiemmat tiedot säilyvät tallenteen säilytysajan loppuun.",
        sv: "Den registrerade har rätt att få felaktiga uppgifter rättade eller kompletterade; ljudet \
             ändras inte, och de tidigare uppgifterna bevaras till slutet av inspelningens bevaringstid.",
        en: "Data subjects have the right to have wrong data corrected or completed; the sound is not \
             changed, and the previous data remains until the end of the recording's term.",
    },
    Sentence {
        id: "rights.erase",
        promises: &["ESP-22", "PWD-22", "HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröity voi pyytää tallenteen poistamista; suojattua tallennetta ei poisteta, ja pyyntö \
             voidaan evätä laissa säädetyllä perusteella.",
        sv: "Den registrerade kan begära att en inspelning raderas; en skyddad inspelning raderas inte, \
             och begäran kan avslås på en grund som anges i lag.",
        en: "Data subjects can ask for a recording to be erased; a protected recording is not erased, and \
             the request can be refused on a ground laid down by law.",
    },
    Sentence {
        id: "rights.restrict",
        promises: &["ESP-23", "HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröity voi vaatia käsittelyn rajoittamista: rajoitettu tallenne säilytetään, mutta sitä \
             ei voi kuunnella eikä luovuttaa.",
        sv: "Den registrerade kan kräva att behandlingen begränsas: en begränsad inspelning bevaras, men \
             man kan varken lyssna på den eller lämna ut den.",
        en: "Data subjects can demand that processing be restricted: a restricted recording is kept, but \
             can be neither listened to nor handed out.",
    },
    Sentence {
        id: "rights.object",
        promises: &["HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröity voi vastustaa tietojensa käsittelyä EU:n yleisen tietosuoja-asetuksen 21 \
             artiklan mukaisesti.",
        sv: "Den registrerade kan invända mot behandlingen av sina uppgifter enligt artikel 21 i EU:s \
             allmänna dataskyddsförordning.",
        en: "Data subjects can object to the processing of their data under Article 21 of the General Data \
             Protection Regulation.",
    },
    Sentence {
        id: "rights.how_to_find",
        promises: &[],
        chapter: Chapter::Rights,
        when: |c| once(c.any(|service| service.hide_caller_digits != HideDigits::Last(0)), Vec::new()),
        fi: "Koska puhelinnumeroa ei aina tallenneta kokonaan, pyynnössä on hyvä mainita puhelun ajankohta \
             ja palvelu.",
        sv: "Eftersom telefonnumret inte alltid sparas i sin helhet är det bra att i begäran nämna \
             tidpunkten för samtalet och tjänsten.",
        en: "As the telephone number is not always stored in full, a request should mention the time of \
             the call and the service.",
    },
    Sentence {
        id: "rights.identity",
        promises: &["HSY-22"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Pyynnön tekijää voidaan pyytää täsmentämään pyyntöä ja todistamaan henkilöllisyytensä.",
        sv: "Den som framställer en begäran kan bli ombedd att precisera den och att styrka sin identitet.",
        en: "Whoever makes a request can be asked to specify it and to prove their identity.",
    },
    Sentence {
        id: "rights.answer",
        promises: &["ESP-18", "ESP-20"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Pyyntöön vastataan maksutta kuukauden kuluessa; määräaikaa voidaan perustellusta syystä \
             jatkaa enintään kahdella kuukaudella.",
        sv: "En begäran besvaras avgiftsfritt inom en månad; tiden kan av motiverade skäl förlängas med \
             högst två månader.",
        en: "A request is answered free of charge within one month; for good reason, this can be extended \
             by two months at most.",
    },
    Sentence {
        id: "rights.refusal",
        promises: &["ESP-19", "PWD-23", "HSY-23"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Jos pyyntöä ei toteuteta, siitä annetaan kirjallinen ilmoitus, jossa ovat oikeudellinen \
             peruste ja ohjeet valituksen tekemisestä.",
        sv: "Om en begäran inte tillmötesgås ges ett skriftligt meddelande med den rättsliga grunden och \
             anvisningar om hur man klagar.",
        en: "If a request is not fulfilled, a written notice gives the legal ground and explains how to \
             complain.",
    },
    Sentence {
        id: "rights.complaint",
        promises: &["ESP-19", "HSY-21"],
        chapter: Chapter::Rights,
        when: |_| always(),
        fi: "Rekisteröidyllä on oikeus tehdä valitus valvontaviranomaiselle, joka Suomessa on \
             tietosuojavaltuutettu (www.tietosuoja.fi).",
        sv: "Den registrerade har rätt att lämna in klagomål till tillsynsmyndigheten, som i Finland är \
             dataombudsmannen (www.tietosuoja.fi/sv).",
        en: "Data subjects have the right to lodge a complaint with the supervisory authority, in Finland \
             the Data Protection Ombudsman (www.tietosuoja.fi/en).",
    },
];
