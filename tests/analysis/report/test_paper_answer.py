"""The Result paragraph of report.tex: each number is a macro, each macro is what the csv files say, by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from itertools import chain, combinations, count

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from octant.analysis.report.macros import Macros, row_names
from support.papers import ANSWERS, MINIMISED, WRITTEN, Document, written

Numbers = dict[str, list[Decimal]]
NEW = "test examples=new"
COUNTED = {  # declared with the sweep; csv files have no place for them
    "tuned": {"Sharedrate": 0.3}, "companion": {"Sharedrate": 0.1, "OwnEpochs": 6, "Epochs": 6},
    "looks": {"Looks": 3, "LookOne": 5, "LookTwo": 10, "LookThree": 15, "Limit": 20},
    "margin": {"Margin": 0.5}, "small": {"Margin": 1e-6}, "collapsed": {"Collapsed": 1}, "speed": {"Horizon": 10},
}  # fmt: skip
# Fixed words: the level of intervals, the least repeats, the most that are planned, what a diverged run counts as, a
# year, the level of an endpoint.
FIXED = {"95", "5", "1,000", "0", "1983", "90"}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Document]:
    return cache(lambda name: written(name, tmp_path_factory.mktemp("paper")))


@pytest.fixture(scope="module", params=WRITTEN | ANSWERS)
def document(request: pytest.FixtureRequest, documents: Callable[[str], Document]) -> Document:
    return documents(request.param)


def kinds(document: Document) -> Iterator[tuple[str, str | None]]:
    """What begins the names of each comparison's macros, and what the csv files call it; the document's own first."""
    with (document.folder / "configurations.csv").open(encoding="utf-8") as file:
        known = list(pd.read_csv(file).get("learning_rates", pd.Series([None])).unique())
    yield from ((kind.capitalize() if at else "", kind) for at, kind in enumerate(known))


def wanted(document: Document) -> Numbers:
    """Name of a macro -> the numbers of the csv files that it is, rounded."""
    found: Numbers = {name: [Decimal(str(each))] for name, each in COUNTED.get(document.name, {}).items()}
    for prefix, kind in kinds(document):
        of_them = {**differences(document, kind), **cells(document, kind), **configurations(document, kind)}
        found |= {prefix + name: numbers for name, numbers in of_them.items()}
        if kind:
            means = {row["config"]: row["mean"] for row in document.rows("configurations", kind)}
            found |= {f"{kind.capitalize()}Mean{part(document, each)}": [Decimal(mean)] for each, mean in means.items()}
    own = document.rows("chosen") if (document.folder / "chosen.csv").exists() else []
    found |= {f"OwnRate{part(document, row['config'])}": [Decimal(row["learning_rate"])] for row in own}
    return {f"oct{name}": numbers for name, numbers in found.items()}


def part(document: Document, text: str) -> str:
    """A configuration, factor or level in a name."""
    rows = document.rows("verdict")
    texts = {row[side] for row in rows for side in ("first", "second", "about")}
    texts |= {row["config"] for row in document.rows("configurations")}
    known = sorted(texts.union(*(each for row in rows for each in places(row))))
    return dict(zip(known, row_names([(each,) for each in known]), strict=True))[text]


def places(row: dict[str, str]) -> list[tuple[str, str]]:
    return [(each.partition("=")[0], each.partition("=")[2]) for each in row["where"].split(", ") if each]


def named(document: Document, about: str, *texts: str) -> str:
    known = [each if each in ("Minus", "Each", "test examples", "new") else part(document, each) for each in texts]
    known = [{"test examples": "TestExamples", "new": "New"}.get(each, each) for each in known]
    return "".join(([] if about == "configuration" else [part(document, about)]) + known)


def differences(document: Document, kind: str | None) -> Numbers:
    found: Numbers = {}
    for row in document.rows("verdict", kind):
        name = named(document, row["about"], row["first"], "Minus", row["second"], *chain(*places(row)))
        ends = sorted(sign(document) * Decimal(row[end] or "NaN") for end in ("low", "high")) if row["low"] else []
        lead = [sign(document) * Decimal(row["difference"])] if row["difference"] else []
        found |= {f"VerdictLead{name}": lead} if row["decision"] in ("better", "") else {}
        found |= {f"VerdictOpenlead{name}": lead} if row["decision"] in ("undecided", "") else {}
        found |= {f"Verdict{end}{name}": [each] for end, each in zip(("Low", "High"), ends, strict=False)}
        found |= {f"VerdictPholm{name}": [Decimal(row["p_holm"])]} if row["p_holm"] else {}
        found |= {f"VerdictRepeatsneeded{name}": [Decimal(row["repeats_needed"])]} if row["repeats_needed"] else {}
    return found


def sign(document: Document) -> int:
    return -1 if document.name in MINIMISED else 1


def cells(document: Document, kind: str | None) -> Numbers:
    """The smallest and the largest lead of one level over the next in all cells with some levels of other factors."""
    led: dict[str, dict[tuple[tuple[str, str], ...], tuple[str, Decimal, bool]]] = {}
    for row in document.rows("verdict", kind):
        if row["where"] and row["where"] != NEW:
            _, gain, better = led.setdefault(row["about"], {}).get(tuple(places(row)), ("", Decimal("inf"), True))
            now = min(gain, sign(document) * Decimal(row["difference"]))
            led[row["about"]][tuple(places(row))] = row["first"], now, better and row["decision"] == "better"
    found: Numbers = {}
    for about, each in led.items():
        partners = [name for name, _ in next(iter(each))]
        every = named(document, "configuration", "Each", *partners)
        found[f"VerdictCells{part(document, about)}{every}"] = [Decimal(len(each))]
        for shared in {at for where in each for n in range(len(where) + 1) for at in combinations(where, n)}:
            leads = [lead for where, lead in each.items() if {*shared} <= {*where}]
            if len({first for first, _, _ in leads}) == 1 and all(better for _, _, better in leads):
                free = [name for name in partners if name not in dict(shared)]
                name = named(document, about, leads[0][0], *chain(*shared), *(["Each", *free] if free else []))
                gains = [gain for _, gain, _ in leads]
                found |= {f"VerdictLeast{name}": [min(gains)], f"VerdictMost{name}": [max(gains)],
                          f"VerdictLead{name}": gains}  # fmt: skip
        for level in {first for first, _, _ in each.values()}:
            won = sum(first == level and better for first, _, better in each.values())
            found[f"VerdictLed{named(document, about, level)}{every}"] = [Decimal(won)]
    return found


def configurations(document: Document, kind: str | None) -> Numbers:
    """How many there are, and the means of those that may be the best."""
    rows, best = document.rows("configurations", kind), document.rows("best", kind)
    runs, effects = document.rows("results"), len(document.rows("effects", kind))
    leaders = [row["config"] for row in best if row["may_be_best"] == "True"]
    means = [Decimal(row["mean"]) for row in rows if row["config"] in leaders]
    lost, n = [int(row["diverged"]) for row in rows], [int(row["n"]) for row in rows]
    each = 5 if (document.folder / "ranks.csv").exists() else 1
    found = {"Leaders": len(leaders), "Ranked": len([each for each in n if each]), "Diverged": sum(lost),
             "Compared": sum(lost) + each * sum(n), "Repeated": max(n), "Effects": effects, "Finished": sum(n),
             "Repeats": len({row.get("seed") for row in runs}),
             "Effectsrepeats": next(n for n in count(1) if effects * 2 / 2**n < 0.04)}  # fmt: skip
    if "reached" in rows[0]:
        reached = {row["config"]: int(float(row["reached"])) for row in rows}
        found |= {"Unreached": sum(n) - sum(reached.values()), "Short": sum(each < max(n) for each in reached.values())}
        found |= {f"Reached{part(document, name)}": many for name, many in reached.items()}
        found |= {f"Finished{part(document, row['config'])}": int(row["n"]) for row in rows}
    numbers = {name: [Decimal(each)] for name, each in found.items()}
    if not means:
        return numbers
    alone = {f"VerdictMean{part(document, leaders[0])}": means} if len(means) == 1 else {"VerdictMean": means}
    return numbers | alone | {"VerdictMeanleast": [min(means)], "VerdictMeanmost": [max(means)]}


def test_every_number_of_the_answer_is_its_csv(document: Document) -> None:
    numbers = wanted(document)
    assert document.said <= numbers.keys()
    for name in document.said:
        half = Decimal(1).scaleb(int(document.number(name).as_tuple().exponent)) / 2
        assert numbers[name], name
        for each in numbers[name]:
            assert abs(document.number(name) - each) <= half * Decimal("1.000001"), name


def test_answer_has_no_bare_number(document: Document) -> None:
    text, rows = re.sub(r"\\oct\w+\{\}", "", document.result), document.rows("verdict")
    names = {row[side] for row in rows for side in ("first", "second")} | {
        level for row in document.rows("configurations") for level in row.values()
        if level and row["config"].endswith(f"={level}")}  # fmt: skip
    for name in sorted(map(Macros().text, names), key=len, reverse=True):
        text = text.replace(name, "")
    assert {*re.findall(r"\d[\d.,e-]*\d|\d", text)} <= FIXED


def test_answer_is_that_of_the_page(document: Document) -> None:
    """Macros are told from numbers by nobody: which sentence is chosen, how long it is, what is left out."""
    page = (document.folder / "report.md").read_text(encoding="utf-8").split("Contents:")[0]
    lines = [line for line in page.splitlines() if re.match(r"\*\*|- (?!Measured over )", line)]
    said = re.sub(r"\\(oct\w+)\{\}", lambda found: document.macros[found[1]], document.result)
    said = re.sub(r"\\(allowbreak|ensuremath|text\w+)", "", said)
    assert re.sub(r"[^\w.-]", "", said) == re.sub(r"[^\w.-]", "", " ".join(line.removeprefix("- ") for line in lines))


def test_kinds_of_sentences_are_all_there(documents: Callable[[str], Document]) -> None:
    """Else the two tests above would ask nothing of some of them."""
    said = {name for sweep in WRITTEN | ANSWERS for name in documents(sweep).said}
    of_verdict = ("Lead", "Openlead", "Low", "High", "Least", "Most", "Pholm", "Repeatsneeded", "Meanleast", "Meanmost",
                  "MeanO", "Cells", "Led")  # fmt: skip
    others = ("Leaders", "Ranked", "Effectsrepeats", "OwnRate", "OwnMean", "SharedMean", "SharedVerdict", "OwnVerdict",
              "Sharedrate", "Collapsed", "Looks", "Margin", "Unreached")  # fmt: skip
    starts = (*(f"Verdict{each}" for each in of_verdict), *others)
    lacking = [each for each in starts if not any(name.startswith(f"oct{each}") for name in said)]
    assert not lacking


def test_verdict_is_that_of_the_runs(documents: Callable[[str], Document]) -> None:
    """The cells of the loss, paired by seed, by scipy."""
    document = documents("factorial")
    runs = pd.read_csv(document.folder / "results.csv")
    rows = [row for row in document.rows("verdict") if row["about"] == "loss"]
    assert len(rows) == 4
    for row in rows:
        here = runs[np.all([runs[name] == level for name, level in places(row)], axis=0)]
        wide = 100 * here.pivot_table(index="seed", columns="loss", values="test_accuracy")
        found = stats.ttest_rel(wide[row["first"]], wide[row["second"]])
        low, high = found.confidence_interval(0.95)
        mean = (wide[row["first"]] - wide[row["second"]]).mean()
        assert [float(row[name]) for name in ("difference", "low", "high")] == pytest.approx(
            [mean, low, high], rel=1e-3
        )
        assert row["decision"] == "undecided" or (low > 0 and float(row["p_holm"]) < 0.04)
        assert (row["repeats_needed"] == "") == (row["decision"] == "better")


@pytest.mark.parametrize("name", ["factorial", "small", "datasets"])
def test_verdict_agrees_with_pairs(name: str, documents: Callable[[str], Document]) -> None:
    document = documents(name)
    pairs = {(row["first"], row["second"]): row for row in document.rows("pairs")}
    rows = [row for row in document.rows("verdict") if row["about"] == "configuration" and not row["where"]]
    assert len(rows) == len(document.rows("configurations")) - 1
    for row in rows:
        same, turned = (pairs.get(key) for key in ((row["first"], row["second"]), (row["second"], row["first"])))
        if turned:
            same = turned | {"difference": f"-{turned['difference']}", "low": f"-{turned['high']}",
                             "high": f"-{turned['low']}"}  # fmt: skip
        assert same
        for column in ("n", "difference", "low", "high", "p_holm"):
            assert Decimal(row[column]) == Decimal(same[column].replace("--", ""))


def test_no_fewer_repeats_than_flips_need(documents: Callable[[str], Document]) -> None:
    """Of 3 effects 8 repeats are the fewest that can show one, however sure a t test would be of it."""
    (row,) = [row for row in documents("too few").rows("verdict") if row["about"] == "norm"]
    assert (row["where"], row["decision"], row["repeats_needed"]) == ("", "undecided", "8")


def test_another_answer_has_other_names(documents: Callable[[str], Document]) -> None:
    """A sentence that became wrong does not compile: the leader has changed, or its lead is not shown any more."""
    shown, turned, level = (documents(name).said for name in ("one factor", "turned", "undecided"))
    lead = next(name for name in shown if name.startswith("octVerdictLead"))
    assert lead not in turned | level
