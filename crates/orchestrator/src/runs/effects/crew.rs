//! Coders who write at the same time, each in a workspace and a sandbox of its own.
//!
//! Their calls and tools are recorded steps, of which several run beside each other. The engine knows a step by its number, and
//! numbers them as they are built; a workflow that is entered again must build them in the same order. So it is recorded too
//! whose step was ready first, and the next step of that coder is built only then. No coder waits for another.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use agents::builtin::{Next, Outcome as Came};
use dbos::PendingStep;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use types::{
    StepId,
    chat::{Answer, ChatRequest, ToolCall},
};

use super::{agent::Used, model::TooLong, shares::Share, turn::unexpected};
use crate::{
    runs::{
        job::Job,
        machine::{Clash, Failure, Outcome},
        shop::Shop,
        workflow::{Stumble, in_the_end, pending, step},
    },
    squads::PlannedAgent,
};

/// What came of a coder's step.
#[derive(Debug, Serialize, Deserialize)]
enum Did {
    Called(Result<Answer, TooLong>),
    Used(Used),
    /// The share is handed over; the commit of its files.
    Ended(String),
}

/// What a coder's step is done with.
struct Seat<'a> {
    shop: &'a Shop,
    job: Job,
    agent: &'a PlannedAgent,
    row: StepId,
    /// What its steps' names begin with.
    name: String,
}

struct Coder<'a> {
    /// None where the share was handed over before the run stood still.
    seat: Option<Arc<Seat<'a>>>,
    share: Share,
    calls: u32,
    tools: u32,
    under_way: Option<PendingStep<'a, Did, Stumble>>,
    done: Option<dbos::Result<Did, Stumble>>,
}

struct Crew<'a> {
    name: &'a str,
    coders: Vec<Coder<'a>>,
    /// Whose steps are done and not looked at yet, as they came.
    ready: watch::Sender<Vec<usize>>,
    orders: u32,
}

/// Lets the coders work until each has handed its share over, asks, or cannot go on; then puts their work together.
pub(super) async fn work(
    shop: &Shop,
    job: &Job,
    name: &str,
    shares: Vec<Share>,
) -> dbos::Result<(Outcome, Vec<Clash>), Stumble> {
    let mut crew = Crew::new(shop, job, name, shares)?;
    let stumbled = crew.work().await?;
    let shares: &[Share] = &crew.coders.into_iter().map(|coder| coder.share).collect::<Vec<_>>();
    match stumbled {
        Some(held @ Stumble::HeldUp(_)) => {
            step(&format!("{name}: keep"), || shop.keep_shares(job, shares, false)).await?;
            Err(held.into())
        }
        Some(other) => {
            // What there is can be gone on from. Where even that is impossible, the first reason is the one to tell.
            let kept: dbos::Result<Vec<Clash>, Stumble> =
                step(&format!("{name}: combine"), || shop.combine(job, shares)).await;
            match kept {
                Ok(_) | Err(dbos::Error::Application(Stumble::Final { .. })) => Err(other.into()),
                Err(error) => Err(error),
            }
        }
        None if shares.iter().all(|share| share.ended) => {
            let clashes: Vec<Clash> = step(&format!("{name}: combine"), || shop.combine(job, shares)).await?;
            Ok((if clashes.is_empty() { Outcome::Done } else { Outcome::Clashed }, clashes))
        }
        None => {
            step(&format!("{name}: ask"), || shop.keep_shares(job, shares, true)).await?;
            Ok((Outcome::Asked, Vec::new()))
        }
    }
}

impl<'a> Crew<'a> {
    fn new(shop: &'a Shop, job: &'a Job, name: &'a str, shares: Vec<Share>) -> dbos::Result<Self, Stumble> {
        let mut coders = Vec::with_capacity(shares.len());
        for (lane, share) in (0..).zip(shares) {
            let agent = job.coder(share.agent)?;
            let name = if lane == 0 { name.to_owned() } else { format!("{name} {}", lane + 1) };
            let seat = share.row.map(|row| Arc::new(Seat { shop, job: job.in_lane(lane), agent, row, name }));
            coders.push(Coder { seat, share, calls: 0, tools: 0, under_way: None, done: None });
        }
        Ok(Self { name, coders, ready: watch::Sender::new(Vec::new()), orders: 0 })
    }

    /// Why they cannot go on, if so. Whoever is in the middle of a step when another one cannot go on ends that step.
    async fn work(&mut self) -> dbos::Result<Option<Stumble>, Stumble> {
        let mut stumbled = None;
        for coder in &mut self.coders {
            coder.go_on(false);
        }
        while let Some((at, done)) = self.first().await? {
            let Some(coder) = self.coders.get_mut(at) else { break };
            match done {
                Ok(did) => coder.take(did)?,
                Err(dbos::Error::Application(stumble @ (Stumble::HeldUp(_) | Stumble::Final { .. }))) => {
                    stumbled = Some(worse(stumbled, stumble));
                    continue;
                }
                Err(dbos::Error::Application(Stumble::Passing(sentence))) => {
                    stumbled = Some(worse(stumbled, Stumble::last(Failure::Internal, sentence)));
                    continue;
                }
                Err(error) => return Err(error),
            }
            coder.go_on(stumbled.is_some());
        }
        Ok(stumbled)
    }

    /// Waits for a step, and says whose it was. None when nobody does anything any more.
    async fn first(&mut self) -> dbos::Result<Option<(usize, dbos::Result<Did, Stumble>)>, Stumble> {
        let open = |(at, coder): (usize, &Coder<'_>)| (coder.under_way.is_some() || coder.done.is_some()).then_some(at);
        let busy: Vec<usize> = self.coders.iter().enumerate().filter_map(open).collect();
        let (mut chosen, mut order) = match busy.as_slice() {
            [] => return Ok(None),
            [only] => (Some(*only), None),
            _ => (None, Some(self.order())),
        };
        let (at, done) = poll_fn(|context| {
            self.poll_steps(context);
            if let Some(lost) = self.coders.iter_mut().find_map(Coder::lost) {
                return Poll::Ready(Err(lost));
            }
            if let (None, Some(order)) = (chosen, &mut order)
                && let Poll::Ready(answer) = Pin::new(order).poll(context)
            {
                chosen = Some(answer?);
            }
            match chosen.and_then(|at| Some((at, self.coders.get_mut(at)?.done.take()?))) {
                Some(found) => Poll::Ready(Ok(found)),
                None => Poll::Pending,
            }
        })
        .await?;
        self.ready.send_modify(|ready| ready.retain(|one| *one != at));
        Ok(Some((at, done)))
    }

    fn poll_steps(&mut self, context: &mut Context<'_>) {
        for (at, coder) in self.coders.iter_mut().enumerate() {
            if let Some(under_way) = &mut coder.under_way
                && let Poll::Ready(done) = Pin::new(under_way).poll(context)
            {
                coder.under_way = None;
                coder.done = Some(in_the_end(done));
                self.ready.send_modify(|ready| ready.push(at));
            }
        }
    }

    /// Records whose step was done first.
    fn order(&mut self) -> PendingStep<'a, usize, Stumble> {
        self.orders += 1;
        let ready = self.ready.subscribe();
        pending(&format!("{}: order {}", self.name, self.orders), move || {
            let mut ready = ready.clone();
            async move {
                let none = || Stumble::last(Failure::Internal, "No coder is at work.");
                let ready = ready.wait_for(|ready| !ready.is_empty()).await.map_err(|_| none())?;
                ready.first().copied().ok_or_else(none)
            }
        })
    }
}

impl<'a> Coder<'a> {
    /// Begins the next step; where the run is about to stand still, only the one that hands the share over.
    fn go_on(&mut self, halted: bool) {
        let Some(seat) = self.seat.clone().filter(|_| !self.share.ended) else { return };
        self.under_way = match self.share.turn.next() {
            Next::CallModel(request) if !halted => {
                self.calls += 1;
                Some(seat.call(self.calls, request))
            }
            Next::CallTools(wanted) if !halted => wanted.into_iter().next().map(|call| {
                self.tools += 1;
                seat.tool(self.tools, call, self.share.files.clone())
            }),
            Next::Done(Came::Asked { .. }) | Next::CallModel(_) | Next::CallTools(_) => None,
            Next::Done(_) => Some(seat.end(self.share.clone())),
        };
    }

    fn take(&mut self, did: Did) -> dbos::Result<(), Stumble> {
        let share = &mut self.share;
        match did {
            Did::Called(Ok(answer)) => share.turn.answered(&answer),
            Did::Called(Err(TooLong)) => share.turn.too_long(),
            Did::Used(used) => {
                if let Some(files) = used.files {
                    share.files = files;
                }
                share.turn.tool_done(used.result)
            }
            Did::Ended(files) => {
                (share.files, share.ended) = (files, true);
                Ok(())
            }
        }
        .map_err(unexpected)?;
        Ok(())
    }

    /// An end that is not a step's result: the run is another's, or the engine stops. Nothing more is waited for.
    fn lost(&mut self) -> Option<dbos::Error<Stumble>> {
        let stands = |error: &dbos::Error<Stumble>| {
            matches!(error, dbos::Error::Application(Stumble::HeldUp(_) | Stumble::Final { .. } | Stumble::Passing(_)))
        };
        match self.done.take() {
            Some(Err(error)) if !stands(&error) => Some(error),
            other => {
                self.done = other;
                None
            }
        }
    }
}

impl<'a> Seat<'a> {
    fn call(self: Arc<Self>, number: u32, request: ChatRequest) -> PendingStep<'a, Did, Stumble> {
        let key = format!("{}: model {number}", self.name);
        let booked: Arc<str> = format!("{}.{key}", self.job.segment.number).into();
        let request = Arc::new(request);
        pending(&key, move || {
            let (seat, booked, request) = (Arc::clone(&self), Arc::clone(&booked), Arc::clone(&request));
            async move {
                let Seat { shop, job, agent, row, .. } = &*seat;
                match shop.call_model(job, agent, *row, &booked, &request).await {
                    // A refused model of one coder ends nothing that the others do: the run stands still until it is another.
                    Err(Stumble::Final { failure: Failure::Model, sentence }) => {
                        let told = |_: &str| format!("{} cannot go on: {sentence}", agent.name);
                        Err(shop.without_model(job, agent, told).await?)
                    }
                    answer => answer.map(Did::Called),
                }
            }
        })
    }

    fn tool(self: Arc<Self>, number: u32, call: ToolCall, files: String) -> PendingStep<'a, Did, Stumble> {
        let key: Arc<str> = format!("{}: tool {number}", self.name).into();
        let with = Arc::new((call, files));
        pending(&Arc::clone(&key), move || {
            let (seat, key, with) = (Arc::clone(&self), Arc::clone(&key), Arc::clone(&with));
            async move {
                let (Seat { shop, job, agent, row, .. }, (call, files)) = (&*seat, &*with);
                shop.use_tool(job, agent, *row, (&key, Some(files)), call).await.map(Did::Used)
            }
        })
    }

    fn end(self: Arc<Self>, share: Share) -> PendingStep<'a, Did, Stumble> {
        let share = Arc::new(share);
        pending(&format!("{}: end", self.name), move || {
            let (seat, share) = (Arc::clone(&self), Arc::clone(&share));
            async move {
                let Seat { shop, job, agent, row, .. } = &*seat;
                shop.end_share(job, agent, *row, &share).await.map(Did::Ended)
            }
        })
    }
}

/// The one that says more: what cannot go on at all weighs more than what cannot just now.
fn worse(before: Option<Stumble>, now: Stumble) -> Stumble {
    match before {
        Some(last @ Stumble::Final { .. }) => last,
        _ => now,
    }
}
