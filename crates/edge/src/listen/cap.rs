//! How many connections may be open from one customer line (HTTP-11).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_kit::{ClientAddr, Prefix};

/// Counts open connections by prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct PrefixCap(Arc<Mutex<HashMap<Prefix, usize>>>);

/// Held as long as the connection is open.
#[derive(Debug)]
pub(super) struct Place {
    cap: PrefixCap,
    prefix: Prefix,
}

impl PrefixCap {
    /// Takes a place; `None` when the prefix has its share of `most` already.
    pub(super) fn take(&self, client: ClientAddr, most: usize) -> Option<Place> {
        let prefix = client.prefix();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&prefix).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        open.insert(prefix, count + 1);
        Some(Place { cap: self.clone(), prefix })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.cap.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.prefix) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.prefix);
            }
        }
    }
}
