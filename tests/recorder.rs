//! The recorder as a whole, without an interface and without rights: frames come from the test.
//!
//! What happens when calls come from elsewhere than a wire,
//! when a thread dies or hangs, when a crash left ten thousand recordings, when the
//! store is somebody else's, when thousands of calls are open at the stop.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "common/mod.rs"]
mod common;

#[path = "recorder/archive.rs"]
mod archive;
#[path = "recorder/control.rs"]
mod control;
#[path = "recorder/counted.rs"]
mod counted;
#[path = "recorder/faulty.rs"]
mod faulty;
#[path = "recorder/feed.rs"]
mod feed;
#[path = "recorder/figures.rs"]
mod figures;
#[path = "recorder/glance.rs"]
mod glance;
#[path = "recorder/hep.rs"]
mod hep;
#[path = "recorder/late.rs"]
mod late;
#[path = "recorder/leftovers.rs"]
mod leftovers;
#[path = "recorder/reasons.rs"]
mod reasons;
#[path = "recorder/reloading.rs"]
mod reloading;
#[path = "recorder/stop.rs"]
mod stop;
#[path = "recorder/strange.rs"]
mod strange;
#[path = "recorder/studio.rs"]
mod studio;
#[path = "recorder/threads.rs"]
mod threads;
#[path = "recorder/tls.rs"]
mod tls;
#[path = "recorder/together.rs"]
mod together;
#[path = "recorder/upkeep.rs"]
mod upkeep;
