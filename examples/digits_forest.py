"""An estimator that is fitted once: one record, no state, settings in a plain dataclass.

python digits_forest.py -m trees=10,100 depth=4,16 'seed=range(5)'
"""

from dataclasses import dataclass

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import octant


@dataclass
class Settings:
    trees: int = 50
    depth: int | None = None
    seed: int = 0


def train(settings, state=None):
    X, y = load_digits(return_X_y=True)
    model = RandomForestClassifier(settings.trees, max_depth=settings.depth, random_state=settings.seed)
    model.fit(X[:1200], y[:1200])
    scores = {"train_accuracy": model.score(X[:1200], y[:1200]), "test_accuracy": model.score(X[1200:], y[1200:])}
    yield octant.Epoch(1, scores)


if __name__ == "__main__":
    octant.main(train, Settings)
