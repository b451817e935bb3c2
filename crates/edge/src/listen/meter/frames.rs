//! Where frames of HTTP/2 begin, from their nine-octet heads alone (RFC 9113 §4.1).

/// Octets of a head.
const HEAD: usize = 9;

/// What a head says, as far as it is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// Octets that follow.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
}

/// Follows one direction of a connection; holds one head at most, whatever comes.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// Octets of the head that have come.
    have: usize,
    /// Octets that belong to no head: what is left of a payload or of the preface.
    skip: usize,
}

impl Frames {
    /// Begins with `preface` octets that are no frame.
    pub(super) fn behind(preface: usize) -> Self {
        Self { skip: preface, ..Self::default() }
    }

    /// Whether a frame that is not through has begun.
    pub(super) fn is_inside(&self) -> bool {
        self.have > 0 || self.skip > 0
    }

    /// Goes over octets, however they are cut, and tells `each` of every head that became whole.
    pub(super) fn pass(&mut self, mut octets: &[u8], mut each: impl FnMut(FrameHead)) {
        while !octets.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(octets.len());
                self.skip -= skipped;
                octets = &octets[skipped..];
                continue;
            }
            let take = (HEAD - self.have).min(octets.len());
            self.head[self.have..self.have + take].copy_from_slice(&octets[..take]);
            self.have += take;
            octets = &octets[take..];
            if self.have == HEAD {
                let [a, b, c, kind, flags, ..] = self.head;
                let length = u32::from_be_bytes([0, a, b, c]);
                (self.have, self.skip) = (0, length as usize);
                each(FrameHead { length, kind, flags });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads(octets: &[&[u8]]) -> (Vec<FrameHead>, bool) {
        let (mut frames, mut heads) = (Frames::behind(3), Vec::new());
        octets.iter().for_each(|part| frames.pass(part, |head| heads.push(head)));
        (heads, frames.is_inside())
    }

    proptest! {
        #[test]
        fn every_cut_of_the_octets_shows_the_same_heads(
            sent in prop::collection::vec((0_u32..40, any::<u8>(), any::<u8>(), any::<u32>()), 0..12),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let mut octets = b"PRI".to_vec();
            for (length, kind, flags, stream) in &sent {
                octets.extend(&length.to_be_bytes()[1..]);
                octets.extend([*kind, *flags]);
                octets.extend(stream.to_be_bytes());
                // What a payload holds must not matter; this one looks like heads.
                octets.extend([0, 0, 0, 4, 0, 0, 0, 0, 0].iter().cycle().take(*length as usize));
            }
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (octets.len() + 1)).chain([0, octets.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|two| &octets[two[0]..two[1]]).collect();
            let wanted: Vec<_> = sent.iter().map(|(length, kind, flags, _)| FrameHead { length: *length, kind: *kind, flags: *flags }).collect();
            prop_assert_eq!(heads(&parts), (wanted, false));
            let octet_by_octet: Vec<&[u8]> = octets.chunks(1).collect();
            prop_assert_eq!(heads(&octet_by_octet), heads(&[&octets]));
        }

        #[test]
        fn octets_at_random_are_followed_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let whole = heads(&[&octets]);
            let parts: Vec<&[u8]> = octets.chunks(7).collect();
            prop_assert_eq!(heads(&parts), whole);
        }
    }
}
