//! What a text in the configuration may look like, in words and as a check.

use super::exchange_address::ExchangeAddress;
use super::forms::duration;
use super::keys::Form;
use super::listen_at::{ListenAt, PortRange};
use super::mail_address::is_mail_address;
use super::networks::Networks;
use super::separator::Separator;
use super::term::{self, Term};
use super::zone::Zone;
use std::net::SocketAddr;
use std::path::Path;

/// Longest name of a service: it is a metric label.
const NAME_MAX: usize = 64;

/// Names of SIP headers.
pub(super) const HEADERS: Form =
    Form { allowed: "header names such as \"Session-ID\"", accepts: is_token, may_be_empty: true };
/// Names of SIP headers of which one is needed.
pub(super) const CALLER_HEADERS: Form = Form {
    allowed: "header names such as \"P-Asserted-Identity\" and \"From\", at least one",
    accepts: is_token,
    may_be_empty: false,
};
/// The name of a SIP header, or none.
pub(super) const HEADER: Form =
    Form { allowed: "a header name such as \"X-Agent-Id\", or \"\"", accepts: is_token, may_be_empty: true };
/// Blocks of addresses.
pub(super) const NETWORKS: Form = Form {
    allowed: "CIDR blocks such as \"10.20.0.0/16\" or \"2001:db8::/32\"",
    accepts: |text| Networks::parse([text]).is_ok(),
    may_be_empty: true,
};
/// A length of calendar time.
pub(super) const TERM: Form =
    Form { allowed: term::ALLOWED, accepts: |text| Term::parse(text).is_ok(), may_be_empty: false };
/// A length of time, or none.
pub(super) const LENGTH: Form = Form {
    allowed: "a duration with its unit such as \"8s\", or \"\"",
    accepts: |text| duration::parse(text).is_some_and(|d| !d.is_zero()),
    may_be_empty: true,
};
/// The name of a time zone.
pub(super) const ZONE: Form = Form {
    allowed: "a zone of the tz database (package tzdata) such as \"Europe/Helsinki\" or \"UTC\"",
    accepts: |text| Zone::named(text).is_some(),
    may_be_empty: false,
};
/// A country code, or none.
pub(super) const COUNTRY: Form = Form {
    allowed: "1 to 3 digits of a country code such as \"358\", or \"\"",
    accepts: |text| is_digits(text) && text.len() <= 3 && !text.starts_with('0'),
    may_be_empty: true,
};
/// A national prefix, or none.
pub(super) const NATIONAL_PREFIX: Form = Form {
    allowed: "up to 4 digits such as \"0\", or \"\"",
    accepts: |text| is_digits(text) && text.len() <= 4,
    may_be_empty: true,
};
/// The name of a service: it is in sidecars, metric labels and on the command line.
pub(super) const SERVICE_NAME: Form = Form {
    allowed: "text of 1 to 64 letters, digits, inner spaces and _ - . + & / ( )",
    accepts: |text| {
        let safe = |c: char| c.is_alphanumeric() || " _-.+&/()".contains(c);
        text.trim() == text && text.chars().count() <= NAME_MAX && text.chars().all(safe)
    },
    may_be_empty: false,
};
/// Column separator.
pub(super) const SEPARATOR: Form = Form {
    allowed: "one character such as \",\" or \";\"",
    accepts: |text| Separator::parse(text).is_some(),
    may_be_empty: false,
};
/// A folder.
pub(super) const FOLDER: Form = Form {
    allowed: "a folder such as \"/var/lib/nauhuri/recordings\"",
    accepts: |_| true,
    may_be_empty: false,
};
/// The id of a store, or none.
pub(super) const STORE_ID: Form = Form {
    allowed: "the UUID in .nauhuri/store-id of the store that is to be there, or \"\"",
    accepts: |text| uuid::Uuid::try_parse(text).is_ok(),
    may_be_empty: true,
};
/// The file of the audit log's newest link, or none.
pub(super) const ANCHOR: Form = Form {
    allowed: "the whole path of a file outside the state folder, or \"\"",
    accepts: is_whole_path,
    may_be_empty: true,
};
/// The folder below which exports may go, or none.
pub(super) const EXPORTS: Form = Form {
    allowed: "the whole path of a folder outside the store, or \"\"",
    accepts: is_whole_path,
    may_be_empty: true,
};
/// Where metrics are served, or nowhere.
pub(super) const METRICS_ADDRESS: Form = Form {
    allowed: "an address with its port such as \"127.0.0.1:9160\" or \"[::1]:9160\", or \"\"",
    accepts: is_address,
    may_be_empty: true,
};
/// Where something is received, by transport.
pub(super) const LISTEN_AT: Form = Form {
    allowed: "addresses such as \"udp:127.0.0.1:9060\", \"tcp:10.1.0.5:9060\" or \"tls:[::]:9061\"",
    accepts: |text| ListenAt::parse(text).is_some(),
    may_be_empty: true,
};
/// Where the exchange is, or nowhere.
pub(super) const EXCHANGE: Form = Form {
    allowed: "an exchange such as \"udp:10.1.0.1:5060\" or \"tcp:pbx.example:5060\", or \"\"",
    accepts: |text| ExchangeAddress::parse(text).is_some(),
    may_be_empty: true,
};
/// Whom a test call is for, or nobody.
pub(super) const CALLED: Form = Form {
    allowed: "a number such as \"9001\", a SIP URI such as \"sip:9001@pbx.example\", or \"\"",
    accepts: |text| is_sip_uri(text) || is_number(text),
    may_be_empty: true,
};
/// Whose a test call is, or the account's.
pub(super) const CALLER: Form = Form {
    allowed: "a SIP URI such as \"sip:probe@pbx.example\", or \"\"",
    accepts: is_sip_uri,
    may_be_empty: true,
};
/// The name of an account at an exchange, or none.
pub(super) const SIP_USER: Form = Form {
    allowed: "an account such as \"probe\", or \"\"",
    accepts: |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b)),
    may_be_empty: true,
};
/// An address of electronic mail, or none.
pub(super) const MAIL_ADDRESS: Form = Form {
    allowed: "an address such as \"nauhuri@example.org\", without a name, or \"\"",
    accepts: is_mail_address,
    may_be_empty: true,
};
/// Addresses of electronic mail.
pub(super) const MAIL_ADDRESSES: Form = Form {
    allowed: "a list of addresses such as [\"manager@example.org\"], without names",
    accepts: is_mail_address,
    may_be_empty: true,
};
/// A program of this machine, or none.
pub(super) const PROGRAM: Form =
    Form { allowed: "the whole path of a program, or \"\"", accepts: is_whole_path, may_be_empty: true };
/// A range of ports for media.
pub(super) const PORT_RANGE: Form = Form {
    allowed: "a range of at least four UDP ports above 1023 such as \"20000-29999\"",
    accepts: |text| PortRange::parse(text).is_some(),
    may_be_empty: false,
};
/// Addresses without a port.
pub(super) const ADDRESSES: Form = Form {
    allowed: "addresses such as \"203.0.113.5\" or \"2001:db8::5\"",
    accepts: |text| text.parse::<std::net::IpAddr>().is_ok(),
    may_be_empty: true,
};
/// Keys of a telephone, one after another, or none.
pub(super) const KEY_SEQUENCE: Form = Form {
    allowed: "two to eight keys out of 0 to 9, * and # such as \"*1\", or \"\"",
    accepts: |text| {
        (2..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b))
    },
    may_be_empty: true,
};
/// A socket of this machine, or none.
pub(super) const SOCKET: Form = Form {
    // sun_path of unix(7) has 108 bytes, the last of them zero.
    allowed: "the whole path of a socket, 107 bytes at most, or \"\"",
    accepts: |text| is_whole_path(text) && text.len() <= 107 && !text.contains('\0'),
    may_be_empty: true,
};
/// A group of this machine, or none.
pub(super) const GROUP: Form = Form {
    allowed: "the name of a group such as \"supervisors\", or \"\"",
    accepts: |text| text.bytes().all(|b| b.is_ascii_graphic() && !b":,/".contains(&b)),
    may_be_empty: true,
};
/// Where the listening room is served.
pub(super) const ROOM_ADDRESS: Form = Form {
    allowed: "an address with its port such as \"127.0.0.1:9170\" or \"[::1]:9170\"",
    accepts: is_address,
    may_be_empty: false,
};

/// RFC 3261 section 25.1, `token`.
fn is_token(text: &str) -> bool {
    let extra = b"-.!%*_+`'~";
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
}

/// `sip:user@host`, without what could break a header.
fn is_sip_uri(text: &str) -> bool {
    let safe = |b: u8| b.is_ascii_graphic() && !b"<>\"\\".contains(&b);
    let parts = text.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
    parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()) && text.bytes().all(safe)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn is_whole_path(text: &str) -> bool {
    Path::new(text).is_absolute()
}

fn is_address(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok()
}
