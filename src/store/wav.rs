//! The WAV writer: a header that is valid after every flush.
