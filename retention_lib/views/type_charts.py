"""Pictures of types of customers and of the flow between segments."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, only_horizontal_bars, short_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio.typology import TypeProfile, TypesResult, TypeTests
    from retention_lib.results import Result
    from retention_lib.wording import Wording

# Less and more than the others, from nothing to far apart; the arrows say it in greyscale too.
_LESS = ("#FFFFFF", "#F3E4C8", "#E0C183", "#C4A75B")
_MORE = ("#FFFFFF", "#DCE8FA", "#A9C8F2", "#6CA0E8")
_STEPS = (0.3, 0.6, 1.2)
"""Standard deviations from which on a difference gets the next darker colour."""
_FEATURES = 9


def plot_types(result: TypesResult, *, ax: Axes | None = None) -> Axes:
    """Draw the types side by side: what each does more, and less, than the other customers."""
    w, summary = result.wording, result.summary
    if result.k == 1 or not len(summary):
        return _say_nothing(result, result.finding(), ax)
    rows = _telling_features(result.differences)
    codes = list(summary["type_code"])
    with theme.use_theme():
        height = 2.3 + 0.42 * len(rows)
        drawn = ax if ax is not None else theme.new_axes(max(10.0, 3.4 + 1.5 * len(codes)), height)
        shown = result.differences.set_index(["feature", "level", "type_code"])
        for y, (feature, level) in enumerate(rows):
            for x, code in enumerate(codes):
                _draw_difference(drawn, x, y, shown.loc[(feature, level, code)])
        names = [result.differences.query("feature == @f and level == @lv") for f, lv in rows]
        labels = [textwrap.fill(str(found["feature_name"].iloc[0]), 34) for found in names]
        drawn.set_yticks(range(len(rows)), labels)
        _head_types(drawn, summary, w)
        drawn.set_xlabel(w.say("chart.types.key"), loc="left", labelpad=8)
        drawn.set_xlim(-0.5, len(codes) - 0.5)
        drawn.set_ylim(len(rows) - 0.5, -0.5)
        drawn.spines[:].set_visible(False)
        drawn.tick_params(length=0)
        said = [f"{row.type}: {row.set_apart}" for row in summary.itertuples()]
        alt = w.say("chart.types.alt", finding=result.finding(), types=list_in_alt(said, w))
        finish(drawn, result.finding(), alt)
    return drawn


def plot_type_values(result: TypeProfile, *, ax: Axes | None = None) -> Axes:
    """Draw each type's share of revenue beside its share of customers."""
    w, table = result.wording, result.table
    if not len(table):
        return _say_nothing(result, result.finding(), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.7 + 0.72 * max(len(table), 2))
        places = range(len(table))
        for column, offset, colour in (
            ("share_of_revenue", -0.19, theme.STOCK),
            ("share_of_customers", 0.19, theme.RULE),
        ):
            values = table[column].fillna(0.0).clip(lower=0.0)
            drawn.barh(
                [p + offset for p in places],
                values,
                height=0.36,
                color=colour,
                edgecolor=theme.QUIET_INK,
                linewidth=0.5,
            )
            for place, value in zip(places, table[column], strict=True):
                text = short_share(w, float(value))
                if column == "share_of_customers":
                    text += _attrition_note(table.iloc[place], w)
                drawn.annotate(
                    text,
                    (max(float(value), 0.0) if value == value else 0.0, place + offset),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    size=9.5,
                    weight="bold" if offset < 0 else "normal",
                )
        drawn.set_yticks(list(places), [textwrap.fill(name, 28) for name in table["type"]])
        only_horizontal_bars(drawn, len(table))
        _key(
            drawn,
            [
                (theme.STOCK, "chart.type_values.revenue"),
                (theme.RULE, "chart.type_values.customers"),
            ],
            w,
        )
        said = [
            w.say(
                "chart.type_values.row",
                type=row.type,
                customers=int(row.customers),
                share=short_share(w, float(row.share_of_customers)),
                revenue=short_share(w, float(row.share_of_revenue)),
                attrition=short_share(w, float(row.attrition)),
            )
            for row in table.itertuples()
        ]
        finish(drawn, result.finding(), w.say("chart.type_values.alt", types=list_in_alt(said, w)))
    return drawn


def plot_type_tests(result: TypeTests, *, ax: Axes | None = None) -> Axes:
    """Draw how well each number of types comes again, beside one cloud cut up, and how it lasts."""
    w, table = result.wording, result.table
    if not len(table):
        return _say_nothing(result, result.finding(), ax)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 4.4)
        for column, colour, marker, style in (
            ("stability", theme.SERIES[0], "o", "-"),
            ("one_cloud", theme.NEUTRAL, "s", "--"),
            ("lasting", theme.SERIES[1], "^", "-"),
        ):
            if table[column].notna().any():
                drawn.plot(
                    table["types"],
                    table[column].clip(lower=0),
                    color=colour,
                    marker=marker,
                    linestyle=style,
                    linewidth=2,
                    markersize=7,
                    label=w.say(f"chart.type_tests.{column}"),
                )
        chosen = table[table["types"] == result.k]
        if len(chosen):
            drawn.axvline(result.k, color=theme.RULE, linewidth=14, zorder=0)
        drawn.set_ylim(0, 1.03)
        drawn.set_xticks(list(table["types"]))
        drawn.yaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
        drawn.set_xlabel(w.say("chart.type_tests.axis"))
        drawn.grid(axis="y")
        drawn.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=1, borderaxespad=0.2, labelspacing=0.25
        )
        said = [
            w.say(
                "chart.type_tests.row",
                types=int(row.types),
                stability=short_share(w, float(row.stability)),
                cloud=short_share(w, float(row.one_cloud)),
                lasting=short_share(w, float(row.lasting)),
            )
            for row in table.itertuples()
        ]
        finish(drawn, result.finding(), w.say("chart.type_tests.alt", rows=list_in_alt(said, w)))
    return drawn


# --- pieces ----------------------------------------------------------------------------------


def _telling_features(differences: pd.DataFrame) -> list[tuple[str, str]]:
    """The features that set some type apart most, habits before words."""
    apart = differences.assign(size=differences["difference"].abs())
    best = apart.groupby(["feature", "level"], sort=False)["size"].max()
    best = best[best >= _STEPS[0]].sort_values(ascending=False, kind="stable")
    return [(str(feature), str(level)) for feature, level in best.index[:_FEATURES]]


def _draw_difference(ax: Axes, x: int, y: int, row: pd.Series[Any]) -> None:
    from matplotlib.patches import Rectangle

    size = float(row["difference"])
    colour = _colour_of(size)
    box = Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=theme.PAPER, lw=2)
    ax.add_patch(box)
    arrow = "" if abs(size) < _STEPS[0] else ("▲ " if size > 0 else "▼ ")
    ax.text(
        x,
        y,
        arrow + str(row["shown"]),
        ha="center",
        va="center",
        size=10.5,
        color=theme.ink_on(colour),
        weight="bold" if abs(size) >= _STEPS[1] else "normal",
    )


def _colour_of(size: float) -> str:
    shades = _MORE if size > 0 else _LESS
    return shades[sum(abs(size) >= step for step in _STEPS)]


def _head_types(ax: Axes, summary: pd.DataFrame, wording: Wording) -> None:
    """The name, the customers and the share of revenue over each column."""
    columns = max(16, int(84 / len(summary)))
    heads = []
    for row in summary.itertuples():
        lines = [textwrap.fill(str(row.type), columns)]
        lines.append(wording.say("chart.types.customers", customers=int(row.customers)))
        if row.share_of_revenue == row.share_of_revenue:
            share = short_share(wording, float(row.share_of_revenue))
            lines.append(wording.say("chart.types.revenue", share=share))
        heads.append("\n".join(lines))
    ax.set_xticks(range(len(heads)), heads, size=10)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("bottom")


def _attrition_note(row: pd.Series[Any], wording: Wording) -> str:
    if row["attrition"] != row["attrition"]:
        return ""
    share = short_share(wording, float(row["attrition"]))
    return "   " + wording.say(
        "chart.type_values.attrition", share=share, days=int(row["days_before"])
    )


def _key(ax: Axes, entries: Sequence[tuple[str, str]], wording: Wording) -> None:
    from matplotlib.patches import Patch

    from retention_lib.views.drawing import key_above

    key_above(
        ax,
        [
            Patch(facecolor=colour, edgecolor=theme.QUIET_INK, lw=0.5, label=wording.say(key))
            for colour, key in entries
        ],
    )


def _say_nothing(result: Result, words: str, ax: Axes | None) -> Axes:
    """A figure that says in words why there is nothing to draw."""
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 2.0)
        drawn.set_axis_off()
        drawn.text(
            0.0, 0.6, result.wording.say("chart.types.nothing"), va="center", color=theme.QUIET_INK
        )
        finish(drawn, words, words + ".")
    return drawn
