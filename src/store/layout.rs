//! Names and folders of recordings.
