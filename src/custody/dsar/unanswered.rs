//! What is waited for, and how a request stands by what holds its recordings.

use super::book::RequestBook;
use super::error::DsarError;
use super::subject::{RequestOutcome, RequestStanding, SubjectRequest, SubjectRight};
use crate::archive::index::{Index, IndexError};
use crate::store::calendar::{day_begins, local_date};
use crate::time::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::Path;

/// What is waited for, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitingRequests {
    /// Open or resumed, by [`SubjectRight::ALL`].
    pub open: [u64; SubjectRight::ALL.len()],
    /// Put off by a hold.
    pub deferred: u64,
    /// Among those that are open, past their day.
    pub overdue: u64,
    /// The nearest day one of them is due.
    pub next: Option<Date>,
}

impl WaitingRequests {
    /// Of a store; where there is no book, of none.
    ///
    /// # Errors
    /// Book or index cannot be read.
    pub fn of(state: &Path, index: &Index, zone: &TimeZone, now: Timestamp) -> Result<Self, DsarError> {
        let Some(book) = RequestBook::open_if_there(state)? else { return Ok(Self::default()) };
        let today = local_date(now, zone);
        let mut waiting = WaitingRequests::default();
        for request in book.undecided()? {
            match standing(&request, index)? {
                RequestStanding::Deferred => waiting.deferred += 1,
                RequestStanding::Decided => {}
                RequestStanding::Open | RequestStanding::Resumed => {
                    waiting.open[request.right as usize] += 1;
                    waiting.overdue += u64::from(request.due < today);
                    waiting.next = Some(waiting.next.map_or(request.due, |next| next.min(request.due)));
                }
            }
        }
        Ok(waiting)
    }

    /// The end of the nearest day.
    pub fn next_ends(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.next.map(|day| day_begins(day.saturating_add(1.day()), zone))
    }
}

/// How a request stands, by what holds its recordings now.
///
/// # Errors
/// The index cannot be read.
pub fn standing(request: &SubjectRequest, index: &Index) -> Result<RequestStanding, IndexError> {
    Ok(match request.decided.as_ref().map(|decided| decided.outcome) {
        None => RequestStanding::Open,
        Some(RequestOutcome::Deferred) => {
            let mut held = false;
            for id in &request.recordings {
                held |= index.get(*id)?.is_some_and(|row| row.held);
            }
            if held { RequestStanding::Deferred } else { RequestStanding::Resumed }
        }
        Some(RequestOutcome::Granted | RequestOutcome::Partly | RequestOutcome::Refused) => {
            RequestStanding::Decided
        }
    })
}
