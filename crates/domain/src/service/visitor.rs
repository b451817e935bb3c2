//! Who knocks.

use doorward_kit::RequestContext;

/// Who knocks: what the audit entry says of a request, whatever comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// Made by the edge.
    pub context: &'a RequestContext,
    /// `User-Agent` as sent; capped and escaped when it is written.
    pub user_agent: Option<&'a str>,
    /// Host asked for, canonical.
    pub host: &'a str,
    /// Method.
    pub method: &'a str,
    /// Route template, such as `/api/auth/login`; never the raw path.
    pub route: &'a str,
}

impl Visitor<'_> {
    /// The unit in which the caller is counted, as text.
    pub(crate) fn prefix(&self) -> String {
        self.context.client.prefix().to_string()
    }
}
