//! The month in numbers without persons: what `nauhuri report` tells.
//!
//! ```text
//! index, tombstones, assurance, register -> call_counts    --.
//! audit log, requests of data subjects ---> custody_counts --+-> monthly_report -> as_text, as_html, and the CSV of the command
//! ```
//!
//! Counts become a [`MonthlyReport`] through [`crate::archive::small_cells`] and in no other way: what writes text,
//! CSV or HTML never sees a number that is not to be shown, so all of them hide the same. No agent, no number, no id
//! is counted by.

mod as_html;
mod as_text;
mod bar_chart;
mod call_counts;
mod call_lengths;
mod custody_counts;
mod escaping;
mod local_hour;
mod mail_message;
mod monthly_report;
mod reason_words;
mod remarks;
mod report_month;
mod report_sources;
mod report_table;
mod report_words;
#[cfg(test)]
mod tests;

pub use as_html::to_html;
pub use as_text::to_text;
pub use mail_message::{MailAttachment, MailMessage};
pub use monthly_report::MonthlyReport;
pub use remarks::ReportRemark;
pub use report_month::ReportMonth;
pub use report_sources::ReportSources;
pub use report_table::{ReportFigure, ReportHead, ReportLine, ReportTable};
pub use report_words::ReportWord;

use crate::archive::index::IndexError;
use crate::custody::audit::AuditError;
use crate::custody::dsar::DsarError;
use crate::store::StoreError;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Files of the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The requests of data subjects.
    #[error(transparent)]
    Dsar(#[from] DsarError),
}
