"""The sections of the report of any table of runs: its tables in the unit of the endpoint, and where it comes from."""

from __future__ import annotations

from functools import partial

from octant.analysis.comparison.settings import as_word
from octant.analysis.report.drawings import tuning_stems
from octant.analysis.report.layout import Forms, Section, bounded, ranks_section, table_of, with_contrasts
from octant.analysis.report.numbers import Count, listed, plain_count
from octant.analysis.report.origin import about_margin, corrected, effects_test
from octant.analysis.report.paper import Paper
from octant.analysis.report.table import TableReport, answer_of, heading, notes
from octant.analysis.report.words import chosen_by, edges, sources, stability

_CURVES = {"accuracy": "The endpoint by step: mean of each configuration.", "curves": "Each configuration by itself."}


def lead(report: TableReport) -> tuple[str, str]:
    """The figure of the first screen, and its caption."""
    if not report.design.factors:
        return "ranking", "The runs."
    tuned = listed(report.comparison.question.tune) if report.comparison.question.tune else ""
    own = f" at each configuration's own {tuned}" * bool(tuned)
    many = ", with 95 % intervals" * report.enough
    lines = " Lines that are not parallel interact." * (len(report.design.factors) > 1)
    return "interaction", f"Mean {report.endpoint}{own}{many}.{lines}"


def all_sections(report: TableReport, drawn: set[str]) -> list[Section]:
    """All sections after the first screen; those without content are left out."""
    comparison, forms = report.comparison, _forms(report)
    about = [note for note in comparison.notes if note.startswith("effects: ")]
    curves = [(stem, caption) for stem, caption in _CURVES.items() if stem in drawn]
    lost = comparison.summary[comparison.summary["diverged"] > 0]
    summary = bounded(comparison.summary, comparison.question)
    many = report.enough
    ticks = f"Mean{' and 95 % interval' * many} of each configuration; one tick per run, ties overlap."
    hollow = f"Effects{' with 95 % intervals' * many}; hollow: not shown to differ from 0."
    ranked = [] if lead(report)[0] == "ranking" else [("ranking", ticks)]
    every = [
        Section("The ranking", _ranked(report), table_of(summary, forms.ranking()), ranked,
                csv=["configurations"]),
        ranks_section(comparison.ranks, forms.unit, forms.number),
        Section("Effects, interactions first", about, table_of(with_contrasts(comparison.effects), forms.effects()),
                [("effects", hollow)] if "effects" in drawn else [], csv=["effects"]),
        Section("Learning curves", figures=curves),
        _tuning(report),
        Section("All pairs" if len(comparison.pairs) > len(comparison.summary) else "Pairs", (),
                table_of(comparison.pairs, forms.pairs()), csv=["pairs", "best"]),
        Section("Diverged runs", (), table_of(lost, {"configuration": "{config}", "diverged": "{diverged_runs}"})),
        Section("What was read, and what was done with it", report.lines),
        Section("How it was measured", _measured(report)),
        Section("How to repeat it", code=report.command),
    ]  # fmt: skip
    return [each for each in every if each.text or each.table or each.figures or each.code]


def paper(report: TableReport, drawn: set[str]) -> Paper:
    """The same for LaTeX."""
    figures = [lead(report), *_CURVES.items()]
    return Paper(
        heading(report),
        answer_of(report),
        notes(report),
        report.verdict,
        report.comparison,
        _forms(report),
        report.comparison.effects,
        tuple(report.design.factors),
        partial(_measured, report),
        "",
        {stem: caption for stem, caption in figures if stem in drawn},
    )


def _ranked(report: TableReport) -> list[str]:
    question = report.comparison.question
    best = "smallest" if question.goal == "min" else "largest"
    charged = "0 %" if question.diverged_as == "zero" else "the worst run that finished"
    lost = bool(report.comparison.summary["diverged"].any())
    return [f"By mean {report.endpoint}, the {best} first. Means and intervals are of the runs that finished"
            f"{f'; in the order, a diverged run counts as {charged}' * lost}."]  # fmt: skip


def _forms(report: TableReport) -> Forms:
    """The columns of the tables."""
    return Forms(report.comparison.question, report.number, report.enough, report.repeated)


def _tuning(report: TableReport) -> Section:
    question, chosen = report.comparison.question, report.comparison.chosen
    if chosen.empty:
        return Section("")
    stars = "{} against {}; stars mark the chosen values."
    drawn = [(stem, stars.format(report.endpoint, name)) for stem, name in tuning_stems(report.comparison).items()]
    # A dot in the name of a setting would mean something else in a format.
    places = {name: f"value {at}" for at, name in enumerate(question.tune)}
    table = chosen.assign(**{place: chosen[name].map(as_word) for name, place in places.items()})
    mean = {question.validation: "mean"} if question.validation not in places else {}
    columns = {name: f"{{{place}}}" for name, place in places.items()}
    columns |= {question.validation + _forms(report).unit: f"{{mean:{report.number}}}"} if mean else {}
    columns |= {"runs": "{n}", "diverged": "{diverged}", "edge of the grid": "{edge}", "note": "{note}"}
    text = [chosen_by(question), *edges(chosen), *stability(chosen, question)]
    rows = table_of(table.rename(columns=mean), {"configuration": "{config}"} | columns)
    return Section("Tuned settings", text, rows, drawn)


def _measured(report: TableReport, count: Count = plain_count) -> list[str]:
    """Pairing, tests, and what the words mean."""
    question, runs = report.comparison.question, report.comparison.runs
    paired = f"differences are paired by {listed(question.repeat)}" if report.repeated else (
        "nothing repeats a measurement, so nothing says how it varies")  # fmt: skip
    return [
        f"{count('Configurations', runs['config'].nunique())} configurations, {count('Runs', len(runs))} runs; "
        f"{paired}.",
        f"Intervals: Student's t, 95 %, each for itself. Effects: {effects_test(runs, question)}, p adjusted by "
        "Holm's method over all effects. Pairs: paired t test, p adjusted by Holm's method over all pairs.",
        *corrected(runs, question),
        *sources(report.comparison),
        '"Shown" means: the interval leaves out 0, the adjusted p is below 0.05, and counting diverged runs as bad '
        "ones would not turn the sign. "
        f"{about_margin(question)}",
    ]
