//! Frames of codecs that are decoded elsewhere, as they lie in a payload.

/// Frames in one payload, at most.
pub const MAX_FRAMES: usize = 96;

/// A codec as those know it who decode its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignCodec {
    /// G.729 and its annex A: frames of 10 octets.
    G729,
    /// AMR: frames as in a file (RFC 4867 §5.3), a header octet first.
    AmrNarrow,
    /// AMR-WB: likewise.
    AmrWide,
    /// iLBC of 20 ms: frames of 38 octets.
    Ilbc20,
    /// iLBC of 30 ms: frames of 50 octets.
    Ilbc30,
    /// Speex at 8 kHz: a frame, and bits that end it.
    SpeexNarrow,
    /// Speex at 16 kHz: likewise.
    SpeexWide,
    /// G.723.1: frames of 24, 20 or 4 octets, or of one for nothing sent.
    G7231,
}

impl ForeignCodec {
    /// All of them.
    pub const ALL: [ForeignCodec; 8] = [
        ForeignCodec::G729,
        ForeignCodec::AmrNarrow,
        ForeignCodec::AmrWide,
        ForeignCodec::Ilbc20,
        ForeignCodec::Ilbc30,
        ForeignCodec::SpeexNarrow,
        ForeignCodec::SpeexWide,
        ForeignCodec::G7231,
    ];

    /// Its place in [`ForeignCodec::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Samples a second.
    pub const fn rate_hz(self) -> u32 {
        match self {
            ForeignCodec::AmrWide | ForeignCodec::SpeexWide => 16_000,
            ForeignCodec::G729
            | ForeignCodec::AmrNarrow
            | ForeignCodec::Ilbc20
            | ForeignCodec::Ilbc30
            | ForeignCodec::SpeexNarrow
            | ForeignCodec::G7231 => 8000,
        }
    }

    /// Samples of a frame.
    pub const fn frame_samples(self) -> usize {
        match self {
            ForeignCodec::G729 => 80,
            ForeignCodec::AmrNarrow | ForeignCodec::Ilbc20 | ForeignCodec::SpeexNarrow => 160,
            ForeignCodec::Ilbc30 | ForeignCodec::G7231 => 240,
            ForeignCodec::AmrWide | ForeignCodec::SpeexWide => 320,
        }
    }
}

/// What is in a payload: its frames, and where among them nothing was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Of which codec.
    pub codec: ForeignCodec,
    /// Octets of all frames, one after another.
    octets: Vec<u8>,
    /// Where each ends; `None`: as long a silence.
    ends: Vec<Option<usize>>,
}

impl Frames {
    /// None yet.
    pub fn of(codec: ForeignCodec) -> Frames {
        Frames { codec, octets: Vec::new(), ends: Vec::new() }
    }

    /// One more, of what `put` appends.
    pub fn push(&mut self, put: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        put(&mut self.octets)?;
        self.ends.push(Some(self.octets.len()));
        self.within_bounds()
    }

    /// One more, of these octets.
    pub fn push_octets(&mut self, octets: &[u8]) -> Option<()> {
        self.push(|all| {
            all.extend_from_slice(octets);
            Some(())
        })
    }

    /// One frame's length in which nothing was said.
    pub fn push_silence(&mut self) -> Option<()> {
        self.ends.push(None);
        self.within_bounds()
    }

    /// How many, silence among them.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Each in order; `None` where nothing was said.
    pub fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = (*end)?;
            self.octets.get(std::mem::replace(&mut start, end)..end)
        })
    }

    fn within_bounds(&self) -> Option<()> {
        (self.ends.len() <= MAX_FRAMES).then_some(())
    }
}
