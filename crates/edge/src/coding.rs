//! Which content codings a client takes (RFC 9110 §12.5.3).
//!
//! Comes in: the fields of a request. Goes out: the codings that may be used, best first. Must never know: which of them are there.

use http::header::{self, HeaderMap, HeaderValue};

/// A way to write octets shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    /// All of them; of two that a client likes equally, the earlier is taken, because it is shorter.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As `Content-Encoding` says it.
    pub(crate) fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        })
    }

    /// What build tools add to the name of a file.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    fn is_called(self, name: &str) -> bool {
        match self {
            Self::Brotli => name.eq_ignore_ascii_case("br"),
            Self::Zstd => name.eq_ignore_ascii_case("zstd"),
            Self::Gzip => name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip"),
        }
    }
}

/// The codings that a client takes, best first. Without the field it is asked for none, although it would have to take any: what does not
/// say so seldom can.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Coding> + use<> {
    let mut weights = Weights::default();
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        // What is not text names no coding that we know.
        value.to_str().unwrap_or_default().split(',').for_each(|item| weights.read(item));
    }
    weights.ranked().into_iter().flatten()
}

/// Whether octets of this media type become shorter. Streams are not listed: whoever reads them wants each piece at once.
pub(crate) fn is_worth_it(media_type: &HeaderValue) -> bool {
    let text = media_type.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "text/event-stream" => false,
        "application/javascript"
        | "application/json"
        | "application/manifest+json"
        | "application/wasm"
        | "application/xml"
        | "application/vnd.ms-fontobject"
        | "font/otf"
        | "font/ttf"
        | "image/bmp"
        | "image/x-icon" => true,
        other => other.starts_with("text/") || other.ends_with("+json") || other.ends_with("+xml"),
    }
}

/// Thousandths, as far as they were said.
#[derive(Default)]
struct Weights {
    each: [Option<u16>; 3],
    identity: Option<u16>,
    all_others: Option<u16>,
}

impl Weights {
    fn read(&mut self, item: &str) {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let Some(weight) = parts.next().map_or(Some(1000), weight) else { return };
        if name == "*" {
            self.all_others = Some(weight);
        } else if name.eq_ignore_ascii_case("identity") {
            self.identity = Some(weight);
        } else if let Some(index) = Coding::ALL.iter().position(|coding| coding.is_called(name)) {
            self.each[index] = Some(weight);
        }
    }

    /// What weighs something, and no less than the octets as they are.
    fn ranked(&self) -> [Option<Coding>; 3] {
        let plain = self.identity.or(self.all_others).unwrap_or(0);
        let mut ranked = [0, 1, 2].map(|index| (self.each[index].or(self.all_others).unwrap_or(0), Coding::ALL[index]));
        // Stable: what weighs the same stays in our own order.
        ranked.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        ranked.map(|(weight, coding)| (weight > 0 && weight >= plain).then_some(coding))
    }
}

/// `q=0.5` in thousandths; `None` for what is no weight.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.trim().split_once('=')?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if !name.eq_ignore_ascii_case("q") || fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(values: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_str(value).expect("a value"));
        }
        accepted(&headers).map(Coding::ending).collect()
    }

    #[test]
    fn the_best_of_what_is_taken_comes_first() {
        for (said, taken) in [
            (vec![], ""),
            (vec![""], ""),
            (vec!["gzip, deflate, br, zstd"], ".br.zst.gz"),
            (vec!["gzip"], ".gz"),
            (vec!["X-GZIP"], ".gz"),
            (vec!["gzip", "br"], ".br.gz"),
            (vec!["br;q=0.5, gzip;q=0.9"], ".gz.br"),
            (vec!["br;q=0, gzip"], ".gz"),
            (vec!["br;q=0.000"], ""),
            (vec!["*"], ".br.zst.gz"),
            (vec!["*;q=0.5, zstd;q=0"], ".br.gz"),
            (vec!["gzip;q=0.5, identity"], ""),
            (vec!["gzip, identity"], ".gz"),
            (vec!["gzip;q=0.001"], ".gz"),
            (vec!["gzip ; q=1.000 , br ;Q=0.9"], ".gz.br"),
            (vec!["gzip;q=1.001"], ""),
            (vec!["gzip;q=0.0001"], ""),
            (vec!["gzip;q=-1"], ""),
            (vec!["gzip;q=+1"], ""),
            (vec!["gzip;q="], ""),
            (vec!["gzip;level=9"], ""),
            (vec!["identity"], ""),
            (vec!["gzipp, brr, zstandard"], ""),
        ] {
            assert_eq!(names(&said), taken, "{said:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_what_is_refused_is_never_used(text in "[ -~]{0,60}", refused in 0_usize..3) {
            let coding = Coding::ALL[refused];
            let mut headers = HeaderMap::new();
            let name = coding.name();
            let refusal = format!("{text}, {};q=0", name.to_str().expect("text"));
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(&refusal).expect("a value"));
            prop_assert!(accepted(&headers).all(|taken| taken != coding));
        }
    }
}
