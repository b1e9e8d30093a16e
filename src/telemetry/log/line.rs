//! One event as one line: text or JSON, bounded, without control characters.
//!
//! Values may come from the wire (an interface's name, an error's text), so
//! nothing in them can start a new line, move the cursor or make the line
//! longer than its bound.

use super::style::{LineFormat, Style};
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Fields of one line; those after it are dropped.
const MAX_FIELDS: usize = 16;
/// Bytes of one value, the message included.
pub(super) const MAX_VALUE: usize = 256;
const CUT: &str = "...";

/// An event's message and fields, each already bounded.
pub(super) struct Line {
    level: Level,
    message: String,
    fields: Vec<(&'static str, FieldValue)>,
}

enum FieldValue {
    Text(String),
    /// A number or a truth value: the same in text and in JSON.
    Plain(String),
}

impl Line {
    pub(super) fn of(event: &Event<'_>) -> Line {
        let mut line = Line { level: *event.metadata().level(), message: String::new(), fields: Vec::new() };
        event.record(&mut line);
        line
    }

    /// Adds a number or a truth value.
    pub(super) fn add(&mut self, name: &'static str, plain: String) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push((name, FieldValue::Plain(plain)));
        }
    }

    /// The line with its end.
    pub(super) fn render(&self, style: Style, now: &jiff::Timestamp) -> String {
        let mut out = String::with_capacity(256);
        if style.journal {
            out.push_str(priority(self.level));
        }
        // Writing to a String cannot fail.
        let _ = match style.format {
            LineFormat::Text => self.text(&mut out, style, now),
            LineFormat::Json => self.json(&mut out, style, now),
        };
        out.push('\n');
        out
    }

    fn text(&self, out: &mut String, style: Style, now: &jiff::Timestamp) -> fmt::Result {
        if !style.journal {
            write!(out, "{} ", stamp(now))?;
            let (on, off) = if style.color { (color(self.level), "\x1b[0m") } else { ("", "") };
            write!(out, "{on}{:>5}{off} ", self.level.as_str())?;
        }
        out.push_str(&self.message);
        for (name, value) in &self.fields {
            match value {
                FieldValue::Plain(v) => write!(out, " {name}={v}")?,
                FieldValue::Text(v) if needs_quotes(v) => write!(out, " {name}={v:?}")?,
                FieldValue::Text(v) => write!(out, " {name}={v}")?,
            }
        }
        Ok(())
    }

    fn json(&self, out: &mut String, style: Style, now: &jiff::Timestamp) -> fmt::Result {
        out.push('{');
        if !style.journal {
            write!(out, "\"time\":\"{}\",", stamp(now))?;
        }
        let message = serde_json::Value::from(self.message.as_str());
        write!(out, "\"level\":\"{}\",\"message\":{message}", self.level.as_str().to_ascii_lowercase())?;
        for (name, value) in &self.fields {
            match value {
                FieldValue::Plain(v) => write!(out, ",\"{name}\":{v}")?,
                FieldValue::Text(v) => write!(out, ",\"{name}\":{}", serde_json::Value::from(v.as_str()))?,
            }
        }
        out.push('}');
        Ok(())
    }

    fn text_field(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let mut bounded = Bounded::default();
        // The bound ends the writing with an error: what fits is kept.
        let _ = bounded.write_fmt(value);
        if field.name() == "message" {
            self.message = bounded.text;
        } else if self.fields.len() < MAX_FIELDS {
            self.fields.push((field.name(), FieldValue::Text(bounded.text)));
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text_field(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text_field(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.add(field.name(), format!("{value:.3}")),
            false => self.text_field(field, format_args!("{value}")),
        }
    }
}

/// Takes at most [`MAX_VALUE`] bytes; control characters become spaces.
#[derive(Default)]
struct Bounded {
    text: String,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            if self.text.len() + c.len_utf8() > MAX_VALUE - CUT.len() {
                self.text.push_str(CUT);
                return Err(fmt::Error);
            }
            self.text.push(if c.is_control() { ' ' } else { c });
        }
        Ok(())
    }
}

/// `<N>` of sd-daemon(3).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

fn color(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG | Level::TRACE => "\x1b[2m",
    }
}

fn stamp(now: &jiff::Timestamp) -> impl fmt::Display {
    now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn needs_quotes(value: &str) -> bool {
    value.is_empty() || value.contains([' ', '"', '=', '\\'])
}
