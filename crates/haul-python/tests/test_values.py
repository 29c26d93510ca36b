"""Values, potentials, plans and derivatives against matrices in f64."""

import numpy as np
import pytest
from reference import cloud, costs, divergence, dual, weights

import haul

TIGHT = {"tol": 1e-9, "precision": "f64", "device": "cpu"}


@pytest.fixture(params=[(2, np.inf), (1, np.inf), (1.5, 0.3), (2, 0.2)], ids=str)
def problem(request):
    p, rho = request.param
    x, y, a, b = cloud(40, 2, 1), cloud(30, 2, 2) + 0.2, weights(40, 3), weights(30, 4)
    return {"x": x, "y": y, "a": a, "b": b, "eps": 0.05, "p": p, "rho": rho}


def test_a_solution_is_that_of_stored_matrices(problem):
    x, y, a, b, eps, p, rho = problem.values()
    f, g, plan, value = dual(x, y, a, b, eps, p, rho)
    solution = haul.sinkhorn(**problem, **TIGHT)
    assert solution.value == pytest.approx(value, rel=1e-8)
    assert solution.lower <= value * (1 + 1e-9) and value * (1 - 1e-9) <= solution.upper
    assert solution.upper - solution.lower < 1e-7
    np.testing.assert_allclose(solution.plan[:], plan, atol=1e-9)
    # f + t and g − t are a solution as well.
    np.testing.assert_allclose(np.add.outer(solution.f, solution.g), np.add.outer(f, g), atol=1e-7)
    assert solution.transport_cost == pytest.approx((plan * costs(x, y, p)).sum(), rel=1e-7)
    # The control: another ε has another value.
    assert dual(x, y, a, b, 1.01 * eps, p, rho)[3] != pytest.approx(value, rel=1e-4)


def test_a_plan_is_an_operator(problem):
    solution = haul.sinkhorn(**problem, **TIGHT)
    plan, dense = solution.plan, solution.plan[:]
    v, u = cloud(30, 3, 5), cloud(40, 1, 6)[:, 0]
    np.testing.assert_allclose(plan @ v, dense @ v, atol=1e-12)
    np.testing.assert_allclose(plan.T @ u, dense.T @ u, atol=1e-12)
    np.testing.assert_allclose(solution.map(), dense @ problem["y"] / dense.sum(1, keepdims=True), atol=1e-7)
    np.testing.assert_allclose(solution.map(problem["x"][3:5]), solution.map()[3:5], atol=1e-7)
    np.testing.assert_array_equal(plan[3], dense[3])
    np.testing.assert_array_equal(plan[-1:5:-2], dense[-1:5:-2])
    np.testing.assert_array_equal(plan[7:7], dense[7:7])
    np.testing.assert_array_equal(plan.assignment(), dense.argmax(1))
    columns, masses = plan.top_k(2)
    np.testing.assert_array_equal(masses[:, 0], dense.max(1))
    np.testing.assert_array_equal(columns[:, 0], dense.argmax(1))
    np.testing.assert_allclose(np.asarray(plan), dense)
    for side, of in zip(plan.marginals(), (dense.sum(1), dense.sum(0))):
        np.testing.assert_allclose(side, of, atol=1e-12)
    with pytest.raises(haul.Error, match="cannot be multiplied"):
        plan @ u


@pytest.mark.parametrize("evaluate", [haul.sinkhorn, haul.divergence])
def test_a_value_without_a_certificate_is_the_same(problem, evaluate):
    certified, fast = (evaluate(**problem, **TIGHT, certificate=wanted) for wanted in (True, False))
    assert fast.value == pytest.approx(certified.value, rel=1e-13)
    assert np.isfinite(certified.upper) and fast.upper == np.inf and fast.lower <= fast.value
    for name in ("f", "g", "grad_x", "grad_a"):
        np.testing.assert_allclose(getattr(fast, name), getattr(certified, name), atol=1e-14)
    term, other = (fast, certified) if evaluate is haul.sinkhorn else (fast.ab, certified.ab)
    assert (term.report["certified"], other.report["certified"]) == (False, True)
    assert np.isnan(term.transport_cost) and np.isfinite(other.transport_cost)
    assert term.report["pairs"] < other.report["pairs"]
    assert "inf" in repr(fast) and fast.converged


@pytest.mark.parametrize("debiased", [False, True], ids=["OT", "S"])
def test_derivatives_are_differences_of_values(problem, debiased):
    evaluate = haul.divergence if debiased else haul.sinkhorn
    result = evaluate(**problem, **TIGHT)
    rng = np.random.default_rng(7)
    step = 1e-5
    balanced = np.isinf(problem["rho"])
    for name, slope in {"x": "grad_x", "y": "grad_y", "a": "grad_a", "b": "grad_b"}.items():
        direction = rng.normal(size=problem[name].shape)
        if name in "ab":
            direction *= problem[name]
            if balanced:
                direction -= direction.sum() * problem[name]
        ends = [evaluate(**{**problem, name: problem[name] + sign * step * direction}, **TIGHT).value for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * step)
        found = (getattr(result, slope) * direction).sum()
        # Values are off by 1e-9 or so, and their difference is divided by 2e-5.
        assert found == pytest.approx(expected, abs=2e-5), name
        assert abs(2 * found - expected) > 1e-4, f"{name}: a slope twice as large would pass"


def test_a_divergence_is_that_of_stored_matrices(problem):
    x, y, a, b, eps, p, rho = problem.values()
    value = divergence(x, y, a, b, eps, p, rho)
    result = haul.divergence(**problem, **TIGHT)
    assert result.value == pytest.approx(value, rel=1e-6, abs=1e-9)
    assert result.lower <= value + 1e-9 and value - 1e-9 <= result.upper
    terms = result.ab.value - result.aa.value / 2 - result.bb.value / 2 + eps / 2 * (a.sum() - b.sum()) ** 2
    assert result.value == pytest.approx(terms, abs=1e-12)
    same = haul.divergence(x, x, a, a, eps=eps, p=p, rho=rho, device="cpu")
    assert same.value == 0.0


def test_forms_and_near_pairs_have_one_value():
    x, y = cloud(3000, 2, 1), cloud(2500, 2, 2)
    all_pairs = haul.sinkhorn(x, y, blur=0.02, multiscale=False, tol=1e-4, device="cpu")
    near = haul.sinkhorn(x, y, blur=0.02, multiscale=True, tol=1e-4, device="cpu")
    assert near.report["pairs"] < 0.5 * all_pairs.report["pairs"] and near.report["kept"] < 0.5
    assert all_pairs.report["kept"] == 1.0
    assert near.lower <= all_pairs.upper and all_pairs.lower <= near.upper
    assert near.value == pytest.approx(all_pairs.value, rel=1e-3)
    x, y = x[:50], y[:40]
    log, scaling = (haul.divergence(x, y, blur=0.2, form=form, **TIGHT) for form in ("log", "scaling"))
    assert scaling.value == pytest.approx(log.value, rel=1e-7)
    assert scaling.ab.report["stages"] != log.ab.report["stages"]


def test_masses_and_sides():
    x, y = cloud(20, 2, 1), cloud(25, 2, 2)
    a, b = 2 * weights(20, 3), weights(25, 4)
    with pytest.raises(haul.Error, match="masses differ"):
        haul.sinkhorn(x, y, a, b, blur=0.2)
    one_side = haul.sinkhorn(x, y, a, b, blur=0.2, rho=(0.3, None), **TIGHT)
    sums = one_side.plan.marginals()
    np.testing.assert_allclose(sums[1], b, atol=1e-8)
    assert abs(sums[0] - a).sum() > 0.1
    assert haul.sinkhorn(x, y, a, b, blur=0.2, reach=0.5, **TIGHT).report["rho_a"] == pytest.approx(0.25)


def test_energies_are_means_over_pairs():
    x, y, a, b = cloud(20, 3, 1), cloud(25, 3, 2), weights(20, 3), weights(25, 4)

    def mean(kernel):
        return (lambda s, t, u, v: u @ kernel(s, t) @ v)

    e = mean(lambda s, t: costs(s, t, 1))
    expected = e(x, y, a, b) - e(x, x, a, a) / 2 - e(y, y, b, b) / 2
    result = haul.energy(x, y, a, b, precision="f64")
    assert result.value == pytest.approx(expected, rel=1e-12)
    assert result.lower <= expected <= result.upper
    k = mean(lambda s, t: np.exp(-costs(s, t, 2) / (2 * 0.3**2)))
    expected = k(x, x, a, a) + k(y, y, b, b) - 2 * k(x, y, a, b)
    result = haul.energy(x, y, a, b, kernel="gaussian", blur=0.3, precision="f64")
    assert result.value == pytest.approx(expected, rel=1e-12)
    step = np.random.default_rng(0).normal(size=x.shape)
    for name, of in (("grad_x", lambda t: (x + t * step, y, a, b)), ("grad_y", lambda t: (y, x + t * step, b, a))):
        value = lambda t: haul.energy(*of(t), kernel="gaussian", blur=0.3, precision="f64").value
        slope = (getattr(haul.energy(*of(0), kernel="gaussian", blur=0.3, precision="f64"), name) * step).sum()
        assert slope == pytest.approx((value(1e-6) - value(-1e-6)) / 2e-6, rel=1e-6)
    masses = haul.energy(x, y, a, b, kernel="laplacian", blur=0.3, precision="f64")
    shift = np.eye(25)[3]
    value = lambda t: haul.energy(x, y, a, b + t * shift, kernel="laplacian", blur=0.3, precision="f64").value
    assert masses.grad_b[3] == pytest.approx((value(1e-6) - value(-1e-6)) / 2e-6, rel=1e-6)


def test_a_batch_is_a_loop():
    clouds = [cloud(n, d, n) for n, d in ((5, 1), (40, 2), (33, 3), (1, 2), (300, 2))]
    problems = [(x, x + 0.1) for x in clouds] + [(clouds[1], clouds[4], weights(40, 1), weights(300, 2))]
    for debiased, one in ((True, haul.divergence), (False, haul.sinkhorn)):
        results = haul.batch(problems, debiased=debiased, blur=0.1, device="cpu")
        for result, problem in zip(results, problems):
            alone = one(*problem, blur=0.1, device="cpu")
            assert result.value == alone.value
            np.testing.assert_array_equal(result.grad_x, alone.grad_x)
    assert haul.batch([]) == []
    with pytest.raises(haul.Error, match="3 parts"):
        haul.batch([(clouds[0], clouds[0], weights(5, 1))])
    with pytest.raises(haul.Error, match="input 2: .*dimension 1, the second 2"):
        haul.batch([problems[0], (clouds[0], clouds[1])])


def test_pairwise_is_every_pair():
    clouds = [cloud(n, 2, n) + shift for n, shift in ((20, 0.0), (30, 0.5), (25, 1.0))]
    table = haul.pairwise([*clouds, (clouds[0], weights(20, 1))], blur=0.1, tol=1e-6)
    assert table.value.shape == (4, 4) and table.converged
    np.testing.assert_array_equal(table.value, table.value.T)
    alone = haul.divergence(clouds[0], clouds[2], blur=0.1, tol=1e-6)
    assert table.value[0, 2] == pytest.approx(alone.value, rel=1e-6)
    assert (table.lower <= table.value + 1e-12).all() and (table.value <= table.upper + 1e-12).all()
    np.testing.assert_array_equal(np.asarray(table), table.value)
    with pytest.raises(haul.Error, match="one space"):
        haul.pairwise([cloud(3, 2, 0), cloud(3, 3, 0)])


def test_a_barycenter_of_bumps_is_a_bump_between_them():
    at = np.linspace(0, 1, 41)
    grid = np.stack(np.meshgrid(at, at, indexing="ij"), -1)

    def bump(centre):
        image = np.exp(-((grid - centre) ** 2).sum(-1) / 0.005)
        return image / image.sum()

    images = [bump((0.3, 0.3)), bump((0.7, 0.5))]
    average = haul.barycenter([haul.Measure.grid(image, 1 / 40) for image in images], [0.75, 0.25], blur=0.05)
    assert average.weights.shape == (41, 41) and average.converged
    np.testing.assert_allclose(np.tensordot(average.weights, grid, 2), [0.4, 0.35], atol=1e-3)
    np.testing.assert_allclose(average.weights, bump((0.4, 0.35)), atol=2e-4)
    assert abs(images[0] - bump((0.4, 0.35))).max() > 2e-3  # the control
    assert average.lower <= average.value + 1e-9 and average.terms.shape == (2,)
    # Clouds, on a support of their own.
    support = np.linspace(-1, 2, 61)[:, None]
    clouds = [np.linspace(0, 0.2, 20)[:, None], np.linspace(0.8, 1.0, 20)[:, None]]
    average = haul.barycenter(clouds, support=support, blur=0.1)
    assert average.weights @ support[:, 0] == pytest.approx(0.5, abs=1e-3)
    assert len(average.potentials) == 2 and average.potentials[0][0].shape == (61,)
    with pytest.raises(haul.Error, match="kind"):
        haul.barycenter(clouds, kind="sharp")
    with pytest.raises(haul.Error, match="input 2"):
        haul.barycenter([clouds[0], (clouds[1], np.ones(20))], blur=0.1)


def test_what_did_not_converge_is_told():
    x, y = cloud(50, 2, 1), cloud(50, 2, 2)
    with pytest.warns(haul.NotConverged, match="2 iterations") as told:
        solution = haul.sinkhorn(x, y, blur=0.02, max_iterations=2)
    assert told[0].filename == __file__
    assert not solution.converged and solution.lower < solution.upper
    assert "NOT within" in repr(solution)
    with pytest.warns(haul.NotConverged):
        assert not haul.divergence(x, y, blur=0.02, max_iterations=2).converged
    tight = haul.sinkhorn(x, y, blur=0.1, start=(solution.f, solution.g))
    assert tight.converged


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eps": -1.0}, "ε|epsilon"),
        ({"eps": 0.1, "blur": 0.1}, "both given"),
        ({"reach": 0.1, "rho": 0.1}, "both given"),
        ({"p": 3.0}, "p is 3"),
        ({"tol": 0.0}, "tolerance is 0"),
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"max_iterations": -1}, "max_iterations is -1"),
        ({"reach": -0.1}, "reach|rho"),
        ({"rho": (1, 2, 3)}, "3 sides"),
        ({"tol": 1e-9, "precision": "f32"}, "below"),
        ({"device": "no such adapter"}, "no such adapter"),
        ({"device": "gpu", "precision": "f64"}, "no f64"),
        ({"start": ([0.0], [0.0])}, "values where"),
        ({"form": "linear"}, "form is"),
        ({"form": "scaling", "multiscale": True}, "scaling|form"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(haul.Error, match=message):
        haul.sinkhorn(cloud(5, 2, 1), cloud(6, 2, 2), **{"blur": 0.1, **arguments} if "eps" not in arguments else arguments)
