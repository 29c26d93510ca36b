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
    for arguments in ({}, {"reg": 1, "metric": "cityblock"}, {"reg": 1, "reg_type": "L2"}, {"reg": 1, "method": "lowrank"},
                      {"reg": 1, "unbalanced": 1, "unbalanced_type": "TV"}, {"reg": 1, "c": np.ones((5, 5))}):
        with pytest.raises(NotImplementedError):
            ot.solve_sample(x, x, **arguments)


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
