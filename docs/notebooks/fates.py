# %% [markdown]
# # Notebook: cells of three days
#
# Cells are measured once, and die by it: of each day there is another sample. Optimal transport between the days says where cells
# came from and what became of them. Here the truth is known, because the cells are simulated: those of day 0 divide into two
# kinds, and one of the kinds grows faster.

# %%
import numpy as np
import haul
from drawing import Panel, Picture

rng = np.random.default_rng(4)


def day(t, n):
    """The n cells of a day: those of the fate 1 go up, those of the fate 0 down, after day 0.5."""
    growth = np.array([1.0, np.exp(0.8 * t)])
    fate = (rng.random(n) < growth[1] / growth.sum()).astype(int)
    side = np.maximum(t - 0.5, 0) * np.where(fate == 1, 1.0, -1.0)
    return np.column_stack([2 * t + rng.normal(0, 0.15, n), side + rng.normal(0, 0.15, n)]), fate


days = [day(t, 200) for t in (0, 1, 2)]
cells = [cells for cells, _ in days]
Picture("Three groups of cells; the last one is two", Panel("days 0, 1 and 2", *cells))

# %% [markdown]
# Cells divide at different rates, so that masses must be free to change on the way: `reach` is the length beyond which it is
# cheaper to let mass die and be born than to move it.

# %%
options = {"blur": 0.2, "reach": 2.0}
first = haul.sinkhorn(cells[0], cells[1], **options)
second = haul.sinkhorn(cells[1], cells[2], **options)
first.converged, second.converged

# %% [markdown]
# The fates of day 2 are known. A product with the plan carries them back: row i of P V, divided by the mass of the row, is the mean
# of V over what became of cell i.

# %%
fates = days[2][1].astype(float)


def back(solution, values):
    carried = solution.plan @ np.column_stack([values, np.ones_like(values)])
    return carried[:, 0] / carried[:, 1]


at_1 = back(second, fates)
at_0 = back(first, at_1)
shares = np.concatenate([at_0, at_1, fates])
Picture(
    "Three groups from left to right; above cells are orange, below blue, also on day 0, where they are one group",
    Panel("the share of each cell in the fate above, from blue to orange", np.concatenate(cells), shades=shares),
)

# %% [markdown]
# The simulation knows the fates of days 0 and 1, and the plans have not seen them. Those of day 1 are told nearly all. Those of
# day 0 are told no better than by chance: nothing in that cloud says which way a cell will go, and the plan takes the shortest
# way. Its answer is as sharp there as anywhere, so look at what the data can know.

# %%
for k, of in enumerate((at_0, at_1)):
    print(f"day {k}: {np.mean((of > 0.5) == (days[k][1] == 1)):.0%} of the cells are told right")

# %% [markdown]
# Was day 1 needed? Cells part only after day 0.5, which days 0 and 2 do not show. A plan from day 0 to day 2, and half of the way along it, gives a day 1 that can be compared with the one that
# was measured; a second sample of day 1 says how near it could be.

# %%
ways = haul.sinkhorn(cells[0], cells[2], blur=0.1).map()
guess = (cells[0] + ways) / 2
again, _ = day(1, 200)
for name, other in (("half of the way", guess), ("day 0", cells[0]), ("a second sample", again)):
    print(f"{name:16} {haul.divergence(other, cells[1], blur=0.1).distance:.2f} from day 1")
Picture("The guess lies beside the cells of day 1", Panel("day 1, and half of the way", cells[1], guess))

# %% [markdown]
# [Single cells](../cells.md) does this from files of the field with the program, for any number of days and labels.
