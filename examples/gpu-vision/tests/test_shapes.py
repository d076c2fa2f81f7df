"""The pictures, the network and the service without a cache."""

import numpy as np
import pytest
from shapes import draw, net


@pytest.fixture(scope="module")
def trained() -> net.Net:
    pictures, shapes = draw.pictures(600, seed=3)
    return net.fit(net.start(32, seed=1, classes=3), pictures, shapes, steps=200)


def test_the_same_pictures_are_drawn_every_time() -> None:
    first, again = draw.pictures(9, seed=5), draw.pictures(9, seed=5)
    assert (first[0] == again[0]).all()
    assert list(first[1]) == [0, 1, 2] * 3
    assert first[0].shape == (9, draw.SIZE, draw.SIZE)


def test_shapes_are_told_apart(trained: net.Net) -> None:
    pictures, shapes = draw.pictures(300, seed=4)
    said = net.predict(trained, pictures)
    assert said.sum(axis=1) == pytest.approx(np.ones(300), abs=1e-4)
    assert (said.argmax(axis=1) == shapes).mean() > 0.85


def test_what_has_not_learned_knows_nothing() -> None:
    pictures, _ = draw.pictures(300, seed=4)
    fresh = net.start(32, seed=1, classes=3)
    assert net.predict(fresh, pictures) == pytest.approx(np.full((300, 3), 1 / 3))


def test_a_network_survives_its_file(trained: net.Net, tmp_path: pytest.TempPathFactory) -> None:
    path = f"{tmp_path}/runs/n.npz"
    net.save(path, trained)
    pictures, _ = draw.pictures(12, seed=6)
    assert (net.predict(net.load(path), pictures) == net.predict(trained, pictures)).all()
