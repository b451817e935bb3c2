//! What went wrong, in words of ours: the server's own texts may repeat keys and values, so none goes further.

use doorward_domain::throttle::CountersError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

pub(crate) fn told(error: &RedisError) -> CountersError {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => CountersError::Denied,
        ErrorKind::Server(ServerErrorKind::ReadOnly) => CountersError::ReadOnly,
        ErrorKind::Server(
            ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown | ServerErrorKind::TryAgain,
        ) => CountersError::NotReady,
        ErrorKind::Io if error.is_timeout() => CountersError::Late,
        ErrorKind::Io => CountersError::Unreachable,
        _ => match error.code() {
            Some("OOM") => CountersError::Full,
            Some("NOAUTH" | "WRONGPASS") => CountersError::Denied,
            // NOREPLICAS: min-replicas-to-write is not met. MISCONF: it may not write because it cannot save.
            Some("NOREPLICAS" | "MISCONF") => CountersError::ReadOnly,
            Some("BUSY") => CountersError::NotReady,
            _ => CountersError::Unexpected,
        },
    }
}

/// Whether the connection may go on after this: the server answered, and its next answer belongs to the next question.
pub(crate) fn is_answer(error: CountersError) -> bool {
    matches!(
        error,
        CountersError::ReadOnly
            | CountersError::Full
            | CountersError::NotReady
            | CountersError::Unexpected
            | CountersError::Denied
    )
}
