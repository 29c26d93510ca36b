"""Arrays of any library, strides and type."""

import pickle

import numpy as np
import pytest
from reference import cloud, weights

import haul

X = cloud(24, 3, 1)


def points(of):
    return haul.Measure(of).points


@pytest.mark.parametrize(
    "view",
    [np.asfortranarray(X), X[::2, ::2], X[::-1], X.T, np.broadcast_to(X[0], (4, 3)), X[:, 1:], X.astype(">f8")],
    ids=["Fortran", "steps", "reversed", "transposed", "broadcast", "columns", "big-endian"],
)
def test_strides_do_not_matter(view):
    np.testing.assert_array_equal(points(view), np.array(view))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "u2", "i8", "?", "g"])
def test_types_do_not_matter(dtype):
    of = (8 * X).astype(dtype)
    np.testing.assert_array_equal(points(of), of.astype(float))


def test_nested_sequences_are_arrays():
    np.testing.assert_array_equal(points([[1, 2], (3, 4.5)]), [[1, 2], [3, 4.5]])


def test_a_view_is_not_changed_and_not_kept():
    of = X.copy()
    measure = haul.Measure(of)
    of[:] = 7
    np.testing.assert_array_equal(measure.points, X)
    readonly = X.copy()
    readonly.flags.writeable = False
    np.testing.assert_array_equal(points(readonly), X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3),), r"points\[:, None\]"),
        ((np.zeros((2, 2, 2)),), r"\(2, 2, 2\)"),
        ((np.zeros((0, 2)),), "empty"),
        ((np.zeros((2, 0)),), "dimension 0"),
        ((X.astype(complex),), "complex128"),
        ((np.array([["a"]]),), "<U1"),
        (([[1.0], [1.0, 2.0]],), "no array"),
        (([[np.nan, 0.0]],), "row 1, column 1 is NaN"),
        (([[0.0], [np.inf]],), "row 2, column 1 is inf"),
        ((X, np.ones(5)), "5 weights for 24 points"),
        ((X, -np.ones(24)), "weight of row 1 is -1"),
        ((X, np.zeros(24)), "sum to 0"),
        ((X, np.ones((24, 2))), "weights are of shape"),
    ],
)
def test_what_is_no_cloud_is_refused(arguments, message):
    with pytest.raises(haul.Error, match=message):
        haul.Measure(*arguments)
    assert issubclass(haul.Error, ValueError) and haul.Error.__name__ == "Error"


def test_measures_and_devices_are_pickled():
    for measure in (haul.Measure(X, weights(24, 1)), haul.Measure.grid(np.arange(6.0).reshape(2, 3), (0.1, 0.3), -1)):
        again = pickle.loads(pickle.dumps(measure))
        np.testing.assert_array_equal(again.points, measure.points)
        np.testing.assert_array_equal(again.weights, measure.weights)
        assert again.shape == measure.shape
    assert repr(pickle.loads(pickle.dumps(haul.Device("cpu", threads=1)))) == "Device('cpu', threads=1)"


def test_grids_are_clouds_of_their_points():
    image = np.random.default_rng(0).random((6, 5))
    grid = haul.Measure.grid(image / image.sum(), spacing=(0.2, 0.25), origin=(1.0, 2.0))
    assert grid.shape == (6, 5) and grid.weights.shape == (6, 5)
    at = np.stack(np.meshgrid(1 + 0.2 * np.arange(6), 2 + 0.25 * np.arange(5), indexing="ij"), -1).reshape(-1, 2)
    np.testing.assert_allclose(grid.points, at)
    other = grid.with_weights(np.full((6, 5), 1 / 30))
    on_grid = haul.sinkhorn(grid, other, blur=0.3, tol=1e-6)
    on_cloud = haul.sinkhorn((grid.points, grid.weights.ravel()), (grid.points, np.full(30, 1 / 30)), blur=0.3, tol=1e-6)
    assert on_grid.value == pytest.approx(on_cloud.value, rel=1e-5)
    with pytest.raises(haul.Error, match="fixed|grid"):
        on_grid.grad_x
    with pytest.raises(haul.Error, match="4 axes"):
        haul.Measure.grid(np.ones((1, 1, 1, 1)))


def test_results_show_themselves():
    solution = haul.sinkhorn(X, X + 1, blur=0.3)
    divergence = haul.divergence(X, X + 1, blur=0.3, reach=2.0)
    for result, words in (
        (solution, ["OT_ε", "between", "24 and 24 points in dimension 3", "within the tolerance 0.001"]),
        (divergence, ["S_ε", "mass moved"]),
        (haul.energy(X, X + 1), ["energy"]),
        (haul.barycenter([X, X + 1], blur=0.3), ["debiased barycenter", "least value"]),
        (haul.pairwise([X, X + 1], blur=0.3), ["2×2 measures"]),
    ):
        for word in words:
            assert word in repr(result)
        page = result._repr_html_()
        assert page.startswith("<table>") and page.count("<tr>") == len(repr(result).splitlines())
        assert result.report["seconds"] >= 0 if hasattr(result, "report") else True
    assert repr(solution.plan) == "Plan(24×24, not stored)"


def test_tensors_of_torch():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64):
        of = (8 * torch.from_numpy(X)).to(dtype)
        np.testing.assert_array_equal(points(of), of.to(torch.float64).numpy())
    np.testing.assert_array_equal(points(torch.from_numpy(X).requires_grad_().T), X.T)


def test_arrays_of_jax():
    jnp = pytest.importorskip("jax.numpy")
    for dtype in ("float32", "bfloat16", "int32"):
        of = jnp.asarray(8 * X, dtype=dtype)
        np.testing.assert_array_equal(points(of), np.asarray(of).astype(float))


def test_progress_is_reported():
    x, y = cloud(400, 2, 1), cloud(400, 2, 2)
    states = []
    haul.sinkhorn(x, y, blur=0.01, tol=1e-6, progress=states.append)
    assert states and all(state.error >= 0 and state.goal > 0 for state in states)
    assert states[0].iteration >= 1

    def refuse(_):
        raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        haul.sinkhorn(x, y, blur=0.01, progress=refuse)
    assert haul.sinkhorn(x, y, blur=0.1).converged, "the device works again"


def test_a_bar_is_shown(capfd):
    haul.divergence(cloud(50, 2, 1), cloud(50, 2, 2), blur=0.1, progress=True)
    assert "marginals off by" in capfd.readouterr().err
