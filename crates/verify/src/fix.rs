//! What to do about a breach, row by row, for whoever runs any server.

const FIXES: &[(&str, &str)] = &[
    ("AUD-01", "Write an entry for each of these events in the transaction that does what it tells of."),
    ("AUD-07", "Find the first broken link with `doorward audit verify` and restore the trail from where it was shipped to."),
    ("CSRF-02", "Bind the token to the session: one that another session was given must be refused."),
    ("CSRF-13", "Refuse requests that change anything unless Origin and Sec-Fetch-Site say that they come from the site itself."),
    ("CSRF-14", "Ask for the token on sign-out as on everything else that changes something."),
    ("ENUM-02", "Answer every sign-up alike and tell the owner of a known address by mail."),
    (
        "FORGOT-01",
        "Answer every request for recovery alike, in words, fields and time, and send mail only where there is an account.",
    ),
    ("RESET-01", "Answer wrong, old and used links with one and the same refusal."),
    ("RESET-02", "Spend the link in the transaction that sets the new password, and with it all others of the account."),
    ("SES-07", "Make a new session at sign-in and end the one that was there before."),
    ("SES-08", "Accept only sessions that the server has made; never one that a browser brings along."),
    ("SES-09", "End the session on the server at sign-out; taking the cookie away is not enough."),
    ("CSRF-15", "Set the CSRF cookie with the prefix __Host-, with Secure, SameSite=Strict and Path=/, and without Domain."),
    ("ERR-01", "Answer every refusal of the API with a JSON object that has `detail` alone; send no stack trace and no page."),
    ("EXPO-01", "Bind everything but the front door to the loopback or close the port in the firewall."),
    ("EXPO-03", "Give the server a default host that refuses, so that an unknown name reaches no application."),
    ("EXPO-04", "Serve metrics, documentation and administration on a listener of their own that the internet cannot reach."),
    ("EXPO-08", "Take names and versions of software out of header fields and error pages."),
    ("EXPO-12", "Close what is open beside the declared ports and routes, or declare it."),
    ("GATE-01", "Have the gate ask allowlisted callers for a password before anything reaches the upstream."),
    ("GATE-03", "Refuse outsiders before their credentials are read, with one constant 403."),
    ("GATE-19", "Let the challenge be `Basic realm=\"restricted\", charset=\"UTF-8\"`, without a name of the product behind it."),
    (
        "HDR-01",
        "Send `Strict-Transport-Security: max-age=63072000; includeSubDomains` once, on every HTTPS answer, errors included.",
    ),
    ("HDR-02", "Send Strict-Transport-Security over HTTPS alone: browsers ignore it over plain HTTP."),
    ("HDR-03", "Send `X-Content-Type-Options: nosniff` once, on every answer."),
    ("HDR-04", "Send `X-Frame-Options: DENY` and put `frame-ancestors 'none'` into the content security policy."),
    (
        "HDR-05",
        "Send one `Referrer-Policy`: same-origin for pages, no-referrer for the API and for pages whose address is a secret.",
    ),
    (
        "HDR-06",
        "Enforce one Content-Security-Policy that starts from `default-src 'none'` and names exactly what the page loads; move inline \
         scripts and styles into files.",
    ),
    (
        "HDR-07",
        "Send a Permissions-Policy that switches off every browser feature that the site does not use, such as `camera=()`.",
    ),
    (
        "HDR-08",
        "Send `Cross-Origin-Opener-Policy: same-origin`, `Cross-Origin-Embedder-Policy: require-corp` and \
         `Cross-Origin-Resource-Policy: same-origin`.",
    ),
    ("HDR-09", "Remove the upstream's own security headers at the proxy before it sets its own."),
    ("HDR-11", "Set the headers where every answer passes, not in the handler of GET."),
    ("HDR-13", "Remove X-Powered-By, X-XSS-Protection, Expect-CT, Feature-Policy and versions in Server."),
    (
        "HDR-15",
        "Send `Cache-Control: no-store` with everything personal; let caches keep only files whose name holds their hash.",
    ),
    ("HDR-16", "Name an endpoint for reports in Reporting-Endpoints and point report-to and report-uri of the policy at it."),
    ("HTTP-01", "Let the first server refuse a malformed head with 400 and close the connection; repair nothing."),
    ("HTTP-02", "Refuse a message with two lengths, or with a length and a transfer coding, and close the connection."),
    ("HTTP-03", "Refuse every transfer coding but a single `chunked`."),
    ("PROXY-02", "Remove every field that names a user before a request goes on, in each of its spellings, and set it anew."),
    ("SES-01", "Set cookies with Secure and SameSite, session cookies with HttpOnly and the prefix __Host- as well."),
    ("TLS-15", "Switch TLS 1.0 and 1.1 off, and everything older."),
    ("TLS-16", "Let the plain listener answer pages with a permanent redirect to https:// and refuse everything else."),
    ("TLS-18", "Order certificates from the staging directory until the site is meant to be public."),
    ("VER-02", "Let the site answer this request with the status that its class asks for; see the reason."),
    ("VER-12", "Take the value out of what is logged or stored there: log the name of the field, never its content."),
    ("VER-14", "Correct the DNS records of this name, or the list of intended addresses."),
];

/// What to do; `None` where the row's own words say it.
pub(crate) fn of(row: &str) -> Option<&'static str> {
    FIXES.iter().find(|(id, _)| *id == row).map(|(_, fix)| *fix)
}

#[cfg(test)]
mod tests {
    use crate::guide;

    #[test]
    fn whatever_a_stranger_is_told_comes_with_a_fix() {
        let told = |id: &str| id.starts_with("HDR-") || ["SES-01", "TLS-15", "TLS-16", "VER-02", "VER-14"].contains(&id);
        for row in guide::ROWS.iter().filter(|row| told(row.id)) {
            assert!(super::of(row.id).is_some(), "{} has no fix", row.id);
        }
    }
}
