//! The process that decodes, from inside: reads requests, decodes, answers.
//!
//! It holds no state but the decoders of its streams, and ends when nobody asks any more.

use super::avcodec::Avcodec;
use super::messages::{self, FrameRequest, HEADER_LEN, MAX_FRAME};
use super::{MAX_STREAMS, cage};
use crate::codec::def::DecodeFrames;
use crate::codec::frames::ForeignCodec;
use std::collections::HashMap;
use std::io::{self, Read, Write};

/// Locks itself in, then decodes what is asked for on standard input until that ends.
///
/// # Errors
/// A pipe that breaks, a request that is none: the other end is gone.
pub fn work() -> io::Result<()> {
    cage::give_up()?;
    let library = Avcodec::load();
    let codecs = library.as_ref().map_or(0, |l| {
        ForeignCodec::ALL.iter().filter(|c| l.open(**c).is_some()).fold(0, |all, c| all | 1 << c.index())
    });
    let mut greeting = Vec::new();
    messages::put_greeting(library.as_ref().map_or(0, Avcodec::version), codecs, &mut greeting);
    cage::lock_up()?;
    let (input, mut output) = (io::stdin().lock(), io::stdout().lock());
    output.write_all(&greeting)?;
    output.flush()?;
    let Some(library) = library else { return Ok(()) };
    serve(input, output, |codec| library.open(codec).map(|d| Box::new(d) as _))
}

/// Answers requests until there are no more.
///
/// # Errors
/// As [`work`].
pub fn serve<D: DecodeFrames + ?Sized>(
    mut input: impl Read,
    mut output: impl Write,
    open: impl Fn(ForeignCodec) -> Option<Box<D>>,
) -> io::Result<()> {
    let mut streams: HashMap<u32, (ForeignCodec, Box<D>)> = HashMap::new();
    let (mut body, mut ends) = (Vec::new(), Vec::new());
    let (mut samples, mut answer) = (Vec::new(), Vec::new());
    let mut header = [0; HEADER_LEN];
    loop {
        match input.read_exact(&mut header) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(e),
        }
        match messages::request(&header).ok_or(io::ErrorKind::InvalidData)? {
            FrameRequest::End(stream) => drop(streams.remove(&stream)),
            FrameRequest::Frames { stream, codec, frames, is_fresh } => {
                read_frames(&mut input, frames, &mut body, &mut ends)?;
                samples.clear();
                answer.clear();
                let starts = [0].iter().chain(&ends);
                let frames: Vec<&[u8]> = starts.zip(&ends).map(|(a, b)| &body[*a..*b]).collect();
                let decoder = decoder(&mut streams, (stream, codec), is_fresh, &open);
                match decoder.map(|d| d.decode(&frames, &mut samples)) {
                    Some(Ok(())) => messages::put_answer(messages::DONE, &samples, &mut answer),
                    Some(Err(_)) | None => messages::put_answer(messages::REFUSED, &[], &mut answer),
                }
                output.write_all(&answer)?;
                output.flush()?;
            }
        }
    }
}

/// The decoder of a stream, made where it is not there.
fn decoder<D: DecodeFrames + ?Sized>(
    streams: &mut HashMap<u32, (ForeignCodec, Box<D>)>,
    (stream, codec): (u32, ForeignCodec),
    is_fresh: bool,
    open: impl Fn(ForeignCodec) -> Option<Box<D>>,
) -> Option<&mut D> {
    if streams.get(&stream).is_none_or(|(known, _)| *known != codec) {
        if streams.len() > 2 * MAX_STREAMS {
            return None;
        }
        streams.insert(stream, (codec, open(codec)?));
    } else if is_fresh && let Some((_, decoder)) = streams.get_mut(&stream) {
        decoder.reset();
    }
    streams.get_mut(&stream).map(|(_, d)| &mut **d)
}

fn read_frames(
    input: &mut impl Read,
    count: usize,
    body: &mut Vec<u8>,
    ends: &mut Vec<usize>,
) -> io::Result<()> {
    body.clear();
    ends.clear();
    for _ in 0..count {
        let mut length = [0; 2];
        input.read_exact(&mut length)?;
        let length = usize::from(u16::from_le_bytes(length));
        if length > MAX_FRAME {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let start = body.len();
        body.resize(start + length, 0);
        input.read_exact(&mut body[start..])?;
        ends.push(body.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::def::DecodeError;

    /// Counts the frames it was given since it was made or reset.
    #[derive(Debug, Default)]
    struct Counts(i16);

    impl DecodeFrames for Counts {
        fn decode(&mut self, frames: &[&[u8]], out: &mut Vec<i16>) -> Result<(), DecodeError> {
            for f in frames {
                if f.is_empty() {
                    return Err(DecodeError::Corrupt);
                }
                self.0 += 1;
                out.push(self.0);
            }
            Ok(())
        }
        fn reset(&mut self) {
            self.0 = 0;
        }
    }

    #[test]
    fn each_stream_has_its_own_decoder_until_it_ends() {
        let mut asked = Vec::new();
        let mut ask = |stream, is_fresh, frames: &[&[u8]]| {
            messages::put_frames((stream, ForeignCodec::G729, is_fresh), frames, &mut asked);
        };
        ask(1, true, &[&[1], &[2]]);
        ask(2, true, &[&[1]]);
        ask(1, false, &[&[1]]);
        ask(1, true, &[&[1]]);
        ask(2, false, &[&[]]);
        messages::put_end(2, &mut asked);
        messages::put_frames((2, ForeignCodec::G729, false), &[&[1]], &mut asked);
        let mut answers = Vec::new();
        serve(&asked[..], &mut answers, |_| Some(Box::new(Counts::default()))).unwrap();
        let mut right = Vec::new();
        for samples in [&[1, 2][..], &[1], &[3], &[1]] {
            messages::put_answer(messages::DONE, samples, &mut right);
        }
        messages::put_answer(messages::REFUSED, &[], &mut right);
        messages::put_answer(messages::DONE, &[1], &mut right);
        assert_eq!(answers, right);
        asked.truncate(asked.len() - 1);
        assert!(serve(&asked[..], Vec::new(), |_| Some(Box::new(Counts::default()))).is_err());
        assert!(serve(&[9; 8][..], Vec::new(), |_| Some(Box::new(Counts::default()))).is_err());
    }
}
