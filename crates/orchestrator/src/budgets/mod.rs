//! Budgets: a tree of limits over what model calls cost, and the books that keep them.
//!
//! A call [holds](crate::Orchestrator::hold) its worst case back on every node of its path, in one transaction under the
//! team's lock, before it is made; afterwards it is [settled](crate::Orchestrator::settle). What is held and spent can
//! therefore never pass a limit, however many calls and processes there are. The rules are pure (`book`, `tree`,
//! `period`), the lock and the rows are `till` and `load`, and `desk` puts the wishes of one process together.

mod alerts;
mod anew;
mod book;
mod burn;
mod calls;
mod desk;
mod draft;
mod edit;
mod fit;
mod forecast;
mod inside;
mod ledger;
mod line;
mod load;
mod pause;
mod period;
mod read;
mod reaper;
mod reconcile;
mod requests;
mod rows;
mod signal;
mod till;
mod tree;
mod write;

pub use book::{Measure, Refusal};
pub use burn::{Burn, BurnDay};
pub(crate) use calls::Terms;
pub use calls::{Held, NewCall, Used};
pub(crate) use desk::Desk;
pub use draft::{BudgetDraft, BudgetPart};
pub use edit::BudgetSettings;
pub use forecast::Forecast;
pub use inside::AgentRefusal;
pub use ledger::{EntryKind, LedgerEntry, LedgerFilter, LedgerPlace, LedgerUse};
pub(crate) use load::{catalogue_changed, lock as lock_books};
pub(crate) use pause::pause_of;
pub use pause::{PauseView, Stopped};
pub use period::{Calendar, Period, Window, knows_time_zone};
pub(crate) use period::{date_in, day_starts};
pub use read::{AlertView, BudgetView};
pub use reconcile::Difference;
pub use requests::{BudgetDecision, BudgetRequest};
pub use signal::BudgetSignal;
pub(crate) use signal::has_place;
pub use tree::{BoundKind, Leg, Limit, Node, Pause, Spender, Subject, Tree};

/// A moment to the minute, for sentences: `2026-11-21 09:30`.
pub(crate) fn minute(at: time::OffsetDateTime) -> String {
    let (date, hour, minute) = (at.date(), at.hour(), at.minute());
    format!("{date} {hour:02}:{minute:02}")
}
