//! How bad a finding is, and how it is told.

use serde::Serialize;

/// How bad a finding is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Calls, or whole sides of calls, are not recorded.
    Broken,
    /// Part of the calls or of their sound is missing, or nothing could be proved.
    Impaired,
    /// Everything is recorded; worth knowing all the same.
    Remark,
}

/// A finding in words. No number of a person and no Call-ID is ever in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingWords {
    /// How bad it is.
    pub severity: Severity,
    /// One word for programs.
    pub finding: &'static str,
    /// What is wrong, in one line, with what was measured.
    pub wrong: String,
    /// What to do about it, in one line.
    pub remedy: String,
}

impl FindingWords {
    pub(super) fn new(
        severity: Severity,
        finding: &'static str,
        wrong: String,
        remedy: String,
    ) -> FindingWords {
        FindingWords { severity, finding, wrong, remedy }
    }
}
