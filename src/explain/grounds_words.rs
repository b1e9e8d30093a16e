//! On what grounds something was decided, in words.

use crate::call::AgentGrounds;
use crate::call::pairing::Rank;
use crate::call::trace::{FlowTrace, FlowVerdict, Tie};
use crate::sdp::Side;

/// Why a party counts as an agent, or as none.
pub(super) fn agent_grounds(grounds: AgentGrounds) -> &'static str {
    match grounds {
        AgentGrounds::Header => "an agent, named by the header of agents.header",
        AgentGrounds::AssertedNumber => {
            "an agent: an asserted identity (P-Asserted-Identity, Remote-Party-ID) matches agents.extensions"
        }
        AgentGrounds::Number => "an agent: its number matches agents.extensions",
        AgentGrounds::NumberOnly => {
            "an agent by number, but somebody else is asserted (P-Asserted-Identity, Remote-Party-ID): the other end decides"
        }
        AgentGrounds::Network => "an agent: its SIP comes from, or goes to, agents.networks",
        AgentGrounds::NetworkOnly => {
            "in agents.networks, but somebody else is asserted (P-Asserted-Identity, Remote-Party-ID): the other end decides"
        }
        AgentGrounds::OutsideNetworks => {
            "no agent: outside agents.networks, where alone numbers and headers count (agents.match = \"within\")"
        }
        AgentGrounds::NoMatch => "no agent: no rule of [agents] matches",
        AgentGrounds::CalledWithoutRules => "the agent: [agents] has no rule, so it is whoever is called",
        AgentGrounds::CallerWithoutRules => {
            "no agent: [agents] has no rule, so the agent is whoever is called"
        }
    }
}

/// What ties two calls.
pub(super) fn tie(tie: Tie) -> &'static str {
    match tie {
        Tie::Header => "the same value of a header of sip.correlation_headers",
        Tie::Transfer => "Replaces or REFER",
        Tie::Likeness => "the same parties and times, SDP or media; nothing in the signalling says so",
    }
}

/// A flow of media: from where to where, whose, and how that is known.
pub(super) fn flow(seen: &FlowTrace) -> String {
    let (flow, ssrc) = (&seen.flow, seen.ssrc);
    let packets = format!("RTP {} > {}, SSRC 0x{ssrc:08x}", flow.src, flow.dst);
    match seen.verdict {
        FlowVerdict::Owned { speaker, ranks } => {
            let who = if speaker == Side::Caller { "caller" } else { "called party" };
            format!("{packets}: the {who} speaks; {}", known_by(ranks))
        }
        FlowVerdict::Doubt => {
            format!("{packets}: it may be this call's or another's, so neither gets it")
        }
        FlowVerdict::Nobody => {
            format!(
                "{packets}: between hosts of both parties, but no SDP names either address, so nobody gets it"
            )
        }
    }
}

/// How the ends of a flow are known, destination and source.
fn known_by(ranks: [Rank; 2]) -> String {
    match ranks {
        [Rank::Claimed, Rank::Claimed] => "the SDP names both addresses".into(),
        [Rank::Other, Rank::Other] => {
            "no SDP names the addresses, but both parties are behind NATs at these hosts, \
                                       and nobody else is"
                .into()
        }
        [dst, src] => {
            let ends = [("destination", dst), ("source", src)];
            let known = ends.iter().map(|(end, rank)| format!("its {end} {}", rank_words(*rank)));
            known.collect::<Vec<_>>().join(", ")
        }
    }
}

fn rank_words(rank: Rank) -> &'static str {
    match rank {
        Rank::Claimed => "is in the SDP",
        Rank::Nat => "is where a NAT shows the party",
        Rank::Candidate => "is an ICE candidate",
        Rank::Image => "is the public host of a private address in the SDP",
        Rank::Heard => "was heard before",
        Rank::Other => "is named nowhere",
    }
}
