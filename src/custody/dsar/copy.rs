//! The copy that goes out (GDPR Art. 15(3)): the audio, what is known of it in the person's
//! language, and who listened and got copies before. Made by [`super::super::export`].

use super::super::audit::Why;
use super::super::export::{ExportRequest, Exported};
use super::error::DsarError;
use super::handling::Handling;
use super::subject::{RequestOutcome, SubjectRight};
use super::usage::UsageReport;
use crate::id::Channel;
use std::path::PathBuf;

/// The file that says who listened.
const USAGE: &str = "usage.txt";

/// How the copy is made.
#[derive(Clone, Debug, Default)]
pub struct CopyRequest {
    /// Into which folder the zip goes.
    pub to: PathBuf,
    /// This party's channel becomes silence.
    pub silence: Option<Channel>,
    /// Accounts of those who listened are told without their names.
    pub without_names: bool,
    /// Entries of the audit log that the person is not to be told of.
    pub leave_out: Vec<u64>,
    /// `retention.access`: nothing past its term is handed out.
    pub until_due: bool,
}

impl Handling<'_> {
    /// Makes the copy.
    ///
    /// # Errors
    /// It is not a request for one, it is refused, nobody knows who asks; a recording is restricted
    /// or gone; the copy cannot be written.
    pub fn copy(&mut self, n: i64, copy: &CopyRequest) -> Result<Exported, DsarError> {
        let (request, _) = self.get(n)?;
        let conflict = |why| Err(DsarError::Conflict { n, why });
        if request.right != SubjectRight::Access {
            return conflict("it does not ask for a copy");
        }
        if request.identity.is_none() {
            return conflict("it is not written down how the identity was checked");
        }
        let refused = |outcome| matches!(outcome, RequestOutcome::Refused | RequestOutcome::Deferred);
        if request.decided.as_ref().is_some_and(|decided| refused(decided.outcome)) {
            return conflict("it is refused");
        }
        let rows = self.rows(&request)?;
        if rows.is_empty() {
            return conflict("it names no recording that is still there");
        }
        let usage = UsageReport {
            language: request.language,
            zone: self.zone,
            names: !copy.without_names,
            leave_out: &copy.leave_out,
        };
        let usage = usage.write(self.keeper.audit(), &rows)?;
        let order = ExportRequest {
            to: copy.to.clone(),
            why: Why {
                reason: Some("copy for the data subject".into()),
                case: Some(request.case.clone()),
                recipient: Some("data subject".into()),
                basis: Some("GDPR Art. 15(3)".into()),
            },
            silence: copy.silence,
            zip: true,
            until_due: copy.until_due,
            zone: Some(self.zone.clone()),
            language: request.language,
            beside: vec![(USAGE.into(), usage.into_bytes())],
            ..ExportRequest::default()
        };
        let done = self.keeper.export(&rows, &order, self.by)?;
        self.book.copied(n, self.by.at)?;
        Ok(done)
    }
}
