//! What the technical log says of a call: the journal of the last day, or a file.

use super::super::output::remark;
use anyhow::Context;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

/// The journal's namespace, as the unit has it (`LogNamespace=`).
const NAMESPACE: &str = "--namespace=nauhuri";
/// The log overwrites itself after about a day.
const SINCE: &str = "--since=-25h";
/// Lines told of one question.
const MAX_LINES: usize = 1000;
/// Longest line read, bytes; ours are shorter.
const MAX_LINE: u64 = 16 << 10;

/// The lines that hold one of `words`, in order.
///
/// # Errors
/// The file cannot be read. A journal that cannot be had is a remark.
pub fn lines(file: Option<&Path>, words: &[String]) -> anyhow::Result<Vec<String>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    match file {
        Some(path) if path == Path::new("-") => matching(std::io::stdin().lock(), words),
        Some(path) => {
            let file = File::open(path).with_context(|| path.display().to_string())?;
            matching(file, words).with_context(|| path.display().to_string())
        }
        None => Ok(journal(words).unwrap_or_else(|why| {
            remark(format_args!(
                "note: the journal of the recorder cannot be read ({why}); --log FILE reads a log kept elsewhere"
            ));
            Vec::new()
        })),
    }
}

fn journal(words: &[String]) -> anyhow::Result<Vec<String>> {
    let mut command = Command::new("journalctl");
    command.args([NAMESPACE, SINCE, "--output=short-iso-precise", "--no-pager", "--quiet", "--utc"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let found = match child.stdout.take() {
        Some(out) => matching(out, words)?,
        None => Vec::new(),
    };
    let rest = child.wait_with_output()?;
    if !rest.status.success() {
        let said = String::from_utf8_lossy(&rest.stderr);
        anyhow::bail!("journalctl: {}", said.lines().next().unwrap_or("failed").trim());
    }
    Ok(found)
}

fn matching(log: impl Read, words: &[String]) -> anyhow::Result<Vec<String>> {
    let (mut log, mut found, mut line) = (BufReader::new(log), Vec::new(), Vec::new());
    loop {
        line.clear();
        if (&mut log).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let text = String::from_utf8_lossy(&line);
        if words.iter().any(|w| text.contains(w.as_str())) && found.len() < MAX_LINES {
            found.push(text.trim_end().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_a_call_are_found_and_long_ones_are_bounded() {
        let long = "x".repeat(3 * MAX_LINE as usize);
        let log = format!("a call=sha256:1 b\n{long}\nno\nlast sha256:1");
        let found = matching(log.as_bytes(), &["sha256:1".to_owned()]).unwrap();
        assert_eq!(found, ["a call=sha256:1 b", "last sha256:1"]);
    }
}
