//! What the log can say was done, and how it ended.

use crate::store::word::{vocabulary, words};

words! {
    /// What was done.
    pub enum Action {
        /// A list was looked at.
        List = "list",
        /// One recording's metadata was looked at.
        Show = "show",
        /// The store was checked.
        Verify = "verify",
        /// The recordings were compared with the exchange's list of calls.
        Reconcile = "reconcile",
        /// The index was made anew.
        Reindex = "reindex",
        /// The log itself was read.
        AuditShow = "audit_show",
        /// A hold was put on.
        Hold = "hold",
        /// A hold was ended.
        Release = "release",
        /// Closed to listening and export.
        Restrict = "restrict",
        /// Opened again.
        Unrestrict = "unrestrict",
        /// What is known about it was corrected.
        Amend = "amend",
        /// Sound was made of payload that could not be decoded before.
        Redecode = "redecode",
        /// About to be deleted before its time.
        EraseBegun = "erase_begun",
        /// Deleted before its time.
        Erase = "erase",
        /// Deleted because its time was over.
        Expire = "expire",
        /// A sweep was refused.
        ExpireRefused = "expire_refused",
        /// Owners, modes or the index were mended.
        Repair = "repair",
        /// A copy was handed out.
        Export = "export",
        /// A changed rule was applied to what was there.
        RetentionApply = "retention_apply",
        /// What is due was looked at.
        ExpirePreview = "expire_preview",
        /// What would be erased was looked at.
        ErasePreview = "erase_preview",
        /// What applying a changed rule would mean was looked at.
        RetentionPreview = "retention_preview",
        /// Somebody confirmed that a hold is still needed.
        HoldReview = "hold_review",
        /// Tombstones that had done their work went.
        TombstonePrune = "tombstone_prune",
        /// The assurance of calls that left no recording went because its time was over.
        AssuranceExpire = "assurance_expire",
        /// The log's own old entries went.
        AuditPrune = "audit_prune",
        /// The log was found damaged or cut short.
        AuditRepair = "audit_repair",
        /// Signing began, in a log that had unsigned entries.
        AuditSign = "audit_sign",
        /// Listening room: somebody came in, or was not let in.
        SignIn = "sign_in",
        /// Listening room: somebody left.
        SignOut = "sign_out",
        /// Listening room: the undertaking was accepted.
        Undertaking = "undertaking",
        /// The running calls were looked at.
        CallsShow = "calls_show",
        /// A running recording was paused.
        Pause = "pause",
        /// A paused recording goes on.
        Resume = "resume",
        /// A running recorder took a new configuration.
        Reload = "reload",
        /// A recording was heard, or seconds of it.
        Listen = "listen",
        /// Somebody asked to hear recordings or to hand out a copy.
        Request = "request",
        /// Somebody else granted that.
        Approve = "approve",
        /// Somebody else refused that.
        Refuse = "refuse",
        /// The requests were looked at.
        RequestsShow = "requests_show",
        /// The accounts were looked at.
        PeopleShow = "people_show",
        /// Who may hear what was looked at.
        RightsShow = "rights_show",
        /// The statistics were looked at.
        StatisticsShow = "statistics_show",
        /// The statistics of a month were made.
        Report = "report",
        /// An account was added.
        UserAdd = "user_add",
        /// An account got other roles, or became something else.
        UserChange = "user_change",
        /// An account was closed.
        UserDisable = "user_disable",
        /// An account got a new password.
        UserReset = "user_reset",
        /// The requests of data subjects were looked at, or a letter to one of them was made.
        DsarShow = "dsar_show",
        /// A data subject's request was taken.
        DsarAdd = "dsar_add",
        /// More is known of a data subject's request: who he is, which recordings are meant.
        DsarChange = "dsar_change",
        /// The time for a data subject's request was extended.
        DsarExtend = "dsar_extend",
        /// A data subject's request was decided on.
        DsarDecide = "dsar_decide",
        /// Names and addresses of data subjects whose requests were decided long ago went.
        DsarPrune = "dsar_prune",
        /// An anonymised copy was made.
        TrainingMake = "training_make",
        /// The anonymised copies were looked at.
        TrainingShow = "training_show",
        /// An anonymised copy was heard, or seconds of it.
        TrainingListen = "training_listen",
        /// An anonymised copy was removed.
        TrainingRemove = "training_remove",
        /// A personal token or one-time codes were set up or ended.
        Credential = "credential",
    }
}

words! {
    /// How it ended.
    pub enum Outcome {
        /// Done.
        Done = "done",
        /// Not done, for a reason that stands in `detail`.
        Refused = "refused",
        /// Not done, or not wholly.
        Failed = "failed",
    }
}

vocabulary!(Action, Outcome);
