//! Mail as octets, and the ways it can leave.

mod file;
mod message;

pub(crate) use file::FileTransport;
pub(crate) use message::{MessageError, Sender, SenderError};
