"""One command: every word has a page of help, and a wrong option is one line; a message names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from octant import __version__
from octant.cli.main import COMMANDS, _check_words
from octant.cli.program import OCTANT
from octant.errors import InputError
from support.command import run_octant

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("word", COMMANDS)
def test_each_command_has_help(word: str, tmp_path: Path) -> None:
    done = run_octant(tmp_path / "home", word, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: octant {word} ")
    assert "--uri URI" in done.stdout
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("word", COMMANDS)
def test_wrong_option_is_one_line(word: str, tmp_path: Path) -> None:
    needed = {
        "predict": ["x"],
        "rerun": ["x"],
        "portraits": ["x"],
        "report": ["x"],
        "archive": ["x"],
        "promote": ["x"],
        "publish": ["x"],
        "new": ["x.py"],
        "plan": ["x", "--detect", "1"],
        "check": ["x"],
    }.get(word, [])
    done = run_octant(tmp_path / "home", word, *needed, "--colour")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"octant: unrecognized arguments: --colour; octant {word} --help lists what there is\n"


@pytest.mark.parametrize("word", ["predict", "rerun", "portraits", "report", "promote", "publish"])
def test_what_is_missing_is_named(word: str, tmp_path: Path) -> None:
    done = run_octant(tmp_path / "home", word)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the following arguments are required" in done.stderr


def test_help_lists_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTANT_HOME", str(tmp_path))  # named there
    done = run_octant(tmp_path, "--help", "loss=mse")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == OCTANT.help_text({word: line for word, (_, line) in COMMANDS.items()}) + "\n"
    for word in [*COMMANDS, *OCTANT.groups(), *OCTANT.groups()["loss"], *(OCTANT.first_words() - set(OCTANT.groups()))]:
        assert re.search(rf"^  {word}\b|[ ,]{word}\b", done.stdout, re.MULTILINE), word
    assert "learning_rate: 0.1    # of one step" in done.stdout
    assert "hydra:" not in done.stdout


def test_version_is_octant_s(tmp_path: Path) -> None:
    assert run_octant(tmp_path, "--version").stdout == f"octant {__version__}\n"


def test_server_s_uri_is_refused(tmp_path: Path) -> None:
    for word, told in (("server", "MLFLOW_BACKEND_STORE_URI"), ("ui", "is a server already")):
        done = run_octant(tmp_path, word, "--uri", "http://127.0.0.1:1")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sinc"], "command: 'sinc' is unknown; did you mean 'sync'?"),
        (["seed=1", "sync"], "a command comes first: octant sync"),
        (["epochs"], "epochs: write a setting, = and its value"),
        (["loss=msee"], "loss: 'msee' is unknown; did you mean 'mse'?"),
        (["experiment=factorail"], "did you mean 'factorial'"),
        (["datset.path=x"], "setting: 'datset' is unknown; did you mean 'dataset'?"),
    ],
)
def test_misspelt_words_name_nearest(words: list[str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        _check_words(words, list(COMMANDS))
    assert told in str(caught.value)


def test_unusual_is_left_to_hydra() -> None:
    _check_words(
        ["+momentum=0.9", "~loss", "loss=mse,cross_entropy", "dataset.path=x.npz", "hydra/launcher=slurm",
         "hydra.launcher.tasks=2", "loss=[mse", "'seed=range(3)'", "experiment.name=mine"],
        list(COMMANDS),
    )  # fmt: skip


def test_no_message_names_a_lost_command() -> None:
    """A user without the clone has no make, and there is one console script."""
    shipped = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.md"), *(ROOT / "src").rglob("*.html")]
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *(ROOT / "experiments").rglob("*.j2")]
    for path in [*shipped, *pages]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"octant-(predict|rerun) ", text), path
        named = re.findall(r"-m octant\.([\w.]+)", text)
        assert set(named) <= {"servers.guard", "models.serve"}, path
        if path in shipped:
            assert not re.search(r"`make |: make |\(make |, make ", text), path


def test_commands_named_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "src" / "octant").rglob("*.py")]
    for path in pages:
        for word in re.findall(r"(?:`|^    )octant ([a-z]+)(?=[` \n])(?!=)", path.read_text(), re.MULTILINE):
            assert word in COMMANDS, (path, word)
