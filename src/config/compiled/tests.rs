//! Numbers, extensions, networks, terms: tables, and laws that hold for any number.

use super::*;
use proptest::prelude::*;

fn finland() -> NumberForm {
    NumberForm::new(&Numbers { country: "358".into(), national_prefix: "0".into(), ..Numbers::default() })
}

#[test]
fn one_number_in_every_form() {
    let form = finland();
    for other in
        ["00358401234567", "358401234567", "0401234567", "040 123-4567", "(040) 123.45/67", "+358 40 1234567"]
    {
        assert!(form.same("+358401234567", other), "{other}");
    }
    for other in ["401234567", "+46401234567", "+3584012345678", "alice", ""] {
        assert!(!form.same("+358401234567", other), "{other}");
    }
    assert!(form.same("116117", "116 117"));
    assert!(!form.same("116117", "+358116117"), "a short number has no national prefix");
    assert!(form.same("+358116117", "0116117"));
    assert!(form.same("0401234567;phone-context=+358", "0401234567"));
}

#[test]
fn without_a_country_national_forms_stay() {
    let form = NumberForm::default();
    assert!(form.same("+358401234567", "00358401234567"));
    assert!(!form.same("+358401234567", "0401234567"));
    assert_eq!(form.canonical("0"), Some("0".into()));
    assert_eq!(form.canonical("00"), Some("00".into()));
    assert_eq!(finland().canonical("0"), Some("0".into()), "the operator");
    for none in ["", "+", "alice", "20a1", "-", "*72", "٣٥٨"] {
        assert_eq!(form.canonical(none), None, "{none}");
    }
}

#[test]
fn extensions() {
    let form = finland();
    let table: &[(&str, &[&str], &[&str])] = &[
        ("2001", &["2001", "20 01"], &["2002", "02001", "20010", "alice"]),
        ("2000-2999", &["2000", "2500", "2999"], &["1999", "3000", "20000", "200", "2a00", "25000"]),
        ("31*", &["31", "310", "31999999"], &["3", "30", "031", "31a"]),
        ("alice", &["alice"], &["Alice", "alice2", "2001"]),
        ("agent-7", &["agent-7"], &["agent-8"]),
        ("*72", &["*72"], &["72"]),
        ("+358 9 310 1000", &["093101000", "+35893101000"], &["93101000"]),
        ("+358931010000-+358931010999", &["+358931010500", "0931010500"], &["+358931011000"]),
        ("040*", &["+358401234567", "0401234567"], &["0501234567", "040a"]),
        ("0*", &["0401234567"], &["+46401234567", "401234567"]),
    ];
    for (pattern, yes, no) in table {
        let rule = ExtensionRule::parse(pattern, &form).unwrap();
        for user in *yes {
            assert!(rule.matches(user, &form), "{pattern} {user}");
        }
        for user in *no {
            assert!(!rule.matches(user, &form), "{pattern} {user}");
        }
    }
}

#[test]
fn patterns_that_are_none() {
    let form = finland();
    let error = |pattern: &str| ExtensionRule::parse(pattern, &form).unwrap_err();
    assert_eq!(error("200-2999"), PatternError::Lengths);
    assert_eq!(error("2999-2000"), PatternError::Order);
    for pattern in
        ["", " ", "*", "2*1", "2000-", "2000-2100-2200", "al ice", "al*", "2000-29*", "sip:a@b", "é"]
    {
        assert_eq!(error(pattern), PatternError::Form, "{pattern}");
    }
    assert_eq!(error(&"1".repeat(65)), PatternError::Form);
}

#[test]
fn networks() {
    use crate::config::Networks;
    let nets = Networks::parse(["10.20.0.0/16", "2001:db8::/32", "192.0.2.7"]).unwrap();
    let has = |addr: &str| nets.contains(addr.parse().unwrap());
    assert!(has("10.20.255.1") && has("::ffff:10.20.0.1") && has("2001:db8::1") && has("192.0.2.7"));
    assert!(!has("10.21.0.1") && !has("192.0.2.8") && !has("::1"));
    assert_eq!(Networks::parse(["10.0.0.0/8", "10.0.0"]), Err("10.0.0"));
}

#[test]
fn what_is_left_of_a_number() {
    let cut = |number: &str, n| truncate_number(number, HideDigits::Last(n));
    assert_eq!(cut("+358401234567", 4).as_deref(), Some("+35840123xxxx"));
    assert_eq!(cut("+358 40 123 45 67", 4).as_deref(), Some("+358 40 123 xx xx"));
    assert_eq!(cut("040-1234567", 0).as_deref(), Some("040-1234567"));
    assert_eq!(cut("2001", 3).as_deref(), Some("2xxx"));
    assert_eq!(cut("2001", 4), None);
    assert_eq!(cut("112", 4), None);
    assert_eq!(cut("", 4), None);
    assert_eq!(cut("matti.virtanen.1975", 2), None, "a name would stand in clear");
    assert_eq!(cut("+358401234567;user=0401234567", 4).as_deref(), Some("+35840123xxxx"));
    assert_eq!(truncate_number("+358401234567", HideDigits::All), None);
    assert_eq!(cut("+358401234567", 255), None);
}

proptest! {
    #[test]
    fn every_written_form_is_the_same_number(national in "[1-9][0-9]{3,11}", at in 0usize..4, sep in "[ ./()-]{0,3}") {
        let form = finland();
        let spaced = format!("{}{sep}{}", &national[..at], &national[at..]);
        let forms = [format!("+358{spaced}"), format!("00358{spaced}"), format!("358{spaced}"), format!("0{spaced}")];
        for other in &forms {
            prop_assert_eq!(form.canonical(other), Some(format!("358{national}")));
        }
    }

    #[test]
    fn different_numbers_stay_different(a in "[1-9][0-9]{2,9}", b in "[1-9][0-9]{2,9}") {
        let form = finland();
        prop_assert_eq!(form.same(&format!("0{a}"), &format!("+358{b}")), a == b);
    }

    #[test]
    fn a_canonical_number_is_its_own(digits in "[1-9][0-9]{0,14}") {
        prop_assert_eq!(finland().canonical(&digits), Some(digits));
    }

    #[test]
    fn a_range_holds_its_length_only(first in 1000u32..5000, width in 0u32..4000, n in 0u32..100_000) {
        let form = NumberForm::default();
        let rule = ExtensionRule::parse(&format!("{first}-{}", first + width), &form).unwrap();
        prop_assert_eq!(rule.matches(&n.to_string(), &form), (first..=first + width).contains(&n));
    }

    #[test]
    fn truncation_hides_just_the_last_digits(number in "\\+?[0-9 ().-]{0,20}", hide in 1u8..20) {
        let digits = number.bytes().filter(u8::is_ascii_digit).count();
        match truncate_number(&number, HideDigits::Last(hide)) {
            None => prop_assert!(digits <= usize::from(hide)),
            Some(cut) => {
                prop_assert!(digits > usize::from(hide));
                prop_assert_eq!(cut.len(), number.len());
                prop_assert_eq!(cut.matches('x').count(), usize::from(hide));
                let last = cut.rfind(|c: char| c.is_ascii_digit()).unwrap();
                prop_assert!(cut.find('x').unwrap() > last);
                for (a, b) in cut.chars().zip(number.chars()) {
                    prop_assert!(a == b || (a == 'x' && b.is_ascii_digit()));
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", user in "\\PC{0,40}", hide in 0u8..20) {
        let form = finland();
        let _ = truncate_number(&text, HideDigits::Last(hide));
        if let Ok(rule) = ExtensionRule::parse(&text, &form) {
            let _ = rule.matches(&user, &form);
        }
    }
}
