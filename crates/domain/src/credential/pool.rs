//! Hashing on threads of its own, so that a storm of sign-ins slows sign-ins and nothing else (PWD-05).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use doorward_kit::{Entropy, PurposeRing};
use tokio::sync::oneshot;

use super::argon2::{Argon2Error, Argon2Settings, Recipe};
use super::engine::Engine;
use super::{HashError, Password, PasswordCheck, PasswordHasher};

/// How long a job may wait for its turn.
const DEADLINE: Duration = Duration::from_secs(2);

/// Argon2id behind a bounded queue. Dropping the pool ends its threads once they have finished what they are at.
pub struct Argon2Pool(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

struct Job {
    password: Password,
    task: Task,
    deadline: Instant,
}

enum Task {
    Hash(oneshot::Sender<Result<String, HashError>>),
    Verify(Option<String>, oneshot::Sender<Result<PasswordCheck, HashError>>),
}

impl Argon2Pool {
    /// Checks the implementation against a known answer and starts the threads.
    ///
    /// `peppers` are the keys for [`doorward_kit::KeyPurpose::PasswordPepper`]: the current one makes new hashes, each checks its own.
    ///
    /// # Errors
    /// [`Argon2Error`].
    pub fn start(
        settings: Argon2Settings,
        peppers: impl Into<PurposeRing>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, Argon2Error> {
        let recipe = Recipe::new(settings, peppers.into(), &**entropy)?;
        let threads = settings.threads.max(1);
        let capacity = usize::try_from(threads.saturating_mul(settings.queue_per_thread.max(1))).unwrap_or(usize::MAX);
        let pool = Self(Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new(), capacity }));
        for number in 0..threads {
            let (shared, recipe, entropy) = (Arc::clone(&pool.0), recipe.clone(), Arc::clone(entropy));
            std::thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || work(&shared, &recipe, &*entropy))
                .map_err(|_| Argon2Error::Thread)?;
        }
        Ok(pool)
    }

    fn submit(&self, password: Password, task: Task) -> Result<(), HashError> {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.jobs.len() >= self.0.capacity {
            return Err(HashError::Busy);
        }
        queue.jobs.push_back(Job { password, task, deadline: Instant::now() + DEADLINE });
        drop(queue);
        self.0.wake.notify_one();
        Ok(())
    }
}

impl Drop for Argon2Pool {
    fn drop(&mut self) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.0.wake.notify_all();
    }
}

#[async_trait]
impl PasswordHasher for Argon2Pool {
    async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(password, Task::Hash(sender))?;
        receiver.await.unwrap_or(Err(HashError::Busy))
    }

    async fn verify(&self, password: Password, stored: Option<String>) -> Result<PasswordCheck, HashError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(password, Task::Verify(stored, sender))?;
        receiver.await.unwrap_or(Err(HashError::Busy))
    }

    fn waiting(&self) -> usize {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).jobs.len()
    }
}

/// One thread's life. A job that panics ends alone: its caller finds the other end gone and is told to come back, and the thread goes on
/// with memory that nothing has half written.
fn work(shared: &Shared, recipe: &Recipe, entropy: &dyn Entropy) {
    let mut engine = recipe.engine();
    while let Some(job) = next(shared) {
        let attempt = catch_unwind(AssertUnwindSafe(|| run(job, recipe, entropy, &mut engine)));
        if attempt.is_err() {
            engine = recipe.engine();
            tracing::error!("a hash ended in a panic; its thread goes on");
        }
    }
}

fn next(shared: &Shared) -> Option<Job> {
    let queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    let is_waiting = |queue: &mut Queue| queue.jobs.is_empty() && !queue.is_closed;
    shared.wake.wait_while(queue, is_waiting).unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
}

/// A job that waited too long is told so at once, and one whose caller has gone costs nothing.
fn run(job: Job, recipe: &Recipe, entropy: &dyn Entropy, engine: &mut Engine) {
    let is_late = Instant::now() > job.deadline;
    match job.task {
        Task::Hash(sender) if sender.is_closed() => {}
        Task::Verify(_, sender) if sender.is_closed() => {}
        Task::Hash(sender) => {
            let result = if is_late { Err(HashError::Busy) } else { recipe.hash(&job.password, entropy, engine) };
            let _ = sender.send(result);
        }
        Task::Verify(stored, sender) => {
            let result = if is_late { Err(HashError::Busy) } else { recipe.verify(&job.password, stored.as_deref(), engine) };
            let _ = sender.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use doorward_kit::{Entropy, SubKey};
    use tokio::sync::oneshot;

    use super::{Job, Recipe, Task, run};
    use crate::credential::{Argon2Settings, HashError, Password};

    /// Counts how often somebody asks for chance: once for the recipe, then once for each hash that is really made.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicU32>);

    impl Entropy for Counting {
        fn fill(&self, out: &mut [u8]) {
            self.0.fetch_add(1, Ordering::Relaxed);
            out.fill(7);
        }
    }

    #[test]
    fn a_job_past_its_deadline_or_without_its_caller_costs_no_hash() {
        let chance = Counting::default();
        let settings = Argon2Settings { memory_kib: 64, passes: 1, ..Argon2Settings::default() };
        let recipe = Recipe::new(settings, SubKey::new([1; 32]).into(), &chance).unwrap();
        let mut engine = recipe.engine();
        let mut run_one = |deadline: Instant, is_heard: bool| {
            let (sender, mut receiver) = oneshot::channel();
            if !is_heard {
                receiver.close();
            }
            let job = Job { password: Password::new("x".to_owned()), task: Task::Hash(sender), deadline };
            run(job, &recipe, &chance, &mut engine);
            receiver.try_recv().ok()
        };
        let (past, future) = (Instant::now().checked_sub(Duration::from_millis(1)).unwrap(), Instant::now() + super::DEADLINE);
        assert_eq!(run_one(past, true), Some(Err(HashError::Busy)));
        assert_eq!(run_one(future, false), None);
        assert_eq!(chance.0.load(Ordering::Relaxed), 1, "nothing was hashed");
        assert!(run_one(future, true).is_some_and(|answer| answer.is_ok()));
        assert_eq!(chance.0.load(Ordering::Relaxed), 2);
    }
}
