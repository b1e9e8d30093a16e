//! Arguments of `nauhuri notice`.

use super::global::Global;
use crate::config::Language;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `nauhuri notice`
#[derive(Args, Clone, Debug)]
pub struct NoticeArgs {
    /// Language of the notice [default with --check: that of FILE]
    #[arg(long, value_name = "LANG", required_unless_present = "check")]
    pub lang: Option<Language>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "md", conflicts_with = "check")]
    pub format: NoticeFormat,
    /// Compare a published notice (Markdown, HTML or plain text in UTF-8) with the configuration; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Print the differences as one JSON object
    #[arg(long, requires = "check")]
    pub json: bool,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NoticeFormat {
    /// Markdown.
    Md,
    /// A page that needs nothing else, for the web and for printing.
    Html,
}
