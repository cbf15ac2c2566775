use app::{
    components::diff::{File, Hunk, Kind, Line, Status},
    pages::task::changes::Changes,
};

/// A hunk out of lines that begin with a space, `+` or `-`.
fn hunk(start: usize, section: &str, lines: &str) -> Hunk {
    let (mut old, mut new) = (start, start);
    let mut read = Vec::new();
    for line in lines.trim_start_matches('\n').lines() {
        let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        let kind = match sign {
            "+" => Kind::Added,
            "-" => Kind::Removed,
            _ => Kind::Context,
        };
        let (old_no, new_no) = ((kind != Kind::Added).then_some(old), (kind != Kind::Removed).then_some(new));
        old += usize::from(old_no.is_some());
        new += usize::from(new_no.is_some());
        read.push(Line { kind, old_no, new_no, text: text.to_owned() });
    }
    Hunk {
        old_start: start,
        old_lines: old - start,
        new_start: start,
        new_lines: new - start,
        section: section.to_owned(),
        lines: read,
    }
}

pub(super) fn small() -> Hunk {
    hunk(
        88,
        "",
        "     let mut tx = pool.begin().await?;
-    let day = Utc::now().date_naive();
+    let day = cmd.booked_at.with_timezone(&acct.tz).date_naive();
+    let used = limits::lock_day(&mut tx, acct.id, day).await?;
+    limits::check(used, cmd.amount, acct.daily_limit)?;
     post_entries(&mut tx, &cmd).await?;",
    )
}

pub(super) fn changes() -> Changes {
    let file = |path: &str, status, hunks: Vec<Hunk>, by: &str| {
        let count = |kind| hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == kind).count();
        File {
            path: path.to_owned(),
            status,
            additions: count(Kind::Added),
            deletions: count(Kind::Removed),
            hunks,
            by: Some(by.to_owned()),
            ..File::default()
        }
    };
    Changes {
        files: vec![
            file("migrations/0031_daily_limits.sql", Status::Added, vec![hunk(1, "", MIGRATION)], "coder-2"),
            file(
                "src/transfers/post.rs",
                Status::Modified,
                vec![hunk(72, "pub async fn post_transfer", POST)],
                "coder-1",
            ),
            file("src/limits.rs", Status::Added, vec![hunk(1, "", LIMITS)], "coder-1"),
            File {
                path: "src/limit_tests.rs".to_owned(),
                old_path: Some("tests/limits.rs".to_owned()),
                status: Status::Renamed,
                by: Some("tester".to_owned()),
                ..File::default()
            },
            File {
                generated: true,
                ..file(
                    "Cargo.lock",
                    Status::Modified,
                    vec![hunk(901, "", " [[package]]\n-version = \"1.0.1\"\n+version = \"1.0.2\"")],
                    "coder-1",
                )
            },
            File {
                path: "docs/limits.png".to_owned(),
                status: Status::Added,
                binary: true,
                raw: Some("/raw".to_owned()),
                ..File::default()
            },
        ],
        patch: Some("/quayside/tasks/QUA-142/changes.patch".to_owned()),
        ..Changes::default()
    }
}

const MIGRATION: &str = "
+-- One row per account and day; an account without a limit has none.
+CREATE TABLE daily_limits (
+    account_id bigint NOT NULL REFERENCES accounts (id),
+    day date NOT NULL,
+    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
+    PRIMARY KEY (account_id, day)
+);";

const POST: &str = "
 pub async fn post_transfer(
     pool: &PgPool,
     acct: &Account,
     cmd: Transfer,
-) -> Result<Receipt, PostError> {
+) -> Result<Receipt, TransferError> {
     cmd.validate()?;
     let mut tx = pool.begin().await?;
-    let day = Utc::now().date_naive();
+    let day = cmd.booked_at.with_timezone(&acct.tz).date_naive();
+    // Locks the row of this account and day, so that two
+    // parallel transfers cannot both pass the check.
+    let used = limits::lock_day(&mut tx, acct.id, day).await?;
+    limits::check(used, cmd.amount, acct.daily_limit)?;
-    post_entries(&mut tx, &cmd).await?;
+    let receipt = post_entries(&mut tx, &cmd, day).await?;
+    limits::add(&mut tx, acct.id, day, cmd.amount).await?;
     tx.commit().await?;
-    Ok(Receipt::new(cmd.id, day))
+    Ok(receipt)
 }";

const LIMITS: &str = "
+/// Fails when `amount` does not fit into what is left today.
+pub fn check(
+    used: Minor,
+    amount: Minor,
+    limit: Option<Minor>,
+) -> Result<(), TransferError> {
+    let Some(limit) = limit else { return Ok(()) };
+    let left = (limit - used).max(Minor::ZERO);
+    if amount > left {
+        return Err(TransferError::DailyLimit { left });
+    }
+    Ok(())
+}";
