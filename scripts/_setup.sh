# Sourced by the other scripts here. `setup` makes .venv hold exactly what requirements.lock
# says plus this project (editable); a second run with nothing changed does nothing.
# Works with bash 3.2 and later. Needs the current folder to be the repository's root.
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

# The first Python that is new enough and satisfies the extra statement $1; the user's $PYTHON
# or none where that is set. 3.11 comes first: it is Debian's, and so the one in the base image
# that is built where none can be pulled.
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

# Sets `python` to one that can make virtual environments, which Debian packages apart.
choose_python() {
  python=$(find_python "import ensurepip, venv") && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing Debian's python3 and python3-venv"
    # A broken third-party package list must not stop the set-up; only the install counts.
    apt-get update -qq >/dev/null 2>&1 || true
    local story
    story=$(DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      python3 python3-venv 2>&1) || die "apt-get could not install python3-venv:" "$story"
    python=$(find_python "import ensurepip, venv") && return
  fi
  if find_python pass >/dev/null; then
    die "the Python here cannot make virtual environments" \
      "on Debian and Ubuntu: apt-get install python3-venv (as root), then run this again"
  fi
  die "no Python 3.10 or later was found" \
    "install one, or name it: PYTHON=/path/to/python3 $0"
}

# The lock's entry for one package, hashes included.
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
  say "installing uv, as locked"
  locked uv >.venv/uv.txt
  "$VENV_PYTHON" -m pip install -qq --disable-pip-version-check --require-hashes \
    -r .venv/uv.txt >&2
  say "installing the locked dependencies and this project into .venv"
  # Compiled once here: Prefect is imported some hundred times below, and where
  # PYTHONDONTWRITEBYTECODE is set it would be compiled again each time.
  .venv/bin/uv pip sync --quiet --python "$VENV_PYTHON" --require-hashes --compile-bytecode \
    requirements.lock
  # hatchling is locked too, so that even the build fetches nothing unpinned.
  .venv/bin/uv pip install --quiet --python "$VENV_PYTHON" --no-deps --no-build-isolation -e .
  fingerprint >"$STAMP"
}
