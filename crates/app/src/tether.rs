//! What stays open for somebody who is signed in, and who is told when that is over.
//!
//! The door judges a request when it comes; a WebSocket asks once and then stays. Each such exchange waits on the channel of its session;
//! one job looks for all of them together (`work::tether`), so the cost is one read a round, however many there are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_kit::SessionId;
use doorward_policy::RoutePolicy;
use tokio::sync::watch;

/// What is known of a session that something waits for.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// As it was at the door.
    AsAdmitted,
    /// Live, of an account with these roles.
    Live(Vec<String>),
    Gone,
}

/// The sessions that something waits for.
#[derive(Default)]
pub(crate) struct Tethers(Mutex<HashMap<SessionId, watch::Sender<Standing>>>);

impl Tethers {
    /// Resolves when the session has ended or its account has none of the roles that the route asks for.
    pub(crate) fn ended(&self, session: SessionId, route: &RoutePolicy) -> impl Future<Output = ()> + Send + 'static {
        let route = route.clone();
        self.until(session, move |roles| !route.admits(roles))
    }

    /// Resolves when the session has ended or its account has none of these roles.
    pub(crate) fn ended_without(&self, session: SessionId, needed: Vec<String>) -> impl Future<Output = ()> + Send + 'static {
        self.until(session, move |roles| !roles.iter().any(|role| needed.contains(role)))
    }

    fn until(
        &self,
        session: SessionId,
        is_shut_out: impl Fn(&[String]) -> bool + Send + Sync + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let mut standing = self.lock().entry(session).or_insert_with(|| watch::Sender::new(Standing::AsAdmitted)).subscribe();
        async move {
            let is_over = |standing: &Standing| match standing {
                Standing::AsAdmitted => false,
                Standing::Live(roles) => is_shut_out(roles),
                Standing::Gone => true,
            };
            // Without a sender there is nobody left who would say so.
            let _ = standing.wait_for(is_over).await;
        }
    }

    /// The sessions that are waited for; what nobody waits for any more is forgotten.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        let mut held = self.lock();
        held.retain(|_, standing| standing.receiver_count() > 0);
        held.keys().copied().collect()
    }

    /// Tells what was found of the sessions that were asked for: whichever is not among the live ones is gone.
    pub(crate) fn tell(&self, asked: &[SessionId], live: &mut HashMap<SessionId, Vec<String>>) {
        let held = self.lock();
        for id in asked {
            let Some(sender) = held.get(id) else { continue };
            let found = live.remove(id).map_or(Standing::Gone, Standing::Live);
            sender.send_if_modified(|standing| {
                let is_new = *standing != found;
                *standing = found;
                is_new
            });
        }
    }

    /// A map is whole whatever panicked beside it.
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, watch::Sender<Standing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
