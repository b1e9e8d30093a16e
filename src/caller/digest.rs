//! Digest authentication: the answer to a 401 or 407 (RFC 2617 §3.2, RFC 7616, RFC 8760).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use zeroize::Zeroizing;

/// Whose call it is.
pub struct SipAccount {
    /// Name at the exchange.
    pub user: String,
    /// What proves it.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for SipAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SipAccount")
    }
}

/// By which hash. The order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigestHash {
    /// RFC 2617.
    Md5,
    /// RFC 8760.
    Sha256,
    /// RFC 8760.
    Sha512Of256,
}

impl DigestHash {
    const ALL: [DigestHash; 3] = [DigestHash::Md5, DigestHash::Sha256, DigestHash::Sha512Of256];

    /// As a header has it.
    pub const fn name(self) -> &'static str {
        match self {
            DigestHash::Md5 => "MD5",
            DigestHash::Sha256 => "SHA-256",
            DigestHash::Sha512Of256 => "SHA-512-256",
        }
    }

    fn hex(self, text: &str) -> String {
        match self {
            DigestHash::Md5 => hex::encode(Md5::digest(text)),
            DigestHash::Sha256 => hex::encode(Sha256::digest(text)),
            DigestHash::Sha512Of256 => hex::encode(Sha512_256::digest(text)),
        }
    }
}

/// What a server asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestChallenge {
    /// Whose accounts, as it stands between the quotes.
    pub realm: String,
    nonce: String,
    opaque: Option<String>,
    /// By which hash.
    pub hash: DigestHash,
    /// `qop` offers `auth`; without any `qop` it is RFC 2069's way.
    has_qop: bool,
    /// The nonce of the last answer was too old; the password may be right.
    pub is_stale: bool,
}

impl DigestChallenge {
    /// The value of a `WWW-Authenticate` or `Proxy-Authenticate`; [`None`] where we cannot answer: another scheme
    /// or hash, or only `auth-int`.
    pub fn parse(value: &[u8]) -> Option<DigestChallenge> {
        let text = std::str::from_utf8(value).ok()?.trim();
        let (scheme, rest) = text.split_once(char::is_whitespace)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let pairs = pairs(rest);
        let of =
            |name: &str| pairs.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
        let hash = of("algorithm").unwrap_or_else(|| DigestHash::Md5.name().into());
        let qop = of("qop");
        if qop.as_deref().is_some_and(|q| !q.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth")))
        {
            return None;
        }
        Some(DigestChallenge {
            realm: of("realm")?,
            nonce: of("nonce")?,
            opaque: of("opaque"),
            hash: DigestHash::ALL.into_iter().find(|h| h.name().eq_ignore_ascii_case(&hash))?,
            has_qop: qop.is_some(),
            is_stale: of("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }

    /// The value of `Authorization` or `Proxy-Authorization` for a request. `count` is how often this nonce
    /// has been used, this time included.
    pub fn answer(
        &self,
        account: &SipAccount,
        (method, uri): (&str, &str),
        cnonce: &str,
        count: u32,
    ) -> String {
        let DigestChallenge { realm, nonce, hash, .. } = self;
        let secret = Zeroizing::new(format!("{}:{realm}:{}", account.user, account.password.as_str()));
        let (a1, a2) = (Zeroizing::new(hash.hex(&secret)), hash.hex(&format!("{method}:{uri}")));
        let response = match self.has_qop {
            true => hash.hex(&format!("{}:{nonce}:{count:08x}:{cnonce}:auth:{a2}", a1.as_str())),
            false => hash.hex(&format!("{}:{nonce}:{a2}", a1.as_str())),
        };
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
             algorithm={}",
            account.user,
            hash.name()
        );
        if self.has_qop {
            value += &format!(", cnonce=\"{cnonce}\", nc={count:08x}, qop=auth");
        }
        if let Some(opaque) = &self.opaque {
            value += &format!(", opaque=\"{opaque}\"");
        }
        value
    }
}

/// `name=value` and `name="value"`, set apart by commas; what stands in quotes stays as it is.
fn pairs(mut text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let rest = rest.trim_start();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut is_escaped = false;
                let end = quoted.find(|c| {
                    let is_end = c == '"' && !is_escaped;
                    is_escaped = c == '\\' && !is_escaped;
                    is_end
                });
                let end = end.unwrap_or(quoted.len());
                (&quoted[..end], quoted.get(end + 1..).unwrap_or_default())
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim(), &rest[end..])
            }
        };
        out.push((name.trim_matches([',', ' ', '\t']).to_owned(), value.to_owned()));
        text = after.trim_start().trim_start_matches(',');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(user: &str, password: &str) -> SipAccount {
        SipAccount { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    fn response_of(value: &str) -> &str {
        value.split("response=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a response")
    }

    /// RFC 2617 §3.5 and RFC 7616 §3.9.1.
    #[test]
    fn the_vectors_of_the_standards() {
        let old = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                   nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let old = DigestChallenge::parse(old.as_bytes()).expect("a challenge");
        let mufasa = account("Mufasa", "Circle Of Life");
        let answer = old.answer(&mufasa, ("GET", "/dir/index.html"), "0a4f113b", 1);
        assert_eq!(response_of(&answer), "6629fae49393a05397450978507c4ef1");
        assert!(
            answer.ends_with("nc=00000001, qop=auth, opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""),
            "{answer}"
        );
        let new = |hash: &str| {
            let text = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={hash},\
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = DigestChallenge::parse(text.as_bytes()).expect("a challenge");
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let answer =
                challenge.answer(&account("Mufasa", "Circle of Life"), ("GET", "/dir/index.html"), cnonce, 1);
            response_of(&answer).to_owned()
        };
        assert_eq!(new("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(new("SHA-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn what_cannot_be_answered_and_what_is_odd() {
        for value in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"n\", algorithm=AKAv1-MD5",
            "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"",
            "",
        ] {
            assert_eq!(DigestChallenge::parse(value.as_bytes()), None, "{value}");
        }
        let odd = "digest nonce = \"a,b=\\\"c\" ,algorithm=md5,  stale=TRUE,realm=\"\"";
        let odd = DigestChallenge::parse(odd.as_bytes()).expect("a challenge");
        assert_eq!((odd.nonce.as_str(), odd.is_stale, odd.has_qop), ("a,b=\\\"c", true, false));
        // RFC 2069: neither cnonce nor count.
        let answer = odd.answer(&account("u", "p"), ("INVITE", "sip:a@b"), "c", 1);
        assert!(!answer.contains("nc=") && !answer.contains("cnonce"), "{answer}");
        let hashed = DigestHash::Sha512Of256.hex("");
        assert!(hashed.starts_with("c672b8d1ef56ed28"), "{hashed}");
    }
}
