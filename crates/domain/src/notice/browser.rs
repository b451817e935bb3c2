//! What a browser says it is.

/// Browser and system, as far as the browser says, in words of ours alone; a hint for its owner and nothing more. `None` when nothing is
/// recognised.
///
/// ```
/// use doorward_domain::notice::browser;
/// let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// assert_eq!(browser(firefox).as_deref(), Some("Firefox on Linux"));
/// assert_eq!(browser("<b>anything</b>"), None);
/// ```
#[must_use]
pub fn browser(user_agent: &str) -> Option<String> {
    // Order matters: most name several others.
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.into()),
        (None, Some(system)) => Some(format!("A program on {system}")),
        (None, None) => None,
    }
}
