# Sourced by the scripts beside it: makes .venv from a lock once, and skips that when the lock is unchanged.
# usage: . tools/setup.sh; setup run|dev
# Needs python3 (3.11 or later) and pip for it: neither python3-venv nor anything else.

setup() {
    local kind=$1 lock=requirements.lock
    [ "$kind" = dev ] && lock=requirements-dev.lock
    local python=${PYTHON:-python3} stamp=.venv/stamp-$kind want
    want=$("$python" -c 'import hashlib, sys
print(sys.version_info[:2], hashlib.sha256(b"".join(open(f, "rb").read() for f in sys.argv[1:])).hexdigest())' \
        "$lock" pyproject.toml) || { echo "setup: no working $python; install python3 and python3-pip" >&2; return 1; }
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return 0; fi
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "setup: $("$python" --version) is too old; Python 3.11 or later is needed (set PYTHON=…)" >&2; return 1; }
    "$python" -m pip --version >/dev/null 2>&1 || {
        echo "setup: $python has no pip; on Debian: apt-get install python3-pip" >&2; return 1; }
    echo "setup: making .venv from $lock (once; about 15 s)" >&2
    [ -x .venv/bin/python ] || "$python" -m venv --without-pip .venv || return 1
    "$python" -m pip --python .venv/bin/python --disable-pip-version-check install -qq --no-input \
        --only-binary :all: --require-hashes -r "$lock" || return 1
    "$python" -m pip --python .venv/bin/python --disable-pip-version-check install -qq --no-input \
        --no-deps --no-build-isolation -e . || return 1
    echo "$want" >"$stamp"
    echo "setup: done" >&2
}
