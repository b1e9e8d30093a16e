//! `nauhuri explain`: why was a call recorded, or not?

mod kept;
mod technical_log;

use super::decode_worker;
use super::output::{self, plain_lines, remark};
use super::replay::{open_tunnels, progress_bar, warn};
use super::settings::{self, DefaultFile};
use super::usage::Usage;
use super::words::local;
use crate::capture::merge::Merged;
use crate::cli::Cli;
use crate::cli::explain::ExplainArgs;
use crate::config::check::Purpose;
use crate::daemon::capture_loop::worker_count;
use crate::daemon::confine::leave_no_core;
use crate::daemon::context::Context;
use crate::daemon::notices::counted;
use crate::daemon::replay::{Replayed, replay};
use crate::explain::{AskedCall, StoryBook, ToldCall, text};
use crate::time::Timestamp;
use anyhow::bail;
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Explains calls: of captures, or of the store.
///
/// # Errors
/// A configuration that is wrong, a capture that cannot be read, no such call.
pub fn run(cli: &Cli, args: &ExplainArgs) -> anyhow::Result<()> {
    if args.captures.is_empty() {
        if let AskedCall::CallId(text) = &args.call
            && Path::new(text).is_file()
        {
            let what =
                format!("{text} is a file: say first which call, for example: nauhuri explain all {text}");
            return Err(Usage(what).into());
        }
        return kept::run(cli, args);
    }
    leave_no_core();
    let mut loaded = settings::load(&cli.global, DefaultFile::Optional, Purpose::Other, Vec::new())?;
    let _log = settings::start_log(&cli.global, 1, false);
    open_tunnels(&mut loaded);
    let config = loaded.config;
    let captures = Merged::open(&args.captures)?;
    let context = Arc::new(Context::explaining(&config));
    context.decode_by(decode_worker::program(), &config.codecs);
    let zone = config.retention.timezone.rules();
    let bar = progress_bar(cli, captures.total_bytes().unwrap_or(0));
    let mut book = StoryBook::new(args.call.clone(), zone.clone(), |bytes| bar.set_position(bytes));
    let done = replay(&config, &context, zone, worker_count(&config), captures, &mut book)?;
    bar.finish_and_clear();
    let warnings = warn(cli, &done, &config);
    let ((all, span), left_out) = (book.calls(), book.left_out());
    let calls = told(book, &done);
    if calls.is_empty() {
        bail!("no such call in {}", in_captures(all, span, zone));
    }
    if left_out > 0 {
        remark(format_args!("warning: {} too many to be kept", counted(left_out, "call")));
    }
    match args.json {
        true => output::print(&output::json(&json!({ "calls": calls, "warnings": warnings }))?)?,
        false => output::print(&plain_lines(&text(&calls, zone)))?,
    }
    Ok(())
}

fn told<P: FnMut(u64)>(book: StoryBook<P>, done: &Replayed) -> Vec<ToldCall> {
    let outcomes: HashMap<_, _> = done.outcomes.iter().map(|o| (o.id(), o)).collect();
    book.into_asked().iter().map(|story| ToldCall::new(story, &outcomes)).collect()
}

/// What there is instead.
fn in_captures(calls: usize, span: Option<(Timestamp, Timestamp)>, zone: &TimeZone) -> String {
    let Some((first, last)) = span else { return "the captures: no SIP was read in them".into() };
    let (first, last) = (local(first, zone), local(last, zone));
    format!("the captures: they hold {}, from {first} to {last}", counted(calls as u64, "call"))
}
