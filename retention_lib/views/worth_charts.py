"""Pictures of what customers are worth: the curve, the value map, the record, the decay."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retention_lib.scoring._lifetime_results import about
from retention_lib.scoring.lifetime import tenth_of
from retention_lib.views import theme
from retention_lib.views.drawing import finish, list_in_alt, say_only
from retention_lib.views.tables import IDENTIFYING, MASK_VARIABLE, mask_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.scoring._lifetime_decay import DecayResult
    from retention_lib.scoring._lifetime_results import LifetimeRecord
    from retention_lib.scoring._lifetime_risk import AtRiskResult
    from retention_lib.scoring.lifetime import LifetimeResult
    from retention_lib.wording import Wording

QUADRANT_COLOURS = {
    "act": theme.LOSS,
    "care": theme.STOCK,
    "nudge": theme.SERIES[3],
    "leave": theme.SERIES[7],
}
_QUARTERS_A_YEAR = 4
_MOST_POINTS = 4000
_NAMED = 4
_LONGEST_NAME = 26
_HIGH_UP = 60
# Points below the axis at which the words of the lower quadrants begin: under the ticks.
_BELOW_AXIS = -21
_NEAR_A_POINT = 3.0


def plot_worth(result: LifetimeResult, *, ax: Axes | None = None) -> Axes:
    """Draw what share of the value the most valuable active customers carry."""
    w = result.wording
    worth = result.ranked()
    if not worth.sum() > 0:
        return say_only(result.sentence(), ax, w)
    reached = np.concatenate([[0.0], np.cumsum(worth) / worth.sum()])
    customers = np.linspace(0.0, 1.0, len(reached))
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.6, 5.0)
        drawn.fill_between(customers, reached, color=theme.HEAT[1], lw=0)
        drawn.plot(customers, reached, color=theme.STOCK, lw=2.4)
        drawn.plot([0, 1], [0, 1], color=theme.QUIET_INK, lw=1.0, ls=(0, (4, 3)))
        drawn.annotate(
            w.say("lifetime.chart.equal"),
            (0.5, 0.5),
            xytext=(8, -8),
            textcoords="offset points",
            va="top",
            color=theme.QUIET_INK,
            size=9.5,
        )
        top = result.top_share()
        at = tenth_of(len(worth)) / len(worth)
        drawn.plot([at], [top], "o", color=theme.INK, ms=7)
        drawn.annotate(
            w.say(
                "lifetime.chart.top",
                top=result.say_top("label"),
                share=w.percent(top, decimals=0),
            ),
            (at, top),
            xytext=(12, -4),
            textcoords="offset points",
            va="top",
            weight="bold",
            bbox={"facecolor": theme.HEAT[1], "edgecolor": "none", "pad": 1.5},
        )
        drawn.set_xlim(0, 1)
        drawn.set_ylim(0, 1.02)
        drawn.xaxis.set_major_formatter(lambda share, _: w.percent(share, decimals=0))
        drawn.yaxis.set_major_formatter(lambda share, _: w.percent(share, decimals=0))
        drawn.set_xlabel(w.say("lifetime.chart.customers_axis"))
        drawn.set_ylabel(w.say("lifetime.chart.share_axis"))
        finding = result.finding()
        finish(drawn, finding, w.say("lifetime.chart.worth_alt", finding=finding))
    return drawn


def plot_value_map(result: AtRiskResult, *, ax: Axes | None = None) -> Axes:
    """Draw each customer's worth against its risk, and the quadrant to act on."""
    w, table = result.wording, result.table
    shown = table[table["clv"] > 0]
    if shown.empty:
        return say_only(result.sentence(), ax, w)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.4, 6.2)
        low, high = _map_limits(shown["clv"].to_numpy(dtype=float), result.worth_line)
        right = _right_of(shown["churn_probability"].to_numpy(dtype=float))
        drawn.set_yscale("log")
        drawn.set_ylim(low, high)
        drawn.set_xlim(-0.01 * right, 1.01 * right)
        drawn.axvspan(
            result.risk_line,
            1.01 * right,
            ymin=_height(result.worth_line, low, high),
            color=theme.LOSS,
            alpha=0.10,
            lw=0,
        )
        drawn.axvline(result.risk_line, color=theme.QUIET_INK, lw=1.0, ls=(0, (4, 3)))
        drawn.axhline(result.worth_line, color=theme.QUIET_INK, lw=1.0, ls=(0, (4, 3)))
        for code, colour in QUADRANT_COLOURS.items():
            held = shown[shown["quadrant_code"] == code].head(_MOST_POINTS)
            below = held["clv"].to_numpy(dtype=float) < low
            for part, marker in ((~below, "D" if code == "act" else "o"), (below, "v")):
                drawn.scatter(
                    held.loc[part, "churn_probability"],
                    # What lies below the axis stands on its foot, as a triangle that points down.
                    np.maximum(held.loc[part, "clv"], low * (high / low) ** 0.012),
                    s=26 if code == "act" else 16,
                    color=colour,
                    lw=0.5,
                    edgecolor=theme.QUIET_INK,
                    marker=marker,
                    zorder=3 if code == "act" else 2,
                )
        said = _label_quadrants(drawn, result)
        drawn.xaxis.set_major_formatter(lambda share, _: w.percent(share, decimals=0))
        drawn.yaxis.set_major_formatter(lambda money, _: w.number(money))
        drawn.yaxis.set_minor_formatter("")
        drawn.set_xlabel(w.say("lifetime.chart.risk_axis"))
        drawn.set_ylabel(w.say("lifetime.chart.worth_axis", unit=_unit(w)))
        finding = result.finding()
        alt = w.say("lifetime.chart.map_alt", finding=finding, quadrants=list_in_alt(said, w))
        finish(drawn, finding, alt)
        # Once the margins are settled: the names must keep clear of the points as they lie.
        _name_few(drawn, shown, w)
    return drawn


def plot_record(result: LifetimeRecord, *, ax: Axes | None = None) -> Axes:
    """Draw what was forecast beside what came, by tenth of the customers."""
    w, tenths = result.wording, result.tenths
    if not result.tested:
        return say_only(result.sentence(), ax, w)
    trial = result.trials.iloc[0]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 4.8)
        places = tenths["tenth"].to_numpy(dtype=float)
        drawn.bar(
            places - 0.2,
            tenths["forecast_revenue"],
            width=0.38,
            color=theme.HEAT[1],
            label=w.say("lifetime.chart.forecast"),
            edgecolor=theme.QUIET_INK,
            linewidth=0.5,
        )
        drawn.bar(
            places + 0.2,
            tenths["came_revenue"],
            width=0.38,
            color=theme.STOCK,
            label=w.say("lifetime.chart.came"),
            edgecolor=theme.QUIET_INK,
            linewidth=0.5,
        )
        drawn.axhline(0, color=theme.QUIET_INK, lw=0.8)
        drawn.set_xticks(list(places), [w.number(place) for place in places])
        drawn.tick_params(axis="x", length=0)
        drawn.yaxis.set_major_formatter(lambda money, _: w.number(money))
        drawn.grid(axis="y")
        drawn.set_xlabel(w.say("lifetime.chart.tenth_axis", day=w.date(trial["from"])))
        drawn.set_ylabel(w.say("lifetime.chart.money_axis", days=int(trial["days"]), unit=_unit(w)))
        drawn.legend(loc="upper right")
        said = [
            w.say(
                "lifetime.chart.tenth_said",
                tenth=int(row.tenth),
                forecast=w.money(float(row.forecast_revenue)),
                came=w.money(float(row.came_revenue)),
            )
            for row in tenths.itertuples()
        ]
        finding = result.finding()
        alt = w.say("lifetime.chart.record_alt", finding=finding, tenths=list_in_alt(said, w))
        finish(drawn, finding, alt)
    return drawn


def plot_decay(result: DecayResult, *, ax: Axes | None = None) -> Axes:
    """Draw how many of 100 customers won are left, and how many buy, quarter by quarter."""
    w, table = result.wording, result.table
    if table.empty:
        return say_only(result.sentence(), ax, w)
    years = table["quarter"].to_numpy(dtype=float) / _QUARTERS_A_YEAR
    still = 100 * table["still_customers"].to_numpy(dtype=float)
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(8.8, 5.0)
        label = "lifetime.chart.running" if result.contracts else "lifetime.chart.still"
        # With the first purchase may go the customer: the line then begins with a drop.
        begins = [100.0] if result.at_once == 1 else [100.0, 100 * result.at_once]
        drawn.plot(
            np.concatenate([np.zeros(len(begins)), years]),
            np.concatenate([begins, still]),
            color=theme.STOCK,
            lw=2.6,
            label=w.say(label),
        )
        if not result.contracts:
            _draw_buying(drawn, table, w)
        elif table["running"].notna().any():
            seen = w.say("lifetime.chart.ran")
            drawn.plot(
                years,
                100 * table["running"],
                "o",
                color=theme.INK,
                ms=6,
                label=seen,
                clip_on=False,
                zorder=3,
            )
        drawn.set_xlim(-0.02 * float(years[-1]), 1.02 * float(years[-1]))
        drawn.set_ylim(0, 103)
        drawn.set_xticks(range(int(years[-1]) + 1))
        drawn.grid(axis="y")
        axis = "lifetime.chart.contract_axis" if result.contracts else "lifetime.chart.quarter_axis"
        drawn.set_xlabel(w.say(axis))
        drawn.set_ylabel(w.say("lifetime.chart.of_hundred_axis"))
        # The lines fall from the upper left: the key goes where they leave room.
        place: Literal["lower left", "upper right"]
        place = "lower left" if still[-1] > _HIGH_UP else "upper right"
        drawn.legend(loc=place, frameon=True, facecolor=theme.PAPER, edgecolor="none")
        finding = result.finding()
        finish(drawn, finding, w.say("lifetime.chart.decay_alt", finding=finding))
    return drawn


# --- pieces ----------------------------------------------------------------------------------


def _draw_buying(ax: Axes, table: pd.DataFrame, wording: Wording) -> None:
    """Who buys in each quarter: the model as a line, what was seen as points with their range."""
    middle = (table["quarter"].to_numpy(dtype=float) - 0.5) / _QUARTERS_A_YEAR
    ax.plot(
        middle,
        100 * table["expected_buying"],
        color=theme.LOSS,
        lw=2.0,
        ls=(0, (5, 2)),
        label=wording.say("lifetime.chart.expected_buying"),
    )
    seen = table["buying"].notna().to_numpy()
    if not seen.any():
        return
    held = table[seen]
    ends = 100 * held[["buying_low", "buying_high"]].to_numpy(dtype=float).T
    at = 100 * held["buying"].to_numpy(dtype=float)
    ax.errorbar(
        middle[seen],
        at,
        yerr=np.maximum(np.abs(ends - at), 0.0),
        fmt="o",
        ms=6,
        color=theme.INK,
        ecolor=theme.QUIET_INK,
        elinewidth=1.2,
        label=wording.say("lifetime.chart.buying"),
    )


def _map_limits(worth: Any, line: float) -> tuple[float, float]:
    """From where to where the axis of worth runs; what is worth next to nothing lies below."""
    high = float(worth.max())
    low = max(float(np.quantile(worth, 0.02)), high / 1e5)
    return min(low, line / 2) * 0.8, high * 2.2


def _right_of(risk: Any) -> float:
    return min(1.0, max(0.1, float(risk.max()) * 1.08))


def _height(worth: float, low: float, high: float) -> float:
    """Where a value lies on the logarithmic axis, from 0 at its foot to 1."""
    return float(np.clip((np.log(worth) - np.log(low)) / (np.log(high) - np.log(low)), 0, 1))


def _label_quadrants(ax: Axes, result: AtRiskResult) -> list[str]:
    """Write each quadrant at its outer corner, and give back what was written."""
    w, said = result.wording, []
    corners = {"act": (1, 1), "care": (0, 1), "nudge": (1, 0), "leave": (0, 0)}
    for row in result.quadrants().table.itertuples():
        words = w.say(
            "lifetime.chart.quadrant",
            name=row.quadrant,
            customers=int(row.customers),
            risk=about(float(row.value_at_risk), w),
        )
        said.append(words)
        x, y = corners[str(row.quadrant_code)]
        ax.annotate(
            words.replace("\N{NO-BREAK SPACE}: ", "\N{NO-BREAK SPACE}:\n", 1)
            .replace(" : ", " :\n", 1)
            .replace(": ", ":\n", 1),
            (x, y),
            xycoords="axes fraction",
            # Above and below the map, where no customer can lie under the words.
            xytext=(0, 4 if y else _BELOW_AXIS),
            textcoords="offset points",
            ha="right" if x else "left",
            va="bottom" if y else "top",
            size=9.5,
            weight="bold" if row.quadrant_code == "act" else "normal",
            color=theme.INK,
        )
    return said


def _name_few(ax: Axes, shown: pd.DataFrame, wording: Wording) -> None:
    """Name the customers with the most value at risk, where their names do not run together."""
    act = shown[shown["quadrant_code"] == "act"].head(3 * _NAMED)
    if act.empty:
        return
    named = "name" in act and act["name"].notna().all()
    column = "name" if named else "customer_id"
    names = act[[column]]
    if os.environ.get(MASK_VARIABLE) == "1":
        names = mask_frame(names, IDENTIFYING, word=wording.say("mask.customer"))
    ax.figure.canvas.draw()
    taken: list[Any] = [note.get_window_extent() for note in ax.texts]
    lowest = ax.get_ylim()[0]
    points = ax.transData.transform(
        np.column_stack([shown["churn_probability"], np.maximum(shown["clv"], lowest)])
    )
    written = 0
    for (_, row), name in zip(act.iterrows(), names[column].astype(str), strict=True):
        at = (float(row["churn_probability"]), float(row["clv"]))
        left = ax.transData.transform(at)[0] > ax.get_window_extent().x0 + (
            0.6 * ax.get_window_extent().width
        )
        name = " ".join(name.split())
        short = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
        note = ax.annotate(
            short,
            at,
            xytext=(-6 if left else 6, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            size=9.5,
            zorder=4,
        )
        box = note.get_window_extent()
        inside = ax.get_window_extent()
        fits = box.x0 > inside.x0 and box.x1 < inside.x1 and box.y1 < inside.y1
        x, y = points.T
        covers = (
            (x > box.x0 - _NEAR_A_POINT)
            & (x < box.x1 + _NEAR_A_POINT)
            & (y > box.y0 - _NEAR_A_POINT)
            & (y < box.y1 + _NEAR_A_POINT)
        )
        # Its own point may touch the name it belongs to, no other may.
        own = ax.transData.transform(at)
        others = covers & (np.hypot(x - own[0], y - own[1]) > 1)
        if not fits or others.any() or any(box.overlaps(other) for other in taken):
            note.remove()
            continue
        taken.append(box)
        written += 1
        if written == _NAMED:
            return


def _unit(wording: Wording) -> str:
    """The currency behind the name of an axis, in brackets; nothing where it is not known."""
    sign = wording.currency_symbol
    return f" ({sign})" if sign else ""
