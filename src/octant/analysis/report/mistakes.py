"""What runs got wrong on the test set, and the examples that most of them get wrong."""

from __future__ import annotations

import base64
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from octant.seal import Json
from octant.trainer import Pictures

HARDEST = 12


@dataclass(frozen=True)
class Mistakes:
    """Of `runs` (fingerprint, config, dataset_digest) those in `errors`, which has what each got wrong by fingerprint.

    Nothing is told of runs whose test sets differ.
    """

    runs: pd.DataFrame
    errors: Mapping[str, Mapping[str, Json]]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row an error: config, example, class, predicted (both as numbers)."""
        rows = [] if self.runs["dataset_digest"].nunique() > 1 else list(self._rows())
        return pd.DataFrame(rows, columns=["config", "example", "class", "predicted"])

    def _rows(self) -> Iterator[tuple[str, int, int, int]]:
        configs = dict(zip(self.runs["fingerprint"], self.runs["config"], strict=True))
        for fingerprint, errors in self.errors.items():
            if fingerprint in configs:
                yield from ((configs[fingerprint], *wrong) for wrong in errors["wrong"])

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The runs that kept what they got wrong."""
        return self.runs[self.runs["fingerprint"].isin(list(self.errors))]

    @cached_property
    def class_names(self) -> list[str]:
        """The classes in the order of their labels: of the data set's own names where it has any."""
        errors: Mapping[str, Json] = next(iter(self.errors.values()), {})
        return list(errors.get("class_names") or map(str, range(len(errors.get("examples", [])))))

    @cached_property
    def hardest(self) -> pd.DataFrame:
        """What most runs get wrong: example, class, predicted (most often), both as names, and wrong_percent."""
        groups = self.table.groupby("example")
        table = groups.agg(
            **{"class": ("class", "first"), "predicted": ("predicted", _most_frequent), "wrong": ("predicted", "size")}
        )
        table["wrong_percent"] = 100 * table["wrong"] / max(len(self.kept), 1)
        for column in ("class", "predicted"):
            table[column] = [self.class_names[label] for label in table[column]]
        return table.reset_index().sort_values(["wrong", "example"], ascending=[False, True]).head(HARDEST)

    def answer(self, config: str, row: Mapping[Hashable, Json]) -> str:
        """What most of a configuration's runs take an example for; its class where no wrong answer is as frequent."""
        wrong = self.table[(self.table["config"] == config) & (self.table["example"] == row["example"])]
        runs = int((self.kept["config"] == config).sum())
        counts = wrong["predicted"].value_counts().sort_index()
        if counts.empty or runs - len(wrong) >= counts.max():
            return str(row["class"])
        return self.class_names[int(counts.idxmax())]

    def pictures(self, pictures: Pictures | None, configs: Sequence[str]) -> Iterator[dict[str, object]]:
        """The hardest as pictures (one byte a pixel, in base64), and what most runs of each of `configs` say."""
        if pictures is None:
            return
        configs = [config for config in configs if config in set(self.kept["config"])]
        for row in self.hardest.to_dict("records"):
            pixels = np.asarray(pictures.images[row["example"]], dtype=float)
            grey = np.rint(255 * np.clip(pixels / (pixels.max() or 1.0), 0, 1)).astype(np.uint8)
            predicted = {config: self.answer(config, row) for config in configs}
            yield {"example": int(row["example"]), "class": row["class"], "shape": list(pixels.shape),
                   "predicted": predicted, "pixels": base64.b64encode(grey.tobytes()).decode()}  # fmt: skip


def _most_frequent(labels: pd.Series) -> object:
    return labels.mode().iloc[0]
