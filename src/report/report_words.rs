//! What the report says, in Finnish, Swedish and English; and the same as keys of the CSV, which never change.

use crate::config::Language;

macro_rules! report_words {
    ($($word:ident = $key:literal: $fi:literal, $sv:literal, $en:literal;)+) => {
        /// A title, the head of a column or of a line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ReportWord {
            $(#[doc = $en] $word,)+
        }

        impl ReportWord {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &[ReportWord] = &[$(ReportWord::$word),+];

            /// As the CSV has it.
            pub const fn key(self) -> &'static str {
                match self { $(ReportWord::$word => $key),+ }
            }

            /// As people read it.
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((ReportWord::$word, Language::Fi) => $fi,
                    (ReportWord::$word, Language::Sv) => $sv,
                    (ReportWord::$word, Language::En) => $en,)+
                }
            }
        }
    };
}

report_words! {
    Title = "title": "Puhelutallennuksen tilastot", "Statistik över samtalsinspelningen", "Call recording statistics";
    Made = "made": "laadittu", "gjord", "made";
    Service = "service": "Palvelu", "Tjänst", "Service";
    UnknownService = "": "palvelu ei tiedossa", "okänd tjänst", "service not known";
    What = "what": "Mitä", "Vad", "What";
    Count = "count": "Määrä", "Antal", "Count";
    Total = "total": "Yhteensä", "Totalt", "Total";
    TooFew = "too_few": "Liian vähän eriteltäväksi, eivät mukana missään tämän taulukon luvussa:",
        "För få för att redovisas, inte med i något tal i tabellen:", "Too few to be divided, and in no number of this table:";
    Hour = "hour": "Tunti", "Timme", "Hour";
    Reason = "reason": "Syy", "Orsak", "Reason";

    Calls = "calls": "Vastatut puhelut", "Besvarade samtal", "Answered calls";
    Recorded = "recorded": "Tallennettu", "Inspelade", "Recorded";
    Deleted = "deleted": "Poistettu sittemmin", "Raderade sedan dess", "Deleted since";
    Missing = "missing": "Tallenne puuttuu", "Inspelning saknas", "Not recorded";
    ByRule = "by_rule": "Ei tallenneta", "Spelas inte in", "Left out by rule";
    Answered = "answered": "Vastattu", "Besvarade", "Answered";

    Completeness = "completeness": "Tallenteiden kattavuus", "Inspelningarnas fullständighet", "Completeness of the recordings";
    Complete = "complete": "Täydellisiä", "Fullständiga", "Complete";
    Partial = "partial": "Vain osin", "Delvis", "Only in part";
    Paused = "paused": "Keskeytetty tarkoituksella", "Pausade avsiktligt", "Paused on purpose";
    CompleteShare = "complete_share": "Täydellisten osuus", "Andel fullständiga", "Share complete";

    PartialReasons = "partial_reasons": "Miksi vain osin: ensimmäinen syy", "Varför endast delvis: första orsaken",
        "Why only in part: the first reason";
    MissingReasons = "missing_reasons": "Miksi tallenne puuttuu", "Varför inspelning saknas", "Why not recorded";
    RuleReasons = "rule_reasons": "Minkä säännön vuoksi ei tallenneta", "Enligt vilken regel inte inspelade",
        "Left out by which rule";
    NoReason = "unknown": "ei tiedossa", "okänd", "not known";

    Directions = "directions": "Suunta", "Riktning", "Direction";
    Inbound = "inbound": "Saapuneet", "Inkommande", "Inbound";
    Outbound = "outbound": "Lähteneet", "Utgående", "Outbound";
    Internal = "internal": "Sisäiset", "Interna", "Internal";

    Lengths = "lengths": "Pituus", "Längd", "Length";
    LengthTotal = "total_length": "Yhteensä", "Totalt", "Total";
    LengthMean = "mean_length": "Keskiarvo", "Medelvärde", "Mean";
    LengthMedian = "median_length": "Puolet enintään", "Hälften högst", "Half at most";
    LengthNineTenths = "nine_tenths_length": "Yhdeksän kymmenestä enintään", "Nio av tio högst", "Nine of ten at most";

    Hours = "hours": "Tallennetut puhelut vuorokauden tunneittain", "Inspelade samtal per timme på dygnet",
        "Recorded calls by the hour of the day";
    Weekdays = "weekdays": "Tallennetut puhelut viikonpäivittäin", "Inspelade samtal per veckodag",
        "Recorded calls by weekday";
    Monday = "monday": "Maanantai", "Måndag", "Monday";
    Tuesday = "tuesday": "Tiistai", "Tisdag", "Tuesday";
    Wednesday = "wednesday": "Keskiviikko", "Onsdag", "Wednesday";
    Thursday = "thursday": "Torstai", "Torsdag", "Thursday";
    Friday = "friday": "Perjantai", "Fredag", "Friday";
    Saturday = "saturday": "Lauantai", "Lördag", "Saturday";
    Sunday = "sunday": "Sunnuntai", "Söndag", "Sunday";

    Mos = "mos": "Äänenlaatu (MOS, huonompi puoli)", "Ljudkvalitet (MOS, den sämre sidan)",
        "Quality of the sound (MOS, the worse side)";
    MosGood = "mos_from_4_03": "4,03 tai yli", "4,03 eller mer", "4.03 or more";
    MosFair = "mos_from_3_60": "3,60-4,02", "3,60-4,02", "3.60 to 4.02";
    MosPoor = "mos_from_3_10": "3,10-3,59", "3,10-3,59", "3.10 to 3.59";
    MosBad = "mos_below_3_10": "alle 3,10", "under 3,10", "below 3.10";
    Lost = "lost": "Kadonneet paketit (huonompi puoli)", "Förlorade paket (den sämre sidan)",
        "Packets lost (the worse side)";
    LostNone = "lost_none": "ei yhtään", "inga", "none";
    LostTenth = "lost_to_0_1": "enintään 0,1 %", "högst 0,1 %", "up to 0.1 %";
    LostOne = "lost_to_1": "enintään 1 %", "högst 1 %", "up to 1 %";
    LostFive = "lost_to_5": "enintään 5 %", "högst 5 %", "up to 5 %";
    LostMore = "lost_more": "yli 5 %", "över 5 %", "more than 5 %";
    Flaws = "flaws": "Viat äänessä: samassa tallenteessa voi olla useita", "Fel i ljudet: en inspelning kan ha flera",
        "Faults of the sound: a recording may have several";
    OneWay = "one_way": "Toinen puoli puuttuu", "En sida saknas", "One side never heard";
    Silent = "silent": "Hiljaisuutta", "Tystnad", "Silent";
    Quiet = "quiet": "Liian hiljainen", "För svag", "Too quiet";
    Clipped = "clipped": "Yliohjattu", "Överstyrd", "Overdriven";
    Undecodable = "undecodable": "Ei purettavissa", "Kan inte avkodas", "Not decodable";
    NoAnnouncement = "no_announcement": "Tiedote jäi lyhyeksi", "Meddelandet för kort", "Announcement too short";

    Deletions = "deletions": "Kuukauden aikana poistetut tallenteet", "Inspelningar raderade under månaden",
        "Recordings deleted in the month";
    InTime = "in_time": "Ajallaan", "I tid", "In time";
    Late = "late": "Myöhässä", "För sent", "Late";
    Erased = "erased": "Ennen määräaikaa", "I förtid", "Before their time";

    Standing = "standing": "Tilanne raportin laadintahetkellä", "Läget när rapporten gjordes", "As it stood when the report was made";
    Held = "held": "Säilytetään asian vuoksi (suojattu)", "Bevaras för ett ärende (skyddade)", "Kept for a case (on hold)";
    HoldsDue = "holds_due": "joista vahvistettava", "varav ska bekräftas", "of these due for review";
    Restricted = "restricted": "Käyttö rajoitettu", "Användningen begränsad", "Restricted";
    Overdue = "overdue": "Säilytysaika ohi, poistamatta", "Bevaringstiden slut, inte raderade", "Past their term, not deleted";
    FilesMissing = "files_missing": "Tiedostot kadonneet", "Filerna borta", "Files gone without a deletion";

    Custody = "custody": "Suojaukset ja rajoitukset kuukauden aikana (tallenteita)",
        "Skydd och begränsningar under månaden (inspelningar)", "Holds and restrictions in the month (recordings)";
    HoldsSet = "holds_set": "Suojattu", "Skyddade", "Put on hold";
    HoldsEnded = "holds_ended": "Suojaus päättynyt", "Skydd upphävt", "Hold ended";
    HoldsConfirmed = "holds_confirmed": "Suojaus vahvistettu", "Skydd bekräftat", "Hold confirmed";
    RestrictionsSet = "restrictions_set": "Käyttöä rajoitettu", "Användning begränsad", "Restricted";
    RestrictionsEnded = "restrictions_ended": "Rajoitus päättynyt", "Begränsning upphävd", "Restriction lifted";

    Listening = "listening": "Kuuntelu ja jäljennökset kuukauden aikana", "Avlyssning och kopior under månaden",
        "Listening and copies in the month";
    Hearings = "hearings": "Kuunteluja (henkilö, tallenne, päivä)", "Avlyssningar (person, inspelning, dag)",
        "Hearings (a person, a recording, a day)";
    HearingsRefused = "hearings_refused": "Evättyjä kuunteluyrityksiä", "Nekade försök att lyssna", "Attempts to listen refused";
    Exports = "exports": "Jäljennettyjä tallenteita", "Kopierade inspelningar", "Recordings copied";
    ExportsRefused = "exports_refused": "Evättyjä jäljennöksiä", "Nekade kopior", "Copies refused";
    Asked = "requests": "Pyyntöjä kuunnella tai jäljentää", "Begäranden om att lyssna eller kopiera", "Requests to listen or copy";
    Approved = "requests_approved": "Hyväksyttyjä pyyntöjä", "Godkända begäranden", "Requests approved";
    Refused = "requests_refused": "Hylättyjä pyyntöjä", "Avslagna begäranden", "Requests refused";
    TrainingMade = "training_made": "Tehtyjä koulutusjäljennöksiä", "Gjorda utbildningskopior", "Training copies made";
    TrainingHeard = "training_heard": "Koulutusjäljennösten kuunteluja", "Avlyssningar av utbildningskopior", "Hearings of training copies";

    Subjects = "data_subjects": "Rekisteröityjen pyynnöt", "De registrerades begäranden", "Requests of data subjects";
    SubjectsReceived = "received": "Saapunut kuukauden aikana", "Inkomna under månaden", "Received in the month";
    Access = "received_access": "- jäljennös (15 art.)", "- kopia (art. 15)", "- access (Art. 15)";
    Rectify = "received_rectify": "- oikaisu (16 art.)", "- rättelse (art. 16)", "- rectification (Art. 16)";
    Erase = "received_erase": "- poisto (17 art.)", "- radering (art. 17)", "- erasure (Art. 17)";
    Restrict = "received_restrict": "- rajoitus (18 art.)", "- begränsning (art. 18)", "- restriction (Art. 18)";
    Object = "received_object": "- vastustus (21 art.)", "- invändning (art. 21)", "- objection (Art. 21)";
    ReceivedInTime = "received_answered_in_time": "- vastattu ajallaan", "- besvarade i tid", "- answered in time";
    ReceivedLate = "received_answered_late": "- vastattu myöhässä", "- besvarade för sent", "- answered late";
    ReceivedWaiting = "received_waiting": "- odottaa, aikaa on", "- väntar, inom tiden", "- waiting, in time";
    ReceivedOverdue = "received_overdue": "- odottaa, myöhässä", "- väntar, försenade", "- waiting, overdue";
    ReceivedDeferred = "received_deferred": "- lykätty suojauksen vuoksi", "- uppskjutna på grund av skydd", "- put off by a hold";
    AnsweredInMonth = "answered_in_month": "Vastattu kuukauden aikana", "Besvarade under månaden", "Answered in the month";
    AnsweredInTime = "answered_in_time": "- ajallaan", "- i tid", "- in time";
    AnsweredLate = "answered_late": "- myöhässä", "- för sent", "- late";
    WaitingNow = "waiting_now": "Odottaa raportin laadintahetkellä", "Väntar när rapporten gjordes", "Waiting when the report was made";
    WaitingInTime = "waiting_in_time": "- aikaa on", "- inom tiden", "- in time";
    WaitingOverdue = "waiting_overdue": "- myöhässä", "- försenade", "- overdue";

    Sources = "sources": "Mistä luvut tulevat", "Var talen kommer ifrån", "Where the numbers come from";
    HiddenBar = "hidden": "ei näytetä", "visas inte", "hidden";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_one_word_and_told_once() {
        let keys: BTreeSet<&str> = ReportWord::ALL.iter().map(|word| word.key()).collect();
        assert_eq!(keys.len(), ReportWord::ALL.len());
        let is_key =
            |key: &&str| key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(keys.iter().all(is_key));
    }
}
