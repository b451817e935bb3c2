//! Chance as an argument.

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `out` completely.
    fn fill(&self, out: &mut [u8]);

    /// A fresh array of `N` bytes.
    fn bytes<const N: usize>(&self) -> [u8; N]
    where
        Self: Sized,
    {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

/// The operating system's generator, through aws-lc-rs.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system cannot give random bytes: going on would mean guessable credentials.
    fn fill(&self, out: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "no safe way on without randomness")]
        aws_lc_rs::rand::fill(out).expect("the operating system gives random bytes");
    }
}
