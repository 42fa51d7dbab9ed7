# The commands of the day. `just` lists them.

_default:
    @just --list --unsorted

# Format, lints, documentation and types: quick, before every commit
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    tests/setup.sh
    cd tests/browser && npm ci --silent
    for project in tests tests/browser web clients/js clients/js/test; do tests/node_modules/.bin/tsc --noEmit -p $project || exit 1; done

# Every test, or some: `just test rust`
test *what:
    ./test {{ what }}

# All 517 Autobahn cases, or some: `just autobahn '12.*'`
autobahn *cases:
    cargo build --release -p conformance
    tests/autobahn/run.sh {{ cases }}

# Benchmarks: `just bench list`, `just bench fanout-low --quick`
bench *scenarios:
    bench/run.sh {{ scenarios }}

# Kills the server that often under load, and looks for what was lost
kill times="20":
    KILLS={{ times }} cargo test -p tidings-server --test it kill -- --nocapture

# A thousand users come and go for so many seconds, and presence has to be right
churn seconds="60":
    ulimit -n 4096 && CHURN={{ seconds }} cargo test -p tidings-server --test it churn -- --nocapture

# So many random histories of a shared text, after which everybody has to have the same
histories count="10000":
    HISTORIES={{ count }} cargo test -p tidings-documents simulation -- --nocapture

# One fuzz target for a while: `just fuzz websocket_decode 300`
fuzz target seconds="60":
    cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run {{ target }} -- -max_total_time={{ seconds }}

# Licences, sources, unwanted crates, security advisories
deny:
    cargo deny --locked check --hide-inclusion-graph

# Everything that CI does
ci:
    .ci/run
