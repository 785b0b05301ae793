"""A person's file as a command: sweeps, mistakes, interruptions. All in subprocesses, as a person runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import octant
from octant.runs.journal import Journal
from support.command import Database, environment

SOURCE = str(Path(octant.__file__).parents[1])
TRAINER = """
import os, signal, sys, threading, time
import numpy as np
import octant

class Settings(octant.Settings):
    width: int = 8
    what: str = "good"
    epochs: int = 3

def train(settings, state=None):
    what = settings.what
    if what == "raise":
        raise KeyError("lost")
    if what == "abort":
        os.abort()
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "cuda":
        raise RuntimeError("Cannot re-initialize CUDA in forked subprocess.")
    if what == "thread":
        threading.Thread(target=threading.Event().wait).start()
    if what == "exit":
        sys.exit(3)
    if what == "memory":
        raise MemoryError
    if what == "print":
        print("noise"); sys.stderr.write("\\rbar 50%"); os.system("echo from a child")
    random = np.random.default_rng(0 if what == "ignore" else settings.seed)
    weights, first = random.normal(size=settings.width), 1
    if state:
        weights, first = state["weights"], state["epoch"] + 1
        if what != "forget":
            random.bit_generator.state = state["random"]
    for epoch in range(first, settings.epochs + 1):
        if what == "none":
            return
        if what == "slow" or what == "forget":
            time.sleep(0.3)
        weights = 0.9 * weights + random.normal(size=settings.width)
        value = float("nan") if what == "diverge" and epoch == 2 else float(np.tanh((weights**2).mean()))
        after = {"weights": weights, "epoch": epoch, "random": random.bit_generator.state}
        yield octant.Epoch(epoch, {"test_accuracy": value}, after)

if __name__ == "__main__":
    octant.main(train, Settings)
"""


def run(folder: Path, *words: str, text: str = TRAINER) -> subprocess.CompletedProcess[str]:
    (folder / "mine.py").write_text(text)
    return subprocess.run(command(folder, *words), **kept(folder), capture_output=True, text=True, check=False)  # type: ignore[call-overload, no-any-return]


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "mine.py", *words]


def kept(folder: Path) -> dict[str, object]:
    return {"cwd": folder, "env": environment(folder / "home", PYTHONPATH=SOURCE)}


def line_of(text: str) -> int:
    """Where it stands in the file, from 1."""
    return next(number for number, line in enumerate(TRAINER.splitlines(), 1) if text in line)


def metrics(folder: Path) -> dict[str, list[float]]:
    """The settings of each finished run -> its numbers."""
    found = {}
    for path in (folder / "home" / "journal").iterdir():
        story, identity = Journal(path).read(), Journal(path).identity
        assert identity is not None
        if story.outcome:
            name = json.dumps(identity["settings"], sort_keys=True)
            found[name] = [line["metrics"]["test_accuracy"] for line in story.epochs]
    return found


def test_sweep_of_ones_own(tmp_path: Path) -> None:
    """Trained once, skipped the second time; the report and the comparison are there."""
    done = run(tmp_path, "-m", "width=8,16", "seed=range(3)")
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 runs: 6 trained, 0 were there already" in done.stdout
    assert Database(tmp_path / "home").statuses() == {"FINISHED": 6}
    runs = "(select run_uuid from tags where key = 'fingerprint')"
    params = Database(tmp_path / "home").query(f"select distinct key from params where run_uuid in {runs} order by 1")
    assert [key for (key,) in params] == ["epochs", "seed", "what", "width"]
    (report,) = (tmp_path / "home" / "reports").rglob("report.html")
    assert "width=8" in report.read_text()
    again = run(tmp_path, "-m", "width=8,16", "seed=range(3)")
    assert "6 runs: 0 trained, 6 were there already" in again.stdout
    assert run(tmp_path, "report", "mine").returncode == 0
    assert run(tmp_path, "doctor").stdout.endswith("stores: have everything the journals hold\n")


def test_every_mistake_is_one_line(tmp_path: Path) -> None:
    """Exit code 1, a line with run, file and reason each; the others are trained, none is left RUNNING."""
    lines = {
        "none": r"mine.py: the trainer yields no record; it must yield one octant.Epoch per epoch",
        "raise": rf"mine.py, line {line_of('raise KeyError')}: KeyError: 'lost'",
        "abort": r"mine.py: its worker was killed \(exit code -6: SIGABRT\)",
        "kill": r"mine.py: its worker was killed \(exit code -9: SIGKILL, as by Linux when memory runs out\)",
        "segfault": r"mine.py: its worker was killed \(exit code -11: SIGSEGV, a fault in compiled code\)",
        "cuda": rf"mine.py, line {line_of('Cannot re-init')}: RuntimeError: Cannot re-initialize CUDA in forked "
        "subprocess.; touch CUDA in train only, not at the top of the file",
        "exit": rf"mine.py, line {line_of('sys.exit')}: SystemExit: 3",
        "memory": rf"mine.py, line {line_of('raise MemoryError')}: MemoryError",
    }
    done = run(tmp_path, "-m", f"what=good,print,thread,diverge,{','.join(lines)}", "epochs=2")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for what, line in lines.items():
        assert re.search(
            rf"octant: run \w+ \(what={what} epochs=2 seed=0\) did not finish: .*{line}$", done.stderr, re.M
        )
    assert len(done.stderr.splitlines()) == len(lines) + 1  # and how to go on: no noise, no bar
    assert "12 runs: 4 trained, 0 were there already, 8 did not finish" in done.stdout
    assert set(Database(tmp_path / "home").statuses()) <= {"FINISHED", "FAILED", "KILLED"}
    outputs = [text for path in (tmp_path / "home").rglob("output.txt") if (text := path.read_text())]
    assert len(outputs) == 1
    assert all(word in outputs[0] for word in ("50%", "bar", "from a child", "noise"))


def test_endpoint_that_is_not_yielded_is_one_line(tmp_path: Path) -> None:
    """Said after the first record; what is under way then is stopped, and has its true status."""
    done = run(tmp_path, "-m", "what=slow", "seed=range(3)", "epochs=40", "experiment.endpoint=accuracy")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "experiment.endpoint: 'accuracy' is unknown; did you mean 'test_accuracy'?" in done.stderr
    assert set(Database(tmp_path / "home").statuses()) == {"KILLED"}


def test_threads_and_a_time_limit(tmp_path: Path) -> None:
    """Threads are each worker's; a run that takes too long is stopped, and goes on with the next command."""
    text = TRAINER.replace("float(np.tanh((weights**2).mean()))", 'int(os.environ["OPENBLAS_NUM_THREADS"])').replace(
        "time.sleep(0.3)", "time.sleep(100 if epoch == 2 and not os.path.exists('go') else 0)"
    )
    done = run(tmp_path, "-m", "what=good,slow", "threads=3", "time_limit=6", text=text)
    assert done.returncode == 1
    assert "(what=slow seed=0) did not finish: mine.py: stopped after time_limit=6 seconds; its last" in done.stderr
    assert Database(tmp_path / "home").statuses() == {"FINISHED": 1, "KILLED": 1}
    assert [*metrics(tmp_path).values()] == [[3.0, 3.0, 3.0]]
    (tmp_path / "go").touch()
    assert "1 was there already" in run(tmp_path, "-m", "what=good,slow", "threads=3", text=text).stdout
    assert len(metrics(tmp_path)) == 2


def test_seed_without_effect_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "what=ignore", "seed=range(3)", "epochs=1")
    assert "octant: mine.py: seeds 0, 1, 2 gave the same numbers in every epoch" in done.stderr
    assert done.stderr.rstrip().endswith("is the seed used?")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["widht=3"], "octant: setting: 'widht' is unknown; did you mean 'width'? known: code, epochs, experiment,"),
        (["width=three"], "octant: width: should be a valid integer, got 'three'"),
        (["experiment=mine"], "octant: experiment=mine: there is no folder experiment in conf/ beside mine.py"),
        (["raport", "mine"], "octant: command: 'raport' is unknown; did you mean 'report'?"),
        (["width=1,2"], "octant: width=1,2 has several values; add -m to train one run for each"),
    ],
)
def test_wrong_word_is_one_line(words: list[str], line: str, tmp_path: Path) -> None:
    done = run(tmp_path, *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(line)
    assert not (tmp_path / "home" / "journal").exists()


def test_conf_beside_the_file(tmp_path: Path) -> None:
    """Groups, an experiment with its sweep, and defaults: as Hydra users have them."""
    for name, text in {
        "config.yaml": "defaults:\n  - size: small\nepochs: 2\n",
        "size/small.yaml": "# @package _global_\nwidth: 4\n",
        "size/large.yaml": "# @package _global_\nwidth: 64\n",
        "experiment/sizes.yaml": "# @package _global_\nexperiment:\n  name: sizes\nhydra:\n  mode: MULTIRUN\n"
        "  sweeper:\n    params:\n      size: small,large\n      seed: 0,1\n",
    }.items():
        (tmp_path / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / name).write_text(text)
    done = run(tmp_path, "experiment=sizes")
    assert (done.returncode, done.stderr) == (0, "")
    settings = [json.loads(name) for name in metrics(tmp_path)]
    assert sorted((each["width"], each["seed"], each["epochs"]) for each in settings) == [
        (4, 0, 2), (4, 1, 2), (64, 0, 2), (64, 1, 2),
    ]  # fmt: skip
    assert "size: 'smal' is unknown; did you mean 'small'?" in run(tmp_path, "size=smal").stderr


def goes_behind(path: Path) -> bool:
    """Whether a run that goes on from its checkpoint trains an epoch of its journal again."""
    saved, known = Journal(path).load_checkpoint(), Journal(path).read().epochs
    return saved is not None and saved[0] < known[-1]["epoch"]


def interrupted(folder: Path, what: str, how: int) -> int:
    """Start a run of twelve epochs and end it by a signal in an epoch after its checkpoint; returns its exit code."""
    (folder / "mine.py").write_text(TRAINER)
    words = command(folder, f"what={what}", "epochs=12")
    process = subprocess.Popen(words, **kept(folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # type: ignore[call-overload]
    while not any(goes_behind(path) for path in (folder / "home" / "journal").glob("*")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(how)
    return int(process.wait(30))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_run_goes_on_to_the_bit(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    assert interrupted(tmp_path, "slow", how) != 0
    before = len(Journal(next((tmp_path / "home" / "journal").iterdir())).read().epochs)
    assert 0 < before < 12
    assert run(tmp_path, "what=slow", "epochs=12").returncode == 0
    assert run(tmp_path / "calm", "what=slow", "epochs=12").returncode == 0
    assert metrics(tmp_path) == metrics(tmp_path / "calm")
    assert Database(tmp_path / "home").statuses() == {"FINISHED": 1}


def test_state_that_forgets_is_told(tmp_path: Path) -> None:
    """Epochs after the checkpoint are trained again and must come out the same."""
    interrupted(tmp_path, "forget", signal.SIGKILL)
    done = run(tmp_path, "what=forget", "epochs=12")
    assert done.returncode == 1
    assert "came out differently from the journal's" in done.stderr
    assert "a generator's state; train the run anew with rerun=true" in done.stderr


def test_new_file_trains_as_it_stands(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "octant", "new", "fresh.py"]
    made = subprocess.run(words, **kept(tmp_path), capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    assert (made.returncode, made.stderr) == (0, "")
    again = subprocess.run(words, **kept(tmp_path), capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    assert (again.returncode, again.stderr) == (
        2,
        "octant: fresh.py: it exists, and nothing is overwritten; choose another name\n",
    )
    words = [sys.executable, "fresh.py", "epochs=3"]
    done = subprocess.run(words, **kept(tmp_path), capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"test_loss \d", done.stdout)
