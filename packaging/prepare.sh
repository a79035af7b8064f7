#!/bin/sh
# Makes .venv fit for one purpose and leaves a stamp, so that the next call is over at once.
#   packaging/prepare.sh run    what the deck needs to run            (requirements/run.txt)
#   packaging/prepare.sh dev    and what tests, checks and locking need (requirements/dev.txt)
# PYTHON=… chooses the interpreter. It installs only what the lock names, with the lock's hashes, and never touches a system Python.
set -eu
cd "$(dirname "$0")/.."

purpose=${1:?run or dev}
lock=requirements/$purpose.txt
python=.venv/bin/python
stamp=.make/$purpose

say() { printf 'citydeck: %s\n' "$*" >&2; }

old_enough() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; }

# The newest interpreter that really runs: a version manager's shim may be on PATH without its Python.
choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        old_enough "$PYTHON" || { say "PYTHON=$PYTHON does not run, or is not Python 3.11 to 3.14"; return 1; }
        printf '%s' "$PYTHON"
        return
    fi
    for candidate in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if old_enough "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
    say "no Python 3.11 to 3.14 found. On Debian 12 or Ubuntu 24.04: sudo apt-get install python3"
    return 1
}

# A venv with pip in it; or, where Debian has split ensurepip off, a venv that the system's pip fills from outside.
create_venv() {
    base=$(choose_python)
    rm -rf .venv .make/run .make/dev
    say "creating .venv with $("$base" -c 'import platform, sys; print(platform.python_version(), sys.executable)')"
    if "$base" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        "$base" -m venv .venv
        return
    fi
    if "$base" -c 'import venv, pip; raise SystemExit(int(pip.__version__.split(".")[0]) < 23)' >/dev/null 2>&1; then
        "$base" -m venv --without-pip .venv
        return
    fi
    package=python$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    "$base" packaging/system.py --packages "$package"
    "$base" -m venv .venv
}

install() {
    if "$python" -c 'import pip' >/dev/null 2>&1; then
        set -- "$python" -m pip
    elif "$python" -c 'import ensurepip' >/dev/null 2>&1 && "$python" -m ensurepip >/dev/null 2>&1; then
        set -- "$python" -m pip
    else
        set -- "$(base_python)" -m pip --python "$python"
    fi
    say "installing $lock"
    "$@" install --quiet --disable-pip-version-check --no-input --only-binary :all: --require-hashes --requirement "$lock"
}

base_python() { "$python" -c 'import os, sys; print(os.path.realpath(sys._base_executable))'; }

# What the stamp must say: the venv's Python and the lock. pyvenv.cfg is read instead of starting an interpreter.
state() { printf '%s %s\n' "$(sed -n 's/^version *= *//p' .venv/pyvenv.cfg)" "$(sha256sum <"$lock")"; }

mkdir -p .make
if ! { [ -x "$python" ] && [ -f .venv/pyvenv.cfg ] && old_enough "$python"; }; then
    create_venv
elif [ -n "${PYTHON:-}" ]; then
    wanted=$("$PYTHON" -c 'import platform; print(platform.python_version())') || { say "PYTHON=$PYTHON does not run"; exit 1; }
    [ "$("$python" -c 'import platform; print(platform.python_version())')" = "$wanted" ] || create_venv
fi
if [ "$(cat "$stamp" 2>/dev/null || :)" != "$(state)" ]; then
    rm -f "$stamp"
    install
    state >"$stamp"
    # dev.txt holds everything of run.txt, at the same versions.
    if [ "$purpose" = dev ]; then
        lock=requirements/run.txt
        state >.make/run
    fi
fi

# Qt's system libraries and a Chinese font.
libraries=.make/system
wanted="$(sha256sum <packaging/system.py) $(cat "$stamp") screen=${DISPLAY:+x}${WAYLAND_DISPLAY:+w}"
if [ "$(cat "$libraries" 2>/dev/null || :)" != "$wanted" ]; then
    rm -f "$libraries"
    "$python" packaging/system.py --venv .venv
    printf '%s\n' "$wanted" >"$libraries"
fi
