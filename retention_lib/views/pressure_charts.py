"""Pictures of contact pressure: what followed after so many contacts, and today's pressure.

Nothing is worked out here. Losses and opt-outs have no scale in common, so each has a panel of
its own over the same numbers of contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only, short_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.decisions.pressure import PressureNow, PressureResult
    from retention_lib.wording import Wording

_PANELS = {"lost": "lost_later", "opt_outs": "opt_outs_per_1000"}
_UNITS = {"lost": 100.0, "opt_outs": 1.0}
"""What a figure of the table is multiplied by on the axis of its panel."""
_BETWEEN = 0.12


def plot_pressure(result: PressureResult, *, ax: Axes | None = None) -> Axes:
    """Draw losses and opt-outs of all customers against their contacts in 30 days."""
    w = result.wording
    rows = result.table[result.table["segment_code"] == ""].set_index("level")
    # A single figure has nothing to be compared with.
    panels = [name for name, column in _PANELS.items() if rows[column].notna().sum() > 1]
    if not panels:
        return say_only(result.finding(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(10.2 if len(panels) > 1 else 7.0, 4.9)
        drawn.set_axis_off()
        width = (1 - _BETWEEN * (len(panels) - 1)) / len(panels)
        for place, name in enumerate(panels):
            inset = drawn.inset_axes((place * (width + _BETWEEN), 0.0, width, 0.95))
            _draw_panel(inset, rows, name, result)
        alt = w.say(
            "chart.pressure.alt",
            finding=result.finding(),
            points=list_in_alt([_told(row, panels, w) for _, row in rows.iterrows()], w),
        )
        finish(drawn, result.finding(), alt)
    return drawn


def _draw_panel(ax: Axes, rows: pd.DataFrame, name: str, result: PressureResult) -> None:
    w, column, unit = result.wording, _PANELS[name], _UNITS[name]
    limit = _limit(result, name)
    known = rows[rows[column].notna()]
    top = float(known[f"{column}_high"].max()) * unit
    for level, row in known.iterrows():
        number = int(str(level))
        beyond = limit is not None and number > limit
        share, low, high = (
            unit * float(row[name]) for name in (column, f"{column}_low", f"{column}_high")
        )
        colour = theme.LOSS if beyond else theme.STOCK if number else theme.QUIET_INK
        ax.errorbar(
            [number],
            [share],
            [[share - low], [high - share]],
            fmt="D" if beyond else "o",
            ms=8,
            color=colour,
            # Nobody contacted is another kind of customer: hollow, and compared with nobody.
            mfc=colour if number else theme.PAPER,
            capsize=4,
            elinewidth=1.6,
            zorder=3,
        )
        said = short_share(w, share / unit) if name == "lost" else w.number(share, decimals=1)
        ax.annotate(
            said,
            (number, share),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            size=9.5,
            weight="bold" if beyond else "normal",
            color=theme.INK,
            bbox={"facecolor": theme.PAPER, "edgecolor": "none", "pad": 0.8},
        )
    if limit is not None:
        ax.axvline(limit + 0.5, color=theme.LOSS, lw=1.4, ls=(0, (5, 3)))
    ax.set_xlim(-0.4, len(rows) - 0.15)
    # A little room below nothing, for the points and figures that stand there.
    ax.set_ylim(-0.04 * top, top * 1.08)
    ax.set_xticks(list(range(len(rows))), [_tick(int(str(n)), rows) for n in rows.index])
    ax.set_xlabel(w.say(f"chart.pressure.x_{name}"))
    ax.yaxis.set_major_formatter(
        lambda value, _: w.number(value, decimals=0 if value == int(value) else 1)
    )
    ax.grid(axis="y")
    title = w.say(f"chart.pressure.{name}", days=result.lost_days)
    # The empty line keeps the headings of the panels clear of the title above both.
    ax.set_title(f"\n{title}", size=10.5, weight="normal", loc="left", linespacing=0.7)


def _limit(result: PressureResult, name: str) -> int | None:
    """Beyond how many contacts all customers clearly react; none where that is not known."""
    found = result.acceptable.table
    rises = found[(found["segment_code"] == "") & (found["verdict_code"] == "rises")]
    own = rises.loc[rises["reaction_code"] == name, "acceptable_contacts"]
    return int(own.iloc[0]) if len(own) else None


def _tick(level: int, rows: pd.DataFrame) -> str:
    return f"{level}+" if level == len(rows) - 1 else str(level)


def _told(row: pd.Series, panels: list[str], wording: Wording) -> str:
    """One number of contacts in the text alternative."""
    parts = []
    for name in panels:
        figure = row[_PANELS[name]]
        if figure == figure:
            said = (
                short_share(wording, float(figure))
                if name == "lost"
                else wording.number(float(figure), decimals=1)
            )
            parts.append(wording.say(f"chart.pressure.point_{name}", figure=said))
    told = wording.listing(parts) or wording.say("chart.pressure.too_few")
    return wording.say("chart.pressure.point", contacts=row["contacts_in_30"], told=told)


def plot_pressure_now(result: PressureNow, *, ax: Axes | None = None) -> Axes:
    """Draw how many active customers had how many contacts in the last 30 days."""
    from matplotlib.ticker import MaxNLocator

    w, rows = result.wording, result.table
    if not len(rows) or not rows["customers"].sum():
        return say_only(result.finding(), ax, w)
    most = result.rules.most_in_30_days
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.0, 4.6)
        places = list(range(len(rows)))
        above = rows["above_rule"] > 0
        colours = [theme.LOSS if over else theme.STOCK for over in above]
        drawn.bar(places, rows["customers"], width=0.72, color=colours)
        for place, (count, share) in enumerate(zip(rows["customers"], rows["share"], strict=True)):
            drawn.annotate(
                f"{w.number(count)}\n{short_share(w, float(share))}",
                (place, count),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                size=9.5,
            )
        drawn.set_ylim(0, float(rows["customers"].max()) * 1.18)
        if most < len(rows) - 1:
            drawn.axvline(most + 0.5, color=theme.INK, lw=1.4, ls=(0, (5, 3)))
            drawn.annotate(
                w.say("chart.pressure.rule", most=most),
                (most + 0.5, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(6, 0),
                textcoords="offset points",
                va="top",
                size=10,
            )
        drawn.set_xticks(places, [_tick(place, rows) for place in places])
        drawn.set_xlabel(w.say("chart.pressure.now_x"))
        drawn.set_ylabel(w.say("chart.pressure.now_y"))
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.yaxis.set_major_locator(MaxNLocator(integer=True))
        points = [
            w.say(
                "chart.pressure.now_point", contacts=row["contacts_in_30"], count=row["customers"]
            )
            for row in rows.to_dict("records")
        ]
        alt = w.say(
            "chart.pressure.now_alt", finding=result.finding(), points=list_in_alt(points, w)
        )
        finish(drawn, result.finding(), alt)
    return drawn
