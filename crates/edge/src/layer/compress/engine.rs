//! The two codings that are made while an answer goes out, at settings that keep up with a network: the strongest cost ten times as much
//! for a tenth fewer octets, and what is worth that is compressed beforehand.

use std::io::{self, Write as _};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::coding::Coding;

const GZIP_LEVEL: u32 = 5;
const BROTLI_QUALITY: u32 = 4;
/// Two to this are the octets that brotli looks back; more would be memory for every answer under way.
const BROTLI_WINDOW: u32 = 18;
const BROTLI_BUFFER: usize = 4096;

/// A coder and what it has given so far.
pub(super) enum Engine {
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Engine {
    /// A fresh one; anything but brotli is written as gzip.
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Brotli => {
                Self::Brotli(Box::new(CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW)))
            }
            Coding::Gzip | Coding::Zstd => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL)))),
        }
    }

    pub(super) fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Gzip(writer) => writer.write_all(octets),
            Self::Brotli(writer) => writer.write_all(octets),
        }
    }

    /// Brings all that was written into the output.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(writer) => writer.flush(),
            Self::Brotli(writer) => writer.flush(),
        }
    }

    /// Octets of output that wait to be taken.
    pub(super) fn gathered(&self) -> usize {
        match self {
            Self::Gzip(writer) => writer.get_ref().len(),
            Self::Brotli(writer) => writer.get_ref().len(),
        }
    }

    /// The output so far.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(match self {
            Self::Gzip(writer) => writer.get_mut(),
            Self::Brotli(writer) => writer.get_mut(),
        })
        .into()
    }

    /// The end of the coding, with all output that was not taken.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Gzip(writer) => writer.finish().map(Bytes::from),
            Self::Brotli(writer) => Ok(writer.into_inner().into()),
        }
    }
}
