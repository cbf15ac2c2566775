//! The plan catalogue: what a plan costs and how much it allows. Every page and every limit reads it here.

use types::MicroUsd;

/// One version of the catalogue. A subscription keeps the version it was bought under.
#[derive(Debug)]
pub struct Catalogue {
    /// The day it came into force, which is also its name.
    pub version: &'static str,
    /// Whether the prices are only examples and nothing is charged.
    pub placeholder: bool,
    pub plans: &'static [Plan],
    pub meters: &'static [Meter],
}

#[derive(Debug)]
pub struct Plan {
    pub id: &'static str,
    pub name: &'static str,
    pub audience: &'static str,
    pub seat: Seat,
    pub limits: Limits,
}

/// What a seat costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    Free,
    /// For one seat: a month billed monthly, and a whole year billed at once.
    Paid {
        month: MicroUsd,
        year: MicroUsd,
    },
    ByContract,
}

#[derive(Debug)]
pub struct Limits {
    pub seats: Limit,
    pub runs_at_once: Limit,
    /// A month.
    pub sandbox_hours: Limit,
    /// In hours.
    pub longest_run: Limit,
    pub repositories: Limit,
    /// In gigabytes, the daily average.
    pub storage: Limit,
    /// In days.
    pub audit_kept: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    UpTo(u32),
    None,
    ByContract,
}

/// Something that is counted.
#[derive(Debug)]
pub struct Meter {
    pub name: &'static str,
    pub counts: &'static str,
    pub leaves_out: &'static str,
    pub beyond: Beyond,
}

/// The price of more than the plan holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    Each(MicroUsd),
    NeverBilled,
    PlanPrice,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UpTo(count @ ..1000) => write!(f, "{count}"),
            Self::UpTo(count) => write!(f, "{},{:03}", count / 1000, count % 1000),
            Self::None => f.write_str("No limit"),
            Self::ByContract => f.write_str("By contract"),
        }
    }
}

pub const CATALOGUE: Catalogue = Catalogue {
    version: "2026-11-01",
    placeholder: true,
    plans: &[FREE, TEAM, BUSINESS, ENTERPRISE],
    meters: &[
        Meter {
            name: "Sandbox hour",
            counts: "One sandbox alive for one hour, counted by the second",
            leaves_out: "While a run waits for a person, a quota or the queue",
            beyond: Beyond::Each(MicroUsd::from_cents(15)),
        },
        Meter {
            name: "Storage, GB a month",
            counts: "Snapshots, artifacts and logs, the daily average",
            leaves_out: "What retention has deleted",
            beyond: Beyond::Each(MicroUsd::from_cents(10)),
        },
        Meter {
            name: "Model tokens, own key",
            counts: "Metered and capped; your provider bills them",
            leaves_out: "Nothing",
            beyond: Beyond::NeverBilled,
        },
        Meter {
            name: "Seat",
            counts: "A member who was active in the period, the highest count",
            leaves_out: "Pending invitations, agents, service accounts",
            beyond: Beyond::PlanPrice,
        },
    ],
};

const FREE: Plan = Plan {
    id: "free",
    name: "Free",
    audience: "One person, or a first look",
    seat: Seat::Free,
    limits: Limits {
        seats: Limit::UpTo(3),
        runs_at_once: Limit::UpTo(2),
        sandbox_hours: Limit::UpTo(20),
        longest_run: Limit::UpTo(1),
        repositories: Limit::UpTo(3),
        storage: Limit::UpTo(5),
        audit_kept: Limit::UpTo(90),
    },
};

const TEAM: Plan = Plan {
    id: "team",
    name: "Team",
    audience: "A team that ships every week",
    seat: Seat::Paid { month: MicroUsd::from_cents(2_400), year: MicroUsd::from_cents(24_000) },
    limits: Limits {
        seats: Limit::UpTo(50),
        runs_at_once: Limit::UpTo(10),
        sandbox_hours: Limit::UpTo(300),
        longest_run: Limit::UpTo(8),
        repositories: Limit::UpTo(50),
        storage: Limit::UpTo(50),
        audit_kept: Limit::UpTo(365),
    },
};

const BUSINESS: Plan = Plan {
    id: "business",
    name: "Business",
    audience: "Several teams and a security review",
    seat: Seat::Paid { month: MicroUsd::from_cents(4_800), year: MicroUsd::from_cents(48_000) },
    limits: Limits {
        seats: Limit::UpTo(500),
        runs_at_once: Limit::UpTo(40),
        sandbox_hours: Limit::UpTo(1_000),
        longest_run: Limit::UpTo(24),
        repositories: Limit::None,
        storage: Limit::UpTo(250),
        audit_kept: Limit::UpTo(1_095),
    },
};

const ENTERPRISE: Plan = Plan {
    id: "enterprise",
    name: "Enterprise",
    audience: "Own region, own contract",
    seat: Seat::ByContract,
    limits: Limits {
        seats: Limit::ByContract,
        runs_at_once: Limit::ByContract,
        sandbox_hours: Limit::ByContract,
        longest_run: Limit::ByContract,
        repositories: Limit::None,
        storage: Limit::ByContract,
        audit_kept: Limit::ByContract,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_costs_ten_months() {
        for plan in CATALOGUE.plans {
            if let Seat::Paid { month, year } = plan.seat {
                assert_eq!(month.checked_mul(10), Some(year), "{}: “two months free” would be untrue", plan.name);
                assert_eq!(year.micros() % 12, 0, "{}: a month of a year is no whole amount", plan.name);
            }
        }
    }

    #[test]
    fn a_dearer_plan_never_allows_less() {
        let rank = |limit| match limit {
            Limit::UpTo(count) => u64::from(count),
            Limit::None | Limit::ByContract => u64::MAX,
        };
        for pair in CATALOGUE.plans.windows(2) {
            let all = |l: &Limits| {
                [l.seats, l.runs_at_once, l.sandbox_hours, l.longest_run, l.repositories, l.storage, l.audit_kept]
                    .map(rank)
            };
            let (less, more) = (all(&pair[0].limits), all(&pair[1].limits));
            assert!(less.iter().zip(&more).all(|(less, more)| less <= more), "{} and {}", pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn limits_read_well() {
        assert_eq!(Limit::UpTo(1_005).to_string(), "1,005");
        assert_eq!(Limit::UpTo(999).to_string(), "999");
        assert_eq!(Limit::None.to_string(), "No limit");
    }
}
