//! Pages without a browser: what is in them, and for whom.
