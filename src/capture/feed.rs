//! Datagrams from elsewhere than an interface, on their way to the capture loop.
//!
//! Whoever receives them on a socket runs on a thread of its own and offers them here; the loop takes
//! all that wait at once. Bounded in bytes: what comes while the queue is full is dropped and counted,
//! for the loop is behind then, and a sender that is made to wait would be too.

use crate::net::OwnedDatagram;
use crate::net::reserved::is_reserved;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a datagram takes beside its payload, bytes.
const DATAGRAM_COST: usize = size_of::<OwnedDatagram>() + 16;

/// Whoever receives on sockets that are open already: HEP, say.
pub trait Listener: Send + Sync {
    /// What its thread is called.
    fn name(&self) -> String;

    /// Receives and offers to `feed` as long as `goes_on` says so, which has to be asked at least once
    /// a second. Called again if it panicked.
    fn receive(&self, feed: &Feed, goes_on: &dyn Fn() -> bool);
}

/// The end at which datagrams are offered; one for each thread that has any.
#[derive(Clone, Debug)]
pub struct Feed(Arc<FeedQueue>);

/// The end at which they are taken.
#[derive(Debug)]
pub struct Intake {
    shared: Arc<FeedQueue>,
    taken: Vec<OwnedDatagram>,
}

#[derive(Debug)]
struct FeedQueue {
    limit: usize,
    queue: Mutex<FeedWaiting>,
    filled: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct FeedWaiting {
    datagrams: Vec<OwnedDatagram>,
    bytes: usize,
    is_closed: bool,
}

/// Both ends of a queue of at most `limit` bytes.
pub fn feed(limit: usize) -> (Feed, Intake) {
    let (queue, filled, dropped) = (Mutex::default(), Condvar::new(), AtomicU64::new(0));
    let shared = Arc::new(FeedQueue { limit, queue, filled, dropped });
    (Feed(Arc::clone(&shared)), Intake { shared, taken: Vec::new() })
}

impl Feed {
    /// Hands one over that is somebody else's word; false if there was no room for it. What uses the
    /// addresses of our own recording server is forged, and goes no further.
    pub fn offer(&self, datagram: OwnedDatagram) -> bool {
        let flow = datagram.flow;
        is_reserved(flow.src.ip()) || is_reserved(flow.dst.ip()) || self.offer_told(datagram)
    }

    /// The recorder stops: what is offered from here on is not recorded.
    pub fn is_closed(&self) -> bool {
        self.0.lock().is_closed
    }

    /// Hands over what our own recording server tells ([`crate::net::reserved`]).
    pub fn offer_told(&self, datagram: OwnedDatagram) -> bool {
        let cost = datagram.payload.len() + DATAGRAM_COST;
        let mut queue = self.0.lock();
        if queue.is_closed {
            return true;
        }
        if queue.bytes + cost > self.0.limit {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        queue.bytes += cost;
        queue.datagrams.push(datagram);
        if queue.datagrams.len() == 1 {
            self.0.filled.notify_one();
        }
        true
    }
}

impl Intake {
    /// Whether anybody can still offer something.
    pub fn is_fed(&self) -> bool {
        Arc::strong_count(&self.shared) > 1
    }

    /// All that wait, in the order they were offered in.
    pub fn take(&mut self) -> std::vec::Drain<'_, OwnedDatagram> {
        {
            let mut queue = self.shared.lock();
            std::mem::swap(&mut queue.datagrams, &mut self.taken);
            queue.bytes = 0;
        }
        self.taken.drain(..)
    }

    /// Waits until there is something, at most so long.
    pub fn wait(&self, at_most: Duration) {
        let queue = self.shared.lock();
        let is_empty = |queue: &mut FeedWaiting| queue.datagrams.is_empty();
        drop(self.shared.filled.wait_timeout_while(queue, at_most, is_empty));
    }

    /// From here on what is offered is nobody's loss: the recorder stops.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
    }

    /// How many found no room.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl FeedQueue {
    fn lock(&self) -> MutexGuard<'_, FeedWaiting> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Flow, Transport};
    use crate::time::Timestamp;
    use crate::wire::link::Vlan;
    use std::net::SocketAddr;
    use std::time::Instant;

    fn datagram(n: i64, len: usize) -> OwnedDatagram {
        let at = SocketAddr::from(([10, 0, 0, 1], 4000));
        let (ts, flow) = (Timestamp::from_ns(n), Flow { src: at, dst: at, vlan: Vlan::NONE });
        let payload = vec![0; len];
        OwnedDatagram { ts, flow, transport: Transport::Udp, payload, truncated: false, sliced: false }
    }

    #[test]
    fn what_is_offered_is_taken_in_order() {
        let (feed, mut intake) = feed(100_000);
        for n in 0..3 {
            assert!(feed.offer(datagram(n, 100)));
        }
        assert_eq!(intake.take().map(|d| d.ts.as_ns()).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(intake.take().count(), 0);
        assert!(intake.is_fed());
        drop(feed);
        assert!(!intake.is_fed());
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (feed, mut intake) = feed(10_000);
        let kept = (0..100).filter(|n| feed.offer(datagram(*n, 1000))).count();
        assert!((5..10).contains(&kept), "{kept}");
        assert_eq!(intake.dropped(), 100 - kept as u64);
        assert!(!feed.offer(datagram(100, 20_000)), "larger than all room");
        assert_eq!(intake.take().count(), kept);
        assert!(feed.offer(datagram(101, 1000)), "there is room again");
        intake.close();
        assert!(feed.offer(datagram(102, 1 << 20)));
        assert_eq!((intake.take().count(), intake.dropped()), (1, 101 - kept as u64));
    }

    #[test]
    fn only_our_own_server_uses_its_addresses() {
        let (feed, mut intake) = feed(10_000);
        let mut forged = datagram(1, 10);
        forged.flow.dst = SocketAddr::new(crate::net::reserved::hosts(1)[0], 5060);
        assert!(feed.offer(forged.clone()));
        assert_eq!(intake.take().count(), 0);
        assert!(feed.offer_told(forged) && !feed.is_closed());
        assert_eq!(intake.take().count(), 1);
        intake.close();
        assert!(feed.is_closed());
    }

    #[test]
    fn whoever_waits_is_woken() {
        let (feed, intake) = feed(10_000);
        let began = Instant::now();
        intake.wait(Duration::from_millis(20));
        assert!(began.elapsed() >= Duration::from_millis(20));
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            feed.offer(datagram(1, 10))
        });
        intake.wait(Duration::from_secs(30));
        assert!(began.elapsed() < Duration::from_secs(20));
        assert!(thread.join().unwrap());
        intake.wait(Duration::from_secs(30));
    }
}
