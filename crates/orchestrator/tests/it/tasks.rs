use orchestrator::{
    Error, Scope,
    squads::Template,
    testing::World,
    work::{
        Assignee, AssigneeFilter, Board, NewTask, Place, Sort, Source, TaskDetail, TaskEdit, TaskFilter, TaskRef,
        UNDO_MINUTES,
    },
};
use time::Duration;
use types::{Permission, ProjectId, TaskId, TaskState};
use uuid::Uuid;

struct Here {
    world: World,
    scope: Scope,
    project: ProjectId,
}

impl Here {
    async fn new() -> Self {
        let world = World::new().await;
        let mira = world.person("Mira").await;
        let (_, scope) = world.team("quayside", &mira).await;
        let can = scope.can().expect("owner");
        let project = world.muster.create_project(&can, "ledger", &Source::Sample).await.expect("a project");
        Self { world, scope, project }
    }

    async fn task(&self, title: &str) -> TaskRef {
        self.create(&NewTask::titled(title)).await.expect("a task")
    }

    async fn create(&self, task: &NewTask) -> orchestrator::Result<TaskRef> {
        self.world.muster.create_task(&self.scope.can()?, self.project, task).await
    }

    async fn read(&self, number: i32) -> TaskDetail {
        self.world.muster.task(&self.scope.can().expect("owner"), number).await.expect("a task")
    }

    async fn put(&self, task: TaskRef, to: TaskState, place: Place) -> orchestrator::Result<()> {
        self.world.muster.move_task(&self.scope.can()?, task.id, to, place).await
    }

    async fn board(&self, filter: &TaskFilter) -> Board {
        self.world.muster.board(&self.scope.can().expect("owner"), self.project, filter).await.expect("a board")
    }

    async fn titles(&self, state: TaskState, filter: &TaskFilter) -> Vec<String> {
        let board = self.board(filter).await;
        let column = board.columns.into_iter().find(|column| column.state == state).expect("a column");
        column.cards.into_iter().map(|card| card.title).collect()
    }

    async fn todo(&self) -> Vec<String> {
        self.titles(TaskState::Todo, &TaskFilter::default()).await
    }
}

fn edit_of(task: &TaskDetail) -> TaskEdit {
    TaskEdit {
        title: task.title.clone(),
        description: task.description.clone(),
        acceptance: task.acceptance.clone(),
        priority: task.priority,
        labels: task.labels.clone(),
        assignee: task.assignee.as_ref().map(|(who, _)| *who),
        revision: task.revision,
    }
}

#[tokio::test]
async fn a_form_sent_twice_makes_one_task() {
    let here = Here::new().await;
    let asked = NewTask::quick("Round half to even #bug !high").keyed(Some(Uuid::now_v7()));
    let (first, again) = (here.create(&asked).await.expect("a task"), here.create(&asked).await.expect("the same"));
    assert_eq!(first, again);
    let other = here.task("Another").await;
    assert_eq!((first.number, other.number), (1, 2), "the second sending used up no number");
    let task = here.read(1).await;
    assert_eq!((task.title.as_str(), task.labels, task.priority), ("Round half to even", vec!["bug".into()], 8));
    here.world.end().await;
}

#[tokio::test]
async fn numbers_are_never_given_twice() {
    let here = Here::new().await;
    let task = here.task("one").await;
    here.world.muster.delete_task(&here.scope.can().expect("owner"), task.id).await.expect("deleted");
    assert_eq!(here.task("two").await.number, 2);
    here.world.end().await;
}

#[tokio::test]
async fn an_edit_is_kept_with_who_when_and_which_fields() {
    let here = Here::new().await;
    here.task("Round half to even").await;
    let before = here.read(1).await;
    let mut edit = edit_of(&before);
    edit.description = "# Why\r\n\r\nFees.".into();
    edit.labels = vec!["Bug".into(), "bug".into()];
    here.world.clock.advance(Duration::minutes(1));
    let can = here.scope.can().expect("owner");
    here.world.muster.edit_task(&can, before.id, &edit).await.expect("edited");
    let after = here.read(1).await;
    assert_eq!((after.description.as_str(), after.labels.len(), after.revision), ("# Why\n\nFees.", 1, 2));
    let newest = &after.history[0];
    assert_eq!((newest.kind.as_str(), newest.actor.as_deref()), ("edited", Some("Mira")));
    assert_eq!(newest.at, after.updated_at);
    assert_eq!(newest.details["fields"], serde_json::json!(["description", "labels"]));

    let stale = here.world.muster.edit_task(&can, before.id, &edit).await.expect_err("written on an old revision");
    assert!(matches!(&stale, Error::Invalid(errors) if errors[0].field.is_empty()), "{stale:?}");
    here.world.muster.edit_task(&can, before.id, &edit_of(&after)).await.expect("nothing to change");
    assert_eq!(here.read(1).await.history.len(), 2, "an edit that changes nothing leaves no trace");
    here.world.end().await;
}

#[tokio::test]
async fn single_fields_are_set_by_verbs_of_their_own() {
    let here = Here::new().await;
    let (muster, task) = (&here.world.muster, here.task("Round half to even").await);
    let can = here.scope.can().expect("owner");
    let squad = muster.form_squad(&here.scope.can().expect("owner"), "Core", Template::Solo).await.expect("a squad");
    muster.set_task_priority(&can, task.id, 9).await.expect("set");
    muster.set_task_labels(&can, task.id, &["fees".into()]).await.expect("set");
    muster.assign_task(&can, task.id, Some(Assignee::Squad(squad))).await.expect("assigned");
    let read = here.read(1).await;
    assert_eq!((read.priority, read.assignee.map(|(_, name)| name).as_deref()), (9, Some("Core")));
    let told: Vec<_> = read.history.iter().map(|entry| (entry.kind.as_str(), entry.to.as_deref())).collect();
    assert_eq!(
        told,
        [("assigned", Some("Core")), ("labelled", Some("fees")), ("prioritised", Some("9")), ("created", Some("TODO"))]
    );
    let agent = muster
        .assignable(&here.scope.can().expect("owner"))
        .await
        .expect("names")
        .into_iter()
        .find_map(|(who, name)| name.ends_with(" in Core").then_some(who));
    muster.assign_task(&can, task.id, agent).await.expect("assigned");
    assert!(matches!(here.read(1).await.assignee, Some((Assignee::Agent(_), _))));
    let nobody = Assignee::Squad(types::SquadId::new());
    assert!(matches!(muster.assign_task(&can, task.id, Some(nobody)).await, Err(Error::Invalid(_))));
    assert!(matches!(muster.set_task_priority(&can, task.id, 11).await, Err(Error::Invalid(_))));
    here.world.end().await;
}

#[tokio::test]
async fn moves_follow_the_table_and_land_where_they_were_put() {
    let here = Here::new().await;
    let (a, b, c) = (here.task("a").await, here.task("b").await, here.task("c").await);
    assert_eq!(here.todo().await, ["c", "b", "a"], "new tasks stand on top");
    here.put(a, TaskState::Todo, Place::Before(b.id)).await.expect("reordered");
    assert_eq!(here.todo().await, ["c", "a", "b"]);
    here.put(c, TaskState::Todo, Place::Bottom).await.expect("reordered");
    assert_eq!(here.todo().await, ["a", "b", "c"]);
    // More than fifty halvings: doubles run out, and the column is spread out again.
    for turn in 0..60 {
        let (moved, anchor) = if turn % 2 == 0 { (c, b) } else { (b, c) };
        here.put(moved, TaskState::Todo, Place::Before(anchor.id)).await.expect("reordered");
    }
    assert_eq!(here.todo().await, ["a", "b", "c"]);

    here.put(b, TaskState::Completed, Place::Top).await.expect("done");
    let refused = here.put(b, TaskState::InReview, Place::Top).await.expect_err("ended");
    assert!(matches!(&refused, Error::Refused(sentence) if sentence.contains("To do")), "{refused:?}");
    assert!(matches!(here.put(a, TaskState::Failed, Place::Top).await, Err(Error::Refused(_))));
    assert!(matches!(here.put(a, TaskState::InReview, Place::Before(c.id)).await, Err(Error::NotFound)), "elsewhere");
    here.put(b, TaskState::Todo, Place::Top).await.expect("reopened");
    let history = here.read(b.number).await.history;
    assert_eq!((history[0].from.as_deref(), history[0].to.as_deref()), (Some("COMPLETED"), Some("TODO")));
    here.world.end().await;
}

#[tokio::test]
async fn a_deletion_can_be_taken_back_for_a_while() {
    let here = Here::new().await;
    let task = here.task("Round half to even").await;
    let (muster, can) = (&here.world.muster, here.scope.can().expect("owner"));
    muster.delete_task(&can, task.id).await.expect("deleted");
    assert!(here.todo().await.is_empty());
    assert!(matches!(muster.task(&here.scope.can().expect("owner"), 1).await, Err(Error::NotFound)));
    assert!(matches!(muster.delete_task(&can, task.id).await, Err(Error::NotFound)));
    here.world.clock.advance(Duration::minutes(UNDO_MINUTES));
    assert_eq!(muster.undelete_task(&can, task.id).await.expect("back"), task);
    muster.undelete_task(&can, task.id).await.expect("twice changes nothing");
    assert_eq!(here.todo().await.len(), 1);
    let kinds: Vec<String> = here.read(1).await.history.into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, ["restored", "deleted", "created"]);

    muster.delete_task(&can, task.id).await.expect("deleted");
    here.world.clock.advance(Duration::minutes(UNDO_MINUTES) + Duration::seconds(1));
    assert!(matches!(muster.undelete_task(&can, task.id).await, Err(Error::Refused(_))));
    here.world.end().await;
}

#[tokio::test]
async fn the_board_filters_counts_and_sorts() {
    let here = Here::new().await;
    let muster = &here.world.muster;
    let me = Assignee::Person(here.scope.user().expect("a person"));
    for (title, priority, labels, assignee) in [
        ("Round half to even", 8, vec!["bug".to_owned()], Some(me)),
        ("Index postings", 3, vec!["api".to_owned(), "bug".to_owned()], None),
        ("Close the period", 5, vec![], None),
    ] {
        here.create(&NewTask { priority, labels, assignee, ..NewTask::titled(title) }).await.expect("a task");
    }
    let shown = async |filter: TaskFilter| here.titles(TaskState::Todo, &filter).await;
    let text = |text: &str| TaskFilter { text: Some(text.into()), ..TaskFilter::default() };
    assert_eq!(shown(text("ROUND")).await, ["Round half to even"]);
    assert_eq!(shown(text("#2")).await, ["Index postings"]);
    assert_eq!(shown(text(" ")).await.len(), 3);
    let labelled = TaskFilter { label: Some("bug".into()), sort: Sort::Priority, ..TaskFilter::default() };
    assert_eq!(shown(labelled.clone()).await, ["Round half to even", "Index postings"]);
    let mine = TaskFilter { assignee: Some(AssigneeFilter::Is(me)), ..TaskFilter::default() };
    assert_eq!(shown(mine).await, ["Round half to even"]);
    let nobodys = TaskFilter { assignee: Some(AssigneeFilter::Nobody), ..TaskFilter::default() };
    assert_eq!(shown(nobodys).await.len(), 2);
    assert_eq!(shown(TaskFilter { priority: Some(6), ..TaskFilter::default() }).await, ["Round half to even"]);
    let board = here.board(&labelled).await;
    assert_eq!((board.columns[0].total, board.columns[0].matching, board.columns.len()), (3, 2, 7));
    assert_eq!(board.labels, ["api", "bug"]);
    let counts = muster.projects(&here.scope.can().expect("owner")).await.expect("projects")[0].counts;
    assert_eq!((counts.total, counts.open, counts.in_progress), (3, 3, 0));
    here.world.end().await;
}

#[tokio::test]
async fn contributors_change_their_own_tasks_and_those_given_to_them() {
    let here = Here::new().await;
    let muster = &here.world.muster;
    let jonas = here.world.person("Jonas").await;
    here.world.join(&here.scope, &jonas, "contributor").await;
    let theirs = here.world.scope(&jonas, "quayside").await;
    let can = theirs.can().expect("a contributor");
    let task = here.task("Mira's").await;
    let denied = muster.set_task_priority(&can, task.id, 1).await;
    assert!(matches!(denied, Err(Error::Denied(Permission::WriteAnyTask))), "{denied:?}");
    let read = muster.task(&theirs.can().expect("a contributor"), task.number).await.expect("a task");
    assert!(!read.changeable && here.read(task.number).await.changeable);

    let assignee = Some(Assignee::Person(jonas.user.id));
    muster.assign_task(&here.scope.can().expect("owner"), task.id, assignee).await.expect("assigned");
    muster.set_task_priority(&can, task.id, 1).await.expect("assigned to them");
    let own = muster.create_task(&can, here.project, &NewTask::titled("Jonas'")).await.expect("a task");
    muster.delete_task(&can, own.id).await.expect("their own");
    // A member who leaves leaves their tasks to nobody.
    muster.remove_member(&here.scope.can().expect("owner"), jonas.user.id).await.expect("removed");
    assert!(here.read(task.number).await.assignee.is_none());
    here.world.end().await;
}

#[tokio::test]
async fn every_verb_writes_one_audit_entry_and_a_foreign_task_is_not_found() {
    let here = Here::new().await;
    let (muster, can) = (&here.world.muster, here.scope.can().expect("owner"));
    let task = here.task("Round half to even").await;
    here.put(task, TaskState::Blocked, Place::Top).await.expect("moved");
    muster.delete_task(&can, task.id).await.expect("deleted");
    let log = muster.audit_log(&here.scope.can().expect("owner"), &Default::default()).await.expect("a log");
    let actions: Vec<&str> =
        log.iter().map(|entry| entry.action.as_str()).filter(|action| action.starts_with("task.")).collect();
    assert_eq!(actions, ["task.deleted", "task.moved", "task.created"]);
    let foreign = TaskId::new();
    assert!(matches!(muster.delete_task(&can, foreign).await, Err(Error::NotFound)));
    assert!(matches!(muster.undelete_task(&can, foreign).await, Err(Error::NotFound)));
    assert!(matches!(muster.move_task(&can, foreign, TaskState::Todo, Place::Top).await, Err(Error::NotFound)));
    here.world.end().await;
}

#[tokio::test]
async fn a_deleted_task_goes_for_good_when_its_deletion_cannot_be_undone() {
    let here = Here::new().await;
    let (idle, worked) = (here.task("never worked on").await, here.task("worked on").await);
    let can = here.scope.can().expect("owner");
    here.world.muster.form_squad(&here.scope.can().expect("owner"), "Crew", Template::Solo).await.expect("a squad");
    let run = here.world.muster.start_run(&here.scope.can().expect("owner"), worked.id, None).await.expect("a run");
    let refused = here.world.muster.delete_task(&can, worked.id).await;
    assert!(matches!(&refused, Err(Error::Refused(_))), "{refused:?}");
    here.world.muster.stop_run(&here.scope.can().expect("owner"), run, "Not now.").await.expect("stopped");
    for task in [idle, worked] {
        here.world.muster.delete_task(&can, task.id).await.expect("deleted");
    }
    let count = async || {
        let mut all = here.world.superuser().await;
        let (count,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM tasks").fetch_one(&mut all).await.expect("the rows");
        count
    };
    here.world.clock.advance(Duration::minutes(UNDO_MINUTES - 1));
    here.world.muster.tidy().await.expect("swept");
    assert_eq!(count().await, 2, "its deletion can still be undone");
    here.world.clock.advance(Duration::minutes(2));
    here.world.muster.tidy().await.expect("swept");
    assert_eq!(count().await, 1, "what it cost keeps the other one");
    assert!(matches!(here.world.muster.undelete_task(&can, idle.id).await, Err(Error::NotFound)));
    here.world.end().await;
}
