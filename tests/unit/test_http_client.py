"""httpx is imported without its command line and HTTP/2, and works."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from flowship.http_client import httpx
client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=1)))
answer = client.get("http://x/").json()
unused = sorted({"h2", "hpack", "pygments", "click", "rich", "httpx._main"} & set(sys.modules))
import h2, rich  # what is hidden during the import can be imported afterwards
print(json.dumps([answer, unused]))
"""


def test_httpx_comes_without_what_flowship_does_not_use():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1, []]


def test_httpx_that_was_imported_before_stays_as_it_is():
    program = "import httpx; main = sys.modules['httpx._main']; import flowship.http_client;"
    program += "assert sys.modules['httpx._main'] is main"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
