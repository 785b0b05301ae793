"""A single run in this very process, as a table: for notebooks. Nothing is journalled or sent to MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from octant import home
from octant.errors import InputError
from octant.runs.records import checked
from octant.trainer import DEFAULT, trainer

if TYPE_CHECKING:
    import pandas as pd


def train(trainer_name: str = DEFAULT, /, **settings: object) -> pd.DataFrame:
    """Train one run and return its records: a row for each epoch, its metrics as columns, index `epoch`.

    Without an argument in front the network that ships is trained; settings that are left out have the defaults of
    conf/config.yaml, and `dataset="mnist"` those of conf/dataset/mnist.yaml. Another trainer is a name or a file:
    `octant.train("mine.py", width=16)`. Numbers are those of the command line, to the last bit. A run that diverges
    ends with the record before; `frame.attrs["diverged"]` has the epoch and the reason.
    Raises InputError, one line, for a wrong setting.
    """
    import pandas as pd

    trained = trainer(trainer_name)
    values = trained.parse({name: _whole(name, value) for name, value in settings.items()})
    trained.data(values)
    rows: list[dict[str, object]] = []
    diverged = None
    for epoch in checked(trained.train(values, None)):
        if epoch.diverged:
            diverged = f"epoch {epoch.number}: {epoch.diverged}"
        else:
            rows.append({"epoch": epoch.number, **epoch.metrics})
    if not rows and diverged:
        raise InputError(f"the run diverged in {diverged}")
    frame = pd.DataFrame(rows).set_index("epoch")
    frame.attrs |= {"settings": values.model_dump(mode="json"), "diverged": diverged}
    return frame


def _whole(name: str, value: object) -> object:
    """A word that stands for several settings, such as `dataset="mnist"`, with the others from its yaml in conf/."""
    given = value if isinstance(value, dict) else {"name": value}
    file = home.conf() / name / f"{given.get('name')}.yaml"
    found = yaml.safe_load(file.read_text("utf-8")) if file.is_file() else {}
    if "name" in found:
        return found | given
    return value
