//! A [`Search`] as SQL, page by page.
//!
//! The index is chosen here, not by the planner's guess: `by_time` answers
//! every search by one scan that reads no row it does not return; an agent or a
//! rare flag has a shorter way. Pages, because a reader that holds one long
//! view of the database keeps deleted content in its log. A long answer is cut
//! into [`Piece`]s by time, so that several readers may work on it at once.

use super::super::search::{EXPIRING, Flag, IdPart, Search, micros};
use super::row::{SqlWord, place_of};
use super::{Index, IndexError, Row, index_schema};
use crate::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, ToSql, params_from_iter};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use uuid::Uuid;

/// Rows in a page, and about as many in a piece.
const PAGE: usize = 1_024;
/// An answer of at most so many rows is read in one scan, without being counted first.
const SHORT: usize = 4_096;
/// Rows in a piece of it.
const SHORT_PIECE: usize = 256;

/// Parts of equal time in which a span is counted.
const COUNTED_PARTS: usize = 128;
/// More than SQLite maps in any case.
const MAPPED: i64 = 1 << 40;

/// Which fields of a row are read; the others stand empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// All of them.
    All,
    /// Those a table for people has: who, when, how long, which state.
    Shown,
    /// Those that statistics are counted from.
    Counted,
}

/// What answers a search: how much, and how to come by it.
#[derive(Clone, Debug)]
pub struct SearchResults {
    /// Recordings.
    pub count: u64,
    /// By the time of the answer; none of them large.
    pub pieces: Vec<Piece>,
}

/// Part of [`SearchResults`].
#[derive(Clone, Debug)]
pub enum Piece {
    /// Read already.
    Rows(Vec<Row>),
    /// To be read by [`Index::read`], through whichever connection.
    Span(SearchSpan),
}

/// A search between two instants.
#[derive(Clone, Debug)]
pub struct SearchSpan {
    query: SqlCondition,
    fields: Fields,
    from: ReadPosition,
    /// First instant behind it; `None`: no end.
    until: Option<Timestamp>,
}

/// Where reading begins: an instant, and how many of that very instant are passed over.
#[derive(Clone, Copy, Debug)]
struct ReadPosition {
    answered_at: Timestamp,
    seen: usize,
}

impl Piece {
    /// What is read already.
    pub fn rows(&self) -> &[Row] {
        match self {
            Piece::Rows(rows) => rows,
            Piece::Span(_) => &[],
        }
    }

    fn of(rows: Vec<Row>) -> impl Iterator<Item = Piece> {
        let mut rows = rows.into_iter();
        std::iter::from_fn(move || {
            let piece: Vec<Row> = rows.by_ref().take(SHORT_PIECE).collect();
            (!piece.is_empty()).then_some(Piece::Rows(piece))
        })
    }
}

impl ReadPosition {
    const BEGINNING: ReadPosition = ReadPosition { answered_at: Timestamp::from_ns(i64::MIN), seen: 0 };
}

impl Index {
    /// What is asked for, by the time of the answer. For what may be a whole
    /// store take [`each`](Index::each).
    pub fn find(&self, search: &Search) -> Result<Vec<Row>, IndexError> {
        let mut rows = Vec::new();
        self.each(search, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// Hands over what is asked for, by the time of the answer, until there is
    /// no more or `take` has enough. Memory does not grow with the store.
    pub fn each(
        &self,
        search: &Search,
        mut take: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        if !search.ids.is_empty() {
            let _all_or_enough = self.by_ids(search)?.into_iter().try_for_each(take);
            return Ok(());
        }
        let Some(mut span) = self.span(search)? else { return Ok(()) };
        let mut left = search.limit.unwrap_or(usize::MAX);
        let mut page = Vec::new();
        loop {
            let more = self.read_page(&mut span, left.min(PAGE), &mut |row| page.push(row.clone()))?;
            left -= page.len();
            if page.drain(..).try_for_each(&mut take).is_break() || !more || left == 0 {
                return Ok(());
            }
        }
    }

    /// Hands over what is counted, through one row: nothing is kept. No ids are asked for.
    pub fn each_counted(&self, search: &Search, mut take: impl FnMut(&Row)) -> Result<(), IndexError> {
        let Some(last) = self.last_answer()?.map(|t| t.offset_ns(1)) else { return Ok(()) };
        let until = Some(search.until.map_or(last, |until| until.min(last)));
        let whole = SearchSpan { fields: Fields::Counted, until, ..SearchSpan::of(search) };
        // In parts, since what a part has read is given back at its end.
        for part in whole.cut(COUNTED_PARTS) {
            self.read(part, &mut take, &mut || ControlFlow::Continue(()))?;
        }
        Ok(())
    }

    /// What answers, counted and cut into pieces. A short answer is read at once,
    /// in one scan.
    pub fn answer(&self, search: &Search, fields: Fields) -> Result<SearchResults, IndexError> {
        let whole =
            |rows: Vec<Row>| SearchResults { count: rows.len() as u64, pieces: Piece::of(rows).collect() };
        if !search.ids.is_empty() {
            return Ok(whole(self.by_ids(search)?));
        }
        let Some(mut rest) = self.span(search)? else { return Ok(whole(Vec::new())) };
        rest.fields = fields;
        let first = search.limit.unwrap_or(usize::MAX).min(SHORT);
        let mut rows = Vec::new();
        let more = self.read_page(&mut rest, first, &mut |row| rows.push(row.clone()))?;
        if !more || search.limit.is_some_and(|limit| rows.len() >= limit) {
            return Ok(whole(rows));
        }
        let count = self.count(search)?;
        // Of what is answered from here on nothing was counted.
        let end = self.last_answer()?.map_or(rest.from.answered_at, |t| t.offset_ns(1));
        rest.until = Some(rest.until.map_or(end, |until| until.min(end)));
        let parts = (count as usize).saturating_sub(rows.len()) / PAGE + 1;
        let rest = rest.cut(parts).into_iter().map(Piece::Span);
        Ok(SearchResults { count, pieces: Piece::of(rows).chain(rest).collect() })
    }

    /// Reads a piece of an answer, a page at a time: `take` gets the rows, then
    /// `page_ends` is called, while nothing of the database is held.
    ///
    /// # Errors
    /// What the index says.
    pub fn read(
        &self,
        mut span: SearchSpan,
        take: &mut dyn FnMut(&Row),
        page_ends: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        self.map(MAPPED)?;
        loop {
            let more = self.read_page(&mut span, PAGE, take)?;
            if page_ends().is_break() || !more {
                return self.map(0);
            }
        }
    }

    /// Reads through a memory map of so many bytes: a scan copies no page. Given
    /// back after each span, or a reader would seem as large as what it has read.
    fn map(&self, bytes: i64) -> Result<(), IndexError> {
        self.conn.pragma_update(None, "mmap_size", bytes).map_err(self.error())
    }

    /// Hands over the id and the path of every recording, in no order.
    pub fn each_path(&self, mut take: impl FnMut(Uuid, &Path)) -> Result<(), IndexError> {
        let sql = format!(
            "SELECT rowid, id, path FROM recording WHERE buried = 0 AND rowid > ?1 \
             ORDER BY rowid LIMIT {SHORT}"
        );
        let mut st = self.conn.prepare(&sql).map_err(self.error())?;
        let mut last = Some(i64::MIN);
        while let Some(behind) = last.take() {
            let mut rows = st.query([behind]).map_err(self.error())?;
            while let Some(r) = rows.next().map_err(self.error())? {
                let mut read = || -> rusqlite::Result<_> {
                    take(Uuid::from_bytes(r.get(1)?), place_of(2, r)?);
                    r.get(0)
                };
                last = Some(read().map_err(self.error())?);
            }
        }
        Ok(())
    }

    /// Whether anything answers.
    pub fn any(&self, search: &Search) -> Result<bool, IndexError> {
        let mut any = false;
        self.each(search, |_| {
            any = true;
            ControlFlow::Break(())
        })?;
        Ok(any)
    }

    /// How many answer.
    pub fn count(&self, search: &Search) -> Result<u64, IndexError> {
        if !search.ids.is_empty() {
            return Ok(self.by_ids(search)?.len() as u64);
        }
        let n = self.count_in(&SearchSpan::of(search))?;
        Ok(search.limit.map_or(n, |limit| n.min(limit as u64)))
    }

    /// All recordings one name stands for: one, a call group's, or several of the
    /// same eight digits. A command that means one must ask back for more.
    pub fn named(&self, id: IdPart) -> Result<Vec<Row>, IndexError> {
        let (condition, values) = match id {
            IdPart::Full(uuid) => {
                let blob = Value::Blob(uuid.as_bytes().to_vec());
                ("(id = ?1 OR call_group = ?1)", vec![blob])
            }
            IdPart::Short(short) => ("short = ?1", vec![Value::Integer(short.into())]),
        };
        let sql = format!(
            "SELECT {} FROM recording WHERE buried = 0 AND {condition} ORDER BY answered_at, id",
            index_schema::names(index_schema::ALL)
        );
        let rows = self.rows(&sql, &values)?;
        // A recording's own id is meant before a group of the same UUID.
        match id {
            IdPart::Full(uuid) if rows.iter().any(|r| r.id == uuid) => {
                Ok(rows.into_iter().filter(|r| r.id == uuid).collect())
            }
            _ => Ok(rows),
        }
    }

    /// What is due at `now`, not held, the longest overdue first; what fell due
    /// together by the time of the answer, that is folder by folder.
    pub fn due_before(&self, now: Timestamp, limit: usize) -> Result<Vec<Row>, IndexError> {
        let sql = format!(
            "SELECT {} FROM recording INDEXED BY by_due WHERE buried = 0 AND held = 0 AND until <= ?1 \
             ORDER BY until, answered_at LIMIT ?2",
            index_schema::names(index_schema::ALL)
        );
        self.rows(&sql, &[now.as_ns().into(), (limit.min(i64::MAX as usize) as i64).into()])
    }

    fn by_ids(&self, search: &Search) -> Result<Vec<Row>, IndexError> {
        let mut rows = Vec::new();
        let mut seen: HashSet<Uuid> = HashSet::new();
        for id in &search.ids {
            rows.extend(self.named(*id)?.into_iter().filter(|r| search.matches(r) && seen.insert(r.id)));
        }
        rows.sort_by_key(|r| (r.answered_at, r.id));
        let extra = rows.len() - search.limit.map_or(rows.len(), |n| n.min(rows.len()));
        rows.drain(..extra);
        Ok(rows)
    }

    /// Where the rows of a search without ids lie; `None`: nowhere.
    fn span(&self, search: &Search) -> Result<Option<SearchSpan>, IndexError> {
        let mut span = SearchSpan::of(search);
        let Some(limit) = search.limit else { return Ok(Some(span)) };
        let Some(before) = limit.checked_sub(1) else { return Ok(None) };
        // The newest begin at the one that has so many behind it.
        let sql = span.sql("answered_at") + &format!(" ORDER BY answered_at DESC LIMIT 1 OFFSET {before}");
        let oldest: Option<i64> = self.first(&sql, &span.query.values)?;
        if let Some(answered_at) = oldest.map(Timestamp::from_ns) {
            span.from = ReadPosition { answered_at, seen: 0 };
            span.from.seen = (self.count_in(&span)? as usize).saturating_sub(limit);
        }
        Ok(Some(span))
    }

    fn count_in(&self, span: &SearchSpan) -> Result<u64, IndexError> {
        let n: Option<i64> = self.first(&span.sql("count(*)"), &span.query.values)?;
        Ok(n.unwrap_or(0).unsigned_abs())
    }

    fn first(&self, sql: &str, values: &[Value]) -> Result<Option<i64>, IndexError> {
        // Not cached: times are part of the text.
        let mut st = self.conn.prepare(sql).map_err(self.error())?;
        st.query_row(params_from_iter(values), |r| r.get(0)).optional().map_err(self.error())
    }

    /// At most `limit` rows of a span, which then begins behind them; whether
    /// there may be more.
    fn read_page(
        &self,
        span: &mut SearchSpan,
        limit: usize,
        take: &mut dyn FnMut(&Row),
    ) -> Result<bool, IndexError> {
        let order = format!(" ORDER BY answered_at LIMIT {limit} OFFSET {}", span.from.seen);
        let columns = match span.fields {
            Fields::All => index_schema::ALL,
            Fields::Shown => index_schema::SHOWN,
            Fields::Counted => index_schema::COUNTED,
        };
        let mut st =
            self.conn.prepare(&(span.sql(&index_schema::names(columns)) + &order)).map_err(self.error())?;
        let mut rows = st.query(params_from_iter(&span.query.values)).map_err(self.error())?;
        let (mut row, mut n, mut last) = (Row::blank(), 0, span.from);
        while let Some(r) = rows.next().map_err(self.error())? {
            row.fill(columns, r).map_err(self.error())?;
            if row.answered_at != last.answered_at {
                last = ReadPosition { answered_at: row.answered_at, seen: 0 };
            }
            last.seen += 1;
            n += 1;
            take(&row);
        }
        span.from = last;
        Ok(n == limit)
    }

    pub(super) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, IndexError> {
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        let rows = st.query_map(params_from_iter(values), Row::read).map_err(self.error())?;
        rows.collect::<Result<_, _>>().map_err(self.error())
    }
}

impl SearchSpan {
    /// All of a search without ids, its limit aside.
    fn of(search: &Search) -> SearchSpan {
        let from =
            search.since.map_or(ReadPosition::BEGINNING, |answered_at| ReadPosition { answered_at, seen: 0 });
        SearchSpan { query: SqlCondition::new(search), fields: Fields::All, from, until: search.until }
    }

    /// `SELECT what` of what lies in it. The times stand in the text, so that
    /// they are a range of the index whatever is bound.
    fn sql(&self, what: &str) -> String {
        let SqlCondition { index, condition, .. } = &self.query;
        let from = self.from.answered_at.as_ns();
        let until = self.until.map(|t| format!(" AND answered_at < {}", t.as_ns())).unwrap_or_default();
        format!(
            "SELECT {what} FROM recording INDEXED BY {index} \
             WHERE {condition} AND answered_at >= {from}{until}"
        )
    }

    /// Into parts of equal time; `until` is known.
    fn cut(&self, parts: usize) -> Vec<SearchSpan> {
        let (from, until) = (self.from.answered_at, self.until.unwrap_or(Timestamp::FAR_FUTURE));
        let step = (until.since_ns(from) / parts.max(1) as i64).max(1);
        let mut spans = Vec::new();
        let mut place = self.from;
        while place.answered_at < until {
            let next = place.answered_at.offset_ns(step).min(until);
            spans.push(SearchSpan { from: place, until: Some(next), ..self.clone() });
            place = ReadPosition { answered_at: next, seen: 0 };
        }
        spans
    }
}

/// A search without ids and times as a condition with its values.
#[derive(Clone, Debug)]
struct SqlCondition {
    index: &'static str,
    condition: String,
    values: Vec<Value>,
}

impl SqlCondition {
    fn new(s: &Search) -> SqlCondition {
        let mut q = SqlCondition { index: "by_time", condition: "buried = 0".into(), values: Vec::new() };
        q.and("service = ?", s.service.clone().map(Value::Text));
        q.and("direction = ?", s.direction.and_then(word));
        q.and("duration_us >= ?", s.longer.map(|d| micros(d).into()));
        q.and("duration_us <= ?", s.shorter.map(|d| micros(d).into()));
        if !s.number.is_empty() {
            let parts: Vec<&str> = s.number.iter().map(|_| "instr(number, ?) > 0").collect();
            q.condition.push_str(&format!(" AND ({})", parts.join(" OR ")));
            q.values.extend(s.number.iter().cloned().map(Value::Text));
        }
        for flag in &s.flags {
            let (condition, index) = match flag {
                Flag::Held | Flag::Review => ("held = 1", Some("the_held")),
                Flag::Restricted => ("restricted = 1", Some("the_restricted")),
                Flag::Incomplete => ("complete = 0", Some("the_incomplete")),
                Flag::OneWay => ("one_way = 1", Some("the_one_way")),
                Flag::Expiring => ("held = 0", None),
                Flag::Marked(mark) => {
                    q.condition.push_str(&format!(" AND marks & {} != 0", *mark as u8));
                    ("marks > 0", Some("the_marked"))
                }
            };
            q.condition.push_str(&format!(" AND {condition}"));
            q.index = index.unwrap_or(q.index);
            if *flag == Flag::Expiring {
                q.and("until <= ?", Some((s.now + EXPIRING).as_ns().into()));
            }
        }
        if let Some(before) = s.unconfirmed_before {
            q.condition.push_str(" AND held = 1 AND (unconfirmed_since IS NULL OR unconfirmed_since < ?)");
            q.values.push(before.as_ns().into());
            q.index = "the_held";
        }
        if let Some(agent) = &s.agent {
            q.and("agent_id = ?", Some(Value::Text(agent.clone())));
            q.index = "by_agent";
        }
        q
    }

    fn and(&mut self, condition: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.condition.push_str(" AND ");
            self.condition.push_str(condition);
            self.values.push(value);
        }
    }
}

fn word(direction: crate::config::CallDirection) -> Option<Value> {
    match SqlWord(direction).to_sql() {
        Ok(rusqlite::types::ToSqlOutput::Owned(value)) => Some(value),
        _ => None,
    }
}
