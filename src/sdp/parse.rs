//! Reads the text of a session description (RFC 8866).
//!
//! `sdp-types` reads it; when it refuses (a user name with spaces, bytes
//! that are not UTF-8, a missing line), our own line scan takes what there is.
//! Both feed the same builder, so they cannot differ in meaning.

use super::builder::Builder;
use super::description::{Description, Origin};
use super::scan;

/// Reads a body. Never fails: what can't be read is left out.
pub fn parse(body: &[u8]) -> Description {
    match sdp_types::Session::parse(body) {
        Ok(session) => from_sdp_types(&session),
        Err(_) => scan::description(body),
    }
}

fn from_sdp_types(s: &sdp_types::Session) -> Description {
    let mut b = Builder::new();
    let o = &s.origin;
    b.origin(Origin {
        username: o.username.clone().unwrap_or_else(|| "-".to_string()),
        session_id: o.sess_id.clone(),
        version: Some(o.sess_version),
        address: o.unicast_address.clone(),
    });
    if let Some(c) = &s.connection {
        b.connection(&c.connection_address);
    }
    s.attributes.iter().for_each(|a| b.attribute(&a.attribute, a.value.as_deref()));
    for m in &s.medias {
        b.media(&m.media, m.port, &m.proto, m.fmt.split_ascii_whitespace());
        if let Some(c) = m.connections.first() {
            b.connection(&c.connection_address);
        }
        m.attributes.iter().for_each(|a| b.attribute(&a.attribute, a.value.as_deref()));
    }
    b.finish()
}

#[cfg(test)]
mod tests;
