"""What is there of a sweep that is still being trained, as the report's page has it at the end."""

from __future__ import annotations

import pandas as pd

from octant.analysis.comparison import Comparison
from octant.analysis.comparison.settings import config_names
from octant.analysis.comparison.tuning import choose, summarise_rates
from octant.analysis.question import Question
from octant.analysis.report.collect import Material
from octant.analysis.report.findings import Findings


def note_of(question: Question) -> str:
    """What the page has to say of itself."""
    tuned = " and ".join(name.replace("_", " ") for name in question.tune)
    chosen = f", each configuration at the {tuned} that is best on validation so far" * bool(tuned)
    place = f", its place in the chart of {tuned}" * bool(tuned)
    return (
        f"Curves are means of the runs that have come furthest{chosen}. A run under way has its curve alone: what it "
        f"got wrong{place} and its weights come when it is over."
    )


def so_far(material: Material) -> Findings:
    """What is known before the end, without statistics; `outcome` is missing of the runs that are under way.

    Configurations are ranked by the mean of the last epochs that there are. Tuned settings are chosen on runs that are
    over, and on those under way for a configuration that has no other.
    """
    question = material.declared.question.at_the_end
    runs = material.runs.assign(config=config_names(material.runs, question.compare))
    is_over = runs["outcome"].notna()
    counted = runs[is_over | ~is_over.groupby(runs["config"]).transform("any")].fillna({"outcome": "finished"})
    chosen = rates = pd.DataFrame()
    if question.tune:
        chosen = choose(counted, question)
        rates = summarise_rates(runs[is_over], question) if is_over.any() else rates
        keys = [*question.tune, "config"]
        runs = runs.merge(chosen[keys], on=keys)
    ranking = runs.groupby("config")[question.endpoint].mean().sort_values(ascending=question.goal == "min")
    none = pd.DataFrame()
    main = Comparison(question, runs, ranking.reset_index(), none, none, (), chosen=chosen, rates=rates)
    return Findings(material, runs, runs, main, None, None, chosen=chosen, rates=rates)
