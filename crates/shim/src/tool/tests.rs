#![allow(clippy::needless_pass_by_value, reason = "calls are written as literals")]

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use types::tool::{FileChange, FileEdit};

use super::*;

struct Repository {
    /// Holds the repository and, beside it, what must stay out of reach.
    around: tempfile::TempDir,
}

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let around = tempfile::tempdir().unwrap();
        fs::create_dir(around.path().join("work")).unwrap();
        fs::write(around.path().join("secret"), "the secret").unwrap();
        let repository = Self { around };
        for (path, text) in files {
            let path = repository.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        repository
    }

    fn root(&self) -> PathBuf {
        self.around.path().join("work")
    }

    fn call(&self, tool: &str, arguments: Value) -> Report {
        let call = json!({ "tool": tool, "arguments": arguments }).to_string();
        answer(&self.root(), call.as_bytes())
    }

    fn good(&self, tool: &str, arguments: Value) -> String {
        let report = self.call(tool, arguments);
        assert!(!report.failed, "{}", report.text);
        report.text
    }

    fn bad(&self, tool: &str, arguments: Value) -> String {
        let report = self.call(tool, arguments);
        assert!(report.failed && report.edits.is_empty(), "{}", report.text);
        report.text
    }

    fn replace(&self, path: &str, old: &str, new: &str) -> Report {
        self.call("patch", json!({ "edits": [{ "path": path, "action": "replace", "old": old, "new": new }] }))
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// Everything below the root, to see that nothing changed.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut all: Vec<_> = ignore::WalkBuilder::new(self.around.path())
            .standard_filters(false)
            .build()
            .map(|entry| entry.unwrap().into_path())
            .map(|path| (path.clone(), fs::read(&path).unwrap_or_default()))
            .collect();
        all.sort();
        all
    }
}

#[test]
fn a_file_is_shown_with_numbers() {
    let repository = Repository::new(&[("a.py", "one\ntwo\r\nthree")]);
    assert_eq!(repository.good("read", json!({ "path": "a.py" })), "    1\tone\n    2\ttwo\n    3\tthree\n");
    let part = repository.good("read", json!({ "path": "./a.py", "start_line": 2, "end_line": 2 }));
    assert_eq!(part, "    2\ttwo\n[lines 2 to 2 of 3; read on with start_line=3]\n");
    let absolute = repository.root().join("a.py");
    assert!(repository.good("read", json!({ "path": absolute })).contains("one"));
    assert_eq!(repository.bad("read", json!({ "path": "a.py", "start_line": 9 })), "`a.py` has only 3 lines.");
    assert_eq!(repository.bad("read", json!({ "path": "b.py" })), "`b.py` does not exist.");
    repository.bad("read", json!({ "path": "a.py", "start_line": 3, "end_line": 2 }));
}

#[test]
fn large_files_are_read_in_pieces() {
    let repository = Repository::new(&[("long", &"0123456789abcdef\n".repeat(20_000)), ("wide", &"ä".repeat(50_000))]);
    let shown = repository.good("read", json!({ "path": "long" }));
    assert!(shown.len() < 50_000);
    let note = shown.lines().last().unwrap();
    assert!(note.contains("of 20000; read on with start_line="), "{note}");
    let wide = repository.good("read", json!({ "path": "wide" }));
    assert!(wide.len() < 3_000 && wide.contains("left out"));
}

#[test]
fn what_is_not_text_is_named_so() {
    let repository = Repository::new(&[("logo.png", "\u{0}PNG"), ("empty", ""), ("latin", "")]);
    fs::write(repository.root().join("latin"), b"caf\xe9\n").unwrap();
    assert_eq!(repository.bad("read", json!({ "path": "logo.png" })), "`logo.png` is not text.");
    assert_eq!(repository.good("read", json!({ "path": "empty" })), "[the file is empty]");
    assert!(repository.good("read", json!({ "path": "latin" })).contains("caf\u{fffd}"));
    assert!(repository.replace("latin", "caf", "tea").text.contains("not UTF-8"));
}

#[test]
fn folders_are_listed_without_what_git_ignores() {
    let repository = Repository::new(&[
        (".gitignore", "build/\n"),
        (".git/config", "x"),
        (".muster/coder.md", "x"),
        ("build/out", "x"),
        ("src/a.py", "x"),
        ("src/deep/er/b.py", "x"),
    ]);
    let listed = repository.good("read", json!({ "path": "." }));
    assert_eq!(listed, ".gitignore\n.muster/\n.muster/coder.md\nsrc/\nsrc/a.py\nsrc/deep/");
    assert_eq!(repository.good("read", json!({ "path": "src" })), "a.py\ndeep/\ndeep/er/");
}

#[test]
fn lines_are_found_by_pattern_path_and_glob() {
    let repository = Repository::new(&[
        (".gitignore", "*.log\n"),
        ("a.py", "def one():\n    pass\n"),
        ("src/b.py", "x = 1\r\ndef two():\r\n"),
        ("src/c.txt", "def three\n"),
        ("d.log", "def four\n"),
        ("e.bin", "def \u{0}"),
    ]);
    let all = repository.good("search", json!({ "pattern": r"^def \w+" }));
    assert_eq!(
        all,
        "a.py:\n    1\tdef one():\nsrc/b.py:\n    2\tdef two():\nsrc/c.txt:\n    1\tdef three\n[3 lines in 3 files]\n"
    );
    let some = repository.good("search", json!({ "pattern": "def", "path": "src", "glob": "*.py" }));
    assert_eq!(some, "src/b.py:\n    2\tdef two():\n[1 line in 1 file]\n");
    assert!(repository.good("search", json!({ "pattern": "def", "path": "d.log" })).contains("four"));
    assert_eq!(repository.good("search", json!({ "pattern": "five" })), "[no line matches]\n");
    assert!(repository.bad("search", json!({ "pattern": "(" })).contains("regular expression"));
    assert!(repository.bad("search", json!({ "pattern": "x", "path": "none" })).contains("does not exist"));
}

#[test]
fn many_matches_are_cut() {
    let repository = Repository::new(&[("a", &"line\n".repeat(1000))]);
    let found = repository.good("search", json!({ "pattern": "line" }));
    assert_eq!(found.lines().count(), 202);
    assert!(found.ends_with("[there are more; narrow the pattern, the path or the glob]\n"));
}

#[test]
fn a_patch_creates_changes_and_deletes() {
    let repository = Repository::new(&[("a.py", "one\ntwo\nthree\n"), ("old.py", "x\ny\n")]);
    let report = repository.call(
        "patch",
        json!({ "edits": [
            { "path": "a.py", "action": "replace", "old": "two", "new": "2\n2b" },
            { "path": "a.py", "action": "replace", "old": "2b\nthree", "new": "3" },
            { "path": "new/deep/b.py", "action": "create", "new": "fresh\n" },
            { "path": "old.py", "action": "delete" },
        ] }),
    );
    assert_eq!(report.text, "changed a.py (+2 -2)\ncreated new/deep/b.py (+1)\ndeleted old.py (-2)");
    let edit = |path: &str, change, added, removed| FileEdit { path: path.to_owned(), change, added, removed };
    assert_eq!(
        report.edits,
        [
            edit("a.py", FileChange::Changed, 2, 2),
            edit("new/deep/b.py", FileChange::Created, 1, 0),
            edit("old.py", FileChange::Deleted, 0, 2)
        ]
    );
    assert_eq!(repository.text("a.py"), "one\n2\n3\n");
    assert_eq!(repository.text("new/deep/b.py"), "fresh\n");
    assert!(!repository.root().join("old.py").exists());
    let left = repository.everything().into_iter().filter(|(path, _)| path.to_string_lossy().ends_with(".muster"));
    assert_eq!(left.count(), 0, "no temporary file is left");
}

#[test]
fn a_patch_is_all_or_nothing() {
    let repository = Repository::new(&[("a.py", "one\ntwo\n"), ("twice", "x\nx\n")]);
    let before = repository.everything();
    let good = json!({ "path": "a.py", "action": "replace", "old": "one", "new": "1" });
    let cases = [
        (
            json!({ "path": "twice", "action": "replace", "old": "x", "new": "y" }),
            "occurs 2 times in `twice`, in lines 1, 2",
        ),
        (json!({ "path": "a.py", "action": "create", "new": "y" }), "exists already"),
        (json!({ "path": "b.py", "action": "replace", "old": "x", "new": "y" }), "`b.py` does not exist"),
        (json!({ "path": "b.py", "action": "delete" }), "`b.py` does not exist"),
        (json!({ "path": "a.py", "action": "replace", "new": "y" }), "`old` is missing"),
        (json!({ "path": "a.py", "action": "replace", "old": "two" }), "`new` is missing"),
        (json!({ "path": "a.py", "action": "replace", "old": "two", "new": "two" }), "are the same"),
        (json!({ "path": ".", "action": "delete" }), "the repository itself"),
        (json!({ "path": "a.py/b", "action": "create", "new": "x" }), "not a folder"),
    ];
    for (wrong, part) in cases {
        let text = repository.bad("patch", json!({ "edits": [good, wrong] }));
        assert!(text.starts_with("Edit 2: ") && text.contains(part), "{text}");
        assert!(text.ends_with("Nothing was changed."), "{text}");
        assert_eq!(repository.everything(), before);
    }
}

#[test]
fn a_text_that_does_not_occur_is_shown_what_is_near() {
    let content = "def fee(weight):\n    rate = find(weight)\n    return rate * weight\n\n\ndef other():\n    pass\n";
    let repository = Repository::new(&[("a.py", content)]);
    let spaces = repository.replace("a.py", "  rate = find(weight)\n  return rate * weight", "x").text;
    assert!(spaces.contains("Only white space differs from this"), "{spaces}");
    assert!(spaces.contains("    2\t    rate = find(weight)\n    3\t    return rate * weight\n"), "{spaces}");
    let near = repository.replace("a.py", "    rate = find_rate(weight)\n", "x").text;
    assert!(near.contains("The nearest is this") && near.contains("    2\t    rate = find(weight)\n"), "{near}");
    let far = repository.replace("a.py", "SELECT 1 FROM dual", "x").text;
    assert!(far.contains("Nothing in the file is like it"), "{far}");
}

#[test]
fn line_ends_and_modes_stay() {
    let repository = Repository::new(&[("run.sh", "#!/bin/sh\r\necho one\r\necho two\r\n")]);
    let path = repository.root().join("run.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let report = repository.replace("run.sh", "echo one\necho two", "echo 1\necho 2");
    assert!(!report.failed, "{}", report.text);
    assert_eq!(repository.text("run.sh"), "#!/bin/sh\r\necho 1\r\necho 2\r\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn nothing_leads_out_of_the_repository() {
    let repository = Repository::new(&[("in/a.py", "inside\n"), (".git/config", "[core]\n")]);
    let root = repository.root();
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    link("../secret", "file");
    link("..", "folder");
    link("/etc", "absolute");
    link("../new", "dangling");
    link(".git", "git");
    let before = repository.everything();
    let outside = repository.around.path().join("secret");
    let paths = [
        "../secret",
        "file",
        "folder/secret",
        "in/../../secret",
        "absolute/passwd",
        "/etc/passwd",
        outside.to_str().unwrap(),
    ];
    for path in paths {
        for tool in ["read", "search"] {
            let arguments =
                if tool == "read" { json!({ "path": path }) } else { json!({ "path": path, "pattern": "." }) };
            let text = repository.bad(tool, arguments);
            assert!(
                text.contains("out of the repository") || text.contains("outside the repository"),
                "{path}: {text}"
            );
        }
    }
    let more = [
        "dangling",
        "folder/new",
        "../new",
        "in/../../new",
        "nowhere/../../new",
        ".git/hooks/x",
        "git/hooks/x",
        "in/.GIT/x",
    ];
    for path in paths.iter().chain(&more) {
        for edit in [
            json!({ "path": path, "action": "create", "new": "x" }),
            json!({ "path": path, "action": "delete" }),
            json!({ "path": path, "action": "replace", "old": "e", "new": "x" }),
        ] {
            repository.bad("patch", json!({ "edits": [edit] }));
            assert_eq!(repository.everything(), before, "{path}");
        }
    }
    let walked = repository.good("search", json!({ "pattern": "secret|root|core" }));
    assert_eq!(walked, "[no line matches]\n");
}

#[test]
fn links_within_the_repository_are_followed_and_stay_links() {
    let repository = Repository::new(&[("real.py", "one\n")]);
    std::os::unix::fs::symlink("real.py", repository.root().join("link.py")).unwrap();
    let report = repository.replace("link.py", "one", "two");
    assert_eq!(report.text, "changed real.py (+1 -1)");
    assert_eq!(repository.text("real.py"), "two\n");
    assert!(repository.root().join("link.py").is_symlink());
}

#[test]
fn pipes_are_not_waited_for() {
    let repository = Repository::new(&[]);
    nix::unistd::mkfifo(&repository.root().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(repository.bad("read", json!({ "path": "pipe" })), "`pipe` is not a file.");
    repository.bad("patch", json!({ "edits": [{ "path": "pipe", "action": "replace", "old": "a", "new": "b" }] }));
    assert_eq!(repository.good("search", json!({ "pattern": "x" })), "[no line matches]\n");
}

#[test]
fn what_is_no_call_is_answered() {
    let repository = Repository::new(&[]);
    assert!(answer(&repository.root(), b"nonsense").failed);
    assert!(repository.bad("fly", json!({})).contains("unknown variant"));
    assert!(repository.bad("read", json!({ "path": "a", "lines": 3 })).contains("unknown field"));
    assert!(answer(&repository.root().join("none"), br#"{"tool":"read","arguments":{"path":"."}}"#).failed);
}
