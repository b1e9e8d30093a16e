//! Accounts in a folder of their own, with a clock that the test moves.

use super::*;
use crate::config::ListenReason;
use uuid::Uuid;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn at(s: i64) -> Timestamp {
    Timestamp::from_parts(1_795_421_723 + s, 0)
}

fn open() -> (tempfile::TempDir, Accounts) {
    let dir = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(dir.path(), Duration::from_secs(900), Duration::from_secs(36_000)).unwrap();
    for name in ["kaisa", "matti"] {
        let new = NewAccount {
            name: name.into(),
            roles: vec!["agent".into()],
            agents: vec!["2001".into()],
            teams: vec!["north".into()],
            from: Some(at(-1_000)),
            until: Some(at(1_000)),
            ..NewAccount::default()
        };
        accounts.add(&new, Some("correct horse"), at(0)).unwrap();
    }
    (dir, accounts)
}

/// As the room does it, without the work of hashing.
fn sign_in(
    a: &Accounts,
    name: &str,
    right: bool,
    address: IpAddr,
    now: Timestamp,
) -> Result<String, SignInRefused> {
    let attempt = a.attempt(name, address, now).unwrap();
    a.judge(&attempt, right, None, now).unwrap()
}

#[test]
fn what_is_added_is_there_and_names_and_passwords_must_do() {
    let (dir, a) = open();
    let kaisa = a.get("KAISA").unwrap().unwrap();
    assert_eq!(kaisa.name, "kaisa");
    assert_eq!((kaisa.agents[0].what.as_str(), kaisa.teams[0].what.as_str()), ("2001", "north"));
    assert_eq!((kaisa.agents[0].from, kaisa.agents[0].until), (Some(at(-1_000)), Some(at(1_000))));
    let new = |name: &str| NewAccount { name: name.into(), ..NewAccount::default() };
    assert!(matches!(a.add(&new("Kaisa"), Some("correct horse"), at(1)), Err(AccountError::Exists(_))));
    for name in ["", "a b", "<b>", "../x", "ä", "a\n", &"x".repeat(65)] {
        assert!(
            matches!(a.add(&new(name), Some("correct horse"), at(1)), Err(AccountError::Unfit(_))),
            "{name}"
        );
    }
    for password in ["", "1234567", &"x".repeat(1025)] {
        assert!(matches!(a.add(&new("paavo"), Some(password), at(1)), Err(AccountError::Unfit(_))));
    }
    assert!(matches!(
        a.add(&new("paavo.virtanen"), Some("Paavo.Virtanen"), at(1)),
        Err(AccountError::Unfit(_))
    ));
    // Open twice at once, as the commands beside the room; nobody else reads it.
    let again = Accounts::open(dir.path(), Duration::ZERO, Duration::ZERO).unwrap();
    assert_eq!(again.people().unwrap().len(), 2);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&dir.path().join(FILE).metadata().unwrap().permissions());
    assert_eq!(mode & 0o007, 0);
    assert!(again.get("kaisa").unwrap().is_some());
}

#[test]
fn five_wrong_ones_lock_an_account_for_a_while() {
    let (_dir, a) = open();
    for _ in 0..4 {
        assert_eq!(sign_in(&a, "kaisa", false, HERE, at(0)), Err(SignInRefused::Password));
    }
    assert_eq!(sign_in(&a, "Kaisa", true, HERE, at(1)), Ok("kaisa".into()), "a right one starts anew");
    for _ in 0..5 {
        assert_eq!(sign_in(&a, "kaisa", false, HERE, at(2)), Err(SignInRefused::Password));
    }
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(3)), Err(SignInRefused::Locked));
    assert_eq!(sign_in(&a, "matti", true, HERE, at(3)), Ok("matti".into()), "nobody else");
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(2 + 899)), Err(SignInRefused::Locked));
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(2 + 901)), Ok("kaisa".into()));
    // Tries at once: each is counted before any is judged.
    let tries: Vec<_> = (0..8).map(|_| a.attempt("matti", HERE, at(3_000)).unwrap()).collect();
    let let_in = tries.iter().filter(|t| a.judge(t, true, None, at(3_000)).unwrap().is_ok()).count();
    assert!(let_in <= 5, "{let_in}");
}

#[test]
fn an_address_that_tries_everything_is_locked_whatever_it_tries() {
    let (_dir, a) = open();
    let bad: IpAddr = "2001:db8::1".parse().unwrap();
    let neighbour: IpAddr = "2001:db8::2:3:4".parse().unwrap();
    for n in 0..30 {
        assert_eq!(sign_in(&a, &format!("guess{n}"), false, bad, at(n)), Err(SignInRefused::Unknown));
    }
    assert_eq!(sign_in(&a, "kaisa", true, neighbour, at(31)), Err(SignInRefused::Address(true)));
    assert_eq!(sign_in(&a, "kaisa", true, bad, at(32)), Err(SignInRefused::Address(false)), "told once");
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(32)), Ok("kaisa".into()), "others come in");
    assert_eq!(sign_in(&a, "kaisa", true, bad, at(1_000)), Ok("kaisa".into()));
}

#[test]
fn sessions_end() {
    let (_dir, a) = open();
    let begin = |now| {
        let secret = hex::encode(password::random::<32>());
        a.begin_session("kaisa", &secret, HERE, now).unwrap();
        secret
    };
    let holds = |secret: &str, now| a.session(secret, now).unwrap().is_some();
    let first = begin(at(0));
    assert!(first.len() == 64 && first != begin(at(0)));
    assert!(holds(&first, at(899)) && holds(&first, at(1_700)));
    assert!(!holds(&first, at(2_601)), "idle");
    assert!(!holds(&first, at(1_701)), "and does not come back");
    let long = begin(at(0));
    assert!((0..45).all(|n| holds(&long, at(n * 800))));
    assert!(!holds(&long, at(36_001)), "however it is used");
    let (one, other) = (begin(at(0)), begin(at(0)));
    a.end_session(&one).unwrap();
    assert!(!holds(&one, at(1)) && holds(&other, at(1)));
    a.disable("kaisa", at(2)).unwrap();
    assert!(!holds(&other, at(2)), "disabled");
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(3)), Err(SignInRefused::Disabled));
    a.reset("kaisa", "another horse").unwrap();
    assert_eq!(sign_in(&a, "kaisa", true, HERE, at(3)), Ok("kaisa".into()));
    for wrong in ["", "x", &"0".repeat(64), "' OR 1 --"] {
        assert!(!holds(wrong, at(1)));
    }
    let many: Vec<String> = (0..25).map(|n| begin(at(10 + n))).collect();
    assert!(!holds(&many[0], at(40)) && holds(&many[24], at(40)), "the oldest goes");
    assert!(matches!(a.disable("nobody", at(0)), Err(AccountError::Unknown(_))));
    assert!(matches!(a.reset("nobody", "correct horse"), Err(AccountError::Unknown(_))));
}

#[test]
fn tokens_have_an_end() {
    let (_dir, a) = open();
    let acts = ["read".to_string()];
    let (id, secret) = a.add_token("kaisa", "report", &acts, at(100), at(0)).unwrap().unwrap();
    let held = a.bearer(&secret, at(99)).unwrap().unwrap();
    assert_eq!((held.account.name.as_str(), held.acts), ("kaisa", Some(acts.to_vec())));
    assert!(a.bearer(&secret, at(100)).unwrap().is_none());
    assert!(a.session(&secret, at(1)).unwrap().is_none(), "a token is no session");
    assert!(!a.end_token("matti", &id).unwrap() && a.end_token("kaisa", &id).unwrap());
    assert!(a.bearer(&secret, at(1)).unwrap().is_none());
    for _ in 0..20 {
        a.add_token("kaisa", "x", &acts, at(100), at(0)).unwrap().unwrap();
    }
    assert!(a.add_token("kaisa", "x", &acts, at(100), at(0)).unwrap().is_none());
    assert!(a.add_token("kaisa", "x", &acts, at(200), at(100)).unwrap().is_some(), "old ones go");
}

#[test]
fn a_one_time_code_holds_once() {
    let (_dir, a) = open();
    let secret = a.totp_begin("kaisa").unwrap();
    assert!(!a.totp_confirm("kaisa", "000000", at(0)).unwrap() || secret.is_empty());
    assert!(!a.get("kaisa").unwrap().unwrap().totp, "not before a code of it came");
    let code = |now: Timestamp| {
        let fits =
            |code: &String| password::totp_step(&secret, code, now.as_ns() / 1_000_000_000, 0).is_some();
        (0..1_000_000).map(|n| format!("{n:06}")).find(fits).unwrap()
    };
    assert!(a.totp_confirm("kaisa", &code(at(0)), at(0)).unwrap());
    let try_it = |code: Option<&str>, now| {
        let attempt = a.attempt("kaisa", HERE, now).unwrap();
        a.judge(&attempt, true, code, now).unwrap()
    };
    let later = at(300);
    let right = code(later);
    assert_eq!(try_it(None, later), Err(SignInRefused::Code));
    assert_eq!(try_it(Some(&right), later), Ok("kaisa".into()));
    assert_eq!(try_it(Some(&right), later), Err(SignInRefused::Code), "seen over a shoulder");
    a.reset("kaisa", "another horse").unwrap();
    assert_eq!(try_it(None, later), Ok("kaisa".into()));
}

#[test]
fn four_eyes() {
    let (_dir, a) = open();
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let ask = Ask { asker: "kaisa", recordings: &[one], reason: ListenReason::Verify, case: "17/2026" };
    let n = a.ask(&ask, at(0)).unwrap().unwrap();
    assert_eq!(a.granted("kaisa", one, at(0)).unwrap(), None);
    assert!(!a.decide(n, "kaisa", Ok(at(100)), at(1)).unwrap(), "not by who asks");
    assert!(!a.decide(n, "KAISA", Ok(at(100)), at(1)).unwrap(), "however he spells himself");
    assert!(a.decide(n, "matti", Ok(at(100)), at(1)).unwrap());
    assert!(!a.decide(n, "matti", Err("no"), at(2)).unwrap(), "once");
    assert_eq!(a.granted("kaisa", one, at(99)).unwrap(), Some(n));
    for (who, what, when) in [("matti", one, 50), ("kaisa", two, 50), ("kaisa", one, 100)] {
        assert_eq!(a.granted(who, what, at(when)).unwrap(), None, "{who} {what} {when}");
    }
    let refused = a.ask(&ask, at(0)).unwrap().unwrap();
    assert!(a.decide(refused, "matti", Err("no ground"), at(1)).unwrap());
    let listed = a.requests(None, i64::MAX, 10).unwrap();
    assert_eq!(listed.iter().map(|r| r.state.name()).collect::<Vec<_>>(), ["refused", "approved"]);
    assert_eq!(a.requests(Some("matti"), i64::MAX, 10).unwrap(), []);
    assert_eq!(a.requests(Some("kaisa"), refused, 10).unwrap().len(), 1);
}

#[test]
fn the_undertaking_is_kept_with_its_text() {
    let (_dir, a) = open();
    let text =
        |version: &str| Undertaking { version: version.into(), text: format!("I keep silent ({version})") };
    assert!(!a.has_accepted("kaisa", "1").unwrap());
    a.accept("kaisa", &text("1"), at(0)).unwrap();
    a.accept("kaisa", &text("1"), at(5)).unwrap();
    assert!(a.has_accepted("kaisa", "1").unwrap() && !a.has_accepted("kaisa", "2").unwrap());
    assert!(!a.has_accepted("matti", "1").unwrap());
    assert_eq!(a.get("kaisa").unwrap().unwrap().accepted, Some(("1".into(), at(0))));
}

#[test]
fn who_moves_on_leaves_what_was_as_it_was() {
    let (_dir, a) = open();
    let held = |a: &Accounts| {
        let kaisa = a.get("kaisa").unwrap().unwrap();
        let one = |h: &Assignment| (h.what.clone(), h.from, h.until);
        kaisa.teams.iter().map(one).collect::<Vec<_>>()
    };
    let end = Changes { teams: vec!["north".into()], until: Some(at(500)), ..Changes::default() };
    assert_eq!(a.change("kaisa", &end).unwrap(), [""; 0]);
    let begin = Changes { teams: vec!["south".into()], from: Some(at(500)), ..Changes::default() };
    a.change("kaisa", &begin).unwrap();
    let want =
        [("north".to_string(), Some(at(-1_000)), Some(at(500))), ("south".to_string(), Some(at(500)), None)];
    assert_eq!(held(&a), want);
    let wrong =
        Changes { teams: vec!["south".into(), "west".into()], until: Some(at(900)), ..Changes::default() };
    assert_eq!(a.change("kaisa", &wrong).unwrap(), ["west"]);
    assert_eq!(held(&a), want, "all of it or nothing");
    let roles = Changes { roles: Some(vec!["admin".into()]), office: Some("o".into()), ..Changes::default() };
    a.change("kaisa", &roles).unwrap();
    let kaisa = a.get("kaisa").unwrap().unwrap();
    assert_eq!((kaisa.roles, kaisa.office), (vec!["admin".to_string()], Some("o".into())));
}
