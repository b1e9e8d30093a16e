//! What is kept in order beside recordings.

labels! {
    /// What could not be kept in order: `nauhuri_upkeep_failures_total{task}`.
    UpkeepTask {
        Register = "register", "The register of answered calls that were not recorded cannot be written or shortened.";
        Assurance = "assurance", "What is kept of answered calls without a recording cannot be written or deleted.";
        Training = "training", "Training copies cannot be deleted with their recordings.";
        Requests = "dsar", "The requests of data subjects cannot be counted or shortened.";
        AuditKey = "audit_key", "The signing key of the audit log cannot be renewed.";
        AuditAnchor = "audit_anchor", "The newest entry of the audit log cannot be written to audit.anchor.";
    }
}

labels! {
    /// What became of a new configuration: `nauhuri_config_reloads_total{result}`.
    ReloadResult {
        Taken = "taken", "It is in force.";
        Refused = "refused", "It is wrong, it changes a key for which the recorder has to be restarted, or it could not be taken at the time: the one before stays in force.";
    }
}
