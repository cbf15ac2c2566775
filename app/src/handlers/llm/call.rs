use std::time::Instant;

use axum::response::Response;
use gateway::{
    CallError, Refused,
    face::{Fault, Request, Situation},
};
use http::HeaderMap;
use orchestrator::{
    budgets::Held,
    models::{Caller, Words, goes_elsewhere, wait_after},
};
use tokio::sync::oneshot;
use types::{ReservationId, chat::TokenUsage};

use super::{
    candidate::{Bounds, Candidate, Spent},
    relay::{self, Head, is_gone},
    rest::Rest,
    told::Told,
    translate::translate,
};
use crate::state::App;

/// How often a call is worked out anew because the team's keys or providers were changed meanwhile.
const TURNS: u32 = 5;
/// One call of a client.
pub(super) struct Call {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) request: Request,
    /// Of the client; only some go on.
    pub(super) headers: HeaderMap,
}

/// An attempt that came to nothing.
pub(super) enum Missed {
    /// Another provider may do better.
    Elsewhere(Told),
    Ends(Told),
    /// The team's keys or providers have changed since they were looked at.
    Outdated,
}

impl Call {
    /// Makes the call in a task of its own, since a client that goes away must not take its cost along.
    pub(super) async fn answer(self) -> Result<Response, Told> {
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move { self.run(tell).await });
        let gone = |_| Told::from(Fault::new(Situation::Internal, "The call ended without an answer."));
        told.await.map_err(gone)?
    }

    async fn run(mut self, tell: Head) {
        let mut head = Some(tell);
        let mut last = orchestrator::Error::Busy.into();
        for _ in 0..TURNS {
            match self.turn(&mut head).await {
                Ok(()) => return,
                Err(Missed::Elsewhere(told) | Missed::Ends(told)) => {
                    last = told;
                    break;
                }
                Err(Missed::Outdated) => match self.app.muster.caller_again(&self.caller).await {
                    Ok(caller) => self.caller = caller,
                    Err(error) => {
                        last = error.into();
                        break;
                    }
                },
            }
        }
        // Without a receiver the client has gone, and nobody is left to be told.
        if let Some(head) = head {
            drop(head.send(Err(last)));
        }
    }

    /// Asks one place after another.
    async fn turn(&self, head: &mut Option<Head>) -> Result<(), Missed> {
        let routes = self.app.muster.routes_of(&self.caller, self.request.model()).await;
        let routes = routes.map_err(|error| Missed::Ends(error.into()))?;
        if routes.catalogue != self.caller.catalogue() {
            return Err(Missed::Outdated);
        }
        let mut last = orchestrator::Error::NotFound.into();
        for route in routes.all.iter() {
            if is_gone(head.as_ref()) {
                break;
            }
            let demo = self.app.llm.demo.as_ref();
            let candidate = Candidate::of(route, demo, self.request.format()).map_err(Missed::Ends)?;
            match self.attempt(&candidate, routes.keeps_content, head).await {
                Err(Missed::Elsewhere(told)) => last = told,
                done => return done,
            }
        }
        Err(Missed::Ends(last))
    }

    /// Holds, calls, relays and settles. `head` is taken once the client has its answer's beginning.
    async fn attempt(&self, candidate: &Candidate, keeps: bool, head: &mut Option<Head>) -> Result<(), Missed> {
        let breaker = self.app.muster.breaker();
        if let Some(left) = breaker.rest(candidate.id()) {
            let fault = Fault::new(Situation::Overloaded, "The provider did not answer several times in a row.");
            return Err(Missed::Elsewhere(fault.after(Some(left)).into()));
        }
        let bounds = candidate.bounds(&self.request).map_err(|fault| Missed::Elsewhere(fault.into()))?;
        let mut tries = 0;
        loop {
            tries += 1;
            let Err(refused) = self.ask(candidate, bounds, keeps, head).await? else {
                breaker.works(candidate.id());
                return Ok(());
            };
            // For a client that has gone nothing is tried again.
            let wait = wait_after(&refused.error, tries).filter(|_| !is_gone(head.as_ref()));
            let Some(wait) = wait else { return Err(self.refused(candidate, *refused)) };
            tracing::info!(error = %refused.error, tries, wait_ms = wait.as_millis(), "a model call is tried again");
            // As long as the provider asks for, or longer with each try: at once, it would most likely fail the same way.
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = relay::gone(head.as_mut()) => return Err(self.refused(candidate, *refused)),
            }
        }
    }

    /// One try, held back for itself: what was ordered since the last one, a pause for one, is found here.
    async fn ask(
        &self,
        candidate: &Candidate,
        bounds: Bounds,
        keeps: bool,
        head: &mut Option<Head>,
    ) -> Result<Result<(), Box<Refused>>, Missed> {
        let call = candidate.new_call(self.caller.spender, bounds, self.app.muster.clock().now());
        let held = self.app.muster.hold_for(&self.caller, call).await;
        let held = held.map_err(|error| Missed::Ends(error.into()))?.ok_or(Missed::Outdated)?;
        let began = Instant::now();
        let outcome = if candidate.is_native(self.request.format()) {
            self.forward(candidate, bounds, keeps, head, began).await
        } else {
            translate(self, candidate, (bounds, keeps), head, began).await
        };
        match outcome {
            Ok(spent) => {
                let reservation = held.id();
                self.settle(candidate, held, &spent).await;
                if let Some(answer) = spent.words.as_deref().filter(|_| keeps) {
                    self.keep_words(candidate, reservation, answer).await;
                }
                Ok(Ok(()))
            }
            Err(refused) => {
                self.give_back(candidate, held, (bounds, began), &refused.error).await;
                Ok(Err(refused))
            }
        }
    }

    /// Passes a request of the provider's own format on, and its answer back.
    async fn forward(
        &self,
        candidate: &Candidate,
        bounds: Bounds,
        keeps: bool,
        head: &mut Option<Head>,
        began: Instant,
    ) -> Result<Spent, Box<Refused>> {
        let provider = candidate.provider();
        let unless_said = super::candidate::OUTPUT_UNLESS_SAID;
        let outgoing = self.request.outgoing(candidate.model(), unless_said, provider.is_openai_itself());
        let mut rest = Rest::new(self.app.llm.rest);
        let asked = self.app.muster.gateway().forward(provider, &outgoing, &self.headers);
        let forwarded = rest.bound(relay::gone(head.as_mut()), asked).await?;
        Ok(relay::forward(&self.request, forwarded, (bounds, keeps), (head, rest), began).await)
    }

    fn refused(&self, candidate: &Candidate, refused: Refused) -> Missed {
        let elsewhere = goes_elsewhere(&refused.error);
        if elsewhere {
            self.app.muster.breaker().fails(candidate.id(), &refused.error);
        }
        tracing::info!(provider = %candidate.id(), error = %refused.error, "a provider did not answer a call");
        if elsewhere { Missed::Elsewhere(refused.into()) } else { Missed::Ends(refused.into()) }
    }

    /// A call without an answer: paid for where the provider may have begun to work, given back otherwise.
    async fn give_back(
        &self,
        candidate: &Candidate,
        held: Held,
        (bounds, began): (Bounds, Instant),
        error: &CallError,
    ) {
        if error.may_have_cost() {
            // A status instead of an answer means that none was written. Anything else may stand for one that never came.
            let output = if matches!(error, CallError::Refused { .. }) { 0 } else { bounds.output };
            let guess = TokenUsage { uncached: bounds.input, output, ..TokenUsage::default() };
            let usage = error.partial_usage().unwrap_or(guess);
            let model = String::new();
            let took = began.elapsed();
            let spent = Spent { usage, estimated: true, failed: true, model, took, words: None };
            self.settle(candidate, held, &spent).await;
        } else if let Err(error) = self.app.muster.release(held).await {
            tracing::error!(%error, "a call could not be given back; it counts as lost within a minute");
        }
    }

    /// The call is answered and paid for: it does not fail for this.
    async fn keep_words(&self, candidate: &Candidate, reservation: ReservationId, answer: &str) {
        let request = self.request.text();
        let words = Words { request: &request, answer };
        let kept = self.app.muster.keep_words(self.caller.team(), reservation, candidate.provider(), words).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "the words of a call could not be kept");
        }
    }

    async fn settle(&self, candidate: &Candidate, held: Held, spent: &Spent) {
        let used = candidate.used(spent, self.app.muster.clock().now());
        if let Err(error) = self.app.muster.settle(held, used).await {
            tracing::error!(%error, "a call could not be settled; it counts as lost within a minute");
        }
    }
}
