"""What the documentation tells people to type works: commands, code blocks, the notebook."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import environment
from support.services import free_port

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.xdist_group("docs")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

# Commands that some other test, or CI itself, runs; the rest is run below as it stands.
ELSEWHERE = {
    "make sweep": "test_stranger_s_commands",
    "make test": "this suite",
    "octant experiment=mnist": "test_commands_for_mnist",
    "octant dataset=mnist batch_size=32 engine=numpy": "test_commands_for_mnist",
    "octant compare --uri URI --experiment NAME": "test_loop_logged_with_mlflow",
    "octant new mine.py": "test_new_file_trains_as_it_stands",
    "octant experiment=smoke": "test_wheel_answers_from_anywhere",
    "octant move": "test_store_moves_and_comes_back",
    "octant promote factorial": "test_promoted_is_the_best_by_validation",
    "octant serve": "test_serve_answers_or_refuses",
    "octant predict digit.png": "test_predict_draws_the_digit_and_answers",
    "octant predict arrays.npz --model RUN_ID": "test_predict_draws_the_digit_and_answers",
    "octant experiment=factorial hydra/launcher=slurm +hydra.launcher.sbatch.partition=cpu": (
        "test_cluster_gives_local_bits"
    ),
    "octant experiment=lecture dataset.validation_fraction=0.1": "test_commands_for_mnist",
    "octant portraits RUN_ID": "test_figures_of_other_runs_on_demand",
    "octant ui": "test_six_configurations_have_six_colours",
    "make ui": "test_six_configurations_have_six_colours",
    "octant server": "test_strangers_are_refused",
    "make test-services": "CI itself",
    "make lock": "by hand: it needs uv, and the packages' index",
    "make bench": "by hand: a quarter of an hour, and PyTorch to install",
    "python benchmarks/intervals.py": "by hand: an hour",
    "octant experiment=factorial hydra/launcher=ray hydra.launcher.address=head:6379": "test_cluster_gives_local_bits",
    "octant experiment=factorial experiment.max_repeats=40": "test_level_ones_go_to_the_limit",
    "octant experiment=datasets dataset=digits,wine,breast_cancer,iris,moons,circles,spirals,mnist,fashion_mnist": (
        "test_both_count_in_datasets"
    ),
    "octant check main": "test_unchanged_is_equal_and_worse_is_found",
    "octant check HEAD~1 HEAD": "test_unchanged_is_equal_and_worse_is_found",
    "octant check main trainer=mine.py width=16,64 seed=range(10)": "test_unchanged_is_equal_and_worse_is_found",
    "octant archive NAME": "test_store_and_archive_report_alike",
    "octant report FILE.zip": "test_store_and_archive_report_alike",
    "octant publish NAME": "test_publish_asks_for_a_clean_commit",
    (
        "octant -m hydra/sweeper=optuna 'learning_rate=tag(log,interval(0.001,1))' "
        "'hidden_units=int(interval(4,200))' \\"
    ): "test_killed_study_goes_on",
    "python mine.py": "test_page_on_trainers_as_it_stands",
    "octant rerun RUN_ID": "test_rerun_is_bit_identical",
    "octant doctor --probe mine.py": "test_probe_tells_them_apart",
    "python digits_numpy.py -m 'seed=range(5)' experiment.name=three": "test_three_trainers_answer_one_question",
    "python digits_sgd.py -m 'seed=range(5)' experiment.name=three": "test_three_trainers_answer_one_question",
    "octant compare --experiment three --compare trainer --endpoint test_accuracy": (
        "test_three_trainers_answer_one_question"
    ),
}


def commands(page: Path) -> list[str]:
    """Indented lines, and words in backquotes, that are a whole command of octant's; without their comments."""
    text, begins = page.read_text(), r"(?:make|octant|python)"
    lines = re.findall(rf"^    ({begins}(?: .*)?)$", text, re.MULTILINE)
    inline = re.findall(rf"(?<!`)`({begins}(?:\s[^`]*)?)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    known = [re.sub(r"\s{2,}#.*", "", line).strip() for line in [*lines, *(" ".join(each.split()) for each in inline)]]
    return [command for command in known if command != "octant" and "..." not in command]


def copied(folder: Path) -> Path:
    """The files that git knows, with their times, what Numba has compiled of them, and the environment that runs this
    test as .venv: with stamps of its own, so that make never installs the copy into it.
    """
    names = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout
    compiled = [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.nb[ic]")]
    for name in [*names.splitlines(), *compiled]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("."):
            (folder / ".venv" / path.name).symlink_to(path)
    for name in (".installed", ".tested", ".serving"):
        (folder / ".venv" / name).touch()
    return folder


def typed(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run shell text in the folder, where `import octant` means the folder's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    there = kept | {"PYTHONPATH": str(folder / "src")}
    return subprocess.run(["sh", "-eu"], input=text, capture_output=True, text=True, cwd=folder, env=there, check=False)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("docs") / "octant")


@pytest.mark.slow
def test_commands_for_mnist(checkout: Path) -> None:
    """With files that are here instead of the download, and one epoch."""
    if "OCTANT_MNIST" not in os.environ:
        pytest.skip("missing: the four files of MNIST in a folder that OCTANT_MNIST names")
    here = f"epochs=1 dataset.root={os.environ['OCTANT_MNIST']}"
    for command in (
        f"octant experiment=mnist seed=0 {here}",
        f"octant dataset=mnist batch_size=32 engine=numpy {here}",
        f"make sweep EXPERIMENT=lecture ARGS='dataset.validation_fraction=0.1 seed=1 {here}'",
    ):
        done = typed(checkout, f". .venv/bin/activate; {command}")
        assert done.returncode == 0, done.stdout + done.stderr
    assert (checkout / "mlruns" / "mlflow.db").exists()


@pytest.mark.slow
def test_stranger_s_commands(tmp_path: Path) -> None:
    """Those of the README that are not run elsewhere, in the order of the page, after one `make sweep`, made small.

    None of them changes a file that git knows, or adds one.
    """
    folder = copied(tmp_path / "octant")
    yaml = folder / "conf" / "experiment" / "factorial.yaml"
    yaml.write_text(yaml.read_text().replace("epochs: 30", "epochs: 1").replace("seed: range(10)", "seed: 0,1"))
    who = "git -c user.name=a -c user.email=a@b"
    assert typed(folder, f"git init -q; git add -A; {who} commit -qm all").returncode == 0
    for command in ("make sweep", "make report"):
        done = typed(folder, command)
        assert done.returncode == 0, done.stderr
    assert typed(folder, "git status --porcelain").stdout == ""
    ask_the_champion(folder)  # first: variants that follow have other training examples
    for command in dict.fromkeys(command for page in PAGES for command in commands(page)):
        if command not in ELSEWHERE:
            done = typed(folder, f". .venv/bin/activate; {command}")
            assert done.returncode == 0, command + done.stdout + done.stderr
    shutil.rmtree(folder / "compared")  # octant compare was told to write it here
    assert typed(folder, "git status --porcelain").stdout == ""


def ask_the_champion(folder: Path) -> None:
    """The README's request, once the champion is served."""
    (request,) = re.findall(r"^    (curl .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    port = free_port()
    assert typed(folder, "make promote EXPERIMENT=factorial").returncode == 0
    there = {**os.environ, "PYTHONPATH": str(folder / "src")}
    with subprocess.Popen(["make", "serve", f"PORT={port}"], cwd=folder, env=there, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as server:  # fmt: skip
        assert server.stdout is not None
        said = next(line for line in server.stdout if "answers on" in line)
        done = typed(folder, request.replace("5000", str(port)))
        server.send_signal(signal.SIGTERM)
    assert f"http://127.0.0.1:{port}/invocations" in said
    (answer,) = json.loads(done.stdout)["predictions"]
    assert len(answer) == 10
    assert all(0 <= probability <= 1 for probability in answer)
    (shown,) = re.findall(r'{"predictions": \[\[(.*)\]\]}', (ROOT / "README.md").read_text())
    assert answer.index(max(answer)) == [float(each) for each in shown.split(", ")].index(1.0)


@pytest.mark.slow
def test_tutorial_as_it_stands(checkout: Path) -> None:
    """The last in the checkout, which it changes."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    assert len(blocks) == 5
    for block in blocks:
        done = typed(checkout, block)
        assert done.returncode == 0, block + done.stdout + done.stderr
    assert "One seed can show nothing" in done.stdout or " best" in done.stdout or " beats " in done.stdout
    assert (checkout / "mlruns" / "reports" / "batches" / "report.html").exists()
    assert (checkout / "mlruns" / "reports" / "arctan" / "report.html").exists()
    wrong = (checkout / "src/octant/network/activations.py").read_text().replace("np.cos(A) ** 2", "np.sin(A) ** 2")
    (checkout / "src/octant/network/activations.py").write_text(wrong)
    done = typed(checkout, 'make test ARGS="tests/network/test_gradients.py -k arctan -q"')
    assert re.search(r"^FAILED .*arctan", done.stdout, re.MULTILINE), "the tutorial says that a mistake is found"


def test_tests_named_for_commands_exist() -> None:
    known = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for command, test in ELSEWHERE.items():
        if test.startswith("test_"):
            assert f"def {test}" in known, command
    assert set(ELSEWHERE) <= {command for page in PAGES for command in commands(page)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        subprocess.run([sys.executable, "-c", block], check=True)


def test_notebook_runs(swept: tuple[Path, str], tmp_path: Path) -> None:
    """Its cells as one program, on the smoke sweep; what a cell's last line shows is evaluated too."""
    cells = json.loads((ROOT / "docs" / "runs.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    code = code.replace('"factorial"', '"smoke"') + "\nfigure.savefig('figure.png')\nassert len(axes.lines) == 8\n"
    code += "assert page._repr_html_().startswith('<iframe srcdoc=\"&lt;!DOCTYPE html') and EXPERIMENT in page.text\n"
    ast.parse(code)
    program = "import matplotlib\nmatplotlib.use('Agg')\n" + code
    where = environment(swept[0], MPLCONFIGDIR=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "16 finished runs of 8 configurations" in done.stdout
    assert "2 seeds" in done.stdout
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_page_on_trainers_as_it_stands(tmp_path: Path) -> None:
    """Its file, and the commands under it, in an empty folder."""
    text = (ROOT / "docs" / "trainers.md").read_text()
    (file,), (block,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("py", "sh"))
    (tmp_path / "mine.py").write_text(file)
    there = environment(tmp_path / "home", PYTHONPATH=str(ROOT / "src"))
    there["PATH"] = f"{Path(sys.executable).parent}:{there['PATH']}"
    for command in (line.partition("  #")[0].strip() for line in block.splitlines()):
        done = subprocess.run(command, shell=True, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert command.count("-m") == 0 or "6 runs" in done.stdout
    assert "6 runs: 0 trained, 6 were there already" in typed_again(tmp_path, there)


def typed_again(folder: Path, there: dict[str, str]) -> str:
    words = [sys.executable, "mine.py", "-m", "width=16,64", "seed=range(3)"]
    return subprocess.run(words, cwd=folder, env=there, capture_output=True, text=True, check=True).stdout


def test_page_on_mathematics_has_every_word() -> None:
    from octant.network.activations import HIDDEN, OUTPUT
    from octant.network.losses import LOSSES

    text = (ROOT / "docs" / "mathematics.md").read_text()
    assert all(f"`{word}`" in text for word in {*HIDDEN, *OUTPUT, *LOSSES})
