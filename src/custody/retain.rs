//! A changed rule, applied to the recordings that are there.
//!
//! A recording keeps the term under which it was made (R-RET-10): a new value of
//! `retention` in the configuration is for the calls to come. Only this applies it
//! to the old ones, after a look at what that means. What is deleted stays
//! deleted; a hold holds whatever the term.

use super::audit::{Action, By, Draft, EntryFacts, Fact, facts};
use super::edit::EditResult;
use super::keeper::{BATCH, Keeper, KeeperError};
use crate::archive::index::Row;
use crate::archive::search::Search;
use crate::config::{RetentionBound, Term};
use crate::store::calendar::{due, until_string};
use crate::store::legible::Legible;
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use uuid::Uuid;

/// The rule of one service.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name of the service.
    pub service: String,
    /// How long.
    pub term: Term,
    /// Which edge of the anniversary.
    pub bound: RetentionBound,
    /// Whose days.
    pub zone: TimeZone,
}

/// What applying a rule means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Kept shorter than before.
    pub shorter: u64,
    /// Kept longer than before.
    pub longer: u64,
    /// As before.
    pub unchanged: u64,
    /// Among all of them, held: their term changes, they stay.
    pub held: u64,
    /// Among the shorter ones, due at once and not held: the next sweep deletes them.
    pub due_at_once: u64,
    /// The oldest answer among those that change, RFC 3339.
    pub oldest: Option<String>,
    /// Could not be changed.
    pub failed: Vec<Uuid>,
}

impl Rule {
    fn until(&self, answered_at: Timestamp) -> Timestamp {
        due(answered_at, self.term, self.bound, &self.zone)
    }

    /// For the audit log.
    fn detail(&self) -> EntryFacts {
        facts! {
            Service: self.service, Retention: self.term.to_string(),
            RetentionBound: self.bound, Timezone: self.zone.iana_name(),
        }
    }

    fn apply(&self, sidecar: &mut Sidecar) -> EditResult {
        let until = self.until(sidecar.answered_at);
        if sidecar.retention.until == Some(until) {
            return EditResult::Not;
        }
        sidecar.retention.until = Some(until);
        if let Some(policy) = &mut sidecar.policy {
            policy.retention = Legible::Known(self.term);
            policy.retention_bound = self.bound;
            policy.timezone = self.zone.iana_name().map(String::from);
        }
        EditResult::Made
    }
}

impl Keeper {
    /// What applying `rule` would mean.
    ///
    /// # Errors
    /// The index cannot be read, or the audit log not be written.
    pub fn preview(&mut self, rule: &Rule, by: &By) -> Result<Applied, KeeperError> {
        let mut applied = Applied::default();
        self.index.each(&of_service(rule), |row| {
            count(&mut applied, &row, rule.until(row.answered_at), by.at);
            ControlFlow::Continue(())
        })?;
        self.append_audit(by, Draft::new(Action::RetentionPreview).detail(rule.detail()))?;
        Ok(applied)
    }

    /// Applies `rule` to every recording of its service.
    ///
    /// # Errors
    /// The audit log or the index cannot be written: what was done until then
    /// stands, and doing it again does the rest.
    pub fn apply(&mut self, rule: &Rule, by: &By) -> Result<Applied, KeeperError> {
        let mut applied = Applied::default();
        let mut changing = Vec::new();
        self.index.each(&of_service(rule), |row| {
            let until = rule.until(row.answered_at);
            count(&mut applied, &row, until, by.at);
            if row.until != Some(until) {
                changing.push(row);
            }
            ControlFlow::Continue(())
        })?;
        for batch in changing.chunks(BATCH) {
            let changes: Vec<Value> = batch
                .iter()
                .map(|row| {
                    let new = until_string(rule.until(row.answered_at));
                    json!([row.id, row.until.map(until_string), new])
                })
                .collect();
            let detail = rule.detail().with(Fact::Changes, changes);
            let draft = Draft::new(Action::RetentionApply).detail(detail);
            let amended = self.amend(batch, draft, by, &|sidecar| rule.apply(sidecar))?;
            applied.failed.extend(amended.failed.into_iter().map(|(id, _)| id));
            applied.failed.extend(amended.refused.into_iter().map(|(id, _)| id));
        }
        Ok(applied)
    }
}

fn of_service(rule: &Rule) -> Search {
    Search { service: Some(rule.service.clone()), ..Search::default() }
}

fn count(applied: &mut Applied, row: &Row, until: Timestamp, now: Timestamp) {
    applied.held += u64::from(row.held);
    // Without a term it was kept for ever.
    match row.until {
        Some(old) if old == until => {
            applied.unchanged += 1;
            return;
        }
        Some(old) if old < until => applied.longer += 1,
        _ => applied.shorter += 1,
    }
    applied.due_at_once += u64::from(!row.held && until <= now && row.until.is_none_or(|old| old > now));
    applied.oldest.get_or_insert_with(|| row.answered_at.to_rfc3339());
}
