//! `nauhuri replay` held to its promises: captures of ours, generated calls,
//! hostile input, what is stored of a number, and what a user sees.
//!
//! One binary: every test runs the program as its users do. The captures of the
//! field are in `tests/corpus.rs`.

// Helpers of tests fail by panicking.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod answers_first;
mod assured;
mod attacks_media;
mod attacks_secrets;
mod attacks_signalling;
mod before_agent;
mod branches;
mod call_ids;
mod called_on;
mod calls;
mod capture_files;
mod captures;
mod carriers;
mod claims;
mod cli;
mod click_to_dial;
mod clocks;
mod codecs;
mod colleagues;
mod crowd;
mod crowd_legs;
mod decoding;
mod determinism;
mod dialled_on_hold;
mod direct_media;
mod evasion;
mod explained;
mod files;
mod fuzzed;
mod hep;
mod hostile;
mod ice_moves;
mod identities;
mod in_vain;
mod key_presses;
mod key_tones;
mod kit;
mod lent;
mod lying_clocks;
mod media;
mod media_from_elsewhere;
mod media_lines;
mod moved_ports;
mod notices;
mod one_call;
mod one_number;
mod pairing;
mod parties;
mod pausing;
mod privacy;
mod quiet;
mod random;
mod register;
mod silences;
mod taps;
mod tls;
mod transfers;
mod tunnels;
mod unread;
mod who_talks;
mod whole_or_not;
mod whose_packets;
