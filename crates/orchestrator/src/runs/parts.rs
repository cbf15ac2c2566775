use agents::PlanItem;
use types::AgentRole;

/// Coders of one run who write at the same time, each with a sandbox of its own.
const AT_ONCE: usize = 4;

/// Deals the coders' steps of a plan out to so many coders: each gets whole parts, in the order of the plan. Steps are named by
/// their place in the plan, counted from 0.
///
/// With fewer than two shares there is nothing to write at the same time. So it is as soon as one of the steps names no part:
/// what it needs, and who needs it, is not known.
pub(super) fn deal(plan: &[PlanItem], coders: usize) -> Vec<Vec<usize>> {
    let mut parts: Vec<(&str, Vec<usize>)> = Vec::new();
    let steps = plan.iter().enumerate().filter(|(_, item)| item.role.is_none_or(|role| role == AgentRole::Coder));
    for (at, item) in steps {
        let Some(part) = item.part.as_deref().map(str::trim).filter(|part| !part.is_empty()) else { return Vec::new() };
        match parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, steps)) => steps.push(at),
            None => parts.push((part, vec![at])),
        }
    }
    let mut shares = vec![Vec::new(); parts.len().min(coders).min(AT_ONCE)];
    let turns = (0..shares.len()).cycle();
    for ((_, steps), to) in parts.into_iter().zip(turns) {
        if let Some(share) = shares.get_mut(to) {
            share.extend(steps);
        }
    }
    for share in &mut shares {
        share.sort_unstable();
    }
    shares
}

/// Leaves the steps for roles that have none in this squad to its first coder, and says which these were: their role, and their
/// place in the plan, counted from 0.
pub(super) fn adopt(plan: &mut [PlanItem], has_steps: impl Fn(AgentRole) -> bool) -> Vec<(AgentRole, usize)> {
    let is_coders = |item: &&PlanItem| item.role.is_none_or(|role| role == AgentRole::Coder);
    // The first part is the first coder's, see `deal`.
    let part = plan.iter().find(is_coders).and_then(|item| item.part.clone());
    let mut adopted = Vec::new();
    for (at, item) in plan.iter_mut().enumerate() {
        if let Some(role) = item.role.filter(|role| *role != AgentRole::Coder && !has_steps(*role)) {
            item.role = Some(AgentRole::Coder);
            item.part = part.clone().or_else(|| item.part.take());
            adopted.push((role, at));
        }
    }
    adopted
}

#[cfg(test)]
mod tests {
    use agents::PlanItemState;

    use super::*;

    fn item(word: &str) -> PlanItem {
        let (role, part) = match word.split_once(':') {
            Some((role, part)) => (AgentRole::parse(role), Some(part.to_owned())),
            None => (AgentRole::parse(word), None),
        };
        PlanItem { title: word.to_owned(), detail: String::new(), role, part, state: PlanItemState::Pending }
    }

    #[test]
    fn what_nobody_else_is_there_for_is_the_first_coders() {
        use AgentRole::{Lead, Tester};
        let has_steps = |role| role == AgentRole::Reviewer;
        let check = |plan: &str, adopted: &[(AgentRole, usize)], expected: &[&[usize]]| {
            let mut items: Vec<PlanItem> = plan.split(' ').map(item).collect();
            assert_eq!(adopt(&mut items, has_steps), adopted, "{plan}");
            assert_eq!(deal(&items, 2), expected, "{plan}");
        };
        check("coder:a coder:b reviewer", &[], &[&[0], &[1]]);
        check("coder:a coder:b tester", &[(Tester, 2)], &[&[0, 2], &[1]]);
        check("tester coder:a coder:b tester:c", &[(Tester, 0), (Tester, 3)], &[&[0, 1, 3], &[2]]);
        check("lead coder:a reviewer coder:b", &[(Lead, 0)], &[&[0, 1], &[3]]);
        // Without parts, one coder does all of it.
        check("coder coder tester", &[(Tester, 2)], &[]);
    }

    #[test]
    fn parts_are_dealt_in_turn_and_stay_whole() {
        let cases: &[(&str, usize, &[&[usize]])] = &[
            ("", 2, &[]),
            ("coder:a", 2, &[&[0]]),
            ("coder:a coder:a", 2, &[&[0, 1]]),
            ("coder:a coder:b", 2, &[&[0], &[1]]),
            ("coder:a coder:b", 1, &[&[0, 1]]),
            ("coder:a coder:b coder:a tester", 2, &[&[0, 2], &[1]]),
            ("architect coder:a coder:b coder:c coder:d", 2, &[&[1, 3], &[2, 4]]),
            ("coder:a coder:b coder:c", 8, &[&[0], &[1], &[2]]),
            ("coder:a coder:b coder:c coder:d coder:e", 8, &[&[0, 4], &[1], &[2], &[3]]),
            ("coder:a:x coder:a:y", 2, &[&[0], &[1]]),
            // Nobody knows what the unnamed one needs.
            ("coder:a coder coder:b", 2, &[]),
            ("coder:a coder:  coder:b", 2, &[]),
            ("coder:a none coder:b", 2, &[]),
        ];
        for (plan, coders, expected) in cases {
            let items: Vec<PlanItem> = plan.split(' ').filter(|word| !word.is_empty()).map(item).collect();
            assert_eq!(deal(&items, *coders), *expected, "{plan} for {coders}");
        }
    }
}
