"""The loss with GeomLoss's conventions."""

import warnings

import numpy as np
import pytest
from reference import cloud, costs, divergence, dual, weights

torch = pytest.importorskip("torch")

import haul  # noqa: E402
from haul.torch import SamplesLoss  # noqa: E402

TIGHT = {"tol": 1e-10, "precision": "f64"}


def tensors(*arrays, **options):
    return tuple(torch.tensor(of, **options) for of in arrays)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("reach", [None, 0.5])
@pytest.mark.parametrize("debias", [True, False])
def test_values_are_those_of_geomloss(p, reach, debias):
    x, y, a, b = cloud(30, 2, 1), cloud(20, 2, 2) + 0.2, weights(30, 3), weights(20, 4)
    # GeomLoss: cost |x − y|^p/p, ε = blur^p, ρ = reach^p. The reference takes |x − y|^p.
    of = (p * 0.2**p, p, np.inf if reach is None else p * reach**p)
    expected = divergence(x, y, a, b, *of) if debias else dual(x, y, a, b, *of)[3]
    loss = SamplesLoss("sinkhorn", p=p, blur=0.2, reach=reach, debias=debias, **TIGHT)
    found = loss(*tensors(a, x, b, y))
    assert found.shape == () and found.dtype == torch.float64
    assert found.item() == pytest.approx(expected / p, rel=1e-6)


@pytest.mark.parametrize("reach", [None, 0.5])
@pytest.mark.parametrize("debias", [True, False])
@pytest.mark.parametrize("p", [1, 2])
def test_gradcheck(p, debias, reach):
    x, y = tensors(cloud(6, 2, 1), cloud(5, 2, 2) + 0.2, requires_grad=True)
    loss = SamplesLoss("sinkhorn", p=p, blur=0.3, reach=reach, debias=debias, **TIGHT)
    assert torch.autograd.gradcheck(loss, (x, y), eps=1e-5, atol=1e-5)
    a, b = tensors(weights(6, 3), weights(5, 4), requires_grad=True)
    if reach is not None:
        weighted = lambda a, b: loss(a, x.detach(), b, y.detach())
        assert torch.autograd.gradcheck(weighted, (a, b), eps=1e-5, atol=1e-5)
    else:
        # Only changes that keep the mass have a value.
        kept = lambda a, b: loss(a / a.sum(), x.detach(), b / b.sum(), y.detach())
        assert torch.autograd.gradcheck(kept, (a, b), eps=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["energy", "gaussian", "laplacian"])
def test_kernels(name):
    x, y, a, b = cloud(12, 2, 1), cloud(9, 2, 2), weights(12, 3), weights(9, 4)
    kernel = {
        "energy": lambda s, t: -costs(s, t, 1),
        "gaussian": lambda s, t: np.exp(-costs(s, t, 2) / (2 * 0.3**2)),
        "laplacian": lambda s, t: np.exp(-costs(s, t, 1) / 0.3),
    }[name]
    expected = a @ kernel(x, x) @ a / 2 + b @ kernel(y, y) @ b / 2 - a @ kernel(x, y) @ b
    loss = SamplesLoss(name, blur=0.3, precision="f64")
    x, y, a, b = tensors(x, y, a, b)
    assert loss(a, x, b, y).item() == pytest.approx(expected, rel=1e-6)
    points = [of.requires_grad_() for of in (x, y)]
    assert torch.autograd.gradcheck(lambda x, y: loss(a, x, b, y), points, eps=1e-6, atol=1e-6)


def test_batches_are_loops_and_shapes_are_kept():
    x, y = tensors(np.stack([cloud(8, 3, k) for k in range(4)]), np.stack([cloud(7, 3, k + 9) for k in range(4)]))
    x.requires_grad_()
    loss = SamplesLoss(blur=0.3)
    values = loss(x, y)
    assert values.shape == (4,)
    (values * torch.arange(4)).sum().backward()
    for k in range(4):
        alone = x[k].detach().clone().requires_grad_()
        value = loss(alone, y[k])
        assert value.shape == () and value == values[k]
        value.backward()
        torch.testing.assert_close(x.grad[k], k * alone.grad)
    a, b = (torch.full((4, n), 1 / n, dtype=torch.float64) for n in (8, 7))
    torch.testing.assert_close(loss(a[..., None], x, b[..., None], y), values)
    f, g = SamplesLoss(blur=0.3, potentials=True)(a, x, b, y)
    assert f.shape == (4, 8) and g.shape == (4, 7) and not f.requires_grad


def test_potentials_and_weights_have_geomloss_s_constants():
    x, y, a, b = cloud(30, 2, 1), cloud(20, 2, 2), weights(30, 3), weights(20, 4)
    f, g, plan, value = dual(x, y, a, b, 2 * 0.3**2)
    x, y, a, b = tensors(x, y, a, b)
    ours = SamplesLoss(blur=0.3, debias=False, potentials=True, **TIGHT)(a, x, b, y)
    sums = ours[0][:, None] + ours[1]
    np.testing.assert_allclose(sums, np.add.outer(f, g) / 2, atol=1e-8)
    a.requires_grad_(), b.requires_grad_()
    total = SamplesLoss(blur=0.3, debias=False, **TIGHT)(a, x, b, y)
    total.backward()
    assert (a * a.grad).sum().item() == pytest.approx(value / 4, rel=1e-6)
    # Plans are made of them, as POT does.
    made = a.detach()[:, None] * b.detach() * torch.exp((a.grad[:, None] + b.grad - torch.cdist(x, y) ** 2 / 2) / 0.3**2)
    np.testing.assert_allclose(made, plan, atol=1e-8)


def test_each_side_has_its_reach():
    x, y, a, b = tensors(cloud(30, 2, 1), cloud(20, 2, 2) + 0.2, weights(30, 3), weights(20, 4))
    for reach in ((0.5, None), (0.5, 2.0)):
        found = SamplesLoss(blur=0.2, reach=reach, debias=False, **TIGHT)(a, x, b, y)
        rho = [None if side is None else 2 * side**2 for side in reach]
        same = haul.sinkhorn(x, y, a, b, eps=2 * 0.2**2, rho=tuple(rho), tol=1e-10, precision="f64")
        assert found.item() == pytest.approx(same.value / 2, rel=1e-9)
    kept = SamplesLoss(blur=0.2, reach=(None, None), debias=False, **TIGHT)(a, x, b, y)
    assert kept.item() == pytest.approx(SamplesLoss(blur=0.2, debias=False, **TIGHT)(a, x, b, y).item(), rel=1e-12)


def test_potentials_have_the_shapes_of_the_weights():
    x, y, a, b = tensors(cloud(6, 2, 1), cloud(5, 2, 2), weights(6, 3), weights(5, 4))
    loss = SamplesLoss(blur=0.3, debias=False, potentials=True)
    flat = loss(a, x, b, y)
    f, g = loss(a[:, None], x, b[:, None], y)
    assert f.shape == (6, 1) and g.shape == (5, 1)
    assert torch.equal(f[:, 0], flat[0]) and torch.equal(g[:, 0], flat[1])
    assert [of.shape for of in loss(x[None], y[None])] == [(1, 6), (1, 5)]


def test_types_and_devices_are_those_of_the_points():
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        x = torch.rand(9, 2, dtype=dtype, requires_grad=True)
        value = SamplesLoss(blur=0.3)(x, torch.rand(8, 2, dtype=dtype))
        value.backward()
        assert value.dtype == x.grad.dtype == dtype


def test_what_has_no_meaning_is_told_once_and_what_is_missing_is_refused():
    with pytest.warns(UserWarning, match="scaling"):
        SamplesLoss(scaling=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SamplesLoss(scaling=0.9)
    for settings in ({"loss": "hausdorff"}, {"p": 3}, {"cost": abs}, {"loss": "energy", "potentials": True}):
        with pytest.raises(haul.Error):
            SamplesLoss(**settings)
    x = torch.rand(5, 2)
    for arguments in ((x,), (x, x[0]), (x, torch.rand(5, 3)), (torch.rand(4), x, torch.rand(5), x)):
        with pytest.raises(ValueError):
            SamplesLoss()(*arguments)
    with pytest.raises(RuntimeError, match="differentiable once"):
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(SamplesLoss(blur=0.3)(y, x + 1), y, create_graph=True)
        torch.autograd.grad(slope.sum(), y)


def test_a_loader_with_workers():
    data = torch.utils.data.TensorDataset(torch.arange(4))
    SamplesLoss(blur=0.3, device="cpu")(torch.rand(300, 2), torch.rand(300, 2))

    def collate(batch):
        generator = torch.Generator().manual_seed(int(batch[0][0]))
        x = torch.rand(400, 2, generator=generator)
        return SamplesLoss(blur=0.1, device="cpu")(x, x + 0.5)

    values = list(torch.utils.data.DataLoader(data, num_workers=2, collate_fn=collate, multiprocessing_context="fork"))
    torch.testing.assert_close(torch.stack(values), torch.full((4,), 0.25), atol=1e-3, rtol=0)
