//! One way to write values as octets, such that different values never give the same octets.

use doorward_kit::Timestamp;

/// Octets that grow field by field. A missing field and an empty one differ; lengths stand before contents.
pub(super) struct Octets(Vec<u8>);

impl Octets {
    /// Begins with what the octets are for: what is signed for one purpose is nothing for another.
    pub(super) fn new(purpose: &[u8]) -> Self {
        let mut octets = Self(Vec::with_capacity(512));
        octets.bytes(Some(purpose));
        octets
    }

    pub(super) fn bytes(&mut self, value: Option<&[u8]>) {
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                self.0.extend_from_slice(&(value.len() as u64).to_be_bytes());
                self.0.extend_from_slice(value);
            }
        }
    }

    pub(super) fn text(&mut self, value: Option<&str>) {
        self.bytes(value.map(str::as_bytes));
    }

    pub(super) fn number(&mut self, value: Option<u64>) {
        self.bytes(value.map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }

    /// To the microsecond, as it is stored.
    pub(super) fn instant(&mut self, value: Option<Timestamp>) {
        self.bytes(value.map(|at| at.as_microsecond().to_be_bytes()).as_ref().map(<[u8; 8]>::as_slice));
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}
