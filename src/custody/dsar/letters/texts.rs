//! What the letters say, in Finnish, Swedish and English. `{word}` is filled in.

use crate::config::Language;

/// The letters in one language. Lists by right are in the order of `SubjectRight::ALL`.
pub(super) struct LetterTexts {
    /// Receipt, extension, answer, refusal, certificate.
    pub(super) titles: [&'static str; 5],
    pub(super) case: &'static str,
    pub(super) rights: [&'static str; 5],
    pub(super) receipt: [&'static str; 3],
    pub(super) identity: &'static str,
    pub(super) extension: [&'static str; 3],
    pub(super) came: &'static str,
    pub(super) granted: [&'static str; 5],
    pub(super) partly: &'static str,
    pub(super) refused: &'static str,
    pub(super) deferred: &'static str,
    pub(super) ground: &'static str,
    pub(super) why: &'static str,
    pub(super) certificate: [&'static str; 2],
    pub(super) certificate_partly: &'static str,
    pub(super) complain: [&'static str; 2],
    pub(super) contact: &'static str,
    pub(super) officer: &'static str,
}

/// Those of a language.
pub(super) const fn texts(language: Language) -> &'static LetterTexts {
    match language {
        Language::Fi => &FI,
        Language::Sv => &SV,
        Language::En => &EN,
    }
}

const FI: LetterTexts = LetterTexts {
    titles: [
        "Ilmoitus pyynnön vastaanottamisesta",
        "Ilmoitus määräajan jatkamisesta",
        "Vastaus pyyntöön",
        "Ilmoitus pyynnön toteuttamatta jättämisestä",
        "Kieltäytymistodistus",
    ],
    case: "Asianumero",
    rights: [
        "oikeus saada pääsy tietoihin ja jäljennös niistä (EU:n yleisen tietosuoja-asetuksen 15 artikla)",
        "oikeus tietojen oikaisemiseen (EU:n yleisen tietosuoja-asetuksen 16 artikla)",
        "oikeus tietojen poistamiseen (EU:n yleisen tietosuoja-asetuksen 17 artikla)",
        "oikeus käsittelyn rajoittamiseen (EU:n yleisen tietosuoja-asetuksen 18 artikla)",
        "oikeus vastustaa käsittelyä (EU:n yleisen tietosuoja-asetuksen 21 artikla)",
    ],
    receipt: [
        "Olemme saaneet {received} puhelutallenteita koskevan pyyntönne. Pyyntö koskee seuraavaa oikeutta: {right}.",
        "Vastaamme ilman aiheetonta viivytystä ja viimeistään {due}. Jos käsittely vaatii enemmän aikaa, määräaikaa \
         voidaan jatkaa enintään kahdella kuukaudella. Siinä tapauksessa ilmoitamme teille jatkamisesta ja sen syistä ennen \
         määräajan päättymistä.",
        "Pyynnön käsittely on teille maksutonta.",
    ],
    identity: "Emme ole vielä voineet varmistaa henkilöllisyyttänne. Pyydämme teitä todistamaan sen ja tarvittaessa \
               täsmentämään, mitä puheluja pyyntönne koskee.",
    extension: [
        "Saimme pyyntönne {received}. Jatkamme sen käsittelyn määräaikaa ja vastaamme viimeistään {due}.",
        "Jatkamisen syyt: {longer}",
        "Jatkaminen perustuu EU:n yleisen tietosuoja-asetuksen (EU) 2016/679 12 artiklan 3 kohtaan.",
    ],
    came: "Saimme {received} puhelutallenteita koskevan pyyntönne. Pyyntö koskee seuraavaa oikeutta: {right}.",
    granted: [
        "Annamme teille jäljennöksen tallenteista sekä tiedot siitä, mitä niistä tiedetään ja kuka niitä on käsitellyt.",
        "Olemme oikaisseet tai täydentäneet tiedot. Aiemmat tiedot säilyvät tallenteen yhteydessä sen säilytysajan loppuun.",
        "Olemme poistaneet tallenteet ja niiden tiedot.",
        "Olemme rajoittaneet tallenteiden käsittelyä: ne säilytetään, mutta niitä ei kuunnella eikä luovuteta.",
        "Olemme hyväksyneet vastustuksenne.",
    ],
    partly: "Toteutamme pyynnön vain osittain.",
    refused: "Emme voi toteuttaa pyyntöä.",
    deferred: "Emme voi vielä poistaa tallenteita. Käsittelemme pyynnön uudelleen, kun peruste säilyttää ne on päättynyt.",
    ground: "Oikeudellinen peruste: {ground}",
    why: "Perustelut: {why}",
    certificate: [
        "{controller} todistaa kieltäytyneensä toteuttamasta puhelutallenteita koskevaa pyyntöä, jonka {name} on esittänyt \
         {received}. Pyyntö koski seuraavaa oikeutta: {right}.",
        "Pyyntö on ratkaistu {decided}.",
    ],
    certificate_partly: "{controller} todistaa kieltäytyneensä osittain toteuttamasta puhelutallenteita koskevaa pyyntöä, \
                         jonka {name} on esittänyt {received}. Pyyntö koski seuraavaa oikeutta: {right}.",
    complain: [
        "Jos katsotte, että henkilötietojenne käsittelyssä rikotaan tietosuojalainsäädäntöä, teillä on oikeus tehdä valitus \
         valvontaviranomaiselle (tietosuoja-asetuksen 77 artikla). Suomessa valvontaviranomainen on tietosuojavaltuutettu: \
         Tietosuojavaltuutetun toimisto, PL 800, 00531 Helsinki, puhelin 029 566 6700, tietosuoja@om.fi, www.tietosuoja.fi.",
        "Teillä on myös oikeus tehokkaisiin oikeussuojakeinoihin tuomioistuimessa (tietosuoja-asetuksen 79 artikla).",
    ],
    contact: "Yhteydenotot: {contact}",
    officer: "Tietosuojavastaava: {officer}",
};

const SV: LetterTexts = LetterTexts {
    titles: [
        "Bekräftelse på att begäran har tagits emot",
        "Meddelande om förlängd tid",
        "Svar på begäran",
        "Meddelande om att begäran inte tillmötesgås",
        "Intyg om vägran",
    ],
    case: "Ärendenummer",
    rights: [
        "rätt att få tillgång till uppgifter och en kopia av dem (artikel 15 i EU:s allmänna dataskyddsförordning)",
        "rätt till rättelse (artikel 16 i EU:s allmänna dataskyddsförordning)",
        "rätt till radering (artikel 17 i EU:s allmänna dataskyddsförordning)",
        "rätt till begränsning av behandling (artikel 18 i EU:s allmänna dataskyddsförordning)",
        "rätt att göra invändningar (artikel 21 i EU:s allmänna dataskyddsförordning)",
    ],
    receipt: [
        "Vi tog den {received} emot er begäran om inspelade samtal. Begäran gäller följande rättighet: {right}.",
        "Vi svarar utan onödigt dröjsmål och senast den {due}. Om behandlingen kräver mer tid kan tiden förlängas med högst \
         två månader. I så fall meddelar vi er om förlängningen och orsakerna till den innan tiden har gått ut.",
        "Behandlingen av begäran är avgiftsfri för er.",
    ],
    identity: "Vi har ännu inte kunnat säkerställa er identitet. Vi ber er styrka den och vid behov precisera vilka samtal \
               begäran gäller.",
    extension: [
        "Vi tog emot er begäran den {received}. Vi förlänger tiden för behandlingen och svarar senast den {due}.",
        "Orsaker till förlängningen: {longer}",
        "Förlängningen grundar sig på artikel 12.3 i EU:s allmänna dataskyddsförordning (EU) 2016/679.",
    ],
    came: "Vi tog den {received} emot er begäran om inspelade samtal. Begäran gäller följande rättighet: {right}.",
    granted: [
        "Vi ger er en kopia av inspelningarna och uppgifter om vad som är känt om dem och vem som har behandlat dem.",
        "Vi har rättat eller kompletterat uppgifterna. De tidigare uppgifterna bevaras med inspelningen till slutet av dess \
         bevaringstid.",
        "Vi har raderat inspelningarna och uppgifterna om dem.",
        "Vi har begränsat behandlingen av inspelningarna: de bevaras, men ingen lyssnar på dem och de lämnas inte ut.",
        "Vi har godkänt er invändning.",
    ],
    partly: "Vi tillmötesgår begäran endast delvis.",
    refused: "Vi kan inte tillmötesgå begäran.",
    deferred: "Vi kan inte radera inspelningarna ännu. Vi behandlar begäran på nytt när grunden för att bevara dem har upphört.",
    ground: "Rättslig grund: {ground}",
    why: "Motivering: {why}",
    certificate: [
        "{controller} intygar att den har vägrat tillmötesgå den begäran om inspelade samtal som {name} framställde den \
         {received}. Begäran gällde följande rättighet: {right}.",
        "Begäran avgjordes den {decided}.",
    ],
    certificate_partly: "{controller} intygar att den delvis har vägrat tillmötesgå den begäran om inspelade samtal som {name} \
                         framställde den {received}. Begäran gällde följande rättighet: {right}.",
    complain: [
        "Om ni anser att behandlingen av era personuppgifter strider mot dataskyddslagstiftningen har ni rätt att lämna in ett \
         klagomål till tillsynsmyndigheten (artikel 77 i dataskyddsförordningen). I Finland är dataombudsmannen \
         tillsynsmyndighet: Dataombudsmannens byrå, PB 800, 00531 Helsingfors, telefon 029 566 6700, tietosuoja@om.fi, \
         www.tietosuoja.fi/sv.",
        "Ni har också rätt till ett effektivt rättsmedel i domstol (artikel 79 i dataskyddsförordningen).",
    ],
    contact: "Kontakt: {contact}",
    officer: "Dataskyddsombud: {officer}",
};

const EN: LetterTexts = LetterTexts {
    titles: [
        "We have received your request",
        "We need more time for your request",
        "Answer to your request",
        "Why we do not do what you asked for",
        "Certificate of refusal",
    ],
    case: "Case",
    rights: [
        "the right of access and to a copy (Article 15 of the General Data Protection Regulation)",
        "the right to rectification (Article 16 of the General Data Protection Regulation)",
        "the right to erasure (Article 17 of the General Data Protection Regulation)",
        "the right to restriction of processing (Article 18 of the General Data Protection Regulation)",
        "the right to object (Article 21 of the General Data Protection Regulation)",
    ],
    receipt: [
        "On {received} we received your request about recorded calls. It concerns {right}.",
        "We will answer without undue delay, and at the latest on {due}. If your request takes more time, this can be extended \
         by two months at most. We would then tell you so, and why, before that day.",
        "You pay nothing for this.",
    ],
    identity: "We have not been able to confirm your identity yet. Please prove who you are and, where needed, say which calls \
               you mean.",
    extension: [
        "We received your request on {received}. We extend the time for it and will answer at the latest on {due}.",
        "The reasons are: {longer}",
        "The extension is based on Article 12(3) of the General Data Protection Regulation (EU) 2016/679.",
    ],
    came: "On {received} we received your request about recorded calls. It concerns {right}.",
    granted: [
        "We give you a copy of the recordings, with what is known about them and who has used them.",
        "We have corrected or completed the information. What was known before stays with the recording until the end of its \
         retention.",
        "We have erased the recordings and the information about them.",
        "We have restricted the use of the recordings: they are kept, but nobody listens to them and they are not handed out.",
        "We have accepted your objection.",
    ],
    partly: "We do only a part of what you asked for.",
    refused: "We cannot do what you asked for.",
    deferred: "We cannot erase the recordings yet. We will take up your request again when there is no longer a ground to keep \
               them.",
    ground: "Legal ground: {ground}",
    why: "Reasons: {why}",
    certificate: [
        "{controller} certifies that it has refused the request about recorded calls that {name} made on {received}. It \
         concerned {right}.",
        "The request was decided on {decided}.",
    ],
    certificate_partly: "{controller} certifies that it has refused a part of the request about recorded calls that {name} made \
                         on {received}. It concerned {right}.",
    complain: [
        "If you consider that your personal data is processed against the law, you have the right to lodge a complaint with the \
         supervisory authority (Article 77 of the Regulation). In Finland this is the Data Protection Ombudsman: Office of the \
         Data Protection Ombudsman, P.O. Box 800, 00531 Helsinki, telephone +358 29 566 6700, tietosuoja@om.fi, \
         www.tietosuoja.fi/en.",
        "You also have the right to an effective judicial remedy (Article 79 of the Regulation).",
    ],
    contact: "Contact: {contact}",
    officer: "Data protection officer: {officer}",
};
