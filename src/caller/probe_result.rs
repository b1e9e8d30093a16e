//! How a test call ended, in the words of the metrics and of `probe.json`.

use std::fmt;

/// The results with their words, in the order in which they are listed.
macro_rules! results {
    ($($variant:ident = $text:literal, $doc:literal;)+) => {
        /// `nauhuri_probe_last_result{result}`
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProbeResult {
            $(#[doc = $doc] $variant,)+
        }

        impl ProbeResult {
            /// Each of them.
            pub const ALL: &[ProbeResult] = &[$(ProbeResult::$variant),+];

            /// As the label of the metric, and in files.
            pub const fn name(self) -> &'static str {
                match self { $(ProbeResult::$variant => $text),+ }
            }

            /// What it means, in a sentence.
            pub const fn describe(self) -> &'static str {
                match self { $(ProbeResult::$variant => $doc),+ }
            }
        }
    };
}

results! {
    Heard = "heard", "Recorded, and the tones are in the recording.";
    Silent = "silent", "Recorded, and the tones are not in the recording.";
    WrongChannel = "wrong_channel", "Recorded, and the tones are on the other side only.";
    Quiet = "quiet", "Recorded, and the tones are more than 30 dB quieter than they were sent.";
    Damaged = "damaged", "Recorded, and some tones are missing or at another time.";
    Incomplete = "incomplete", "Recorded, and the recording is marked as incomplete.";
    NotRecorded = "not_recorded", "Answered, and there is no recording of it.";
    CutShort = "cut_short", "Answered, and hung up before the tones were played.";
    NotAnswered = "not_answered", "It rang, and nobody answered.";
    Refused = "refused", "The exchange or the called party refused it.";
    Unreachable = "unreachable", "No response: wrong address, or the exchange is down.";
}

impl fmt::Display for ProbeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
