"""The names of POT, scikit-learn and jax."""

import numpy as np
import pytest
from reference import cloud, costs, dual, weights

import haul
import haul.ot as ot


@pytest.mark.parametrize("explicit", [False, True], ids=["solve_sample", "solve"])
@pytest.mark.parametrize("rho", [None, 0.3])
def test_results_are_those_of_pot(explicit, rho):
    x, y, a, b = cloud(20, 2, 1), cloud(15, 2, 2), weights(20, 3), weights(15, 4)
    c = costs(x, y)
    f, g, plan, value = dual(x, y, a, b, 0.1, 2, np.inf if rho is None else rho)
    arguments = {"reg": 0.1, "unbalanced": rho}
    solved = ot.solve(c, a, b, **arguments) if explicit else ot.solve_sample(x, y, a, b, **arguments)
    assert solved.value == pytest.approx(value, rel=1e-6) and solved.status == "Converged"
    assert solved.value_linear == pytest.approx((c * plan).sum(), rel=1e-6)
    np.testing.assert_allclose(solved.plan, plan, atol=1e-7)
    np.testing.assert_allclose(np.exp(np.add.outer(*solved.potentials) - c / 0.1), plan, atol=1e-7)
    np.testing.assert_allclose(solved.marginal_a, plan.sum(1), atol=1e-7)
    np.testing.assert_allclose(solved.marginals[1], plan.sum(0), atol=1e-7)
    assert solved.log["lower_bound"] <= value + 1e-9 and value - 1e-9 <= solved.log["upper_bound"]
    if not explicit:
        lazy = solved.lazy_plan
        assert lazy.shape == (20, 15) and repr(lazy) == "Plan(20×15, not stored)"
        np.testing.assert_allclose(lazy[:], plan, atol=1e-7)
        np.testing.assert_allclose(lazy.T @ x, plan.T @ x, atol=1e-7)
        assert ot.solve_sample(x, y, a, b, lazy=True, **arguments).plan is None
    if rho is None:
        entropy = ot.solve(c, a, b, 0.1, reg_type="entropy").value
        assert entropy == pytest.approx((c * plan + 0.1 * plan * np.log(plan)).sum(), rel=1e-6)
        assert ot.sinkhorn2(a, b, c, 0.1) == pytest.approx((c * plan).sum(), rel=1e-6)


def test_what_pot_has_and_haul_has_not_is_refused():
    x = cloud(5, 2, 1)
    for arguments in ({"unbalanced": 1}, {"method": "sinkhorn"}, {"reg": 1, "metric": "cityblock"}, {"reg": 1, "reg_type": "L2"}, {"reg": 1, "method": "lowrank"},
                      {"reg": 1, "unbalanced": 1, "unbalanced_type": "TV"}, {"reg": 1, "c": np.ones((5, 5))}):
        with pytest.raises(NotImplementedError):
            ot.solve_sample(x, x, **arguments)


@pytest.mark.parametrize("reg, unbalanced", [(0.1, 0.03), (0.01, 0.01), (0.01, 0.1), (1e-3, 0.03), (0.5, (0.1, 0.3))])
def test_penalties_may_be_small_beside_a_matrix_of_costs(reg, unbalanced):
    c, a, b = 10 * np.random.default_rng(0).random((6, 5)), weights(6, 3), weights(5, 4)
    a[2] = 0.0
    solved = ot.solve(c, a, b, reg, unbalanced=unbalanced)
    # Its potentials are a fixed point, its plan is theirs, and its value that of the plan.
    f, g = solved._solved.f, solved._solved.g
    plan = a[:, None] * b * np.exp((f[:, None] + g - c) / reg)
    np.testing.assert_allclose(solved.plan, plan, rtol=1e-12)
    rho = np.broadcast_to(unbalanced, 2)
    np.testing.assert_allclose(plan.sum(1), a * np.exp(-f / rho[0]), atol=1e-6)
    np.testing.assert_allclose(plan.sum(0), b * np.exp(-g / rho[1]), atol=1e-6)

    def divergence(p, q):
        there = p > 0
        return (p[there] * np.log(p[there] / q[there])).sum() - p.sum() + q.sum()

    value = (plan * c).sum() + reg * divergence(plan.ravel(), np.outer(a, b).ravel())
    value += rho[0] * divergence(plan.sum(1), a) + rho[1] * divergence(plan.sum(0), b)
    assert solved.value == pytest.approx(value, rel=1e-5) and solved.status == "Converged"
    assert solved.log["lower_bound"] <= value and value <= solved.log["upper_bound"] + 1e-12
    # The constant costs 0, of which only mass is left: (1 + ε)(1 − m) terms of one number.
    flat = ot.solve(np.zeros((6, 5)), a, b, 1e-4, unbalanced=0.003)
    np.testing.assert_allclose(flat.plan, np.outer(a, b) * flat.plan.sum() / (a.sum() * b.sum()), atol=1e-9)
    # With costs of a smaller span both ways of solving meet.
    near = [ot.solve(c / scale, a, b, 1.0, unbalanced=1.0).value for scale in (5.0, 5.2)]
    assert near[0] > near[1] > 0.97 * near[0]


@pytest.mark.parametrize("scale, unbalanced", [(10.0, 0.1), (1.0, 3.0), (1.0, (3.0, np.inf))])
def test_derivatives_in_weights_with_penalties(scale, unbalanced):
    torch = pytest.importorskip("torch")
    c, h = scale * np.random.default_rng(0).random((6, 5)), 1e-5

    def value(a, b):
        return ot.solve(c, a, b, 0.5, unbalanced=unbalanced, tol=1e-11).value

    a, b = (torch.tensor(weights(n, n), requires_grad=True) for n in (6, 5))
    value(a, b).backward()
    a, b, slopes = a.detach().numpy(), b.detach().numpy(), [a.grad.numpy(), b.grad.numpy()]
    for side, n in ((0, 6), (1, 5)):
        found = []
        for i in range(n):
            step = h * np.eye(n)[i]
            near = [value(a + sign * step, b) if side == 0 else value(a, b + sign * step) for sign in (1, -1)]
            found.append((near[0] - near[1]) / (2 * h))
        np.testing.assert_allclose(slopes[side], found, rtol=1e-5, atol=1e-7)


def test_exact_results_are_those_of_pot():
    x, y, a, b = cloud(20, 2, 1), cloud(15, 2, 2), weights(20, 3), weights(15, 4)
    c = costs(x, y)
    found = haul.exact_costs(c, a, b)
    dense = np.asarray(found.plan)
    for solved in (ot.solve(c, a, b), ot.solve_sample(x, y, a, b), ot.solve_sample(x, y, a, b, reg=0)):
        assert solved.value == solved.value_linear == pytest.approx(found.value, rel=1e-12)
        np.testing.assert_allclose(solved.plan, dense, atol=1e-12)
        u, v = solved.potentials
        assert a @ u == pytest.approx(b @ v) and a @ u + b @ v == pytest.approx(found.value)
        assert (np.add.outer(u, v) <= c + 1e-9).all() and solved.status == "Converged" and solved.lazy_plan is None
        np.testing.assert_allclose(solved.marginal_b, b, atol=1e-12)
    lazy = ot.solve_sample(x, y, a, b, lazy=True, metric="euclidean")
    assert lazy.plan.shape == (20, 15) and lazy.value == pytest.approx(haul.exact(x, y, a, b, p=1).value)
    np.testing.assert_allclose(ot.emd(a, b, c), dense, atol=1e-12)
    plan, log = ot.emd(a, b, c, log=True, center_dual=False)
    assert log["cost"] == pytest.approx((plan * c).sum()) and log["warning"] is None
    np.testing.assert_allclose(log["u"], found.f, atol=1e-12)
    many = ot.emd2(a, np.stack([b, b[::-1]], 1), c)
    assert many == [ot.emd2(a, b, c), ot.emd2(a, b[::-1], c)] and many[0] != pytest.approx(many[1], rel=1e-3)
    value, log = ot.emd2([], [], c[:15], return_matrix=True)
    assert value == log["cost"] == pytest.approx(haul.exact_costs(c[:15]).value)
    np.testing.assert_allclose(log["G"].sum(0), np.full(15, 1 / 15))
    # The dtype of the weights, floats in any case.
    single = ot.emd(a.astype("f4"), b.astype("f4"), c)
    assert single.dtype == ot.emd2(a.astype("f4"), b.astype("f4"), c).dtype == np.float32
    np.testing.assert_array_equal(ot.emd([1, 1], [1, 1], [[0, 1], [1, 0]]), np.eye(2))


def test_arrays_of_jax_come_back_as_such():
    jax = pytest.importorskip("jax")
    x, y = (jax.numpy.asarray(cloud(6, 2, seed)) for seed in (1, 2))
    c = ((x[:, None] - y) ** 2).sum(-1)
    expected = haul.exact(x, y)
    assert isinstance(expected.plan.mass, np.ndarray)
    plan, value = ot.emd([], [], c), ot.emd2([], [], c)
    assert isinstance(plan, jax.Array) and isinstance(value, jax.Array) and plan.dtype == c.dtype
    np.testing.assert_allclose(plan, np.asarray(expected.plan), atol=1e-6)
    assert float(value) == pytest.approx(expected.value, rel=1e-5)
    solved = ot.solve_sample(x, y, reg=0.1)
    assert all(isinstance(of, jax.Array) for of in (solved.plan, *solved.potentials, solved.lazy_plan[:2]))
    points = haul.quantize(x, 2)
    np.testing.assert_array_equal(points.points, haul.quantize(np.asarray(x), 2).points)


def test_weights_that_do_not_fit_costs_are_what_pot_says():
    c = np.ones((3, 2))
    for a, b in ((np.ones(2) / 2, np.ones(2) / 2), (np.ones(3), np.ones(2))):
        for function in (ot.emd, ot.emd2, lambda a, b, c: ot.solve(c, a, b)):
            with pytest.raises(AssertionError) as told:
                function(a, b, c)
            assert isinstance(told.value, haul.Error)
    np.testing.assert_allclose(ot.emd(np.ones(3), np.ones(2), c, check_marginals=False).sum(), 3)
    sparse = pytest.importorskip("scipy.sparse")
    np.testing.assert_array_equal(ot.solve(c).sparse_plan.toarray(), ot.solve(c).plan)
    with pytest.raises(NotImplementedError, match="sparse"):
        ot.emd([], [], sparse.coo_array(c))


def test_exact_values_of_pot_are_differentiable():
    torch = pytest.importorskip("torch")
    x = torch.tensor(cloud(7, 2, 1), requires_grad=True)
    y, a, b = torch.tensor(cloud(6, 2, 2)), torch.tensor(weights(7, 3)), torch.tensor(weights(6, 4))
    assert torch.autograd.gradcheck(lambda x: ot.solve_sample(x, y, a, b).value, (x,), eps=1e-6, atol=1e-6)
    costs_of = lambda x: ot.emd2(a, b, (x[:, None] - y).square().sum(-1))
    assert torch.autograd.gradcheck(costs_of, (x,), eps=1e-6, atol=1e-6)
    c = (x.detach()[:, None] - y).square().sum(-1)
    of_weights = lambda a: ot.emd2(a / a.sum(), b, c)
    assert torch.autograd.gradcheck(of_weights, (a.requires_grad_(),), eps=1e-6, atol=1e-6)
    plan = ot.emd(a.detach().float(), b.float(), c)
    assert plan.dtype == torch.float32 and plan.sum().item() == pytest.approx(1)
    assert ot.solve(c).sparse_plan.is_sparse


def test_values_of_pot_are_differentiable():
    torch = pytest.importorskip("torch")
    x = torch.tensor(cloud(7, 2, 1), requires_grad=True)
    y, a = torch.tensor(cloud(6, 2, 2)), torch.tensor(weights(7, 3))
    value = lambda x: ot.solve_sample(x, y, a, reg=0.2, tol=1e-10).value
    assert torch.autograd.gradcheck(value, (x,), eps=1e-5, atol=1e-5)
    costs_of = lambda x: ot.solve((x[:, None] - y).square().sum(-1), a, reg=0.2, tol=1e-10).value
    assert torch.autograd.gradcheck(costs_of, (x,), eps=1e-5, atol=1e-5)
    entropy = lambda a: ot.solve_sample(x.detach(), y, a / a.sum(), reg=0.2, tol=1e-10, reg_type="entropy").value
    assert torch.autograd.gradcheck(entropy, (a.requires_grad_(),), eps=1e-5, atol=1e-5)
    assert not ot.solve_sample(x, y, a, reg=0.2, grad="detach").value.requires_grad
    solved = ot.solve_sample(x, y, a, reg=0.2)
    assert all(isinstance(of, torch.Tensor) for of in (solved.plan, solved.lazy_plan[:], *solved.potentials))


def test_a_transformer_of_scikit_learn():
    pytest.importorskip("sklearn")
    from sklearn.base import clone
    from sklearn.exceptions import ConvergenceWarning, NotFittedError

    from haul.sklearn import TransportMap

    x, y = cloud(100, 2, 1), cloud(120, 2, 2) + 3
    transport = clone(TransportMap(blur=0.1, tol=1e-4))
    assert transport.get_params()["blur"] == 0.1
    with pytest.raises(NotFittedError):
        transport.transform(x)
    fitted = transport.fit(x, y)
    np.testing.assert_array_equal(fitted.transform(x[:7]), haul.sinkhorn(x, y, blur=0.1, tol=1e-4).map(x[:7]))
    with pytest.warns(ConvergenceWarning):
        TransportMap(blur=0.01, max_iterations=1).fit(x, y)


def test_derivatives_of_jax():
    jax = pytest.importorskip("jax")
    from haul.jax import sinkhorn_divergence

    with jax.enable_x64(True):
        x, y = jax.numpy.asarray(cloud(9, 2, 1)), jax.numpy.asarray(cloud(8, 2, 2))
        loss = lambda x: sinkhorn_divergence(x, y, blur=0.3, tol=1e-9)
        value, slope = jax.jit(jax.value_and_grad(loss))(x)
        alone = haul.divergence(np.asarray(x), np.asarray(y), blur=0.3, tol=1e-9)
        assert float(value) == pytest.approx(alone.value, rel=1e-12)
        np.testing.assert_allclose(slope, alone.grad_x, rtol=1e-12)
        many = jax.vmap(jax.grad(lambda x: 2 * loss(x)))(jax.numpy.stack([x, x + 1]))
        np.testing.assert_allclose(many[0], 2 * slope, rtol=1e-12)
