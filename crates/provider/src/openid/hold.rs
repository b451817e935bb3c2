//! What a provider said of itself, kept for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fault::Fault;

/// What is older is asked for again.
const AGE: Duration = Duration::from_secs(3600);
/// Whoever brings tokens with keys that nobody knows makes us ask no more often than this.
const PAUSE: Duration = Duration::from_secs(60);

/// One value, fetched by one caller at a time while the others wait for it.
pub(crate) struct Hold<T>(Mutex<Held<T>>);

struct Held<T> {
    value: Option<(Arc<T>, Instant)>,
    /// The last time that it was asked for early.
    hurried: Option<Instant>,
}

impl<T> Default for Hold<T> {
    fn default() -> Self {
        Self(Mutex::new(Held { value: None, hurried: None }))
    }
}

impl<T> Hold<T> {
    /// The value, fetched when there is none of an age that will do.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<T>, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut held = self.0.lock().await;
        match &held.value {
            Some((value, at)) if at.elapsed() < AGE => Ok(value.clone()),
            _ => held.put(fetch().await?),
        }
    }

    /// A newer value than `known`, unless somebody asked for one a moment ago.
    pub(crate) async fn again<F>(&self, known: &Arc<T>, fetch: impl FnOnce() -> F) -> Result<Option<Arc<T>>, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut held = self.0.lock().await;
        match &held.value {
            // Another caller was faster.
            Some((value, _)) if !Arc::ptr_eq(value, known) => return Ok(Some(value.clone())),
            _ if held.hurried.is_some_and(|at| at.elapsed() < PAUSE) => return Ok(None),
            _ => {}
        }
        // Counted before it is known how it ends: one that hangs is not asked again and again.
        held.hurried = Some(Instant::now());
        held.put(fetch().await?).map(Some)
    }
}

impl<T> Held<T> {
    fn put(&mut self, value: T) -> Result<Arc<T>, Fault> {
        let value = Arc::new(value);
        self.value = Some((value.clone(), Instant::now()));
        Ok(value)
    }
}
