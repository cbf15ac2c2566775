#!/bin/sh
# Brings a Debian 12 or Ubuntu machine with Rust and git to what Muster needs. Safe to run any number of times:
# it looks first, says what it will install and why, and installs only that.
#
#   deploy/setup.sh            what `make start` needs
#   deploy/setup.sh --tests    and what `make test` needs
#   deploy/setup.sh --check    only report; exit code 1 when something is missing
#
# CHROMIUM=/path/to/chromium names the browser for the tests, where there is one that is not found by itself.
set -eu

tests=no
check=no
for option in "$@"; do
    case $option in
        --tests) tests=yes ;;
        --check) check=yes ;;
        *) echo "setup: there is no option $option (known: --tests, --check)" >&2; exit 2 ;;
    esac
done

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${CARGO_TARGET_DIR:-${MUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/muster}/target}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
packages=
missing=0
sudo=

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# want <package> <reason>: remembers a package to install
want() {
    packages="$packages $1"
    missing=$((missing + 1))
    say "missing: $1 ($2)"
}

# long <what> <command…>: runs a slow step, with a sign of life every ten seconds and its last words when it fails
long() {
    what=$1
    shift
    say "$what …"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    seconds=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 10)) -ne 0 ] || say "$what: $seconds s so far"
    done
    if wait "$pid"; then
        say "$what: done in $seconds s"
    else
        tail -n 15 "$log" >&2
        return 1
    fi
}

# first_number <text>: the first whole number in it
first_number() { printf '%s\n' "$1" | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p' | head -n 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then return; fi
    have sudo || fail "installing needs root, and sudo is not here. Run this as root, or install it yourself: apt-get install$packages"
    if ! sudo -n true 2>/dev/null; then
        [ -t 0 ] || fail "installing needs root, and sudo asks for a password, which nobody can type here. Run deploy/setup.sh in a terminal first."
        sudo -v || fail "sudo did not let us in. Run this as a user with sudo, or install it yourself: apt-get install$packages"
    fi
    sudo=sudo
}

apt() {
    $sudo env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -y -q \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}

# An interrupted dpkg blocks every later installation until it is finished.
repair_dpkg() {
    [ -n "$(dpkg --audit 2>/dev/null)" ] || return 0
    long "finishing an interrupted installation of packages" $sudo env DEBIAN_FRONTEND=noninteractive dpkg --configure -a ||
        fail "dpkg could not be repaired. Run \`dpkg --configure -a\` and read its messages."
}

known_to_apt() {
    candidate=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p')
    [ -n "$candidate" ] && [ "$candidate" != "(none)" ]
}

refreshed=no
refresh() {
    [ "$refreshed" = no ] || return 0
    refreshed=yes
    long "refreshing the list of packages" apt update || fail "the list of packages could not be fetched. Check the network and the apt sources."
}

install() {
    have apt-get || fail "this machine has no apt. Install these with its own package manager:$packages"
    as_root
    repair_dpkg
    for package in $packages; do
        known_to_apt "$package" || refresh
        known_to_apt "$package" || fail "apt knows no package $package. Install it another way and run this again."
    done
    # shellcheck disable=SC2086 # one word for each package
    if ! long "installing$packages" apt install --no-install-recommends $packages; then
        refresh
        # shellcheck disable=SC2086
        long "installing once more$packages" apt install --no-install-recommends $packages ||
            fail "apt could not install$packages; its last lines are above."
    fi
    packages=
}

# What a first build leaves behind, with some room. Tests add a build with debug information, and incremental files.
check_disk() {
    purpose="building" needed=6 built=$cache/release/muster
    [ "$tests" = no ] || purpose="building with all tests" needed=16 built=$cache/debug/.cargo-lock
    [ ! -e "$built" ] || needed=1
    place=$cache
    while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
    free=$(df -Pk "$place" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$needed" ] || fail "only $free GB are free in $place, and $purpose needs $needed GB. Free some space, or set MUSTER_CACHE to a folder on a larger disk."
}

check_rust() {
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    have cargo || fail "Rust is not installed. Install Rust $wanted or newer with rustup, then run this again."
    # Asked in the checkout, where an override of the toolchain would count.
    version=$(cd "$root" && cargo --version | cut -d ' ' -f 2)
    minor=$(printf '%s' "$version" | cut -d . -f 2)
    [ "$minor" -ge "${wanted#*.}" ] || fail "Rust is $version, and Muster needs $wanted. Run: rustup update stable"
    have git || want git "to fetch and to work on repositories"
}

check_compilers() {
    have cc || want gcc "links Rust programs and compiles the C parts of their libraries"
    have make || want make "runs the commands of the Makefile"
    have pkg-config || want pkg-config "finds C libraries"
    # gcc alone brings no headers of the C library.
    [ -e /usr/include/stdio.h ] || want libc6-dev "headers that the C parts of libraries include"
}

# Tests start databases of their own; without them one elsewhere is enough.
needs_postgres() { [ "$tests" = yes ] || [ -z "${DATABASE_URL:-}" ]; }

postgres_version() {
    for program in $(command -v postgres || true) "${MUSTER_POSTGRESQL:-/usr/lib/postgresql}"/*/bin/postgres; do
        [ ! -x "$program" ] || first_number "$("$program" --version 2>/dev/null)"
    done | sort -n | tail -n 1
}

check_postgres() {
    needs_postgres || return 0
    version=$(postgres_version)
    [ "${version:-0}" -lt 15 ] || return 0
    want postgresql "the database; Muster runs a private one in var/, the system gets no database of its own"
}

# Debian would create and start a database on port 5432 along with the package. Nobody asked for that one.
keep_postgres_quiet() {
    case " $packages " in *" postgresql "*) ;; *) return 0 ;; esac
    file=/etc/postgresql-common/createcluster.conf
    [ ! -e "$file" ] || return 0
    say "writing $file, so that no system-wide database is created"
    $sudo mkdir -p "$(dirname "$file")"
    echo "create_main_cluster = false" | $sudo tee "$file" >/dev/null
}

check_sandbox() {
    have bwrap || want bubblewrap "keeps what agents run away from this machine"
    # Programs inside see /usr alone, so one in a home folder does not count.
    [ -x /usr/bin/python3 ] || want python3 "runs the sample project inside its sandbox"
    ! have git || [ -x /usr/bin/git ] || [ -x /usr/local/bin/git ] || want git "shows agents the history of what they work on"
}

node_version() { if have node; then first_number "$(node --version)"; else echo 0; fi; }

check_node() {
    [ "$(node_version)" -ge 18 ] || want nodejs "runs wasm-opt, which shrinks what browsers load"
    have npm || want npm "fetches wasm-opt and test tools, pinned by lock files"
}

wasm_by_rustup() { [ -d "$(cd "$root" && rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ]; }

wasm_by_debian() {
    usr=${MUSTER_USR:-/usr}
    [ -x "$usr/bin/rustc" ] && [ -x "$usr/bin/cargo" ] && [ -d "$usr/lib/rustlib/src/rust/library" ] || return 1
    ls "$usr"/bin/wasm-ld-* >/dev/null 2>&1 || return 1
    wanted=$(sed -n 's/^rust-version = "1\.\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
    [ "$("$usr/bin/rustc" --version | cut -d . -f 2)" -ge "$wanted" ]
}

new_enough_in_apt() {
    known_to_apt rustc-web || return 1
    minor=$(printf '%s' "$candidate" | cut -d . -f 2)
    [ "$minor" -ge "$(sed -n 's/^rust-version = "1\.\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)" ]
}

setup_wasm() {
    if wasm_by_rustup || wasm_by_debian; then return 0; fi
    say "missing: a compiler for wasm32-unknown-unknown (the interactive parts of pages)"
    missing=$((missing + 1))
    [ "$check" = no ] || return 0
    if have rustup; then
        if (cd "$root" && long "adding the target with rustup" timeout 120 rustup target add wasm32-unknown-unknown) && wasm_by_rustup; then
            return 0
        fi
        say "rustup could not add the target here; taking Debian's packages for building web programs instead"
    else
        say "there is no rustup to add the target with; taking Debian's packages for building web programs"
    fi
    have apt-get || fail "there is no apt either. Add the target by hand: rustup target add wasm32-unknown-unknown"
    as_root
    # An older release may be listed until the list is fresh; the newer one comes with security updates.
    new_enough_in_apt || refresh
    linker=$(apt-cache search --names-only '^lld-[0-9]+$' | cut -d ' ' -f 1 | sort -t - -k 2 -n | tail -n 1)
    packages=" rustc-web cargo-web rust-web-src ${linker:-lld}"
    install
    hash -r
    wasm_by_debian || fail "Debian's wasm compiler is older than this needs. Refresh apt's lists and upgrade rustc-web, or use rustup: rustup target add wasm32-unknown-unknown"
}

verify() {
    version=$(postgres_version)
    elsewhere=", or set DATABASE_URL to a server elsewhere"
    [ "$tests" = no ] || elsewhere=" (tests cannot use one elsewhere)"
    if needs_postgres && [ "${version:-0}" -lt 15 ]; then
        fail "the system offers PostgreSQL ${version:-none}, and Muster needs 15. Install a newer one$elsewhere."
    fi
    [ "$(node_version)" -ge 18 ] || fail "the system offers Node.js $(node_version), and wasm-opt needs 18. Install a newer one."
}

# shellcheck source=deploy/setup-tests.sh
[ "$tests" = no ] || . "$root/deploy/setup-tests.sh"

check_disk
check_rust
check_compilers
check_postgres
check_sandbox
check_node
if [ "$tests" = yes ]; then
    check_python
    check_browser
fi
if [ "$check" = no ] && [ -n "$packages" ]; then
    as_root
    keep_postgres_quiet
    install
    verify
fi
setup_wasm
if [ "$tests" = yes ]; then
    setup_rust_components
    setup_node
    setup_e2e
    setup_browser
    setup_test_peers
fi

if [ "$missing" = 0 ]; then
    say "everything needed is here"
elif [ "$check" = yes ]; then
    say "$missing missing; deploy/setup.sh installs them"
    exit 1
else
    say "complete"
fi
