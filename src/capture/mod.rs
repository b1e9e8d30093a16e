//! Where frames come from: interfaces and files.

pub mod file;
pub mod live;
