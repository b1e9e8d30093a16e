//! Where lines go: standard error, at once or through a bounded queue.
//!
//! The queue's thread is older than the crew of a recorder and no member of it. If it hangs, nobody
//! reads standard error: lines are left out and counted (`nauhuri_log_suppressed_total`), and the
//! recorder goes on. If it dies, lines are written by whoever has them.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::io::Write as _;
#[cfg(test)]
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Lines waiting for standard error; one more is left out.
const QUEUE: usize = 4096;
/// How long the end of the process waits for a stuck standard error.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) enum LogSink {
    Direct,
    Queue(Sender<QueueItem>),
    #[cfg(test)]
    Memory(Arc<Mutex<String>>),
}

/// What the queue carries.
pub(super) enum QueueItem {
    Line(String),
    /// Everything before it is written: say so.
    Flush(Sender<()>),
}

/// Writes out what is queued when dropped, waiting two seconds at most.
#[derive(Debug, Default)]
pub struct Flush {
    queue: Option<Sender<QueueItem>>,
}

impl LogSink {
    pub(super) fn direct() -> (LogSink, Flush) {
        (LogSink::Direct, Flush::default())
    }

    pub(super) fn queued() -> (LogSink, Flush) {
        let (sender, receiver) = bounded(QUEUE);
        match thread::Builder::new().name("log".into()).spawn(move || drain(&receiver)) {
            Ok(_) => (LogSink::Queue(sender.clone()), Flush { queue: Some(sender) }),
            Err(_) => LogSink::direct(),
        }
    }

    /// `false` if the line was left out.
    pub(super) fn write(&self, line: String) -> bool {
        match self {
            LogSink::Direct => write_now(&line),
            LogSink::Queue(queue) => match queue.try_send(QueueItem::Line(line)) {
                Err(TrySendError::Disconnected(QueueItem::Line(line))) => write_now(&line),
                sent => sent.is_ok(),
            },
            #[cfg(test)]
            LogSink::Memory(text) => text.lock().map(|mut t| t.push_str(&line)).is_ok(),
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        let (done, wait) = bounded(1);
        if queue.send_timeout(QueueItem::Flush(done), FLUSH_TIMEOUT).is_ok() {
            let _ = wait.recv_timeout(FLUSH_TIMEOUT);
        }
    }
}

fn write_now(line: &str) -> bool {
    std::io::stderr().lock().write_all(line.as_bytes()).is_ok()
}

fn drain(queue: &Receiver<QueueItem>) {
    for entry in queue {
        match entry {
            QueueItem::Line(line) => {
                // Nobody is left to tell when standard error itself fails.
                write_now(&line);
            }
            QueueItem::Flush(done) => {
                let _ = done.send(());
            }
        }
    }
}
