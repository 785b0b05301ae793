"""Tables, figures and pages onto the disk; the same runs give the same bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from octant.analysis import figures
from octant.analysis.comparison.settings import as_word
from octant.analysis.figures import Drawing, as_pdf, rendered
from octant.analysis.power import ENOUGH
from octant.analysis.report import rates, words
from octant.analysis.report.configurations import Configurations
from octant.analysis.report.drawings import drawings
from octant.analysis.report.explore import explore_page
from octant.analysis.report.explored import explored
from octant.analysis.report.findings import Findings
from octant.analysis.report.layout import MOST_ROWS, Section, bounded
from octant.analysis.report.numbers import Count, Phrases, plain_count
from octant.analysis.report.origin import command, measured, training_time, versions
from octant.analysis.report.paper import FIGURES, Paper
from octant.analysis.report.sections import forms_of, lead_figure, sections
from octant.analysis.speed import REACHED
from octant.runs.disk import replace as write_file
from octant.tracking.runs import PROVENANCE

MOST_REASONS = 3  # beside the endpoint, in one row
# Of a run, but not of its result: differs from store to store, or from day to day.
_INCIDENTAL = ("run_id", "artifacts", "trainer", "seconds_per_epoch", *PROVENANCE)
_PAGES = ("report.html", "report.md")
_BEGIN, _END = "<!-- written by octant report: begin -->", "<!-- end -->"


def write_files(found: Findings, folder: Path, explore: bool = False) -> list[Path]:
    """Everything into `folder`, explore.html (1 to 5 MB) only if asked; returns what was written, report.html first."""
    answer, *notes = _said(found)
    context: dict[str, object] = {
        "name": found.material.experiment, "question": found.material.declared.text, "answer": answer,
        "notes": notes, "warnings": words.edges(found.main.chosen), "lead": lead_figure(found),
        "command": command(found), "explore": explore, "found": found, "time": training_time(found),
    }  # fmt: skip
    more = {"explore.html": explore_page(explored(found, answer))} if explore else {}
    pages = (*_PAGES, "README.md")
    return write_pages(
        folder, _tables(found), draw(found), context, partial(sections, found), partial(_paper, found), pages, more
    )


def write_pages(
    folder: Path, tables: Mapping[str, pd.DataFrame], drawn: Iterable[tuple[str, Drawing]], context: dict[str, object],
    sections: Callable[[set[str]], list[Section]], paper: Callable[[set[str]], Paper], pages: Sequence[str] = _PAGES,
    more: Mapping[str, str] | None = None,
) -> list[Path]:  # fmt: skip
    """Tables, figures, the templates `pages`, report.tex and `more` into `folder`; returns them, report.html first.

    `sections` and `paper` are told which figures were `drawn`: stems. README.md, which is not returned, keeps what
    others have written around it.
    """
    files = {f"{name}.csv": table.to_csv(index=False, lineterminator="\n").encode() for name, table in tables.items()}
    context["tables"], alt = [*files], dict[str, str]()
    for stem, drawing in drawn:
        files[f"{stem}.svg"], files[f"{stem}.png"] = rendered(drawing.figure)
        files |= {f"{stem}.pdf": as_pdf(drawing.figure)} if stem in FIGURES else {}
        alt[stem] = drawing.alt
    image = {stem: base64.b64encode(files[f"{stem}.svg"]).decode() for stem in alt}
    context |= {"alt": alt, "image": image, "sections": sections(set(alt))}
    texts = {name: _filled_in(name, context) for name in pages} | {"report.tex": paper(set(alt)).document()}
    if "README.md" in texts:
        texts["README.md"] = _around(folder / "README.md", texts["README.md"])
    files = {name: text.encode() for name, text in (texts | dict(more or {})).items()} | files
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_file(folder / name, content)
    return [folder / name for name in files if name != "README.md"]


def _filled_in(name: str, context: dict[str, object]) -> str:
    """The template `name` filled in; what is filled into markdown stands there as text, whatever it is called."""
    loader, finalize = PackageLoader("octant.analysis.report"), None if name.endswith(".html") else _as_text
    environment = Environment(loader=loader, autoescape=name.endswith(".html"), finalize=finalize, trim_blocks=True,
                              lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True)  # fmt: skip
    return environment.get_template(name).render(context)


def _as_text(value: object) -> object:
    """Markdown that shows the value, on one line; what a template calls safe is markdown already."""
    if isinstance(value, Markup):
        return value
    text = re.sub(r"[\\`*|~\[\]]|_(?![^\W_])|(?<![^\W_])_", r"\\\g<0>", re.sub(r"\s+", " ", str(value)))
    return re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")


def _paper(found: Findings, drawn: set[str]) -> Paper:
    figures = [lead_figure(found), *(each for section in sections(found, drawn) for each in section.figures)]
    return Paper(
        found.material.declared.text or found.material.experiment, partial(_said, found), found.verdict, found.main,
        forms_of(found), found.effects_in_words, tuple(found.design.factors), partial(measured, found),
        versions(found.runs), {stem: caption for stem, caption in figures if stem in drawn},
    )  # fmt: skip


def draw(found: Findings) -> Iterator[tuple[str, Drawing]]:
    """Stem and drawing of all that can be drawn, one at a time."""
    title = f"{found.material.experiment}{f', each at its own {found.tuned}' if found.is_grid else ''}"
    seen = found.curves.dropna(subset=[found.question.metric])
    is_drawn = seen["config"].isin(found.main.summary["config"]).any() and seen["epoch"].max() > 0
    curves = found.curves if is_drawn else found.curves.head(0)
    main = replace(found.main, effects=found.effects_in_words)
    yield from drawings(main, found.design, curves, title, found.shared_rate)
    if len(found.why):
        reasons = dict(islice(found.reasons.items(), MOST_REASONS))
        yield "why", figures.why_figure(found.why, list(found.main.summary["config"]), found.design.at_the_end, reasons)
    if len(found.mistakes.table):
        confusion = {found.design.label(config): matrix for config, matrix in found.confusion().items()}
        yield "confusion", figures.confusion_figure(confusion, found.mistakes.class_names)
        hardest, pictures = found.mistakes.hardest, found.material.pictures
        if pictures:
            yield "hardest", figures.hardest_figure(hardest, pictures.images[hardest["example"]])


def _tables(found: Findings) -> dict[str, pd.DataFrame]:
    """The csv files by name; where both are known, the comparison that the experiment is about comes first."""
    compared = [(at, each) for at, each in found.kinds if each is not None]
    results = found.runs.drop(columns=[name for name in _INCIDENTAL if name in found.runs])
    first = [name for name in ("config", *found.question.settings) if name in results]
    frames = {"results": results[[*first, *results.columns.drop(first)]]}
    for name in ("configurations", "effects", "pairs", "best", "verdict"):
        both = [each.tables[name].assign(learning_rates=at) for at, each in compared]
        frames[name] = pd.concat([each for each in both if len(each)] or both[:1])
    frames |= {"ranks": found.main.ranks} if len(found.main.ranks) else {}
    frames |= {"why": found.why} if len(found.why) else {}
    frames |= {"hardest": found.mistakes.hardest} if found.material.errors else {}
    if found.is_grid:
        return frames | {"chosen": found.main.chosen, "learning_rates": found.main.rates}
    return frames | ({"chosen": found.other.chosen} if found.other else {})


def _said(found: Findings, count: Count = plain_count) -> list[str]:
    """The verdict, and what qualifies it, a sentence each; the comparison at other learning rates last."""
    known, verdict = replace(found.words, count=count), found.verdict
    lines = [
        words.headline(verdict, known),
        *words.qualifications(verdict, known),
        *Phrases(found.question, count).about_speed(found.main, Configurations(verdict, known).name),
    ]
    if gone := len(found.collapsed):
        of_them = f"{count('Collapsed', gone)} of {count('Compared', len(found.main.runs))} runs"
        lines.append(f"{of_them} collapsed: they finished no better than always saying the most frequent class, and "
                     "count as they are.")  # fmt: skip
    return [*lines, *rates.at_other_rates(found, count)]


def terminal(found: Findings) -> str:
    """The verdict, a table of what varies, and what to do next."""
    question, summary = found.question, bounded(found.main.summary, found.question)
    factors = [name for name in question.compare if summary[name].nunique(dropna=False) > 1] or ["config"]
    enough, unit = summary["n"].max() >= ENOUGH, ", %" if question.is_share else ""
    columns = {name: found.words.factor(name) for name in factors} | {"mean": question.words + unit}
    columns |= {"low": "from", "high": "to"} if enough else {}
    columns |= {} if question.exact else {"n": f"{question.noun}s"}
    columns |= {REACHED: "reached it"} if question.unit and (summary[REACHED] < summary["n"]).any() else {}
    columns |= {"diverged": "diverged"} if summary["diverged"].any() else {}
    form = f"{{:{Phrases(question).format()}}}"
    table = summary.head(MOST_ROWS)[[*columns]]
    for name in factors:
        table[name] = [found.words.bare(name, as_word(level)) for level in table[name]]
    table = table.rename(columns=columns)
    more = f"\n... and {len(summary) - len(table)} more, in configurations.csv" if len(summary) > len(table) else ""
    text = table.to_string(index=False, float_format=form.format, na_rep="-")
    told = "\n".join([words.headline(found.verdict, found.words), *words.looked(found.verdict)])
    return f"{text}{more}\n\n{told}{rates.next_step(found)}"


def _around(path: Path, block: str) -> str:
    """`block` between the markers of the README that is there, whose other words stay; or by itself."""
    block = f"{_BEGIN}\n{block.strip()}\n{_END}"
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    before, begin, rest = old.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{block}{after}" if begin and end else f"{block}\n\n{old}".rstrip() + "\n"
