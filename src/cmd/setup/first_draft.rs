//! What the first configuration is so far: keys and values as they were given, judged each time one is added.

use crate::config::advice::has_no_agent_rule;
use crate::config::check::Purpose;
use crate::config::error::ConfigError;
use crate::config::first_file::first_file;
use crate::config::load::{Layers, load};
use crate::config::{Loaded, error::ValueOrigin};
use std::collections::BTreeMap;
use std::path::Path;

/// Keys, values and remarks.
#[derive(Clone, Debug)]
pub(super) struct FirstDraft {
    layers: Layers,
    remarks: BTreeMap<&'static str, Vec<String>>,
}

impl FirstDraft {
    /// With what `--set` says.
    ///
    /// # Errors
    /// It is wrong.
    pub fn new(set: &[String]) -> Result<FirstDraft, ConfigError> {
        let layers = Layers { set: set.to_vec(), ..Layers::default() };
        load(&layers, Purpose::Other)?;
        Ok(FirstDraft { layers, remarks: BTreeMap::new() })
    }

    /// Adds a key, as text; nothing is added where that makes no sense.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, option: &'static str, key: &'static str, text: &str) -> Result<(), ConfigError> {
        let mut layers = self.layers.clone();
        layers.options.retain(|(_, other, _)| *other != key);
        layers.options.push((option, key, text.to_owned()));
        load(&layers, Purpose::Other)?;
        self.layers = layers;
        Ok(())
    }

    /// The key is set, to whatever.
    pub fn has(&self, key: &str) -> bool {
        let loaded = load(&self.layers, Purpose::Other);
        loaded.is_ok_and(|loaded| loaded.sources.of(key).0 != ValueOrigin::Defaults)
    }

    /// Some rule says who an agent is.
    pub fn has_agents(&self) -> bool {
        let loaded = load(&self.layers, Purpose::Other);
        loaded.is_ok_and(|loaded| !has_no_agent_rule(&loaded.config.agents))
    }

    /// Something to be said of a key.
    pub fn remark(&mut self, key: &'static str, line: String) {
        self.remarks.entry(key).or_default().push(line);
    }

    /// The configuration as it is so far.
    ///
    /// # Errors
    /// It does not do for `purpose`.
    pub fn loaded(&self, purpose: Purpose) -> Result<Loaded, ConfigError> {
        load(&self.layers, purpose)
    }

    /// The file, which has been read back as `record` will read it at `path`.
    ///
    /// # Errors
    /// It cannot be written as TOML, or would not be read.
    pub fn text(&self, path: &Path) -> anyhow::Result<String> {
        let config = self.loaded(Purpose::Capture)?.config;
        let base = load(&Layers::default(), Purpose::Other)?.config;
        let chosen: Vec<&str> = self.layers.options.iter().map(|(_, key, _)| *key).collect();
        let text = first_file(&config, &base, &chosen, &self.remarks)?;
        let file = Some((path.to_owned(), text.clone()));
        load(&Layers { file, ..Layers::default() }, Purpose::Capture)?;
        Ok(text)
    }
}
