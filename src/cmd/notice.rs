//! `nauhuri notice`: the privacy notice that the configuration makes true, and whether a published one says the same.

use super::output::{self, plain, remark};
use super::settings::{self, DefaultFile};
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::notice::{NoticeArgs, NoticeFormat};
use crate::config::advice::has_no_agent_rule;
use crate::config::check::Purpose;
use crate::config::{Config, Language};
use crate::daemon::notices::counted;
use crate::notice::{Comparison, Difference, PrivacyNotice, PublishedNotice, compare, to_html, to_markdown};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// Longest published notice, bytes.
const PUBLISHED_MAX: u64 = 1 << 20;

const RECORDS_NOTHING: &str = "this configuration records no call: record = false for every service";

/// Writes the notice, or compares a published one.
///
/// # Errors
/// Nothing is recorded, the published notice cannot be read, or it differs from the configuration.
pub fn run(cli: &Cli, args: &NoticeArgs) -> anyhow::Result<()> {
    let config = settings::load(&cli.global, DefaultFile::Required, Purpose::Other, Vec::new())?.config;
    if has_no_agent_rule(&config.agents) && !cli.global.quiet {
        remark(format_args!("[agents] has no rule: nauhuri record would not start with this configuration"));
    }
    match (&args.check, args.lang) {
        (Some(path), language) => check(&config, path, language, args.json),
        (None, Some(language)) => write(&config, language, args.format),
        (None, None) => Err(Usage("--lang is missing: fi, sv or en".into()).into()),
    }
}

fn write(config: &Config, language: Language, format: NoticeFormat) -> anyhow::Result<()> {
    let notice = PrivacyNotice::new(config, language).context(RECORDS_NOTHING)?;
    Ok(output::print(&match format {
        NoticeFormat::Md => to_markdown(&notice),
        NoticeFormat::Html => to_html(&notice),
    })?)
}

fn check(config: &Config, path: &Path, language: Option<Language>, is_json: bool) -> anyhow::Result<()> {
    let text = read(path)?;
    if PrivacyNotice::new(config, Language::En).is_none() {
        bail!("{RECORDS_NOTHING}, so no notice says the same");
    }
    let published = PublishedNotice::read(&text).with_context(|| path.display().to_string())?;
    let Some(found) = compare(config, &published, language) else {
        bail!(
            "{}: not one sentence of a notice was recognised in any language; name the language with --lang to see what \
             is missing",
            path.display()
        );
    };
    let name = path.display().to_string();
    output::print(&if is_json { output::json(&to_json(&found))? } else { to_text(&found, &name) })?;
    match found.differences.len() {
        0 => Ok(()),
        n => bail!("{name} and the configuration differ: {}", counted(n as u64, "difference")),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let is_stdin = path == Path::new("-");
    let result = match is_stdin {
        true => std::io::stdin().lock().take(PUBLISHED_MAX + 1).read_to_end(&mut bytes),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(PUBLISHED_MAX + 1).read_to_end(&mut bytes))
        }
    };
    result.with_context(|| path.display().to_string())?;
    if bytes.len() as u64 > PUBLISHED_MAX {
        bail!("{}: longer than {PUBLISHED_MAX} bytes", path.display());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => {
            bail!("{}: not text in UTF-8; save it as Markdown, HTML or plain text in UTF-8", path.display())
        }
    }
}

fn to_text(found: &Comparison, name: &str) -> String {
    let mut out = String::new();
    for difference in &found.differences {
        let sentence = difference.sentence();
        let what = match difference {
            Difference::Missing(..) => "missing",
            Difference::NotKept(..) => "not kept by the configuration",
            Difference::Differs { .. } => "different",
        };
        let _ = writeln!(out, "{what}: {}", [&[sentence.id], sentence.promises].concat().join(" "));
        let mut line = |head: &str, text: &str| {
            let _ = writeln!(out, "  {head:<15}{}", plain(text));
        };
        match difference {
            Difference::Missing(_, kept) => line("configuration:", kept),
            Difference::NotKept(_, published) => line("published:", published),
            Difference::Differs { published, kept, values, .. } => {
                line("published:", published);
                line("configuration:", kept);
                for (published, kept) in values {
                    line("differs in:", &format!("{} / {}", or_nothing(published), or_nothing(kept)));
                }
            }
        }
        out.push('\n');
    }
    if found.differences.is_empty() {
        let _ =
            writeln!(out, "{} says what the configuration keeps ({})", plain(name), found.language.code());
    }
    if found.open > 0 {
        let _ = writeln!(out, "{} in [brackets] still to be filled in", counted(found.open as u64, "place"));
    }
    if found.own > 0 {
        let own = counted(found.own as u64, "other sentence");
        let _ = writeln!(out, "{own} of the published text not compared: read them yourself");
    }
    out
}

fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn to_json(found: &Comparison) -> Value {
    let one = |difference: &Difference| {
        let sentence = difference.sentence();
        let (what, published, kept) = match difference {
            Difference::Missing(_, kept) => ("missing", None, Some(kept)),
            Difference::NotKept(_, published) => ("not_kept", Some(published), None),
            Difference::Differs { published, kept, .. } => ("different", Some(published), Some(kept)),
        };
        let values = match difference {
            Difference::Differs { values, .. } => values.as_slice(),
            Difference::Missing(..) | Difference::NotKept(..) => &[],
        };
        let values: Vec<Value> = values
            .iter()
            .map(|(published, kept)| json!({ "published": published, "configuration": kept }))
            .collect();
        json!({
            "what": what, "id": sentence.id, "promises": sentence.promises,
            "published": published, "configuration": kept, "values": values,
        })
    };
    json!({
        "ok": found.differences.is_empty(),
        "language": found.language.code(),
        "differences": found.differences.iter().map(one).collect::<Vec<_>>(),
        "open": found.open,
        "not_compared": found.own,
    })
}
