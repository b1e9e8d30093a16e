//! What the log can say was done, and how it ended.

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A list was looked at.
    List,
    /// One recording's metadata was looked at.
    Show,
    /// The store was checked.
    Verify,
    /// The index was made anew.
    Reindex,
    /// The log itself was read.
    AuditShow,
    /// A hold was put on.
    Hold,
    /// A hold was ended.
    Release,
    /// Closed to listening and export.
    Restrict,
    /// Opened again.
    Unrestrict,
    /// About to be deleted before its time.
    EraseBegun,
    /// Deleted before its time.
    Erase,
    /// Deleted because its time was over.
    Expire,
    /// A sweep was refused.
    ExpireRefused,
    /// Owners, modes or the index were mended.
    Repair,
    /// A copy was handed out.
    Export,
    /// A changed rule was applied to what was there.
    RetentionApply,
    /// What is due was looked at.
    ExpirePreview,
    /// What would be erased was looked at.
    ErasePreview,
    /// What applying a changed rule would mean was looked at.
    RetentionPreview,
    /// Somebody confirmed that a hold is still needed.
    HoldReview,
    /// Tombstones that had done their work went.
    TombstonePrune,
    /// The log's own old entries went.
    AuditPrune,
    /// The log was found damaged or cut short.
    AuditRepair,
    /// Listening room: somebody came in, or was not let in.
    SignIn,
    /// Listening room: somebody left.
    SignOut,
    /// Listening room: the undertaking was accepted.
    Undertaking,
    /// A recording was heard, or seconds of it.
    Listen,
    /// Somebody asked to hear recordings or to hand out a copy.
    Request,
    /// Somebody else granted that.
    Approve,
    /// Somebody else refused that.
    Refuse,
    /// The requests were looked at.
    RequestsShow,
    /// The accounts were looked at.
    PeopleShow,
    /// Who may hear what was looked at.
    RightsShow,
    /// The statistics were looked at.
    StatisticsShow,
    /// An account was added.
    UserAdd,
    /// An account got other roles, or became something else.
    UserChange,
    /// An account was closed.
    UserDisable,
    /// An account got a new password.
    UserReset,
    /// A personal token or one-time codes were set up or ended.
    Credential,
}

impl Action {
    /// As it stands in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Action::List => "list",
            Action::Show => "show",
            Action::Verify => "verify",
            Action::Reindex => "reindex",
            Action::AuditShow => "audit_show",
            Action::Hold => "hold",
            Action::Release => "release",
            Action::Restrict => "restrict",
            Action::Unrestrict => "unrestrict",
            Action::EraseBegun => "erase_begun",
            Action::Erase => "erase",
            Action::Expire => "expire",
            Action::ExpireRefused => "expire_refused",
            Action::Repair => "repair",
            Action::Export => "export",
            Action::RetentionApply => "retention_apply",
            Action::ExpirePreview => "expire_preview",
            Action::ErasePreview => "erase_preview",
            Action::RetentionPreview => "retention_preview",
            Action::HoldReview => "hold_review",
            Action::TombstonePrune => "tombstone_prune",
            Action::AuditPrune => "audit_prune",
            Action::AuditRepair => "audit_repair",
            Action::SignIn => "sign_in",
            Action::SignOut => "sign_out",
            Action::Undertaking => "undertaking",
            Action::Listen => "listen",
            Action::Request => "request",
            Action::Approve => "approve",
            Action::Refuse => "refuse",
            Action::RequestsShow => "requests_show",
            Action::PeopleShow => "people_show",
            Action::RightsShow => "rights_show",
            Action::StatisticsShow => "statistics_show",
            Action::UserAdd => "user_add",
            Action::UserChange => "user_change",
            Action::UserDisable => "user_disable",
            Action::UserReset => "user_reset",
            Action::Credential => "credential",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done.
    Done,
    /// Not done, for a reason that stands in `detail`.
    Refused,
    /// Not done, or not wholly.
    Failed,
}

impl Outcome {
    /// As it stands in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}
