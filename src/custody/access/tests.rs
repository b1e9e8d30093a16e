//! The matrix: five notices x roles x recordings x deeds, every cell written down.

use super::*;
use crate::config::check::Purpose;
use crate::config::load::{Layers, load};

const NOW: Timestamp = Timestamp::from_parts(1_795_421_723, 0);

fn day(n: i64) -> Timestamp {
    NOW.offset_ns(n * 86_400 * 1_000_000_000)
}

fn ever(what: &str) -> Assignment {
    Assignment { what: what.into(), from: None, until: None }
}

fn config(text: &str) -> Config {
    let layers = Layers { file: Some(("x.toml".into(), text.into())), ..Layers::default() };
    load(&layers, Purpose::Other).unwrap_or_else(|e| panic!("{e}")).config
}

fn notice(name: &str) -> Config {
    let path = format!("{}/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    config(&std::fs::read_to_string(path).unwrap())
}

/// Agent 2001 in team north, from the office's network.
fn person(role: &str) -> Person {
    Person {
        name: "kaisa".into(),
        roles: vec![role.into()],
        agents: vec![ever("2001")],
        teams: vec![ever("north")],
        office: Some("building control".into()),
        address: "10.20.0.5".parse().unwrap(),
    }
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    for (agent, team) in [("2001", "north"), ("2002", "north"), ("2003", "south")] {
        directory.add(&[ever(agent)], &[ever(team)]);
    }
    directory
}

fn facts<'a>(service: &'a str, agent: &'a str) -> Facts<'a> {
    Facts {
        service: Some(service),
        agent: Some(agent),
        answered_at: day(-10),
        until: Some(day(100)),
        held: false,
        restricted: false,
        missing: false,
    }
}

/// Own, team's, other's, another office's, own restricted, own past its term, and the
/// second half of an own call, which was passed on to another team.
fn recordings(service: &'static str) -> [(&'static str, Facts<'static>); 7] {
    [
        ("own", facts(service, "2001")),
        ("team's", facts(service, "2002")),
        ("other's", facts(service, "2003")),
        ("another office's", facts("general", "2003")),
        ("restricted", Facts { restricted: true, ..facts(service, "2001") }),
        ("past its term", Facts { until: Some(day(-1)), ..facts(service, "2001") }),
        ("transferred", facts(service, "2003")),
    ]
}

/// f find, h hear at once, r hear once a request is approved, e export at once, k hold, x erase.
fn cell(policy: &Policy, person: &Person, facts: &Facts<'_>) -> String {
    let may = |deed| policy.may(person, &directory(), deed, facts, NOW).is_ok();
    let hear = |approved| may(Deed::Hear { reason: None, approved });
    let act = |act| may(Deed::Do { act, approved: false });
    let cells = [
        ('f', may(Deed::Find)),
        ('h', hear(false)),
        ('r', !hear(false) && hear(true)),
        ('e', act(Act::Export)),
        ('k', act(Act::Hold)),
        ('x', act(Act::Erase)),
    ];
    cells.iter().filter(|(_, yes)| *yes).map(|(c, _)| *c).collect()
}

#[test]
fn the_matrix_of_the_five_notices() {
    let none = [""; 7];
    let own = ["fh", "", "", "", "f", "f", ""];
    let all = ["fh", "fh", "fh", "fh", "f", "f", "fh"];
    let on_request = ["fr", "fr", "fr", "fr", "f", "f", "fr"];
    let dpo = ["fekx", "fekx", "fekx", "fekx", "fkx", "fkx", "fekx"];
    let building = "building control";
    let table: &[(&str, &str, &'static str, [&str; 7])] = &[
        ("helsinki-fi", "agent", "general", none),
        ("helsinki-fi", "supervisor", "general", none),
        ("helsinki-fi", "office", "general", none),
        ("helsinki-fi", "maintenance", "general", on_request),
        ("helsinki-sv", "agent", building, none),
        ("helsinki-sv", "supervisor", building, all),
        ("helsinki-sv", "office", building, ["fh", "fh", "fh", "", "f", "f", "fh"]),
        ("helsinki-sv", "office-on-request", building, ["fr", "fr", "fr", "", "f", "f", "fr"]),
        ("helsinki-sv", "maintenance", building, none),
        ("espoo", "agent", "general", own),
        ("espoo", "supervisor", "general", ["fh", "fh", "", "", "f", "f", ""]),
        ("espoo", "office", "general", none),
        ("espoo", "maintenance", "general", none),
        ("public-works", "agent", "general", own),
        ("public-works", "supervisor", "general", ["fhk", "fhk", "fhk", "fhk", "fk", "fk", "fhk"]),
        ("public-works", "office", "general", none),
        ("public-works", "maintenance", "general", all),
        ("hsy", "agent", "general", own),
        ("hsy", "supervisor", "general", all),
        ("hsy", "main-user", "general", all),
        ("hsy", "office", "general", none),
        ("hsy", "maintenance", "general", all),
    ];
    let mut cells = 0;
    for notice_name in ["helsinki-fi", "helsinki-sv", "espoo", "public-works", "hsy"] {
        let policy = Policy::new(&notice(notice_name));
        let everywhere = [("approver", none), ("auditor", none), ("admin", none), ("dpo", dpo)];
        let everywhere = everywhere.map(|(role, want)| (notice_name, role, "general", want));
        for (_, role, service, want) in
            table.iter().copied().chain(everywhere).filter(|row| row.0 == notice_name)
        {
            for ((which, facts), want) in recordings(service).into_iter().zip(want) {
                let got = cell(&policy, &person(role), &facts);
                assert_eq!(got, want, "{notice_name}, {role}, {which}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, (22 + 20) * 7);
}

#[test]
fn nobody_from_elsewhere_and_nobody_without_a_role() {
    let policy = Policy::new(&notice("helsinki-sv"));
    let office = person("office");
    for address in ["10.21.0.5", "127.0.0.1", "::1", "2001:db8::1"] {
        let elsewhere = Person { address: address.parse().unwrap(), ..office.clone() };
        for (which, facts) in recordings("building control") {
            assert_eq!(cell(&policy, &elsewhere, &facts), "", "{address} {which}");
        }
        let nobody = Reach::Some { agents: BTreeSet::new(), services: BTreeSet::new() };
        assert_eq!(policy.reach(&elsewhere, &directory()), nobody);
    }
    // IPv4 in the clothes of IPv6 is where it is.
    let mapped = Person { address: "::ffff:10.20.0.5".parse().unwrap(), ..office.clone() };
    assert_eq!(cell(&policy, &mapped, &facts("building control", "2003")), "fh");
    for roles in [vec![], vec!["".into()], vec!["Office".into()], vec!["root".into()]] {
        let nobody = Person { roles, ..office.clone() };
        assert_eq!(cell(&policy, &nobody, &facts("building control", "2001")), "");
    }
    for office in [None, Some(String::new()), Some("Building control".into())] {
        let other = Person { office, ..person("office") };
        // A service of no office is not everybody's without one.
        for service in ["building control", "general"] {
            assert_eq!(cell(&policy, &other, &facts(service, "2001")), "");
        }
    }
}

#[test]
fn the_time_of_the_call_counts_not_today() {
    let policy = Policy::new(&notice("espoo"));
    let mut directory = Directory::default();
    // 2002 came to north on day -20 and left on day -5; the seat 2001 changed hands on day -10.
    let span = |what: &str, from, until| Assignment {
        what: what.into(),
        from: Some(day(from)),
        until: Some(day(until)),
    };
    directory.add(&[ever("2002")], &[span("north", -20, -5)]);
    let lead = Person { agents: vec![span("2001", -30, -10)], ..person("supervisor") };
    let sees = |person: &Person, agent, at| {
        let facts = Facts { answered_at: at, ..facts("general", agent) };
        policy.may(person, &directory, Deed::Find, &facts, NOW).is_ok()
    };
    for (at, want) in [(day(-21), false), (day(-20), true), (day(-5).offset_ns(-1), true), (day(-5), false)] {
        assert_eq!(sees(&lead, "2002", at), want);
    }
    for (at, want) in [(day(-31), false), (day(-30), true), (day(-10).offset_ns(-1), true), (day(-10), false)]
    {
        assert_eq!(sees(&lead, "2001", at), want, "own");
    }
    // He leads north since day -12 only.
    let later = Person { teams: vec![Assignment { from: Some(day(-12)), ..ever("north") }], ..lead };
    assert!(!sees(&later, "2002", day(-13)) && sees(&later, "2002", day(-12)));
    // The seat of another person of the same number, later: hers, not his.
    let next =
        Person { agents: vec![Assignment { from: Some(day(-10)), ..ever("2001") }], ..person("agent") };
    assert!(sees(&next, "2001", day(-10)) && !sees(&next, "2001", day(-11)));
    assert!(!sees(&next, "2002", day(-6)), "an agent is no supervisor");
}

#[test]
fn health_services() {
    let policy = Policy::new(&notice("helsinki-fi"));
    let facts = facts("116117", "2001");
    let may = |role, deed| policy.may(&person(role), &directory(), deed, &facts, NOW);
    for (reason, want) in [
        (ListenReason::Quality, Err(Denied::ReasonRefused)),
        (ListenReason::Training, Err(Denied::ReasonRefused)),
        (ListenReason::Verify, Ok(())),
        (ListenReason::Dsar, Ok(())),
    ] {
        assert_eq!(may("maintenance", Deed::Ask(reason)), want, "{reason:?}");
        assert_eq!(may("dpo", Deed::Ask(reason)), want, "for a copy");
        let heard = may("maintenance", Deed::Hear { reason: Some(reason), approved: true });
        assert_eq!(heard, want, "{reason:?}");
    }
    assert_eq!(may("approver", Deed::Ask(ListenReason::Verify)), Err(Denied::NotFound));
    let hear = |approved| may("maintenance", Deed::Hear { reason: None, approved });
    assert_eq!((hear(false), hear(true)), (Err(Denied::RequestMissing), Ok(())));
    let copy = |approved| may("dpo", Deed::Do { act: Act::Export, approved });
    assert_eq!((copy(false), copy(true)), (Err(Denied::RequestMissing), Ok(())));
    assert_eq!(may("dpo", Deed::Hear { reason: None, approved: true }), Err(Denied::NoRight));
    assert_eq!(may("maintenance", Deed::Do { act: Act::Export, approved: true }), Err(Denied::NoRight));
}

#[test]
fn defaults_of_a_special_category_and_of_what_nobody_knows() {
    let text = "[[service]]\nname = \"clinic\"\nnumbers = [\"1\"]\nspecial_category = true\n\
        [[service]]\nname = \"open clinic\"\nnumbers = [\"2\"]\nspecial_category = true\nlistening = \"standing\"\n\
        [[service]]\nname = \"sales\"\nnumbers = [\"3\"]\nreasons = [\"training\"]\n\
        [room.roles.agent]\nhear = \"own\"\n[room.roles.supervisor]\nfind = \"all\"\nact = [\"erase\", \"export\"]";
    let policy = Policy::new(&config(text));
    let hear = |service: Option<&str>, reason, approved| {
        let facts = Facts { service, ..facts("", "2001") };
        policy.may(&person("agent"), &directory(), Deed::Hear { reason, approved }, &facts, NOW)
    };
    use ListenReason::{Quality, Training, Verify};
    assert_eq!(hear(Some("general"), None, false), Ok(()));
    assert_eq!(hear(Some("clinic"), Some(Verify), false), Err(Denied::RequestMissing));
    assert_eq!(hear(Some("clinic"), Some(Quality), true), Err(Denied::ReasonRefused));
    assert_eq!(hear(Some("open clinic"), None, false), Err(Denied::ReasonMissing));
    assert_eq!(hear(Some("open clinic"), Some(Verify), false), Ok(()));
    assert_eq!(hear(Some("open clinic"), Some(Quality), false), Err(Denied::ReasonRefused));
    assert_eq!(hear(Some("sales"), None, false), Err(Denied::ReasonMissing));
    assert_eq!(hear(Some("sales"), Some(Training), false), Ok(()));
    assert_eq!(hear(Some("sales"), Some(Verify), false), Err(Denied::ReasonRefused));
    // Of a service that was taken out of the configuration the strictest is believed.
    for unknown in [Some("closed long ago"), None] {
        assert_eq!(hear(unknown, Some(Verify), false), Err(Denied::RequestMissing));
        assert_eq!(hear(unknown, Some(Quality), true), Err(Denied::ReasonRefused));
    }
    // What a role may do ends where its own recordings end.
    let both = Person { roles: vec!["agent".into(), "supervisor".into()], ..person("") };
    let held = Facts { held: true, ..facts("general", "2003") };
    let of_held = |deed| policy.may(&both, &directory(), deed, &held, NOW);
    assert_eq!(of_held(Deed::Do { act: Act::Erase, approved: false }), Err(Denied::Held));
    assert_eq!(of_held(Deed::Hear { reason: None, approved: true }), Err(Denied::NoRight));
    assert_eq!(of_held(Deed::Do { act: Act::Hold, approved: true }), Err(Denied::NoRight));
    assert_eq!(of_held(Deed::Download), Err(Denied::NoRight));
    let gone = Facts { missing: true, ..facts("general", "2001") };
    let deed = Deed::Do { act: Act::Export, approved: true };
    assert_eq!(policy.may(&both, &directory(), deed, &gone, NOW), Err(Denied::Missing));
}

#[test]
fn where_to_look_holds_all_that_may_be_found() {
    for name in ["helsinki-fi", "helsinki-sv", "espoo", "public-works", "hsy"] {
        let policy = Policy::new(&notice(name));
        for role in policy.role_names().map(String::from).collect::<Vec<_>>() {
            let person = person(&role);
            let reach = policy.reach(&person, &directory());
            for service in ["general", "building control", "116117", "unknown"] {
                for agent in ["2001", "2002", "2003", "2004"] {
                    let found =
                        policy.may(&person, &directory(), Deed::Find, &facts(service, agent), NOW).is_ok();
                    let reached = match &reach {
                        Reach::All => true,
                        Reach::Some { agents, services } => {
                            agents.contains(agent) || services.contains(service)
                        }
                    };
                    assert!(reached || !found, "{name} {role} {service} {agent}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_for_quality_is_not_for_training() {
    let text = "[[service]]\nname = \"clinic\"\nnumbers = [\"1\"]\nspecial_category = true\n\
        [[service]]\nname = \"desk\"\nnumbers = [\"2\"]\noffice = \"a\"\n\
        [[service]]\nname = \"strict\"\nnumbers = [\"3\"]\nreasons = [\"verify\"]\n\
        [room.roles.agent]\ntraining = \"office\"\n[room.roles.supervisor]\ntraining = \"all\"\n\
        [room.roles.lead]\nfind = \"all\"\nact = [\"training\"]\n";
    let policy = Policy::new(&config(text));
    let may = |role: &str, office: &str, service| {
        let person = Person { office: Some(office.into()), ..person(role) };
        policy.may_hear_training(&person, service).is_ok()
    };
    for (role, office, heard) in [
        ("supervisor", "", ["desk", "general"].as_slice()),
        ("agent", "a", &["desk"]),
        ("agent", "b", &[]),
        ("lead", "a", &[]),
    ] {
        for service in ["clinic", "desk", "strict", "general", "gone"] {
            assert_eq!(
                may(role, office, Some(service)),
                heard.contains(&service),
                "{role} of {office}: {service}"
            );
        }
        assert!(!may(role, office, None), "{role}");
    }
    let lead = person("lead");
    let makes = |facts: &Facts<'_>| {
        policy.may(&lead, &directory(), Deed::Do { act: Act::Training, approved: true }, facts, NOW)
    };
    assert_eq!(makes(&facts("desk", "2001")), Ok(()));
    for service in ["clinic", "strict", "gone"] {
        assert_eq!(makes(&facts(service, "2001")), Err(Denied::ReasonRefused), "{service}");
    }
    assert_eq!(makes(&Facts { restricted: true, ..facts("desk", "2001") }), Err(Denied::Restricted));
}
