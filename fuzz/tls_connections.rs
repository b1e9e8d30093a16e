//! What the target `tls` does: a bystander of one connection.

use nauhuri::time::{NS_PER_MS, Timestamp};
use nauhuri::tls::{DtlsHellos, Plaintext, TlsSecrets, TlsSession};

/// A TLS connection: which side (0, 1; with 2 a loss before it, with 4 a key log after it), two octets of
/// length, then what it sends; again and again. Secrets of the client whose random number is zeros are known.
pub fn tls(data: &[u8]) {
    const LIMIT: usize = 40_000;
    let mut secrets = TlsSecrets::default();
    let zeros = "00".repeat(32);
    for label in ["CLIENT_RANDOM", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"] {
        secrets.log.push(format!("{label} {zeros} {}\n", "11".repeat(48)).as_bytes());
    }
    let mut session = TlsSession::new(LIMIT);
    let mut hellos = DtlsHellos::default();
    let mut at = Timestamp::from_parts(1_800_000_000, 0);
    let mut rest = data;
    while let [flags, high, low, after @ ..] = rest {
        let n = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (bytes, after) = after.split_at(n);
        (at, rest) = (at.offset_ns(NS_PER_MS), after);
        let side = usize::from(flags & 1);
        let out = &mut |_, _, plain: Plaintext<'_>| {
            assert!(!matches!(plain, Plaintext::Text(_)), "nobody sealed it");
        };
        let lost = flags & 2 != 0;
        hellos.push(side, bytes);
        hellos.keys(&mut secrets.log).iter().for_each(|k| assert!(k.by_side[0].len() == k.by_side[1].len()));
        let result = match lost {
            true => session.push(&mut secrets, (at, side), None, out),
            false => Ok(()),
        };
        let result = result.and_then(|()| session.push(&mut secrets, (at, side), Some(bytes), out));
        if flags & 4 != 0 {
            secrets.log.push(bytes);
        }
        let result = result.and_then(|()| session.resume(&mut secrets, out));
        if result.is_err() {
            session = TlsSession::new(LIMIT);
        }
        // Handshakes and records that are not whole come beside what waits.
        assert!(session.held() <= LIMIT + 4 * 160_000 + n, "{}", session.held());
    }
}
