//! Defaults < file < environment `NAUHURI__SECTION__KEY` < `--set` < own options.
//!
//! Every layer is judged as it was written (known keys, right types), what is
//! wrong is noted and left out, and the rest is merged and checked, so that one
//! run shows every mistake. Text comes in as an argument: who reads the file
//! and the environment is `cmd::settings`.

use super::check::{self, Purpose};
use super::error::{ConfigError, Problem, ValueOrigin};
use super::keys::Section as _;
use super::keys::{self, Kind};
use super::lookup;
use super::{Config, ServiceRule};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::{Table, Value};

mod nested;

/// Prefix of environment variables that are configuration.
pub const ENV_PREFIX: &str = "NAUHURI__";

/// What the layers hold, as text; every one may be empty.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Path (for messages) and text of the configuration file.
    pub file: Option<(PathBuf, String)>,
    /// Environment variables; those without [`ENV_PREFIX`] are passed over.
    pub env: Vec<(String, String)>,
    /// `--set` arguments, `section.key=value`.
    pub set: Vec<String>,
    /// Options of the command itself: its name, the key it stands for, the value.
    pub options: Vec<(&'static str, &'static str, String)>,
}

/// A configuration that passed every check, and where its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The effective configuration.
    pub config: Config,
    /// Which layer each value came from.
    pub sources: Sources,
}

/// Which layer each value came from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, when there was one.
    pub file: Option<PathBuf>,
    places: BTreeMap<String, (ValueOrigin, Option<usize>)>,
}

impl Sources {
    /// Where `key` was set, with the line in a file; for a key nobody set, the defaults.
    pub fn of(&self, key: &str) -> (ValueOrigin, Option<usize>) {
        let parents = key.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(i, _)| &key[..i]);
        std::iter::once(key)
            .chain(parents.collect::<Vec<_>>().into_iter().rev())
            .find_map(|k| self.places.get(k).cloned())
            .unwrap_or((ValueOrigin::Defaults, None))
    }

    fn set(&mut self, key: String, origin: &ValueOrigin, line: Option<usize>) {
        self.places.insert(key, (origin.clone(), line));
    }
}

/// Merges the layers and checks the whole for `purpose`.
///
/// # Errors
/// Everything that is wrong in any layer, in the order of the layers.
pub fn load(layers: &Layers, purpose: Purpose) -> Result<Loaded, ConfigError> {
    let (config, LayerMerger { mut problems, sources }) = merge(layers)?;
    for finding in check::check(&config, purpose) {
        // What was left out above must not be missed again here.
        if problems.iter().all(|p| p.key != finding.key) {
            let (origin, line) = match sources.of(&finding.key) {
                (ValueOrigin::Defaults, _) if sources.file.is_some() => {
                    (ValueOrigin::File(sources.file.clone().unwrap_or_default()), None)
                }
                place => place,
            };
            let check::BadValue { key, found, allowed } = finding;
            problems.push(Problem { origin, key, line, found, allowed, nearest: None });
        }
    }
    if problems.is_empty() { Ok(Loaded { config, sources }) } else { Err(ConfigError { problems }) }
}

/// What is right in the layers, for whoever has to know one key though another is wrong; `None` where
/// the file cannot be read as TOML.
pub fn load_what_is_right(layers: &Layers) -> Option<Config> {
    merge(layers).ok().map(|(config, _)| config)
}

/// What is right in the layers, and what is wrong in each.
fn merge(layers: &Layers) -> Result<(Config, LayerMerger), ConfigError> {
    let mut judge = LayerMerger::default();
    let mut builder = ::config::Config::builder();
    if let Some((path, text)) = &layers.file {
        builder = builder.add_source(Layer(judge.file(path, text)?));
    }
    let mut env: Vec<_> = layers.env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
    env.sort();
    for (name, text) in env {
        builder = builder.add_source(Layer(judge.text(&env_key(name), text, ValueOrigin::Env(name.clone()))));
    }
    for argument in &layers.set {
        builder = builder.add_source(Layer(judge.set(argument)));
    }
    for (option, key, text) in &layers.options {
        builder = builder.add_source(Layer(judge.text(key, text, ValueOrigin::Option(option))));
    }
    let mut config = match builder.build().and_then(::config::Config::try_deserialize::<Config>) {
        Ok(config) => config,
        // Every value was judged, so this is a kind in `keys` that promises more than `Config` holds.
        Err(error) => {
            let key = String::new();
            let allowed = "see the sample configuration".into();
            let (origin, line) = judge.sources.of("");
            let found = error.to_string();
            judge.problems.push(Problem { origin, key, line, found, allowed, nearest: None });
            return Err(ConfigError { problems: judge.problems });
        }
    };
    let is_set = |limit: &str| judge.sources.of(&format!("limits.{limit}")).0 != ValueOrigin::Defaults;
    config.limits.follow_memory(is_set);
    Ok((config, judge))
}

/// Takes layers one after the other, keeps what is right of each.
#[derive(Default)]
struct LayerMerger {
    problems: Vec<Problem>,
    sources: Sources,
}

impl LayerMerger {
    fn file(&mut self, path: &std::path::Path, text: &str) -> Result<Table, ConfigError> {
        let origin = ValueOrigin::File(path.to_owned());
        self.sources.file = Some(path.to_owned());
        let table: Table =
            toml::from_str(text).map_err(|error| syntax_problem(origin.clone(), text, &error))?;
        Ok(self.table(table, &origin, &lines(text)))
    }

    fn set(&mut self, argument: &str) -> Table {
        match argument.split_once('=') {
            Some((key, text)) => {
                let key = key.trim();
                self.text(key, text.trim(), ValueOrigin::Set(key.to_owned()))
            }
            None => {
                self.problems.push(Problem {
                    origin: ValueOrigin::Set(keys::cut(argument)),
                    key: String::new(),
                    line: None,
                    found: "no `=`".into(),
                    allowed: "section.key=value".into(),
                    nearest: None,
                });
                Table::new()
            }
        }
    }

    /// One value given as text, under its dotted key.
    fn text(&mut self, key: &str, text: &str, origin: ValueOrigin) -> Table {
        let mut parts = key.splitn(3, '.');
        let (section, leaf, rest) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        let path = leaf.map_or(section.to_owned(), |leaf| format!("{section}.{leaf}"));
        let value = match (lookup::kind(&path), rest) {
            (Some(kind), Some(rest)) => nested::table_of(kind, rest, text),
            (Some(kind), None) => Some(kind.read_text(text)),
            (None, _) => None,
        };
        let Some(value) = value else {
            self.unknown(key, &origin, None);
            return Table::new();
        };
        let table = match leaf {
            Some(leaf) => {
                let keys = Table::from_iter([(leaf.to_owned(), value)]);
                Table::from_iter([(section.to_owned(), Value::Table(keys))])
            }
            None => Table::from_iter([(section.to_owned(), value)]),
        };
        self.table(table, &origin, &BTreeMap::new())
    }

    /// What is right of a layer.
    fn table(&mut self, table: Table, origin: &ValueOrigin, lines: &BTreeMap<String, usize>) -> Table {
        let mut kept = Table::new();
        for (section, value) in table {
            let line = lines.get(&section).copied();
            let value = match value {
                Value::Array(items) if section == "service" && items.iter().all(Value::is_table) => {
                    self.services(items, origin, lines)
                }
                _ if section == "service" => {
                    self.refuse("service".into(), Kind::Services(ServiceRule::KEYS), &value, origin, line);
                    continue;
                }
                Value::Table(keys) if lookup::sections().any(|s| s == section) => {
                    self.section(&section, keys, origin, lines)
                }
                _ if lookup::sections().any(|s| s == section) => {
                    let found = keys::found(&value);
                    let allowed = format!("a table [{section}]");
                    self.problem(section, line, found, allowed, origin);
                    continue;
                }
                _ => {
                    self.unknown(&section, origin, line);
                    continue;
                }
            };
            kept.insert(section, value);
        }
        kept
    }

    fn section(
        &mut self,
        section: &str,
        table: Table,
        origin: &ValueOrigin,
        lines: &BTreeMap<String, usize>,
    ) -> Value {
        let mut kept = Table::new();
        for (key, value) in table {
            let path = format!("{section}.{key}");
            let line = lines.get(&path).copied();
            match lookup::kind(&path) {
                None => self.unknown(&path, origin, line),
                Some(kind @ (Kind::Keys(_) | Kind::Each(_))) => {
                    let mut wrong = Vec::new();
                    if let Some(value) = nested::judge(&path, kind, value, &mut wrong) {
                        self.sources.set(path, origin, line);
                        kept.insert(key, value);
                    }
                    self.problems.extend(wrong.into_iter().map(|w| Problem {
                        origin: origin.clone(),
                        key: w.path,
                        line,
                        found: w.found,
                        allowed: w.allowed,
                        nearest: w.nearest,
                    }));
                }
                Some(kind) if !kind.accepts(&value) => self.refuse(path, kind, &value, origin, line),
                Some(_) => {
                    self.sources.set(path, origin, line);
                    kept.insert(key, value);
                }
            }
        }
        Value::Table(kept)
    }

    fn services(
        &mut self,
        items: Vec<Value>,
        origin: &ValueOrigin,
        lines: &BTreeMap<String, usize>,
    ) -> Value {
        // The list of a later layer replaces the whole list of an earlier one.
        self.sources.places.retain(|key, _| !key.starts_with("service["));
        self.sources.set("service".into(), origin, None);
        let mut kept = Vec::new();
        for (i, item) in items.into_iter().enumerate() {
            let parent = format!("service[{}]", i + 1);
            self.sources.set(parent.clone(), origin, lines.get(&parent).copied());
            let mut rule = Table::new();
            for (key, value) in item.try_into::<Table>().unwrap_or_default() {
                let path = format!("{parent}.{key}");
                let line = lines.get(&path).copied();
                match ServiceRule::KEYS.iter().find(|k| k.name == key) {
                    None => self.unknown_in_service(path, &key, origin, line),
                    Some(k) if !k.kind.accepts(&value) => self.refuse(path, k.kind, &value, origin, line),
                    Some(_) => {
                        self.sources.set(path, origin, line);
                        rule.insert(key, value);
                    }
                }
            }
            kept.push(Value::Table(rule));
        }
        Value::Array(kept)
    }

    fn refuse(&mut self, key: String, kind: Kind, value: &Value, origin: &ValueOrigin, line: Option<usize>) {
        self.problem(key, line, kind.found(value), kind.allowed(), origin);
    }

    /// A key that does not exist: what does in its section, and the nearest of all.
    fn unknown(&mut self, key: &str, origin: &ValueOrigin, line: Option<usize>) {
        let section = key.split_once('.').map(|(section, _)| section);
        let (allowed, nearest) = match section.filter(|s| lookup::sections().any(|known| known == *s)) {
            Some("service") => (
                "[[service]] tables in the file, or service=[{ name = \"x\", numbers = [\"1\"] }]".into(),
                "service".to_owned(),
            ),
            Some(section) => {
                let known = lookup::keys_of(section).unwrap_or_default();
                (keys::names(known), lookup::nearest(key))
            }
            None => {
                let words = lookup::sections().collect::<Vec<_>>().join(", ");
                let head = section.unwrap_or(key);
                // `[stroage]` is a slip in a section's name; `ports = ` at the top is a key out of its section.
                let nearest = match (lookup::nearest_of(head, lookup::sections()), section) {
                    (Some((distance, name)), None) if distance <= 2 => name.to_owned(),
                    (Some((distance, name)), Some(_)) if distance <= 2 => {
                        let moved = format!("{name}{}", &key[head.len()..]);
                        lookup::nearest(&moved)
                    }
                    // Of a name that is like none, the nearest says nothing.
                    _ => Some(lookup::nearest(key))
                        .filter(|name| lookup::is_like(key, name))
                        .unwrap_or_default(),
                };
                (words, nearest)
            }
        };
        let found =
            if section.is_some() || line.is_none() { "an unknown key" } else { "an unknown section or key" };
        self.problem(keys::cut(key), line, found.into(), allowed, origin);
        if let Some(problem) = self.problems.last_mut() {
            problem.nearest = Some(nearest).filter(|name| !name.is_empty());
        }
    }

    fn unknown_in_service(&mut self, path: String, key: &str, origin: &ValueOrigin, line: Option<usize>) {
        let known = ServiceRule::KEYS;
        let nearest = lookup::nearest_of(key, known.iter().map(|k| k.name)).map(|(_, name)| name.to_owned());
        self.problem(path, line, "an unknown key".into(), keys::names(known), origin);
        if let Some(problem) = self.problems.last_mut() {
            problem.nearest = nearest;
        }
    }

    fn problem(
        &mut self,
        key: String,
        line: Option<usize>,
        found: String,
        allowed: String,
        origin: &ValueOrigin,
    ) {
        self.problems.push(Problem { origin: origin.clone(), key, line, found, allowed, nearest: None });
    }
}

/// `NAUHURI__AGENTS__NAMES__2001` as `agents.names.2001`: section and key have
/// no case in the environment, what lies below keeps its own.
fn env_key(name: &str) -> String {
    let mut parts = name[ENV_PREFIX.len()..].splitn(3, "__");
    let mut key =
        [parts.next(), parts.next()].into_iter().flatten().collect::<Vec<_>>().join(".").to_lowercase();
    if let Some(rest) = parts.next() {
        key.push('.');
        key.push_str(rest);
    }
    key
}

/// Line (from 1) of every key and table of a file, by path.
fn lines(text: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
    let line = |offset: usize| starts.partition_point(|start| *start <= offset);
    let Ok(root) = toml::de::DeTable::parse(text) else { return out };
    for (section, value) in root.get_ref() {
        out.insert(section.get_ref().to_string(), line(section.span().start));
        match value.get_ref() {
            toml::de::DeValue::Table(table) => {
                for key in table.keys() {
                    out.insert(format!("{}.{}", section.get_ref(), key.get_ref()), line(key.span().start));
                }
            }
            toml::de::DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let parent = format!("{}[{}]", section.get_ref(), i + 1);
                    for key in item.get_ref().as_table().into_iter().flat_map(|t| t.keys()) {
                        out.insert(format!("{parent}.{}", key.get_ref()), line(key.span().start));
                    }
                    out.insert(parent, line(item.span().start));
                }
            }
            _ => {}
        }
    }
    out
}

/// Where TOML itself could not be read.
fn syntax_problem(origin: ValueOrigin, text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    Problem {
        origin,
        key: format!("line {line}, column {column}"),
        line: None,
        found: error.message().lines().collect::<Vec<_>>().join(", "),
        allowed: "TOML (toml.io)".into(),
        nearest: None,
    }
}

/// One layer on its way into the configuration crate, which merges them.
#[derive(Clone, Debug)]
struct Layer(Table);

impl ::config::Source for Layer {
    fn clone_into_box(&self) -> Box<dyn ::config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<::config::Map<String, ::config::Value>, ::config::ConfigError> {
        Ok(self.0.iter().map(|(k, v)| (k.clone(), merge_value(v))).collect())
    }
}

fn merge_value(value: &Value) -> ::config::Value {
    use ::config::ValueKind;
    let kind = match value {
        Value::String(s) => ValueKind::String(s.clone()),
        Value::Integer(n) => ValueKind::I64(*n),
        Value::Float(n) => ValueKind::Float(*n),
        Value::Boolean(b) => ValueKind::Boolean(*b),
        Value::Datetime(d) => ValueKind::String(d.to_string()),
        Value::Array(items) => ValueKind::Array(items.iter().map(merge_value).collect()),
        Value::Table(table) => {
            ValueKind::Table(table.iter().map(|(k, v)| (k.clone(), merge_value(v))).collect())
        }
    };
    ::config::Value::new(None, kind)
}

#[cfg(test)]
mod tests;
