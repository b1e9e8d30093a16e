//! What can be watched: events, log lines, metrics, health.
