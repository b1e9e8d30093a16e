//! Training copies: who may make, hear and remove them, and that nobody else learns of any.

use crate::kit::{Client, Lab, Tape, day};
use serde_json::{Value, json};
use uuid::Uuid;

const TEXT: &str = r#"
[[service]]
name = "desk"
numbers = ["2"]
office = "south"
[[service]]
name = "clinic"
numbers = ["1"]
special_category = true
[[service]]
name = "strict"
numbers = ["3"]
reasons = ["verify"]
[room.roles.trainer]
find = "all"
act = ["training", "hold", "restrict", "erase"]
[room.roles.learner]
training = "all"
[room.roles.office]
training = "office"
[room.roles.both]
find = "own"
act = ["training"]
training = "all"
[room.roles.supervisor]
hear = "all"
"#;

fn lab() -> Lab {
    let lab = Lab::new(TEXT);
    for role in ["trainer", "learner", "both", "supervisor", "dpo", "admin", "auditor", "maintenance"] {
        lab.user(role, &["--role", role, "--agent", "2001"]);
    }
    lab.user("south", &["--role", "office", "--office", "south"]);
    lab.user("north", &["--role", "office", "--office", "north"]);
    lab
}

fn make(client: &Client, id: Uuid, more: Value) -> (u16, Value) {
    let mut body = json!({ "title": "A caller <b>in a hurry</b>" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = client.post(&format!("/api/v1/recordings/{id}/training"), &body);
    (reply.status, reply.json())
}

fn listed(client: &Client) -> Vec<Value> {
    let reply = client.get("/api/v1/training");
    assert_eq!(reply.status, 200);
    reply.json()["items"].as_array().unwrap().clone()
}

fn remove(client: &Client, id: &str) -> u16 {
    client.call("DELETE", &format!("/api/v1/training/{id}"), None, &[("X-Nauhuri", "1")]).status
}

#[test]
fn who_may_make_hear_and_remove() {
    let mut lab = lab();
    let id = lab.record(&Tape::new("desk", "2001"));
    let other = lab.record(&Tape::new("desk", "2002"));
    lab.open();
    let trainer = lab.client("trainer");
    let (status, copy) = make(&trainer, id, json!({ "agent": "dropped", "beep": ["0.25-0.5"] }));
    assert_eq!((status, &copy["may"]), (201, &json!(["remove"])), "{copy}");
    let copy_id = copy["id"].as_str().unwrap().to_owned();
    let audio = format!("/api/v1/training/{copy_id}/audio");
    let nobody = Uuid::now_v7();
    // Found, heard, removed.
    for (name, found, heard, removes) in [
        ("trainer", true, 403, 204),
        ("learner", true, 200, 403),
        ("south", true, 200, 403),
        ("north", false, 404, 404),
        ("both", true, 200, 204),
        ("supervisor", false, 404, 404),
        ("dpo", false, 404, 404),
        ("admin", false, 404, 404),
        ("auditor", false, 404, 404),
        ("maintenance", false, 404, 404),
    ] {
        let client = lab.client(name);
        assert_eq!(listed(&client).len(), usize::from(found), "{name}");
        assert_eq!(client.get(&audio).status, heard, "{name}");
        let part = client.call("GET", &audio, None, &[("Range", "bytes=100-199")]);
        assert_eq!(part.status, if heard == 200 { 206 } else { heard }, "{name}");
        let page = client.get("/training").text();
        assert_eq!(page.contains("&lt;b&gt;in a hurry"), found, "{name}");
        assert!(!page.contains("<b>in a"), "{name}");
        assert_eq!(
            client.get("/recordings").text().contains("href=\"/training\""),
            found || name == "north",
            "{name}"
        );
        if !found {
            let none = client.get(&format!("/api/v1/training/{nobody}/audio"));
            assert_eq!(client.get(&audio).shape(), none.shape(), "{name}: whether it is there is not told");
        }
        if removes != 204 {
            assert_eq!(remove(&client, &copy_id), removes, "{name}");
        }
        let is_maker = ["trainer", "both"].contains(&name);
        for recording in [id, other, nobody] {
            let (status, _) = make(&client, recording, json!({ "start": 900.0 }));
            let hidden = recording == nobody
                || name != "trainer" && name != "supervisor" && !(is_maker && recording == id);
            let want = if hidden {
                404
            } else if is_maker {
                400
            } else {
                403
            };
            assert_eq!(status, want, "{name} makes one");
        }
    }
    // A learner learns nothing of where it came from.
    let learner = lab.client("learner");
    let item = &listed(&learner)[0];
    assert!(item["source"].is_null() && item["made_by"].is_null() && item["until"].is_null());
    assert!(
        !item.to_string().contains(&id.to_string())
            && !learner.get("/training").text().contains(&id.to_string())
    );
    assert_eq!(learner.get(&format!("/api/v1/recordings/{id}")).status, 404);
    let reply = learner.get(&audio);
    let samples: Vec<i16> =
        hound::WavReader::new(&reply.body[..]).unwrap().into_samples().map(Result::unwrap).collect();
    assert_eq!(samples.len(), 16_000);
    assert!(samples.iter().skip(1).step_by(2).all(|s| *s == 0), "the agent is left out");
    assert_ne!(samples, Tape::new("desk", "2001").samples);
    // A token without the right to hear does not hear; one for `training` does not reach further.
    let told = lab.told("training_listen", "learner");
    assert!(told.iter().any(|e| e["outcome"] == "done" && e["detail"]["training"] == copy_id.as_str()));
    assert_eq!(told[0]["targets"][0], id.to_string(), "who heard a copy is told of its recording too");
    for word in ["", "x", "../1", &id.to_string()] {
        assert_eq!(learner.get(&format!("/api/v1/training/{word}/audio")).status, 404, "{word}");
    }
    assert_eq!(remove(&lab.client("both"), &copy_id), 204);
    assert_eq!(learner.get(&audio).status, 404);
    lab.close();
}

#[test]
fn not_for_health_services_and_not_past_the_source() {
    let mut lab = lab();
    let open = lab.record(&Tape::new("general", "2001"));
    let due = lab.record(&Tape { until: day(-1), ..Tape::new("general", "2001") });
    let refused: Vec<Uuid> =
        ["clinic", "strict", "gone"].map(|service| lab.record(&Tape::new(service, "2001"))).into();
    lab.open();
    let (trainer, learner) = (lab.client("trainer"), lab.client("learner"));
    for id in refused {
        let item = trainer.get(&format!("/api/v1/recordings/{id}")).json();
        assert!(!item["may"].as_array().unwrap().contains(&"training".into()), "{item}");
        assert!(!trainer.get(&format!("/recordings/{id}")).text().contains("/training\" data-next"));
        let (status, problem) = make(&trainer, id, json!({}));
        assert_eq!((status, &problem["type"]), (403, &"reason-refused".into()));
    }
    for wrong in [
        json!({ "title": "call 040 123 4567" }),
        json!({ "customer": "loud" }),
        json!({ "beep": ["x"] }),
        json!({ "start": -1.0 }),
        json!({ "customer": "dropped", "agent": "dropped" }),
        json!({ "more": 1 }),
    ] {
        assert_eq!(make(&trainer, open, wrong.clone()).0, 400, "{wrong}");
    }
    assert!(trainer.get(&format!("/recordings/{open}")).text().contains(&format!("{open}/training")));
    assert_eq!(make(&trainer, open, json!({})).0, 201);
    assert_eq!(make(&trainer, due, json!({})).0, 201, "until the sweep takes it, it is there to its keepers");
    assert_eq!(listed(&learner).len(), 1, "past its term nobody hears the copy");
    assert_eq!(
        trainer.post(&format!("/api/v1/recordings/{open}/restrict"), &json!({ "ref": "1" })).status,
        200
    );
    assert!(listed(&learner).is_empty(), "closed with its recording");
    assert_eq!(make(&trainer, open, json!({})).0, 409);
    assert_eq!(
        trainer.post(&format!("/api/v1/recordings/{open}/unrestrict"), &json!({ "ref": "1" })).status,
        200
    );
    assert_eq!(listed(&learner).len(), 1);
    assert_eq!(
        trainer.post(&format!("/api/v1/recordings/{open}/erase"), &json!({ "reason": "x" })).status,
        200
    );
    assert!(listed(&learner).is_empty(), "gone with it");
    let left = std::fs::read_dir(lab.state().join("training")).unwrap().count();
    assert_eq!(left, 2, "only that of the other recording");
    lab.close();
}
