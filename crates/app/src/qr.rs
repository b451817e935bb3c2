//! A QR code as a drawing: one path, no script, no style, nothing fetched (ISO/IEC 18004).

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules on each side, as the standard asks.
const QUIET: i32 = 4;

/// A code, ready to be drawn.
pub(crate) struct Qr {
    /// Width and height in modules, the quiet zone included.
    pub(crate) side: i32,
    /// The dark modules, as the `d` of an SVG path: one box for each run in a row.
    pub(crate) path: String,
}

impl Qr {
    /// `None` for a text that no code can hold (some 2 300 octets).
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let path = (0..code.size()).map(|row| runs(&code, row)).collect();
        Some(Self { side: code.size() + 2 * QUIET, path })
    }

    /// A document of its own, dark on light whatever surrounds it: scanners want it so.
    pub(crate) fn svg(&self) -> String {
        let Self { side, path } = self;
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path fill="#000" d="{path}"/></svg>"##
        )
    }
}

/// The boxes of one row.
fn runs(code: &QrCode, row: i32) -> String {
    let mut out = String::new();
    let mut column = 0;
    while column < code.size() {
        let width = (column..code.size()).take_while(|column| code.get_module(*column, row)).fold(0, |width, _| width + 1);
        if width > 0 {
            out.push_str(&format!("M{} {}h{width}v1h-{width}z", column + QUIET, row + QUIET));
        }
        column += width + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints the path again, module by module.
    fn painted(qr: &Qr) -> Vec<(i32, i32)> {
        let boxes = qr.path.split('M').skip(1);
        boxes
            .flat_map(|text| {
                let (at, rest) = text.split_once('h').expect("a width");
                let (x, y) = at.split_once(' ').expect("a place");
                let (x, y): (i32, i32) = (x.parse().expect("x"), y.parse().expect("y"));
                let width: i32 = rest.split('v').next().expect("a width").parse().expect("a number");
                (x..x + width).map(move |x| (x, y))
            })
            .collect()
    }

    #[test]
    fn the_drawing_has_exactly_the_dark_modules_and_a_quiet_zone() {
        let text = "otpauth://totp/Site:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Site";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).expect("short");
        let qr = Qr::of(text).expect("short");
        assert_eq!(qr.side, code.size() + 8);
        let mut painted = painted(&qr);
        let mut dark: Vec<_> = (0..code.size())
            .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
            .filter(|(x, y)| code.get_module(*x, *y))
            .map(|(x, y)| (x + 4, y + 4))
            .collect();
        painted.sort_unstable();
        dark.sort_unstable();
        assert_eq!(painted, dark);
        assert!(qr.svg().contains(&qr.path) && !qr.svg().contains("style") && !qr.svg().contains("script"));
    }

    #[test]
    fn what_does_not_fit_is_no_code() {
        assert!(Qr::of(&"a".repeat(5000)).is_none());
    }
}
