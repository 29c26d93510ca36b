"""Exact transport and sliced distances against closed forms, enumeration and linear programs."""

import itertools
import pickle

import numpy as np
import pytest
from reference import cloud, costs, weights

import haul


def least(c):
    """The least mean cost of a permutation, by trying all of them."""
    n = len(c)
    return min(sum(c[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(n))) / n


@pytest.mark.parametrize("p", [0.5, 1, 2])
@pytest.mark.parametrize("explicit", [False, True], ids=["points", "costs"])
def test_a_value_is_the_least_of_all_permutations(p, explicit):
    x, y = cloud(6, 2, 1), cloud(6, 2, 2)
    c = costs(x, y, p)
    solution = haul.exact_costs(c) if explicit else haul.exact(x, y, p=p)
    assert solution.value == pytest.approx(least(c), rel=1e-12)
    assert solution.proved and solution.lower <= solution.value <= solution.upper
    assert solution.upper - solution.lower <= 1e-9 * solution.value
    order = solution.plan.permutation
    assert sorted(order) == list(range(6)) and c[np.arange(6), order].mean() == pytest.approx(solution.value)
    # The control: another permutation costs more.
    assert c[np.arange(6), np.roll(order, 1)].mean() > solution.value + 1e-3


def test_a_plan_is_optimal_by_its_potentials():
    x, y, a, b = cloud(40, 3, 1), cloud(30, 3, 2), weights(40, 3), weights(30, 4)
    a[5] = 0.0
    a /= a.sum()
    c = costs(x, y, 1.5)
    solution = haul.exact(x, y, a, b, p=1.5)
    dense = np.asarray(solution.plan)
    np.testing.assert_allclose(dense.sum(1), a, atol=1e-14)
    np.testing.assert_allclose(dense.sum(0), b, atol=1e-14)
    assert len(solution.plan) <= 40 + 30 - 1
    slack = c - np.add.outer(solution.f, solution.g)
    assert slack.min() > -1e-9 and abs(slack[dense > 0]).max() < 1e-9
    assert solution.value == pytest.approx((dense * c).sum(), rel=1e-12)
    assert a @ solution.f + b @ solution.g == pytest.approx(solution.value, rel=1e-9)
    assert solution.distance == pytest.approx(solution.value ** (1 / 1.5))
    same = haul.exact_costs(c, a, b)
    assert same.value == pytest.approx(solution.value, rel=1e-12) and same.distance is None
    # The control: the product plan has these marginals and costs more.
    assert a @ c @ b > 1.1 * solution.value


def test_a_value_is_that_of_a_linear_program():
    optimize = pytest.importorskip("scipy.optimize")
    c, a, b = np.random.default_rng(0).normal(size=(12, 9)), weights(12, 3), weights(9, 4)
    sums = np.vstack([np.kron(np.eye(12), np.ones(9)), np.kron(np.ones(12), np.eye(9))])
    expected = optimize.linprog(c.ravel(), A_eq=sums, b_eq=np.concatenate([a, b])).fun
    solution = haul.exact_costs(c, a, b)
    assert expected < 0 and solution.value == pytest.approx(expected, rel=1e-8)
    assert solution.lower <= solution.value <= solution.upper and solution.proved
    # Moving less than all of the mass at costs of both signs leaves out what costs something.
    part = haul.exact_costs(c, a, b, partial=0.5)
    most = optimize.linprog(
        c.ravel(), A_ub=sums, b_ub=np.concatenate([a, b]), A_eq=np.ones((1, c.size)), b_eq=[0.5]
    ).fun
    assert part.value == pytest.approx(most, rel=1e-8) and part.report["mass"] == 0.5


@pytest.mark.parametrize("p", [1, 2, 3])
def test_on_a_line_the_order_is_kept(p):
    x, y = cloud(500, 1, 1), 3 * cloud(500, 1, 2) - 1
    expected = (abs(np.sort(x[:, 0]) - np.sort(y[:, 0])) ** p).mean()
    solution = haul.exact(x, y, p=p)
    assert solution.value == pytest.approx(expected, rel=1e-12) and solution.proved
    np.testing.assert_array_equal(np.argsort(y[:, 0])[np.argsort(np.argsort(x[:, 0]))], solution.plan.permutation)
    assert haul.sliced(x, y, p=p, directions=3).value == pytest.approx(expected, rel=1e-12)


def test_a_part_of_the_mass_takes_the_short_ways():
    x, y = [[0.0], [10.0], [20.0]], [[1.0], [13.0], [29.0]]
    ones = np.ones(3)
    for mass, value in ((1, 1), (1.5, 1 + 0.5 * 9), (2, 10), (3, 91)):
        solution = haul.exact(x, y, ones, ones, partial=mass)
        assert solution.value == pytest.approx(value), mass
        assert solution.report["mass"] == mass and solution.plan.mass.sum() == pytest.approx(mass)
    # As much as possible, between masses that differ.
    solution = haul.exact(x, y[:2], ones, np.ones(2), partial=np.inf, p=1)
    assert solution.value == pytest.approx(4) and np.isnan(solution.map()[2]).all()
    with pytest.raises(haul.Error, match="masses differ"):
        haul.exact(x, y[:2], ones, np.ones(2))
    with pytest.raises(haul.Error, match="partial is 5"):
        haul.exact(x, y, ones, ones, partial=5)


def test_a_sparse_plan_is_an_operator():
    x, y, a, b = cloud(20, 2, 1), cloud(15, 2, 2), weights(20, 3), weights(15, 4)
    solution = haul.exact(x, y, a, b)
    plan, dense = solution.plan, np.asarray(solution.plan)
    assert plan.shape == dense.shape == (20, 15) and np.count_nonzero(dense) == len(plan)
    for v in (cloud(15, 3, 5), cloud(15, 1, 5)[:, 0], np.zeros((15, 0))):
        np.testing.assert_allclose(plan @ v, dense @ v, atol=1e-15)
    np.testing.assert_allclose(plan.T @ x, dense.T @ x, atol=1e-15)
    np.testing.assert_array_equal(np.asarray(plan.T), dense.T)
    assert (np.diff(plan.T.rows) >= 0).all() and plan.permutation is None
    for side, of in zip(plan.marginals(), (dense.sum(1), dense.sum(0))):
        np.testing.assert_allclose(side, of, atol=1e-15)
    np.testing.assert_allclose(solution.map(), dense @ y / dense.sum(1, keepdims=True), atol=1e-12)
    with pytest.raises(haul.Error, match="cannot be multiplied"):
        plan @ x
    with pytest.raises(haul.Error, match="has no points"):
        haul.exact_costs(costs(x, y)).map()
    shifted = haul.exact(x, np.roll(x, 3, axis=0)).plan
    np.testing.assert_array_equal(shifted.T.permutation[shifted.permutation], np.arange(20))
    assert repr(plan) == f"SparsePlan(20×15, {len(plan)} entries)"
    again = pickle.loads(pickle.dumps(solution))
    np.testing.assert_array_equal(again.plan.mass, plan.mass)
    np.testing.assert_array_equal(again.grad_y, solution.grad_y)


def test_a_sparse_plan_is_a_sparse_array_of_scipy():
    pytest.importorskip("scipy")
    plan = haul.exact(cloud(20, 2, 1), cloud(15, 2, 2)).plan
    np.testing.assert_array_equal(plan.tocoo().toarray(), np.asarray(plan))
    np.testing.assert_array_equal(plan.T.tocoo().toarray(), np.asarray(plan).T)


@pytest.mark.parametrize("p", [1, 1.5, 2])
def test_derivatives_are_differences_of_values(p):
    of = {"x": cloud(12, 2, 1), "y": cloud(9, 2, 2), "a": weights(12, 3), "b": weights(9, 4)}
    cases = ((haul.exact(**of, p=p), lambda **of: haul.exact(**of, p=p).value, ("x", "y")),
             (haul.sliced(**of, p=p), lambda **of: haul.sliced(**of, p=p).value, ("x",)))
    for result, value, names in cases:
        for name in names:
            step = 1e-6 * np.random.default_rng(7).normal(size=of[name].shape)
            expected = (value(**{**of, name: of[name] + step}) - value(**{**of, name: of[name] - step})) / 2
            found = (getattr(result, f"grad_{name}") * step).sum()
            assert found == pytest.approx(expected, rel=1e-4), name
            assert 2 * found != pytest.approx(expected, rel=1e-2)


def test_many_points_are_matched_to_their_images():
    # A shuffled move by t: W₂² = |t|², and the plan is the inverse of the shuffle.
    order = np.random.default_rng(0).permutation(1500)
    for d in (2, 9):
        x = cloud(1500, d, 1)
        solution = haul.exact(x, (x + 0.3)[order], device="cpu")
        assert solution.value == pytest.approx(0.09 * d, rel=1e-9) and solution.proved, repr(solution)
        np.testing.assert_array_equal(solution.plan.T.permutation, order)
        assert solution.report["device"] and solution.report["precision"] == "f64"


def test_progress_is_told_and_ends_a_solve():
    x, y = cloud(700, 2, 1), cloud(700, 2, 2)
    for solve in (lambda **of: haul.exact(x[:250], y[:250], **of), lambda **of: haul.exact_costs(costs(x, y), **of)):
        states = []
        solution = solve(progress=states.append)
        assert states and all(isinstance(state, haul.Progress) and state.goal == 1e-9 for state in states)
        assert solution.report["pivots"] >= states[-1].iteration

        def end(state):
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            solve(progress=end)


def test_what_is_not_proved_is_told():
    x, y = cloud(300, 9, 1), cloud(300, 9, 2)
    with pytest.warns(haul.NotConverged, match="precision=\"f64\"") as told:
        solution = haul.exact(x, y, tol=1e-12, precision="f32", device="cpu")
    assert told[0].filename == __file__ and "NOT within" in repr(solution)
    assert not solution.proved and solution.lower < solution.value
    assert haul.exact(x, y, device="cpu").value == pytest.approx(solution.value, rel=1e-6)


def test_results_show_themselves():
    text = repr(haul.exact([[0.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]]))
    assert "W_p^p" in text and "1 (between" in text and "a permutation" in text
    assert "<table>" in haul.exact_costs([[1.0]])._repr_html_()
    assert "±" in repr(haul.sliced([[0.0, 0.0]], [[1.0, 1.0]]))


@pytest.mark.parametrize(
    ("solve", "message"),
    [
        (lambda x: haul.exact(x, x[:, :1]), "dimension"),
        (lambda x: haul.exact(x, x, p=3), "p is 3"),
        (lambda x: haul.exact(x, x, p=0), "p is 0"),
        (lambda x: haul.exact(x, x, tol=-1), "tolerance is -1"),
        (lambda x: haul.exact(x, x, tol=np.nan), "tolerance is NaN"),
        (lambda x: haul.exact(x, x, partial=0), "partial is 0"),
        (lambda x: haul.exact(x, x, np.ones(3)), "weights"),
        (lambda x: haul.exact_costs(np.full((2, 2), np.inf)), "cost is inf"),
        (lambda x: haul.exact_costs(np.zeros((0, 2))), "empty"),
        (lambda x: haul.exact_costs(np.zeros((2, 2)), np.ones(3)), "costs|weights|masses"),
        (lambda x: haul.exact_costs(np.zeros(2)), "shape"),
        (lambda x: haul.sliced(x, x, p=0.5), "p is 0.5"),
        (lambda x: haul.sliced(x, x, directions=0), "directions is 0"),
        (lambda x: haul.sliced(x, x, directions=-1), "directions is -1"),
        (lambda x: haul.sliced(x, x, seed=-1), "seed is -1"),
    ],
)
def test_what_is_no_problem_is_refused(solve, message):
    with pytest.raises(haul.Error, match=message):
        solve(cloud(5, 2, 1))
