//! The store as the room uses it: what may be found, told to the log before it is shown.
//!
//! The only place of the room that touches recordings, by the library the commands use.
//! Everything here blocks; the handlers call it from a thread of its own.

mod shelf;

use super::pcm::Pcm;
use super::problem::ProblemDetails;
use super::query::{Cursor, Query};
use super::statistics::{Counts, Slot, Span};
use crate::archive::index::{Index, IndexError, Row};
use crate::archive::marks::AssuranceMark;
use crate::archive::search::{IdPart, Search};
use crate::archive::{Archive, NoIndex, Place};
use crate::config::Config;
use crate::config::compiled::NumberForm;
use crate::custody::access::{Deed, Directory, Facts, Person, Policy, Reach};
use crate::custody::audit::{AuditLog, By, Draft};
use crate::custody::keeper::{Keeper, KeeperError};
use crate::store::StoreError;
use crate::store::files::Folder;
use crate::store::mark;
use crate::store::sidecar::{Sidecar, read_value};
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::fmt::Display;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Open indexes that wait for the next request.
const POOL: usize = 4;
/// How often the folders are looked through for what a recorder elsewhere finished.
const LOOK: Duration = Duration::from_secs(1);
/// Rows read at once while a page is filled; more where few of them may be found.
const BATCH: usize = 256;

/// An entry to be written, and who waits for it.
type ToTell = ((By, Draft), SyncSender<Result<(), ProblemDetails>>);

/// The store.
#[derive(Debug)]
pub struct Desk {
    /// Where the store is: its state has index, audit log and accounts.
    pub place: Place,
    store: Folder,
    audit: AuditLog,
    /// Whose calendar counts.
    pub zone: TimeZone,
    /// How numbers are compared.
    pub numbers: NumberForm,
    pool: Mutex<Vec<Index>>,
    looked: Mutex<Option<Instant>>,
    /// What is to be written, and who waits for it.
    to_tell: Mutex<Vec<ToTell>>,
    telling: Mutex<()>,
}

/// Who asks for what, as far as a list needs it.
#[derive(Debug)]
pub struct Asker<'a> {
    /// Who may what.
    pub policy: &'a Policy,
    /// Who was in which team.
    pub directory: &'a Directory,
    /// Who asks.
    pub person: &'a Person,
    /// The present.
    pub now: Timestamp,
}

impl Asker<'_> {
    /// [`Policy::may`] for a row.
    pub fn may(&self, deed: Deed, row: &Row) -> Result<(), crate::custody::access::Denied> {
        self.policy.may(self.person, self.directory, deed, &facts(row), self.now)
    }
}

/// What access has to know of a recording.
pub fn facts(row: &Row) -> Facts<'_> {
    Facts {
        service: row.service.as_deref(),
        agent: row.agent.id.as_deref(),
        answered_at: row.answered_at,
        until: row.until,
        held: row.held,
        restricted: row.restricted,
        missing: row.missing,
    }
}

impl Desk {
    /// The store of a checked configuration.
    ///
    /// # Errors
    /// There is no such folder, it is another store, its index cannot be opened.
    pub fn open(config: &Config, now: Timestamp) -> anyhow::Result<Desk> {
        let place = Place::of(&config.storage);
        place.enter()?;
        mark::enter(&place.root, &place.state, now)?;
        let Archive { store, index } = Archive::open(&place, NoIndex::Build)?;
        Ok(Desk {
            zone: config.retention.timezone.rules().clone(),
            numbers: NumberForm::new(&config.numbers),
            pool: Mutex::new(vec![index]),
            looked: Mutex::new(None),
            to_tell: Mutex::new(Vec::new()),
            telling: Mutex::new(()),
            audit: AuditLog::of(&place.state, &config.audit),
            place,
            store,
        })
    }

    /// The log.
    pub fn log(&self) -> &AuditLog {
        &self.audit
    }

    /// Says in the log what is about to be shown or done. What several want to say at
    /// the same moment is written together.
    ///
    /// # Errors
    /// It cannot be written: then nothing may be.
    pub fn write_log(&self, by: &By, draft: Draft) -> Result<(), ProblemDetails> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let own = ((by.clone(), draft), answer);
        self.to_tell.lock().unwrap_or_else(PoisonError::into_inner).push(own);
        {
            // Whoever comes in here writes for all who wait by then.
            let _turn = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = std::mem::take(&mut *self.to_tell.lock().unwrap_or_else(PoisonError::into_inner));
            if !waiting.is_empty() {
                let (said, answers): (Vec<(By, Draft)>, Vec<_>) = waiting.into_iter().unzip();
                let written = self.write(said);
                for answer in answers {
                    // Fails only where nobody waits any more.
                    let _ = answer.send(written.clone());
                }
            }
        }
        answered.recv().unwrap_or(Err(ProblemDetails::BROKEN))
    }

    fn write(&self, said: Vec<(By, Draft)>) -> Result<(), ProblemDetails> {
        match self.audit.append_all(said) {
            Ok((_, None)) => Ok(()),
            Ok((_, Some(trouble))) => {
                tracing::warn!(reason = %trouble, "the audit log's anchor cannot be written");
                Ok(())
            }
            Err(error) => Err(KeeperError::from(error).into()),
        }
    }

    /// The store, open for a change.
    ///
    /// # Errors
    /// It is not there any more, or its index cannot be opened.
    pub fn keeper(&self) -> Result<Keeper, ProblemDetails> {
        let archive = Archive::reopen(&self.place).map_err(broken)?;
        Ok(Keeper::new(archive, self.audit.clone()))
    }

    /// Asks the index, in step with the folders to a second.
    fn ask<T>(&self, ask: impl FnOnce(&Index) -> Result<T, IndexError>) -> Result<T, ProblemDetails> {
        let waiting = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut index = match waiting {
            Some(index) => index,
            None => Archive::reopen(&self.place).map_err(broken)?.index,
        };
        if self.is_time_to_look() {
            index.reconcile(&self.place.root).map_err(broken)?;
        }
        let answer = ask(&index).map_err(broken)?;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOL {
            pool.push(index);
        }
        Ok(answer)
    }

    fn is_time_to_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = looked.is_none_or(|at| at.elapsed() >= LOOK);
        if due {
            *looked = Some(Instant::now());
        }
        due
    }

    /// The recording that `id` stands for and that may be found, as its file has it now.
    ///
    /// # Errors
    /// The index cannot be read. `None`: there is none, or none to be found.
    pub fn one(&self, asker: &Asker<'_>, id: &str) -> Result<Option<Row>, ProblemDetails> {
        let Some(id) = IdPart::parse(id) else { return Ok(None) };
        let mut rows = self.ask(|index| index.named(id))?;
        // The id of a call group stands for none of its recordings here.
        if let IdPart::Full(uuid) = id {
            rows.retain(|row| row.id == uuid);
        }
        rows.retain(|row| asker.may(Deed::Find, row).is_ok());
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(self.fresh(row).filter(|row| asker.may(Deed::Find, row).is_ok())),
            _ => Ok(None),
        }
    }

    /// A row as its file has it now: the index finds, the file decides. `None`: deleted.
    fn fresh(&self, row: Row) -> Option<Row> {
        match Sidecar::read_in(&self.store, &row.path) {
            Ok(sidecar) => {
                let missing = row.missing;
                let now = Row { missing, ..Row::of(&row.path, &sidecar) };
                Some(if now.id == row.id { now } else { row })
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound && !row.missing => {
                // Deleted this moment, or lost: a tombstone would have hidden it.
                self.ask(|index| index.get(row.id)).ok().flatten().map(|row| Row { missing: true, ..row })
            }
            Err(_) => Some(row),
        }
    }

    /// The sidecar of a row with `state`; `None` where it cannot be read.
    pub fn sidecar(&self, row: &Row, now: Timestamp) -> Option<Map<String, Value>> {
        let Ok(Value::Object(mut object)) = read_value(&self.store, &row.path) else {
            // Its files are gone and nobody deleted it: what the index knows.
            let mut object = Map::new();
            object.insert("id".into(), row.id.to_string().into());
            object.insert("service".into(), row.service.clone().into());
            object.insert("answered_at".into(), row.answered_at.to_rfc3339().into());
            object.insert("duration_s".into(), row.duration_s().into());
            object.insert("state".into(), "missing".into());
            return row.missing.then_some(object);
        };
        object.insert("state".into(), row.state(now).name().into());
        Some(object)
    }

    /// A page of what may be found, the newest first, and where the next begins.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn page(
        &self,
        asker: &Asker<'_>,
        query: &Query,
    ) -> Result<(Vec<Row>, Option<Cursor>), ProblemDetails> {
        let searches = narrowed(query, &asker.policy.reach(asker.person, asker.directory));
        let mut found: Vec<Row> = Vec::new();
        for search in searches {
            self.ask(|index| fill(index, search, query, asker, &mut found))?;
        }
        found.sort_by_key(|row| std::cmp::Reverse((row.answered_at, row.id)));
        found.dedup_by_key(|row| row.id);
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more);
        let next = next.map(|row| Cursor { answered_at: row.answered_at, id: row.id });
        Ok((found, next))
    }

    /// The recordings beside one, in the order of a search: the next newer and the next older one that may be found.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn beside(
        &self,
        asker: &Asker<'_>,
        query: &Query,
        row: &Row,
    ) -> Result<[Option<Uuid>; 2], ProblemDetails> {
        let place = (row.answered_at, row.id);
        let mut newer: Option<(Timestamp, Uuid)> = None;
        for search in narrowed(query, &asker.policy.reach(asker.person, asker.directory)) {
            let begins = search.since.map_or(row.answered_at, |since| since.max(row.answered_at));
            let search = Search { since: Some(begins), ..search };
            self.ask(|index| {
                index.each(&search, |found| {
                    let at = (found.answered_at, found.id);
                    // Of one instant they come in any order.
                    if newer.is_some_and(|best| found.answered_at > best.0) {
                        return ControlFlow::Break(());
                    }
                    if at > place
                        && newer.is_none_or(|best| at < best)
                        && asker.may(Deed::Find, &found).is_ok()
                    {
                        newer = Some(at);
                    }
                    ControlFlow::Continue(())
                })
            })?;
        }
        let cursor = Some(Cursor { answered_at: row.answered_at, id: row.id });
        let (older, _) = self.page(asker, &Query { cursor, limit: 1, ..query.clone() })?;
        Ok([newer.map(|(_, id)| id), older.first().map(|row| row.id)])
    }

    /// Calls and their length of each service and time slot, of the services that may be found whole.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn count(&self, asker: &Asker<'_>, span: Span, by: Slot) -> Result<Counts, ProblemDetails> {
        let base =
            Search { since: Some(span.since), until: Some(span.until), now: asker.now, ..Search::default() };
        let searches = match asker.policy.reach(asker.person, asker.directory) {
            Reach::All => vec![base],
            Reach::Some { services, .. } => {
                let of = |service| Search { service: Some(service), ..base.clone() };
                services.into_iter().map(of).collect()
            }
        };
        let mut counts = Counts::new();
        for search in searches {
            self.ask(|index| {
                index.each(&search, |row| {
                    if !row.missing && asker.may(Deed::Find, &row).is_ok() {
                        let slot = by.of(row.answered_at, &self.zone);
                        let cell = counts.entry((row.service.clone().unwrap_or_default(), slot)).or_default();
                        cell.calls += 1;
                        cell.us += row.duration_us.max(0);
                        cell.partial += u64::from(row.marks.has(AssuranceMark::Partial));
                    }
                    ControlFlow::Continue(())
                })
            })?;
        }
        Ok(counts)
    }

    /// The sound of a recording.
    ///
    /// # Errors
    /// It cannot be read, or is no WAV of ours.
    pub fn sound(&self, row: &Row) -> Result<Pcm, StoreError> {
        let path = row.path.with_extension("wav");
        Pcm::of(self.store.read(&path)?, &path)
    }

    /// Whether a folder may be exported to: below `exports` where that is set, whole, and
    /// without a way up.
    pub fn may_export_to(exports: &Path, to: &Path) -> bool {
        let plain =
            to.is_absolute() && to.components().all(|part| !matches!(part, std::path::Component::ParentDir));
        plain && (exports.as_os_str().is_empty() || to.starts_with(exports))
    }
}

/// The searches that together hold all of `query` that lies in `reach`.
fn narrowed(query: &Query, reach: &Reach) -> Vec<Search> {
    let search = &query.search;
    let Reach::Some { agents, services } = reach else { return vec![search.clone()] };
    let fits = |wanted: &Option<String>, own: &String| wanted.as_ref().is_none_or(|wanted| wanted == own);
    let of_agents = agents
        .iter()
        .filter(|agent| fits(&search.agent, agent))
        .map(|agent| Search { agent: Some(agent.clone()), ..search.clone() });
    let of_services = services
        .iter()
        .filter(|service| fits(&search.service, service))
        .map(|service| Search { service: Some(service.clone()), ..search.clone() });
    of_agents.chain(of_services).collect()
}

/// Adds what of `search` comes behind the cursor and may be found: one more than the
/// page has room for, where there is so much.
fn fill(
    index: &Index,
    search: Search,
    query: &Query,
    asker: &Asker<'_>,
    found: &mut Vec<Row>,
) -> Result<(), IndexError> {
    let behind = |row: &Row| query.cursor.is_none_or(|c| (row.answered_at, row.id) < (c.answered_at, c.id));
    // The instant of the cursor itself once more: others may have been answered in it.
    let first = query.cursor.map(|c| c.answered_at.offset_ns(1));
    let mut until = match (search.until, first) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let (mut have, mut batch) = (0, BATCH.max(query.limit + 1));
    while have <= query.limit {
        let mut rows = index.find(&Search { until, limit: Some(batch), ..search.clone() })?;
        rows.sort_by_key(|row| (row.answered_at, row.id));
        let whole = rows.len() < batch;
        // Of the oldest instant in the batch there may be more: it is read again.
        let oldest = rows.first().map(|row| row.answered_at);
        let cut = oldest.filter(|_| !whole);
        let mut read = false;
        for row in rows.into_iter().rev().filter(|row| cut.is_none_or(|t| row.answered_at > t)) {
            read = true;
            if have <= query.limit && behind(&row) && asker.may(Deed::Find, &row).is_ok() {
                found.push(row);
                have += 1;
            }
        }
        if whole {
            break;
        }
        if read {
            until = oldest.map(|t| t.offset_ns(1));
        }
        // Many in one instant, or few that may be found.
        batch = batch.saturating_mul(4).min(64 * BATCH).max(if read { 0 } else { batch * 4 });
    }
    Ok(())
}

fn broken(error: impl Display) -> ProblemDetails {
    tracing::error!(reason = %error, "the index cannot be used");
    ProblemDetails::UNAVAILABLE
}
