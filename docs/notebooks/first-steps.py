# %% [markdown]
# # Notebook: first steps
#
# Two clouds of points, the distance between them with its bounds, a map that carries one onto the other, and points that
# follow the gradient.

# %%
import numpy as np
import haul
from drawing import Panel, Picture

rng = np.random.default_rng(0)
angle, radius = rng.uniform(0, 2 * np.pi, 250), np.sqrt(rng.uniform(0, 1, 250))
disc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
turn = rng.uniform(0, np.pi, 300)
upper = np.arange(300) < 150
moons = np.column_stack([np.cos(turn) + 3.0, np.where(upper, np.sin(turn), -np.sin(turn))]) + rng.normal(0, 0.07, (300, 2))
moons[~upper] += [1.0, 0.4]
Picture("A disc of points on the left, two moons on the right", Panel("disc and moons", disc, moons))

# %% [markdown]
# `haul.divergence` compares the clouds. Its value S_ε is 0 for equal clouds and |t|² for a cloud moved by t; `distance` is its
# root, a length. The true value lies between the bounds, whether or not the iteration converged.

# %%
result = haul.divergence(disc, moons, blur=0.1)
print(f"distance {result.distance:.2f}, S_ε {result.value:.1f}")
result.lower <= result.value <= result.upper, result.converged

# %% [markdown]
# Much of that is the way between the centres. With both centres in one place, what is left is the difference in shape:

# %%
apart = moons.mean(0) - disc.mean(0)
shape = haul.divergence(disc + apart, moons, blur=0.1)
print(f"centres {np.hypot(*apart):.2f} apart, shapes {shape.distance:.2f}")

# %% [markdown]
# `haul.sinkhorn` has the plan, which is never stored, and the map: where the mass of each point goes, in the mean.

# %%
solution = haul.sinkhorn(disc, moons, blur=0.1)
moved = solution.map()
some = slice(None, None, 4)
Picture(
    "Thin lines lead from the disc to the moons, where the moved points lie",
    Panel("where the points of the disc go", disc, moons, moved, arrows=(disc[some], moved[some])),
)

# %% [markdown]
# The blur is the length below which differences are smoothed. A map with a large one keeps inside the target:

# %%
panels = [
    Panel(f"blur {blur}", haul.sinkhorn(disc, moons, blur=blur).map(), moons) for blur in (0.05, 0.3, 1.0)
]
Picture("Three panels: the moved disc fills the moons at blur 0.05, and shrinks towards their middle at blur 1", *panels)

# %% [markdown]
# The gradient says how each point would have to move. `n/2 ∂S_ε/∂xᵢ` is minus the way from xᵢ to where its mass goes, so that a few
# steps carry the points over:

# %%
points, values = disc.copy(), []
for step in range(8):
    found = haul.divergence(points, moons, blur=0.2)
    values.append(found.value)
    points -= 0.5 * len(points) / 2 * found.grad_x
print("S_ε", *(f"{value:.2g}" for value in values))
Picture("The points lie on the two moons", Panel("after 8 steps", points, moons))

# %% [markdown]
# [Use it from Python](../python.md) has the other functions, and [Choose a blur](../blur.md) how to choose one.
