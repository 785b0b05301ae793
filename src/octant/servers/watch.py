"""`octant watch`: explore.html of a sweep while it is trained, on 127.0.0.1, from its journals alone."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from octant.errors import InputError, line_of, printable
from octant.runs.progress import Progress
from octant.servers.server import HOST, hosts, port_of, refuse_taken_port
from octant.servers.watched import Watched
from octant.tracking.noted import Noted
from octant.trainer.subcommand import Subcommand, option

LOOK_SECONDS, SAY_SECONDS = 5.0, 60.0
LAST_SECONDS = 8.0  # open pages ask every three whether there is more, and get the last one
# Reloads where there is more, unless somebody has just used the page.
_RELOAD = """<script>let used = 0;
for (const each of ["pointerdown", "keydown"]) addEventListener(each, () => { used = Date.now(); });
setInterval(async () => {
  try { if (await (await fetch("version")).text() !== "%s" && Date.now() - used > 10000) location.reload(); } catch {}
}, 3000);</script>"""


def _run(options: argparse.Namespace) -> int:
    """Serve and tell until the sweep is over; on a terminal until Ctrl-C, so that the page can still be looked at."""
    if options.uri:
        raise InputError("watch reads the journals of this state folder, no store; leave --uri out")
    watched, port = Watched(Noted.read(options.sweep)), port_of()
    refuse_taken_port(HOST, port)
    server = _Server((HOST, port), _handler(watched, hosts(port).split(",")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        print(f"http://{HOST}:{port}/    Ctrl-C ends the page, not the sweep", flush=True)
        _tell(watched)
        time.sleep(LAST_SECONDS)
        while sys.stdout.isatty():
            time.sleep(SAY_SECONDS)
    finally:
        server.shutdown()
        server.server_close()
    return 0


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """One line; nothing for a browser that has gone."""
        error = sys.exc_info()[1]
        if isinstance(error, Exception) and not isinstance(error, OSError):
            print(f"octant: the page was not drawn: {printable(line_of(error))}", file=sys.stderr)


def _tell(watched: Watched) -> None:
    """How far the sweep is, until nobody trains it: a line written over on a terminal, else one a minute."""
    line, told = Progress("", 0), -SAY_SECONDS
    while watched.look():
        line.wait(watched.state)
        if not sys.stderr.isatty() and time.monotonic() - told >= SAY_SECONDS:
            print(f"{time.strftime('%H:%M')} {watched.state}", flush=True)
            told = time.monotonic()
        time.sleep(LOOK_SECONDS)
    line.end()
    print(f"{time.strftime('%H:%M')} {watched.state}", flush=True)


def _handler(watched: Watched, names: list[str]) -> type[BaseHTTPRequestHandler]:
    """Answers `/` with the page and `/version` with what it was made of, to those who ask this machine by its name."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            if self.headers.get("Host") not in names:  # a page of another site, through a name that leads here
                self.send_error(403)
            elif self.path == "/version":
                self._answer(watched.version, "plain")
            elif self.path == "/":
                html, version = watched.page()
                head, end, tail = html.rpartition("</body>")
                self._answer(f"{head}{_RELOAD % version}{end}{tail}", "html")
            else:
                self.send_error(404)

        def _answer(self, text: str, kind: str) -> None:
            content = text.encode()
            self.send_response(200)
            for name, value in (("Content-Type", f"text/{kind}; charset=utf-8"), ("Content-Length", len(content)),
                                ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")):  # fmt: skip
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is said of requests."""

    return Handler


COMMAND = Subcommand(
    _run,
    option("sweep", nargs="?", help="name or digest of a sweep; default: the one that was launched last"),
)
