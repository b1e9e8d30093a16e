//! How a stream would have sounded: the ITU-T G.107 E-model, simplified to
//! what a bystander can measure (codec, loss, jitter).
//!
//! It speaks of the packets as captured, not of what reached an ear behind
//! another hop. Echo, noise and the network's own delay are unknown and stand
//! at their defaults, so the figure is an upper bound.

/// How a codec degrades: G.113 appendix I (narrow band) and IV (wide band).
struct Impairment {
    /// Rating of the unimpaired connection on the codec's own scale.
    r0: f64,
    /// Ie: equipment impairment without loss.
    ie: f64,
    /// Bpl: robustness against packet loss.
    bpl: f64,
    /// Divisor onto the scale of 100 (wide-band ratings run to 129, G.107.1).
    scale: f64,
}

/// Default R of G.107 with no equipment impairment.
const R0_NARROW: f64 = 93.2;
/// The same of G.107.1, wide band.
const R0_WIDE: f64 = 129.0;
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
    let codec = impairment(codec)?;
    let loss_percent = 100.0 * finite_or_zero(loss_ratio).clamp(0.0, 1.0);
    let jitter_ms = finite_or_zero(jitter_ms).clamp(0.0, 10_000.0);

    let delay_ms = FIXED_DELAY_MS + BUFFER_PER_JITTER * jitter_ms;
    let id = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
    // Random loss: BurstR is 1.
    let ie_eff = codec.ie + (95.0 - codec.ie) * loss_percent / (loss_percent + codec.bpl);
    let r = (codec.r0 - codec.ie_on_scale(ie_eff) - id) / codec.scale;
    Some((score(r) * 100.0).round() / 100.0)
}

impl Impairment {
    /// Loss weighs as much of a wide-band scale as of a narrow-band one.
    fn ie_on_scale(&self, ie_eff: f64) -> f64 {
        self.ie + (ie_eff - self.ie) * self.scale
    }
}

/// G.107 annex B: rating to mean opinion score.
fn score(r: f64) -> f64 {
    match r {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5),
    }
}

fn impairment(codec: &str) -> Option<Impairment> {
    let narrow = |ie, bpl| Some(Impairment { r0: R0_NARROW, ie, bpl, scale: 1.0 });
    let wide = |ie, bpl| Some(Impairment { r0: R0_WIDE, ie, bpl, scale: R0_WIDE / 100.0 });
    let is = |name: &str| codec.eq_ignore_ascii_case(name);
    if is("PCMU") || is("PCMA") || is("L16") {
        // With concealment; without it Bpl would be 4.3.
        narrow(0.0, 25.1)
    } else if is("G729") {
        narrow(11.0, 19.0)
    } else if is("G723") {
        narrow(15.0, 16.1)
    } else if is("GSM-EFR") || is("AMR") {
        narrow(5.0, 10.0)
    } else if is("G722") {
        wide(13.0, 14.0)
    } else if is("opus") {
        // No ITU figure exists; near-transparent and made for lossy networks.
        wide(5.0, 20.0)
    } else {
        None
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
