//! Whether a server answers people who have not said a password (EXPO-02).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::link::Link;
use crate::settings::{RedisSettings, SetupError};

/// A start waits no longer than this for a server that may not even be there.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connects once, without signing in, and asks for a sign of life. `false` from a server that asks for a password, does not answer in two
/// seconds or cannot be reached: what is to be thought of those is said elsewhere.
///
/// # Errors
/// [`SetupError`].
pub async fn answers_without_password(settings: &RedisSettings) -> Result<bool, SetupError> {
    let link = Link::new(settings)?;
    let asked = timeout(PATIENCE, async {
        let mut stream = link.open().await.ok()?;
        stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.ok()?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer)
    });
    // Who has to sign in gets `-NOAUTH`; a server in protected mode says `-DENIED` to strangers.
    Ok(asked.await.is_ok_and(|answer| answer == Some(*b"+PONG")))
}
