//! `[report]`: how the monthly report is mailed.

use super::Language;
use super::keys::{Kind, section};
use super::words;
use std::path::PathBuf;

section! {
    /// The monthly report: `nauhuri report`. It is mailed by this machine's own mailer, and only if
    /// somebody runs the command with --mail, or its timer (nauhuri-report.timer).
    pub struct ReportSection {
        /// Language of the report; --lang overrides it.
        language: Language = Language::En, Kind::OneOf(Language::CODES), Elsewhere;
        /// Who gets it, for --mail without an address.
        to: Vec<String> = Vec::new(), Kind::Words(&words::MAIL_ADDRESSES), Elsewhere, "[\"manager@example.org\"]";
        /// Who sends it. Empty: the mailer decides.
        from: String = String::new(), Kind::Word(&words::MAIL_ADDRESS), Elsewhere;
        /// The mailer: a program that takes a message as sendmail(8) does, with -t and -i. Empty: sendmail in
        /// /usr/sbin, /usr/lib or the PATH.
        sendmail: PathBuf = PathBuf::new(), Kind::Word(&words::PROGRAM), Elsewhere;
    }
}
