//! What is wrong with a configuration, said so that an operator can put it right.
//!
//! One [`Problem`] names where the value came from, the key, what was found and
//! what is allowed; a [`ConfigError`] carries all of them, not only the first.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from; in order of precedence, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// [`Config::default`](super::Config::default).
    Defaults,
    /// The configuration file.
    File(PathBuf),
    /// A variable `NAUHURI__SECTION__KEY`, by its name.
    Env(String),
    /// `--set`, with the key as given.
    Set(String),
    /// An option of the command itself, such as `--out`.
    Option(&'static str),
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueOrigin::Defaults => f.write_str("built-in defaults"),
            ValueOrigin::File(path) => write!(f, "{}", path.display()),
            ValueOrigin::Env(name) => write!(f, "environment {name}"),
            ValueOrigin::Set(key) => write!(f, "--set {key}"),
            ValueOrigin::Option(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong: `FILE: section.key (line 3): found X; allowed: Y`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value came from.
    pub origin: ValueOrigin,
    /// `section.key`; `service[2].key` is the second `[[service]]`; empty when the whole file is meant.
    pub key: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
    /// For an unknown key, the valid one nearest to it.
    pub nearest: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}", self.key)?;
            if let Some(line) = self.line {
                write!(f, " (line {line})")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "found {}; allowed: {}", self.found, self.allowed)?;
        match &self.nearest {
            Some(name) => write!(f, "; nearest: {name}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration; one line each. Exit status 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        ConfigError { problems: vec![problem] }
    }
}
