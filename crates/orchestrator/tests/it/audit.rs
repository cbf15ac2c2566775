use std::time::Duration;

use orchestrator::{
    Actor, Clock, Db, Orchestrator, Scope, Settings,
    audit::{Broken, TAMPERING, Verdict},
    db::PoolSettings,
    grants::ReadAudit,
    testing::{self, World},
};
use types::{Permission, PermissionSet};

const PROCESSES: i64 = 3;
const TASKS: i64 = 64;
const APPENDS: i64 = 200;

/// What a writing process is told through its environment.
const TARGET: &str = "MUSTER_TEST_APPEND_TO";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_of_64_tasks_make_one_chain() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (team, scope) = world.team("quayside", &mira).await;
    let target = format!("{} {} {}", world.app_url(), world.system_url(), team.id);
    let this = std::env::current_exe().expect("this test binary");
    let mut writers = Vec::new();
    for _ in 0..PROCESSES {
        let writer = tokio::process::Command::new(&this)
            .args(["audit::appends_for_its_parent", "--exact", "--ignored"])
            .env(TARGET, &target)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("a process");
        writers.push(writer);
    }
    for mut writer in writers {
        assert!(writer.wait().await.expect("a process").success());
    }
    let verdict = world.muster.verify_audit(&scope.can::<ReadAudit>().expect("owner")).await.expect("a verdict");
    // One entry more than appended: the team's creation.
    assert_eq!(verdict, Verdict::Whole { entries: PROCESSES * TASKS * APPENDS + 1 });
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of the processes of three_processes_of_64_tasks_make_one_chain"]
async fn appends_for_its_parent() {
    let target = std::env::var(TARGET).expect("the parent says where");
    let [app_url, system_url, team] = target.split(' ').collect::<Vec<_>>()[..] else { panic!("three words") };
    // All writers want the same row. Few connections of each process wait for it in the database, and the rest of the tasks
    // for a connection, which costs the database nothing.
    let pool =
        PoolSettings { max_connections: 3, acquire_timeout: Duration::from_secs(300), ..PoolSettings::default() };
    let db = Db::open(app_url, system_url, &pool).expect("addresses");
    let (keys, gateway) = (testing::keys(), testing::gateway());
    let muster = Orchestrator::new(db, Clock::System, identity::Hasher::new(1), keys, gateway, Settings::default());
    let scope = Scope::for_test(team.parse().expect("an id"), Actor::System, PermissionSet::all());
    let writers: Vec<_> = (0..TASKS)
        .map(|_| {
            let (muster, scope) = (muster.clone(), scope.clone());
            tokio::spawn(async move {
                for entry in 0..APPENDS {
                    muster.record_refusal(&scope, Permission::OwnTeam, &entry.to_string()).await.expect("an entry");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer");
    }
}

#[tokio::test]
async fn a_changed_byte_names_its_entry() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (_, scope) = world.team("quayside", &mira).await;
    for entry in 0..5 {
        world.muster.record_refusal(&scope, Permission::OwnTeam, &entry.to_string()).await.expect("an entry");
    }
    let can = scope.can::<ReadAudit>().expect("owner");
    assert_eq!(world.muster.verify_audit(&can).await.expect("a verdict"), Verdict::Whole { entries: 6 });

    let mut superuser = world.superuser().await;
    sqlx::raw_sql("CREATE TEMPORARY TABLE audit_copy AS SELECT * FROM audit_entries")
        .execute(&mut superuser)
        .await
        .expect("a copy");
    let damages = [
        ("details = '{\"asked_for\":\"9\"}'", "the entry was changed after it was written"),
        ("at = at + interval '1 microsecond'", "the entry was changed after it was written"),
        ("actor_id = gen_random_uuid()", "the entry was changed after it was written"),
        ("prev_hash = sha256('x')", "the entry does not follow the one before it"),
        ("seq = 99", "the entry is missing"),
    ];
    for (damage, why) in damages {
        sqlx::raw_sql("BEGIN; ALTER TABLE audit_entries DISABLE TRIGGER USER")
            .execute(&mut superuser)
            .await
            .expect("begin");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "UPDATE audit_entries SET {damage} WHERE seq = 4; ALTER TABLE audit_entries ENABLE TRIGGER USER; COMMIT"
        )))
        .execute(&mut superuser)
        .await
        .expect(damage);
        assert_eq!(
            world.muster.verify_audit(&can).await.expect("a verdict"),
            Verdict::Broken(Broken { seq: 4, why }),
            "{damage}"
        );
        restore(&mut superuser).await;
        break_is_gone(&world, &can).await;
    }
    world.end().await;
}

/// Undoes the damage from the copy that is taken before the first one.
async fn restore(superuser: &mut sqlx::PgConnection) {
    sqlx::raw_sql(
        "ALTER TABLE audit_entries DISABLE TRIGGER USER;
         UPDATE audit_entries e SET seq = c.seq, at = c.at, actor_id = c.actor_id, details = c.details, prev_hash = c.prev_hash
         FROM audit_copy c WHERE c.id = e.id AND c.seq = 4;
         ALTER TABLE audit_entries ENABLE TRIGGER USER",
    )
    .execute(superuser)
    .await
    .expect("restore");
}

async fn break_is_gone(world: &World, can: &orchestrator::Can<ReadAudit>) {
    assert_eq!(world.muster.verify_audit(can).await.expect("a verdict"), Verdict::Whole { entries: 6 });
}

#[tokio::test]
async fn what_the_home_page_tells_to_type_is_seen_and_undone() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    for slug in ["harbour", "quayside"] {
        world.team(slug, &mira).await;
    }
    let mut superuser = world.superuser().await;
    let whole = world.muster.verify_every_audit(None).await.expect("verdicts");
    sqlx::raw_sql(TAMPERING).execute(&mut superuser).await.expect("the lines run as they stand");
    let why = "the entry was changed after it was written";
    for (team, verdict) in world.muster.verify_every_audit(None).await.expect("verdicts") {
        assert_eq!(verdict, Verdict::Broken(Broken { seq: 1, why }), "{team}");
    }
    let undoing = TAMPERING.replace('+', "-");
    sqlx::raw_sql(sqlx::AssertSqlSafe(undoing)).execute(&mut superuser).await.expect("the lines run as they stand");
    assert_eq!(world.muster.verify_every_audit(None).await.expect("verdicts"), whole);
    world.end().await;
}

#[tokio::test]
async fn a_lost_head_is_named_and_the_other_teams_are_checked() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    for slug in ["harbour", "quayside"] {
        world.team(slug, &mira).await;
    }
    let mut superuser = world.superuser().await;
    sqlx::raw_sql("DELETE FROM audit_heads h USING teams t WHERE t.id = h.team_id AND t.slug = 'harbour'")
        .execute(&mut superuser)
        .await
        .expect("damage");
    let verdicts = world.muster.verify_every_audit(None).await.expect("verdicts");
    let why = "the record of the chain's end is missing: later entries may be, too";
    assert_eq!(
        verdicts,
        [
            ("harbour".into(), Verdict::Broken(Broken { seq: 1, why })),
            ("quayside".into(), Verdict::Whole { entries: 1 })
        ]
    );
    world.end().await;
}

#[tokio::test]
async fn entries_can_be_neither_changed_nor_removed() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    world.team("quayside", &mira).await;
    let mut superuser = world.superuser().await;
    for statement in
        ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries CASCADE"]
    {
        let refused = sqlx::raw_sql(statement).execute(&mut superuser).await.expect_err(statement);
        assert!(refused.to_string().contains("never changed or removed"), "{refused}");
    }
    world.end().await;
}

#[tokio::test]
async fn every_team_is_verified_by_the_system_role() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    world.team("quayside", &mira).await;
    world.team("harbour", &mira).await;
    let verdicts = world.muster.verify_every_audit(None).await.expect("verdicts");
    assert_eq!(
        verdicts,
        [("harbour".into(), Verdict::Whole { entries: 1 }), ("quayside".into(), Verdict::Whole { entries: 1 })]
    );
    assert!(world.muster.verify_every_audit(Some("nobody")).await.is_err());
    world.end().await;
}
