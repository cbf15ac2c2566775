//! A small real program with a fault and a missing feature, and the recording of a squad that works on it.
//!
//! Newcomers watch it without a model key: the demo model replays [`RECORDING`], everything else is real.

/// A file of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the root of the repository.
    pub path: &'static str,
    pub text: &'static str,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub title: &'static str,
    /// Markdown.
    pub description: &'static str,
    /// Markdown.
    pub acceptance: &'static str,
}

macro_rules! files {
    ($($path:literal)*) => {
        &[$(File { path: $path, text: include_str!(concat!("../sample/files/", $path)) },)*]
    };
}

pub const NAME: &str = "Parcels";
pub const DESCRIPTION: &str =
    "What does it cost to send a parcel? A small program in Python, to see how a squad works.";
/// It fails before the assignment is done and passes after.
pub const TEST_COMMAND: &str = "python3 -m unittest discover";

pub const FILES: &[File] = files![
    ".gitignore"
    ".muster/reviewer.md"
    "AGENTS.md"
    "README.md"
    "parcels/__init__.py"
    "parcels/__main__.py"
    "parcels/cli.py"
    "parcels/errors.py"
    "parcels/money.py"
    "parcels/parcel.py"
    "parcels/quote.py"
    "parcels/rates.py"
    "tests/__init__.py"
    "tests/test_cli.py"
    "tests/test_money.py"
    "tests/test_parcel.py"
    "tests/test_quote.py"
    "tests/test_rates.py"
];

pub const ASSIGNMENT: Assignment = Assignment {
    title: "Insure parcels, and bill full steps as they are",
    description: include_str!("../sample/assignment.md"),
    acceptance: include_str!("../sample/acceptance.md"),
};

/// The name of the model that the recording is for.
pub const MODEL: &str = "demo";

/// The conversations of the demo model, as JSON.
///
/// Each conversation names parts of the system prompt it is for, the most special first; its turns are answered by the
/// number of answers the request holds already.
pub const RECORDING: &str = include_str!("../sample/recording.json");
