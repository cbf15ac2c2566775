//! Many calls at once, of several processes.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_calls_of_three_processes_never_pass_a_nearly_empty_budget() {
    let desk = Desk::new().await;
    const LIMIT: i64 = 50_000;
    desk.limit(Subject::TEAM, daily(micros(LIMIT))).await;
    desk.limit(desk.part(), daily(Limit::Share(8_000))).await;
    let processes: Vec<Orchestrator> = (0..3).map(|_| process(&desk.world)).collect();
    let (team, project) = (desk.team(), desk.project);
    // One dies for certain, whichever of the thousand find room.
    drop(processes[0].hold(team, call(project, 100)).await.expect("room for one"));
    let calls = (0..1_000_i64).map(|at| {
        let muster = processes[usize::try_from(at % 3).expect("small")].clone();
        tokio::spawn(async move {
            let worst = 100 + at * 37 % 400;
            let held = match muster.hold(team, call(project, worst)).await {
                Ok(held) => held,
                Err(Error::Budget(_)) => return (0, false),
                Err(other) => panic!("{other:?}"),
            };
            // One in nine dies in the middle; of the others some cost all that was held.
            match at % 9 {
                0 => {
                    drop(held);
                    (0, true)
                }
                1 => {
                    muster.release(held).await.expect("released");
                    (0, false)
                }
                _ => {
                    let cost = worst * (at % 5) / 4;
                    muster.settle(held, used(cost)).await.expect("settled");
                    (cost, false)
                }
            }
        })
    });
    let mut died = 1;
    let mut settled = 0;
    for call in calls.collect::<Vec<_>>() {
        let (cost, lost) = call.await.expect("a call");
        settled += cost;
        died += u32::from(lost);
    }
    desk.balanced().await;
    let views = desk.views().await;
    assert!(
        views.iter().all(|view| view.spent.micros() + view.reserved.micros() <= view.limit.expect("a limit").micros())
    );
    assert_eq!(views[1].spent.micros(), settled);
    assert!(settled > 0, "some cost something");

    desk.world.clock.advance(Span::minutes(1));
    let lost: u32 = futures(&processes).await;
    assert_eq!(lost, died, "each lost call is settled once, whichever process finds it");
    let views = desk.views().await;
    assert!(views[1].spent.micros() > settled && views[1].reserved.micros() == 0);
    assert!(views[1].spent <= views[1].limit.expect("a limit"));
    desk.balanced().await;
    for process in processes {
        process.db().close().await;
    }
    desk.world.end().await;
}

async fn futures(processes: &[Orchestrator]) -> u32 {
    let (a, b, c) = tokio::join!(processes[0].settle_lost(), processes[1].settle_lost(), processes[2].settle_lost());
    a.expect("a look") + b.expect("a look") + c.expect("a look")
}
