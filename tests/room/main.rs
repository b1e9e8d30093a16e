//! The listening room as its callers see it: the program itself, over real HTTP.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "room")]

mod abuse;
mod acts;
mod browser;
mod dsar;
mod kit;
mod matrix;
mod oidc;
mod pages;
mod sessions;
mod sound;
mod staff;
mod tls;
mod training;
