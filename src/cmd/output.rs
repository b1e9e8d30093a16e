//! Results on standard output; a reader that leaves early is not a failure.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("standard output: {0}")]
pub struct Stdout(#[source] pub io::Error);

/// Writes `text` to standard output and flushes it.
///
/// # Errors
/// [`Stdout`], which [`exit_code`](super::exit_code) takes for success when the reader left.
pub fn print(text: &str) -> Result<(), Stdout> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Stdout)
}

/// A line on standard error, for what is said beside the result; whoever does not read it loses nothing else.
pub fn remark(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Standard output for what may be long: buffered, in pieces.
pub struct Printer(io::BufWriter<io::StdoutLock<'static>>);

impl Printer {
    /// Takes standard output.
    pub fn new() -> Printer {
        Printer(io::BufWriter::with_capacity(64 << 10, io::stdout().lock()))
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// See [`print()`].
    pub fn print(&mut self, text: &str) -> Result<(), Stdout> {
        self.0.write_all(text.as_bytes()).map_err(Stdout)
    }

    /// Writes out what is left.
    ///
    /// # Errors
    /// See [`print()`].
    pub fn finish(mut self) -> Result<(), Stdout> {
        self.0.flush().map_err(Stdout)
    }
}

impl Default for Printer {
    fn default() -> Self {
        Printer::new()
    }
}

/// Text from a stranger's packet, fit for a terminal: no control character
/// stays, so none can move the cursor, colour the screen or turn the order of what follows.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_plain(text, &mut out);
    out
}

/// [`plain`] text of several lines.
pub fn plain_lines(text: &str) -> String {
    text.lines().map(|line| plain(line) + "\n").collect()
}

/// The marks that turn the direction of writing.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends [`plain`] text.
pub fn push_plain(text: &str, out: &mut String) {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        out.push_str(text);
    } else {
        out.extend(text.chars().map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c }));
    }
}

/// A result as JSON, for scripts and terminals: what [`plain`] takes out is escaped.
///
/// # Errors
/// It cannot be told in JSON.
pub fn json(value: &impl serde::Serialize) -> serde_json::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?).into_owned() + "\n")
}

/// The same JSON with every character escaped that a terminal would obey; outside its strings there are none.
pub fn escaped(json: &str) -> Cow<'_, str> {
    // All of them begin with one of these octets.
    if memchr::memchr3(0x7f, 0xc2, 0xe2, json.as_bytes()).is_none() {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(c),
            c if c.is_control() || turns(c) => {
                // A String takes everything.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// `1:02:03`, `2:03`
pub fn length(seconds: f64) -> String {
    let mut text = String::new();
    push_length(seconds, &mut text);
    text
}

/// Appends [`length`].
pub fn push_length(seconds: f64, text: &mut String) {
    let s = seconds.round().max(0.0) as u64;
    // A String takes everything.
    let _ = match s / 3600 {
        0 => write!(text, "{}:", s / 60),
        h => write!(text, "{h}:{:02}:", s / 60 % 60),
    };
    text.extend([s / 10 % 6, s % 10].map(|digit| char::from(b'0' + digit as u8)));
}

/// `1.4 GiB`
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = ((bytes.ilog2() / 10) as usize).min(UNITS.len());
    format!("{:.1} {}", bytes as f64 / (1u64 << (10 * power)) as f64, UNITS[power - 1])
}

/// An error and what led to it in one line, nothing of it twice: many an error says its cause itself.
pub fn error_text(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.ends_with(&cause) {
            let gap = if text.is_empty() { "" } else { ": " };
            text = text + gap + &cause;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_for_people() {
        assert_eq!([length(0.4), length(62.0), length(3723.0)], ["0:00", "1:02", "1:02:03"]);
        assert_eq!([size(1023), size(1536), size(5 << 30)], ["1023 B", "1.5 KiB", "5.0 GiB"]);
        assert!(size(u64::MAX).ends_with("PiB"));
        assert_eq!(plain("M. \u{1b}[31mVirtanen\n"), "M. \u{fffd}[31mVirtanen\u{fffd}");
        assert_eq!(plain("M. \u{202e}nenatriV"), "M. \u{fffd}nenatriV");
    }

    #[test]
    fn json_says_the_same_and_moves_nothing_on_a_terminal() {
        for text in ["plain", "Mäkinen €", "a\u{7f}b\u{9b}31m\u{202e}c\n\t\u{1b}", "\u{2066}\u{200f}"] {
            let written = json(&[text]).unwrap();
            assert!(
                !written.trim_end().chars().any(|c| (c != '\n' && c.is_control()) || turns(c)),
                "{written:?}"
            );
            assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
        }
    }
}
