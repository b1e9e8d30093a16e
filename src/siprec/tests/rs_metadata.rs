//! Documents as vendors write them; all of them written here.

use super::*;

/// RFC 7865's own form.
const BY_THE_BOOK: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns='urn:ietf:params:xml:ns:recording:1'>
 <datamode>complete</datamode>
 <group group_id="g1"><associate-time>2026-11-23T08:15:23Z</associate-time></group>
 <session session_id="s1"><sipSessionID>00112233445566778899aabbccddeeff;remote=ffeeddccbbaa99887766554433221100</sipSessionID>
  <group-ref>g1</group-ref><start-time>2026-11-23T08:15:23Z</start-time></session>
 <participant participant_id="p1"><nameID aor="sip:+358401234567@trunk.example"><name xml:lang="fi">Maija &amp; co</name></nameID></participant>
 <participant participant_id="p2"><nameID aor="sip:2001@pbx.example"/></participant>
 <stream stream_id="m1" session_id="s1"><label>96</label></stream>
 <stream stream_id="m2" session_id="s1"><label>97</label></stream>
 <sessionrecordingassoc session_id="s1"><associate-time>2026-11-23T08:15:23Z</associate-time></sessionrecordingassoc>
 <participantsessionassoc participant_id="p1" session_id="s1"><associate-time>x</associate-time></participantsessionassoc>
 <participantsessionassoc participant_id="p2" session_id="s1"><associate-time>x</associate-time></participantsessionassoc>
 <participantstreamassoc participant_id="p1"><send>m1</send><recv>m2</recv></participantstreamassoc>
 <participantstreamassoc participant_id="p2"><send>m2</send><recv>m1</recv></participantstreamassoc>
</recording>"#;

fn read(xml: &str) -> Metadata {
    Metadata::parse(xml.as_bytes()).expect("metadata")
}

fn people(m: &Metadata) -> Vec<(&str, &str)> {
    m.participants.iter().map(|p| (&*p.id, p.aor.as_ref().map_or("", Pii::as_str))).collect()
}

#[test]
fn by_the_book() {
    let m = read(BY_THE_BOOK);
    assert_eq!(m.is_partial, Some(false));
    assert_eq!(people(&m), [("p1", "sip:+358401234567@trunk.example"), ("p2", "sip:2001@pbx.example")]);
    assert_eq!(m.participants[0].name.as_ref().map(Pii::as_str), Some("Maija & co"));
    let s = &m.sessions[0];
    assert_eq!((&*s.id, s.group.as_deref(), s.is_over, m.sessions.len()), ("s1", Some("g1"), false, 1));
    assert!(
        s.sip_session_id.as_deref().is_some_and(|id| id.starts_with("0011") && id.contains(";remote=ff"))
    );
    let streams: Vec<_> =
        m.streams.iter().map(|s| (&*s.id, s.label.as_deref(), s.session.as_deref())).collect();
    assert_eq!(streams, [("m1", Some("96"), Some("s1")), ("m2", Some("97"), Some("s1"))]);
    assert_eq!(m.senders.iter().map(|s| &*s.streams[0]).collect::<Vec<_>>(), ["m1", "m2"]);
    assert_eq!(m.memberships.len(), 2);
    assert!(m.extensions.is_empty(), "{:?}", m.extensions);
}

#[test]
fn by_the_drafts_with_prefixes_and_extension_data() {
    let m = read(
        r#"<rec:recording xmlns:rec="urn:ietf:params:xml:ns:recording" xmlns:apkt="http://vendor.example/ext">
  <rec:dataMode>complete</rec:dataMode>
  <rec:session id="S"><rec:associate-time>x</rec:associate-time>
    <rec:extensiondata><apkt:ucid>00FA</apkt:ucid><apkt:callDirection>inbound</apkt:callDirection></rec:extensiondata></rec:session>
  <rec:participant id="A" session="S"><rec:nameID aor="tel:+358401234567"/><rec:send>1</rec:send><rec:recv>2</rec:recv>
    <rec:extensiondata><apkt:callingParty>true</apkt:callingParty>
      <apkt:header label="Diversion"><apkt:value>&lt;sip:116117@x&gt;</apkt:value></apkt:header></rec:extensiondata></rec:participant>
  <rec:participant id="B" session="S"><rec:nameID><rec:aor>sip:2001@pbx</rec:aor></rec:nameID><rec:send>2</rec:send></rec:participant>
  <rec:stream id="1" session="S"><rec:mode>separate</rec:mode><rec:label>a</rec:label></rec:stream>
  <rec:stream id="2" session="S"><rec:label>b</rec:label></rec:stream>
</rec:recording>"#,
    );
    assert_eq!(people(&m), [("A", "tel:+358401234567"), ("B", "sip:2001@pbx")]);
    let memberships: Vec<_> = m.memberships.iter().map(|m| (&*m.participant, &*m.session)).collect();
    assert_eq!(memberships, [("A", "S"), ("B", "S")]);
    assert_eq!(
        m.senders.iter().map(|s| (&*s.participant, &*s.streams[0])).collect::<Vec<_>>(),
        [("A", "1"), ("B", "2")]
    );
    let told: Vec<_> = m.extensions.iter().map(|e| (e.about.clone(), &*e.name, e.value.as_str())).collect();
    let (of_session, of_a) = (Subject::Session("S".into()), Subject::Participant("A".into()));
    assert_eq!(
        told,
        [
            (of_session.clone(), "ucid", "00FA"),
            (of_session, "callDirection", "inbound"),
            (of_a.clone(), "callingParty", "true"),
            (of_a, "Diversion", "<sip:116117@x>"),
        ]
    );
}

#[test]
fn who_has_left_and_what_is_over() {
    let m = read(
        "<recording><dataMode>PARTIAL</dataMode>\
         <sessionrecordingassoc session_id='s1'><disassociate-time>x</disassociate-time></sessionrecordingassoc>\
         <session session_id='s2'><stop-time>x</stop-time></session>\
         <participantsessionassoc participant_id='p2' session_id='s1'><disassociate-time>x</disassociate-time>\
         </participantsessionassoc>\
         <participantstreamassoc participant_id='p2'><send>m2</send><disassociate-time>x</disassociate-time>\
         </participantstreamassoc></recording>",
    );
    assert_eq!(m.is_partial, Some(true));
    assert_eq!(
        m.sessions.iter().map(|s| (&*s.id, s.is_over)).collect::<Vec<_>>(),
        [("s1", true), ("s2", true)]
    );
    assert!(m.memberships[0].has_left && m.senders[0].has_ended);
}

#[test]
fn what_is_broken_is_read_as_far_as_it_goes() {
    for cut in 0..BY_THE_BOOK.len() {
        let m = Metadata::parse(&BY_THE_BOOK.as_bytes()[..cut]);
        assert!(m.is_ok_and(|m| m.participants.len() <= 2) || cut < 120, "{cut}");
    }
    let m = read(
        "<recording><participant participant_id='a'><nameID aor='sip:1@x'></participant></oops><b>&bad;&#120;",
    );
    assert_eq!(people(&m), [("a", "sip:1@x")]);
    for none in ["", "<", "<html/>", "v=0\r\n", "\u{0}\u{1}", "<?xml version='1.0'?>"] {
        assert_eq!(Metadata::parse(none.as_bytes()), Err(MetadataError::NoRecording), "{none}");
    }
}

#[test]
fn nothing_grows_without_bound() {
    let many: String =
        (0..1000).map(|i| format!("<participant participant_id='{i}'/><x{i}>v</x{i}>")).collect();
    let m = read(&format!("<recording>{many}</recording>"));
    assert_eq!((m.participants.len(), m.extensions.len(), m.is_cut), (MAX_ITEMS, MAX_EXTENSIONS, true));
    let deep = "<recording>".to_owned() + &"<a>".repeat(100_000);
    assert!(read(&deep).participants.is_empty());
    let long =
        read(&format!("<recording><session session_id='{0}'/><z>{0}</z></recording>", "ä".repeat(100_000)));
    assert!(
        long.sessions[0].id.chars().count() == MAX_TEXT
            && long.extensions[0].value.as_str().chars().count() == MAX_TEXT
    );
    // Entities that stand for one another are never resolved.
    let bomb = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><recording><z>&b;</z><y>1</y></recording>";
    assert_eq!(read(bomb).extensions.iter().map(|e| &*e.name).collect::<Vec<_>>(), ["y"]);
}
