"""The logged model, through the commands and the HTTP that people use; and what it refuses."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from octant.models.logged import _packed, digest_of
from octant.network.initialisers import Parameters
from octant.network.network import build, forward
from octant.runs.journal import Journal
from support.command import Database, environment, run_octant
from support.services import free_port

Home = tuple[Path, str]


def folder_of(home: Path, fingerprint: str) -> Path:
    rows = Database(home).query(
        "select m.artifact_location from logged_models m join tags t on t.run_uuid = m.source_run_id "
        f"where t.key = 'fingerprint' and t.value = '{fingerprint}'"
    )
    assert len(rows) == 1
    return Path(str(rows[0][0]).removeprefix("file://"))


def journals(home: Path) -> list[Journal]:
    return [Journal(path) for path in sorted((home / "journal").iterdir())]


def parameters_of(state: dict[str, Any]) -> Parameters:
    return Parameters(*(state[name] for name in Parameters._fields))


def trainers(journal: Journal, X: np.ndarray) -> np.ndarray:
    settings, checkpoint = (journal.identity or {})["settings"], journal.load_checkpoint()
    assert checkpoint is not None
    return forward(build(settings["loss"], settings["hidden"], settings["output"]), parameters_of(checkpoint[1]), X).A2


@pytest.fixture(scope="module")
def promoted(swept: Home) -> Path:
    done = run_octant(swept[0], "promote", "smoke")
    assert done.returncode == 0, done.stderr
    assert "models:/octant@champion is now version 1" in done.stdout
    return swept[0]


def champion(home: Path) -> Journal:
    rows = Database(home).query(
        "select t.value from model_versions v join tags t on t.run_uuid = v.run_id and t.key = 'fingerprint'"
    )
    return Journal(home / "journal" / str(rows[0][0]))


def test_each_finished_run_has_one_model(swept: Home) -> None:
    database = Database(swept[0])
    assert database.query("select status, count(*), count(distinct source_run_id) from logged_models") == [(2, 16, 16)]
    assert database.query("select count(*) from inputs where source_type = 'RUN_OUTPUT'") == [(16,)]
    linked = dict(database.query("select metric_name, count(*) from logged_model_metrics group by 1"))
    for journal in journals(swept[0]):
        last = journal.read().epochs[-1]["metrics"]
        rows = database.query(
            "select l.metric_name, l.metric_value from logged_model_metrics l join tags t on t.run_uuid = l.run_id "
            f"and t.key = 'fingerprint' where t.value = '{journal.fingerprint}'"
        )
        assert sorted(rows) == sorted(last.items())
    assert set(linked.values()) == {16}


def test_models_hold_no_pickle_or_path(swept: Home) -> None:
    files = [path for path in (swept[0] / "artifacts").rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".pkl", ".pickle", ".joblib")]
    models = [path for path in files if "/models/" in str(path)]
    assert {path.name for path in models} >= {"MLmodel", "model.py", "weights.npz", "requirements.txt"}
    forbidden = [str(swept[0]), str(Path(__file__).parents[2]), str(Path.home()) + "/", sys.prefix]
    for path in models:
        content = path.read_bytes()
        assert not [each for each in forbidden if each.encode() in content], path
        assert b"==" in content or path.name != "requirements.txt"


def test_mlflow_predicts_as_trainer(swept: Home) -> None:
    """In a process that has mlflow and the folder, for all eight configurations."""
    chosen = {(each.identity or {})["configuration"]: each for each in journals(swept[0])}
    assert len(chosen) == 8
    X = np.random.default_rng(0).random((300, 64))
    code = (
        "import sys, numpy as np, mlflow\nX = np.load(sys.argv[1])\n"
        "for i, p in enumerate(sys.argv[2:]): np.save(f'{sys.argv[1]}-{i}.npy', mlflow.pyfunc.load_model(p).predict(X))"
    )
    file = swept[0].parent / "X.npy"
    np.save(file, X)
    folders = [str(folder_of(swept[0], each.fingerprint)) for each in chosen.values()]
    subprocess.run([sys.executable, "-c", code, str(file), *folders], check=True, env=environment(swept[0]))
    for i, journal in enumerate(chosen.values()):
        np.testing.assert_allclose(np.load(f"{file}-{i}.npy"), trainers(journal, X), rtol=0, atol=1e-12)


def test_repeated_delivery_one_model(swept: Home, tmp_path: Path) -> None:
    """What a kill after any step of the model's logging leads to: the receipt does not know of it."""
    home = tmp_path / "home"
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1")
    assert run_octant(home, *tiny).returncode == 0
    before = Database(home).query("select * from metrics order by 1, 2, 3, 4, 5")
    (receipt,) = home.glob("journal/*/tracking-*.json")
    content = json.loads(receipt.read_text())
    assert content.pop("model_id")
    receipt.write_text(json.dumps(content | {"status": "RUNNING"}))
    done = run_octant(home, "sync")
    assert "1 sent" in done.stdout, done.stderr
    database = Database(home)
    assert database.query("select status, count(*) from logged_models") == [(2, 1)]
    assert database.query("select count(*) from inputs where source_type = 'RUN_OUTPUT'") == [(1,)]
    assert database.query("select count(*) from logged_model_metrics") == [(13,)]  # each metric of the last epoch
    assert database.query("select * from metrics order by 1, 2, 3, 4, 5") == before


def test_promoted_is_the_best_by_validation(promoted: Path) -> None:
    groups: dict[str, list[tuple[float, str]]] = {}
    for journal in journals(promoted):
        value = journal.read().epochs[-1]["metrics"]["validation_accuracy"]
        groups.setdefault((journal.identity or {})["configuration"], []).append((value, journal.fingerprint))
    best = max(groups.values(), key=lambda runs: sum(value for value, _ in runs))
    assert champion(promoted).fingerprint == max(best)[1]
    again = run_octant(promoted, "promote", "smoke")
    assert "is now version 1" in again.stdout


def test_no_validation_no_champion(tmp_path: Path) -> None:
    tiny = ("engine=numpy", "hidden_units=4", "batch_size=100", "epochs=1", "dataset.validation_fraction=0.0")
    assert run_octant(tmp_path, *tiny).returncode == 0
    done = run_octant(tmp_path, "promote", "octant")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the test set may choose nothing" in done.stderr
    assert "dataset.validation_fraction=0.1" in done.stderr


def test_predict_draws_the_digit_and_answers(promoted: Path, tmp_path: Path) -> None:
    X, labels = load_digits(return_X_y=True)
    digit = np.rint(X[3].reshape(8, 8) * 255 / 16).astype(np.uint8)
    Image.fromarray(digit).save(tmp_path / "small.png")
    Image.fromarray(255 - np.kron(digit, np.ones((20, 20), np.uint8))).save(tmp_path / "large.png")
    small = run_octant(promoted, "predict", str(tmp_path / "small.png"), PYTHONIOENCODING="utf-8")
    assert small.returncode == 0, small.stderr
    lines = small.stdout.splitlines()
    answer = trainers(champion(promoted), X[3:4] / 16)[0]
    assert lines[-1] == f"class {answer.argmax()}" == f"class {labels[3]}"
    assert "█" in "".join(lines[:8])
    assert [float(line.split()[1]) for line in lines[8:18]] == [round(float(p), 4) for p in answer]
    large = run_octant(promoted, "predict", str(tmp_path / "large.png"), PYTHONIOENCODING="ascii")
    assert large.stdout.splitlines()[-1] == lines[-1], large.stderr
    assert large.stdout.isascii()
    np.savez(tmp_path / "whole.npz", X=X[:5].astype(int))
    np.savez(tmp_path / "shares.npz", X=X[:5].reshape(-1, 8, 8) / 16)
    said = [run_octant(promoted, "predict", str(tmp_path / name)).stdout for name in
            ("whole.npz", "shares.npz")]  # fmt: skip
    assert said[0] == said[1]
    assert said[0].count("row ") == 5


def bad_files(folder: Path) -> Iterator[tuple[str, str]]:
    X = np.full((2, 64), 0.5)
    for name, array in {"shape": X[:, :3], "range": X * 4, "nan": X * np.nan, "type": X.astype(str)}.items():
        np.savez(folder / f"{name}.npz", X=array)
    np.savez(folder / "object.npz", X=np.array([{}], dtype=object))
    np.savez(folder / "nox.npz", Y=X)
    (folder / "junk.png").write_bytes(b"hello")
    (folder / "cut.npz").write_bytes((folder / "range.npz").read_bytes()[:200])
    Image.new("L", (8, 8), 255).save(folder / "blank.png")
    yield from {"shape.npz": "(n, 64) or (n, 8, 8)", "range.npz": "0 to 16, floats 0 to 1", "nan.npz": "0 to 1",
                "type.npz": "allowed are integers and floats", "object.npz": "Python objects", "nox.npz": "has no X",
                "junk.png": "cannot identify", "cut.npz": "not an .npz", "blank.png": "blank", "no.png": "no such file",
                "shape.txt": "no such file"}.items()  # fmt: skip


def test_bad_input_is_one_line(promoted: Path, tmp_path: Path) -> None:
    from octant.errors import InputError
    from octant.models.inputs import read_inputs

    config = {"inputs": 64, "image_shape": [8, 8], "scale": 16.0}
    for name, expected in bad_files(tmp_path):
        with pytest.raises(InputError) as caught:
            read_inputs(str(tmp_path / name), config)
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "digit.png")
    with pytest.raises(InputError, match="no known range of greys"):
        read_inputs(str(tmp_path / "digit.png"), config | {"scale": 1.0})
    done = run_octant(promoted, "predict", str(tmp_path / "range.npz"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    done = run_octant(promoted, "predict", str(tmp_path / "range.npz"), "--model", "models:/none@x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_tampered_config_is_refused(promoted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder_of(promoted, champion(promoted).fingerprint), copy)
    about = yaml.safe_load((copy / "MLmodel").read_text())
    config = about["flavors"]["python_function"]["config"]
    config["hidden"] = {"tanh": "sigmoid", "sigmoid": "tanh"}[config["hidden"]]
    (copy / "MLmodel").write_text(yaml.safe_dump(about))
    np.savez(tmp_path / "good.npz", X=np.full((1, 64), 0.5))
    done = run_octant(promoted, "predict", str(tmp_path / "good.npz"), "--model", str(copy))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "SHA-256 differs" in done.stderr


@pytest.mark.parametrize("name", ["model.py", "activations.py", "MLmodel"])
def test_tampered_code_never_runs(name: str, promoted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder_of(promoted, champion(promoted).fingerprint), copy)
    if name == "MLmodel":
        (copy / name).write_text(
            (copy / name).read_text().replace("model_code_path: model.py", "model_code_path: evil.py")
        )
        shutil.copy(copy / "model.py", copy / "evil.py")
    changed = copy / ("evil.py" if name == "MLmodel" else name)
    changed.write_text(changed.read_text() + "\nprint('a stranger was here')\n")
    np.savez(tmp_path / "good.npz", X=np.full((1, 64), 0.5))
    done = run_octant(promoted, "predict", str(tmp_path / "good.npz"), "--model", str(copy))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert ("other code than octant's" if name == "MLmodel" else "SHA-256 differs") in done.stderr
    assert "stranger" not in done.stdout


def test_tampered_weights_are_refused(promoted: Path, tmp_path: Path) -> None:
    journal = champion(promoted)
    copy = tmp_path / "model"
    shutil.copytree(folder_of(promoted, journal.fingerprint), copy)
    parameters = parameters_of((journal.load_checkpoint() or pytest.fail("no checkpoint"))[1])
    assert (copy / "weights.npz").read_bytes() == _packed(parameters)
    (copy / "weights.npz").write_bytes(_packed(parameters._replace(b2=parameters.b2 + 1)))
    np.savez(tmp_path / "good.npz", X=np.full((1, 64), 0.5))
    done = run_octant(promoted, "predict", str(tmp_path / "good.npz"), "--model", str(copy))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "SHA-256 differs" in done.stderr
    code = f"import mlflow; mlflow.pyfunc.load_model({str(copy)!r})"
    direct = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(promoted))
    assert direct.returncode != 0
    assert "weights.npz is not the file that the run logged" in direct.stderr.splitlines()[-1]


MLFLOW_WARNS = pytest.mark.filterwarnings("ignore")  # MLflow in this process, of its own doings
MARKED = "\nimport pathlib; pathlib.Path({marker!r}).touch()\n"
ADDRESSES = ("run", "runs:/run/model", "models:/octant@champion", "models:/octant/1", "models:/model", "folder")


def disguise(folder: Path, marker: Path, name: str = "model.py") -> None:
    """Foreign code in a model's folder, with an MLmodel that vouches for it and names a model no store knows."""
    (folder / name).write_text((folder / name).read_text() + MARKED.format(marker=str(marker)))
    about = yaml.safe_load((folder / "MLmodel").read_text())
    config = about["flavors"]["python_function"]["config"]
    about["metadata"]["sha256"] = digest_of(config, lambda name: (folder / name).read_bytes())
    about["model_id"] = about["model_uuid"] = "m-" + 32 * "0"
    (folder / "MLmodel").write_text(yaml.safe_dump(about))


@pytest.fixture(scope="module")
def tampered(promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store whose champion's files somebody has disguised, and the marker that their code would leave."""
    home = tmp_path_factory.mktemp("tampered") / "home"
    shutil.copytree(promoted, home)
    ((source,),) = Database(home).query("select source from model_versions")
    (folder,) = home.glob(f"artifacts/*/models/{str(source).removeprefix('models:/')}/artifacts")
    disguise(folder, home / "marker")
    return home, folder


def address(home: Path, folder: Path, kind: str) -> str:
    ((run_id, source),) = Database(home).query("select run_id, source from model_versions")
    known = {"run": run_id, "runs:/run/model": f"runs:/{run_id}/model", "models:/model": source, "folder": folder}
    return str(known.get(kind, kind))


@pytest.mark.parametrize("kind", ADDRESSES)
def test_disguised_code_runs_under_no_address(kind: str, tampered: tuple[Path, Path], tmp_path: Path) -> None:
    home, folder = tampered
    np.savez(tmp_path / "good.npz", X=np.full((1, 64), 0.5))
    file, model = str(tmp_path / "good.npz"), address(home, folder, kind)
    done = run_octant(home, "predict", file, "--model", model)
    assert not (home / "marker").exists()
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert ("is not this octant's" if kind == "folder" else "SHA-256 differs") in done.stderr


@MLFLOW_WARNS
def test_store_without_digest_vouches_for_nothing(promoted: Path, tmp_path: Path) -> None:
    """Whoever can write files could vouch for them: MLmodel's own SHA-256 is enough under no address of a store."""
    from octant.errors import InputError
    from octant.models.verified import fetch
    from octant.tracking.store import LOCAL, Store

    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    with closing(sqlite3.connect(home / "mlflow.db")) as tables, tables:
        tables.execute("delete from logged_model_tags where tag_key = 'sha256'")
    store = Store(f"sqlite:///{home}/mlflow.db", "", home / "artifacts", LOCAL)
    for kind in ADDRESSES[:-1]:
        with pytest.raises(InputError, match="the store has no SHA-256"):
            fetch(store, address(home, home, kind))


@pytest.mark.parametrize("kind", ADDRESSES)
def test_every_kind_of_address_answers(kind: str, promoted: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", X=np.full((1, 64), 0.5))
    model = address(promoted, folder_of(promoted, champion(promoted).fingerprint), kind)
    done = run_octant(promoted, "predict", str(tmp_path / "good.npz"), "--model", model)
    assert (done.returncode, done.stderr) == (0, "")
    expected = trainers(champion(promoted), np.full((1, 64), 0.5)).argmax()
    assert done.stdout.splitlines()[-1] == f"class {expected}"


def test_disguised_code_is_not_served(tampered: tuple[Path, Path]) -> None:
    home, _ = tampered
    done = run_octant(home, "serve", OCTANT_PORT=str(free_port()))
    assert not (home / "marker").exists()
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@MLFLOW_WARNS
def test_what_is_served_was_checked(promoted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are exchanged after the check reach neither the server nor a model that is loaded."""
    from octant.models import predict, verified
    from octant.models import serve as served
    from octant.tracking.store import LOCAL, Store

    home = tmp_path / "home"
    shutil.copytree(promoted, home)
    store = Store(f"sqlite:///{home}/mlflow.db", "", home / "artifacts", LOCAL)
    found: list[Path] = []

    def fetch_and_exchange(*which: object) -> object:
        checked = verified.fetch(store, address(home, home, "models:/model"))
        for folder in home.glob("artifacts/*/models/*/artifacts"):
            disguise(folder, tmp_path / "marker")
        return checked

    def look(command: list[str], *_: object) -> None:
        found.append(folder := Path(command[-2]))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert "marker" not in (folder / "model.py").read_text()
        assert home not in folder.parents

    monkeypatch.setattr(served, "fetch", fetch_and_exchange)
    monkeypatch.setattr(served, "serve", look)
    monkeypatch.setattr(served, "located", lambda _: store)
    served.COMMAND.run(argparse.Namespace(uri=None))
    assert found
    assert not found[0].exists()
    shutil.rmtree(home)
    shutil.copytree(promoted, home)
    monkeypatch.setattr(predict, "fetch", fetch_and_exchange)
    predict._load_model(store, "models:/model")[1](np.full((1, 64), 0.5))
    assert not (tmp_path / "marker").exists()


def change(folder: Path, what: str) -> None:
    about = yaml.safe_load((folder / "MLmodel").read_text())
    flavor = about["flavors"]["python_function"]
    flavor |= {"code": {"code": "code"}, "data": {"data": "evil"}, "loader_module": {"loader_module": "evil"},
               "predict_fn": {"predict_fn": "evil"}}.get(what, {})  # fmt: skip
    about["flavors"] |= {"sklearn": {"pickled_model": "evil.pkl"}} if what == "flavor" else {}
    flavor["config"] |= {"inputs": "many"} if what == "config" else {}
    about["metadata"]["sha256"] = digest_of(flavor["config"], lambda name: (folder / name).read_bytes())
    text = yaml.safe_dump(about)
    if what == "alias":
        text = f"bomb: &a [1, 2]\nmore: [*a, *a]\n{text}"
    (folder / "MLmodel").write_text("[" * 5000 if what == "depth" else text)


@MLFLOW_WARNS
@pytest.mark.parametrize(
    "what", ["code", "data", "loader_module", "predict_fn", "flavor", "config", "alias", "depth", "fifo", "weights"]
)
def test_foreign_folder_is_refused(what: str, promoted: Path, tmp_path: Path) -> None:
    from octant.errors import InputError
    from octant.models.predict import _load_model
    from octant.tracking.store import LOCAL, Store

    copy = tmp_path / "model"
    shutil.copytree(folder_of(promoted, champion(promoted).fingerprint), copy)
    if what == "fifo":
        (copy / "weights.npz").unlink()
        os.mkfifo(copy / "weights.npz")
    else:
        if what == "weights":
            (copy / "weights.npz").write_bytes(b"PK\x03\x04junk")
        change(copy, what)
    store = Store(f"sqlite:///{promoted}/mlflow.db", "", promoted / "artifacts", LOCAL)
    with pytest.raises(InputError) as caught:
        _load_model(store, str(copy))
    assert "\n" not in str(caught.value)


@MLFLOW_WARNS
@pytest.mark.parametrize(
    "given",
    ["file://{folder}", "http://127.0.0.1:1/model", "s3://bucket/model", "mlflow-artifacts:/1/model", "models:/a/b/c",
     "runs:/{run}/../model", "models:/octant/Production", "models:/m-{zeros}", "models:/octant/9", "{zeros}", "\0", ""],
)  # fmt: skip
def test_other_addresses_are_refused(given: str, promoted: Path) -> None:
    from octant.errors import InputError
    from octant.models.verified import fetch
    from octant.tracking.store import LOCAL, Store

    folder = folder_of(promoted, champion(promoted).fingerprint)
    model = given.format(folder=folder, run=address(promoted, folder, "run"), zeros=32 * "0")
    store = Store(f"sqlite:///{promoted}/mlflow.db", "", promoted / "artifacts", LOCAL)
    with pytest.raises(InputError, match="is no model of octant's") as caught:
        fetch(store, model)
    assert "\n" not in str(caught.value)


def post(port: int, body: bytes) -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_serve_answers_or_refuses(promoted: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "octant", "serve"], stdout=out, stderr=out,
            env=environment(promoted, OCTANT_PORT=str(port)),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while "stop it with Ctrl-C" not in log.read_text():
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        journal = champion(promoted)
        example = (folder_of(promoted, journal.fingerprint) / "serving_input_example.json").read_bytes()
        status, said = post(port, example)
        assert status == 200
        expected = trainers(journal, np.array(json.loads(example)["inputs"]))
        np.testing.assert_allclose(json.loads(said)["predictions"], expected, rtol=0, atol=1e-12)
        row = [0.5] * 64
        bad = {"shape": [[1.0, 2.0]], "range": [[20.0, *row[1:]]], "type": [["a", *row[1:]]]}
        for name, inputs in bad.items():
            assert post(port, json.dumps({"inputs": inputs}).encode())[0] == 400, name
        assert post(port, json.dumps({"inputs": [[float("nan"), *row[1:]]]}).encode())[0] == 400
        assert post(port, b"junk")[0] == 400
        taken = run_octant(promoted, "serve", OCTANT_PORT=str(port))
        assert (taken.returncode, taken.stderr.count("\n")) == (2, 1)
    finally:
        os.kill(server.pid, signal.SIGTERM)
        server.wait(timeout=20)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_best_median_run_has_figures(swept: Home) -> None:
    found = sorted(path.parents[2].name for path in (swept[0] / "artifacts").rglob("figures/weights.png"))
    rows = Database(swept[0]).query(
        "select c.value, r.run_uuid, m.value, p.value from runs r join tags c using (run_uuid) "
        "join latest_metrics m using (run_uuid) left join tags p on p.run_uuid = r.run_uuid and p.key = 'portrait' "
        "where c.key = 'config' and m.key = 'test_accuracy'"
    )
    means: dict[object, list[float]] = {}
    for config, _, accuracy, _ in rows:
        means.setdefault(config, []).append(float(str(accuracy)))
    highest = max(sum(each) for each in means.values())
    ((config, run_id),) = [(config, run_id) for config, run_id, _, portrait in rows if portrait]
    assert sum(means[config]) == highest
    assert found == [run_id]
    for path in (swept[0] / "artifacts").rglob("figures/*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_figures_of_other_runs_on_demand(swept: Home) -> None:
    database = Database(swept[0])
    others = "(select run_uuid from tags where key in ('portrait', 'report_of', 'mean_of'))"
    ((run_id,),) = database.query(f"select run_uuid from runs where run_uuid not in {others} limit 1")
    done = run_octant(swept[0], "portraits", str(run_id))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{run_id}: its figures are artifacts under figures/\n"
    ((uri,),) = database.query(f"select artifact_uri from runs where run_uuid = '{run_id}'")
    drawn = {path.name for path in (Path(str(uri).removeprefix("file://")) / "figures").iterdir()}
    assert drawn == {"confusion.png", "weights.png", "misclassified.png"}
