//! The listening room: pages and an API for people who may hear recordings.

