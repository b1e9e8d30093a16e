//! Payload to samples.
