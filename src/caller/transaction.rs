//! A client transaction as far as time goes: what is sent again, when, and when it is given up (RFC 3261 §17.1).

use crate::time::{NS_PER_MS, Timestamp};

/// RFC 3261 §17.1.1.1: an estimate of the round trip.
const T1_NS: i64 = 500 * NS_PER_MS;
/// The longest wait between two repeats of anything but an INVITE.
const T2_NS: i64 = 4_000 * NS_PER_MS;
/// Timers B and F.
const GIVE_UP_NS: i64 = 64 * T1_NS;

/// What is sent until it is answered.
#[derive(Clone, Debug)]
pub(super) struct ClientTransaction {
    /// Branch of its Via.
    pub branch: String,
    /// Number in its CSeq.
    pub cseq: u32,
    /// The request as it was sent.
    pub bytes: Vec<u8>,
    /// When it is sent again; [`None`] once it need not be.
    again: Option<Timestamp>,
    wait_ns: i64,
    longest_ns: i64,
    over: Timestamp,
}

/// What time brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionCall {
    /// Nothing yet.
    Wait,
    /// It is sent again.
    Again,
    /// Nobody answers.
    GiveUp,
}

impl ClientTransaction {
    /// One that was just sent. `is_reliable`: over TCP, which repeats by itself.
    pub fn new(branch: String, cseq: u32, bytes: Vec<u8>, is_reliable: bool, now: Timestamp) -> Self {
        let again = (!is_reliable).then(|| now.offset_ns(T1_NS));
        let over = now.offset_ns(GIVE_UP_NS);
        ClientTransaction { branch, cseq, bytes, again, wait_ns: T1_NS, longest_ns: T2_NS, over }
    }

    /// An INVITE: its repeats double without a limit (timer A).
    pub fn doubling(mut self) -> Self {
        self.longest_ns = i64::MAX / 2;
        self
    }

    /// A provisional response came: an INVITE is not repeated any more, and who is asked has all the time that
    /// whoever calls gives him.
    pub fn proceed(&mut self) {
        (self.again, self.over) = (None, Timestamp::FAR_FUTURE);
    }

    /// Looks at the clock.
    pub fn poll(&mut self, now: Timestamp) -> TransactionCall {
        if now >= self.over {
            return TransactionCall::GiveUp;
        }
        match self.again {
            Some(at) if now >= at => {
                self.wait_ns = (2 * self.wait_ns).min(self.longest_ns);
                self.again = Some(at.offset_ns(self.wait_ns));
                TransactionCall::Again
            }
            _ => TransactionCall::Wait,
        }
    }

    /// When nobody is waited for any longer.
    pub fn gives_up_at(&self) -> Timestamp {
        self.over
    }

    /// When to look again.
    pub fn deadline(&self) -> Timestamp {
        self.again.map_or(self.over, |at| at.min(self.over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_ns(ms * NS_PER_MS)
    }

    /// Turns the clock from deadline to deadline; when it was sent, when it was given up.
    fn sent_at(mut t: ClientTransaction) -> (Vec<i64>, i64) {
        let mut sent = vec![0];
        loop {
            let now = t.deadline();
            match t.poll(now) {
                TransactionCall::Again => sent.push(now.as_ms()),
                TransactionCall::GiveUp => return (sent, now.as_ms()),
                TransactionCall::Wait => panic!("nothing was due at {now:?}"),
            }
        }
    }

    fn new(is_reliable: bool) -> ClientTransaction {
        ClientTransaction::new("b".into(), 1, Vec::new(), is_reliable, at_ms(0))
    }

    /// RFC 3261 §17.1.1.2 and §17.1.2.2, T1 = 500 ms.
    #[test]
    fn repeats_as_the_standard_has_them() {
        let (invite, over) = sent_at(new(false).doubling());
        assert_eq!((invite, over), (vec![0, 500, 1500, 3500, 7500, 15500, 31500], 32_000));
        let (bye, over) = sent_at(new(false));
        let want = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
        assert_eq!((bye.as_slice(), over), (want.as_slice(), 32_000));
        assert_eq!(sent_at(new(true)), (vec![0], 32_000), "TCP repeats by itself");
        let mut ringing = new(false).doubling();
        ringing.proceed();
        assert_eq!(ringing.poll(at_ms(3_600_000)), TransactionCall::Wait);
    }
}
