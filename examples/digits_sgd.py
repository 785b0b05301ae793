"""scikit-learn, one pass over the data at a time (partial_fit), trained by octant.

python digits_sgd.py -m loss=hinge,log_loss alpha=0.0001,0.01 'seed=range(5)'
"""

from typing import Literal

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

import octant


class Settings(octant.Settings):
    loss: Literal["hinge", "log_loss", "modified_huber"] = "hinge"
    alpha: float = 0.0001
    epochs: int = 10


def train(settings, state=None):
    X, y = load_digits(return_X_y=True)
    X, y, X_test, y_test = X[:1200] / 16, y[:1200], X[1200:] / 16, y[1200:]
    random = np.random.default_rng(settings.seed)
    # A new random_state in each epoch: scikit-learn's own generator is not to be had from outside.
    model = SGDClassifier(loss=settings.loss, alpha=settings.alpha)
    first = 1
    if state:
        model.partial_fit(X[:1], y[:1], classes=np.arange(10))  # makes its arrays; their content comes from the state
        model.coef_, model.intercept_, model.t_ = state["coef"], state["intercept"], state["t"]
        random.bit_generator.state, first = state["random"], state["epoch"] + 1
    for epoch in range(first, settings.epochs + 1):
        order = random.permutation(len(X))
        model.random_state = int(random.integers(2**31))
        model.partial_fit(X[order], y[order], classes=np.arange(10))
        scores = {"train_accuracy": model.score(X, y), "test_accuracy": model.score(X_test, y_test)}
        after = {"coef": model.coef_, "intercept": model.intercept_, "t": float(model.t_)}
        yield octant.Epoch(epoch, scores, after | {"random": random.bit_generator.state, "epoch": epoch})


if __name__ == "__main__":
    octant.main(train, Settings)
