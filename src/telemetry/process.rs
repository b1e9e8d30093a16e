//! The standard `process_*` metrics, read from `/proc/self` at each scrape.
//!
//! Written as text by hand because the exporter's counters are whole numbers
//! and `process_cpu_seconds_total` is not. Where `/proc` is missing or hidden
//! the metrics are simply absent.

use std::fmt::Write as _;
use std::fs;

/// `USER_HZ`: what `/proc` counts processor time in, on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends the metrics that can be read now.
pub(super) fn render(out: &mut String) {
    if let Some(s) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds) {
        let help = "Processor time spent, user and system, seconds.";
        family(out, "process_cpu_seconds_total", "counter", help, s);
    }
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let mut gauge = |name, help, key, unit: f64| {
            if let Some(n) = status_value(&status, key) {
                family(out, name, "gauge", help, n as f64 * unit);
            }
        };
        gauge("process_resident_memory_bytes", "Resident memory, bytes.", "VmRSS", 1024.0);
        gauge("process_virtual_memory_bytes", "Virtual memory, bytes.", "VmSize", 1024.0);
        gauge("process_threads", "Threads.", "Threads", 1.0);
    }
    if let Ok(dir) = fs::read_dir("/proc/self/fd") {
        // One of them is the folder being read.
        let n = dir.count().saturating_sub(1);
        family(out, "process_open_fds", "gauge", "Open file descriptors.", n as f64);
    }
    if let Some(n) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(max_fds) {
        family(out, "process_max_fds", "gauge", "Largest number of open file descriptors.", n as f64);
    }
}

fn family(out: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    // Writing to a String cannot fail.
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
}

/// Fields 14 and 15 of proc(5) `stat`; the command in parentheses may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn status_value(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_proc_files() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 9 0 100";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("nonsense"), None);
        assert_eq!(status_value("Name:\tx\nVmRSS:\t  123 kB\n", "VmRSS"), Some(123));
        assert_eq!(
            max_fds("Max open files            1024                 4096                 files\n"),
            Some(1024)
        );
    }

    #[test]
    fn this_process_has_a_size() {
        let mut out = String::new();
        render(&mut out);
        assert!(out.contains("\nprocess_resident_memory_bytes "), "{out}");
        assert!(out.contains("\nprocess_open_fds "), "{out}");
    }
}
