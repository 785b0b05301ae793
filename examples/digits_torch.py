"""A small convolutional network in PyTorch, trained by octant; on a GPU if there is one.

python digits_torch.py -m channels=8,16 optimizer=SGD,Adam 'seed=range(5)'
"""

from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import nn

import octant


class Settings(octant.Settings):
    channels: int = 8
    optimizer: Literal["SGD", "Adam"] = "Adam"
    learning_rate: float = 0.003
    epochs: int = 5


def plain(state):
    """The tensors of a state_dict by name, in the host's memory; nested names are joined by a slash."""
    if torch.is_tensor(state):
        return {"": state.detach().cpu().numpy()}
    return {f"{name}/{rest}": value for name, each in state.items() for rest, value in plain(each).items()}


def train(settings, state=None):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(settings.seed)
    random = torch.Generator().manual_seed(settings.seed)
    (images, labels), n = load_digits(return_X_y=True), settings.channels
    X = torch.tensor(images / 16, dtype=torch.float32, device=device).reshape(-1, 1, 8, 8)
    y = torch.tensor(labels, device=device)
    net = nn.Sequential(nn.Conv2d(1, n, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * n, 10))
    net.to(device)
    optimizer, first = getattr(torch.optim, settings.optimizer)(net.parameters(), lr=settings.learning_rate), 1
    if state:
        net.load_state_dict({name: torch.tensor(state[f"net/{name}/"]) for name in net.state_dict()})
        moments = optimizer.state_dict()
        for name in (each for each in state if each.startswith("optimizer/")):
            _, number, key, _ = name.split("/")
            moments["state"].setdefault(int(number), {})[key] = torch.tensor(state[name])
        optimizer.load_state_dict(moments)
        random.set_state(torch.tensor(state["random"]))
        first = state["epoch"] + 1
    for epoch in range(first, settings.epochs + 1):
        for batch in torch.randperm(1200, generator=random).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[batch]), y[batch]).backward()
            optimizer.step()
        right = (net(X).argmax(1) == y).double()
        after = plain({"net": net.state_dict(), "optimizer": optimizer.state_dict()["state"]})
        scores = {"train_accuracy": right[:1200].mean(), "test_accuracy": right[1200:].mean()}
        yield octant.Epoch(epoch, scores, after | {"random": random.get_state(), "epoch": epoch})


if __name__ == "__main__":
    octant.main(train, Settings)
