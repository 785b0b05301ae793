"""A server that is there but refuses some requests: what it has in the end is what it would have had in peace."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.command import Database, run_octant
from tracking.test_outage import Server, server

__all__ = ["server"]
ONE = ("engine=numpy", "hidden_units=4", "batch_size=50", "epochs=3")
COUNTS = "select (select count(*) from metrics), (select count(*) from params)"


@contextmanager
def refusing(path: str, times: int, behind: str) -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers so many requests for a path with 503; its address, and the paths that it refused."""
    refused: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if path in self.path and len(refused) < times:
                refused.append(self.path)
                self.reply(503, b"", "text/plain")
                return
            headers = {name: self.headers[name] for name in ("Content-Type", "User-Agent") if self.headers[name]}
            request = urllib.request.Request(behind + self.path, body or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(request, timeout=60) as done:
                    self.reply(done.status, done.read(), done.headers["Content-Type"])
            except urllib.error.HTTPError as error:
                with error:
                    self.reply(error.code, error.read(), error.headers["Content-Type"])

        def reply(self, status: int, content: bytes, kind: str | None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind or "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}", refused
        finally:
            proxy.shutdown()
            thread.join()


@pytest.mark.slow
def test_refused_batches_arrive_all_the_same(server: Server, tmp_path: Path) -> None:
    """MLFLOW_ENABLE_ASYNC_LOGGING must not have them dropped unheard."""
    server.start()
    asked = {"MLFLOW_ENABLE_ASYNC_LOGGING": "true", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
    assert run_octant(tmp_path / "peace", *ONE).returncode == 0
    with refusing("log-batch", 2, server.address) as (address, refused):
        home = tmp_path / "home"
        done = run_octant(home, *ONE, f"tracking.uri={address}", "experiment.name=async", **asked)
        assert done.returncode == 0, done.stderr
        doctor = run_octant(home, "doctor", **asked)
    assert len(refused) == 2
    assert "have everything" in doctor.stdout
    assert Database(server.folder).statuses() == {"FINISHED": 1}
    (there,), (peace,) = Database(server.folder).query(COUNTS), Database(tmp_path / "peace").query(COUNTS)
    assert there == peace
