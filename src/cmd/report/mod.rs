//! `nauhuri report`: a month in numbers without persons, printed or mailed.

mod figures_csv;
mod mailer;

use super::archive::Opened;
use super::output::{self, remark};
use super::usage::Usage;
use crate::archive::search::Search;
use crate::cli::Cli;
use crate::cli::report::{ReportArgs, ReportFormat};
use crate::cli::search::{CallArgs, SearchArgs};
use crate::config::Language;
use crate::custody::audit::{Action, Draft, facts};
use crate::report::{
    MailAttachment, MailMessage, MonthlyReport, ReportMonth, ReportSources, to_html, to_text,
};

/// Makes the report, and prints or mails it.
///
/// # Errors
/// A month that has not begun, nobody to mail it to, no such service (exit status 2); the store cannot be read, the
/// audit log not be written, the mailer does not take it.
pub fn run(cli: &Cli, args: &ReportArgs) -> anyhow::Result<()> {
    let archive = Opened::open(cli)?;
    let site = &archive.site;
    let month = args.month.unwrap_or_else(|| ReportMonth::last_whole(site.now, &site.zone));
    if month.begins(&site.zone) > site.now {
        return Err(Usage(format!("--month {month} has not begun")).into());
    }
    let to = recipients(args, &site.config.report.to)?;
    // Before all the work, and before the log says that it went anywhere.
    let mailer = match (&to, &args.message) {
        (Some(_), None) => Some(mailer::find(&site.config.report.sendmail)?),
        _ => None,
    };
    must_be_a_service(&archive, args.service.as_deref())?;
    let audit = site.audit();
    let sources = ReportSources {
        config: &site.config,
        store: &archive.store,
        index: &archive.index,
        state: &site.state,
        audit: &audit,
        zone: &site.zone,
        now: site.now,
    };
    let report = MonthlyReport::new(&sources, month, args.service.as_deref())?;
    let detail = facts! { Month: month.to_string(), Service: args.service, Mailed: to };
    site.note(Draft::new(Action::Report).detail(detail))?;
    let language = args.lang.unwrap_or(site.config.report.language);
    let Some(to) = to else { return Ok(output::print(&written(&report, args.format, language))?) };
    let message = message(&report, args.format, language, to, site.config.report.from.clone());
    match (&args.message, mailer) {
        (Some(path), _) => mailer::write_to(path, &message)?,
        (None, Some(mailer)) => mailer::send(&mailer, &message)?,
        (None, None) => {}
    }
    if !cli.global.quiet {
        let where_to =
            args.message.as_ref().map_or_else(|| message.to.join(", "), |p| p.display().to_string());
        remark(format_args!("the report of {month} went to {where_to}"));
    }
    Ok(())
}

/// To whom; `None`: it is printed.
fn recipients(args: &ReportArgs, usual: &[String]) -> anyhow::Result<Option<Vec<String>>> {
    let Some(asked) = &args.mail else { return Ok(None) };
    let to = if asked.is_empty() { usual } else { asked };
    match to.is_empty() {
        true => Err(Usage("--mail: no address, and report.to has none".into()).into()),
        false => Ok(Some(to.to_vec())),
    }
}

fn must_be_a_service(archive: &Opened, service: Option<&str>) -> anyhow::Result<()> {
    let calls = CallArgs { service: service.map(str::to_owned), ..CallArgs::default() };
    let _known: Search = archive.search(&SearchArgs { calls, ..SearchArgs::default() })?;
    Ok(())
}

fn written(report: &MonthlyReport, format: ReportFormat, language: Language) -> String {
    match format {
        ReportFormat::Text => to_text(report, language),
        ReportFormat::Csv => figures_csv::to_csv(report),
        ReportFormat::Html => to_html(report, language),
    }
}

/// The text for whoever reads it in the message, and beside it the file that was asked for.
fn message(
    report: &MonthlyReport,
    format: ReportFormat,
    language: Language,
    to: Vec<String>,
    from: String,
) -> MailMessage {
    let file = |ending: &str, kind| MailAttachment {
        name: format!("report-{}.{ending}", report.month),
        kind,
        text: written(report, format, language),
    };
    let attachment = match format {
        ReportFormat::Text => None,
        ReportFormat::Csv => Some(file("csv", "text/csv")),
        ReportFormat::Html => Some(file("html", "text/html")),
    };
    MailMessage { from, to, subject: report.heading(language), text: to_text(report, language), attachment }
}
