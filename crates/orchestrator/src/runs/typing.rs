//! What a model is writing just now, for whoever watches its run, on whichever node. It is told in passing and kept nowhere:
//! what counts is the entry in the journal when the answer is whole.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};
use types::RunId;
use uuid::Uuid;

use crate::{Orchestrator, Result};

/// Pieces of answers, as `run`, `call`, the place of the piece in bytes, the agent, each on a line, and the text. A payload
/// without a place says that the call is over.
pub(crate) const CHANNEL: &str = "muster_typing";

/// Between two pieces.
const PACE: Duration = Duration::from_millis(100);
/// A notification may have 8,000 bytes.
const PIECE: usize = 6_000;
/// What is longer is shown from here.
const SHOWN: usize = 64 * 1024;
/// Whoever wrote has gone without a word.
const STALE: Duration = Duration::from_secs(60);
const BACKLOG: usize = 1024;

/// Half an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    /// The agent's name.
    pub agent: String,
    pub text: String,
    call: Uuid,
    at: Instant,
}

/// The half answers that this node has heard of.
#[derive(Clone, Debug)]
pub(crate) struct Typing {
    halves: Arc<Mutex<HashMap<RunId, Vec<Half>>>>,
    heard: broadcast::Sender<RunId>,
}

impl Default for Typing {
    fn default() -> Self {
        Self { halves: Arc::default(), heard: broadcast::channel(BACKLOG).0 }
    }
}

impl Typing {
    /// Takes a payload in.
    pub(super) fn hear(&self, payload: &str) {
        let mut lines = payload.splitn(5, '\n');
        let (Some(Ok(run)), Some(Ok(call))) =
            (lines.next().map(str::parse::<RunId>), lines.next().map(str::parse::<Uuid>))
        else {
            return;
        };
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.retain(|_, halves| {
            halves.retain(|half| half.at.elapsed() < STALE);
            !halves.is_empty()
        });
        match (lines.next().and_then(|place| place.parse::<usize>().ok()), lines.next(), lines.next()) {
            (Some(place), Some(agent), Some(text)) => {
                let fresh = Half { agent: agent.to_owned(), text: String::new(), call, at: Instant::now() };
                let half = of_agent(halves.entry(run).or_default(), fresh);
                // A node that began to listen in the middle has no beginning.
                if half.text.is_empty() && place > 0 {
                    half.text.push('…');
                }
                half.at = Instant::now();
                if half.text.len() < SHOWN {
                    half.text.push_str(text);
                }
            }
            _ => {
                let Some(of_run) = halves.get_mut(&run) else { return };
                let before = of_run.len();
                of_run.retain(|half| half.call != call);
                if of_run.len() == before {
                    return;
                }
            }
        }
        drop(halves);
        if self.heard.send(run).is_err() {
            tracing::trace!("nobody watches anybody write");
        }
    }
}

/// The half answer that a piece belongs to. An agent writes one at a time: an older one of it was not ended in order.
fn of_agent(halves: &mut Vec<Half>, fresh: Half) -> &mut Half {
    let at = match halves.binary_search_by(|half| half.agent.cmp(&fresh.agent)) {
        Ok(at) => {
            if halves[at].call != fresh.call {
                halves[at] = fresh;
            }
            at
        }
        Err(at) => {
            halves.insert(at, fresh);
            at
        }
    };
    &mut halves[at]
}

/// Hears of one run's half answers.
#[derive(Debug)]
pub struct TypingWatch {
    typing: Typing,
    heard: broadcast::Receiver<RunId>,
    run: RunId,
}

impl TypingWatch {
    /// Returns when there is more of it, or no more.
    pub async fn heard(&mut self) {
        loop {
            match self.heard.recv().await {
                Ok(run) if run != self.run => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// What is being written now, by the agents' names: more than one where coders write at the same time.
    #[must_use]
    pub fn now(&self) -> Vec<Half> {
        let halves = self.typing.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.get(&self.run).into_iter().flatten().filter(|half| half.at.elapsed() < STALE).cloned().collect()
    }
}

impl Orchestrator {
    /// Begins to hear of what a model writes for a run. Whoever calls has seen that the run is of their team.
    #[must_use]
    pub fn watch_typing(&self, run: RunId) -> TypingWatch {
        let typing = self.live.typing.clone();
        TypingWatch { heard: typing.heard.subscribe(), typing, run }
    }

    async fn tell_typing(&self, payload: &str) -> Result<()> {
        let mut connection = self.db().global_once().await?;
        sqlx::query_scalar!("SELECT pg_notify($1, $2)::text", CHANNEL, payload).fetch_one(&mut *connection).await?;
        Ok(())
    }
}

/// Tells what a model writes, for the time of one call. Its end is told when this is dropped.
pub(super) struct Typist(mpsc::UnboundedSender<String>);

impl Typist {
    pub(super) fn begin(muster: &Orchestrator, run: RunId, agent: &str) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        // One line, as the payload has it.
        let agent = agent.replace('\n', " ");
        tokio::spawn(tell(muster.clone(), run, agent, receiver));
        Self(sender)
    }

    pub(super) fn write(&self, text: String) {
        if self.0.send(text).is_err() {
            tracing::trace!("nobody tells what is written any more");
        }
    }
}

async fn tell(muster: Orchestrator, run: RunId, agent: String, mut written: mpsc::UnboundedReceiver<String>) {
    let (call, mut place) = (Uuid::now_v7(), 0);
    while let Some(mut text) = written.recv().await {
        let until = Instant::now() + PACE;
        while let Ok(more) = tokio::time::timeout_at(until, written.recv()).await {
            let Some(more) = more else { break };
            text.push_str(&more);
        }
        // A notification ends at a zero byte.
        let mut rest = text.replace('\0', "\u{fffd}");
        while !rest.is_empty() && !written.is_closed() {
            let after = rest.split_off(rest.floor_char_boundary(PIECE));
            let told = muster.tell_typing(&format!("{run}\n{call}\n{place}\n{agent}\n{rest}")).await;
            if let Err(error) = told {
                tracing::debug!(%error, "could not tell what is being written");
            }
            place += rest.len();
            rest = after;
        }
    }
    if place > 0
        && let Err(error) = muster.tell_typing(&format!("{run}\n{call}")).await
    {
        tracing::debug!(%error, "could not tell that an answer is whole");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_become_a_half_and_the_end_takes_it_away() {
        let (typing, run, call) = (Typing::default(), RunId::new(), Uuid::now_v7());
        let watch = TypingWatch { heard: typing.heard.subscribe(), typing: typing.clone(), run };
        let texts = || watch.now().into_iter().map(|half| half.text).collect::<Vec<_>>();
        typing.hear(&format!("{run}\n{call}\n0\nRoza\nI read\nthe "));
        typing.hear(&format!("{run}\n{call}\n10\nRoza\ntests"));
        assert_eq!(texts(), ["I read\nthe tests"]);
        typing.hear(&format!("{run}\n{}", Uuid::now_v7()));
        assert_eq!(texts().len(), 1, "another call's end is not this one's");
        typing.hear(&format!("{run}\n{call}"));
        assert!(texts().is_empty());
        typing.hear(&format!("{run}\n{call}\n40\nRoza\nthe rest"));
        assert_eq!(texts(), ["…the rest"]);
        typing.hear("nonsense");
    }

    #[tokio::test]
    async fn agents_who_write_at_the_same_time_have_a_half_each() {
        let (typing, run, [one, two]) = (Typing::default(), RunId::new(), [Uuid::now_v7(), Uuid::now_v7()]);
        let watch = TypingWatch { heard: typing.heard.subscribe(), typing: typing.clone(), run };
        let halves = || watch.now().into_iter().map(|half| (half.agent, half.text)).collect::<Vec<_>>();
        typing.hear(&format!("{run}\n{two}\n0\nTove\nI add"));
        typing.hear(&format!("{run}\n{one}\n0\nRoza\nI read"));
        typing.hear(&format!("{run}\n{two}\n5\nTove\n tests"));
        let half = |agent: &str, text: &str| (agent.to_owned(), text.to_owned());
        assert_eq!(halves(), [half("Roza", "I read"), half("Tove", "I add tests")]);
        typing.hear(&format!("{run}\n{}\n0\nRoza\nNext", Uuid::now_v7()));
        assert_eq!(halves(), [half("Roza", "Next"), half("Tove", "I add tests")]);
        typing.hear(&format!("{run}\n{two}"));
        assert_eq!(halves(), [half("Roza", "Next")]);
    }
}
