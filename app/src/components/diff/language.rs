/// What a scanner has to know of a language.
#[derive(Debug)]
pub(super) struct Language {
    pub(super) line: &'static [&'static str],
    pub(super) block: Option<(&'static str, &'static str)>,
    pub(super) quotes: &'static str,
    /// Quotes of strings that may run over lines.
    pub(super) long: &'static [&'static str],
    pub(super) keywords: &'static [&'static str],
    pub(super) any_case: bool,
    /// Whether a name before a parenthesis is a call.
    pub(super) calls: bool,
    pub(super) lifetimes: bool,
}

const PLAIN: Language = Language {
    line: &[],
    block: None,
    quotes: "",
    long: &[],
    keywords: &[],
    any_case: false,
    calls: false,
    lifetimes: false,
};

/// The family of C: most of its members differ in their keywords only.
const BRACES: Language = Language { line: &["//"], block: Some(("/*", "*/")), quotes: "\"'", calls: true, ..PLAIN };

static NONE: Language = PLAIN;

static RUST: Language = Language {
    keywords: &[
        "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
        "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self",
        "Self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
    ],
    lifetimes: true,
    ..BRACES
};

static SCRIPT: Language = Language {
    long: &["`"],
    keywords: &[
        "abstract",
        "as",
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "of",
        "private",
        "public",
        "readonly",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "var",
        "void",
        "while",
        "yield",
    ],
    ..BRACES
};

static PYTHON: Language = Language {
    line: &["#"],
    quotes: "\"'",
    long: &["\"\"\"", "'''"],
    keywords: &[
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
        "False", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match", "None", "nonlocal",
        "not", "or", "pass", "raise", "return", "self", "True", "try", "while", "with", "yield",
    ],
    calls: true,
    ..PLAIN
};

static GO: Language = Language {
    long: &["`"],
    keywords: &[
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "false",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "nil",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "true",
        "type",
        "var",
    ],
    ..BRACES
};

/// C, C++, C#, Java, Kotlin, Swift, PHP, Scala: their keywords together.
static CLASSES: Language = Language {
    keywords: &[
        "abstract",
        "auto",
        "bool",
        "boolean",
        "break",
        "byte",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "extends",
        "extern",
        "false",
        "final",
        "finally",
        "float",
        "for",
        "fun",
        "func",
        "function",
        "guard",
        "if",
        "implements",
        "import",
        "in",
        "int",
        "interface",
        "internal",
        "let",
        "long",
        "namespace",
        "new",
        "nil",
        "null",
        "nullptr",
        "override",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "short",
        "sizeof",
        "static",
        "string",
        "struct",
        "super",
        "switch",
        "template",
        "this",
        "throw",
        "throws",
        "true",
        "try",
        "typedef",
        "typename",
        "using",
        "val",
        "var",
        "virtual",
        "void",
        "when",
        "where",
        "while",
    ],
    ..BRACES
};

static RUBY: Language = Language {
    line: &["#"],
    quotes: "\"'",
    keywords: &[
        "and", "begin", "break", "case", "class", "def", "do", "else", "elsif", "end", "ensure", "false", "for", "if",
        "in", "module", "next", "nil", "not", "or", "raise", "require", "rescue", "return", "self", "super", "then",
        "true", "unless", "until", "when", "while", "yield",
    ],
    calls: true,
    ..PLAIN
};

static SHELL: Language = Language {
    line: &["#"],
    quotes: "\"'",
    keywords: &[
        "case", "do", "done", "elif", "else", "esac", "exit", "export", "fi", "for", "function", "if", "in", "local",
        "return", "set", "then", "until", "while",
    ],
    ..PLAIN
};

static SQL: Language = Language {
    line: &["--"],
    block: Some(("/*", "*/")),
    quotes: "'",
    keywords: &[
        "add",
        "all",
        "alter",
        "and",
        "as",
        "asc",
        "begin",
        "bigint",
        "boolean",
        "by",
        "cascade",
        "case",
        "check",
        "column",
        "commit",
        "constraint",
        "create",
        "default",
        "delete",
        "desc",
        "distinct",
        "drop",
        "else",
        "end",
        "exists",
        "false",
        "for",
        "foreign",
        "from",
        "grant",
        "group",
        "having",
        "if",
        "in",
        "index",
        "insert",
        "integer",
        "into",
        "is",
        "join",
        "key",
        "left",
        "limit",
        "not",
        "null",
        "on",
        "or",
        "order",
        "primary",
        "references",
        "returning",
        "revoke",
        "select",
        "set",
        "table",
        "text",
        "then",
        "to",
        "true",
        "union",
        "unique",
        "update",
        "using",
        "values",
        "view",
        "when",
        "where",
        "with",
    ],
    any_case: true,
    calls: true,
    ..PLAIN
};

static VALUES: Language = Language { line: &["#"], quotes: "\"'", keywords: &["true", "false", "null"], ..PLAIN };

static JSON: Language = Language { quotes: "\"", keywords: &["true", "false", "null"], ..PLAIN };

static STYLES: Language = Language { block: Some(("/*", "*/")), quotes: "\"'", calls: true, ..PLAIN };

static MARKUP: Language = Language { block: Some(("<!--", "-->")), quotes: "\"", ..PLAIN };

impl Language {
    /// Nothing is known of it: its text stays as it is.
    pub(super) const fn is_plain(&self) -> bool {
        self.line.is_empty() && self.block.is_none() && self.quotes.is_empty()
    }

    /// The language of a file, by its name.
    pub(super) fn of(path: &str) -> &'static Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending {
            "rs" => &RUST,
            "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "vue" | "svelte" => &SCRIPT,
            "py" | "pyi" => &PYTHON,
            "go" => &GO,
            "c" | "h" | "cc" | "cpp" | "hpp" | "cs" | "java" | "kt" | "kts" | "swift" | "php" | "scala" | "dart" => {
                &CLASSES
            }
            "rb" | "rake" => &RUBY,
            "sh" | "bash" | "zsh" => &SHELL,
            "sql" => &SQL,
            "toml" | "yaml" | "yml" | "ini" | "cfg" | "conf" => &VALUES,
            "json" => &JSON,
            "css" | "scss" | "less" => &STYLES,
            "html" | "xml" | "svg" => &MARKUP,
            _ if matches!(name, "Dockerfile" | "Makefile") => &SHELL,
            _ => &NONE,
        }
    }
}
