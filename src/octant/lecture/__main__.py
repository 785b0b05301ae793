"""Command line of `make lecture`: python -m octant.lecture."""

from __future__ import annotations

import pandas as pd

from octant import home
from octant.config import DataSettings
from octant.data import load
from octant.journal import replace
from octant.lecture.chaos import chaos
from octant.lecture.page import pages
from octant.lecture.tables import agreement, tables
from octant.messages import one_line_errors


def main() -> None:
    """Write tables, figures and pages."""
    with one_line_errors():
        # Only now: matplotlib reads the environment when it is imported.
        from octant.figures import rates_figure
        from octant.lecture.drawing import chaos_figure, curve_figure, ladder_figure
        from octant.report.pages import rendered

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
            "rates": rates_figure(rates, rates[rates["chosen"]], 0.2),
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
