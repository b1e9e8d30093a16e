//! `nauhuri export`: copies for whoever has a right to them.

use super::keep::{self, Task};
use super::output;
use super::usage::Usage;
use crate::cli::Cli;
use crate::cli::keeping::{ExportArgs, ExportFormat};
use crate::config::CopyAccess;
use crate::custody::audit::Why;
use crate::custody::export::{ExportForm, ExportRequest, VconForm, VconSigner};
use anyhow::Context;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

/// Copies what is meant.
///
/// # Errors
/// An unknown id, a restricted recording, a folder that cannot be written or
/// holds an export already.
pub fn run(cli: &Cli, args: &ExportArgs) -> anyhow::Result<()> {
    if args.start.zip(args.end).is_some_and(|(start, end)| start >= end) {
        return Err(Usage("--start must lie before --end".into()).into());
    }
    let form = form(args)?;
    let Task { site, mut keeper, rows } = keep::task(cli, &args.search)?;
    let order = ExportRequest {
        to: args.to.clone(),
        why: Why {
            reason: Some(args.reason.clone()),
            case: None,
            recipient: args.recipient.clone(),
            basis: args.basis.clone(),
        },
        start_s: args.start,
        end_s: args.end,
        silence: args.silence,
        form,
        zip: args.zip,
        until_due: site.config.retention.access == CopyAccess::UntilDue,
        zone: Some(site.zone.clone()),
        search: args.search.for_audit(),
        ..ExportRequest::default()
    };
    let done = keeper.export(&rows, &order, &site.by);
    keep::warn(&mut keeper);
    let done = done?;
    output::print(&format!(
        "{} exported: {}\nSHA-256 {}\n",
        done.recordings,
        done.path.display(),
        done.sha256
    ))?;
    Ok(())
}

/// What a copy is made of, and who signs it.
fn form(args: &ExportArgs) -> anyhow::Result<ExportForm> {
    let signs = args.sign_key.as_deref().zip(args.sign_certificate.as_deref());
    if args.format == ExportFormat::Files {
        return match signs.is_some() || args.media_url.is_some() {
            true => {
                Err(Usage("--media-url, --sign-key and --sign-certificate need --format vcon".into()).into())
            }
            false => Ok(ExportForm::Files),
        };
    }
    let read = |path: &Path| {
        fs::read_to_string(path)
            .map(Zeroizing::new)
            .with_context(|| format!("{}: cannot be read", path.display()))
    };
    let signer = |(key, certificate): (&Path, &Path)| -> anyhow::Result<VconSigner> {
        VconSigner::from_pem(&read(key)?, &read(certificate)?)
            .with_context(|| format!("{} and {}", key.display(), certificate.display()))
    };
    Ok(ExportForm::Vcon(VconForm {
        media_url: args.media_url.clone(),
        signer: signs.map(signer).transpose()?,
    }))
}
