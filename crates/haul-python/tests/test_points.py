"""Quantization, free barycenters and flows against closed forms."""

import numpy as np
import pytest
from reference import cloud, costs, weights

import haul


def blobs(centres, n, spread, seed):
    noise = np.random.default_rng(seed).normal(scale=spread, size=(len(centres), n, 2))
    return (np.asarray(centres)[:, None] + noise).reshape(-1, 2)


CENTRES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])


def test_k_means_are_the_means_of_their_cells():
    x, a = blobs(CENTRES, 30, 0.2, 1), weights(120, 2)
    found = haul.quantize(x, 4, 3 * a)
    assert found.converged and found.points.shape == (4, 2) and found.labels.shape == (120,)
    distances = costs(x, found.points)
    np.testing.assert_array_equal(found.labels, distances.argmin(1))
    for k in range(4):
        cell = found.labels == k
        np.testing.assert_allclose(found.points[k], np.average(x[cell], axis=0, weights=a[cell]), atol=1e-5)
        assert found.weights[k] == pytest.approx(3 * a[cell].sum())
    assert found.value == pytest.approx(a @ distances.min(1), rel=1e-5) and found.inertia == pytest.approx(found.value)
    # The control: one point is much worse.
    assert haul.quantize(x, 1, a).value > 20 * found.value


def test_a_start_is_kept_and_a_seed_gives_the_same():
    x = blobs(CENTRES, 30, 0.2, 1)
    found = haul.quantize(x, start=CENTRES + 0.3)
    np.testing.assert_allclose(found.points, x.reshape(4, 30, 2).mean(1), atol=1e-5)
    again = [haul.quantize(cloud(200, 2, 3), 7, seed=seed).points for seed in (1, 1, 2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert abs(again[0] - again[2]).max() > 1e-3


def test_a_soft_quantization_is_a_mixture_of_gaussians():
    x, eps = blobs(CENTRES, 25, 0.2, 1), 0.5
    found = haul.quantize(x, 4, kind="soft", eps=eps, movement=1e-4)
    scores = np.log(found.weights) - costs(x, found.points) / eps
    assert found.value == pytest.approx(-eps * np.log(np.exp(scores).sum(1)).mean(), rel=1e-4)
    shares = np.exp(scores - np.log(np.exp(scores).sum(1, keepdims=True)))
    # Expectation and maximisation change nothing.
    np.testing.assert_allclose(found.weights, shares.mean(0), atol=1e-3)
    np.testing.assert_allclose(found.points, shares.T @ x / shares.sum(0)[:, None], atol=1e-3)


def test_balanced_cells_have_one_mass():
    x = np.concatenate([blobs(CENTRES[:1], 90, 0.3, 1), blobs(CENTRES[3:], 30, 0.3, 2)])
    free, even = haul.quantize(x, 4), haul.quantize(x, 4, kind="balanced", blur=0.2)
    np.testing.assert_allclose(even.weights, 0.25)
    # Three quarters of the mass are in one place, and so are three of the points.
    assert (even.points.sum(1) < 4).sum() == 3
    assert free.weights.min() < 0.2
    assert even.value == pytest.approx(haul.divergence(even.points, x, blur=0.2).value, rel=0.05, abs=1e-3)


@pytest.mark.parametrize("kind", ["debiased", "product"])
def test_a_free_barycenter_of_moved_clouds_is_a_moved_cloud(kind):
    x = cloud(80, 2, 1)
    shift = np.array([2.0, -1.0])
    average = haul.free_barycenter([x, x + shift], [3, 1], support=x + 0.7, kind=kind, blur=0.1)
    assert average.converged and average.report["lambda"] == pytest.approx([0.75, 0.25])
    np.testing.assert_allclose(average.points.mean(0), x.mean(0) + shift / 4, atol=1e-3)
    spread = average.points.var(0).sum() / x.var(0).sum()
    # The product kind gathers its points over the blur, and the debiased one does not.
    assert spread == pytest.approx(1, abs=0.01) if kind == "debiased" else spread < 0.97
    # S_ε of moves by t/4 and 3t/4.
    least = 0.75 * 5 / 16 + 0.25 * 5 * 9 / 16
    if kind == "debiased":
        assert average.value == pytest.approx(least, rel=1e-2) and average.lower_everywhere is None
        np.testing.assert_allclose(average.terms, [5 / 16, 45 / 16], rtol=1e-2)
    else:
        assert average.lower_everywhere <= average.value
    assert average.lower <= average.value <= average.upper


def test_weights_of_a_free_barycenter_are_learned():
    x, y = np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([[0.0, 1.0], [4.0, 1.0]])
    inputs = [(x, [0.8, 0.2]), (y, [0.8, 0.2])]
    settings = {"support": x + [[0.5, 0.2], [-0.5, 0.1]], "blur": 0.3}
    learned = haul.free_barycenter(inputs, learn_weights=True, **settings)
    np.testing.assert_allclose(learned.weights, [0.8, 0.2], atol=1e-2)
    np.testing.assert_allclose(learned.points, [[0, 0.5], [4, 0.5]], atol=2e-2)
    np.testing.assert_allclose(haul.free_barycenter(inputs, **settings).weights, [0.5, 0.5])


@pytest.mark.parametrize(("momentum", "tau"), [(0.0, 0.5), (0.5, 0.1)])
def test_a_flow_brings_points_to_their_target(momentum, tau):
    x = cloud(40, 2, 1)
    flow = haul.flow(x, x + [1.0, 2.0], tau=tau, momentum=momentum, steps=60, blur=0.1, tol=1e-5)
    assert flow.values.shape == (60,) and flow.values[0] == pytest.approx(5, rel=1e-4)
    assert flow.values[-1] < 0.01 and np.allclose(flow.points.mean(0), x.mean(0) + [1.0, 2.0], atol=0.05)
    np.testing.assert_allclose(flow.weights, 1 / 40)


def test_a_step_of_a_flow_goes_down_the_slope():
    x, y, a = cloud(30, 2, 1), cloud(25, 2, 2), weights(30, 3)
    slope = haul.divergence(x, y, a, blur=0.2, tol=1e-6).grad_x
    flow = haul.flow(x, y, a, steps=1, tau=0.2, blur=0.2, tol=1e-6)
    np.testing.assert_allclose(flow.points, x - 0.2 * slope / a[:, None], atol=1e-4)
    assert abs(flow.points - x).max() > 1e-2
    np.testing.assert_array_equal(haul.flow(x, y, steps=0).points, x)


def test_progress_is_told():
    x = blobs(CENTRES, 30, 0.2, 1)
    for fit in (lambda **of: haul.quantize(x, 4, **of), lambda **of: haul.flow(x, x + 1, steps=3, blur=0.5, **of),
                lambda **of: haul.free_barycenter([x, x + 1], support=9, blur=0.5, **of)):
        states = []
        fit(progress=states.append)
        assert isinstance(states[0], haul.Progress)

        def end(state):
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            fit(progress=end)


def test_what_did_not_come_to_rest_is_told():
    x = cloud(500, 2, 1)
    with pytest.warns(haul.NotConverged, match="1 steps") as told:
        found = haul.quantize(x, 20, max_iterations=1)
    assert told[0].filename == __file__ and "NOT at rest" in repr(found)
    with pytest.warns(haul.NotConverged):
        assert "NOT at rest" in repr(haul.free_barycenter([x, x + 1], support=20, blur=0.05, max_iterations=1))
    assert "<table>" in haul.flow(x, x, steps=0)._repr_html_()


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (lambda x: haul.quantize(x), "either k"),
        (lambda x: haul.quantize(x, 3, start=x), "either k"),
        (lambda x: haul.quantize(x, 0), "k is 0"),
        (lambda x: haul.quantize(x, -1), "k is -1"),
        (lambda x: haul.quantize(x, 2, kind="hard"), "kind is"),
        (lambda x: haul.quantize(x, 2, blur=0.1), "no blur"),
        (lambda x: haul.quantize(x, 2, kind="soft"), "needs a blur"),
        (lambda x: haul.quantize(x, start=x[:, :1]), "dimension"),
        (lambda x: haul.quantize(x, 2, seed=-1), "seed is -1"),
        (lambda x: haul.free_barycenter([], support=3), "no measures"),
        (lambda x: haul.free_barycenter([x], support=0), "k is 0"),
        (lambda x: haul.free_barycenter([x], support=2, kind="sharp"), "kind is"),
        (lambda x: haul.free_barycenter([x, x[:, :1]], support=2), "dimension|input 2|number"),
        (lambda x: haul.free_barycenter([x], support=2, movement=0), "movement is 0"),
        (lambda x: haul.free_barycenter([x, x], [1], support=2), "λ|lambda"),
        (lambda x: haul.flow(x, x, tau=0), "tau is 0"),
        (lambda x: haul.flow(x, x, momentum=1), "momentum is 1"),
        (lambda x: haul.flow(x, x[:, :1]), "dimension"),
        (lambda x: haul.flow(x, x, steps=-1), "steps is -1"),
    ],
)
def test_wrong_settings_are_refused(fit, message):
    with pytest.raises(haul.Error, match=message):
        fit(cloud(5, 2, 1))
