//! In which bucket an answered call ends, and why: `complete`, `partial`, `missing`, `excluded` or `paused`.
//!
//! The words of buckets and reasons stand here and nowhere else. How a sidecar comes to them is
//! [`super::assured`]'s.

use crate::id::Channel;
use crate::tape::FaultKind;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `assurance`: how far a call was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assurance {
    /// How far.
    pub bucket: AssuranceBucket,
    /// Why not all of it; empty where it is complete.
    pub reasons: Vec<AssuranceReason>,
}

/// Where an answered call ends; exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssuranceBucket {
    /// All of it is in the recording.
    Complete,
    /// There is a recording, and something is not in it.
    Partial,
    /// It should have been recorded, and there is no recording.
    Missing,
    /// A rule says that it is not recorded.
    Excluded,
    /// All of it is in the recording, but what somebody left out on purpose.
    Paused,
}

impl AssuranceBucket {
    /// All of them.
    pub const ALL: [AssuranceBucket; 5] = [
        AssuranceBucket::Complete,
        AssuranceBucket::Partial,
        AssuranceBucket::Missing,
        AssuranceBucket::Excluded,
        AssuranceBucket::Paused,
    ];

    /// As it stands in JSON, metrics and lists.
    pub const fn name(self) -> &'static str {
        match self {
            AssuranceBucket::Complete => "complete",
            AssuranceBucket::Partial => "partial",
            AssuranceBucket::Missing => "missing",
            AssuranceBucket::Excluded => "excluded",
            AssuranceBucket::Paused => "paused",
        }
    }
}

/// The reasons with their words, in the order in which they are listed.
macro_rules! reasons {
    ($($variant:ident = $text:literal, $doc:literal;)+) => {
        /// Why a call was not recorded whole.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AssuranceReason {
            $(#[doc = $doc] $variant,)+
        }

        impl AssuranceReason {
            /// Every reason, in the order in which they are listed.
            pub const ALL: &'static [AssuranceReason] = &[$(AssuranceReason::$variant),+];

            /// As it stands in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(AssuranceReason::$variant => $text),+ }
            }

            /// What it means, in a sentence.
            pub const fn describe(self) -> &'static str {
                match self { $(AssuranceReason::$variant => $doc),+ }
            }
        }
    };
}

reasons! {
    NoRtp = "no_rtp", "No RTP of the call passed the capture point, at first or at all.";
    OneWayCustomer = "one_way_customer", "The customer was not heard while the agent was.";
    OneWayAgent = "one_way_agent", "The agent was not heard while the customer was.";
    SilentCustomer = "silent_customer", "What the customer sent was digital silence to the end.";
    SilentAgent = "silent_agent", "What the agent sent was digital silence to the end.";
    EncryptedCustomer = "encrypted_customer", "What the customer sent was encrypted, and its key is not known.";
    EncryptedAgent = "encrypted_agent", "What the agent sent was encrypted, and its key is not known.";
    UndecodableCustomer = "undecodable_customer", "What the customer sent could not be decoded.";
    UndecodableAgent = "undecodable_agent", "What the agent sent could not be decoded.";
    CaptureLoss = "capture_loss", "The recorder's host or the recorder itself dropped packets.";
    NetworkLoss = "network_loss", "Packets were lost before they came to the recorder.";
    Storage = "storage", "The data could not be written to storage.";
    AudioLost = "audio_lost", "Sound is missing, and none of the reasons above explains it.";
    Timeout = "timeout", "No hang-up was seen, and nothing was heard any more.";
    Shutdown = "shutdown", "The recorder was stopped during the call.";
    Recovered = "recovered", "The recorder was killed during the call.";
    CaptureEnd = "capture_end", "The capture ended during the call.";
    NoSpace = "no_space", "Less than `storage.min_free` was left.";
    Limit = "limit", "`limits.recordings` was reached.";
    Overload = "overload", "The workers could not keep up.";
    Internal = "internal", "A fault in the recorder.";
    Service = "service", "Its service is not recorded, which was not known at first.";
    Direction = "direction", "Its service does not record calls of its direction.";
    OtherHop = "other_hop", "The same call is recorded nearer the agent.";
    Stray = "stray", "A fork that lost and was hung up within half a second: not a call.";
}

impl AssuranceReason {
    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<AssuranceReason> {
        AssuranceReason::ALL.iter().copied().find(|r| r.name() == name)
    }

    /// What an event that is a fault of a side's sound comes to.
    pub(super) fn of_fault(kind: FaultKind, channel: Option<Channel>) -> Option<AssuranceReason> {
        let of_side =
            channel.and_then(|c| AssuranceReason::from_name(&format!("{}_{}", kind.name(), c.name())));
        of_side.or_else(|| AssuranceReason::from_name(kind.name()))
    }

    /// Why sound that was sent is not there.
    pub(super) const fn is_of_sound(self) -> bool {
        matches!(
            self,
            AssuranceReason::EncryptedCustomer
                | AssuranceReason::EncryptedAgent
                | AssuranceReason::UndecodableCustomer
                | AssuranceReason::UndecodableAgent
                | AssuranceReason::CaptureLoss
                | AssuranceReason::NetworkLoss
                | AssuranceReason::Storage
                | AssuranceReason::AudioLost
        )
    }
}

impl Serialize for AssuranceReason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AssuranceReason {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        AssuranceReason::from_name(&name).ok_or_else(|| D::Error::custom("no reason of this release"))
    }
}

impl Assurance {
    /// Of a call that should have been recorded and was not.
    pub fn missing(reason: AssuranceReason) -> Assurance {
        Assurance { bucket: AssuranceBucket::Missing, reasons: vec![reason] }
    }

    /// Of a call that a rule leaves out.
    pub fn excluded(reason: AssuranceReason) -> Assurance {
        Assurance { bucket: AssuranceBucket::Excluded, reasons: vec![reason] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_one_word_that_is_read_again() {
        for reason in AssuranceReason::ALL {
            assert_eq!(AssuranceReason::from_name(reason.name()), Some(*reason));
            let json = serde_json::to_string(reason).expect("a word");
            assert_eq!(serde_json::from_str::<AssuranceReason>(&json).ok(), Some(*reason));
        }
        assert!(serde_json::from_str::<AssuranceReason>("\"of a later release\"").is_err());
        for bucket in AssuranceBucket::ALL {
            assert_eq!(serde_json::to_value(bucket).ok(), Some(bucket.name().into()));
        }
    }
}
