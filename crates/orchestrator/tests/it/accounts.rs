use orchestrator::{
    Error, Origin, Settings, SignUpPolicy,
    accounts::{Checked, Credentials, NewAccount, Purpose},
    testing::World,
};
use time::Duration;

use crate::statements::Statements;

fn origin(ip: &str) -> Origin {
    Origin { ip: ip.parse().ok(), ..Origin::internal() }
}

#[tokio::test]
async fn a_code_is_bound_to_its_browser_and_works_once() {
    let world = World::new().await;
    let muster = &world.muster;
    let asked = muster.begin_sign_up("Mira@Quayside.example", false, Some("/teams/new")).await.expect("begun");
    let stranger = muster.begin_sign_up("else@quayside.example", false, None).await.expect("begun");
    let code = world.code_for("Mira@Quayside.example").await;
    assert_eq!(code.len(), 6);
    assert!(matches!(
        muster.check_code(Purpose::SignUp, stranger.expose(), &code).await,
        Ok(Checked::Wrong { tries_left: 4 })
    ));
    assert!(matches!(muster.check_code(Purpose::Reset, asked.expose(), &code).await, Ok(Checked::Over)));

    let account = NewAccount { name: "Mira", password: "correct horse of the stable" };
    let early = muster.sign_up(asked.expose(), account.clone(), &Origin::internal()).await;
    assert!(matches!(early, Err(Error::NotFound)), "no account before the code");
    assert_eq!(muster.check_code(Purpose::SignUp, asked.expose(), &code).await.expect("checked"), Checked::Right);
    let (opened, next) =
        muster.sign_up(asked.expose(), account.clone(), &Origin::internal()).await.expect("an account");
    assert_eq!(next.as_deref(), Some("/teams/new"));
    assert!(muster.session(opened.token.expose()).await.expect("a session").is_some());
    let again = muster.sign_up(asked.expose(), account, &Origin::internal()).await;
    assert!(matches!(again, Err(Error::NotFound)), "a proven address makes one account");
    world.end().await;
}

#[tokio::test]
async fn a_code_lapses_and_runs_out_of_tries() {
    let world = World::new().await;
    let muster = &world.muster;
    let browser = muster.begin_sign_up("mira@quayside.example", false, None).await.expect("begun");
    let code = world.code_for("mira@quayside.example").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for tries_left in (1..5).rev() {
        let checked = muster.check_code(Purpose::SignUp, browser.expose(), wrong).await.expect("checked");
        assert_eq!(checked, Checked::Wrong { tries_left });
    }
    assert_eq!(muster.check_code(Purpose::SignUp, browser.expose(), wrong).await.expect("checked"), Checked::Over);
    assert_eq!(muster.check_code(Purpose::SignUp, browser.expose(), &code).await.expect("checked"), Checked::Over);

    let browser = muster.begin_sign_up("mira@quayside.example", false, None).await.expect("begun");
    let code = world.code_for("mira@quayside.example").await;
    world.clock.advance(Duration::minutes(11));
    assert_eq!(muster.check_code(Purpose::SignUp, browser.expose(), &code).await.expect("checked"), Checked::Over);
    world.end().await;
}

#[tokio::test]
async fn a_known_address_gets_the_same_answer_and_another_mail() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let browser = world.muster.begin_sign_up(&mira.user.email, false, None).await.expect("the same answer");
    let pending = world
        .muster
        .pending_verification(Purpose::SignUp, browser.expose())
        .await
        .expect("pending")
        .expect("the same page");
    assert_eq!((pending.tries_left, pending.verified), (5, false));
    let (subject, _) = world.mail_for(&mira.user.email).await.into_iter().next().expect("a mail");
    assert_eq!(subject, "You already have a Muster account");
    world.end().await;
}

#[tokio::test]
async fn sign_up_may_be_closed_but_invitations_count() {
    let settings = Settings { sign_up: SignUpPolicy::InviteOnly, ..Settings::default() };
    let world = World::with(settings).await;
    assert!(matches!(world.muster.begin_sign_up("a@b.example", false, None).await, Err(Error::Invalid(_))));
    assert!(world.muster.begin_sign_up("a@b.example", true, None).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn weak_passwords_are_refused_with_a_sentence() {
    let world = World::new().await;
    let muster = &world.muster;
    let browser = muster.begin_sign_up("mira@quayside.example", false, None).await.expect("begun");
    let code = world.code_for("mira@quayside.example").await;
    muster.check_code(Purpose::SignUp, browser.expose(), &code).await.expect("checked");
    for password in ["short", "password", "12345678", "qwertyuiop"] {
        let account = NewAccount { name: "Mira", password };
        let Err(Error::Invalid(fields)) = muster.sign_up(browser.expose(), account, &Origin::internal()).await else {
            panic!("{password} was accepted");
        };
        assert_eq!(fields[0].field, "password");
    }
    world.end().await;
}

#[tokio::test]
async fn wrong_guesses_slow_the_guesser_and_not_the_person() {
    let world = World::new().await;
    world.person("Mira").await;
    let guess = Credentials { email: "mira@quayside.example", password: "not the password" };
    for _ in 0..5 {
        assert!(matches!(world.muster.sign_in(guess, &origin("192.0.2.9")).await, Err(Error::Invalid(_))));
    }
    assert!(matches!(world.muster.sign_in(guess, &origin("192.0.2.9")).await, Err(Error::TooManyAttempts { .. })));
    let password = World::password_of("Mira");
    let right = Credentials { email: "MIRA@quayside.example", password: &password };
    assert!(world.muster.sign_in(right, &origin("198.51.100.4")).await.is_ok(), "another network is not slowed");
    world.clock.advance(Duration::seconds(3));
    assert!(world.muster.sign_in(right, &origin("192.0.2.9")).await.is_ok(), "waiting helps");
    world.end().await;
}

#[tokio::test]
async fn guessing_the_password_in_a_session_is_slowed_there_alone() {
    let world = World::new().await;
    let stolen = world.person("Mira").await;
    let own = world.sign_in("Mira").await;
    let (password, new) = (World::password_of("Mira"), "a new and long password");
    for _ in 0..5 {
        let wrong = world.muster.change_password(&stolen, "not the password", new).await;
        assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
    }
    let asked = world.hasher.hashed();
    let slowed = world.muster.change_password(&stolen, &password, new).await;
    assert!(matches!(slowed, Err(Error::TooManyAttempts { .. })), "{slowed:?}");
    assert_eq!(world.hasher.hashed(), asked, "the password is not even looked at");
    world.muster.change_password(&own, &password, new).await.expect("another session is not slowed");
    world.clock.advance(Duration::seconds(3));
    let waited = world.muster.change_password(&stolen, "not the password", new).await;
    assert!(matches!(waited, Err(Error::Invalid(_))), "waiting helps: {waited:?}");
    world.end().await;
}

#[tokio::test]
async fn an_unknown_address_answers_like_a_wrong_password() {
    let world = World::new().await;
    world.person("Mira").await;
    let mut answers = Vec::new();
    for email in ["mira@quayside.example", "nobody@quayside.example", "not an address"] {
        let before = world.hasher.hashed();
        let refused =
            world.muster.sign_in(Credentials { email, password: "wrong wrong wrong" }, &Origin::internal()).await;
        answers.push(format!("{:?}", refused.err()));
        assert_eq!(world.hasher.hashed() - before, 1, "{email}: the same work, so the same time");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    world.end().await;
}

#[tokio::test]
async fn sessions_end_when_idle_old_revoked_or_signed_out() {
    let world = World::new().await;
    let muster = &world.muster;
    let mira = world.person("Mira").await;
    let password = World::password_of("Mira");
    let credentials = Credentials { email: &mira.user.email, password: &password };
    let open = async || muster.sign_in(credentials, &Origin::internal()).await.expect("signed in").token;

    let (idle, revoked, left, kept) = (open().await, open().await, open().await, open().await);
    muster.sign_out(left.expose()).await.expect("signed out");
    assert!(muster.session(left.expose()).await.expect("looked up").is_none());

    let own = muster.session(kept.expose()).await.expect("looked up").expect("signed in");
    let listed = muster.sessions(&own).await.expect("listed");
    assert_eq!(listed.len(), 4, "the sign-up's own session, and three of four");
    assert!(listed[0].current);
    let doomed = muster.session(revoked.expose()).await.expect("looked up").expect("signed in").session;
    muster.revoke_session(&own, doomed).await.expect("revoked");
    assert!(muster.session(revoked.expose()).await.expect("looked up").is_none());

    for _ in 0..7 {
        world.clock.advance(Duration::days(13));
        let alive = muster.session(kept.expose()).await.expect("looked up").is_some();
        assert_eq!(alive, world.clock.now() < own.signed_in_at + Duration::days(90));
    }
    assert!(muster.session(idle.expose()).await.expect("looked up").is_none(), "idle for more than 14 days");
    assert!(muster.session(kept.expose()).await.expect("looked up").is_none(), "91 days old");
    assert!(muster.tidy().await.expect("tidied") >= 2);
    world.end().await;
}

#[tokio::test]
async fn another_persons_session_cannot_be_revoked() {
    let world = World::new().await;
    let (mira, jonas) = (world.person("Mira").await, world.person("Jonas").await);
    let refused = world.muster.revoke_session(&mira, jonas.session).await;
    assert!(matches!(refused, Err(Error::NotFound)));
    world.end().await;
}

#[tokio::test]
async fn a_reset_proves_the_address_and_ends_every_session() {
    let world = World::new().await;
    let muster = &world.muster;
    let mira = world.person("Mira").await;
    let unknown = muster.begin_reset("nobody@quayside.example").await.expect("the same answer");
    assert!(world.mail_for("nobody@quayside.example").await.is_empty());
    assert!(matches!(muster.check_code(Purpose::Reset, unknown.expose(), "123456").await, Ok(Checked::Wrong { .. })));

    let browser = muster.begin_reset(&mira.user.email).await.expect("begun");
    let code = world.code_for(&mira.user.email).await;
    let early = muster.reset_password(browser.expose(), "a new and long password", &Origin::internal()).await;
    assert!(matches!(early, Err(Error::NotFound)));
    assert_eq!(muster.check_code(Purpose::Reset, browser.expose(), &code).await.expect("checked"), Checked::Right);
    let opened =
        muster.reset_password(browser.expose(), "a new and long password", &Origin::internal()).await.expect("reset");
    assert!(muster.session(opened.token.expose()).await.expect("looked up").is_some());
    assert_eq!(
        muster
            .sessions(&muster.session(opened.token.expose()).await.expect("looked up").expect("signed in"))
            .await
            .expect("listed")
            .len(),
        1
    );
    let old = Credentials { email: &mira.user.email, password: &World::password_of("Mira") };
    assert!(matches!(muster.sign_in(old, &Origin::internal()).await, Err(Error::Invalid(_))));
    world.end().await;
}

#[tokio::test]
async fn a_known_and_an_unknown_address_are_the_same_work() {
    let world = World::new().await;
    let mira = world.person("Mira").await;
    let (muster, stranger) = (&world.muster, "nobody@quayside.example");
    let known = mira.user.email.as_str();
    let work = Statements::default();
    let _listening = tracing::subscriber::set_default(work.clone());
    let mut done = Vec::new();
    for email in [known, stranger] {
        muster.begin_sign_up(email, false, None).await.expect("begun");
        done.push(work.take());
        let browser = muster.begin_reset(email).await.expect("begun");
        done.push(work.take());
        muster.check_code(Purpose::Reset, browser.expose(), "123456").await.expect("checked");
        done.push(work.take());
    }
    let (of_known, of_stranger) = done.split_at(3);
    assert!(of_known.iter().all(|statements| statements.len() >= 3), "{of_known:?}");
    assert_eq!(of_known, of_stranger);
    let rows =
        async |sql| -> i64 { sqlx::query_scalar(sql).fetch_one(&mut world.superuser().await).await.expect("a count") };
    // A code for signing up was sent and the stranger's mail for a reset was not.
    assert_eq!(rows("SELECT count(*) FROM mails WHERE recipient LIKE 'nobody%'").await, 2);
    assert_eq!(world.mail_for(stranger).await.len(), 1);
    let folder = tempfile::tempdir().expect("a folder");
    let outbox = notify::Outbox::open(folder.path()).expect("an outbox");
    let before = rows("SELECT count(*) FROM mails").await;
    assert_eq!(
        i64::from(muster.deliver_due_mail(&notify::Mailer::Outbox(outbox.clone())).await.expect("sent")),
        before
    );
    assert_eq!(rows("SELECT count(*) FROM mails").await, 0);
    let sent = outbox.list().await.expect("mails");
    assert!(sent.iter().any(|mail| mail.message.to == known && mail.message.subject.contains("resets")), "{sent:?}");
    let to_stranger: Vec<_> =
        sent.iter().filter(|mail| mail.message.to == stranger).map(|mail| &mail.message.subject).collect();
    assert!(matches!(&to_stranger[..], [code] if code.contains("is your Muster code")), "{to_stranger:?}");
    world.end().await;
}

#[tokio::test]
async fn one_address_gets_six_codes_an_hour() {
    let world = World::new().await;
    for _ in 0..8 {
        world.muster.begin_sign_up("mira@quayside.example", false, None).await.expect("the same answer");
    }
    assert_eq!(world.mail_for("mira@quayside.example").await.len(), 6);
    world.end().await;
}
