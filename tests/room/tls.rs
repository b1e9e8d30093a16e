//! TLS, proxies, and what keeps the room shut.
