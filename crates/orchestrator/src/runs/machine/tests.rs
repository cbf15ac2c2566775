use AgentRole::{Architect, Coder, Lead, Reviewer, Tester};

use types::AgentId;

use super::*;

fn policy(roles: &[AgentRole]) -> Policy {
    Policy { roles: roles.to_vec(), approve_plan: false, approve_merge: true, max_fixes: 2, max_reworks: 1 }
}

/// Lets a run go through these outcomes and returns what it did.
fn walk(policy: &Policy, outcomes: &[Outcome]) -> Vec<Effect> {
    let mut position = begin();
    let mut done = vec![position.doing];
    for outcome in outcomes {
        position = next(policy, position, *outcome);
        done.push(position.doing);
    }
    done
}

const PASSED: Outcome = Outcome::Verified { passed: true };
const BROKEN: Outcome = Outcome::Verified { passed: false };
const APPROVED: Outcome = Outcome::Reviewed { approved: true };
const CHANGES: Outcome = Outcome::Reviewed { approved: false };
const DELIVERED: Outcome = Outcome::Delivered { changed: true };

fn turn(purpose: Purpose) -> Effect {
    Effect::Turn(purpose)
}

#[test]
fn a_full_squad_plans_writes_fixes_tests_reworks_and_waits() {
    use Outcome::Done;
    let policy = policy(&[Lead, Architect, Coder, Coder, Tester, Reviewer]);
    let outcomes = [
        Done,
        Done,
        Done,
        Done,
        BROKEN,
        Done,
        PASSED,
        Done,
        PASSED,
        CHANGES,
        Done,
        PASSED,
        APPROVED,
        DELIVERED,
        Outcome::Approved,
        Outcome::Merged,
    ];
    let expected = [
        Effect::Prepare,
        turn(Purpose::Plan),
        turn(Purpose::Design),
        turn(Purpose::Implement),
        Effect::Verify,
        turn(Purpose::Fix),
        Effect::Verify,
        turn(Purpose::Test),
        Effect::Verify,
        turn(Purpose::Review),
        turn(Purpose::Rework),
        Effect::Verify,
        turn(Purpose::Review),
        Effect::Deliver,
        Effect::Wait(Gate::Merge),
        Effect::Merge,
        Effect::End(End::Merged),
    ];
    assert_eq!(walk(&policy, &outcomes), expected);
}

#[test]
fn a_lone_coder_delivers_what_passes() {
    let done = walk(&policy(&[Coder]), &[Outcome::Done, Outcome::Done, PASSED, DELIVERED]);
    assert_eq!(
        done,
        [Effect::Prepare, turn(Purpose::Implement), Effect::Verify, Effect::Deliver, Effect::Wait(Gate::Merge)]
    );
}

#[test]
fn loops_are_bounded_and_a_person_opens_them_again() {
    let solo = policy(&[Coder]);
    let broken = [Outcome::Done, Outcome::Done, BROKEN, Outcome::Done, BROKEN, Outcome::Done, BROKEN];
    assert_eq!(walk(&solo, &broken).last(), Some(&Effect::End(End::Failed(Failure::Checks))));

    let pair = policy(&[Coder, Reviewer]);
    let disputed = [Outcome::Done, Outcome::Done, PASSED, CHANGES, Outcome::Done, PASSED, CHANGES];
    assert_eq!(walk(&pair, &disputed).last(), Some(&Effect::End(End::Failed(Failure::Review))));

    let mut position = begin();
    for outcome in [Outcome::Done, Outcome::Done, PASSED, CHANGES, Outcome::Done, PASSED, APPROVED, DELIVERED] {
        position = next(&pair, position, outcome);
    }
    position = next(&pair, position, Outcome::SentBack);
    assert_eq!((position.doing, position.reworks), (turn(Purpose::Rework), 0));
}

#[test]
fn each_share_that_clashed_is_done_once_more() {
    let policy = policy(&[Coder, Coder, Coder]);
    let clash = |path: &str| Clash {
        agent: AgentId::new(),
        steps: vec![1],
        paths: vec![path.to_owned()],
        with: vec!["coder-1".to_owned()],
    };
    let (first, second) = (clash("a.py"), clash("b.py"));
    let mut position = next(&policy, begin(), Outcome::Done);
    position.clashes = vec![first, second.clone()];
    position = next(&policy, position, Outcome::Clashed);
    assert_eq!((position.doing, position.clashes.len()), (turn(Purpose::Implement), 2));
    position = next(&policy, position, Outcome::Done);
    assert_eq!((position.doing, &position.clashes), (turn(Purpose::Implement), &vec![second]));
    position = next(&policy, position, Outcome::Done);
    assert_eq!((position.doing, position.clashes, position.turns), (Effect::Verify, Vec::new(), 3));
}

#[test]
fn what_goes_on_from_an_earlier_attempt_does_not_plan_again() {
    let position = next(&policy(&[Lead, Coder]), go_on(), Outcome::Done);
    assert_eq!(position.doing, turn(Purpose::Implement));
}

#[test]
fn a_question_returns_to_whoever_asked() {
    let policy = policy(&[Lead, Coder]);
    let mut position = next(&policy, begin(), Outcome::Done);
    position = next(&policy, position, Outcome::Asked);
    assert_eq!(position.doing, Effect::Wait(Gate::Question));
    position = next(&policy, position, Outcome::Approved);
    assert_eq!(position.doing, turn(Purpose::Plan));
}

#[test]
fn a_plan_waits_for_its_approval_and_may_be_sent_back() {
    let policy = Policy { approve_plan: true, ..policy(&[Architect, Coder]) };
    let asked = walk(&policy, &[Outcome::Done, Outcome::Done]);
    assert_eq!(asked.last(), Some(&Effect::Wait(Gate::Plan)));
    let again = walk(&policy, &[Outcome::Done, Outcome::Done, Outcome::SentBack]);
    assert_eq!(again.last(), Some(&turn(Purpose::Design)));
}

#[test]
fn a_conflict_that_is_sent_back_is_worked_on_where_the_target_is_now() {
    use Outcome::{Approved, Conflicted, Done, SentBack};
    let solo = policy(&[Coder]);
    let conflicted = [Done, Done, PASSED, DELIVERED, Approved, Conflicted];
    assert_eq!(walk(&solo, &conflicted).last(), Some(&Effect::Wait(Gate::Merge)), "who approved it decides");
    assert_eq!(
        walk(&solo, &[&conflicted[..], &[SentBack, Done, Done, PASSED, DELIVERED, SentBack]].concat())[6..],
        [
            Effect::Wait(Gate::Merge),
            Effect::Update,
            turn(Purpose::Rework),
            Effect::Verify,
            Effect::Deliver,
            Effect::Wait(Gate::Merge),
            // What was not tried again is not outdated.
            turn(Purpose::Rework),
        ]
    );
    let again = walk(&solo, &[&conflicted[..], &[Approved, Outcome::Merged]].concat());
    assert_eq!(again[7..], [Effect::Merge, Effect::End(End::Merged)], "the target may fit again");
}

#[test]
fn where_nobody_approves_a_conflict_goes_back_by_itself_within_the_bound() {
    use Outcome::{Conflicted, Done};
    let alone = Policy { approve_merge: false, ..policy(&[Coder]) };
    let once = [Done, Done, PASSED, DELIVERED, Conflicted];
    assert_eq!(walk(&alone, &once).last(), Some(&Effect::Update));
    let twice = [&once[..], &[Done, Done, PASSED, DELIVERED, Conflicted]].concat();
    assert_eq!(walk(&alone, &twice).last(), Some(&Effect::Wait(Gate::Merge)));
}

#[test]
fn files_are_unsolved_until_the_checks_have_passed() {
    let policy = policy(&[Coder]);
    let mut position = Position { doing: turn(Purpose::Rework), unsolved: vec!["a".into()], ..begin() };
    for outcome in [Outcome::Done, BROKEN, Outcome::Done] {
        position = next(&policy, position, outcome);
        assert_eq!(position.unsolved, ["a"]);
    }
    assert!(next(&policy, position, PASSED).unsolved.is_empty());
}

#[test]
fn nothing_changed_and_every_failure_end_the_run() {
    let nothing = [Outcome::Done, Outcome::Done, PASSED, Outcome::Delivered { changed: false }];
    assert_eq!(walk(&policy(&[Coder]), &nothing).last(), Some(&Effect::End(End::Failed(Failure::NoChange))));
    let failed = Outcome::Failed(Failure::Model);
    assert_eq!(next(&policy(&[Coder]), begin(), failed).doing, Effect::End(End::Failed(Failure::Model)));
}
