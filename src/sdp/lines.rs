//! Which audio section an answer took.
//!
//! RFC 3264 §6: the sections of an answer stand in the places of the offer's,
//! and one that is refused has port 0. Answers that leave refused sections out
//! are met in the field; theirs are matched by transport. Knows one offer and
//! its answer, nothing of dialogs.

use super::description::{Description, Direction, Media, MediaKind};

/// The places, in the offer and in the answer, of the audio that was taken.
///
/// Where none was, the first audio of each: what is said of it (port 0, a
/// direction) still concerns the call.
pub(super) fn taken(offer: &Description, answer: &Description) -> (Option<usize>, Option<usize>) {
    let pairs = || answer.live_audio().filter_map(|(at, a)| Some((place_in(offer, answer, at, a)?, at)));
    let active = |&(o, a): &(usize, usize)| {
        let lines = [&offer.media[o], &answer.media[a]];
        lines.iter().all(|m| m.direction != Direction::Inactive && !m.rejected())
    };
    match pairs().find(active).or_else(|| pairs().next()) {
        Some((o, a)) => (Some(o), Some(a)),
        // An answer to something else, or none of it taken.
        None => match answer.audio_line() {
            Some(a) if offer.media.get(a).is_some_and(is_audio) => (Some(a), Some(a)),
            a => (offer.audio_line(), a),
        },
    }
}

/// Where the offer has what stands at `at` in the answer.
fn place_in(offer: &Description, answer: &Description, at: usize, line: &Media) -> Option<usize> {
    if offer.media.len() == answer.media.len() {
        return offer.media.get(at).filter(|m| is_audio(m)).map(|_| at);
    }
    let mut live = offer.live_audio();
    let same = offer.live_audio().find(|(_, m)| m.proto == line.proto);
    same.or_else(|| live.next()).map(|(i, _)| i)
}

fn is_audio(m: &Media) -> bool {
    m.kind == MediaKind::Audio
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kind port transport` of each section.
    fn session(sections: &[&str]) -> Description {
        let lines: String = sections
            .iter()
            .map(|s| {
                let w: Vec<&str> = s.split(' ').collect();
                let extra = w.get(3).map_or(String::new(), |a| format!("a={a}\n"));
                format!("m={} {} {} 8\n{extra}", w[0], w[1], w[2])
            })
            .collect();
        crate::sdp::parse(format!("v=0\nc=IN IP4 192.0.2.1\n{lines}").as_bytes())
    }

    #[test]
    fn the_answer_says_which() {
        let (s, p) = ("audio 1 RTP/SAVP", "audio 2 RTP/AVP");
        let (no_s, no_p) = ("audio 0 RTP/SAVP", "audio 0 RTP/AVP");
        let video = "video 3 RTP/AVP";
        // offer, answer, places
        type Row<'a> = (&'a [&'a str], &'a [&'a str], (Option<usize>, Option<usize>));
        let rows: [Row<'_>; 12] = [
            (&[p], &[p], (Some(0), Some(0))),
            (&[s, p], &[no_s, p], (Some(1), Some(1))),
            (&[s, p], &[s, no_p], (Some(0), Some(0))),
            (&[p, s], &[no_p, s], (Some(1), Some(1))),
            (&[s, video, p], &[no_s, video, p], (Some(2), Some(2))),
            (&[s, s, p], &[no_s, no_s, p], (Some(2), Some(2))),
            // Both taken: the first, unless nothing flows on it.
            (&[s, p], &[s, p], (Some(0), Some(0))),
            (&[s, p], &["audio 1 RTP/SAVP inactive", p], (Some(1), Some(1))),
            // Refused sections left out.
            (&[s, p], &[p], (Some(1), Some(0))),
            (&[video, p], &[p], (Some(1), Some(0))),
            (&[s, p], &[no_s, no_p], (Some(0), Some(0))),
            (&["image 5 udptl"], &["image 6 udptl"], (None, None)),
        ];
        for (offer, answer, places) in rows {
            assert_eq!(taken(&session(offer), &session(answer)), places, "{offer:?} {answer:?}");
        }
    }
}
