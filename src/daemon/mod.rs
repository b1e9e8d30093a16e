//! Threads, channels and their bounds, shutdown.
