use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{
    Key, MAX_PASSWORD_CHARS, RandomError, Verdict,
    key::random_bytes,
    password::normalised,
    stored::{self, Pepper},
};

/// How long a caller waits for its turn before the service says that it is busy.
const MAX_WAIT: Duration = Duration::from_secs(2);
const SALT_BYTES: usize = 16;

/// Hashes and checks passwords away from the async threads, a bounded number at a time.
///
/// Each hash takes 19 MiB and tens of milliseconds of one core, so the bound is what keeps a burst of sign-ins from taking
/// the machine. Clones share it.
#[derive(Clone, Debug)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    hashed: Arc<AtomicU64>,
    wait: Duration,
    pepper: Option<Pepper>,
}

#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// No turn within two seconds. Answer 503 and ask to try again.
    #[error("too many passwords are being checked just now")]
    Busy,
    #[error("passwords have at most 256 characters")]
    TooLong,
    /// The stored hash cannot be used; says why, without the hash.
    #[error("the stored password hash cannot be used: {0}")]
    Stored(&'static str),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error("argon2 failed: {0}")]
    Argon2(argon2::password_hash::Error),
    /// The hashing task panicked, or the runtime is shutting down.
    #[error("the hashing task did not finish: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Hasher {
    /// A hasher that works on at most `concurrency` passwords at once (at least one). The number of cores is a good bound.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(concurrency.max(1))),
            hashed: Arc::default(),
            wait: MAX_WAIT,
            pepper: None,
        }
    }

    /// Keys every new hash, so that stored hashes alone are of no use. Hashes made before still match, and ask to be renewed.
    #[must_use]
    pub fn with_pepper(self, key: Key) -> Self {
        Self { pepper: Some(Pepper::new(key)), ..self }
    }

    /// The hash to store, in the PHC string format, under a new salt.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] after two seconds without a turn; [`HashError::TooLong`] above the limit of the rules.
    pub async fn hash(&self, password: &str) -> Result<String, HashError> {
        let password = accepted(password).ok_or(HashError::TooLong)?;
        let salt = random_bytes::<SALT_BYTES>()?;
        let pepper = self.pepper.clone();
        self.take_turn(move || stored::hash(&password, salt.as_slice(), pepper.as_ref())).await?
    }

    /// Compares a password with what is stored. `None`, for a person who does not exist, takes as long and never matches.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] after two seconds without a turn; [`HashError::Stored`] when the stored hash cannot be used.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, HashError> {
        let Some(password) = accepted(password) else {
            // Nobody's password is that long, known person or not: the early answer tells nothing.
            return Ok(Verdict { matches: false, needs_rehash: false });
        };
        let stored = stored.map(str::to_owned);
        let pepper = self.pepper.clone();
        self.take_turn(move || stored::verify(&password, stored.as_deref(), pepper.as_ref())).await?
    }

    /// How many passwords this and its clones have hashed: what tests look at instead of a watch, to see that strangers cost the
    /// same as people.
    #[must_use]
    pub fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// The permit moves into the work: a caller who goes away does not make room for another while the work still runs.
    async fn take_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let turn = tokio::time::timeout(self.wait, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(permit)) = turn else {
            return Err(HashError::Busy);
        };
        let hashed = Arc::clone(&self.hashed);
        let result = tokio::task::spawn_blocking(move || {
            let result = work();
            hashed.fetch_add(1, Ordering::Relaxed);
            drop(permit);
            result
        });
        Ok(result.await?)
    }
}

fn accepted(password: &str) -> Option<Zeroizing<String>> {
    let fits = |text: &str| text.chars().take(MAX_PASSWORD_CHARS + 1).count() <= MAX_PASSWORD_CHARS;
    fits(password).then(|| normalised(password)).filter(|text| fits(text))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_password_is_recognised_in_either_composition() {
        let hasher = Hasher::new(2).with_pepper(Key::from_bytes([5; 32]));
        let stored = hasher.hash("caf\u{e9} au lait").await.unwrap();
        assert_ne!(stored, hasher.hash("caf\u{e9} au lait").await.unwrap(), "every hash has its own salt");
        assert!(hasher.verify("cafe\u{301} au lait", Some(&stored)).await.unwrap().matches);
        assert!(!hasher.verify("cafe au lait", Some(&stored)).await.unwrap().matches);
        assert!(!hasher.verify("caf\u{e9} au lait", None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn overlong_passwords_are_never_hashed() {
        let hasher = Hasher::new(1);
        let long = "x".repeat(MAX_PASSWORD_CHARS + 1);
        assert!(matches!(hasher.hash(&long).await, Err(HashError::TooLong)));
        assert!(!hasher.verify(&long, None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn a_full_hasher_says_that_it_is_busy() {
        let hasher = Hasher { wait: Duration::from_millis(5), ..Hasher::new(1) };
        let turn = Arc::clone(&hasher.turns).acquire_owned().await.unwrap();
        assert!(matches!(hasher.hash("correct horse").await, Err(HashError::Busy)));
        drop(turn);
        assert!(hasher.hash("correct horse").await.is_ok());
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_keeps_the_turn_until_the_work_ends() {
        let hasher = Hasher::new(1);
        let (started, wait_for_start) = tokio::sync::oneshot::channel();
        let (finish, wait_for_finish) = mpsc::channel::<()>();
        let caller = tokio::spawn({
            let hasher = hasher.clone();
            async move {
                hasher
                    .take_turn(move || {
                        started.send(()).unwrap();
                        wait_for_finish.recv()
                    })
                    .await
            }
        });
        wait_for_start.await.unwrap();
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        assert_eq!(hasher.turns.available_permits(), 0);
        finish.send(()).unwrap();
        drop(hasher.turns.acquire().await.unwrap());
    }
}
