//! Which recordings are meant: ids, or a search. Shared by every command that
//! works on recordings after the call.

use clap::{Args, ValueEnum};

/// Ids or a search.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchArgs {
    /// UUIDs, or the 8 hex digits at the end of a file's name
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Answered at or after this date or RFC 3339 instant
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Answered before the end of this date, or before this RFC 3339 instant
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Name of the service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Id of the agent
    #[arg(long, value_name = "ID")]
    pub agent: Option<String>,
    /// Who called whom
    #[arg(long, value_enum, value_name = "DIRECTION")]
    pub direction: Option<Direction>,
    /// Part of the customer's number, as far as it is kept
    #[arg(long, value_name = "PART")]
    pub number: Option<String>,
    /// At least this long, such as 30s or 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub longer: Option<std::time::Duration>,
    /// At most this long
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub shorter: Option<std::time::Duration>,
    /// In this state; may be repeated
    #[arg(long, value_enum, value_name = "FLAG")]
    pub flag: Vec<Flag>,
}

/// `--direction`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// The agent was called
    Inbound,
    /// The agent called
    Outbound,
    /// Both are agents
    Internal,
}

/// `--flag`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flag {
    /// Kept past its term
    Held,
    /// Closed to listening and export
    Restricted,
    /// Its start, its end or audio is missing
    Incomplete,
    /// One side was never heard
    OneWay,
    /// Falls due within a week
    Expiring,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Probe {
        #[command(flatten)]
        search: SearchArgs,
    }

    #[test]
    fn reads_a_search() {
        let words = ["x", "--since", "2026-11-01", "--longer", "30s", "--flag", "one-way", "--flag", "held"];
        let search = Probe::parse_from(words).search;
        assert_eq!(search.flag, [Flag::OneWay, Flag::Held]);
        assert_eq!(search.longer.map(|d| d.as_secs()), Some(30));
        assert!(search.ids.is_empty());
    }
}
