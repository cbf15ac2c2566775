//! What is asked for in each package, and what a model does about it: first with a mistake that only the package's own
//! tests can find, then right.

use gateway::Kind;
use serde_json::{Value, json};

use super::packages::{Package, Registry};

pub(crate) struct Edit {
    pub(crate) path: &'static str,
    pub(crate) old: &'static str,
    pub(crate) new: &'static str,
}

pub(crate) struct Assignment {
    pub(crate) package: Package,
    /// Whether the project is a repository elsewhere, by its address, rather than an uploaded archive.
    pub(crate) elsewhere: bool,
    /// The wire format in which the model is called.
    pub(crate) wire: Kind,
    pub(crate) title: &'static str,
    pub(crate) test: &'static str,
    pub(crate) change: &'static [Edit],
    pub(crate) fix: Edit,
    /// What the failing tests write, and what the passing ones do.
    pub(crate) failing: &'static str,
    pub(crate) passing: &'static str,
}

/// Tokens of each answer: fresh, from the cache, written, thought.
const USAGE: [u64; 4] = [900, 300, 40, 5];
/// Answers of the model in a whole run.
pub(crate) const ANSWERS: i64 = 7;
pub(crate) const TOKENS: i64 = ANSWERS * (900 + 300 + 40 + 5);

impl Assignment {
    /// The recording that the model replays.
    pub(crate) fn script(&self, test: &str) -> String {
        let edit = |edit: &Edit| json!({"path": edit.path, "action": "replace", "old": edit.old, "new": edit.new});
        let paths: Vec<Value> = self.change.iter().map(|edit| call("read", &json!({"path": edit.path}))).collect();
        let edits: Vec<Value> = self.change.iter().map(edit).collect();
        let first = [
            turn("I read what is there.", &paths),
            turn("The change and its test.", &[call("patch", &json!({"edits": edits}))]),
            turn("", &[call("finish", &json!({"summary": "Added with a test, which I have not run."}))]),
        ];
        let fix = [
            turn("The output says where.", &[call("read", &json!({"path": self.fix.path}))]),
            turn("That was wrong.", &[call("patch", &json!({"edits": [edit(&self.fix)]}))]),
            turn("Now the tests.", &[call("run", &json!({"command": test}))]),
            turn("", &[call("finish", &json!({"summary": "Corrected. All tests pass."}))]),
        ];
        assert_eq!(i64::try_from(first.len() + fix.len()), Ok(ANSWERS));
        json!({"models": ["*"], "conversations": [
            // Played only if the output of the failing tests has come to the model.
            {"name": "Fix", "when": {"system": ["Occasion: checks failed\n"], "said": [self.failing]}, "turns": fix},
            {"name": "First", "when": {"system": ["Occasion: first\n"], "said": [self.title]}, "turns": first},
        ]})
        .to_string()
    }
}

fn call(tool: &str, arguments: &Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

fn turn(text: &str, calls: &[Value]) -> Value {
    let [uncached, cache_read, output, reasoning] = USAGE;
    let usage = json!({"uncached": uncached, "cache_read": cache_read, "cache_write": 0, "output": output,
                       "reasoning": reasoning});
    json!({"text": text, "calls": calls, "usage": usage})
}

pub(crate) const STRSIM: Assignment = Assignment {
    package: Package {
        registry: Registry::CratesIo,
        name: "strsim",
        version: "0.11.1",
        sha256: "7da8b5736845d9f2fcb837ea5d9e2628564b3b043a70948a3f0b778838c5fb4f",
    },
    elsewhere: false,
    wire: Kind::OpenAiChat,
    title: "Offer a normalized Hamming similarity",
    test: "CARGO_HOME=/tmp/cargo cargo test --offline",
    change: &[
        Edit {
            path: "src/lib.rs",
            old: "    generic_hamming(a.chars(), b.chars())\n}\n",
            new: "    generic_hamming(a.chars(), b.chars())\n}\n\n\
                  /// The share of characters that are the same at their places, between 0.0 and 1.0.\n\
                  ///\n\
                  /// ```\n\
                  /// assert_eq!(Ok(0.5), strsim::normalized_hamming(\"abcd\", \"abxy\"));\n\
                  /// ```\n\
                  pub fn normalized_hamming(a: &str, b: &str) -> Result<f64, StrSimError> {\n    \
                      let distance = hamming(a, b)?;\n    \
                      Ok(1.0 - distance as f64 / a.len().max(1) as f64)\n\
                  }\n",
        },
        Edit {
            path: "tests/lib.rs",
            old: "#[test]\nfn levenshtein_works() {",
            new: "#[test]\nfn normalized_hamming_counts_characters() {\n    \
                      assert_eq!(Ok(1.0), strsim::normalized_hamming(\"\", \"\"));\n    \
                      assert_eq!(Ok(0.5), strsim::normalized_hamming(\"äö\", \"äü\"));\n    \
                      assert!(strsim::normalized_hamming(\"a\", \"ab\").is_err());\n\
                  }\n\n#[test]\nfn levenshtein_works() {",
        },
    ],
    fix: Edit { path: "src/lib.rs", old: "a.len().max(1) as f64", new: "a.chars().count().max(1) as f64" },
    failing: "test normalized_hamming_counts_characters ... FAILED",
    passing: "test normalized_hamming_counts_characters ... ok",
};

pub(crate) const UNIDIFF: Assignment = Assignment {
    package: Package {
        registry: Registry::PyPi,
        name: "unidiff",
        version: "1.0.1",
        sha256: "d9425bc516390c54743a1045b2c1c97f02d245a913a241dd499f958adb2df998",
    },
    elsewhere: true,
    wire: Kind::Anthropic,
    title: "List the renamed files of a patch",
    test: "python3 -m unittest discover",
    change: &[
        Edit {
            path: "unidiff/patch.py",
            old: "        return [f for f in self if f.is_modified_file]\n",
            new: "        return [f for f in self if f.is_modified_file]\n\n    \
                      @property\n    \
                      def renamed_files(self) -> list[PatchedFile]:\n        \
                          \"\"\"Return patch renamed files as a list.\"\"\"\n        \
                          return [f for f in self if f.source_file != f.target_file]\n",
        },
        Edit {
            path: "tests/test_parser.py",
            old: "    def test_missing_encoding(self):\n",
            new: "    def test_renamed_files(self):\n        \
                          sample = os.path.join(self.samples_dir, 'samples/git_rename.diff')\n        \
                          renamed = PatchSet.from_filename(sample, encoding='utf-8').renamed_files\n        \
                          self.assertEqual(len(renamed), 3)\n        \
                          sample = os.path.join(self.samples_dir, 'samples/git.diff')\n        \
                          self.assertEqual(PatchSet.from_filename(sample).renamed_files, [])\n\n    \
                      def test_missing_encoding(self):\n",
        },
    ],
    fix: Edit { path: "unidiff/patch.py", old: "if f.source_file != f.target_file]", new: "if f.is_rename]" },
    failing: "FAIL: test_renamed_files",
    passing: "\n\nOK\n",
};

pub(crate) const MIME: Assignment = Assignment {
    package: Package {
        registry: Registry::Npm,
        name: "mime",
        version: "1.6.0",
        sha256: "215210390e617ac355b422692c7096476e3fe648176cb72b40075a03c9cc379a",
    },
    elsewhere: false,
    wire: Kind::Gemini,
    title: "Types that end in +json are text in UTF-8",
    test: "node src/test.js",
    change: &[
        Edit {
            path: "mime.js",
            old: "/^text\\/|^application\\/(javascript|json)/",
            new: "/^text\\/|^application\\/(javascript|json|\\+json$)/",
        },
        Edit {
            path: "src/test.js",
            old: "assert.equal(undefined, mime.charsets.lookup(mime.types.bin));\n",
            new: "assert.equal('UTF-8', mime.charsets.lookup('application/ld+json'));\n\
                  assert.equal(undefined, mime.charsets.lookup(mime.types.bin));\n",
        },
    ],
    fix: Edit { path: "mime.js", old: "(javascript|json|\\+json$)/", new: "(javascript|json|.+\\+json$)/" },
    failing: "AssertionError",
    passing: "All tests passed",
};
