"""Run a server only as long as the command that started it lives: python -m octant.servers.guard COMMAND...

Standard input is a pipe whose other end the starting process alone holds. When that process ends, even by SIGKILL, the
pipe closes, and the server and its workers are ended: all are one process group, which this process leads. Linux could
do it by PR_SET_PDEATHSIG, but macOS has none, and a server's workers do not inherit it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 10


def main() -> None:
    """Wait for the server or for the end of the pipe; the server's exit code is this process's."""
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, lambda *_: None)  # unlike SIG_IGN a handler is not inherited by the server
    server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603
    left = threading.Event()
    threading.Thread(target=_end_when_left, args=[left], daemon=True).start()
    code = server.wait()
    if left.is_set():
        os.killpg(0, signal.SIGKILL)  # workers that outlived the server
    sys.exit(code if code >= 0 else 128 - code)


def _end_when_left(left: threading.Event) -> None:
    os.read(0, 1)
    left.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
