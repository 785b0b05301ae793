"""The README says what was measured, and every target it names exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_three_speeds_are_benchmarks() -> None:
    table = (ROOT / "benchmarks" / "results" / "engines.md").read_text()
    said = " ".join(README.split("## How fast")[1].split())
    for what, form in (
        ("octant's slowest configuration / C's faster one", "slowest configuration takes {} times what a C kernel"),
        ("PyTorch / octant", "PyTorch {} times as long"),
        ("lecture's loop (float64) / octant (float32)", "the lecture's own loop {} times"),
    ):
        ratio = re.search(rf"\| batch 1: {re.escape(what)} \| ([0-9.]+) ", table)
        assert ratio is not None, what
        assert form.format(ratio[1]) in said


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]+)", README, re.MULTILINE))
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE))
    assert {"sweep", "train", "report", "ui", "test", "check", "bench", "clean", "reset"} <= offered
    assert named <= offered, named - offered


def test_every_file_named_exists() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    assert (ROOT / "mlruns" / "README.md").is_file()  # the map speaks of it
    for path in re.findall(r"(?:conf|src|docs|benchmarks)/[\w/.-]+\.\w+", README):
        assert (ROOT / path).exists(), path
