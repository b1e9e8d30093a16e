//! Where frames come from: interfaces and files.
