//! The recording is played against the sample by the demo model, with the real tools and the real tests, for every squad
//! that may play it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use agents::builtin::{
    Brief, CheckFailure, Exit, Finish, Next, Note, Outcome, Output, PlanStep, ReviewNote, Sandboxed, Turn, Verdict,
    execution, note_paths, result,
};
use agents::sample::{ASSIGNMENT, FILES, MODEL, TEST_COMMAND};
use types::AgentRole;
use types::chat::{ToolCall, ToolResult};

use crate::demo::Demo;
use crate::hand::assert_well_formed;

struct Workspace {
    folder: tempfile::TempDir,
    demo: Demo,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES {
            let path = folder.path().join(file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file.text).unwrap();
        }
        Self { folder, demo: Demo::new() }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn shell(&self, argv: &[String]) -> (Exit, Vec<u8>) {
        let (program, arguments) = argv.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root()).stdin(Stdio::null());
        // As in a sandbox: nothing of this machine's Python settings, and no bytecode that outlives an edit of the same second.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
        let output = command.output().unwrap();
        let exit = output.status.code().map_or_else(|| Exit::Signal(output.status.signal().unwrap()), Exit::Code);
        (exit, [output.stdout, output.stderr].concat())
    }

    /// The project's tests; their output if they fail.
    fn check(&self) -> Option<CheckFailure> {
        let argv = ["sh", "-c", TEST_COMMAND].map(str::to_owned);
        let (exit, output) = self.shell(&argv);
        let output = String::from_utf8(output).unwrap();
        (exit != Exit::Code(0)).then(|| CheckFailure { command: TEST_COMMAND.to_owned(), output })
    }

    fn tool(&self, role: AgentRole, call: &ToolCall) -> ToolResult {
        let sandboxed = Sandboxed { file_tool: vec!["tool".to_owned()] };
        let execution = execution(role, call, &sandboxed).unwrap();
        let outcome = if execution.argv == sandboxed.file_tool {
            let report = serde_json::to_vec(&shim::tool::answer(self.root(), &execution.stdin)).unwrap();
            result(call, Exit::Code(0), Output { all: &report, stdout: &report })
        } else {
            let (exit, output) = self.shell(&execution.argv);
            result(call, exit, Output { all: &output, stdout: b"" })
        };
        outcome.result
    }

    /// One agent from its brief to its end. Every file tool must work; commands may fail, as tests do.
    fn play(&self, brief: &Brief) -> Finish {
        let mut turn = Turn::begin(brief);
        loop {
            match turn.next() {
                Next::CallModel(request) => {
                    assert_well_formed(&request);
                    turn.answered(&self.demo.answer(&request)).unwrap();
                }
                Next::CallTools(calls) => {
                    for call in calls {
                        let result = self.tool(brief.role, &call);
                        assert!(!result.failed || call.name == "run", "{} {:?}: {}", brief.role, call, result.text);
                        turn.tool_done(result).unwrap();
                    }
                }
                Next::Done(Outcome::Finished { finish }) => return finish,
                Next::Done(other) => panic!("{} ended with {other:?}", brief.role),
            }
        }
    }

    fn brief(&self, role: AgentRole) -> Brief {
        let mut brief = Brief::new(role, MODEL, ASSIGNMENT.title);
        brief.description = ASSIGNMENT.description.to_owned();
        brief.acceptance = ASSIGNMENT.acceptance.to_owned();
        brief.checks = vec![TEST_COMMAND.to_owned()];
        let paths = note_paths(role, FILES.iter().map(|file| file.path));
        let note = |path: &str| Note { path: path.to_owned(), text: self.text(path) };
        brief.notes = paths.into_iter().map(note).collect();
        brief
    }

    /// Implements, is told what fails, and repairs.
    fn implement(&self, first: &[Brief]) {
        for brief in first {
            assert!(matches!(self.play(brief), Finish::Work { .. }));
        }
        let failing = self.check().expect("the first change breaks a test");
        assert!(
            failing.output.contains("test_the_receipt") && !failing.output.contains("test_parcel"),
            "{}",
            failing.output
        );
        let mut brief = self.brief(AgentRole::Coder);
        brief.failing = Some(failing);
        self.play(&brief);
        assert_eq!(self.check(), None);
    }

    /// Asks for one change, gets it, and approves.
    fn review(&self) {
        let Finish::Review { verdict: Verdict::RequestChanges, comments, .. } =
            self.play(&self.brief(AgentRole::Reviewer))
        else {
            panic!("the first review asks for a change")
        };
        let comment = comments.first().unwrap();
        let line = comment.line.unwrap() as usize;
        assert!(
            self.text(&comment.path).lines().nth(line - 1).unwrap().contains("round("),
            "the comment is at its line"
        );

        let note = |comment: &agents::builtin::Comment| ReviewNote {
            path: comment.path.clone(),
            line: comment.line,
            text: comment.text.clone(),
        };
        let review: Vec<ReviewNote> = comments.iter().map(note).collect();
        let mut brief = self.brief(AgentRole::Coder);
        brief.review.clone_from(&review);
        self.play(&brief);
        assert_eq!(self.check(), None);
        let mut brief = self.brief(AgentRole::Reviewer);
        brief.review = review;
        assert!(matches!(self.play(&brief), Finish::Review { verdict: Verdict::Approve, .. }));
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    fn receipt(&self, options: &str) -> (Exit, String) {
        let command = format!("python3 -m parcels --to FR --size 20x10x1 {options} 2>&1");
        let (exit, output) = self.shell(&["sh".to_owned(), "-c".to_owned(), command]);
        (exit, String::from_utf8(output).unwrap())
    }

    fn changed(&self) -> Vec<String> {
        let mut changed: Vec<String> = files_below(self.root())
            .into_iter()
            .filter(|path| FILES.iter().find(|file| file.path == path).map(|file| file.text) != Some(&*self.text(path)))
            .collect();
        changed.sort();
        changed
    }
}

fn files_below(root: &Path) -> Vec<String> {
    let mut folders = vec![PathBuf::from(root)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

fn assert_done(workspace: &Workspace) {
    let (_, exact) = workspace.receipt("--weight 0.5");
    assert_eq!(exact, "Parcel to France, 0.5 kg\n  Postage          7.90\n  Total            7.90\n");
    let (_, insured) = workspace.receipt("--weight 1.25 --insure 300");
    assert!(insured.contains("  Insurance        3.75\n  Total           16.15\n"), "{insured}");
    assert!(!workspace.receipt("--weight 1.25 --insure 50").1.contains("Insurance"));
    let (exit, refused) = workspace.receipt("--weight 1.25 --insure 5000.01");
    assert_eq!((exit, refused.as_str()), (Exit::Code(2), "parcels: A parcel is insured for 5000.00 at most.\n"));
    assert!(workspace.text("README.md").contains("--insure"));
}

const CHANGED: &[&str] = &[
    "README.md",
    "parcels/cli.py",
    "parcels/insurance.py",
    "parcels/parcel.py",
    "parcels/quote.py",
    "tests/test_insurance.py",
    "tests/test_quote.py",
];

#[test]
fn the_sample_has_one_failing_test() {
    let failing = Workspace::new().check().unwrap();
    assert!(failing.output.contains("FAILED (failures=1)"), "{}", failing.output);
    assert!(failing.output.contains("FAIL: test_a_full_step_is_not_rounded_up"), "{}", failing.output);
}

#[test]
fn every_file_of_the_sample_is_given_out() {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("sample/files");
    let on_disk = files_below(&folder).into_iter().filter(|path| !path.ends_with(".pyc")).collect::<BTreeSet<_>>();
    let given: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
    assert_eq!(given, on_disk);
}

#[test]
fn a_coder_alone_breaks_a_test_and_repairs_it() {
    let workspace = Workspace::new();
    workspace.implement(&[workspace.brief(AgentRole::Coder)]);
    assert_done(&workspace);
    assert_eq!(workspace.changed(), CHANGED);
}

#[test]
fn a_reviewer_finds_what_the_tests_miss() {
    let workspace = Workspace::new();
    workspace.implement(&[workspace.brief(AgentRole::Coder)]);
    let before = workspace.receipt("--weight 1.25 --insure 185").1;
    assert!(before.contains("Insurance        2.02"), "{before}");
    workspace.review();
    let after = workspace.receipt("--weight 1.25 --insure 185").1;
    assert!(after.contains("Insurance        2.03"), "{after}");
    assert_done(&workspace);
    assert_eq!(workspace.changed(), CHANGED);
}

fn full_squad(by_steps: bool) {
    let workspace = Workspace::new();
    let Finish::Plan { steps, .. } = workspace.play(&workspace.brief(AgentRole::Lead)) else { panic!("no plan") };
    let roles: Vec<AgentRole> = steps.iter().map(|step| step.role).collect();
    assert_eq!(roles, [AgentRole::Coder, AgentRole::Coder, AgentRole::Tester]);
    let with_plan = |role, step: Option<usize>| {
        let mut brief = workspace.brief(role);
        brief.plan.clone_from(&steps);
        brief.steps = step.into_iter().collect();
        brief
    };
    let Finish::Design { notes, .. } = workspace.play(&with_plan(AgentRole::Architect, None)) else {
        panic!("no design")
    };
    assert!(notes.contains("half up"));
    if by_steps {
        workspace.implement(&[with_plan(AgentRole::Coder, Some(0)), with_plan(AgentRole::Coder, Some(1))]);
    } else {
        workspace.implement(&[with_plan(AgentRole::Coder, None)]);
    }
    let tester = steps.iter().position(|step: &PlanStep| step.role == AgentRole::Tester).filter(|_| by_steps);
    workspace.play(&with_plan(AgentRole::Tester, tester));
    assert_eq!(workspace.check(), None);
    workspace.review();
    assert_done(&workspace);
    let mut changed: Vec<&str> = CHANGED.iter().copied().chain(["tests/test_cli.py"]).collect();
    changed.sort_unstable();
    assert_eq!(workspace.changed(), changed);
}

#[test]
fn a_full_squad_plans_and_delivers() {
    full_squad(false);
}

#[test]
fn a_full_squad_may_share_the_steps_out() {
    full_squad(true);
}
