//! Pending sign-ups and the tokens that prove an address.
