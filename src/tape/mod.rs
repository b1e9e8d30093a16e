//! Encoded packets in, stereo blocks out; one recording each.
