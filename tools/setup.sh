# Sourced by the scripts beside it: makes .venv from a lock once, and skips that while lock and place are unchanged.
# usage: . tools/setup.sh; setup run|dev
# Needs python3 (3.11 or later) with pip for it: neither python3-venv nor anything else. PYTHON=… says which one.

setup() {
    local kind=$1 lock=requirements.lock python
    [ "$kind" = dev ] && lock=requirements-dev.lock
    local stamp=.venv/stamp-$kind
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(_stamp "$lock" 2>/dev/null)" ] && return 0
    python=$(_interpreter) || return 1
    echo "setup: making .venv from $lock with $("$python" --version) at $python (once; about 15 s)" >&2
    # An environment holds its own path: one that was moved, or whose interpreter is gone, is made anew.
    [ "$(cat .venv/place 2>/dev/null)" = "$PWD" ] && .venv/bin/python -c '' 2>/dev/null || rm -rf .venv
    [ -x .venv/bin/python ] || "$python" -m venv --without-pip .venv || return 1
    echo "$PWD" >.venv/place
    _install "$python" --only-binary :all: --require-hashes -r "$lock" &&
        _install "$python" --no-deps --no-build-isolation -e . || {
        echo "setup: packages could not be installed; is a package index within reach? (pip's own words are above)" >&2
        return 1; }
    _stamp "$lock" >"$stamp"
    echo "setup: done" >&2
}

# What .venv was made for: its place, its interpreter's version, the lock.
_stamp() {
    .venv/bin/python -c 'import hashlib, os, sys
locks = b"".join(open(f, "rb").read() for f in sys.argv[1:])
print(os.getcwd(), sys.version_info[:2], hashlib.sha256(locks).hexdigest())' "$1" pyproject.toml
}

_install() {
    local python=$1; shift
    "$python" -m pip --python .venv/bin/python --disable-pip-version-check install -qq --no-input "$@"
}

# PYTHON, or the fastest python3 on the PATH that is new enough and has pip (.venv's own has none; a build without
# profile-guided optimization runs the switch 15 % slower).
_interpreter() {
    local candidate took best='' least='' seen=''
    while IFS= read -r candidate; do
        case "$candidate" in "$PWD"/.venv/*|.venv/*) continue ;; esac
        seen="$seen $candidate"
        took=$("$candidate" -c 'import sys, time
if sys.version_info < (3, 11): sys.exit(1)
import pip
def once():
    began = time.process_time()
    sum(len(str(n)) for n in range(60_000))
    return time.process_time() - began
print(int(min(once() for _ in range(5)) * 1e6))' 2>/dev/null </dev/null) || continue
        if [ -z "$best" ] || [ "$took" -lt "$least" ]; then best=$candidate least=$took; fi
    done < <(if [ -n "${PYTHON:-}" ]; then echo "$PYTHON"; else type -ap python3; fi)
    if [ -z "$best" ]; then
        echo "setup: no python3 with version 3.11 or later and pip among:${seen:- none}; on Debian: apt-get install python3 python3-pip" >&2
        return 1
    fi
    echo "$best"
}
