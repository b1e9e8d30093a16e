//! Tests of the parent module: messages as the field sends them.

use super::*;

fn user(s: &str) -> Option<String> {
    Uri::parse(s.as_bytes()).user().map(Cow::into_owned)
}

fn host(s: &str) -> (&str, Option<u16>) {
    let u = Uri::parse(s.as_bytes());
    (std::str::from_utf8(u.host()).unwrap(), u.port())
}

#[test]
fn users() {
    assert_eq!(user("sip:2001@pbx").as_deref(), Some("2001"));
    assert_eq!(user("sip:alice:secret@pbx").as_deref(), Some("alice"));
    assert_eq!(user("sip:pbx"), None);
    assert_eq!(user("SIPS:%61l%69ce%C3%A4@h").as_deref(), Some("aliceä"));
    assert_eq!(user("sip:%E4@h").as_deref(), Some("\u{fffd}"));
    assert_eq!(user("sip:sip%3Auser%40example.com@company.com").as_deref(), Some("sip:user@example.com"));
    assert_eq!(user("sip:null-%00-null@h").as_deref(), Some("null-\0-null"));
    assert_eq!(user("sip:+358401234567@ims.fi@proxy").as_deref(), Some("+358401234567@ims.fi"));
    assert_eq!(user("alan@jasomi.com").as_deref(), Some("alan"));
    assert_eq!(user("urn:service:sos"), None);
}

#[test]
fn number_parameters_are_not_the_user() {
    let u = Uri::parse(b"sip:+358401234567;phone-context=+358;npdi@gw;user=phone");
    assert_eq!(u.user().as_deref(), Some("+358401234567"));
    assert_eq!(u.param("phone-context"), Some(b"+358".as_slice()));
    assert_eq!(u.param("NPDI"), Some(b"".as_slice()));
    assert_eq!(u.param("user"), Some(b"phone".as_slice()));
    assert_eq!(user("sip:user;phone-context=+358@host;user=phone").as_deref(), Some("user"));
    assert_eq!(user("sip:116117;rn=+3584@h").as_deref(), Some("116117"));
}

#[test]
fn semicolon_of_a_name_stays() {
    assert_eq!(user("sip:user;par=u%40example.net@example.com").as_deref(), Some("user;par=u@example.net"));
    let odd = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com";
    assert_eq!(user(odd).as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(host(odd), ("example.com", None));
}

#[test]
fn telephone_uris() {
    let u = Uri::parse(b"tel:+358-9-310;phone-context=hel.fi");
    assert_eq!((u.scheme(), u.user().as_deref()), (Scheme::Tel, Some("+358-9-310")));
    assert_eq!(u.param("phone-context"), Some(b"hel.fi".as_slice()));
    assert_eq!(u.host(), b"");
    assert_eq!(user("tel:116117").as_deref(), Some("116117"));
}

#[test]
fn hosts_and_ports() {
    assert_eq!(host("sip:a@[2001:db8::10]:5070;x"), ("2001:db8::10", Some(5070)));
    assert_eq!(host("sip:[2001:db8::10:5070]"), ("2001:db8::10:5070", None));
    assert_eq!(host("sip:2001:db8::10"), ("2001:db8::10", None));
    assert_eq!(host("sip:user@h:5060"), ("h", Some(5060)));
    assert_eq!(host("sip:user@h:99999"), ("h", None));
    assert_eq!(host("sip:user@h; lr"), ("h", None));
    assert_eq!(host("< sip:t.watson@example.org >"), ("example.org", None));
    assert_eq!(host("sip:user@[::1"), ("::1", None));
    assert_eq!(host("sip:"), ("", None));
    assert_eq!(host(""), ("", None));
}

#[test]
fn embedded_headers() {
    let u = Uri::parse(b"<sip:bob@h;x=1?Replaces=a%40b%3Bto-tag%3D1&Subject=hi>");
    assert_eq!(u.embedded_header("replaces").unwrap().as_ref(), b"a@b;to-tag=1");
    assert_eq!(u.embedded_header("Subject").unwrap().as_ref(), b"hi");
    assert_eq!(u.param("x"), Some(b"1".as_slice()));
    // Unescaped `@`, as some phones send it.
    let u = Uri::parse(b"sip:bob@h?Replaces=a@b;to-tag=1");
    assert_eq!((u.host(), u.user().as_deref()), (b"h".as_slice(), Some("bob")));
    assert_eq!(u.embedded_header("Replaces").unwrap().as_ref(), b"a@b;to-tag=1");
}
