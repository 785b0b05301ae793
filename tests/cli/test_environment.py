"""The user's environment: what octant follows is listed, and whatever else is set changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from octant import environment as own
from octant.cli.main import COMMANDS
from octant.runs.journal import Journal
from octant.runs.settings import Tracking
from octant.tracking.delivery import deliver
from octant.tracking.receipt import State, place
from octant.tracking.store import connect, locate
from support.command import Database, environment, run_octant

ROOT = Path(__file__).parents[2]
QUESTION = "어느 쪽이 더 잘 배우는가"
SWEEP = ("-m", "engine=numpy", "hidden_units=4", "batch_size=50", "epochs=1", "seed=0,1", "hidden=tanh,sigmoid",
         f"experiment.question='{QUESTION}'")  # fmt: skip


def nasty() -> dict[str, str]:
    """A plausible value, other than the default, for every variable that MLflow's source names."""
    from mlflow import environment_variables as known

    given = {}
    for variable in vars(known).values():
        if isinstance(variable, known._EnvironmentVariable):
            said: dict[Any, str] = {bool: str(not variable.default).lower(), int: "1", float: "0.5"}
            given[variable.name] = said.get(variable.type, "module://nowhere")
    text = "".join(path.read_text(encoding="utf-8") for path in Path(known.__file__).parent.rglob("*.py"))
    named = set(re.findall(r"[\"'](_?MLFLOW_[A-Z0-9_]+)[\"']", text))
    return dict.fromkeys(named, "module://nowhere") | given


def left_of(home: Path) -> dict[str, Any]:
    """What a sweep leaves: the store's rows and the report's files, without what differs from launch to launch."""
    store = Database(home)
    changing = (
        "'launch', 'creation', 'mlflow.note.content', 'git_state', 'mlflow.source.git.commit', 'command', 'state'"
    )
    joined = "join tags f on f.run_uuid = t.run_uuid and f.key = 'fingerprint'"
    rows = {
        "points": store.histories(),
        "params": store.query(f"select f.value, t.key, t.value from params t {joined} order by 1, 2"),
        "tags": store.query(
            f"select f.value, t.key, t.value from tags t {joined} where t.key not in ({changing}) order by 1, 2"
        ),
        "statuses": store.statuses(),
        "models": store.query("select count(*), min(status) from logged_models"),
        "question": store.query("select value from experiment_tags where key = 'question'"),
    }
    (report,) = (home / "reports").glob("octant-*")
    kinds = (".png", ".svg", ".csv")
    return rows | {path.name: path.read_bytes() for path in sorted(report.iterdir()) if path.suffix in kinds}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("plain")
    done = run_octant(home, *SWEEP)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def undisturbed(plain: Path) -> dict[str, Any]:
    return left_of(plain)


def disturbed(folder: Path, python: tuple[str, ...] = (), **given: str) -> dict[str, Any]:
    home = folder / "home"
    command = [sys.executable, *python, "-m", "octant", *SWEEP]
    done = subprocess.run(
        command, capture_output=True, env=environment(home) | {"PYTHONPATH": str(ROOT / "src")} | given, cwd=folder,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    return left_of(home)


def test_mlflow_variables_change_nothing(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    given = {name: value for name, value in nasty().items() if name not in own.CLIENT}
    assert len(given) > 250
    assert "MLFLOW_ENABLE_ASYNC_LOGGING" in given
    assert disturbed(tmp_path, **given) == undisturbed


def test_other_settings_change_nothing(undisturbed: dict[str, Any], tmp_path: Path) -> None:
    for name in ("matplotlibrc", "style"):
        (tmp_path / name).write_text("text.usetex: True\nfont.family: serif\nsavefig.dpi: 30\n")
    (tmp_path / ".numba_config.yaml").write_text("disable_jit: 1\n")
    for name in ("random", "numbers", "yaml", "numpy"):  # a student's files, where the command is typed
        (tmp_path / f"{name}.py").write_text("Integral = 777\n")
    long = tmp_path / ("x" * 90)  # no socket fits in there
    long.mkdir()
    given = {
        **{"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": str(tmp_path / "style")},
        **{"NUMBA_DISABLE_JIT": "1", "NUMBA_CPU_NAME": "generic", "NPY_DISABLE_CPU_FEATURES": "AVX2"},
        **{"PYTHONWARNINGS": "error,error::DeprecationWarning", "PYTHONHASHSEED": "7", "HYDRA_MAIN_MODULE": "x"},
        **{"http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "GIT_DIR": "/nowhere"},
        **{"OMP_NUM_THREADS": "", "OMP_DISPLAY_ENV": "true", "NETRC": "/nowhere", "SOURCE_DATE_EPOCH": "yesterday"},
        **{"DATABRICKS_HOST": "https://x.y", "DATABRICKS_TOKEN": "t", "REQUESTS_CA_BUNDLE": "/nowhere.pem"},
        **{"PANDAS_FUTURE_INFER_STRING": "1", "SCIPY_ARRAY_API": "1", "NUMEXPR_MAX_THREADS": "abc"},
        **{"OPENBLAS_NUM_THREADS": "0", "COLUMNS": "0", "TERM": "dumb", "FORCE_COLOR": "1", "TZ": "Asia/Kathmandu"},
        **{"TMPDIR": str(long), "LC_NUMERIC": "de_DE.UTF-8", "PYTHONINTMAXSTRDIGITS": "0"},
        **{"PYTHONDEVMODE": "1", "PYTHONINSPECT": "1", "PYTHONWARNDEFAULTENCODING": "1", "SSLKEYLOGFILE": "/nowhere/k"},
        **{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
    }
    assert disturbed(tmp_path, ("-OO",), **given) == undisturbed


def test_deaf_names_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, too: what is left is a list of names, each in the documentation."""
    for name in {
        *nasty(),
        "MPLBACKEND",
        "MATPLOTLIBRC",
        "NUMBA_OPT",
        "OMP_DISPLAY_ENV",
        "KMP_AFFINITY",
        "HYDRA_FULL_ERROR",
    }:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("no_proxy", "example.org")
    own.settle()
    left = {name for name in os.environ if re.match("_?MLFLOW|NUMBA|MPL|MATPLOTLIB|HYDRA|OMP_D|KMP", name)}
    assert left <= own.FOLLOWED
    assert os.environ["no_proxy"] == "example.org,127.0.0.1,localhost,::1"
    told = (ROOT / "docs" / "environment.md").read_text(encoding="utf-8")
    assert [name for name in sorted(own.FOLLOWED) if f"`{name}`" not in told] == []


@pytest.mark.parametrize(("asked", "code"), [((), 0), (("-W", "error::DeprecationWarning"), 1)])
def test_warnings_are_errors_for_whoever_says_so(asked: tuple[str, ...], code: int) -> None:
    """Not for a variable that another program needs; -W is meant."""
    text = (
        "import warnings; from octant import environment as own; own.settle(); warnings.warn('x', DeprecationWarning)"
    )
    env = environment(Path("/nowhere")) | {
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONWARNINGS": "error,error::UserWarning",
    }
    done = subprocess.run([sys.executable, *asked, "-c", text], capture_output=True, env=env, check=False)
    assert done.returncode == code, done.stderr


def test_netrc_replaces_no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """wandb keeps its key there for localhost; requests takes it before the token of MLFLOW_TRACKING_TOKEN."""
    from requests import Request, Session

    (tmp_path / ".netrc").write_text("default login other password secret\n", encoding="utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", "")
    monkeypatch.delenv("NETRC")
    own.settle()
    asked = Request("GET", "http://localhost:5000", headers={"Authorization": "Bearer mine"})
    assert Session().prepare_request(asked).headers["Authorization"] == "Bearer mine"


def test_user_without_home_is_served() -> None:
    """Containers run as any number: MLflow cannot even be imported then."""
    code = "import pwd; pwd.getpwuid = {}.__getitem__; from octant import environment; environment.settle(); "
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")}
    code += "import mlflow.environment_variables"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_settle_before_libraries() -> None:
    """Importing a command imports none of what reads the environment when it is imported."""
    names = [
        "octant.cli.compose",
        "octant.runs.worker",
        *sorted({f"octant.{module.partition(':')[0]}" for module, _ in COMMANDS.values()}),
    ]
    code = f"import sys, {', '.join(names)}"
    code += "; print({'matplotlib', 'mlflow', 'numba'} & set(sys.modules))"
    env = environment(Path("/nowhere")) | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.filterwarnings("ignore")  # SQLAlchemy's, of MLflow
def test_what_counts_as_accepted_was_accepted(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's background thread would swallow the refusal."""
    from mlflow.exceptions import MlflowException
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = next((plain / "journal").iterdir())
    store = locate(Tracking(), plain)
    connection = connect(store, "later")
    delivery = place(store, "later", "s", Journal(folder))
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_LOGGING", "true")

    def refuse(*_: object, **__: object) -> None:
        raise MlflowException("not now")

    with monkeypatch.context() as patch:
        patch.setattr(SqlAlchemyStore, "log_batch", refuse)
        with pytest.raises(MlflowException, match="not now"):
            deliver(connection, delivery, State.FINISHED)
    assert not delivery.is_done()
    assert deliver(connection, delivery, State.FINISHED)
    run_id = delivery.receipt().run_id
    assert Database(plain).query(f"select count(*) from params where run_uuid = '{run_id}'") == [(25,)]
