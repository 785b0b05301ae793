"""Command line of `make lecture`: python -m lecture_page."""

from __future__ import annotations

import pandas as pd

from lecture_page.chaos import chaos
from lecture_page.page import pages
from lecture_page.tables import agreement, tables
from octant import home
from octant.cli.border import one_line_errors
from octant.network.data import load
from octant.network.settings import DataSettings
from octant.runs.disk import replace


def main() -> None:
    """Write tables, figures and pages."""
    with one_line_errors():
        # Only now: matplotlib reads the environment when it is imported.
        from lecture_page.drawing import chaos_figure, curve_figure, design, ladder_figure
        from octant.analysis.figures import rendered, tuning_figure

        folder = home.experiments() / "lecture"
        folder.mkdir(parents=True, exist_ok=True)
        mnist = load(DataSettings(name="mnist", validation_fraction=0.0), "float64", home.state() / "cache")
        frames = tables() | {"chaos": chaos(mnist)}
        theirs = folder / "transcription.csv"  # recorded once, by tests/lecture_transcription.py
        if theirs.exists():
            frames["agreement"] = agreement(frames["curves"], pd.read_csv(theirs))
        rates, curves = frames["rates"], frames["curves"]
        figures = {
            "curve": curve_figure(curves),
            "ladder": ladder_figure(curves),
            "rates": tuning_figure(rates, rates[rates["chosen"]], "learning_rate", design(curves), 0.2).figure,
            "chaos": chaos_figure(frames["chaos"]),
        }
        for name, frame in frames.items():
            replace(folder / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n").encode())
        for name, figure in figures.items():
            _, png = rendered(figure)
            replace(folder / f"{name}.png", png)
        for name, text in pages(folder).items():
            replace(folder / name, text.encode())
        print(f"written to   {folder / 'README.md'}")


if __name__ == "__main__":
    main()
