//! `[limits]`, and how the limits that nobody sets follow from the memory that there may be.

use super::keys::{Kind, section};

/// More threads than any machine has use for.
const WORKERS_MAX: i64 = 1024;
/// A bound that must leave room for one.
const SOME: Kind = Kind::Count(1, i64::MAX);
/// A TCP buffer or media queue, bytes: at least one SIP message as large as UDP would carry, a
/// block of each channel.
const BYTES: Kind = Kind::Count(64 * 1024, i64::MAX);
/// Least memory with which anything can be followed, bytes.
pub const MEMORY_MIN: u64 = 64 << 20;
/// The memory for which the defaults of the other limits are written, bytes.
const USUAL: u64 = 1 << 30;
/// With more recordings than this the files that the service may open would not do (`LimitNOFILE=`
/// of the unit); whoever raises that sets the limit as well.
const RECORDINGS_MOST: usize = 64_000;

section! {
    /// Limits on everything that grows with the traffic, so that nobody on the network can
    /// exhaust the memory. nauhuri_limit_reached_total counts how often each is reached.
    pub struct Limits {
        /// Memory for what the network makes the recorder keep: half of it for signalling, a quarter
        /// for sound that waits to be written, a sixteenth for TCP, half as much for fragments, the
        /// rest for open recordings. When the part for signalling is full, calls of a flood are
        /// forgotten first, calls under way last; each is counted. The limits below apply as well, if
        /// they are lower. The defaults of calls, recordings, fragments, tcp_streams and queue_bytes
        /// are in proportion to the memory, recordings up to 64000: the numbers below are those for
        /// 1 GiB. `nauhuri check` shows what they are.
        #[serde(with = "crate::config::forms::bytes")]
        memory: u64 = 1 << 30, Kind::Size(MEMORY_MIN), OnRestart;
        /// Calls followed at once.
        calls: usize = 100_000, SOME, OnReload;
        /// Recordings open at once. When the limit is reached, a new call takes the place of one
        /// in which almost nothing was heard for two seconds; if there is none, the new call
        /// counts as failed.
        recordings: usize = 20_000, SOME, OnReload;
        /// IP datagrams being reassembled from fragments at once.
        fragments: usize = 4_096, SOME, OnRestart;
        /// TCP connections followed at once.
        tcp_streams: usize = 16_384, SOME, OnRestart;
        /// Bytes kept of one TCP connection while a SIP message is unfinished.
        tcp_buffer: usize = 256 * 1024, BYTES, OnRestart;
        /// Bytes of sound that may wait for one worker.
        queue_bytes: usize = 64 << 20, BYTES, OnRestart;
        /// Threads that decode and write; 0: one fewer than there are processors.
        workers: usize = 0, Kind::Count(0, WORKERS_MAX), OnRestart;
    }
}

impl Limits {
    /// One part of so many of `memory`, bytes.
    pub fn share(&self, of: u64) -> usize {
        usize::try_from(self.memory / of.max(1)).unwrap_or(usize::MAX)
    }

    /// The limits that nobody has set grow and shrink with `memory`; those of which `is_set` holds stay.
    pub fn follow_memory(&mut self, is_set: impl Fn(&str) -> bool) {
        let memory = self.memory.max(MEMORY_MIN);
        let follow = |name: &str, limit: &mut usize| {
            if !is_set(name) {
                let part = *limit as u128 * u128::from(memory) / u128::from(USUAL);
                *limit = usize::try_from(part).unwrap_or(usize::MAX).max(1);
            }
        };
        follow("calls", &mut self.calls);
        follow("recordings", &mut self.recordings);
        if !is_set("recordings") {
            self.recordings = self.recordings.min(RECORDINGS_MOST);
        }
        follow("fragments", &mut self.fragments);
        follow("tcp_streams", &mut self.tcp_streams);
        follow("queue_bytes", &mut self.queue_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::Section as _;
    use toml::Value;

    #[test]
    fn the_least_memory_is_in_the_row_of_its_key() {
        let row = Limits::KEYS.iter().find(|key| key.name == "memory").unwrap();
        assert_eq!(row.kind.allowed(), "a size of at least \"64 MiB\"");
        let accepts = |text: &str| row.kind.accepts(&Value::from(text));
        assert!(accepts("64 MiB") && accepts("65536 KiB") && accepts("67108864") && accepts("2 TiB"));
        assert!(!["67108863", "63 MiB", "0", "-1", "", "much"].into_iter().any(accepts));
    }

    #[test]
    fn what_nobody_has_set_follows_from_the_memory() {
        let of = |l: &Limits| [l.calls, l.recordings, l.fragments, l.tcp_streams, l.queue_bytes];
        let with = |memory: u64, is_set: &dyn Fn(&str) -> bool| {
            let mut l = Limits { memory, ..Limits::default() };
            l.follow_memory(is_set);
            of(&l)
        };
        let usual = of(&Limits::default());
        assert_eq!(with(1 << 30, &|_| false), usual, "the defaults are those of the usual memory");
        assert_eq!(with(4 << 30, &|_| false), [400_000, 64_000, 16_384, 65_536, 256 << 20]);
        assert_eq!(with(64 << 20, &|_| false), [6250, 1250, 256, 1024, 4 << 20]);
        assert_eq!(with(u64::MAX, &|_| true), usual, "what somebody has set is as it was set");
        let mut all = with(u64::MAX, &|_| false).into_iter().zip(usual);
        assert!(all.all(|(much, usual)| much > usual), "nothing overflows");
        assert!(with(0, &|_| false).into_iter().all(|n| n > 0));
        assert_eq!(with(2 << 30, &|name| name == "calls"), [100_000, 40_000, 8192, 32_768, 128 << 20]);
    }
}
