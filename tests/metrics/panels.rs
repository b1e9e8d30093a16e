//! What the board shows: one row of this table is one panel.
//!
//! In an expression `$i` stands for the choice of recorders and `$r` for the time a rate is over. Every metric of
//! the recorder is in some panel, or in [`LEFT_OUT`] with the reason.

/// How a panel shows its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A dial.
    Gauge,
    /// One large number for each series.
    Stat,
    /// Curves.
    Curves,
    /// Curves on top of one another.
    Stacked,
    /// A bar for each series, as it is now.
    Bars,
    /// Rows of names.
    Table,
}

/// When a number is coloured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Colours {
    /// Never.
    None,
    /// Green at this value, red below and above.
    GreenAt(f64),
    /// Red from this value on, green below.
    RedFrom(f64),
    /// Red below the first, yellow below the second, green above.
    GreenAbove(f64, f64),
}

/// A curve, a number, a bar: the expression, and what it is called.
pub type Query = (&'static str, &'static str);

/// One panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    pub title: &'static str,
    pub look: Look,
    /// Of 24 columns.
    pub width: u64,
    /// Grafana's name of the unit.
    pub unit: &'static str,
    pub colours: Colours,
    pub queries: &'static [Query],
    /// The rules that watch the same.
    pub alerts: &'static [&'static str],
}

/// A heading, and the panels below it.
#[derive(Clone, Copy, Debug)]
pub struct Shelf {
    pub title: &'static str,
    pub panels: &'static [Panel],
}

/// Metrics on no panel, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "nauhuri_audit_head",
        "a hash, to be compared by eye: the alert on the number of entries is on the board",
    ),
    ("process_virtual_memory_bytes", "address space is no memory"),
    ("process_max_fds", "set by the unit; its use is shown"),
];

const fn panel(
    title: &'static str,
    look: Look,
    width: u64,
    unit: &'static str,
    queries: &'static [Query],
) -> Panel {
    Panel { title, look, width, unit, colours: Colours::None, queries, alerts: &[] }
}

impl Panel {
    const fn coloured(self, colours: Colours) -> Panel {
        Panel { colours, ..self }
    }

    const fn watched(self, alerts: &'static [&'static str]) -> Panel {
        Panel { alerts, ..self }
    }
}

use Colours::{GreenAbove, GreenAt, RedFrom};
use Look::{Bars, Curves, Gauge, Stacked, Stat, Table};

/// The board, from the top.
#[rustfmt::skip] // one panel is one entry
pub const SHELVES: &[Shelf] = &[
    Shelf { title: "Assurance: answered = recorded + explained", panels: &[
        panel("Answered calls that are recorded or explained", Gauge, 5, "percent", &[
            (r#"100 * (sum(nauhuri_calls_assured_total{$i}) + sum(nauhuri_recordings_active{$i})) / (sum(nauhuri_calls_answered_total{$i}) > 0)"#, "recorded or explained"),
        ]).coloured(GreenAt(100.0)).watched(&["NauhuriBooksDoNotBalance"]),
        panel("Calls recorded whole, in the time shown", Gauge, 5, "percent", &[
            (r#"100 * sum(increase(nauhuri_calls_assured_total{$i, bucket=~"complete|paused"}[$__range])) / (sum(increase(nauhuri_calls_assured_total{$i, bucket!="excluded"}[$__range])) > 0)"#, "recorded whole"),
        ]).coloured(GreenAbove(95.0, 99.0)).watched(&["NauhuriPartialCallsRise", "NauhuriIncompleteRecordings"]),
        panel("Missing, in the time shown", Stat, 4, "short", &[
            (r#"sum(increase(nauhuri_calls_assured_total{$i, bucket="missing"}[$__range]))"#, "missing"),
        ]).coloured(RedFrom(0.5)).watched(&["NauhuriCallsMissing", "NauhuriAnsweredNotRecorded"]),
        panel("Running now", Stat, 3, "short", &[("sum(nauhuri_recordings_active{$i})", "running")]),
        panel("Ready", Stat, 3, "bool_yes_no", &[("min by (instance) (nauhuri_ready{$i})", "{{instance}}")])
            .coloured(GreenAbove(1.0, 1.0)).watched(&["NauhuriDown", "NauhuriNotReady"]),
        panel("Alerts that fire", Table, 4, "short", &[
            (r#"sum by (alertname, severity) (ALERTS{alertname=~"Nauhuri.*", alertstate="firing"})"#, ""),
        ]),
        panel("Calls a minute, by how far they were recorded", Stacked, 8, "short", &[
            ("60 * sum by (bucket) (rate(nauhuri_calls_assured_total{$i}[$r]))", "{{bucket}}"),
        ]),
        panel("Answered calls a minute, by service", Stacked, 8, "short", &[
            ("60 * sum by (service) (rate(nauhuri_calls_answered_total{$i}[$r]))", "{{service}}"),
        ]),
        panel("Answered and not recorded, an hour", Curves, 8, "short", &[
            ("3600 * sum by (reason) (rate(nauhuri_recordings_failed_total{$i}[$r])) > 0", "should have been: {{reason}}"),
            ("3600 * sum by (reason) (rate(nauhuri_calls_unrecorded_total{$i}[$r])) > 0", "by a rule: {{reason}}"),
        ]).watched(&["NauhuriUnrecordedRise"]),
        panel("How recordings ended, an hour", Stacked, 8, "short", &[
            ("3600 * sum by (ended_by) (rate(nauhuri_recordings_completed_total{$i}[$r]))", "{{ended_by}}"),
        ]).watched(&["NauhuriRecordingsRecovered"]),
        panel("Recordings that are not whole, in the time shown", Bars, 8, "short", &[
            ("sum(increase(nauhuri_recordings_incomplete_total{$i}[$__range]))", "incomplete"),
            ("sum(increase(nauhuri_recordings_one_way_total{$i}[$__range]))", "one side never heard"),
            ("sum(increase(nauhuri_recordings_parallel_total{$i}[$__range]))", "two at once of one agent"),
            ("sum(increase(nauhuri_announcement_short_total{$i}[$__range]))", "announcement too short"),
            ("sum(nauhuri_ledger_refused_total{$i})", "ends without a call: a fault"),
            ("sum(nauhuri_leftovers{$i})", "of an earlier run, to be finished"),
        ]).watched(&["NauhuriOneWayCallsHigh", "NauhuriAnnouncementShort"]),
        panel("Test call", Table, 8, "dateTimeFromNow", &[
            ("max by (result) (nauhuri_probe_last_result{$i} == 1) * on () group_left () max(1000 * nauhuri_probe_last_run_timestamp_seconds{$i} > 0)", ""),
            (r#"label_replace(max(1000 * nauhuri_probe_last_success_timestamp_seconds{$i} > 0), "result", "last heard", "", "")"#, ""),
        ]).watched(&["NauhuriProbeFailed", "NauhuriProbeStopped"]),
    ] },
    Shelf { title: "Capture", panels: &[
        panel("Packets a second", Curves, 8, "pps", &[
            ("sum by (instance) (rate(nauhuri_packets_received_total{$i}[$r]))", "{{instance}}"),
        ]),
        panel("Bits a second", Curves, 8, "bps", &[
            ("8 * sum by (instance) (rate(nauhuri_bytes_received_total{$i}[$r]))", "{{instance}}"),
        ]),
        panel("Dropped a second", Curves, 8, "pps", &[
            ("sum by (where) (rate(nauhuri_packets_dropped_total{$i}[$r]))", "{{where}}"),
            ("sum by (reason) (rate(nauhuri_fragments_dropped_total{$i}[$r])) > 0", "fragments: {{reason}}"),
        ]).watched(&["NauhuriKernelDrops"]),
        panel("Lag", Curves, 8, "s", &[
            ("max by (instance) (nauhuri_capture_lag_seconds{$i})", "capture, {{instance}}"),
            ("histogram_quantile(0.9, sum by (le) (rate(nauhuri_worker_lag_seconds_bucket{$i}[$r])))", "nine in ten are written within"),
        ]).watched(&["NauhuriCaptureLagHigh", "NauhuriWorkersBehind"]),
        panel("Age of the newest packet", Curves, 8, "s", &[
            ("time() - max by (instance) (nauhuri_capture_last_packet_timestamp_seconds{$i} > 0)", "{{instance}}"),
        ]).watched(&["NauhuriNoTraffic"]),
        panel("SIP messages a second", Stacked, 8, "short", &[
            (r#"sum by (method) (rate(nauhuri_sip_messages_total{$i, method!=""}[$r])) > 0"#, "{{method}}"),
            (r#"sum by (class) (rate(nauhuri_sip_messages_total{$i, class!=""}[$r])) > 0"#, "{{class}}"),
        ]).watched(&["NauhuriNoSignalling"]),
        panel("Not read, a minute", Curves, 8, "short", &[
            ("60 * sum by (what) (rate(nauhuri_unread_total{$i}[$r])) > 0", "{{what}}"),
            ("60 * sum by (kind) (rate(nauhuri_tunnels_refused_total{$i}[$r])) > 0", "tunnel: {{kind}}"),
            ("60 * sum by (reason) (rate(nauhuri_sip_unreadable_total{$i}[$r])) > 0", "SIP: {{reason}}"),
            ("60 * sum(rate(nauhuri_sip_parse_errors_total{$i}[$r])) > 0", "SIP, all together"),
        ]).watched(&["NauhuriNotRead"]),
        panel("RTP of no known call, and of calls that are not recorded", Curves, 8, "pps", &[
            ("sum(rate(nauhuri_rtp_unmatched_total{$i}[$r]))", "no known call"),
            ("sum(rate(nauhuri_rtp_not_recorded_total{$i}[$r]))", "not to be recorded"),
        ]).watched(&["NauhuriUnmatchedRtp"]),
        panel("Dialogs, and limits that were reached in the last hour", Curves, 8, "short", &[
            ("sum(nauhuri_dialogs{$i})", "dialogs"),
            ("sum by (limit) (increase(nauhuri_limit_reached_total{$i}[1h])) > 0", "limit: {{limit}}"),
        ]).watched(&["NauhuriLimitReached"]),
        panel("What the frames contained, a second", Stacked, 16, "pps", &[
            ("sum by (what) (rate(nauhuri_seen_total{$i}[$r])) > 0", "{{what}}"),
        ]),
        panel("Copies, and times that cannot be true, a minute", Curves, 8, "short", &[
            ("60 * sum(rate(nauhuri_sip_duplicates_total{$i}[$r]))", "SIP mirrored twice"),
            ("60 * sum(rate(nauhuri_capture_time_backwards_total{$i}[$r]))", "back in time"),
            ("60 * sum(rate(nauhuri_capture_time_outliers_total{$i}[$r]))", "impossible"),
            ("60 * sum(rate(nauhuri_capture_time_jumps_total{$i}[$r]))", "jumps"),
        ]),
    ] },
    Shelf { title: "Media quality", panels: &[
        panel("Running recordings whose sound is faulty", Stacked, 8, "short", &[
            ("sum by (fault) (nauhuri_recordings_faulty{$i}) > 0", "{{fault}}"),
        ]).watched(&["NauhuriSoundMissing"]),
        panel("Recordings found faulty, an hour", Stacked, 8, "short", &[
            ("3600 * sum by (fault) (rate(nauhuri_media_faults_total{$i}[$r])) > 0", "{{fault}}"),
            ("3600 * sum by (codec) (rate(nauhuri_media_undecodable_total{$i}[$r])) > 0", "cannot be decoded: {{codec}}"),
        ]).watched(&["NauhuriUndecodableMedia"]),
        panel("RTP lost before the recorder", Curves, 8, "percent", &[
            ("100 * sum(rate(nauhuri_rtp_lost_total{$i}[$r])) / (sum(rate(nauhuri_rtp_lost_total{$i}[$r])) + sum(rate(nauhuri_rtp_packets_total{$i}[$r])) > 0)", "lost"),
        ]).watched(&["NauhuriLossHigh"]),
        panel("Jitter of finished streams", Curves, 8, "s", &[
            ("histogram_quantile(0.5, sum by (le) (rate(nauhuri_rtp_jitter_seconds_bucket{$i}[$r])))", "half are within"),
            ("histogram_quantile(0.95, sum by (le) (rate(nauhuri_rtp_jitter_seconds_bucket{$i}[$r])))", "19 in 20 are within"),
        ]),
        panel("RTP of recordings a second, by codec", Stacked, 8, "pps", &[
            ("sum by (codec) (rate(nauhuri_rtp_packets_total{$i}[$r])) > 0", "{{codec}}"),
            ("sum(rate(nauhuri_srtp_opened_total{$i}[$r])) > 0", "of those decrypted"),
        ]),
        panel("RTP that cannot be used, and decoders that failed, an hour", Curves, 8, "short", &[
            ("3600 * sum by (reason) (rate(nauhuri_rtp_unusable_total{$i}[$r])) > 0", "{{reason}}"),
            ("3600 * sum by (fault) (rate(nauhuri_decoder_faults_total{$i}[$r])) > 0", "decoder: {{fault}}"),
        ]).watched(&["NauhuriDecoderFaults"]),
        panel("Pauses an hour", Curves, 8, "short", &[
            ("3600 * sum by (by) (rate(nauhuri_pauses_total{$i}[$r])) > 0", "begun by {{by}}"),
            ("3600 * sum by (by) (rate(nauhuri_pauses_ended_total{$i}[$r])) > 0", "ended by {{by}}"),
        ]),
        panel("Sent to the recorder: HEP", Curves, 8, "short", &[
            ("sum by (what) (rate(nauhuri_hep_packets_total{$i}[$r])) > 0", "{{what}} a second"),
            ("60 * sum by (reason) (rate(nauhuri_hep_refused_total{$i}[$r])) > 0", "refused a minute: {{reason}}"),
            ("sum(nauhuri_hep_connections{$i}) > 0", "connections"),
            ("max(abs(nauhuri_hep_clock_offset_seconds{$i})) > 0", "largest clock offset, seconds"),
        ]),
        panel("Sent to the recorder: SIPREC", Curves, 8, "short", &[
            ("sum(nauhuri_siprec_sessions{$i})", "sessions"),
            ("sum(nauhuri_siprec_connections{$i})", "connections"),
            ("3600 * sum(rate(nauhuri_siprec_accepted_total{$i}[$r])) > 0", "accepted an hour"),
            ("3600 * sum(rate(nauhuri_siprec_taken_over_total{$i}[$r])) > 0", "taken over an hour"),
            ("3600 * sum(rate(nauhuri_siprec_lapsed_total{$i}[$r])) > 0", "lapsed an hour"),
            ("3600 * sum(rate(nauhuri_siprec_unsent_total{$i}[$r])) > 0", "unsent an hour"),
            ("3600 * sum by (reason) (rate(nauhuri_siprec_refused_total{$i}[$r])) > 0", "refused an hour: {{reason}}"),
            ("3600 * sum by (reason) (rate(nauhuri_siprec_media_dropped_total{$i}[$r])) > 0", "media dropped an hour: {{reason}}"),
        ]),
    ] },
    Shelf { title: "Storage, and when it will be full", panels: &[
        panel("Full in", Stat, 4, "s", &[
            ("min((nauhuri_storage_exhaustion_timestamp_seconds{$i} > 0) - time())", "until storage.min_free is reached"),
        ]).coloured(GreenAbove(604_800.0, 2_592_000.0)).watched(&["NauhuriStorageExhaustedSoon"]),
        panel("Free", Stat, 4, "bytes", &[("min by (instance) (nauhuri_storage_free_bytes{$i})", "{{instance}}")])
            .watched(&["NauhuriDiskLow"]),
        panel("Stored, by state", Stacked, 8, "bytes", &[
            ("sum by (state) (nauhuri_storage_bytes{$i})", "{{state}}"),
        ]),
        panel("Recorded a day, by service", Bars, 8, "bytes", &[
            ("sum by (service) (nauhuri_storage_bytes_per_day{$i}) > 0", "{{service}}"),
        ]),
        panel("Time of one write", Curves, 8, "s", &[
            ("histogram_quantile(0.5, sum by (le) (rate(nauhuri_write_seconds_bucket{$i}[$r])))", "half are within"),
            ("histogram_quantile(0.99, sum by (le) (rate(nauhuri_write_seconds_bucket{$i}[$r])))", "99 in 100 are within"),
        ]).watched(&["NauhuriSlowWrites"]),
        panel("Writes that failed, an hour", Curves, 8, "short", &[
            ("3600 * sum by (instance) (rate(nauhuri_write_errors_total{$i}[$r]))", "{{instance}}"),
        ]).watched(&["NauhuriWriteErrors"]),
        panel("Files that can still be made", Curves, 8, "short", &[
            ("min by (instance) (nauhuri_storage_free_inodes{$i})", "{{instance}}"),
        ]).watched(&["NauhuriInodesLow"]),
    ] },
    Shelf { title: "Retention and holds", panels: &[
        panel("Past their retention, and still there", Stat, 4, "short", &[
            ("sum(nauhuri_retention_overdue{$i})", "overdue"),
        ]).coloured(RedFrom(1.0)).watched(&["NauhuriRetentionOverdue", "NauhuriRetentionFailed"]),
        panel("Last sweep that deleted everything due", Stat, 4, "dateTimeFromNow", &[
            ("1000 * min by (instance) (nauhuri_sweep_last_success_timestamp_seconds{$i} > 0)", "{{instance}}"),
        ]).watched(&["NauhuriSweepStopped"]),
        panel("What keeps it from deleting", Bars, 8, "short", &[
            ("max(nauhuri_deletion_guard_tripped{$i})", "guard"),
            ("sum(increase(nauhuri_retention_failed_total{$i}[$__range]))", "could not be deleted"),
            ("1 - min(nauhuri_clock_synchronised{$i})", "clock not synchronised"),
            ("1 - min(nauhuri_archive_ok{$i})", "index, audit log or sweep failed"),
        ]).coloured(RedFrom(0.5)).watched(&["NauhuriDeletionGuardTripped", "NauhuriArchiveFailing", "NauhuriClockUnsynchronised"]),
        panel("Held", Stat, 4, "short", &[
            ("sum(nauhuri_holds{$i})", "held"),
            ("sum(nauhuri_holds_due_review{$i})", "to be confirmed"),
        ]).watched(&["NauhuriHoldsDueReview"]),
        panel("Files gone, and of a wrong owner", Stat, 4, "short", &[
            ("sum(nauhuri_recordings_missing{$i})", "gone, and nobody deleted them"),
            ("sum(nauhuri_storage_wrong_owner{$i})", "wrong owner or mode"),
        ]).coloured(RedFrom(1.0)).watched(&["NauhuriRecordingsMissing", "NauhuriWrongOwner"]),
        panel("Deleted a day because their retention ended, by service", Stacked, 12, "short", &[
            ("sum by (service) (increase(nauhuri_retention_deleted_total{$i}[1d])) > 0", "{{service}}"),
        ]),
        panel("Upkeep that failed, an hour", Curves, 12, "short", &[
            ("3600 * sum by (task) (rate(nauhuri_upkeep_failures_total{$i}[$r])) > 0", "{{task}}"),
        ]).watched(&["NauhuriUpkeepFailing"]),
    ] },
    Shelf { title: "Listening and requests of data subjects", panels: &[
        panel("Entries of the audit log an hour: searches, listening, exports, holds", Curves, 12, "short", &[
            ("sum by (instance) (clamp_min(delta(nauhuri_audit_entries{$i}[1h]), 0))", "{{instance}}"),
        ]).watched(&["NauhuriAuditLogShrank"]),
        panel("Requests undecided", Bars, 6, "short", &[
            ("sum by (kind) (nauhuri_dsar_open{$i})", "{{kind}}"),
            ("sum(nauhuri_dsar_deferred{$i})", "deferred by a hold"),
        ]),
        panel("Requests past their deadline", Stat, 3, "short", &[("sum(nauhuri_dsar_overdue{$i})", "overdue")])
            .coloured(RedFrom(1.0)).watched(&["NauhuriDsarOverdue"]),
        panel("Next deadline", Stat, 3, "dateTimeFromNow", &[
            ("1000 * min(nauhuri_dsar_next_due_timestamp_seconds{$i} > 0)", "next deadline"),
        ]).watched(&["NauhuriDsarDueSoon"]),
    ] },
    Shelf { title: "The recorder itself", panels: &[
        panel("Up since", Table, 6, "dateTimeAsIso", &[
            ("max by (instance, version) (nauhuri_build_info{$i}) * on (instance) group_left () max by (instance) (1000 * nauhuri_start_time_seconds{$i})", ""),
        ]),
        panel("Threads that are not well", Bars, 6, "short", &[
            ("1 - min by (thread) (nauhuri_thread_ok{$i})", "{{thread}}"),
            ("sum by (thread) (increase(nauhuri_thread_restarts_total{$i}[$__range])) > 0", "started again: {{thread}}"),
        ]).coloured(RedFrom(0.5)).watched(&["NauhuriThreadNotOk", "NauhuriThreadRestarted"]),
        panel("Processors in use", Curves, 6, "short", &[
            (r#"sum by (instance) (rate(process_cpu_seconds_total{$i, job="nauhuri"}[$r]))"#, "{{instance}}"),
        ]),
        panel("Memory", Curves, 6, "bytes", &[
            (r#"sum by (instance) (process_resident_memory_bytes{$i, job="nauhuri"})"#, "{{instance}}"),
        ]),
        panel("Threads and files open", Curves, 12, "short", &[
            (r#"sum by (instance) (process_threads{$i, job="nauhuri"})"#, "threads, {{instance}}"),
            (r#"sum by (instance) (process_open_fds{$i, job="nauhuri"})"#, "files, {{instance}}"),
        ]),
        panel("Log lines left out, a minute", Curves, 12, "short", &[
            ("60 * sum by (instance) (rate(nauhuri_log_suppressed_total{$i}[$r]))", "{{instance}}"),
        ]),
        panel("New configurations, a day", Bars, 16, "short", &[
            ("sum by (result) (increase(nauhuri_config_reloads_total{$i}[1d]))", "{{result}}"),
            ("1 - min(nauhuri_config_last_reload_successful{$i})", "the last one was refused"),
        ]).watched(&["NauhuriConfigReloadFailed"]),
        panel("The configuration in force was read", Stat, 8, "dateTimeFromNow", &[
            ("1000 * min by (instance) (nauhuri_config_last_reload_success_timestamp_seconds{$i} > 0)", "{{instance}}"),
        ]),
    ] },
];
