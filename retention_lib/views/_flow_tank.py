"""The drawing of the tank: a vessel, the tap above it, the hole in its wall, and two levels."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from retention_lib.portfolio._flows_tank import TankResult
    from retention_lib.wording import Wording

_WALLS = (3.0, 10.0)


def draw_vessel(ax: Axes, tank: TankResult) -> None:
    """Draw the whole tank: the vessel's height is the scale, in customers."""
    rim = max(tank.level_now, float(tank.table["level_high"].iloc[-1]), 1.0) * 1.12
    _draw_walls(ax, rim, tank.level_now)
    _draw_inflow(ax, rim, tank)
    _draw_leak(ax, rim, tank)
    _draw_levels(ax, rim, tank)
    ax.set_xlim(0.6, 15.4)
    ax.set_ylim(-0.16 * rim, 1.34 * rim)
    _draw_scale(ax, rim, tank.wording)


def _draw_walls(ax: Axes, rim: float, level: float) -> None:
    """Walls and floor of the vessel and the water in it; the surface ripples."""
    from matplotlib.patches import Polygon

    left, right = _WALLS
    steps = range(61)
    surface = [
        (left + (right - left) * n / 60, level + rim * 0.006 * math.sin(n * math.pi / 5))
        for n in steps
    ]
    if level > 0:
        ax.add_patch(
            Polygon([(left, 0), *surface, (right, 0)], facecolor=theme.STOCK, edgecolor="none")
        )
    wall: dict[str, Any] = {"color": theme.INK, "linewidth": 5, "solid_joinstyle": "round"}
    # The leak is a hole low in the right-hand wall.
    ax.plot([left, left, right, right], [rim, 0, 0, rim * 0.045], zorder=4, **wall)
    ax.plot([right, right], [rim * 0.135, rim], zorder=4, **wall)


def _draw_inflow(ax: Axes, rim: float, tank: TankResult) -> None:
    """A tap above the vessel, and the stream that falls from it to the water."""
    from matplotlib.patches import Rectangle

    middle = _WALLS[0] + 1.5
    ax.add_patch(
        Rectangle((middle - 2.4, 1.19 * rim), 2.7, 0.07 * rim, facecolor=theme.NEUTRAL, zorder=3)
    )
    ax.add_patch(
        Rectangle((middle - 0.3, 1.09 * rim), 0.6, 0.17 * rim, facecolor=theme.NEUTRAL, zorder=3)
    )
    bottom = max(tank.level_now, 0.0)
    ax.add_patch(
        Rectangle(
            (middle - 0.17, bottom), 0.34, 1.09 * rim - bottom, facecolor=theme.GAIN, zorder=2
        )
    )
    said = tank.wording.say("chart.tank.inflow", inflow=round(tank.annual_inflow))
    ax.text(
        middle + 0.6,
        1.2 * rim,
        said,
        color=theme.INK,
        size=12,
        weight="bold",
        va="center",
        zorder=5,
    )


def _draw_leak(ax: Axes, rim: float, tank: TankResult) -> None:
    """What runs out of the hole, and how much that is in a year."""
    from matplotlib.patches import Ellipse, FancyArrowPatch

    right = _WALLS[1]
    leak = float(tank.table["leak"].iloc[0])
    if round(leak):
        ax.add_patch(
            FancyArrowPatch(
                (right - 0.05, 0.09 * rim),
                (right + 1.25, -0.1 * rim),
                connectionstyle="arc3,rad=-0.35",
                arrowstyle="simple,tail_width=0.55,head_width=1.5,head_length=1.1",
                mutation_scale=14,
                facecolor=theme.LOSS,
                edgecolor="none",
                zorder=3,
            )
        )
        for across, down in ((1.75, -0.06), (2.05, -0.12)):
            ax.add_patch(
                Ellipse((right + across, down * rim), 0.16, 0.035 * rim, facecolor=theme.LOSS)
            )
    w = tank.wording
    share = w.percent(float(tank.table["leak_share"].iloc[0]))
    said = w.say("chart.tank.leak", leak=round(leak), share=share)
    ax.text(
        right + 1.0,
        0.105 * rim,
        textwrap.fill(said, 26),
        size=12,
        weight="bold",
        va="bottom",
        linespacing=1.25,
    )


def _draw_levels(ax: Axes, rim: float, tank: TankResult) -> None:
    """The level now and, as a ghost, the level to come with its range."""
    from matplotlib.patches import Rectangle

    w, last = tank.wording, tank.table.iloc[-1]
    left, right = _WALLS
    low, level, high = (float(last[name]) for name in ("level_low", "level", "level_high"))
    # The range stands inside, where nothing leaks over it.
    ax.add_patch(
        Rectangle(
            (right - 0.75, low),
            0.3,
            high - low,
            facecolor=theme.RULE,
            edgecolor=theme.INK,
            linewidth=0.8,
            zorder=4,
        )
    )
    ghost: dict[str, Any] = {"linestyle": (0, (4, 3)), "linewidth": 2.4, "zorder": 5}
    colour = theme.PAPER if level < tank.level_now else theme.INK
    ax.plot([left, right - 0.75], [level, level], color=colour, **ghost)
    then = w.say("chart.tank.then", level=round(level), years=len(tank.table))
    spread = w.say("chart.tank.range", low=round(low), high=round(high))
    # Out of the way of what is said about the leak, and tied to its line.
    place = max(level, 0.42 * rim)
    ax.plot([right - 0.45, right + 0.9], [level, place], color=theme.INK, linewidth=1.2, zorder=5)
    ax.text(right + 1.0, place + 0.005 * rim, then, size=12, weight="bold", va="bottom")
    ax.text(right + 1.0, place - 0.015 * rim, spread, size=11, va="top", color=theme.QUIET_INK)
    inside = tank.level_now > 0.14 * rim
    ax.text(
        (left + right) / 2 + 0.4,
        tank.level_now * 0.5 if inside else tank.level_now + 0.04 * rim,
        w.say("chart.tank.now", level=tank.level_now),
        size=16,
        weight="bold",
        ha="center",
        va="center" if inside else "bottom",
        color=theme.PAPER if inside else theme.INK,
        zorder=6,
    )


def _draw_scale(ax: Axes, rim: float, wording: Wording) -> None:
    from matplotlib.ticker import MaxNLocator

    ticks = [tick for tick in MaxNLocator(5, integer=True).tick_values(0, rim) if 0 <= tick <= rim]
    left = _WALLS[0]
    for tick in ticks:
        ax.plot([left - 0.28, left - 0.08], [tick, tick], color=theme.QUIET_INK, linewidth=1)
        ax.text(left - 0.4, tick, wording.number(tick), ha="right", va="center", size=10.5)
    ax.text(left - 1.9, rim / 2, wording.say("chart.tank.axis"), rotation=90, va="center", size=11)
    ax.set_axis_off()
