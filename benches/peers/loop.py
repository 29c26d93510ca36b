"""A training loop of torch that runs unchanged with GeomLoss or haul: a generator learns to make a spiral.

    python benches/peers/loop.py            # haul
    python benches/peers/loop.py geomloss   # GeomLoss
"""

import math
import sys
import time

import torch

if sys.argv[1:] == ["geomloss"]:
    from geomloss import SamplesLoss
else:
    from haul.torch import SamplesLoss


def spiral(n):
    turn = 3 * math.pi * torch.rand(n, 1).sqrt()
    return turn / 8 * torch.cat([turn.cos(), turn.sin()], 1) + 0.02 * torch.randn(n, 2)


torch.manual_seed(0)
generator = torch.nn.Sequential(
    torch.nn.Linear(2, 128),
    torch.nn.ReLU(),
    torch.nn.Linear(128, 128),
    torch.nn.ReLU(),
    torch.nn.Linear(128, 2),
)
optimizer = torch.optim.Adam(generator.parameters(), lr=2e-3)
loss = SamplesLoss("sinkhorn", p=2, blur=0.05)

start = time.perf_counter()
for step in range(301):
    made = generator(torch.randn(500, 2))
    value = loss(made, spiral(500))
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    if step % 100 == 0:
        print(f"step {step:3}: {value.item():.5f}")

with torch.no_grad():
    final = SamplesLoss("sinkhorn", p=2, blur=0.05)(generator(torch.randn(2000, 2)), spiral(2000))
print(f"2000 points made and 2000 of the spiral: {final.item():.5f}, {time.perf_counter() - start:.1f} s")
assert final.item() < 0.02
