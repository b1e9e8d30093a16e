//! From frames to datagrams: decapsulation, fragments, TCP streams.
