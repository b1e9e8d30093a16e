//! What commands take from their surroundings: configuration file, environment, time zone, log.

use crate::cli::{DEFAULT_CONFIG, Global, LogFormat};
use crate::config::check::Purpose;
use crate::config::error::{ConfigError, Problem, ValueOrigin};
use crate::config::load::{self, ENV_PREFIX, Layers, Loaded};
use crate::telemetry::log;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest configuration file, bytes: thousands of services fit.
const FILE_MAX: u64 = 4 << 20;

/// Whether the built-in defaults do when the file at the default path is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultFile {
    /// The daemon's commands: it must be there.
    Required,
    /// `replay`: it may be absent.
    Optional,
}

/// The command's own options that stand for a key: option, key, value as text.
pub type OwnOptions = Vec<(&'static str, &'static str, String)>;

/// Loads and checks the configuration of this command line.
///
/// # Errors
/// [`ConfigError`]: exit status 2.
pub fn load(
    global: &Global,
    default_file: DefaultFile,
    purpose: Purpose,
    options: OwnOptions,
) -> Result<Loaded, ConfigError> {
    let layers = layers(global, default_file, options)?;
    let mut loaded = load::load(&layers, purpose)?;
    // Named from where the command was given, whatever folder is looked at later.
    let storage = &mut loaded.config.storage;
    for path in [Some(&mut storage.dir), storage.state.as_mut()].into_iter().flatten() {
        if let Ok(whole) = std::path::absolute(&*path) {
            *path = whole;
        }
    }
    Ok(loaded)
}

/// Where the recorder of this command line takes commands, though something else in its configuration is wrong.
pub fn control_socket(global: &Global) -> Option<PathBuf> {
    let layers = layers(global, DefaultFile::Required, Vec::new()).ok()?;
    let socket = load::load_what_is_right(&layers)?.control.socket;
    (!socket.as_os_str().is_empty()).then_some(socket)
}

fn layers(global: &Global, default_file: DefaultFile, options: OwnOptions) -> Result<Layers, ConfigError> {
    let file = match &global.config {
        Some(path) => Some(read(path)?),
        None if default_file == DefaultFile::Optional && is_absent(Path::new(DEFAULT_CONFIG)) => None,
        None => Some(read(Path::new(DEFAULT_CONFIG))?),
    };
    Ok(Layers { file, env: environment(std::env::vars_os())?, set: global.set.clone(), options })
}

fn is_absent(path: &Path) -> bool {
    std::fs::metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
}

fn read(path: &Path) -> Result<(std::path::PathBuf, String), ConfigError> {
    let problem = |found: String, allowed: &str| Problem {
        origin: ValueOrigin::File(path.to_owned()),
        key: String::new(),
        line: None,
        found,
        allowed: allowed.into(),
        nearest: None,
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes)).map_err(
        |error| {
            let found = match error.kind() {
                io::ErrorKind::NotFound => "no such file".to_owned(),
                io::ErrorKind::PermissionDenied => "a file this user may not read".to_owned(),
                io::ErrorKind::IsADirectory => "a folder".to_owned(),
                _ => error.to_string(),
            };
            problem(found, "a TOML file this user can read (--config FILE names another)")
        },
    )?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(problem(format!("more than {FILE_MAX} bytes"), "a TOML file").into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        problem(format!("a byte on line {line} that is not UTF-8"), "TOML in UTF-8")
    })?;
    Ok((path.to_owned(), text))
}

/// The variables that are configuration, as text.
fn environment(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let own = vars.filter(|(name, _)| name.as_encoded_bytes().starts_with(ENV_PREFIX.as_bytes()));
    own.map(|(name, value)| match (name.to_str(), value.into_string()) {
        (Some(name), Ok(value)) => Ok((name.to_owned(), value)),
        _ => Err(ConfigError::from(Problem {
            origin: ValueOrigin::Env(name.to_string_lossy().into_owned()),
            key: String::new(),
            line: None,
            found: "bytes that are not UTF-8".into(),
            allowed: "text in UTF-8".into(),
            nearest: None,
        })),
    })
    .collect()
}

/// Starts the log as the command line asks; `quieter` steps below what it would
/// be, `background` for the daemon. Keep what is returned until the end.
pub fn start_log(global: &Global, quieter: i8, background: bool) -> Option<log::Flush> {
    let format = match global.log_format.unwrap_or_default() {
        LogFormat::Text => log::LineFormat::Text,
        LogFormat::Json => log::LineFormat::Json,
    };
    let verbosity = global.verbose.min(3) as i8 - quieter - i8::from(global.quiet);
    log::init(log::Options { format, verbosity, background }).ok()
}

/// `capture.interface` names one that this machine does not have.
pub fn no_such_interface(loaded: &Loaded, name: &str, known: &str) -> ConfigError {
    let found = format!("\"{name}\", which is not an interface of this machine");
    mistake(loaded, "capture.interface", found, known.to_string())
}

/// A value of `key` that this machine cannot make do with.
pub fn mistake(loaded: &Loaded, key: &str, found: String, allowed: String) -> ConfigError {
    let (origin, line) = loaded.sources.of(key);
    Problem { origin, key: key.into(), line, found, allowed, nearest: None }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn only_our_variables_and_only_text() {
        let vars = |value: &[u8]| {
            let other = (OsString::from_vec(vec![0xff]), OsString::from_vec(vec![0xff]));
            vec![other, ("NAUHURI__SIP__PORTS".into(), OsString::from_vec(value.to_vec()))]
        };
        let good = environment(vars(b"5060").into_iter());
        assert_eq!(good, Ok(vec![("NAUHURI__SIP__PORTS".into(), "5060".into())]));
        let error = environment(vars(b"\xff").into_iter()).unwrap_err();
        assert!(error.to_string().starts_with("environment NAUHURI__SIP__PORTS: found bytes"), "{error}");
    }

    #[test]
    fn files_that_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.toml");
        let found = |path: &Path| read(path).unwrap_err().problems[0].found.clone();
        assert_eq!(found(&path), "no such file");
        assert_eq!(found(dir.path()), "a folder");
        std::fs::write(&path, b"[sip]\n# \xff").unwrap();
        assert_eq!(found(&path), "a byte on line 2 that is not UTF-8");
    }
}
