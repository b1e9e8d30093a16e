//! Who was which agent and in which team, from when to when.

use crate::store::calendar::local_date;
use crate::time::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An agent that a person was, or a team, from one instant to before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Id of the agent, or name of the team.
    pub what: String,
    /// First instant; `None`: since ever.
    pub from: Option<Timestamp>,
    /// First instant behind it; `None`: until further notice.
    pub until: Option<Timestamp>,
}

impl Assignment {
    /// Whether it held at `at`.
    pub fn at(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// For a person: the first day and the first no more, on the calendar of `zone`.
    pub fn text(&self, zone: &TimeZone) -> String {
        let day = |at: Option<Timestamp>| at.map_or(String::new(), |at| local_date(at, zone).to_string());
        match (self.from, self.until) {
            (None, None) => self.what.clone(),
            (from, until) => format!("{} ({}..{})", self.what, day(from), day(until)),
        }
    }

    /// For a program and for the log.
    pub fn to_json(&self) -> Value {
        let time = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        json!({ "id": self.what, "from": time(self.from), "until": time(self.until) })
    }

    /// [`Assignment::to_json`] of each.
    pub fn all_to_json(list: &[Assignment]) -> Vec<Value> {
        list.iter().map(Assignment::to_json).collect()
    }
}

/// Which agent was in which team, and when: from the accounts of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    teams: BTreeMap<String, Vec<Assignment>>,
}

impl Directory {
    /// Adds one account: while it was an agent and in a team, the agent was in the team.
    pub fn add(&mut self, agents: &[Assignment], teams: &[Assignment]) {
        for team in teams {
            let members = self.teams.entry(team.what.clone()).or_default();
            members.extend(agents.iter().map(|agent| Assignment {
                what: agent.what.clone(),
                from: agent.from.max(team.from),
                until: match (agent.until, team.until) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                },
            }));
        }
    }

    pub(super) fn was_in(&self, team: &str, agent: &str, at: Timestamp) -> bool {
        self.members(team).iter().any(|member| member.what == agent && member.at(at))
    }

    pub(super) fn members(&self, team: &str) -> &[Assignment] {
        self.teams.get(team).map_or(&[], Vec::as_slice)
    }
}
