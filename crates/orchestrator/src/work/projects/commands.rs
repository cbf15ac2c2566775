/// What is run in a workspace, each by `sh -c` at its root. `None`: there is nothing to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    pub setup: Option<String>,
    pub build: Option<String>,
    pub test: Option<String>,
}

impl Commands {
    fn of(setup: Option<&str>, build: Option<&str>, test: Option<&str>) -> Self {
        let owned = |command: Option<&str>| command.map(str::to_owned);
        Self { setup: owned(setup), build: owned(build), test: owned(test) }
    }
}

/// Proposes commands from the files of a repository: the first kind of project that is recognised wins.
///
/// `paths` are relative to the root, with slashes; `read` gives a file's text where a name alone does not tell, and may
/// answer `None`. A person can change what this proposes.
#[must_use]
pub fn detect(paths: &[&str], read: impl Fn(&str) -> Option<String>) -> Commands {
    let has = |path: &str| paths.contains(&path);
    let any = |test: &dyn Fn(&str) -> bool| paths.iter().any(|path| test(path));
    if has("Cargo.toml") {
        return Commands::of(Some("cargo fetch"), Some("cargo build"), Some("cargo test"));
    }
    if has("go.mod") {
        return Commands::of(Some("go mod download"), Some("go build ./..."), Some("go test ./..."));
    }
    if has("package.json") {
        return node(paths, read("package.json").as_deref());
    }
    if any(&is_python_project) {
        return python(paths, &read);
    }
    if has("mvnw") || has("pom.xml") {
        let run = if has("mvnw") { "./mvnw" } else { "mvn" };
        return Commands::of(None, Some(&format!("{run} -q compile")), Some(&format!("{run} -q test")));
    }
    if any(&|path| matches!(path, "build.gradle" | "build.gradle.kts")) {
        let run = if has("gradlew") { "./gradlew" } else { "gradle" };
        return Commands::of(None, Some(&format!("{run} assemble")), Some(&format!("{run} test")));
    }
    if has("Gemfile") {
        let test = if any(&|path| path.starts_with("spec/")) { "bundle exec rspec" } else { "bundle exec rake test" };
        return Commands::of(Some("bundle install"), None, Some(test));
    }
    if let Some(makefile) = ["Makefile", "makefile", "GNUmakefile"].into_iter().find(|name| has(name)) {
        return make(read(makefile).as_deref());
    }
    if any(&is_python_test) {
        return python(paths, &read);
    }
    Commands::default()
}

fn is_python_project(path: &str) -> bool {
    matches!(path, "pyproject.toml" | "setup.py" | "setup.cfg" | "requirements.txt" | "tox.ini")
}

fn is_python_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"))
}

/// The package manager follows the lock file; a script is run only where the manifest has one.
fn node(paths: &[&str], manifest: Option<&str>) -> Commands {
    let has = |path: &str| paths.contains(&path);
    let (setup, run) = if has("pnpm-lock.yaml") {
        ("pnpm install --frozen-lockfile", "pnpm")
    } else if has("yarn.lock") {
        ("yarn install --frozen-lockfile", "yarn")
    } else if has("package-lock.json") || has("npm-shrinkwrap.json") {
        ("npm ci", "npm")
    } else {
        ("npm install", "npm")
    };
    let manifest: Option<serde_json::Value> = manifest.and_then(|text| serde_json::from_str(text).ok());
    let script = |name: &str| {
        manifest.as_ref().is_some_and(|manifest| {
            manifest.pointer(&format!("/scripts/{name}")).is_some_and(serde_json::Value::is_string)
        })
    };
    let depends = ["dependencies", "devDependencies"].iter().any(|kind| {
        let listed = manifest.as_ref().and_then(|manifest| manifest.get(kind)).and_then(serde_json::Value::as_object);
        listed.is_some_and(|list| !list.is_empty())
    });
    Commands::of(
        depends.then_some(setup),
        script("build").then(|| format!("{run} run build")).as_deref(),
        script("test").then(|| format!("{run} test")).as_deref(),
    )
}

/// pytest where the project names it; otherwise the module that comes with Python.
fn python(paths: &[&str], read: &impl Fn(&str) -> Option<String>) -> Commands {
    let has = |path: &str| paths.contains(&path);
    let setup = if has("requirements.txt") {
        Some("python3 -m pip install -r requirements.txt")
    } else if has("pyproject.toml") || has("setup.py") {
        Some("python3 -m pip install -e .")
    } else {
        None
    };
    let named = ["pyproject.toml", "setup.cfg", "tox.ini", "requirements.txt", "requirements-dev.txt", "setup.py"];
    let pytest = ["pytest.ini", "conftest.py", "tests/conftest.py"].iter().any(|path| has(path))
        || named.iter().any(|path| has(path) && read(path).is_some_and(|text| text.contains("pytest")));
    let tested = paths.iter().any(|path| is_python_test(path)) || paths.iter().any(|path| path.starts_with("tests/"));
    let test = match (tested, pytest, has("tests/__init__.py") || !paths.iter().any(|path| path.starts_with("tests/")))
    {
        (_, true, _) => Some("python3 -m pytest"),
        (true, false, true) => Some("python3 -m unittest"),
        (true, false, false) => Some("python3 -m unittest discover -s tests"),
        (false, false, _) => None,
    };
    Commands::of(setup, None, test)
}

/// Targets are lines that start with their name and a colon (POSIX make, “Target Rules”).
fn make(text: Option<&str>) -> Commands {
    let target = |name: &str| {
        text.is_some_and(|text| {
            text.lines().any(|line| {
                line.split_once(':').is_some_and(|(targets, rest)| {
                    !line.starts_with(char::is_whitespace)
                        && !rest.starts_with('=')
                        && targets.split_whitespace().any(|target| target == name)
                })
            })
        })
    };
    let test = ["test", "check"].into_iter().find(|name| target(name)).map(|name| format!("make {name}"));
    Commands::of(None, Some("make"), test.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    type File = (&'static str, &'static str);

    fn found(files: &[File]) -> (Option<String>, Option<String>, Option<String>) {
        let paths: Vec<&str> = files.iter().map(|file| file.0).collect();
        let read = |path: &str| files.iter().find(|file| file.0 == path).map(|file| file.1.to_owned());
        let commands = detect(&paths, read);
        (commands.setup, commands.build, commands.test)
    }

    #[test]
    fn the_test_command_follows_the_files() {
        let cases: &[(&[File], Option<&str>)] = &[
            (&[("Cargo.toml", ""), ("src/lib.rs", "")], Some("cargo test")),
            (&[("Cargo.toml", ""), ("Makefile", "test:\n")], Some("cargo test")),
            (&[("crates/a/Cargo.toml", "")], None),
            (&[("go.mod", "")], Some("go test ./...")),
            (&[("package.json", r#"{"scripts":{"test":"node --test"}}"#)], Some("npm test")),
            (&[("package.json", r#"{"scripts":{"test":"x"}}"#), ("yarn.lock", "")], Some("yarn test")),
            (&[("package.json", r#"{"scripts":{"test":"x"}}"#), ("pnpm-lock.yaml", "")], Some("pnpm test")),
            (&[("package.json", r#"{"scripts":{"lint":"x"}}"#)], None),
            (&[("package.json", "not json")], None),
            (&[("pyproject.toml", "[tool.pytest.ini_options]"), ("tests/test_a.py", "")], Some("python3 -m pytest")),
            (&[("setup.py", ""), ("test_a.py", "")], Some("python3 -m unittest")),
            (&[("setup.py", ""), ("tests/test_a.py", "")], Some("python3 -m unittest discover -s tests")),
            (&[("setup.py", ""), ("tests/__init__.py", ""), ("tests/test_a.py", "")], Some("python3 -m unittest")),
            (&[("setup.py", ""), ("a.py", "")], None),
            (&[("a/test_a.py", ""), ("a/a.py", "")], Some("python3 -m unittest")),
            (&[("pom.xml", "")], Some("mvn -q test")),
            (&[("pom.xml", ""), ("mvnw", "")], Some("./mvnw -q test")),
            (&[("build.gradle.kts", ""), ("gradlew", "")], Some("./gradlew test")),
            (&[("Gemfile", ""), ("spec/a_spec.rb", "")], Some("bundle exec rspec")),
            (&[("Makefile", "all: a\n\ncheck test: all\n\t./run\n")], Some("make test")),
            (&[("Makefile", "check:\n\t./run\n")], Some("make check")),
            (&[("Makefile", "test := x\nall:\n\ttest: no\n")], None),
            (&[("README.md", "")], None),
            (&[], None),
        ];
        for (files, expected) in cases {
            assert_eq!(found(files).2.as_deref(), *expected, "{files:?}");
        }
    }

    #[test]
    fn setting_up_follows_the_lock_file_and_needs_dependencies() {
        let manifest = r#"{"devDependencies":{"vitest":"1"},"scripts":{"build":"tsc","test":"vitest"}}"#;
        let (setup, build, _) = found(&[("package.json", manifest), ("package-lock.json", "{}")]);
        assert_eq!((setup.as_deref(), build.as_deref()), (Some("npm ci"), Some("npm run build")));
        assert_eq!(found(&[("package.json", r#"{"scripts":{"test":"node --test"}}"#)]).0, None);
        let (setup, _, _) = found(&[("requirements.txt", "flask"), ("pyproject.toml", "")]);
        assert_eq!(setup.as_deref(), Some("python3 -m pip install -r requirements.txt"));
    }
}
