//! Looks after the sessions of what stays open, and ends what outlived its own.

use std::collections::HashMap;
use std::time::Duration;

use doorward_domain::StoreError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::rest;
use crate::app::AppState;

/// How often: a session that ended anywhere takes what it holds open along after this and one read.
const EVERY: Duration = Duration::from_secs(2);

/// Sessions of one read.
const AT_ONCE: usize = 1000;

/// What cannot be looked after does not stay open for longer: the store may have ended it, and this node be the one that is cut off.
const UNSEEN_MAX: Duration = Duration::from_secs(30);

pub(super) async fn job(app: AppState, mut shutdown: watch::Receiver<bool>) {
    let mut seen_at = Instant::now();
    loop {
        match look(&app).await {
            Ok(()) => seen_at = Instant::now(),
            Err(error) => {
                let give_up = seen_at.elapsed() >= UNSEEN_MAX;
                tracing::warn!(message = "the store did not say whether sessions live", error = %error, give_up);
                if give_up {
                    app.tethers.tell(&app.tethers.sessions(), &mut HashMap::new());
                }
            }
        }
        if !rest(&mut shutdown, EVERY, std::future::pending()).await {
            return;
        }
    }
}

async fn look(app: &AppState) -> Result<(), StoreError> {
    for asked in app.tethers.sessions().chunks(AT_ONCE) {
        let mut live = app.accounts.standing_sessions(asked).await?;
        app.tethers.tell(asked, &mut live);
    }
    Ok(())
}
