"""Pictures of points for the notebooks of this folder, as SVG: enough to see clouds, arrows and colours, with NumPy alone. Where
matplotlib is at hand, ``plt.scatter(*x.T)`` does the same.
"""

import numpy as np

#: The colours of two clouds, and of lines, on light and on dark paper.
STYLE = (
    "<style>.drawing{font-family:system-ui,sans-serif;font-size:13px}.ink{fill:#222}.first{fill:#0072b2}.second{fill:#b84f00}"
    ".other{fill:#a8a8a8}.arrow{stroke:#767676;stroke-width:.6;fill:none}"
    "@media(prefers-color-scheme:dark){.ink{fill:#e6e6e6}.first{fill:#56b4e9}.second{fill:#e69f00}.other{fill:#6a6a6a}}</style>"
)
CLASSES = ("first", "second", "other")


class Picture:
    """Panels side by side, which a notebook shows."""

    def __init__(self, alt, *panels):
        self.alt, self.panels = alt, panels

    def _repr_svg_(self):
        places = np.concatenate([of for panel in self.panels for of in panel.points])
        low, high = places.min(0), places.max(0)
        wide = (504 - 8 * len(self.panels)) / len(self.panels)
        scale = min(wide / (high[0] - low[0]), 240 / (high[1] - low[1]))
        width, height = scale * (high - low)
        parts = []
        for k, panel in enumerate(self.panels):
            left = 8 + k * (wide + 8) + (wide - width) / 2
            parts.append(panel.drawn(lambda of: [left, 28 + height] + (of - low) * [scale, -scale]))
            parts.append(f'<text class="ink" x="{left:.0f}" y="14">{panel.title}</text>')
        # Wider than it is drawn, so that titles are read on small screens as well.
        size = f'width="640" height="{(height + 36) * 640 / 520:.0f}" viewBox="0 0 520 {height + 36:.0f}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" {size}>{STYLE}{"".join(parts)}</svg>\n'


class Panel:
    """Clouds in the plane, each n×2, with a title; ``arrows`` go from the first to the second of two arrays; ``shades`` are numbers
    from 0 to 1 that colour the points of the first cloud from the first colour to the second one."""

    def __init__(self, title, *clouds, arrows=None, shades=None):
        self.title, self.clouds, self.arrows, self.shades = title, clouds, arrows, shades
        self.points = [*clouds, *(arrows or ())]

    def drawn(self, place):
        parts = []
        for k, cloud in enumerate(self.clouds):
            dots = []
            for i, (x, y) in enumerate(place(cloud)):
                share = None if self.shades is None or k > 0 else round(100 * float(self.shades[i]))
                dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"{shade(share)}/>')
            parts.append(f'<g class="{CLASSES[k]}">{"".join(dots)}</g>')
        if self.arrows is not None:
            ways = zip(*map(place, self.arrows))
            lines = "".join(f"M{x:.1f} {y:.1f}L{u:.1f} {v:.1f}" for (x, y), (u, v) in ways)
            parts.insert(0, f'<path class="arrow" d="{lines}"/>')
        return "".join(parts)


def shade(share):
    """The colour of a share of the second colour, which is read on light and on dark paper."""
    if share is None:
        return ""
    blue, orange = np.array([0, 114, 178]), np.array([214, 110, 0])
    red, green, last = ((100 - share) * blue + share * orange) // 100
    return f' style="fill:rgb({red},{green},{last})"'
