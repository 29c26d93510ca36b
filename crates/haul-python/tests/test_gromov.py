"""Couplings of spaces that share no coordinates."""

import numpy as np
import pytest
from reference import cloud, weights

import haul


def distortion(plan, x, y):
    """Σ (D − D')² P P from stored matrices of squared distances."""
    c, d = (((of[:, None] - of) ** 2).sum(-1) for of in (x, y))
    a, b = plan.sum(1), plan.sum(0)
    return a @ c**2 @ a + b @ d**2 @ b - 2 * np.sum((c @ plan) * (plan @ d))


SHAPE = cloud(40, 2, 1) * [3.0, 1.0] + [[0.0, 1.0]] * (np.arange(40) < 10)[:, None]


def test_a_turned_shape_is_found_in_more_dimensions():
    angle = 1.1
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    order = np.random.default_rng(0).permutation(40)
    y = np.column_stack([SHAPE @ turn + 5.0, np.full(40, 7.0)])[order]
    coupling = haul.gromov(SHAPE, y, relative=1e-3)
    assert coupling.converged and coupling.lower <= coupling.value
    assert (order[coupling.plan.assignment()] == np.arange(40)).mean() > 0.95
    dense = coupling.plan[:]
    assert coupling.energy == pytest.approx(distortion(dense, SHAPE, y), rel=1e-4, abs=1e-6)
    assert coupling.energy < 0.02 * distortion(np.full((40, 40), 1 / 1600), SHAPE, y)
    np.testing.assert_allclose(coupling.map(y), dense @ y / dense.sum(1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(coupling.map_back(SHAPE), dense.T @ SHAPE / dense.sum(0)[:, None], atol=1e-6)
    np.testing.assert_allclose(coupling.plan.T @ np.ones(40), dense.sum(0), atol=1e-9)
    kl = np.sum(dense * np.log(np.maximum(dense, 1e-300) * 1600))
    assert coupling.value == pytest.approx(coupling.energy + coupling.report["epsilon"] * kl, rel=1e-4)


def test_features_decide_where_distances_do_not():
    # A square matches itself in eight ways; colours choose one.
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    colours = np.array([[0.0], [1.0], [2.0], [3.0]])
    order = [2, 1, 0, 3]
    fused = haul.gromov(square, square, eps=0.01, alpha=0.5, features=(colours, colours[order]))
    np.testing.assert_array_equal(fused.plan.assignment(), order)
    assert fused.report["feature_cost"] < 0.01 and "features" in repr(fused)
    a = weights(4, 1)
    inner = haul.gromov(square, square, a, metric="inner", start="product", eps=0.1)
    np.testing.assert_allclose(inner.plan.marginals()[0], a, atol=1e-6)


def test_progress_and_ends_are_told():
    states = []
    haul.gromov(SHAPE, SHAPE[::-1], progress=states.append)
    assert states[0].iteration >= 1 and states[0].goal == 1e-4
    with pytest.warns(haul.NotConverged, match="1 steps") as told:
        off = haul.gromov(SHAPE, cloud(30, 3, 2), start="product", max_steps=1, tol=1e-9)
    assert told[0].filename == __file__ and "NOT stationary" in repr(off) and "<table>" in off._repr_html_()

    def end(state):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        haul.gromov(SHAPE, SHAPE[::-1], progress=end)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": 0.1, "relative": 0.1}, "both given"),
        ({"eps": 0.0}, "epsilon is 0"),
        ({"metric": "cosine"}, "metric is"),
        ({"start": "random"}, "start is"),
        ({"alpha": 0.5}, "alpha|fused|features"),
        ({"alpha": 2}, "fused is 2"),
        ({"alpha": 0.5, "features": (np.ones((40, 1)),)}, "1 parts"),
        ({"alpha": 0.5, "features": (np.ones((40, 1)), np.ones((39, 1)))}, "39"),
        ({"tol": 0}, "tolerance is 0"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"max_steps": -1}, "max_steps is -1"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(haul.Error, match=message):
        haul.gromov(SHAPE, SHAPE, **options)


def test_values_of_another_number_are_refused():
    coupling = haul.gromov(SHAPE, SHAPE)
    for wrong in (np.ones((3, 1)), np.ones((40, 0)), np.ones(40)):
        with pytest.raises(haul.Error):
            coupling.map(wrong)


def lengths(x):
    return np.sqrt(((x[:, None] - x) ** 2).sum(-1))


def test_stored_matrices_give_what_coordinates_give():
    y = cloud(30, 3, 2)
    squares = [lengths(of) ** 2 for of in (SHAPE, y)]
    settings = dict(relative=0.05, start="product", tol=1e-7)
    formula = haul.gromov(SHAPE, y, precision="f64", **settings)
    stored = haul.gromov(*squares, metric="given", **settings)
    assert stored.value == pytest.approx(formula.value, rel=1e-9)
    assert stored.energy == pytest.approx(distortion(stored.plan[:], SHAPE, y), rel=1e-5)
    assert np.allclose(stored.plan @ np.ones(30), 1 / 40) and stored.report["device"].startswith("CPU")
    euclidean = haul.gromov(SHAPE, y, metric="euclidean", **settings)
    assert euclidean.value == pytest.approx(haul.gromov(*map(lengths, (SHAPE, y)), metric="given", **settings).value, rel=1e-9)
    assert euclidean.map(y).shape == (40, 3) and stored.map_back(SHAPE).shape == (30, 2)
    with pytest.raises(haul.Error, match="across the diagonal"):
        haul.gromov(np.triu(squares[0]), squares[1], metric="given")


def test_mass_that_finds_no_partner_is_left_out():
    x = SHAPE
    far = np.concatenate([x, x[:10] + [40.0, 0.0]])
    part = haul.gromov(x, far, metric="euclidean", relative=1e-3, reach=1.0)
    rows = np.asarray(part.plan.T @ np.ones(40))
    assert part.report["mass"] < 0.95 and part.report["rho"] == 1.0
    assert rows[40:].sum() < 0.02 * rows.sum()
    with pytest.raises(haul.Error, match="reach is 1"):
        haul.gromov(x, far, reach=1.0)


def test_a_barycenter_of_copies_is_a_copy():
    turned = 2 * SHAPE[::-1] @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 3
    states = []
    settings = dict(weights=[3, 1], start=SHAPE, relative=1e-3)
    middle = haul.gromov_barycenter([SHAPE, turned], progress=states.append, **settings)
    squares = 0.75 * lengths(SHAPE) ** 2 + 0.25 * 4 * lengths(SHAPE) ** 2
    off = np.abs(middle.distances - squares).mean() / squares.mean()
    assert middle.converged and off < 0.05, off
    assert middle.report["rise"] == 0 and middle.report["lambda"] == [0.75, 0.25]
    assert states[0].iteration == 1 and states[0].goal == 1e-3 and "rounds" in repr(middle)
    assert middle.points.shape[0] == 40 and middle.features is None
    values = [coupling.value for coupling in middle.couplings]
    assert middle.value == pytest.approx(0.75 * values[0] + 0.25 * values[1])
    given = [lengths(of) ** 2 for of in (SHAPE, turned)]
    stored = haul.gromov_barycenter(given, weights=[3, 1], start=given[0], relative=1e-3, metric="given")
    assert stored.points is None
    assert np.abs(stored.distances - middle.distances).mean() / squares.mean() < 0.01
    colours = SHAPE[:, :1]
    fused = haul.gromov_barycenter(
        [SHAPE, SHAPE[::-1]], start=SHAPE, alpha=0.5, features=[colours, colours[::-1] + 2], start_features=colours, relative=1e-3
    )
    assert np.allclose(fused.features, colours + 1, atol=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, 1]}, "2|λ"),
        ({"fall": 0}, "fall is 0"),
        ({"max_rounds": 0}, "max_rounds is 0"),
        ({"features": []}, "0 parts"),
        ({"metric": "cosine"}, "metric is"),
        ({"start": (SHAPE, np.arange(40.0))}, "weight"),
    ],
)
def test_wrong_settings_of_a_barycenter_are_refused(options, message):
    with pytest.raises(haul.Error, match=message):
        haul.gromov_barycenter([SHAPE], **{"start": SHAPE, **options})
