//! The header table of the requirements, on every answer of every producer. The values are written down here once more
//! on purpose: a test that took them from the code would agree with any mistake.

mod hostile;
mod kind;
mod matrix;
mod nonce;
mod report;
mod table;
