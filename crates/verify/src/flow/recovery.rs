//! Not looked at yet.

use super::{Planned, Scene};

/// Nothing yet.
pub(super) const IDS: &[Planned] = &[];

pub(super) async fn run(_scene: &mut Scene<'_>) {}
