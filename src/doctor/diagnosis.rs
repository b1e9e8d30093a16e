//! From what was measured to what is wrong, the worst first.

use super::call_finding::{self, CallFinding};
use super::doctor_facts::WireFacts;
use super::interface_finding::{self, InterfaceFinding};
use super::loss_finding::{self, LossFinding};
use super::rule_finding::{self, RuleFinding};
use super::severity::{FindingWords, Severity};
use super::store_finding::{self, StoreFinding};
use super::time_finding::{self, TimeFinding};
use super::wire_finding::{self, WireFinding};
use crate::config::Config;
use crate::telemetry::label::UnreadKind;

/// Something that is wrong, by where it is.
#[derive(Clone, Debug, PartialEq)]
pub enum DoctorFinding {
    /// The interface, or that nothing comes of it.
    Interface(InterfaceFinding),
    /// What comes.
    Wire(WireFinding),
    /// What is missing of it.
    Loss(LossFinding),
    /// Which calls would be recorded.
    Rule(RuleFinding),
    /// Their sound.
    Call(CallFinding),
    /// The place of the recordings.
    Store(StoreFinding),
    /// Times.
    Time(TimeFinding),
    /// A capture file.
    File(String),
}

impl DoctorFinding {
    /// What is wrong and what to do, in words.
    pub fn words(&self) -> FindingWords {
        match self {
            DoctorFinding::Interface(f) => f.words(),
            DoctorFinding::Wire(f) => f.words(),
            DoctorFinding::Loss(f) => f.words(),
            DoctorFinding::Rule(f) => f.words(),
            DoctorFinding::Call(f) => f.words(),
            DoctorFinding::Store(f) => f.words(),
            DoctorFinding::Time(f) => f.words(),
            DoctorFinding::File(said) => time_finding::of_file(said),
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.words().severity
    }
}

/// Everything that is wrong, the worst first, and of equals the cause before what may follow from it.
pub fn diagnose(facts: &WireFacts, config: &Config) -> Vec<DoctorFinding> {
    let mut all: Vec<DoctorFinding> = Vec::new();
    all.extend(interface_finding::find(facts, config).into_iter().map(DoctorFinding::Interface));
    all.extend(wire_finding::find(facts, config).into_iter().map(DoctorFinding::Wire));
    all.extend(loss_finding::find(facts).into_iter().map(DoctorFinding::Loss));
    all.extend(rule_finding::find(facts, config).into_iter().map(DoctorFinding::Rule));
    all.extend(call_finding::find(facts).into_iter().map(DoctorFinding::Call));
    all.extend(store_finding::find(facts, config).into_iter().map(DoctorFinding::Store));
    all.extend(time_finding::find(facts, config).into_iter().map(DoctorFinding::Time));
    all.extend(facts.file_remarks.iter().cloned().map(DoctorFinding::File));
    let explained: Vec<bool> = all.iter().map(|f| all.iter().any(|cause| explains(cause, f))).collect();
    let mut told: Vec<DoctorFinding> =
        all.into_iter().zip(explained).filter(|(_, is_explained)| !is_explained).map(|(f, _)| f).collect();
    told.sort_by_key(DoctorFinding::severity);
    told
}

/// Whether the second would be there for no other reason than the first.
fn explains(cause: &DoctorFinding, effect: &DoctorFinding) -> bool {
    let is_no_sip =
        matches!(effect, DoctorFinding::Wire(WireFinding::NoSip { .. } | WireFinding::RtpWithoutSip { .. }));
    let is_of_calls = matches!(
        effect,
        DoctorFinding::Rule(
            RuleFinding::NoCall { .. } | RuleFinding::BeganBefore { .. } | RuleFinding::AllLeftOut { .. }
        ) | DoctorFinding::Call(
            CallFinding::NoRtp { .. } | CallFinding::OneSide { .. } | CallFinding::TooShort { .. }
        ) | DoctorFinding::Wire(WireFinding::RtpOneWay { .. })
    );
    match cause {
        DoctorFinding::Interface(InterfaceFinding::Dropped { .. }) => matches!(
            effect,
            DoctorFinding::Loss(
                LossFinding::CaptureLoss { .. }
                    | LossFinding::FragmentsLost { .. }
                    | LossFinding::TcpLost { .. }
            )
        ),
        DoctorFinding::Interface(InterfaceFinding::FilterHides { .. }) => {
            is_no_sip
                || is_of_calls
                || matches!(effect, DoctorFinding::Interface(InterfaceFinding::NotMirrored { .. }))
        }
        DoctorFinding::Interface(InterfaceFinding::NotMirrored { .. }) => is_no_sip,
        DoctorFinding::Wire(WireFinding::SipOneWay { .. }) => is_of_calls,
        DoctorFinding::Wire(WireFinding::RtpOneWay { .. }) => {
            matches!(effect, DoctorFinding::Call(CallFinding::TooShort { .. } | CallFinding::OneSide { .. }))
        }
        DoctorFinding::Loss(LossFinding::FragmentsLost { whole: 0, .. }) => is_of_calls,
        // Whoever captured only the start of a packet has neither whole messages nor whole sound.
        DoctorFinding::Wire(WireFinding::Unread { kind: UnreadKind::Cut, severity, .. }) => {
            *severity == Severity::Broken && (is_no_sip || is_of_calls || is_fragments(effect))
        }
        _ => false,
    }
}

fn is_fragments(effect: &DoctorFinding) -> bool {
    matches!(effect, DoctorFinding::Loss(LossFinding::FragmentsLost { .. } | LossFinding::TcpLost { .. }))
}
