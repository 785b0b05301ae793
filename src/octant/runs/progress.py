"""One progress line on a terminal: what, how far, how long yet. Silent in a log or CI."""

from __future__ import annotations

import sys
import time


def _duration(seconds: float) -> str:
    """Seconds for people: `8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Progress:
    """A line on stderr that is written over; nothing at all when stderr is no terminal."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._began = self._shown = time.monotonic()
        self._on = sys.stderr.isatty()

    def show(self, done: float) -> None:
        """`done` of the total, at most ten times per second."""
        now = time.monotonic()
        if not self._on or now - self._shown < 0.1:
            return
        self._shown = now
        share = done / self._total if self._total else 1.0
        left = f", about {_duration((now - self._began) * (1 / share - 1))} left" if share > 0.02 else ""
        bar = "█" * round(20 * share)
        self._write(f"{self._what} {bar:░<20} {int(done)}/{self._total}{left}")

    def wait(self, note: str) -> None:
        """A line without a bar."""
        self._write(note)

    def end(self) -> None:
        """Clear the line."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._on:
            sys.stderr.write(f"\r\x1b[2K{text}")
            sys.stderr.flush()
