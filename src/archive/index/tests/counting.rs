//! What statistics are counted from is what a search and a tombstone tell.

use super::*;

#[test]
fn what_is_counted_is_what_is_found() {
    let (_store, index) = Store::with(2_000);
    let of = |r: &Row| {
        (
            r.service.clone(),
            r.direction,
            r.answered_at,
            r.duration_us,
            r.complete,
            r.one_way,
            r.marks,
            r.quality,
        )
    };
    for search in [
        Search::default(),
        Search { since: Some(at(100)), until: Some(at(700_000)), ..Search::default() },
        Search { service: Some("116117".into()), until: Some(at(500_000)), ..Search::default() },
        Search { since: Some(at(5_000_000)), ..Search::default() },
    ] {
        let mut counted = Vec::new();
        index.each_counted(&search, |row| counted.push(of(row))).unwrap();
        assert_eq!(counted, index.find(&search).unwrap().iter().map(of).collect::<Vec<_>>(), "{search:?}");
    }
    let qualities: Vec<_> = index.find(&Search::default()).unwrap().iter().map(|r| r.quality).collect();
    assert!(qualities.iter().any(|q| q.mos_hundredths.is_some() && q.lost_per_10k > Some(0)));
    let empty = Store::new();
    ready(&empty.root, &empty.state)
        .each_counted(&Search::default(), |_| panic!("nothing is there"))
        .unwrap();
}

#[test]
fn a_tombstone_tells_when_its_call_was_answered() {
    let (_store, mut index) = Store::with(1_100);
    let ids: Vec<Uuid> = all(&index).into_keys().collect();
    let buried: Vec<Tombstone> = ids.iter().map(|id| bury(&mut index, *id)).collect();
    let mut deleted = Vec::new();
    index.each_deleted(|call| deleted.push(call.clone())).unwrap();
    assert_eq!(deleted.len(), buried.len(), "page by page");
    for (call, t) in deleted.iter().zip(&buried) {
        let ms = |at: Timestamp| at.as_ms();
        let answered = crate::id::time_of(t.id).unwrap();
        assert_eq!((ms(call.answered_at), &call.service), (ms(answered), &t.service));
        assert_eq!((call.deleted_at, call.until, call.reason), (t.deleted_at, t.until, t.reason));
    }
}
