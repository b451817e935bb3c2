//! Regaining an account whose password is forgotten.

pub(crate) mod forgot;
pub(crate) mod mail;
pub(crate) mod reset;
