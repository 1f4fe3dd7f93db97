"""The picture of the sales force's time: what a plan takes and what it frees.

Nothing is worked out here; results bring their figures.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.masking import mask_frame, masks
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.decisions.plan_time import SalesTime
    from retention_lib.wording import Wording

_EDGE: dict[str, Any] = {"edgecolor": theme.QUIET_INK, "linewidth": 0.5}
_HEIGHT = 0.36
_MOST_OWNERS = 12
_SMALL = 9.5


def plot_sales_time(time: SalesTime, *, ax: Axes | None = None) -> Axes:
    """Draw hours a week by account manager: the plan, and last year with what is freed of it."""
    from matplotlib.patches import Patch

    w, table = time.wording, time.owners
    hours = [name for name in ("hours_plan", "hours_now") if name in table]
    table = table[(table[hours] > 0).any(axis=1)]
    if table.empty:
        return say_only(time.sentence(), ax, w)
    table = _shown(table, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 1.5 + 0.78 * len(table))
        places = list(range(len(table)))
        offset = _HEIGHT / 2 if time.habit_known else 0.0
        drawn.barh(
            [place - offset for place in places],
            table["hours_plan"],
            height=_HEIGHT,
            color=theme.STOCK,
            **_EDGE,
        )
        keys = [Patch(facecolor=theme.STOCK, label=w.say("sales_time.chart.plan"))]
        _write(drawn, table["hours_plan"], [place - offset for place in places], w)
        if time.habit_known:
            keys += _habit_bars(drawn, table, [place + offset for place in places], w)
        names = [textwrap.fill(str(name), 26) for name in table["owner"]]
        drawn.set_yticks(places, names)
        drawn.set_ylim(len(table) - 0.35, -0.65)
        drawn.tick_params(axis="y", length=0)
        drawn.spines["left"].set_visible(False)
        drawn.set_xlim(0, _top(table) * 1.12)
        drawn.xaxis.set_major_formatter(
            lambda hours, _: w.number(hours, decimals=0 if hours == int(hours) else 1)
        )
        drawn.set_xlabel(w.say("sales_time.chart.axis"))
        drawn.legend(
            handles=keys,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=len(keys),
            borderaxespad=0.1,
            columnspacing=1.2,
            handlelength=1.2,
        )
        finish(drawn, _title(time), w.say("sales_time.chart.alt", rows=_rows(table, w)))
    return drawn


def _habit_bars(drawn: Axes, table: pd.DataFrame, places: list[float], w: Wording) -> list[Any]:
    """Last year's hours: on customers worth it, then those that are freed."""
    from matplotlib.patches import Patch

    kept = table["hours_now"] - table["hours_freed"]
    freed = {"color": theme.SERIES[3], "hatch": "///", **_EDGE}
    drawn.barh(places, kept, height=_HEIGHT, color=theme.SERIES[7], **_EDGE)
    drawn.barh(places, table["hours_freed"], left=kept, height=_HEIGHT, **freed)
    _write(drawn, table["hours_now"], places, w)
    return [
        Patch(facecolor=theme.SERIES[7], label=w.say("sales_time.chart.kept")),
        Patch(
            facecolor=theme.SERIES[3],
            hatch="///",
            edgecolor=theme.QUIET_INK,
            label=w.say("sales_time.chart.freed"),
        ),
    ]


def _write(drawn: Axes, hours: pd.Series[Any], places: list[float], w: Wording) -> None:
    for place, each in zip(places, hours, strict=True):
        drawn.annotate(
            w.number(float(each), decimals=1),
            (float(each), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            size=_SMALL,
        )


def _shown(table: pd.DataFrame, w: Wording) -> pd.DataFrame:
    """The account managers with most hours; the others together, names masked where asked."""
    import pandas as pd

    table = table.reset_index(drop=True)
    if masks():
        named = table["owner"] != w.say("plan.marketing")
        table = table.assign(
            owner=mask_frame(table, ("owner",))["owner"].where(named, table["owner"])
        )
    if len(table) <= _MOST_OWNERS:
        return table
    first, rest = table.head(_MOST_OWNERS - 1), table.iloc[_MOST_OWNERS - 1 :]
    others = rest.drop(columns="owner").sum().to_frame().T
    others.insert(0, "owner", w.say("sales_time.chart.others", count=len(rest)))
    return pd.concat([first, others], ignore_index=True)


def _top(table: pd.DataFrame) -> float:
    columns = [name for name in ("hours_plan", "hours_now") if name in table]
    return float(table[columns].max().max()) or 1.0


def _title(time: SalesTime) -> str:
    w, hours = time.wording, time.wording.number(time.hours_a_week, decimals=1)
    if not time.habit_known:
        return w.say("sales_time.chart.title_plan", hours=hours)
    freed = w.number(time.hours_freed, decimals=1)
    return w.say("sales_time.chart.title", hours=hours, freed=freed)


def _rows(table: pd.DataFrame, w: Wording) -> str:
    said = []
    for row in table.to_dict("records"):
        told = {
            name: w.number(float(row.get(column, 0.0)), decimals=1)
            for name, column in (
                ("plan", "hours_plan"),
                ("now", "hours_now"),
                ("freed", "hours_freed"),
            )
        }
        said.append(w.say("sales_time.chart.row", owner=row["owner"], **told))
    return list_in_alt(said, w)
