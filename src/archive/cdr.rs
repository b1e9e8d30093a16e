//! The exchange's own list of calls: call detail records, a line each.
//!
//! What the columns mean is a [`CdrLayout`]: of an exchange that is known by name, or as the
//! configuration says. Only answered calls are of interest. Numbers are read whole and stay
//! wrapped: nothing of them is printed.

use crate::config::{CdrFormat, CdrSettings};
use crate::pii::Pii;
use crate::time::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::io::Read;
use std::time::Duration;

/// Records of one list; a day of a large exchange is a tenth of it.
const MAX_RECORDS: usize = 5_000_000;
/// Times as exchanges write them, where they are neither RFC 3339 nor seconds.
const FORMS: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y%m%d%H%M%S"];
/// Seconds since 1970 beyond this are milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;
/// And beyond this microseconds.
const MICROSECONDS: i64 = 100_000_000_000_000;

/// An answered call of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct CdrCall {
    /// Line of the file, from 1.
    pub line: u64,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Every number and channel that may name an agent.
    pub parties: Vec<Pii<String>>,
    /// The number that was called, by which its service is known.
    pub called: Option<Pii<String>>,
    /// SIP Call-ID, where the list has it.
    pub call_id: Option<String>,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CdrError {
    /// The file is no CSV.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// A column that the layout names is not there.
    #[error(
        "there is no column {0:?}; `cdr.format` and the other keys of [cdr] say which columns the list has"
    )]
    NoColumn(String),
    /// A line that is none of the layout's.
    #[error("line {line}: {what} is not {wanted}")]
    Line {
        /// Which.
        line: u64,
        /// The column.
        what: &'static str,
        /// What should stand there.
        wanted: &'static str,
    },
    /// Too long.
    #[error("more than {MAX_RECORDS} calls: give one day or month at a time")]
    TooMany,
}

/// Which columns a list has: names of its first line, or numbers from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrLayout {
    answered: String,
    ended: String,
    duration: String,
    parties: Vec<String>,
    called: String,
    call_id: String,
    status: String,
    answered_words: Vec<String>,
    separator: u8,
}

impl CdrLayout {
    /// As the configuration says: its own keys go before those of the format.
    pub fn of(settings: &CdrSettings) -> CdrLayout {
        let known = known(settings.format);
        let or = |own: &str, known: &str| if own.is_empty() { known.into() } else { own.into() };
        let list = |own: &[String], known: &[&str]| match own.is_empty() {
            true => known.iter().map(|c| (*c).to_owned()).collect(),
            false => own.to_vec(),
        };
        CdrLayout {
            answered: or(&settings.answered, known.answered),
            ended: or(&settings.ended, known.ended),
            duration: or(&settings.duration, known.duration),
            parties: list(&settings.parties, known.parties),
            called: or(&settings.called, known.called),
            call_id: or(&settings.call_id, known.call_id),
            status: or(&settings.status, known.status),
            answered_words: list(&settings.answered_words, known.answered_words),
            separator: settings.separator.byte(),
        }
    }

    fn has_names(&self) -> bool {
        let all = [&self.answered, &self.ended, &self.duration, &self.called, &self.call_id, &self.status];
        let mut all = all.into_iter().chain(&self.parties).filter(|c| !c.is_empty());
        all.any(|c| c.parse::<usize>().is_err())
    }
}

/// The columns of an exchange.
struct KnownLayout {
    answered: &'static str,
    ended: &'static str,
    duration: &'static str,
    parties: &'static [&'static str],
    called: &'static str,
    call_id: &'static str,
    status: &'static str,
    answered_words: &'static [&'static str],
}

fn known(format: CdrFormat) -> KnownLayout {
    let none = KnownLayout {
        answered: "",
        ended: "",
        duration: "",
        parties: &[],
        called: "",
        call_id: "",
        status: "",
        answered_words: &[],
    };
    match format {
        // cdr_csv writes no heads: accountcode, src, dst, dcontext, clid, channel, dstchannel, lastapp,
        // lastdata, start, answer, end, duration, billsec, disposition, amaflags, uniqueid, userfield.
        CdrFormat::Asterisk => KnownLayout {
            answered: "11",
            ended: "12",
            duration: "14",
            parties: &["2", "3", "6", "7"],
            called: "3",
            status: "15",
            answered_words: &["ANSWERED"],
            ..none
        },
        // The template "example" of mod_cdr_csv: names, numbers, context, start, answer, end, ...
        CdrFormat::Freeswitch => {
            let (answered, ended, duration) = ("6", "7", "9");
            KnownLayout { answered, ended, duration, parties: &["2", "3"], called: "3", ..none }
        }
        // The table `cdrs` of the acc module.
        CdrFormat::Kamailio => KnownLayout {
            answered: "call_start_time",
            duration: "duration",
            parties: &["src_username", "dst_username", "dst_ousername"],
            called: "dst_ousername",
            call_id: "sip_call_id",
            ..none
        },
        CdrFormat::Cucm => KnownLayout {
            answered: "dateTimeConnect",
            ended: "dateTimeDisconnect",
            parties: &["callingPartyNumber", "originalCalledPartyNumber", "finalCalledPartyNumber"],
            called: "originalCalledPartyNumber",
            ..none
        },
        CdrFormat::Columns => none,
    }
}

/// Reads the answered calls of a list, and counts its other lines. Times without a zone are `zone`'s.
///
/// # Errors
/// It is no list of this layout.
pub fn read_calls(
    from: impl Read,
    layout: &CdrLayout,
    zone: &TimeZone,
) -> Result<(Vec<CdrCall>, u64), CdrError> {
    let has_heads = layout.has_names();
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(has_heads).flexible(true).delimiter(layout.separator).trim(csv::Trim::All);
    let mut reader = reader.from_reader(from);
    let heads: Vec<String> = match has_heads {
        true => reader.headers()?.iter().map(|h| h.trim_start_matches('\u{feff}').to_owned()).collect(),
        false => Vec::new(),
    };
    let columns = Columns::of(layout, &heads)?;
    let (mut calls, mut others) = (Vec::new(), 0);
    let mut unreadable = None;
    // In whatever character set names are written.
    for record in reader.into_byte_records() {
        let record = csv::StringRecord::from_byte_record_lossy(record?);
        match columns.call(&record, layout, zone) {
            Ok(Some(_)) if calls.len() >= MAX_RECORDS => return Err(CdrError::TooMany),
            Ok(Some(call)) => calls.push(call),
            Ok(None) => others += 1,
            Err(why) => {
                unreadable.get_or_insert(why);
                others += 1;
            }
        }
    }
    // A broken line is none of a call; a list of them has another layout.
    unreadable.filter(|_| calls.is_empty()).map_or(Ok((calls, others)), Err)
}

/// Places of the columns in a record.
struct Columns {
    answered: Option<usize>,
    ended: Option<usize>,
    duration: Option<usize>,
    parties: Vec<usize>,
    called: Option<usize>,
    call_id: Option<usize>,
    status: Option<usize>,
}

impl Columns {
    fn of(layout: &CdrLayout, heads: &[String]) -> Result<Columns, CdrError> {
        let place = |column: &String| match column.parse::<usize>() {
            Ok(n) if n > 0 => Ok(Some(n - 1)),
            _ if column.is_empty() => Ok(None),
            _ => {
                let named = heads.iter().position(|h| h.eq_ignore_ascii_case(column));
                named.map(Some).ok_or_else(|| CdrError::NoColumn(column.clone()))
            }
        };
        let columns = Columns {
            answered: place(&layout.answered)?,
            ended: place(&layout.ended)?,
            duration: place(&layout.duration)?,
            parties: layout
                .parties
                .iter()
                .map(place)
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect(),
            called: place(&layout.called)?,
            call_id: place(&layout.call_id)?,
            status: place(&layout.status)?,
        };
        match (columns.answered, columns.ended.or(columns.duration)) {
            (None, _) => Err(CdrError::NoColumn("cdr.answered".into())),
            (_, None) => Err(CdrError::NoColumn("cdr.ended or cdr.duration".into())),
            _ => Ok(columns),
        }
    }

    /// `None`: the call was not answered, or it is no line of a call.
    fn call(
        &self,
        record: &csv::StringRecord,
        layout: &CdrLayout,
        zone: &TimeZone,
    ) -> Result<Option<CdrCall>, CdrError> {
        let line = record.position().map_or(0, csv::Position::line);
        let text = |at: Option<usize>| at.and_then(|i| record.get(i)).filter(|t| !t.is_empty());
        let wrong = |what, wanted| CdrError::Line { line, what, wanted };
        if let Some(status) = text(self.status)
            && !layout.answered_words.iter().any(|w| w.eq_ignore_ascii_case(status))
        {
            return Ok(None);
        }
        // A second line of heads names the types of CUCM's columns.
        let is_time = |t: &&str| *t != "0" && !t.starts_with("0000-00-00") && !t.starts_with("INTEGER");
        let Some(answered) = text(self.answered).filter(is_time) else {
            return Ok(None);
        };
        let answered_at = instant(answered, zone).ok_or_else(|| wrong("the answer", "a time"))?;
        // The length first: local times may be an hour wrong when the clocks are put back.
        let ended_at = match (text(self.ended), text(self.duration)) {
            (Some(ended), None) => instant(ended, zone).ok_or_else(|| wrong("the end", "a time"))?,
            (_, Some(length)) => {
                answered_at + seconds(length).ok_or_else(|| wrong("the duration", "a length"))?
            }
            (None, None) => return Ok(None),
        };
        let party = |i: &usize| record.get(*i).filter(|t| !t.is_empty()).map(|t| Pii::new(t.to_owned()));
        Ok(Some(CdrCall {
            line,
            answered_at,
            ended_at: ended_at.max(answered_at),
            parties: self.parties.iter().filter_map(party).collect(),
            called: text(self.called).map(|t| Pii::new(t.to_owned())),
            call_id: text(self.call_id).map(str::to_owned),
        }))
    }
}

/// RFC 3339, seconds or milliseconds since 1970, or a local time.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(at) = Timestamp::parse_rfc3339(text) {
        return Some(at);
    }
    if let Ok(n) = text.parse::<i64>()
        && text.len() != "20261123081523".len()
    {
        let per_s = match n {
            ..MILLISECONDS => 1,
            MILLISECONDS..MICROSECONDS => 1_000,
            _ => 1_000_000,
        };
        let part_ns = n.rem_euclid(per_s) * (1_000_000_000 / per_s);
        return Some(Timestamp::from_parts(n.div_euclid(per_s), u32::try_from(part_ns).ok()?));
    }
    let local = FORMS.iter().find_map(|form| DateTime::strptime(form, text).ok())?;
    zone.to_ambiguous_zoned_datetime(local).compatible().ok().map(|z| Timestamp::from_jiff(z.timestamp()))
}

/// Seconds, or hours, minutes and seconds.
fn seconds(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    for part in text.split(':') {
        let n = part.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)?;
        total = total * 60.0 + n;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::separator::Separator;

    fn calls(format: CdrFormat, text: &str) -> (Vec<CdrCall>, u64) {
        let layout = CdrLayout::of(&CdrSettings { format, ..CdrSettings::default() });
        read_calls(text.as_bytes(), &layout, &TimeZone::get("Europe/Helsinki").unwrap()).unwrap()
    }

    /// 2026-11-23 10:15:23 in Helsinki.
    const AT: i64 = 1_795_421_723;

    #[test]
    fn each_exchange_says_the_same_call_in_its_own_way() {
        let asterisk = "\"\",\"0401234567\",\"116117\",\"in\",\"\"\"M\"\" <0401234567>\",\"PJSIP/trunk-01\",\
            \"PJSIP/2001-02\",\"Queue\",\"q\",\"2026-11-23 10:15:03\",\"2026-11-23 10:15:23\",\"2026-11-23 10:16:23\",80,60,\
            \"ANSWERED\",\"DOC\",\"1.1\",\"\"\n\"\",\"1\",\"2\",\"\",\"\",\"\",\"\",\"\",\"\",\"2026-11-23 10:15:03\",\"\",\
            \"2026-11-23 10:15:23\",20,0,\"NO ANSWER\",\"DOC\",\"1.2\",\"\"\n";
        let freeswitch = "\"M\",\"0401234567\",\"116117\",\"default\",\"2026-11-23 10:15:03\",\"2026-11-23 10:15:23\",\
            \"2026-11-23 10:16:23\",\"80\",\"60\",\"NORMAL_CLEARING\",\"u\",\"\",\"\"\n\"M\",\"1\",\"2\",\"default\",\
            \"2026-11-23 10:15:03\",\"\",\"2026-11-23 10:15:23\",\"20\",\"0\",\"NO_ANSWER\",\"u\",\"\",\"\"\n";
        let kamailio = "cdr_id,src_username,dst_username,dst_ousername,call_start_time,duration,sip_call_id\n\
            1,0401234567,2001,116117,2026-11-23 10:15:23,60,a@b\n1,1,2,3,,,c@d\n";
        let cucm = "\u{feff}\"dateTimeConnect\",\"dateTimeDisconnect\",\"callingPartyNumber\",\"originalCalledPartyNumber\",\
            \"finalCalledPartyNumber\"\nINTEGER,INTEGER,VARCHAR(50),VARCHAR(50),VARCHAR(50)\n\
            1795421723,1795421783,\"0401234567\",\"116117\",\"2001\"\n0,1795421783,\"1\",\"2\",\"3\"\n";
        for (format, text, others) in [
            (CdrFormat::Asterisk, asterisk, 1),
            (CdrFormat::Freeswitch, freeswitch, 1),
            (CdrFormat::Kamailio, kamailio, 1),
            (CdrFormat::Cucm, cucm, 2),
        ] {
            let (found, left) = calls(format, text);
            let [call] = &found[..] else { panic!("{format:?}: {found:?}") };
            assert_eq!(left, others, "{format:?}");
            let (from, to) = (Timestamp::from_parts(AT, 0), Timestamp::from_parts(AT + 60, 0));
            assert_eq!((call.answered_at, call.ended_at), (from, to), "{format:?}");
            assert_eq!(call.called.as_ref().map(|n| n.expose().as_str()), Some("116117"), "{format:?}");
            assert!(call.parties.iter().any(|p| p.expose() == "0401234567"), "{format:?}");
            assert!(!format!("{call:?}").contains("0401234567"), "numbers stay wrapped");
        }
    }

    #[test]
    fn a_list_of_ones_own_has_the_columns_that_the_configuration_names() {
        let settings = CdrSettings {
            format: CdrFormat::Columns,
            answered: "Start".into(),
            duration: "Length".into(),
            parties: vec!["User".into()],
            separator: Separator::parse(";").unwrap(),
            ..CdrSettings::default()
        };
        let layout = CdrLayout::of(&settings);
        let zone = TimeZone::UTC;
        for start in [
            "2026-11-23T08:15:23Z",
            "1795421723",
            "1795421723000",
            "23.11.2026 08:15:23",
            "2026-11-23 08:15:23.0",
        ] {
            let text = format!("user;start;length\n2001;{start};0:01:00\n");
            let (found, _) = read_calls(text.as_bytes(), &layout, &zone).unwrap();
            assert_eq!(found[0].answered_at, Timestamp::from_parts(AT, 0), "{start}");
            assert_eq!(found[0].ended_at, Timestamp::from_parts(AT + 60, 0), "{start}");
        }
        let wrong = |text: &str| read_calls(text.as_bytes(), &layout, &zone).unwrap_err().to_string();
        assert!(wrong("user;begin;length\n").contains("\"Start\""));
        assert!(wrong("user;start;length\n2001;yesterday;60\n").contains("line 2: the answer is not a time"));
        assert!(wrong("user;start;length\n2001;1795421723;long\n").contains("the duration is not a length"));
    }
}
