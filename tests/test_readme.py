"""The README says what was measured, and every target it names exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def speed_block(results: str) -> str:
    """Machine, date and the table of ratios, as benchmarks/results/engines.md has them."""
    measured = next(line for line in results.splitlines() if re.match(r"\d{4}-\d\d-\d\d\. ", line))
    table = results.split("## Ratios")[1].split("\n## ")[0].strip()
    return f"{measured}\n\n{table}"


def test_the_speed_table_is_the_benchmark_s() -> None:
    shown = README.split("kept in step by a test -->")[1].split("<!-- /speed -->")[0].strip()
    assert shown == speed_block((ROOT / "benchmarks" / "results" / "engines.md").read_text())


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]+)", README, re.MULTILINE))
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    offered = set(re.findall(r"^  make ([a-z-]+)", printed, re.MULTILINE))
    assert {"sweep", "train", "report", "ui", "test", "check", "bench", "clean", "reset"} <= offered
    assert named <= offered, named - offered


def test_every_file_named_exists() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"(?:conf|src|docs|benchmarks)/[\w/.-]+\.\w+", README):
        assert (ROOT / path).exists(), path
