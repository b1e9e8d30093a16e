//! A [`Search`] as SQL, page by page.
//!
//! The index is chosen here, not by the planner's guess: `by_time` answers
//! every search by one scan that reads no row it does not return; an agent or a
//! rare flag has a shorter way. Pages, because a reader that holds one long
//! view of the database keeps deleted content in its log.

use super::super::search::{EXPIRING, Flag, IdPart, Search, micros};
use super::row::Word;
use super::{Index, IndexError, Row, schema};
use crate::time::Timestamp;
use rusqlite::types::Value;
use rusqlite::{ToSql, params_from_iter};
use std::collections::HashSet;
use std::ops::ControlFlow;
use uuid::Uuid;

/// Rows in a page.
const PAGE: usize = 4_096;

/// Where a page begins: the answer of the last row handed out, and how many of
/// that very instant were.
#[derive(Clone, Copy)]
struct Place {
    answered_at: Timestamp,
    seen: usize,
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
        if !search.ids.is_empty() || search.limit.is_some() {
            let rows = if search.ids.is_empty() { self.newest(search)? } else { self.by_ids(search)? };
            for row in rows {
                if take(row).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        let query = Query::new(search);
        let mut place = None;
        loop {
            let page = self.page(&query, place, PAGE, "ASC")?;
            let (n, last) = (page.len(), page.last().map(|r| r.answered_at));
            let same = page.iter().rev().take_while(|r| Some(r.answered_at) == last).count();
            for row in page {
                if take(row).is_break() {
                    return Ok(());
                }
            }
            let Some(answered_at) = last.filter(|_| n == PAGE) else { return Ok(()) };
            let before = place.filter(|p| p.answered_at == answered_at).map_or(0, |p| p.seen);
            place = Some(Place { answered_at, seen: before + same });
        }
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
        let query = Query::new(search);
        let sql =
            format!("SELECT count(*) FROM recording INDEXED BY {} WHERE {}", query.index, query.condition);
        let mut st = self.conn.prepare_cached(&sql).map_err(self.error())?;
        let n: i64 = st.query_row(params_from_iter(&query.values), |r| r.get(0)).map_err(self.error())?;
        let n = n.unsigned_abs();
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
            schema::COLUMNS
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

    /// What is due at `now`, not held, the longest overdue first.
    pub fn due_before(&self, now: Timestamp, limit: usize) -> Result<Vec<Row>, IndexError> {
        let sql = format!(
            "SELECT {} FROM recording INDEXED BY by_due WHERE buried = 0 AND held = 0 AND until <= ?1 \
             ORDER BY until LIMIT ?2",
            schema::COLUMNS
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

    fn newest(&self, search: &Search) -> Result<Vec<Row>, IndexError> {
        let mut rows = self.page(&Query::new(search), None, search.limit.unwrap_or(PAGE), "DESC")?;
        rows.reverse();
        Ok(rows)
    }

    fn page(
        &self,
        query: &Query,
        place: Option<Place>,
        limit: usize,
        order: &str,
    ) -> Result<Vec<Row>, IndexError> {
        let from = place.map_or(i64::MIN, |p| p.answered_at.as_ns());
        let sql = format!(
            "SELECT {} FROM recording INDEXED BY {} WHERE {} AND answered_at >= {from} \
             ORDER BY answered_at {order} LIMIT {limit} OFFSET {}",
            schema::COLUMNS,
            query.index,
            query.condition,
            place.map_or(0, |p| p.seen)
        );
        // Not cached: the place is part of the text, so that it is a range of the index.
        let mut st = self.conn.prepare(&sql).map_err(self.error())?;
        let rows = st.query_map(params_from_iter(&query.values), Row::read).map_err(self.error())?;
        rows.collect::<Result<_, _>>().map_err(self.error())
    }

    pub(super) fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, IndexError> {
        let mut st = self.conn.prepare_cached(sql).map_err(self.error())?;
        let rows = st.query_map(params_from_iter(values), Row::read).map_err(self.error())?;
        rows.collect::<Result<_, _>>().map_err(self.error())
    }
}

/// A search without ids as a condition with its values.
struct Query {
    index: &'static str,
    condition: String,
    values: Vec<Value>,
}

impl Query {
    fn new(s: &Search) -> Query {
        let mut q = Query { index: "by_time", condition: "buried = 0".into(), values: Vec::new() };
        q.and("answered_at >= ?", s.since.map(|t| t.as_ns().into()));
        q.and("answered_at < ?", s.until.map(|t| t.as_ns().into()));
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
                Flag::Held => ("held = 1", Some("the_held")),
                Flag::Restricted => ("restricted = 1", Some("the_restricted")),
                Flag::Incomplete => ("complete = 0", Some("the_incomplete")),
                Flag::OneWay => ("one_way = 1", Some("the_one_way")),
                Flag::Expiring => ("held = 0", None),
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
    match Word(direction).to_sql() {
        Ok(rusqlite::types::ToSqlOutput::Owned(value)) => Some(value),
        _ => None,
    }
}
