"""An endpoint on 127.0.0.1 for tests: JSON is posted, and what is made of it comes back."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]


class Endpoint:
    """Answers each body with the status, headers and JSON (or bytes) that `answer` makes of it.

    `seen` are the bodies with their paths, `headers` what came with each, the last one last.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], Answer]) -> None:
        self.seen: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.headers.append(dict(self.headers))
                endpoint.seen.append({"path": self.path, **body})
                status, headers, told = answer(body)
                content = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                with suppress(BrokenPipeError):  # who asked may have stopped waiting
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        """Ends when all that was asked is answered."""
        self._server.shutdown()
        self._server.server_close()
