use orchestrator::{
    Error, Origin,
    grants::{ManageMembers, ManageRoles, ReadAudit, ReadMembers},
    testing::World,
};
use time::Duration;
use types::{Permission, PermissionSet};

fn link_in(body: &str) -> String {
    body.split("token=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link").to_owned()
}

#[tokio::test]
async fn an_invitation_is_for_its_address_and_works_once() {
    let world = World::new().await;
    let muster = &world.muster;
    let (mira, jonas, eve) = (world.person("Mira").await, world.person("Jonas").await, world.person("Eve").await);
    let (team, scope) = world.team("quayside", &mira).await;
    let can = scope.can::<ManageMembers>().expect("owner");
    muster.invite(&can, &jonas.user.email, "planner").await.expect("invited");
    let link = link_in(&world.mail_for(&jonas.user.email).await[0].1);

    assert_eq!(muster.view_invitation(&link).await.expect("a view").team.id, team.id);
    assert!(matches!(muster.accept_invitation(&eve, &link, &Origin::internal()).await, Err(Error::Refused(_))));
    muster.accept_invitation(&jonas, &link, &Origin::internal()).await.expect("accepted");
    assert!(matches!(muster.accept_invitation(&jonas, &link, &Origin::internal()).await, Err(Error::NotFound)));
    let members = muster.members(&scope.can::<ReadMembers>().expect("owner")).await.expect("members");
    assert_eq!(members.iter().map(|member| member.role.name()).collect::<Vec<_>>(), ["planner", "owner"]);
    assert!(
        matches!(muster.invite(&can, &jonas.user.email, "reader").await, Err(Error::Invalid(_))),
        "a member already"
    );
    world.end().await;
}

#[tokio::test]
async fn a_newer_invitation_ends_the_older_and_links_lapse() {
    let world = World::new().await;
    let muster = &world.muster;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (_, scope) = world.team("quayside", &mira).await;
    let can = scope.can::<ManageMembers>().expect("owner");
    let first = muster.invite(&can, &jonas.user.email, "reader").await.expect("invited");
    let old = link_in(&world.mail_for(&jonas.user.email).await[0].1);
    let second = muster.resend_invitation(&can, first).await.expect("sent again");
    let new = link_in(&world.mail_for(&jonas.user.email).await[0].1);
    assert!(matches!(muster.view_invitation(&old).await, Err(Error::NotFound)));
    assert!(muster.view_invitation(&new).await.is_ok());
    world.clock.advance(Duration::days(8));
    assert!(matches!(muster.view_invitation(&new).await, Err(Error::NotFound)));
    muster.revoke_invitation(&can, second).await.expect("revoked");
    assert!(muster.invitations(&scope.can::<ReadMembers>().expect("owner")).await.expect("listed").is_empty());
    for nonsense in ["", ".", "abc.def", "AAAAAAAAAAAAAAAAAAAAAA.x"] {
        assert!(matches!(muster.view_invitation(nonsense).await, Err(Error::NotFound)), "{nonsense}");
    }
    world.end().await;
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_they_have() {
    let world = World::new().await;
    let muster = &world.muster;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (_, owner) = world.team("quayside", &mira).await;
    world.join(&owner, &jonas, "admin").await;
    let admin = world.scope(&jonas, "quayside").await;
    let can = admin.can::<ManageMembers>().expect("admin");
    assert!(matches!(muster.invite(&can, "new@quayside.example", "owner").await, Err(Error::Denied(_))));
    assert!(matches!(muster.change_role(&can, jonas.user.id, "owner").await, Err(Error::Denied(_))));
    assert!(matches!(muster.change_role(&can, mira.user.id, "reader").await, Err(Error::Denied(_))));
    assert!(matches!(muster.remove_member(&can, mira.user.id).await, Err(Error::Denied(_))));
    let roles = admin.can::<ManageRoles>().expect("admin");
    let billing = PermissionSet::of(&[Permission::ManageBilling]);
    assert!(matches!(muster.create_role(&roles, "treasurer", billing).await, Err(Error::Denied(_))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_who_leave_at_once_leave_one_behind() {
    let world = World::new().await;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (_, scope) = world.team("quayside", &mira).await;
    world.join(&scope, &jonas, "owner").await;
    let other = world.scope(&jonas, "quayside").await;
    let leave = |scope: orchestrator::Scope| {
        let muster = world.muster.clone();
        tokio::spawn(async move { muster.leave_team(&scope.can().expect("a member")).await })
    };
    let (first, second) = tokio::join!(leave(scope), leave(other));
    let left = [first.expect("joined"), second.expect("joined")].into_iter().filter(Result::is_ok).count();
    assert_eq!(left, 1);
    world.end().await;
}

#[tokio::test]
async fn custom_roles_grant_what_they_say_and_stay_while_held() {
    let world = World::new().await;
    let muster = &world.muster;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (_, owner) = world.team("quayside", &mira).await;
    let can = owner.can::<ManageRoles>().expect("owner");
    let auditor = PermissionSet::of(&[Permission::ReadTeam, Permission::ReadAudit]);
    let role = muster.create_role(&can, "Auditor", auditor).await.expect("a role");
    assert!(matches!(muster.create_role(&can, "auditor", auditor).await, Err(Error::Invalid(_))));
    assert!(matches!(muster.create_role(&can, "Owner", auditor).await, Err(Error::Invalid(_))));
    world.join(&owner, &jonas, &role.to_string()).await;
    let scope = world.scope(&jonas, "quayside").await;
    assert!(scope.can::<ReadAudit>().is_ok());
    assert!(scope.can::<ReadMembers>().is_err());
    assert!(matches!(muster.delete_role(&can, role).await, Err(Error::Refused(_))));
    muster.change_role(&owner.can().expect("owner"), jonas.user.id, "reader").await.expect("changed");
    // The accepted invitation still names the role, so it stays; a role nobody was given goes.
    let spare = muster.create_role(&can, "Spare", auditor).await.expect("a role");
    muster.delete_role(&can, spare).await.expect("deleted");
    world.end().await;
}

#[tokio::test]
async fn a_removed_member_is_out_at_once() {
    let world = World::new().await;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let (_, owner) = world.team("quayside", &mira).await;
    world.join(&owner, &jonas, "reader").await;
    assert!(world.muster.enter(&jonas, "quayside", Origin::internal()).await.is_ok());
    world.muster.remove_member(&owner.can().expect("owner"), jonas.user.id).await.expect("removed");
    assert!(matches!(world.muster.enter(&jonas, "quayside", Origin::internal()).await, Err(Error::NotFound)));
    assert!(world.muster.teams(&jonas).await.expect("teams").is_empty());
    world.end().await;
}
