//! Logout tokens: the provider says whose sessions have ended (OpenID Connect
//! Back-Channel Logout 1.0, sections 2.4 and 2.6).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How old one may be, and how far clocks may differ, seconds.
const AGE_S: i64 = 300;

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// Not a signed token.
    #[error("not a logout token")]
    Form,
    /// Not signed by a key of the provider.
    #[error("the signature does not hold")]
    Signature,
    /// From somebody else, for somebody else, or not now.
    #[error("not for this room, or not now")]
    Claims,
}

/// Whose sessions have ended: one of the two is said at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOut {
    /// The person, at the provider.
    pub subject: Option<String>,
    /// The session, at the provider.
    pub sid: Option<String>,
}

/// What a token has to be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// This room, as a client of it.
    pub client: &'a str,
    /// Seconds since 1970.
    pub now_s: i64,
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
}

/// RFC 7519 section 4.1.3: one, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// What every logout token says it is.
#[derive(Deserialize)]
struct LogoutEvents {
    #[serde(default, rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct LogoutClaims {
    iss: String,
    aud: Audience,
    iat: i64,
    #[serde(default)]
    exp: Option<i64>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    sid: Option<String>,
    events: LogoutEvents,
    #[serde(default)]
    nonce: Option<IgnoredAny>,
}

/// Reads a token that a key of `keys` has signed.
///
/// # Errors
/// See [`LogoutError`].
pub fn read(
    token: &str,
    keys: &CoreJsonWebKeySet,
    expected: &Expected<'_>,
) -> Result<SignedOut, LogoutError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(LogoutError::Form)?;
    let (head, payload) = signed.split_once('.').ok_or(LogoutError::Form)?;
    let head: JoseHeader = part(head)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LogoutError::Form)?;
    // `none` and keys that both ends share prove nothing.
    let proves = !matches!(
        head.alg,
        CoreJwsSigningAlgorithm::None
            | CoreJwsSigningAlgorithm::HmacSha256
            | CoreJwsSigningAlgorithm::HmacSha384
            | CoreJwsSigningAlgorithm::HmacSha512
    );
    let of = |key: &&openidconnect::core::CoreJsonWebKey| {
        head.kid.as_ref().is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid))
    };
    let holds = |key: &openidconnect::core::CoreJsonWebKey| {
        key.verify_signature(&head.alg, signed.as_bytes(), &signature).is_ok()
    };
    if !proves || !keys.keys().iter().filter(of).any(holds) {
        return Err(LogoutError::Signature);
    }
    let claims: LogoutClaims = part(payload)?;
    let for_us = match &claims.aud {
        Audience::One(one) => one == expected.client,
        Audience::Several(all) => all.iter().any(|one| one == expected.client),
    };
    let now = expected.now_s;
    let in_time = claims.iat > now - AGE_S
        && claims.iat < now + AGE_S
        && claims.exp.is_none_or(|exp| exp > now - AGE_S);
    // A nonce is forbidden, so that no ID token passes for one of these.
    let is_one = claims.events.logout.is_some() && claims.nonce.is_none();
    let says = claims.sub.is_some() || claims.sid.is_some();
    if claims.iss != expected.issuer || !for_us || !in_time || !is_one || !says {
        return Err(LogoutError::Claims);
    }
    Ok(SignedOut { subject: claims.sub, sid: claims.sid })
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, LogoutError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LogoutError::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| LogoutError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openidconnect::core::CoreEdDsaPrivateSigningKey;
    use openidconnect::{JsonWebKeyId, PrivateSigningKey};
    use serde_json::{Value, json};

    const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
    // Made for this test.
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEICWeYPLxoZKHZlQ6rkBi11E9JwchynXtljATLqym/XS9\n\
        -----END PRIVATE KEY-----";

    fn signed(head: &Value, claims: &Value) -> String {
        let key =
            CoreEdDsaPrivateSigningKey::from_ed25519_pem(KEY, Some(JsonWebKeyId::new("k".into()))).unwrap();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(head), part(claims));
        let signature = key.sign(&CoreJwsSigningAlgorithm::EdDsa, text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn only_a_fresh_token_of_the_provider_for_this_room() {
        let key =
            CoreEdDsaPrivateSigningKey::from_ed25519_pem(KEY, Some(JsonWebKeyId::new("k".into()))).unwrap();
        let keys = CoreJsonWebKeySet::new(vec![key.as_verification_key()]);
        let expected = Expected { issuer: "https://id.example", client: "room", now_s: 10_000 };
        let head = json!({ "alg": "EdDSA", "kid": "k", "typ": "logout+jwt" });
        let claims = json!({ "iss": "https://id.example", "aud": ["room"], "iat": 9_990, "exp": 10_110, "jti": "1",
            "sub": "u1", "sid": "s1", "events": { EVENT: {} } });
        let read = |token: &str| super::read(token, &keys, &expected);
        let fine = SignedOut { subject: Some("u1".into()), sid: Some("s1".into()) };
        assert_eq!(read(&signed(&head, &claims)), Ok(fine));
        for (key, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("another")),
            ("aud", json!(["x"])),
            ("iat", json!(9_000)),
            ("iat", json!(11_000)),
            ("exp", json!(1)),
            ("events", json!({})),
            ("nonce", json!("n")),
        ] {
            let mut wrong = claims.clone();
            wrong[key] = value;
            assert_eq!(read(&signed(&head, &wrong)), Err(LogoutError::Claims), "{key}");
        }
        let mut nobody = claims.clone();
        nobody.as_object_mut().unwrap().retain(|key, _| key != "sub" && key != "sid");
        assert_eq!(read(&signed(&head, &nobody)), Err(LogoutError::Claims));
        for (key, value) in [("aud", json!(7)), ("aud", json!(["room", 7])), ("events", json!(EVENT))] {
            let mut odd = claims.clone();
            odd[key] = value;
            assert_eq!(read(&signed(&head, &odd)), Err(LogoutError::Form), "{key}");
        }
        for head in
            [json!({ "alg": "EdDSA", "kid": "other" }), json!({ "alg": "none" }), json!({ "alg": "HS256" })]
        {
            assert_eq!(read(&signed(&head, &claims)), Err(LogoutError::Signature), "{head}");
        }
        let token = signed(&head, &claims);
        let (text, signature) = token.rsplit_once('.').unwrap();
        let (_, payload) = text.split_once('.').unwrap();
        assert_eq!(read(&format!("{}.{payload}.{signature}", "e30")), Err(LogoutError::Form));
        for broken in ["", "a", "a.b", "a.b.c", "..", &token[..20]] {
            assert_eq!(read(broken), Err(LogoutError::Form), "{broken}");
        }
    }
}
