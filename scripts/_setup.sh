# Sourced by the other scripts. `setup` installs exactly what requirements.lock pins, and this
# project (editable), into .venv. If nothing has changed, it does nothing.
# Requires bash 3.2 or later, and the repository's root as the current folder.
# shellcheck shell=bash

# Another project's environment must not leak into this one.
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

VENV_PYTHON=.venv/bin/python
STAMP=.venv/.flowship-setup

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf '!!! %s\n' "$@" >&2
  exit 1
}

in_ci() {
  case "${CI:-}" in "" | 0 | false | False) return 1 ;; esac
}

# Print the first Python that is new enough and can run the statement $1. If $PYTHON is set, only
# that one is tried. 3.11 comes first because the base image that is built from Debian packages
# has the same version.
find_python() {
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3.14 python3}; do
    if "$name" -c "import sys; assert sys.version_info >= (3, 10); $1" >/dev/null 2>&1; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  return 1
}

# Set `python` to an interpreter that has ensurepip and venv. Debian has them in a separate package.
choose_python() {
  python=$(find_python "import ensurepip, venv") && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Debian's python3 and python3-venv"
    # A broken third-party package list must not stop the setup; the install below decides.
    apt-get update -qq >/dev/null 2>&1 || true
    local output
    output=$(DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      python3 python3-venv 2>&1) || die "apt-get could not install python3-venv:" "$output"
    python=$(find_python "import ensurepip, venv") && return
  fi
  if find_python pass >/dev/null; then
    die "Python's venv module is not installed" \
      "on Debian and Ubuntu, run: apt-get install python3-venv (as root), then try again"
  fi
  die "Python 3.10 or later not found" \
    "install it, or set its path: PYTHON=/path/to/python3 $0"
}

# Print the lock's entry for one package, with its hashes.
locked() {
  awk -v name="$1" '/^[^ ]/ { inside = (index($0, name "==") == 1) } inside' requirements.lock
}

fingerprint() {
  printf '%s %s\n' "$PWD" "$(cat requirements.lock pyproject.toml scripts/_setup.sh | cksum)"
}

setup() {
  if [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(fingerprint)" ] && "$VENV_PYTHON" -c pass; then
    return
  fi
  if ! "$VENV_PYTHON" -m pip --version >/dev/null 2>&1; then
    choose_python
    say "creating .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
  fi
  rm -f "$STAMP"
  say "installing the locked version of uv"
  locked uv >.venv/uv.txt
  "$VENV_PYTHON" -m pip install -qq --disable-pip-version-check --require-hashes \
    -r .venv/uv.txt >&2
  say "installing the locked dependencies and this project into .venv"
  # The tests start many processes that import Prefect. If PYTHONDONTWRITEBYTECODE is set and
  # the bytecode is not there yet, each of them would compile it again.
  .venv/bin/uv pip sync --quiet --python "$VENV_PYTHON" --require-hashes --compile-bytecode \
    requirements.lock
  # No build isolation: hatchling comes from the lock too, so nothing unpinned is downloaded.
  .venv/bin/uv pip install --quiet --python "$VENV_PYTHON" --no-deps --no-build-isolation -e .
  fingerprint >"$STAMP"
}
