//! `openapi.json`: every call with what it takes and gives, from one table. A test holds
//! the table against the routes, so that neither grows alone.

use super::super::problem::ProblemDetails;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// One call.
pub(super) struct Call {
    /// In lower case.
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    says: &'static str,
    /// Parameters of the address behind `?`.
    query: &'static [&'static str],
    /// Keys of the body: name, type, whether it must be there.
    body: &'static [(&'static str, &'static str, bool)],
    /// Status where it is done, and the kind of answer.
    gives: (u16, &'static str),
}

const JSON: &str = "application/json";
const SEARCH: &[&str] = &[
    "since",
    "until",
    "service",
    "agent",
    "direction",
    "number",
    "longer",
    "shorter",
    "flag",
    "limit",
    "cursor",
];
const CASE: &[(&str, &str, bool)] = &[("ref", "string", true)];

const fn call(method: &'static str, path: &'static str, says: &'static str) -> Call {
    Call { method, path, says, query: &[], body: &[], gives: (200, JSON) }
}

/// All of them.
pub(super) const CALLS: &[Call] = &[
    Call {
        body: &[("user", "string", true), ("password", "string", true), ("totp", "string", false)],
        gives: (204, ""),
        ..call("post", "/session", "Sign in; the answer sets a cookie")
    },
    call("get", "/session", "Who is signed in"),
    Call { gives: (204, ""), ..call("delete", "/session", "Sign out") },
    call("get", "/session/undertaking", "The undertaking that has to be accepted"),
    Call {
        body: &[("version", "string", true)],
        gives: (204, ""),
        ..call("post", "/session/undertaking", "Accept it")
    },
    Call {
        body: &[("language", "string", true)],
        gives: (204, ""),
        ..call("post", "/session/language", "Choose the language of the pages")
    },
    call("post", "/session/totp", "A new secret for one-time codes"),
    Call {
        body: &[("code", "string", true)],
        gives: (204, ""),
        ..call("put", "/session/totp", "Turn one-time codes on, with a code of the new secret")
    },
    call("get", "/tokens", "Personal tokens of this account"),
    Call {
        body: &[("label", "string", true), ("scope", "array", true), ("until", "string", true)],
        gives: (201, JSON),
        ..call("post", "/tokens", "Make a token; its secret is told once")
    },
    Call { gives: (204, ""), ..call("delete", "/tokens/{id}", "End a token") },
    Call { query: SEARCH, ..call("get", "/recordings", "What may be found, the newest first") },
    call("get", "/recordings/{id}", "One recording"),
    Call { query: &["reason"], ..call("get", "/recordings/{id}/peaks", "Its waveform") },
    Call {
        query: &["reason"],
        gives: (200, "audio/wav"),
        ..call("get", "/recordings/{id}/audio", "Its sound as PCM16 WAV, whole or a range of its bytes")
    },
    Call {
        body: &[("reason", "string", true), ("ref", "string", true)],
        ..call("post", "/recordings/{id}/hold", "Keep it past its term, for a case")
    },
    Call {
        body: &[("ref", "string", false), ("yes", "boolean", false)],
        ..call("post", "/recordings/{id}/release", "End a hold")
    },
    Call { body: CASE, ..call("post", "/recordings/{id}/restrict", "Close it to listening and export") },
    Call { body: CASE, ..call("post", "/recordings/{id}/unrestrict", "Open it again") },
    Call {
        body: &[
            ("ref", "string", true),
            ("agent", "string", false),
            ("agent_name", "string", false),
            ("number", "string", false),
            ("note", "string", false),
        ],
        ..call("post", "/recordings/{id}/amend", "Correct what is known about it")
    },
    Call {
        body: &[("reason", "string", true), ("refuse", "string", false), ("yes", "boolean", false)],
        ..call(
            "post",
            "/recordings/{id}/erase",
            "Erase it before its time, or write down that this is refused",
        )
    },
    Call {
        body: &[
            ("reason", "string", true),
            ("to", "string", false),
            ("recipient", "string", false),
            ("basis", "string", false),
            ("start", "number", false),
            ("end", "number", false),
            ("silence", "string", false),
            ("zip", "boolean", false),
            ("format", "string", false),
        ],
        ..call(
            "post",
            "/recordings/{id}/export",
            "Hand out a copy: a zip, or files in a folder of the server",
        )
    },
    Call {
        body: &[
            ("title", "string", true),
            ("customer", "string", false),
            ("agent", "string", false),
            ("start", "number", false),
            ("end", "number", false),
            ("silence", "array", false),
            ("beep", "array", false),
        ],
        gives: (201, JSON),
        ..call("post", "/recordings/{id}/training", "Make an anonymised copy for training")
    },
    call("get", "/training", "Training copies that may be heard or removed"),
    Call { gives: (204, ""), ..call("delete", "/training/{id}", "Remove one") },
    Call {
        gives: (200, "audio/wav"),
        ..call("get", "/training/{id}/audio", "Its sound as PCM16 WAV, whole or a range of its bytes")
    },
    Call { query: &["cursor"], ..call("get", "/requests", "Requests; of all for who decides on them") },
    Call {
        body: &[("recordings", "array", true), ("reason", "string", true), ("ref", "string", true)],
        gives: (201, JSON),
        ..call("post", "/requests", "Ask to hear recordings, or to hand out a copy")
    },
    Call {
        body: &[("until", "string", true)],
        ..call("post", "/requests/{n}/approve", "Grant a request of somebody else, for a time")
    },
    Call { body: &[("why", "string", true)], ..call("post", "/requests/{n}/refuse", "Refuse it") },
    Call {
        query: &["all", "cursor"],
        ..call(
            "get",
            "/dsar",
            "Requests of data subjects that wait, the one that is due first, first; all with `all`",
        )
    },
    Call {
        body: &[
            ("right", "string", true),
            ("received", "string", true),
            ("channel", "string", true),
            ("ref", "string", true),
            ("language", "string", false),
            ("name", "string", true),
            ("address", "string", false),
            ("number", "string", false),
            ("identity", "string", false),
            ("ask_identity", "boolean", false),
            ("recordings", "array", false),
        ],
        gives: (201, JSON),
        ..call("post", "/dsar", "Take a request of a data subject")
    },
    call("get", "/dsar/{n}", "One of them"),
    Call {
        body: &[
            ("identity", "string", false),
            ("ask_identity", "boolean", false),
            ("recordings", "array", false),
        ],
        ..call("post", "/dsar/{n}/change", "How the identity was checked, or which recordings are meant")
    },
    Call {
        body: &[("months", "integer", true), ("why", "string", true)],
        ..call("post", "/dsar/{n}/extend", "Extend its month by one or two more")
    },
    Call {
        body: &[
            ("outcome", "string", true),
            ("ground", "string", false),
            ("why", "string", false),
            ("carry_out", "string", false),
            ("recordings", "array", false),
        ],
        ..call("post", "/dsar/{n}/decide", "Decide on it, and do what the decision says")
    },
    Call {
        body: &[
            ("to", "string", false),
            ("silence", "string", false),
            ("without_names", "boolean", false),
            ("leave_out", "array", false),
        ],
        ..call("post", "/dsar/{n}/copy", "The copy that goes out: a zip, or in a folder of the server")
    },
    Call { query: &["kind"], ..call("get", "/dsar/{n}/letter", "A letter to the person, as plain text") },
    Call {
        query: &["since", "until", "who", "recording", "action", "address", "limit", "cursor"],
        ..call("get", "/audit", "The audit log, the newest entry first")
    },
    call("get", "/people", "Accounts with what they were, and when"),
    Call {
        body: &[
            ("kind", "string", true),
            ("what", "string", true),
            ("from", "string", false),
            ("until", "string", false),
        ],
        gives: (204, ""),
        ..call("post", "/people/{name}/intervals", "Add an agent or a team to an account, or end it")
    },
    Call { gives: (204, ""), ..call("post", "/people/{name}/disable", "Close an account") },
    call("get", "/rights", "Who may hear what, since when, and when it was used last"),
    Call {
        query: &["since", "until", "by"],
        ..call("get", "/statistics", "Calls and seconds of each service and hour; `null` where they are few")
    },
    call("get", "/openapi.json", "This description"),
];

pub(super) async fn show() -> Response {
    ([(header::CONTENT_TYPE, JSON)], document().to_string()).into_response()
}

/// The whole description (OpenAPI 3.1).
fn document() -> Value {
    let mut paths = Map::new();
    for call in CALLS {
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        path[call.method] = operation(call);
    }
    let (not_found, refused) = (ProblemDetails::NOT_FOUND, ProblemDetails::UNAUTHENTICATED);
    json!({
        "openapi": "3.1.0",
        "info": { "title": "nauhuri, the listening room", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": "/api/v1" }],
        "paths": paths,
        "security": [{ "cookie": [] }, { "token": [] }],
        "components": {
            "securitySchemes": {
                "cookie": { "type": "apiKey", "in": "cookie", "name": "nauhuri",
                    "description": "A change by cookie needs the header X-Nauhuri: 1 as well." },
                "token": { "type": "http", "scheme": "bearer" },
            },
            "schemas": { "Problem": {
                "type": "object", "required": ["type", "title", "status"],
                "properties": {
                    "type": { "type": "string", "examples": [not_found.kind, refused.kind] },
                    "title": { "type": "string" }, "status": { "type": "integer" }, "detail": { "type": "string" },
                },
            } },
        },
    })
}

fn operation(call: &Call) -> Value {
    let in_path = call.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let text = json!({ "type": "string" });
    let mut parameters: Vec<Value> =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text })).collect();
    parameters.extend(call.query.iter().map(|name| json!({ "name": name, "in": "query", "schema": text })));
    let problem = json!({ "description": "Not done; `type` says why",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
    let (status, kind) = call.gives;
    let mut done = json!({ "description": "Done" });
    if !kind.is_empty() {
        done["content"] = json!({ kind: {} });
    }
    let mut operation = json!({
        "summary": call.says, "parameters": parameters,
        "responses": { status.to_string(): done, "default": problem },
    });
    if !call.body.is_empty() {
        let property = |kind: &str| match kind {
            "array" => json!({ "type": "array", "items": { "type": "string" } }),
            kind => json!({ "type": kind }),
        };
        let properties: Map<String, Value> =
            call.body.iter().map(|(name, kind, _)| (name.to_string(), property(kind))).collect();
        let required: Vec<&str> =
            call.body.iter().filter(|(.., must)| *must).map(|(name, ..)| *name).collect();
        let schema = json!({ "type": "object", "properties": properties, "required": required,
            "additionalProperties": false });
        operation["requestBody"] = json!({ "required": true, "content": { JSON: { "schema": schema } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        // `.route("/path", get(a).post(b))` of `routes`, as it stands in the source.
        let source = include_str!("mod.rs");
        let body = source.split("pub fn routes()").nth(1).unwrap().split(".fallback(").next().unwrap();
        let mut routes = Vec::new();
        for route in body.split(".route(").skip(1) {
            let path = route.split('"').nth(1).unwrap();
            for method in ["get", "post", "put", "delete"] {
                if route.contains(&format!(" {method}(")) || route.contains(&format!(".{method}(")) {
                    routes.push((method, path));
                }
            }
        }
        let mut described: Vec<_> = CALLS.iter().map(|call| (call.method, call.path)).collect();
        routes.sort_unstable();
        described.sort_unstable();
        assert_eq!(routes, described);
        let document = document();
        assert_eq!(document["paths"].as_object().unwrap().len(), {
            let mut paths: Vec<_> = CALLS.iter().map(|call| call.path).collect();
            paths.sort_unstable();
            paths.dedup();
            paths.len()
        });
        assert_eq!(
            document["paths"]["/recordings"]["get"]["parameters"].as_array().unwrap().len(),
            SEARCH.len()
        );
    }
}
