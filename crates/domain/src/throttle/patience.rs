//! Waiting for shared counters, by a clock that a busy process does not run down.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// How often one looks for the answer; each look counts as so much time, however late it comes.
const LOOK: Duration = Duration::from_millis(5);

/// What a question comes to within a budget; `None` when it comes to nothing.
///
/// Only time in which this process could have seen an answer counts. In a burst of requests each of them, and whoever reads the answers, waits
/// long for a turn to run; were that held against the shared counters, the burst itself would part the nodes and pass one quota at each.
pub async fn within<T>(budget: Duration, question: impl Future<Output = T>) -> Option<T> {
    let mut question = pin!(question);
    let mut left = budget;
    while !left.is_zero() {
        let look = LOOK.min(left);
        if let Ok(answer) = timeout(look, &mut question).await {
            return Some(answer);
        }
        left -= look;
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::task::yield_now;
    use tokio::time::{Instant, sleep};

    use super::*;

    const BUDGET: Duration = Duration::from_millis(33);

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_longer_than_the_budget() {
        let begin = Instant::now();
        assert_eq!(within(BUDGET, std::future::pending::<()>()).await, None);
        assert_eq!(begin.elapsed(), BUDGET);
        let begin = Instant::now();
        assert_eq!(within(BUDGET, sleep(BUDGET - Duration::from_millis(1))).await, Some(()));
        assert_eq!(begin.elapsed(), BUDGET - Duration::from_millis(1));
    }

    #[tokio::test]
    async fn time_in_which_the_process_runs_something_else_does_not_count() {
        let (say, said) = oneshot::channel();
        tokio::spawn(async move {
            // Each turn of the runtime is late by more than the budget, and the answer takes some of them.
            for _ in 0..3 {
                std::thread::sleep(2 * BUDGET);
                yield_now().await;
            }
            let _ = say.send(());
        });
        assert_eq!(within(BUDGET, said).await, Some(Ok(())));
    }
}
