//! How a stream would have sounded: the ITU-T G.107 E-model, simplified to
//! what a bystander can measure (codec, loss, jitter).
//!
//! It speaks of the packets as captured, not of what reached an ear behind
//! another hop. Echo, noise and the network's own delay are unknown and stand
//! at their defaults, so the figure is an upper bound.

use super::table;

/// Packetisation and processing, one way, milliseconds. The network's share is unknown.
const FIXED_DELAY_MS: f64 = 25.0;
/// A receiver's buffer is taken to hold back this many times the jitter.
const BUFFER_PER_JITTER: f64 = 2.0;

/// Mean opinion score, 1.0 to 4.5, two decimals; `None` for a codec whose
/// impairment is not known.
///
/// `codec` is the SDP encoding name, any case; `loss_ratio` is lost over
/// expected, 0 to 1; `jitter_ms` is RFC 3550 interarrival jitter. Narrow-band
/// and wide-band codecs are each scored on the scale of their band.
pub fn mos(codec: &str, loss_ratio: f64, jitter_ms: f64) -> Option<f64> {
    let codec = table::named(codec).quality?;
    let loss_percent = 100.0 * finite_or_zero(loss_ratio).clamp(0.0, 1.0);
    let jitter_ms = finite_or_zero(jitter_ms).clamp(0.0, 10_000.0);

    let delay_ms = FIXED_DELAY_MS + BUFFER_PER_JITTER * jitter_ms;
    let id = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    // Random loss: BurstR is 1.
    let ie_eff = codec.ie + (95.0 - codec.ie) * loss_percent / (loss_percent + codec.bpl);
    let r = (codec.r0 - codec.ie_on_scale(ie_eff) - id) / codec.scale;
    Some((score(r) * 100.0).round() / 100.0)
}

/// G.107 annex B: rating to mean opinion score.
fn score(r: f64) -> f64 {
    match r {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5),
    }
}

fn finite_or_zero(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_streams() {
        assert_eq!(mos("pcma", 0.0, 0.0), Some(4.4));
        assert_eq!(mos("PCMU", 0.0, 0.0), mos("PCMA", 0.0, 0.0));
        let g729 = mos("G729", 0.0, 0.0).unwrap();
        assert!((4.0..4.2).contains(&g729), "{g729}");
        let g722 = mos("G722", 0.0, 0.0).unwrap();
        assert!((4.2..4.5).contains(&g722), "{g722}");
        assert_eq!(mos("BV32", 0.0, 0.0), None);
    }

    #[test]
    fn never_better_with_more_loss_or_jitter_and_always_in_range() {
        for codec in ["PCMA", "G722", "opus", "G729"] {
            let mut last = 4.5;
            for loss in 0..=100 {
                let m = mos(codec, f64::from(loss) / 100.0, 0.0).unwrap();
                assert!((1.0..=last).contains(&m), "{codec} {loss} {m}");
                last = m;
            }
            assert!(last < 2.0, "{codec}: {last}");
            assert!(mos(codec, 0.0, 150.0) < mos(codec, 0.0, 5.0));
        }
        assert_eq!(mos("PCMA", f64::NAN, f64::INFINITY), mos("PCMA", 0.0, 0.0));
    }
}
