//! Regaining an account whose password is forgotten.

pub(crate) mod flow;
