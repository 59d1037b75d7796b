"""A proxy that lists the requests which a command sends to a Prefect server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "date", "server"}


@contextmanager
def counted(
    api: str, before: Callable[[str], bool] = lambda request: True
) -> Iterator[tuple[str, list[str]]]:
    """Provide the address of a proxy of an API, and the list of its requests so far.

    Args:
        api: The address of the API.
        before: Called with each request, such as ``POST /api/variables/``; the request is not
            forwarded if it returns False.
    """
    requests: list[str] = []
    parts = urlsplit(api)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            requests.append(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not before(requests[-1]):
                self.close_connection = True
                return
            upstream = HTTPConnection(parts.netloc, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in NOT_FORWARDED:
                    self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            upstream.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

        def log_message(self, *_arguments: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{parts.path}", requests
        finally:
            server.shutdown()
            thread.join()
