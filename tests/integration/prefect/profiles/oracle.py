"""Prefect's own answer to "which API?": the reference that `flowship.profiles` is compared with.

Run as a script it reads one JSON case per line, ``{"cwd", "env"}``, and answers with one JSON line:
the values ``prefect.settings.Settings`` comes to, or the error it raises. With ``--once`` the
environment and folder are those of the process, nothing is patched, and the answer also holds
the profile's name and what Prefect warned about: a fresh start, to check the fast way against.
"""

# ruff: noqa: T201, BLE001  (a script that answers on stdout, whatever Prefect raises)

import io
import json
import os
import sys
import warnings
from contextlib import redirect_stderr
from pathlib import Path


def answer():
    from prefect.settings import Settings

    settings = Settings()
    api = settings.api
    return {
        "url": api.url or None,
        "key": (api.key.get_secret_value() if api.key else None) or None,
        "auth_string": (api.auth_string.get_secret_value() if api.auth_string else None) or None,
        "ca_file": api.ssl_cert_file or None,
        "verify": not api.tls_insecure_skip_verify,
        "headers": settings.client.custom_headers,
    }


def once():
    said = io.StringIO()
    with redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import prefect.context

            result = answer()
            result["profile"] = prefect.context.get_settings_context().profile.name
            result["said"] = said.getvalue()
        except Exception as exc:  # whatever Prefect cannot read
            result = {"error": f"{type(exc).__name__}: {exc}"}
    print(json.dumps(result), flush=True)


def many():
    import prefect.settings.sources as sources

    warnings.simplefilter("ignore")
    print("ready", flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        os.environ.clear()
        os.environ.update(case["env"])
        os.chdir(case["cwd"])
        # What a new process would compute anew.
        sources.DEFAULT_PREFECT_HOME = Path.home() / ".prefect"
        sources._file_cache.clear()
        try:
            result = answer()
        except Exception as exc:  # whatever Prefect cannot read
            result = {"error": f"{type(exc).__name__}: {exc}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    once() if "--once" in sys.argv else many()
