//! One recording as a vCon, the container for conversations that the IETF's working group designs.
//!
//! After draft-ietf-vcon-vcon-core-03, syntax 0.4.0, and the schema of -04: the format is a draft. Only what
//! is known is told. The draft has no way to say that a `tel` is not whole or that nobody knows who was put
//! on hold, so a truncated number is no `tel`, and holds stay in the metadata that are attached.
//!
//! A hash (`content_hash`) is defined for content behind a URL alone: SHA-512 of the file's bytes. Of sound
//! inside the vCon it is of what stands there, the base64url text, as those who read vCons check it; the
//! attached metadata have the SHA-256 of the original's file.
//!
//! Must not know where the files lie, or who may have them.

use super::audio::Excerpt;
use super::base64_file::Base64File;
use crate::config::{CallDirection, HideDigits};
use crate::id::derived_uuid;
use crate::store::sidecar::Sidecar;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha512};
use uuid::Uuid;

/// `vcon`: the version of the syntax, of which the draft says that it is the last one.
const SYNTAX: &str = "0.4.0";
/// Of the media types that the draft lists, the one for WAV.
const WAV: &str = "audio/x-wav";
/// `name` of somebody who is deliberately not named.
const ANONYMOUS: &str = "anonymous";

/// Where the sound is.
pub(super) enum VconSound<'a> {
    /// In the vCon; the hash of its text.
    Inside(&'a Base64File, String),
    /// Elsewhere: the address of the file, and `sha512-` with the hash of its bytes.
    At(String, String),
}

/// What is told of one recording.
pub(super) struct VconSource<'a> {
    /// Its sidecar.
    pub(super) sidecar: &'a Sidecar,
    /// The same as it is handed out.
    pub(super) metadata: Value,
    /// Which part of it.
    pub(super) cut: &'a Excerpt,
    /// Names of the files, without suffix.
    pub(super) stem: &'a str,
    /// The sound of that part.
    pub(super) sound: VconSound<'a>,
    /// When it is handed out.
    pub(super) at: Timestamp,
}

/// The unsigned form.
#[derive(Serialize)]
pub(super) struct Vcon<'a> {
    vcon: &'static str,
    uuid: Uuid,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<VconRedacted>,
    parties: [VconParty<'a>; 3],
    dialog: [VconDialog<'a>; 1],
    attachments: [VconAttachment; 1],
}

/// Indices of `parties`. The first two are the channels of the WAV.
#[derive(Clone, Copy)]
enum PartyIndex {
    Customer = 0,
    Agent = 1,
    /// Who attaches the metadata.
    Recorder = 2,
}

/// Which vCon this one was made from, and what is missing.
#[derive(Serialize)]
struct VconRedacted {
    uuid: Uuid,
    r#type: String,
}

#[derive(Default, Serialize)]
struct VconParty<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
}

#[derive(Serialize)]
struct VconDialog<'a> {
    r#type: &'static str,
    start: String,
    duration: f64,
    parties: [PartyIndex; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    originator: Option<PartyIndex>,
    mediatype: &'static str,
    filename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a Base64File>,
}

#[derive(Serialize)]
struct VconAttachment {
    purpose: &'static str,
    start: String,
    party: PartyIndex,
    dialog: usize,
    mediatype: &'static str,
    filename: String,
    encoding: &'static str,
    body: Value,
}

impl Serialize for PartyIndex {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u8(*self as u8)
    }
}

impl<'a> Vcon<'a> {
    /// The vCon of a recording, or of part of one.
    ///
    /// The whole recording has the recording's id: it is the same vCon each time. A part is a vCon of its
    /// own, which names the whole one.
    pub(super) fn of(source: VconSource<'a>) -> Vcon<'a> {
        let VconSource { sidecar, metadata, cut, stem, sound, at } = source;
        let redacted = VconRedacted::of(sidecar.id, cut);
        let (uuid, created_at) = match &redacted {
            None => (sidecar.id, sidecar.ended_at),
            Some(redacted) => (derived_uuid(at, &[sidecar.id.as_bytes(), redacted.r#type.as_bytes()]), at),
        };
        let (url, content_hash, body) = match sound {
            VconSound::Inside(body, hash) => (None, Some(hash), Some(body)),
            VconSound::At(url, hash) => (Some(url), Some(hash), None),
        };
        let start = sidecar.answered_at.offset_ns(cut.start_ns());
        Vcon {
            vcon: SYNTAX,
            uuid,
            created_at: created_at.to_rfc3339(),
            updated_at: at.to_rfc3339(),
            redacted,
            parties: [VconParty::customer(sidecar), VconParty::agent(sidecar), VconParty::recorder()],
            dialog: [VconDialog {
                r#type: "recording",
                start: start.to_rfc3339(),
                duration: cut.end_s() - cut.start_s(),
                parties: [PartyIndex::Customer, PartyIndex::Agent],
                // Left out, it is the first of the parties.
                originator: (sidecar.direction == Some(CallDirection::Outbound)).then_some(PartyIndex::Agent),
                mediatype: WAV,
                filename: format!("{stem}.wav"),
                url,
                content_hash,
                encoding: body.map(|_| "base64url"),
                body,
            }],
            attachments: [VconAttachment {
                purpose: "metadata of the recording",
                start: at.to_rfc3339(),
                party: PartyIndex::Recorder,
                dialog: 0,
                mediatype: "application/json",
                filename: format!("{stem}.json"),
                encoding: "json",
                body: metadata,
            }],
        }
    }

    /// Its id.
    pub(super) fn uuid(&self) -> Uuid {
        self.uuid
    }
}

impl VconRedacted {
    fn of(whole: Uuid, cut: &Excerpt) -> Option<VconRedacted> {
        let silenced = cut.silence().map(|channel| format!("{} silenced", channel.name()));
        let span = cut.is_part().then(|| format!("only {:.3} s to {:.3} s", cut.start_s(), cut.end_s()));
        let what: Vec<String> = silenced.into_iter().chain(span).collect();
        (!what.is_empty()).then(|| VconRedacted { uuid: whole, r#type: what.join(", ") })
    }
}

impl<'a> VconParty<'a> {
    /// By the number, if all of it is there and it is a global one (RFC 3966). What is left of a truncated
    /// number would be the number of somebody else, or of nobody.
    fn customer(sidecar: &'a Sidecar) -> VconParty<'a> {
        let number = sidecar.customer.number.as_ref().map(|n| n.expose().as_str());
        let tel = number.filter(|n| is_global_number(n));
        let all_hidden = || sidecar.policy.as_ref().is_some_and(|p| p.hide_caller_digits == HideDigits::All);
        let is_truncated = |n: &str| n.contains('x');
        let hidden = sidecar.customer.withheld || number.map_or_else(all_hidden, is_truncated);
        VconParty { tel, name: hidden.then_some(ANONYMOUS), ..VconParty::default() }
    }

    fn agent(sidecar: &'a Sidecar) -> VconParty<'a> {
        let name = sidecar.agent.name.as_ref().map(|n| n.expose().as_str());
        VconParty {
            name,
            // The recorder is told the name; it proves nobody's.
            validation: name.map(|_| "none"),
            uuid: sidecar.agent.id.as_deref(),
            ..VconParty::default()
        }
    }

    fn recorder() -> VconParty<'a> {
        let name = Some(concat!("nauhuri ", env!("CARGO_PKG_VERSION")));
        VconParty { name, validation: Some("none"), r#type: Some("bot"), ..VconParty::default() }
    }
}

/// RFC 3966 `global-number`, without separators: E.164 has 15 digits at most.
fn is_global_number(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `content_hash`: the algorithm's name and its base64url.
pub(super) fn content_hash(hash: Sha512) -> String {
    format!("sha512-{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
}

/// The address of a file below another address: what a path may not have as it is, is encoded (RFC 3986 §2.1).
pub(super) fn address_of(below: &str, name: &str) -> String {
    let mut address = format!("{}/", below.trim_end_matches('/'));
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => address.push(byte.into()),
            other => address += &format!("%{other:02X}"),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_number_of_the_world_is_a_tel() {
        for (number, is_one) in [
            ("+358401234567", true),
            ("+112", true),
            ("+35840123xxxx", false),
            ("+", false),
            ("0401234567", false),
            ("116117", false),
            ("+3584012345678901", false),
            ("+358 40 123", false),
            ("anonymous", false),
        ] {
            assert_eq!(is_global_number(number), is_one, "{number}");
        }
    }

    #[test]
    fn a_name_in_an_address_is_encoded() {
        let name = "20261123T081523.120Z_2001_+35840123xxxx_00000001.wav";
        let whole = "https://calls.example/a/20261123T081523.120Z_2001_%2B35840123xxxx_00000001.wav";
        assert_eq!(address_of("https://calls.example/a", name), whole);
        assert_eq!(address_of("https://calls.example/a/", name), whole);
        assert_eq!(address_of("https://calls.example", "ä /?#"), "https://calls.example/%C3%A4%20%2F%3F%23");
    }
}
