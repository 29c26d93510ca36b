"""Coordinates and dictionaries against mixtures that are known."""

import numpy as np
import pytest

import haul

AT = np.linspace(0, 1, 41)


def bump(centre, width=0.08):
    of = np.exp(-((AT - centre) / width) ** 2)
    return of / of.sum()


def grid(of):
    return haul.Measure.grid(of, spacing=1 / 40)


@pytest.mark.parametrize("loss", ["l2", "reverse-kl", "wasserstein"])
def test_coordinates_of_an_average_are_its_weights(loss):
    # Three means and widths that lie on no line: no other weights have this average.
    atoms = [grid(bump(*shape)) for shape in ((0.25, 0.06), (0.5, 0.15), (0.8, 0.06))]
    target = haul.barycenter(atoms, [0.2, 0.5, 0.3], kind="plain", blur=0.05, tol=1e-6).measure
    found = haul.coordinates(target, atoms, loss=loss, blur=0.05, weights_tol=1e-4)
    np.testing.assert_allclose(found.weights, [0.2, 0.5, 0.3], atol=2e-2)
    assert found.converged and found.value < 1e-3 and found.report["loss"] == loss
    np.testing.assert_allclose(found.measure.weights, target.weights, atol=2e-3)
    assert abs(atoms[1].weights - target.weights).max() > 1e-2  # the control
    assert found.weights @ found.gradient == pytest.approx(0, abs=1e-6)


def test_coordinates_take_clouds_starts_and_iterations():
    x = np.random.default_rng(0).random((25, 2))
    atoms = [(x, np.exp(-3 * x[:, k]) / np.exp(-3 * x[:, k]).sum()) for k in (0, 1)]
    for options in ({}, {"iterations": 30}):
        found = haul.coordinates(atoms[1], atoms, start=[0.7, 0.3], blur=0.1, **options)
        assert found.weights[1] > 0.9
    states = []
    haul.coordinates(atoms[1], atoms, blur=0.1, progress=states.append)
    assert states[0].goal == 5e-4 and "l2 loss" in repr(found) and "<table>" in found._repr_html_()


@pytest.mark.parametrize("mixtures", ["linear", "barycentric"])
def test_a_dictionary_finds_the_parts(mixtures):
    parts = np.stack([bump(0.25), bump(0.75)])
    shares = np.linspace(0, 1, 6)[:, None] * [[-1, 1]] + [[1, 0]]
    linear = mixtures == "linear"
    data = shares @ parts if linear else np.stack([bump(0.25 + 0.5 * share) for share in shares[:, 1]])
    found = haul.dictionary(
        3 * data, 2, support=haul.Measure.grid(np.ones(41), spacing=1 / 40), mixtures=mixtures,
        blur=0.1 if linear else 0.05, tol=1e-3 if linear else 1e-4, max_steps=500,
    )
    assert found.atoms.shape == (2, 41) and found.weights.shape == (6, 2)
    np.testing.assert_allclose(found.atoms.sum(1), 1)
    np.testing.assert_allclose(found.weights.sum(1), 1)
    assert found.value == pytest.approx(found.terms.sum()) and found.terms.shape == (6,)
    assert [len(atom) for atom in found.measures] == [41, 41]
    if linear:
        assert abs(found.mixtures() - data).max() < 0.1 * data.max()
        np.testing.assert_allclose(np.sort(found.weights, 1), np.sort(shares, 1), atol=0.02)
        # The control: one atom cannot be all of them.
        assert haul.dictionary(data, 1, support=AT[:, None], blur=0.1).value > 100 * abs(found.value)
    else:
        average = haul.barycenter(found.measures, found.weights[2], kind="plain", blur=0.05, tol=1e-6)
        loss = ((average.weights - data[2]) ** 2).sum() / 2
        assert loss == pytest.approx(found.terms[2], rel=0.02) and found.value < 0.5 * found.report["first"]
        with pytest.raises(haul.Error, match="mixes by averages"):
            found.mixtures()


def test_a_dictionary_keeps_the_shape_of_a_grid_and_bounds_its_objective():
    images = np.random.default_rng(0).random((4, 5, 6))
    support = haul.Measure.grid(np.ones((5, 6)), spacing=0.2)
    found = haul.dictionary(images, 2, support=support, blur=0.2, bounded=True, loss="product", minibatch=2)
    assert found.atoms.shape == (2, 5, 6) and found.measures[1].shape == (5, 6)
    assert found.mixtures().shape == (4, 5, 6)
    low, high = found.report["bounds"]
    assert low <= high and "2 atoms of 30 bins" in repr(found)


def test_what_did_not_converge_is_told():
    data = np.random.default_rng(0).random((6, 41))
    with pytest.warns(haul.NotConverged, match="1 steps") as told:
        haul.dictionary(data, 2, support=AT[:, None], blur=0.05, max_steps=1)
    assert told[0].filename == __file__
    with pytest.warns(haul.NotConverged, match="max_evaluations"):
        haul.coordinates(grid(bump(0.4)), [grid(bump(0.2)), grid(bump(0.9))], blur=0.05, max_evaluations=1)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda b: haul.coordinates(b, []), "no measures"),
        (lambda b: haul.coordinates(b, [b], loss="l1"), "loss is"),
        (lambda b: haul.coordinates(b, [b, b], start=[1.0, 0.0]), "start is 0"),
        (lambda b: haul.coordinates(b, [b], iterations=0), "iterations is 0"),
        (lambda b: haul.coordinates(b, [b], weights_tol=0), "tolerance is 0"),
        (lambda b: haul.coordinates(grid(bump(0.5)), [grid(2 * bump(0.5))]), "mass"),
        (lambda b: haul.dictionary(np.ones(41), 1, support=b), "N×n"),
        (lambda b: haul.dictionary(np.ones((2, 40)), 1, support=b), "40 bins"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 0, support=b), "atoms is 0"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 3, support=b, mixtures="barycentric"), "atoms is 3"),
        (lambda b: haul.dictionary(-np.ones((2, 41)), 1, support=b), "input 1"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 1, support=b, mixtures="bent"), "mixtures is"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 1, support=b, loss="l2"), "kind is"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 1, support=b, iterations=3), "barycentric"),
        (lambda b: haul.dictionary(np.ones((2, 41)), 1, support=b, mixtures="barycentric", minibatch=1), "linear"),
    ],
)
def test_wrong_settings_are_refused(fit, message):
    with pytest.raises(haul.Error, match=message):
        fit(grid(bump(0.5)))
