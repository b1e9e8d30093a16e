//! Metrics in the text format of Prometheus, read back.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>, of which the recorder writes a part: no
//! timestamps, no exemplars. A line that is not understood is passed over.

use std::collections::{BTreeMap, HashMap};

/// One line of the page.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    labels: Vec<(String, String)>,
    value: f64,
}

/// Every metric at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricsPage(HashMap<String, Vec<Sample>>);

impl MetricsPage {
    /// Reads the page.
    pub fn read(text: &str) -> MetricsPage {
        let mut page: HashMap<String, Vec<Sample>> = HashMap::new();
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            if let Some((name, sample)) = sample(line) {
                page.entry(name.to_owned()).or_default().push(sample);
            }
        }
        MetricsPage(page)
    }

    /// All series of a metric together; `None` where a recorder of another release does not have it.
    pub fn sum(&self, name: &str) -> Option<f64> {
        Some(self.0.get(name)?.iter().map(|s| s.value).sum())
    }

    /// The series that have this label, by its value.
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        self.sums(name, label, |_| true)
    }

    /// The sum of the series in which `label` is `value`, by another label.
    pub fn by_where(&self, name: &str, label: &str, value: &str, by: &str) -> BTreeMap<String, f64> {
        self.sums(name, by, |sample| sample.label(label) == Some(value))
    }

    fn sums(&self, name: &str, by: &str, is_meant: impl Fn(&Sample) -> bool) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.0.get(name).into_iter().flatten().filter(|s| is_meant(s)) {
            if let Some(value) = sample.label(by) {
                *sums.entry(value.to_owned()).or_default() += sample.value;
            }
        }
        sums
    }

    /// A label's value in the first series of a metric.
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        self.0.get(name)?.first()?.label(label)
    }
}

impl Sample {
    fn label(&self, label: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
    }
}

/// `name{label="value",...} 1.5`
fn sample(line: &str) -> Option<(&str, Sample)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((label.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.trim().parse().ok()?;
    Some((name, Sample { labels, value }))
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}
