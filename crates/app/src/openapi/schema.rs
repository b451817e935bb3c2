//! Bodies and answers as JSON Schema.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Body, Field, Kind, Shape};

/// What may be shown as a second factor.
const KINDS: [&str; 3] = ["passkey", "totp", "recovery_code"];

/// What operations refer to.
pub(super) fn components() -> Value {
    json!({
        "securitySchemes": {
            "session": {"type": "apiKey", "in": "cookie", "name": "__Host-doorward_session"},
            "csrf": {
                "type": "apiKey",
                "in": "header",
                "name": "X-CSRF-Token",
                "description": "The value of the cookie __Host-doorward_csrf, which must come along"
            }
        },
        "schemas": {
            "Detail": object(&[("detail", json!({"type": "string"}))]),
            "Problem": problem(),
            "Me": me(),
            "Session": session(),
            "Sessions": object(&[("sessions", json!({"type": "array", "items": link("Session")}))]),
            "Export": export(),
            "Health": object(&[
                ("ok", json!({"type": "boolean"})),
                ("service", json!({"const": "doorward"})),
                ("db_ok", json!({"type": "boolean"})),
            ]),
            "SignIn": {"oneOf": [link("Me"), link("SecondFactorAsked")]},
            "SecondFactorAsked": object(&[("second_factor", json!({"type": "array", "items": {"enum": KINDS}}))]),
            "Factor": factor(),
            "Factors": object(&[
                ("factors", json!({"type": "array", "items": link("Factor")})),
                ("recovery_codes", json!({"type": "integer", "minimum": 0})),
            ]),
            "SharedKey": object(&[("enrolment", text()), ("secret", text()), ("uri", text()), ("qr_svg", text())]),
            "NewFactor": new_factor(),
            "RecoveryCodes": object(&[("recovery_codes", texts())]),
            "PasskeyRequest": object(&[("challenge", text()), ("options", json!({"type": "object"}))]),
            "PasskeyCreation": object(&[("enrolment", text()), ("options", json!({"type": "object"}))]),
            "Providers": object(&[("providers", json!({"type": "array", "items": provider()}))]),
            "ProviderWay": object(&[("authorization_url", text())]),
            "Keys": object(&[("keys", json!({"type": "array", "items": {"type": "object"}}))]),
        }
    })
}

/// What is sent.
pub(super) fn body(body: &Body) -> Option<Value> {
    match body {
        Body::None => None,
        Body::Json(fields) => Some(json!({
            "required": true,
            "content": {"application/json": {"schema": fields_schema(fields)}}
        })),
        Body::Report => {
            let schema = json!({"schema": {}});
            Some(json!({
                "required": true,
                "content": {"application/csp-report": schema, "application/reports+json": schema, "application/json": schema}
            }))
        }
    }
}

/// What is answered.
pub(super) fn response(answer: &Answer) -> Value {
    let mut out = Map::new();
    out.insert("description".into(), answer.about.into());
    if answer.status == 429 {
        let seconds = json!({"required": true, "schema": {"type": "integer", "minimum": 1}});
        out.insert("headers".into(), json!({"Retry-After": seconds}));
    }
    let (media, name) = match answer.shape {
        Shape::Empty => return Value::Object(out),
        Shape::Detail => ("application/json", "Detail"),
        Shape::Problem => ("application/json", "Problem"),
        Shape::Me => ("application/json", "Me"),
        Shape::Sessions => ("application/json", "Sessions"),
        Shape::Export => ("application/json", "Export"),
        Shape::Health => ("application/json", "Health"),
        Shape::Keys => ("application/jwk-set+json", "Keys"),
        Shape::SignIn => ("application/json", "SignIn"),
        Shape::Factors => ("application/json", "Factors"),
        Shape::SharedKey => ("application/json", "SharedKey"),
        Shape::NewFactor => ("application/json", "NewFactor"),
        Shape::RecoveryCodes => ("application/json", "RecoveryCodes"),
        Shape::PasskeyRequest => ("application/json", "PasskeyRequest"),
        Shape::PasskeyCreation => ("application/json", "PasskeyCreation"),
        Shape::Providers => ("application/json", "Providers"),
        Shape::ProviderWay => ("application/json", "ProviderWay"),
    };
    let mut content = Map::new();
    content.insert(media.into(), json!({"schema": link(name)}));
    if matches!(answer.shape, Shape::Problem) {
        content.insert("application/problem+json".into(), json!({"schema": link(name)}));
    }
    out.insert("content".into(), Value::Object(content));
    Value::Object(out)
}

fn fields_schema(fields: &[Field]) -> Value {
    let properties: Map<_, _> = fields.iter().map(|field| (field.name.to_owned(), kind(field.kind))).collect();
    let required: Vec<_> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Email => json!({"type": "string", "format": "email", "maxLength": 254}),
        Kind::Text(most) => json!({"type": ["string", "null"], "maxLength": most}),
        Kind::Clearable(most) => json!({"type": ["string", "null"], "maxLength": most}),
        Kind::Link => json!({"type": ["string", "null"], "format": "uri", "pattern": "^https://", "maxLength": 2048}),
        Kind::Password => json!({"type": "string", "format": "password", "maxLength": 128, "writeOnly": true}),
        Kind::Token => json!({"type": "string", "writeOnly": true}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Credential => json!({"type": "object"}),
    }
}

fn provider() -> Value {
    object(&[("name", text()), ("label", text()), ("linked", json!({"type": "boolean"}))])
}

fn link(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object that has all of these and nothing else.
fn object(members: &[(&str, Value)]) -> Value {
    let properties: Map<_, _> = members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<_> = members.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn problem() -> Value {
    let fault = object(&[("field", json!({"type": "string"})), ("detail", json!({"type": "string"}))]);
    json!({
        "type": "object",
        "properties": {"detail": {"type": "string"}, "errors": {"type": "array", "items": fault}},
        "required": ["detail"],
        "additionalProperties": false
    })
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn maybe_text() -> Value {
    json!({"type": ["string", "null"]})
}

fn roles() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn me() -> Value {
    object(&[
        ("id", id()),
        ("email", text()),
        ("display_name", text()),
        ("avatar_url", maybe_text()),
        ("bio", maybe_text()),
        ("roles", roles()),
        ("email_verified", json!({"type": "boolean"})),
    ])
}

fn session() -> Value {
    object(&[
        ("id", id()),
        ("created_at", moment()),
        ("last_seen_at", moment()),
        ("expires_at", moment()),
        ("user_agent", text()),
        ("ip", text()),
        ("is_current", json!({"type": "boolean"})),
        ("is_two_factor", json!({"type": "boolean", "description": "Whether a second factor was shown in it."})),
    ])
}

fn texts() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

fn factor() -> Value {
    object(&[
        ("id", id()),
        ("kind", json!({"enum": ["totp", "passkey"]})),
        ("name", text()),
        ("created_at", moment()),
        ("last_used_at", json!({"type": ["string", "null"], "format": "date-time"})),
    ])
}

/// The codes are there when it is the first of the account.
fn new_factor() -> Value {
    json!({
        "type": "object",
        "properties": {"id": id(), "recovery_codes": texts()},
        "required": ["id"],
        "additionalProperties": false
    })
}

fn export() -> Value {
    let account = object(&[
        ("id", id()),
        ("email", text()),
        ("display_name", text()),
        ("avatar_url", maybe_text()),
        ("bio", maybe_text()),
        ("roles", roles()),
        ("created_at", moment()),
    ]);
    let activity = object(&[
        ("at", moment()),
        ("event", text()),
        ("outcome", text()),
        ("ip", maybe_text()),
        ("user_agent", maybe_text()),
        ("session", json!({"type": ["string", "null"], "format": "uuid"})),
    ]);
    let browser = object(&[("name", text()), ("known_since", moment()), ("known_until", moment())]);
    let last_used = json!({"type": ["string", "null"], "format": "date-time"});
    let factor = object(&[("kind", text()), ("name", text()), ("created_at", moment()), ("last_used_at", last_used)]);
    let provider = object(&[
        ("provider", text()),
        ("issuer", text()),
        ("subject", text()),
        ("label", text()),
        ("created_at", moment()),
        ("last_used_at", moment()),
    ]);
    object(&[
        ("account", account),
        ("sessions", json!({"type": "array", "items": link("Session")})),
        ("browsers", json!({"type": "array", "items": browser})),
        ("factors", json!({"type": "array", "items": factor})),
        ("providers", json!({"type": "array", "items": provider})),
        ("activity", json!({"type": "array", "items": activity})),
    ])
}
