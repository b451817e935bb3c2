//! What an upstream is told about the person behind a request, as header fields.

use doorward_policy::{Identity, identity::IDENTITY_FIELDS};
use http::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Controls, `%` and everything that is not ASCII are escaped, so that a decoded field is exactly the text and no text can forge another.
const FIELD: &AsciiSet = &CONTROLS.add(b'%');

/// The fields of one identity, assertion included, in the order of [`IDENTITY_FIELDS`].
///
/// User, session: UUIDs. Email, name: text, percent-encoded UTF-8 where it holds a control, a `%` or anything beyond ASCII.
/// Roles: sorted, joined with `,`. Assertion: a JWT.
pub(crate) fn fields(identity: &Identity, assertion: &str) -> Option<[(HeaderName, HeaderValue); 6]> {
    let [user, email, name, roles, session, signed] = IDENTITY_FIELDS.map(HeaderName::from_static);
    Some([
        (user, value(&identity.user.to_string())?),
        (email, value(&escaped(&identity.email))?),
        (name, value(&escaped(&identity.name))?),
        (roles, value(&escaped(&identity.roles.join(",")))?),
        (session, value(&identity.session.to_string())?),
        (signed, HeaderValue::from_str(assertion).map(sensitive).ok()?),
    ])
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, FIELD).to_string()
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}

fn sensitive(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
