//! Arguments of `nauhuri setup`.

use super::global::Global;
use crate::config::Term;
use clap::Args;
use std::path::PathBuf;

/// `nauhuri setup`
#[derive(Args, Clone, Debug, Default)]
pub struct SetupArgs {
    /// Interface that sees the calls; may be repeated
    #[arg(long, value_name = "I")]
    pub interface: Vec<String>,
    /// Extensions of the agents: 2001, 2000-2999, 31*; "" for none
    #[arg(long, value_name = "LIST")]
    pub extensions: Option<String>,
    /// Networks of the agents' telephones, such as 10.20.0.0/16; "" for none
    #[arg(long, value_name = "LIST")]
    pub networks: Option<String>,
    /// SIP header that carries the agent's id
    #[arg(long, value_name = "NAME")]
    pub header: Option<String>,
    /// A service, its numbers and how long its calls are kept; may be repeated
    #[arg(long, value_name = "NAME=NUMBERS[=TERM]", value_parser = service)]
    pub service: Vec<NamedService>,
    /// No service of its own; calls to all numbers are kept alike
    #[arg(long, conflicts_with = "service")]
    pub no_service: bool,
    /// How long all other calls are kept, such as '6 months'
    #[arg(long, value_name = "TERM", value_parser = term)]
    pub retention: Option<Term>,
    /// Time zone of the calendar days, such as Europe/Helsinki
    #[arg(long, value_name = "ZONE")]
    pub timezone: Option<String>,
    /// Folder of the recordings [default: /var/lib/nauhuri/recordings]
    #[arg(long, value_name = "DIR")]
    pub storage: Option<PathBuf>,
    /// How long to listen; Ctrl-C ends it early, 0: do not listen
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub seconds: u32,
    /// Ask nothing: take the options, and else what is proposed
    #[arg(short, long)]
    pub yes: bool,
    /// Replace the file if it is there; the sample that packages install is replaced without it
    #[arg(long)]
    pub force: bool,
    /// Look at capture files (pcap, pcapng) instead of the wire
    #[arg(value_name = "CAPTURE")]
    pub captures: Vec<PathBuf>,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// What a service is, as far as it has to be told on the first day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedService {
    /// Its name.
    pub name: String,
    /// The numbers that lead to it.
    pub numbers: Vec<String>,
    /// How long its calls are kept; else as all others.
    pub retention: Option<Term>,
}

/// Numbers between commas.
pub fn numbers(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect()
}

fn service(text: &str) -> Result<NamedService, String> {
    let mut parts = text.splitn(3, '=').map(str::trim);
    let (name, listed) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let retention = parts.next().map(term).transpose()?;
    let found = NamedService { name: name.to_owned(), numbers: numbers(listed), retention };
    if found.name.is_empty() || found.numbers.is_empty() {
        return Err("not a service such as 116117=116117,+358116117='5 years'".into());
    }
    Ok(found)
}

fn term(text: &str) -> Result<Term, String> {
    Term::parse(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_in_one_word() {
        let read = |text: &str| service(text).map(|s| (s.name, s.numbers, s.retention));
        let numbers = ["116117", "+358 116117"].map(String::from).to_vec();
        let full = ("116117".to_owned(), numbers, Some(Term::Years(5)));
        assert_eq!(read("116117=116117, +358 116117=5 years"), Ok(full));
        assert_eq!(read("a=1"), Ok(("a".into(), vec!["1".into()], None)));
        for wrong in ["", "a", "a=", "=1", "a=,", "a=1=soon", "a=1="] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
