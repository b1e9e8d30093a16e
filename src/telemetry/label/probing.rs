//! What became of a test call.

labels! {
    /// How the last test call ended: `nauhuri_probe_last_result{result}`.
    ProbeResult {
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
}
