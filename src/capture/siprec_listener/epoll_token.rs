//! What is ready: a number for epoll.

use rustix::event::epoll;

/// What a token of epoll stands for: its kind in the uppermost byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EpollToken {
    /// Where SIP comes in: which of the configured addresses.
    Door(usize),
    /// A connection.
    Stream(u64),
    /// A socket for media: the number of its pair, and in the last bit whether it is RTCP's.
    Media(u64),
}

impl EpollToken {
    /// As epoll keeps it.
    pub const fn token(self) -> epoll::EventData {
        epoll::EventData::new_u64(match self {
            EpollToken::Door(n) => n as u64,
            EpollToken::Stream(n) => 1 << 56 | n,
            EpollToken::Media(n) => 2 << 56 | n,
        })
    }

    /// Of what epoll gives back.
    pub const fn of(token: u64) -> EpollToken {
        let n = token & ((1 << 56) - 1);
        match token >> 56 {
            0 => EpollToken::Door(n as usize),
            1 => EpollToken::Stream(n),
            _ => EpollToken::Media(n),
        }
    }
}
