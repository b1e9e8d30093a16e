//! All files of an export in one zip.

use super::request::part;
use crate::store::files::Access;
use crate::time::Timestamp;
use std::fs::File;
use std::io;
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes into `file` `NAME` from `folder/NAME.part` for each name; synced.
pub(super) fn write(file: File, folder: &Path, names: &[&str], now: Timestamp) -> io::Result<()> {
    let mut zip = ZipWriter::new(file);
    for name in names {
        let from = part(&folder.join(name));
        let large = from.metadata()?.len() >= u64::from(u32::MAX);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(large)
            .last_modified_time(stamp(now))
            .unix_permissions(Access::Owner.file_mode());
        zip.start_file(*name, options)?;
        io::copy(&mut File::open(&from)?, &mut zip)?;
    }
    zip.finish()?.sync_all()
}

/// What zip can say of a time: two seconds' resolution, no zone. UTC.
fn stamp(now: Timestamp) -> DateTime {
    let t = now.to_jiff().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let small = |n: i8| u8::try_from(n).unwrap_or(0);
    let year = u16::try_from(t.year()).unwrap_or(1980);
    DateTime::from_date_and_time(
        year,
        small(t.month()),
        small(t.day()),
        small(t.hour()),
        small(t.minute()),
        small(t.second()),
    )
    .unwrap_or_default()
}
