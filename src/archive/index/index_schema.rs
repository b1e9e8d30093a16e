//! The tables, and what opening a database sets.
//!
//! A database of another version is not converted: it is built again from the
//! files, which know more than any conversion could.

use rusqlite::Connection;
use std::time::Duration;

/// `user_version` of the database. Any change below makes it one more.
pub(super) const VERSION: i64 = 4;

/// How long a statement waits for another process to finish writing.
const BUSY: Duration = Duration::from_secs(10);

/// A column that a [`super::Row`] is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    CallGroup,
    Path,
    Service,
    Direction,
    AgentId,
    AgentName,
    Number,
    Withheld,
    Dialled,
    AnsweredAt,
    DurationUs,
    EndedBy,
    Complete,
    OneWay,
    Marks,
    Held,
    Restricted,
    Until,
    WavBytes,
    Sha256,
    SampleRate,
    UnconfirmedSince,
    Missing,
    Why,
    Mos,
    Lost,
}

/// All of them, each under its name.
const NAMES: [(Column, &str); 27] = [
    (Column::Id, "id"),
    (Column::CallGroup, "call_group"),
    (Column::Path, "path"),
    (Column::Service, "service"),
    (Column::Direction, "direction"),
    (Column::AgentId, "agent_id"),
    (Column::AgentName, "agent_name"),
    (Column::Number, "number"),
    (Column::Withheld, "withheld"),
    (Column::Dialled, "dialled"),
    (Column::AnsweredAt, "answered_at"),
    (Column::DurationUs, "duration_us"),
    (Column::EndedBy, "ended_by"),
    (Column::Complete, "complete"),
    (Column::OneWay, "one_way"),
    (Column::Marks, "marks"),
    (Column::Held, "held"),
    (Column::Restricted, "restricted"),
    (Column::Until, "until"),
    (Column::WavBytes, "wav_bytes"),
    (Column::Sha256, "sha256"),
    (Column::SampleRate, "sample_rate"),
    (Column::UnconfirmedSince, "unconfirmed_since"),
    (Column::Missing, "missing"),
    (Column::Why, "why"),
    (Column::Mos, "mos"),
    (Column::Lost, "lost"),
];

/// Every column.
pub(super) const ALL: &[Column] = &{
    let mut all = [Column::Id; NAMES.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = NAMES[i].0;
        i += 1;
    }
    all
};

/// What a table for people has.
pub(super) const SHOWN: &[Column] = &[
    Column::Id,
    Column::Service,
    Column::Direction,
    Column::AgentId,
    Column::AgentName,
    Column::Number,
    Column::Withheld,
    Column::AnsweredAt,
    Column::DurationUs,
    Column::Complete,
    Column::OneWay,
    Column::Marks,
    Column::Held,
    Column::Restricted,
    Column::Until,
    Column::Missing,
];

/// What statistics are counted from: nobody's number, and no name.
pub(super) const COUNTED: &[Column] = &[
    Column::Service,
    Column::Direction,
    Column::AnsweredAt,
    Column::DurationUs,
    Column::Complete,
    Column::OneWay,
    Column::Marks,
    Column::Missing,
    Column::Why,
    Column::Mos,
    Column::Lost,
];

/// Their names, for `SELECT`.
pub(super) fn names(columns: &[Column]) -> String {
    let name =
        |column: &Column| NAMES.iter().find(|(known, _)| known == column).map_or("", |(_, name)| *name);
    columns.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A recording new, edited or found again. One that is known at another place, where
/// its files are, stays there: a copy is not taken for it.
pub(super) const PUT: &str = "INSERT INTO recording (id, call_group, path, service, direction, agent_id, \
    agent_name, number, withheld, dialled, answered_at, duration_us, ended_by, complete, one_way, held, \
    restricted, until, wav_bytes, sha256, sample_rate, unconfirmed_since, missing, short, marks, \
    why, mos, lost) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, \
    ?26, ?27, ?28) \
    ON CONFLICT (id) DO UPDATE SET call_group=?2, path=?3, service=?4, direction=?5, agent_id=?6, \
    agent_name=?7, number=?8, withheld=?9, dialled=?10, answered_at=?11, duration_us=?12, ended_by=?13, \
    complete=?14, one_way=?15, held=?16, restricted=?17, until=?18, wav_bytes=?19, sha256=?20, sample_rate=?21, \
    unconfirmed_since=?22, missing=?23, marks=?25, why=?26, mos=?27, lost=?28 WHERE path=?3 OR missing";

/// Tables. `buried`: its tombstone is written, its files are on their way out.
/// `missing`: its files are not where they were, and nobody deleted it.
pub(super) const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE recording (
    id BLOB NOT NULL UNIQUE, call_group BLOB NOT NULL, path TEXT NOT NULL, service TEXT, direction TEXT,
    agent_id TEXT, agent_name TEXT, number TEXT, withheld INTEGER NOT NULL, dialled TEXT,
    answered_at INTEGER NOT NULL, duration_us INTEGER NOT NULL, ended_by TEXT NOT NULL,
    complete INTEGER NOT NULL, one_way INTEGER NOT NULL, marks INTEGER NOT NULL, held INTEGER NOT NULL,
    restricted INTEGER NOT NULL, until INTEGER, wav_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    sample_rate INTEGER NOT NULL, unconfirmed_since INTEGER, short INTEGER NOT NULL,
    buried INTEGER NOT NULL DEFAULT 0, missing INTEGER NOT NULL DEFAULT 0,
    why TEXT, mos INTEGER, lost INTEGER
);
CREATE TABLE tombstone (
    id BLOB PRIMARY KEY, short INTEGER NOT NULL, service TEXT, answered_on TEXT NOT NULL,
    deleted_at INTEGER NOT NULL, until INTEGER, sha256 TEXT NOT NULL, reason TEXT NOT NULL
) WITHOUT ROWID;
";

/// Indexes, made after a bulk load. `by_time` holds every column a search can
/// ask for, and then those of [`SHOWN`] and [`COUNTED`]: a scan of it never looks at a row it does
/// not return, and for a table at none. `by_due` gives what falls due together
/// folder by folder.
pub(super) const INDEXES: &str = "
CREATE INDEX by_short ON recording (short);
CREATE INDEX by_group ON recording (call_group);
CREATE INDEX by_time ON recording (answered_at, number, duration_us, service, direction, until, wav_bytes,
    held, restricted, complete, one_way, id, agent_id, agent_name, withheld, missing, marks, why, mos, lost)
    WHERE buried = 0;
CREATE INDEX by_agent ON recording (agent_id, answered_at) WHERE buried = 0;
CREATE INDEX by_due ON recording (until, answered_at, wav_bytes) WHERE buried = 0 AND held = 0;
CREATE INDEX the_held ON recording (answered_at) WHERE buried = 0 AND held = 1;
CREATE INDEX the_restricted ON recording (answered_at) WHERE buried = 0 AND restricted = 1;
CREATE INDEX the_incomplete ON recording (answered_at) WHERE buried = 0 AND complete = 0;
CREATE INDEX the_one_way ON recording (answered_at) WHERE buried = 0 AND one_way = 1;
CREATE INDEX the_marked ON recording (answered_at) WHERE buried = 0 AND marks > 0;
CREATE INDEX the_missing ON recording (answered_at) WHERE buried = 0 AND missing = 1;
CREATE INDEX the_buried ON recording (answered_at) WHERE buried = 1;
CREATE INDEX tombstone_short ON tombstone (short);
";

/// What holds for every connection: deleted content is overwritten with zeros,
/// and others are waited for.
pub(super) fn set_up(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY)?;
    conn.pragma_update(None, "secure_delete", "ON")?;
    conn.pragma_update(None, "trusted_schema", "OFF")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Readers never wait for the writer. What the index loses in a power cut the
/// files still have, so commits are not synced one by one.
pub(super) fn set_up_live(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    // Also bounds what a checkpoint leaves of the log.
    conn.pragma_update(None, "journal_size_limit", 16 << 20)
}

/// `user_version`.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |r| r.get(0))
}
