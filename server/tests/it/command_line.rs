use crate::running::{folder, muster};

#[test]
fn settings_are_checked_and_printed_without_secrets() {
    let folder = folder();
    let mut wrong = muster(folder.path());
    let wrong = wrong.arg("check-config").env("MUSTER_SERVER__LISTN", "x").output().expect("ended");
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("Did you mean MUSTER_SERVER__LISTEN?"), "{said}");

    let mut right = muster(folder.path());
    right.args(["check-config", "--print"]).env("DATABASE_URL", "postgres://u:TopSecret@db/muster");
    let right = right.output().expect("ended");
    let said = String::from_utf8_lossy(&right.stdout);
    assert!(right.status.success() && said.contains("@db/muster") && !said.contains("TopSecret"), "{said}");
    assert!(said.contains("# environment DATABASE_URL"), "{said}");
}

#[test]
fn the_doctor_names_the_fix_and_fails_when_a_part_does() {
    let folder = folder();
    let mut doctor = muster(folder.path());
    // Port 9 (discard) has none of them.
    doctor
        .args(["doctor", "--json"])
        .env("DATABASE_URL", "postgres://u:TopSecret@127.0.0.1:9/muster")
        .envs([("S3_ENDPOINT", "http://127.0.0.1:9"), ("S3_ACCESS_KEY", "u"), ("S3_SECRET_KEY", "TopSecret")])
        .env("MUSTER_MAIL__SMTP_URL", "smtp://127.0.0.1:9");
    let output = doctor.output().expect("ended");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("TopSecret"), "{text}");
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    let of = |part: &str| findings.iter().find(|finding| finding["part"] == part).expect("a line");
    for part in ["database", "objects", "mail"] {
        assert_eq!(of(part)["verdict"], "fail", "{text}");
    }
    for finding in findings.iter().filter(|finding| finding["verdict"] != "ok") {
        assert!(finding["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{finding}");
    }
}

#[test]
fn the_version_needs_no_settings() {
    let folder = folder();
    let mut version = muster(folder.path());
    let output = version.arg("version").env("MUSTER_NONSENSE", "1").output().expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("muster {}\n", env!("CARGO_PKG_VERSION")));
}
