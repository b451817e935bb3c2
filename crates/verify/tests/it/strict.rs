//! What the hand-written site refuses before it reads on, by rules of its own.

/// Whether a head could be read in two ways.
pub(crate) fn is_ambiguous(head: &str) -> bool {
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let path = line.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let fields: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let count = |name: &str| fields.iter().filter(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).count();
    let malformed = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        line.contains(['\r', '\0']) || !line.contains(':') || name.contains([' ', '\t'])
    };
    let length = fields.iter().find(|line| line.to_ascii_lowercase().starts_with("content-length:"));
    let is_number = length.is_none_or(|line| line[15..].trim().bytes().all(|byte| byte.is_ascii_digit()));
    let is_coded = count("transfer-encoding") > 0;
    fields.iter().any(malformed)
        || count("host") != 1
        || count("content-length") > 1
        || !is_number
        || is_coded
        || path.contains("%2e")
        || path.contains("%2f")
}
