//! Passwords (argon2id, RFC 9106) and one-time codes (TOTP, RFC 6238).

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Bytes of a secret of one-time codes.
const SECRET: usize = 20;
/// Seconds that one code holds.
const STEP_S: i64 = 30;

/// `N` bytes that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without them nothing may go on.
    while getrandom::fill(&mut bytes).is_err() {}
    bytes
}

/// What is kept of a password.
pub fn hash(password: &str) -> String {
    let salt = SaltString::encode_b64(&random::<16>());
    let hashed =
        salt.and_then(|salt| Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string()));
    // Neither salt nor length can be wrong here; a hash that is none lets nobody in.
    hashed.unwrap_or_default()
}

/// Whether a password is the one of `hash`. Takes as long for a hash that is none.
pub fn verify(password: &str, hash: &str) -> bool {
    // What a hash of any password looks like; nobody has that one.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let parsed = PasswordHash::new(hash).or_else(|_| PasswordHash::new(NOBODY));
    parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

/// A new secret of one-time codes.
pub fn new_secret() -> Vec<u8> {
    random::<SECRET>().to_vec()
}

/// The secret as authenticator apps take it (RFC 4648 base 32).
pub fn base32(secret: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    let (mut bits, mut have) = (0u32, 0);
    for byte in secret {
        bits = bits << 8 | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            out.push(LETTERS[(bits >> have & 31) as usize].into());
        }
    }
    if have > 0 {
        out.push(LETTERS[(bits << (5 - have) & 31) as usize].into());
    }
    out
}

/// The step at which `code` is right: the present one, or one beside it, for clocks
/// differ; but none up to `used`, for a code holds once.
pub fn totp_step(secret: &[u8], code: &str, now_s: i64, used: i64) -> Option<i64> {
    let code = code.trim();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let step = now_s / STEP_S;
    (step - 1..=step + 1).filter(|step| *step > used).find(|step| totp(secret, *step) == code)
}

fn totp(secret: &[u8], step: i64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    // RFC 4226 section 5.3.
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_and_nothing_else() {
        let kept = hash("correct horse");
        assert!(kept.starts_with("$argon2id$") && kept != hash("correct horse"));
        assert!(verify("correct horse", &kept));
        for wrong in ["", "correct hors", "Correct horse", "correct horse "] {
            assert!(!verify(wrong, &kept));
        }
        for none in ["", "$argon2id$", "x"] {
            assert!(!verify("correct horse", none) && !verify("", none));
        }
    }

    #[test]
    fn codes_of_rfc_6238() {
        // Appendix B, the last six digits.
        let secret = b"12345678901234567890";
        for (at, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(totp_step(secret, code, at, 0), Some(at / 30), "{code}");
            assert_eq!(totp_step(secret, code, at + 30, 0), Some(at / 30));
            assert_eq!(totp_step(secret, code, at + 60, 0), None);
            assert_eq!(totp_step(secret, code, at, at / 30), None, "a code holds once");
        }
        for none in ["", "28708", "2870822", "28708x", "٢٨٧٠٨٢"] {
            assert_eq!(totp_step(secret, none, 59, 0), None);
        }
        assert_eq!(base32(secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(base32(b"f"), "MY");
    }
}
