//! What every implementation of [`Store`](super::Store) must do.
