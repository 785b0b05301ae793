"""A multilayer perceptron in plain NumPy on scikit-learn's digits, trained by octant.

python digits_numpy.py -m width=16,64 learning_rate=0.05,0.2 'seed=range(5)'
"""

import numpy as np
from sklearn.datasets import load_digits

import octant


class Settings(octant.Settings):
    width: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.9
    batch_size: int = 32
    epochs: int = 10


def parts():
    """Inputs and labels, the first 1,200 examples to train and 597 to test."""
    X, y = load_digits(return_X_y=True)
    return (X[:1200] / 16, y[:1200]), (X[1200:] / 16, y[1200:])


def outputs(weights, X):
    hidden = np.tanh(X @ weights["W1"] + weights["b1"])
    scores = hidden @ weights["W2"] + weights["b2"]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, shares / shares.sum(axis=1, keepdims=True)


def train(settings, state=None):
    (X, y), (X_test, y_test) = parts()
    random = np.random.default_rng(settings.seed)
    shapes = {"W1": (64, settings.width), "b1": (settings.width,), "W2": (settings.width, 10), "b2": (10,)}
    weights = {name: random.normal(0, 0.1, shape) for name, shape in shapes.items()}
    speed = {name: np.zeros(shape) for name, shape in shapes.items()}
    first = 1
    if state:  # go on after the epoch that it was yielded with
        weights = {name: state[name] for name in shapes}
        speed = {name: state[f"speed {name}"] for name in shapes}
        random.bit_generator.state, first = state["random"], state["epoch"] + 1
    for epoch in range(first, settings.epochs + 1):
        for batch in np.array_split(random.permutation(len(X)), len(X) // settings.batch_size):
            hidden, a = outputs(weights, X[batch])
            dz2 = (a - np.eye(10)[y[batch]]) / len(batch)
            dz1 = dz2 @ weights["W2"].T * (1 - hidden**2)
            slopes = {"W1": X[batch].T @ dz1, "b1": dz1.sum(axis=0), "W2": hidden.T @ dz2, "b2": dz2.sum(axis=0)}
            for name, slope in slopes.items():
                speed[name] = settings.momentum * speed[name] - settings.learning_rate * slope
                weights[name] = weights[name] + speed[name]
        kinds = {"train_accuracy": (X, y), "test_accuracy": (X_test, y_test)}
        right = {name: (outputs(weights, Xk)[1].argmax(axis=1) == yk).mean() for name, (Xk, yk) in kinds.items()}
        after = weights | {f"speed {name}": each for name, each in speed.items()}
        yield octant.Epoch(epoch, right, after | {"random": random.bit_generator.state, "epoch": epoch})


if __name__ == "__main__":
    octant.main(train, Settings)
