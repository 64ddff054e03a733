"""A file server on 127.0.0.1 that misbehaves as asked."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Behaviour:
    """What the server does; tests change it between requests."""

    content: bytes = b""
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    length: bool = True
    status: int = 200
    cuts: list[int] = field(default_factory=list)  # bytes sent by the coming requests
    wrong_range: bool = False
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def _start(self) -> int:
        """First byte to send: 0, or what the request asks for and may have."""
        b = self.behaviour
        span = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        if not b.ranges or not span or condition not in {None, b.etag, b.modified}:
            return 0
        return int(span.removeprefix("bytes=").removesuffix("-"))

    def do_GET(self) -> None:
        b = self.behaviour
        b.requests.append(dict(self.headers))
        if b.status != 200:
            self.send_error(b.status)
            return
        start, size = self._start(), len(b.content)
        if start >= size > 0:
            self.send_error(416)
            return
        body = b.content[start:]
        self.send_response(206 if start else 200)
        if start:
            first = 0 if b.wrong_range else start
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
        if b.length:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (("ETag", b.etag), ("Last-Modified", b.modified)):
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        cut = b.cuts.pop(0) if b.cuts else len(body)
        with contextlib.suppress(ConnectionError):  # a cancelled client closes first
            self.wfile.write(body[:cut])
        self.close_connection = True


@contextlib.contextmanager
def serving() -> Iterator[Behaviour]:
    """Run a server inside a with block."""
    behaviour = Behaviour()
    handler = type("Handler", (_Handler,), {"behaviour": behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        behaviour.url = f"http://127.0.0.1:{server.server_port}/weights.pth"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield behaviour
        finally:
            server.shutdown()
            thread.join()
