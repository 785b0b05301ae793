"""Styles: one for each configuration, decided by the levels' order, told apart by colour-blind eyes."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from octant.analysis.palette import HUES, Styles, word

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def lab(colour: str, sight: str) -> np.ndarray:
    """CIELAB of a colour as somebody with this sight sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = XYZ @ np.clip(np.array(SIGHT[sight]) @ linear, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def nearest(colours: list[str], sight: str) -> float:
    seen = [lab(colour, sight) for colour in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


def design(*sizes: int) -> tuple[Styles, list[dict[str, object]]]:
    levels = {f"f{i}": [f"level{k}" for k in range(size)] for i, size in enumerate(sizes)}
    return Styles(levels), [dict(zip(levels, cell, strict=True)) for cell in product(*levels.values())]


@pytest.mark.parametrize("sight", SIGHT)
def test_eight_hues_stay_apart(sight: str) -> None:
    assert nearest(list(HUES), sight) > 20


@pytest.mark.parametrize(("sizes", "least"), [((2, 2), 20), ((3, 2), 15), ((4, 2), 12), ((2, 2, 2), 10), ((6,), 20)])
def test_small_designs_stay_apart(sizes: tuple[int, ...], least: float) -> None:
    looks, cells = design(*sizes)
    for sight in ("normal", "protanopia", "deuteranopia"):
        assert nearest([looks.of(cell).colour for cell in cells], sight) > least, sight


def test_pale_colour_is_not_confused() -> None:
    """The measure itself: red and green of one lightness are near for a deuteranope."""
    assert nearest(["#b26a6a", "#7c8a55"], "deuteranopia") < 12 < nearest(["#b26a6a", "#7c8a55"], "normal")


@pytest.mark.parametrize("sizes", [(1,), (6,), (60,), (3, 4), (2, 2, 2), (2, 2, 2, 2), (5, 4, 3), (20, 3), (3, 20)])
def test_every_configuration_has_its_own(sizes: tuple[int, ...]) -> None:
    looks, cells = design(*sizes)
    drawn = [looks.of(cell) for cell in cells]
    assert len({look.colour for look in drawn}) == len(cells)
    assert not {look.colour for look in drawn} & {"#7f7f7f", "#9a9a9a"}


def test_factors_give_hue_dash_marker() -> None:
    looks, _ = design(2, 3, 2)
    here = looks.of({"f0": "level0", "f1": "level1", "f2": "level0"})
    assert here.dash == looks.of({"f0": "level1", "f1": "level1", "f2": "level1"}).dash
    assert here.marker == looks.of({"f0": "level1", "f1": "level2", "f2": "level0"}).marker
    assert here.dash != looks.of({"f0": "level0", "f1": "level2", "f2": "level0"}).dash
    assert looks.of({"f0": "level1", "f1": "level0", "f2": "level0"}).colour == HUES[1] == looks.hue("level1")


def test_unknown_levels_are_refused() -> None:
    with pytest.raises(KeyError, match="f0=relu is not among level0, level1"):
        design(2)[0].of({"f0": "relu"})


def test_numbers_are_one_level_each() -> None:
    assert [word(level) for level in (10, 10.0, np.float64(0.1), "tanh", True, np.bool_(False), None, 1e-5)] == [
        "10", "10", "0.1", "tanh", "True", "False", "-", "1e-05"
    ]  # fmt: skip
    looks = Styles({"width": ("10", "30", "100")})
    lightness = [lab(looks.of({"width": width}).colour, "normal")[0] for width in (10.0, 30, 100)]
    assert lightness == sorted(lightness)


def test_nothing_varied_has_a_style() -> None:
    assert Styles({}).of({"config": "a"}).colour == HUES[0]
