//! `nauhuri show`: everything about one recording.

use super::archive::Opened;
use super::list::sidecar;
use super::output::{self, length, plain, size};
use super::words::{direction, local, states};
use crate::archive::index::Row;
use crate::cli::Cli;
use crate::cli::reading::ShowArgs;
use crate::custody::audit::{Action, Draft};
use crate::pii::Pii;
use anyhow::Context;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Prints one recording, its audit entries included.
///
/// # Errors
/// It is unknown, or the eight digits stand for several; its sidecar cannot be read.
pub fn run(cli: &Cli, args: &ShowArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let row = archive.one(args.id)?;
    let site = &archive.site;
    site.note(Draft::new(Action::Show).on([row.id]))?;
    let mut object = sidecar(&archive.store, &row, site.now)?.with_context(|| match row.missing {
        true => {
            format!("{}: its files are missing, although nobody deleted it: {}", row.id, row.path.display())
        }
        false => format!("{}: deleted this moment", row.id),
    })?;
    // This look at it is the last of them.
    let audit: Vec<Value> =
        site.audit().entries_for(row.id)?.map(serde_json::to_value).collect::<Result<_, _>>()?;
    if args.json {
        object.insert("path".into(), json!(row.json(&site.root)));
        object.insert("wav_bytes".into(), json!(row.wav_bytes));
        object.insert("one_way".into(), json!(row.one_way));
        object.insert("audit".into(), Value::Array(audit));
        output::print(&output::json(&object)?)?;
    } else {
        output::print(&text(&archive, &row, &object, &audit))?;
    }
    Ok(())
}

/// For people: a line each, then streams, events and what was done.
fn text(archive: &Opened, row: &Row, s: &Map<String, Value>, audit: &[Value]) -> String {
    let site = &archive.site;
    let zone = &site.zone;
    let or_dash = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), plain);
    let number = |n: &Option<Pii<String>>| or_dash(n.as_ref().map(Pii::as_str));
    let at = |key: &str| s.get(key).map_or_else(|| "-".into(), value);
    let mut out = String::new();
    let mut line = |key: &str, value: String| {
        // A String takes everything.
        let _ = writeln!(out, "{key:<14}{value}");
    };
    line("id", row.id.to_string());
    line("call group", row.call_group.to_string());
    line("state", states(row, site.now));
    line("answered", format!("{} ({})", local(row.answered_at, zone), site.config.retention.timezone));
    line("length", format!("{} ({} s)", length(row.duration_s()), row.duration_s()));
    line("ended by", at("ended_by"));
    line("assurance", assurance(s));
    line(
        "before agent",
        match s.get("before_agent_s").and_then(Value::as_f64) {
            Some(heard_s) => format!("{heard_s} s, {}", at("before_agent_leg")),
            None => "-".into(),
        },
    );
    line("service", or_dash(row.service.as_deref()));
    line("direction", direction(row).to_owned());
    line(
        "agent",
        format!("{} {}", or_dash(row.agent.id.as_deref()), or_dash(row.agent.name.as_ref().map(Pii::as_str))),
    );
    line("customer", if row.customer.withheld { "withheld".into() } else { number(&row.customer.number) });
    line("dialled", number(&row.dialled));
    line("call-id", s.get("sip").and_then(|v| v.get("call_id")).map_or_else(|| "-".into(), value));
    let due = row.until.map_or_else(|| "never by itself".into(), |t| local(t, zone));
    line("falls due", due);
    line("policy", at("policy"));
    line("hold", s.get("retention").and_then(|v| v.get("hold")).map_or_else(|| "-".into(), value));
    line("restricted", at("restricted"));
    line("audio", format!("{} Hz, {}", row.sample_rate, size(row.wav_bytes)));
    line("sha256", row.sha256.clone());
    line("files", plain(&row.wav(&site.root).to_string_lossy()));
    line("", plain(&row.json(&site.root).to_string_lossy()));
    for (title, list) in [("streams", s.get("streams")), ("events", s.get("events"))] {
        for (i, item) in list.and_then(Value::as_array).into_iter().flatten().enumerate() {
            line(if i == 0 { title } else { "" }, value(item));
        }
    }
    for (i, entry) in audit.iter().enumerate() {
        line(if i == 0 { "audit" } else { "" }, deed(entry));
    }
    out
}

/// The bucket, and why not all of the call is in it.
fn assurance(s: &Map<String, Value>) -> String {
    let Some(told) = s.get("assurance") else { return "-".into() };
    match told["reasons"].as_array().is_none_or(Vec::is_empty) {
        true => value(&told["bucket"]),
        false => format!("{}: {}", value(&told["bucket"]), value(&told["reasons"])),
    }
}

/// Any value on one line, without what JSON needs and people do not.
fn value(v: &Value) -> String {
    match v {
        Value::Null => "-".into(),
        Value::String(s) => plain(s),
        Value::Object(o) => {
            let pairs: Vec<String> =
                o.iter().map(|(k, v)| format!("{} {}", plain(&k.replace('_', " ")), value(v))).collect();
            pairs.join(", ")
        }
        Value::Array(list) => list.iter().map(value).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// One audit entry.
fn deed(entry: &Value) -> String {
    let field = |key: &str| entry.get(key).map(value);
    let who = entry.get("who").and_then(|w| {
        ["web", "service", "sudo_user", "login", "user", "uid"]
            .iter()
            .find_map(|k| w.get(*k).filter(|v| !v.is_null()))
            .map(value)
    });
    let mut words = vec![field("at"), who, field("action"), field("outcome").filter(|o| o != "done")];
    words.extend(["reason", "ref", "recipient", "basis"].map(field));
    words.into_iter().flatten().collect::<Vec<_>>().join("  ")
}
