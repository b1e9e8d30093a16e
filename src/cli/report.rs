//! Arguments of `nauhuri report`.

use super::global::Global;
use crate::config::{Language, is_mail_address};
use crate::report::ReportMonth;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `nauhuri report`
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Which month, on the calendar of retention.timezone [default: the last one that is over]
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub month: Option<ReportMonth>,
    /// Only calls of this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ReportFormat,
    /// Language of text and HTML [default: report.language]
    #[arg(long, value_name = "LANG")]
    pub lang: Option<Language>,
    /// Mail it instead of printing it, to these addresses or else to report.to
    #[arg(long, value_name = "ADDRESS", num_args = 0.., value_parser = address)]
    pub mail: Option<Vec<String>>,
    /// With --mail: write the message to FILE, for another program to send
    #[arg(long, value_name = "FILE", requires = "mail")]
    pub message: Option<PathBuf>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for a terminal.
    Text,
    /// A figure a line, with a header (RFC 4180).
    Csv,
    /// A page with charts that needs nothing else, for the screen and for printing.
    Html,
}

fn month(text: &str) -> Result<ReportMonth, &'static str> {
    ReportMonth::parse(text).ok_or("not a month such as 2026-11")
}

fn address(text: &str) -> Result<String, &'static str> {
    match is_mail_address(text) {
        true => Ok(text.to_owned()),
        false => Err("not an address such as manager@example.org"),
    }
}
