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
