"""Charts of cross-sell, up-sell, people and open quotes; no figures are worked out here.

Every chart takes a result and draws on ``ax``, or on a new figure where none is given. Where a
result has nothing to show, the figure says so in words.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    key_above,
    list_in_alt,
    only_horizontal_bars,
    short_share,
    write_at_ends,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio.cross_sell import CrossSellResult, RuleResult, UpSellResult
    from retention_lib.portfolio.opportunities import (
        FollowUpResult,
        OpportunitiesResult,
        QuoteAges,
    )
    from retention_lib.portfolio.people import PeopleResult, PeopleSummary
    from retention_lib.wording import Wording

_RULE_NAMES = {"range": "chart.rules.rule", "sector": "chart.rules.sector"}
_MOST_BARS = 12
_NAME_WIDTH = 32
_LINE = 60
# Told apart by lightness as well as by colour, and named in the key.
_STATUS_COLOURS = {
    "never": theme.LOSS,
    "long_ago": "#C4A75B",
    "unrecorded": theme.NEUTRAL,
    "recent": "#C9DCF7",
}


def plot_cross_sell(result: CrossSellResult, *, ax: Axes | None = None) -> Axes:
    """Draw how many customers lack each range, and what its buyers spend a year beside it."""
    w, table = result.wording, result.by_range().head(_MOST_BARS)
    labels = [
        w.say(
            "chart.cross_sell.bar",
            customers=int(row.customers),
            typical=w.money(row.typical_annual_spend),
            low=w.money(row.spend_low),
            high=w.money(row.spend_high),
        )
        for row in table.itertuples()
    ]
    return _plain_bars(
        result, table["range_lacking"], table["customers"], labels, "chart.cross_sell", ax
    )


def plot_up_sell(result: UpSellResult, *, ax: Axes | None = None) -> Axes:
    """Draw by how much the listed customers stay below comparable buyers, range by range."""
    w, table = result.wording, result.by_range().head(_MOST_BARS)
    labels = [
        w.say("chart.up_sell.bar", gap=w.money(row.gap_to_typical), customers=int(row.customers))
        for row in table.itertuples()
    ]
    return _plain_bars(
        result, table["product_range"], table["gap_to_typical"], labels, "chart.up_sell", ax
    )


def plot_rules(result: RuleResult, *, ax: Axes | None = None) -> Axes:
    """Draw the lift of the strongest rules with its range; 1 is what chance would do."""
    from matplotlib.ticker import MaxNLocator

    w, table = result.wording, result.table.head(_MOST_BARS)
    with theme.use_theme():
        drawn = _axes(ax, len(table))
        names = [
            w.say(
                _RULE_NAMES[row.kind],
                value=_short(str(row.value), _NAME_WIDTH - 8),
                other=_short(str(row.also_bought), _NAME_WIDTH - 2),
            )
            for row in table.itertuples()
        ]
        cases = [
            w.say("chart.rules.cases", both=int(row.both), cases=int(row.cases))
            for row in table.itertuples()
        ]
        if table.empty:
            return _say_nothing(drawn, result, w)
        drawn.axvline(1, color=theme.INK, linewidth=1.2, linestyle="--")
        _dots(drawn, table["lift"], table["lift_low"], table["lift_high"], cases)
        _name_rows(drawn, [n if len(n) < _NAME_WIDTH else n.replace(" →", "\n→") for n in names])
        _measure(drawn, w.say("chart.rules.axis"))
        drawn.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        drawn.xaxis.set_major_formatter(lambda value, _: w.number(value, decimals=1))
        said = [
            f"{name}: {w.number(lift, decimals=1)} ({case})"
            for name, lift, case in zip(names, table["lift"], cases, strict=True)
        ]
        _finish(drawn, result, "chart.rules", said)
    return drawn


def plot_people(result: PeopleResult, *, ax: Axes | None = None) -> Axes:
    """Draw the shares of active customers and revenue by the people known: the summary's."""
    return plot_people_summary(result.summary(), ax=ax, title=result.finding())


def plot_people_summary(summary: PeopleSummary, *, ax: Axes | None = None, title: str = "") -> Axes:
    """Draw each gap's share of customers beside its share of revenue."""
    from matplotlib.patches import Patch

    w, table = summary.wording, summary.table
    with theme.use_theme():
        drawn = _axes(ax, 1.5 * len(table))
        if table.empty:
            return _say_nothing(drawn, summary, w)
        places = range(len(table))
        revenue = table["share_of_revenue"].astype(float)
        draw_bars(drawn, [p - 0.19 for p in places], revenue.fillna(0.0), theme.STOCK)
        draw_bars(drawn, [p + 0.19 for p in places], table["share_of_customers"], theme.RULE)
        sums = [
            w.say("chart.people.bar", share=short_share(w, float(share)), customers=w.money(amount))
            for share, amount in zip(revenue, table["revenue"], strict=True)
        ]
        counts = [
            w.say("chart.people.bar", share=short_share(w, float(share)), customers=int(number))
            for share, number in zip(table["share_of_customers"], table["customers"], strict=True)
        ]
        write_at_ends(drawn, revenue.clip(lower=0.0), sums, offset=-0.19, bold=True)
        write_at_ends(drawn, table["share_of_customers"], counts, offset=0.19)
        _name_rows(drawn, table["gap"])
        only_horizontal_bars(drawn, len(table))
        _measure(drawn, w.say("chart.people.axis"))
        keys = (("revenue", theme.STOCK), ("customers", theme.RULE))
        key_above(
            drawn,
            [
                Patch(
                    facecolor=colour,
                    edgecolor=theme.QUIET_INK,
                    lw=0.5,
                    label=w.say(f"chart.people.{name}"),
                )
                for name, colour in keys
            ],
        )
        said = [
            f"{gap}: {of_customers}, {of_revenue}"
            for gap, of_customers, of_revenue in zip(table["gap"], counts, sums, strict=True)
        ]
        _finish(drawn, summary, "chart.people", said, title=title)
    return drawn


def plot_quotes(result: OpportunitiesResult, *, ax: Axes | None = None) -> Axes:
    """Draw what open quotes come to, by age, each bar cut by how they were followed up."""
    from matplotlib.patches import Patch

    w, ages = result.wording, result.ages
    with theme.use_theme():
        if ages.empty or result.opened["amount"].isna().all():
            return _say_nothing(_axes(ax, 0), result, w)
        drawn = ax if ax is not None else theme.new_axes(9.0, 4.8)
        amounts = ages.pivot_table(index="band", columns="status", values="amount", aggfunc="sum")
        amounts = amounts.fillna(0.0)
        names = ages.drop_duplicates("band").set_index("band")["quote_age"]
        counts = ages.groupby("band")["quotes"].sum()
        bottom = amounts.iloc[:, 0] * 0.0
        held = [status for status in _STATUS_COLOURS if status in amounts]
        for status in held:
            drawn.bar(
                range(len(amounts)),
                amounts[status],
                bottom=bottom,
                width=0.72,
                color=_STATUS_COLOURS[status],
                edgecolor=theme.QUIET_INK,
                linewidth=0.5,
            )
            bottom = bottom + amounts[status]
        for place, (band, top) in enumerate(bottom.items()):
            label = f"{w.money(top)}\n{w.say('chart.quotes.count', quotes=int(counts[band]))}"
            drawn.annotate(
                label,
                (place, max(top, 0.0)),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
                size=9.5,
            )
        drawn.set_ylim(0, max(float(bottom.max()), 1.0) * 1.18)
        drawn.set_xticks(
            range(len(amounts)), [textwrap.fill(names[band], 12) for band in amounts.index]
        )
        drawn.tick_params(axis="x", length=0)
        drawn.set_xlabel(w.say("chart.quotes.x"))
        unit = f"({w.currency_symbol})" if w.currency else ""
        drawn.set_ylabel(w.say("chart.quotes.y", currency=unit).strip())
        drawn.yaxis.set_major_formatter(lambda value, _: w.number(value))
        drawn.grid(axis="y")
        key_above(
            drawn,
            [
                Patch(
                    facecolor=_STATUS_COLOURS[status],
                    edgecolor=theme.QUIET_INK,
                    lw=0.5,
                    label=w.say(f"quotes.status.{status}"),
                )
                for status in held
            ],
        )
        said = [
            f"{row.quote_age}, {w.say(f'quotes.status.{row.status}')}: {w.money(row.amount)}"
            for row in ages.itertuples()
        ]
        _finish(drawn, result, "chart.quotes", said)
    return drawn


def plot_quote_ages(result: QuoteAges, *, ax: Axes | None = None) -> Axes:
    """Draw the share of past quotes won, by the age at which they were still open."""
    w, table = result.wording, result.table
    with theme.use_theme():
        drawn = _axes(ax, 1.4 * len(table))
        if table.empty:
            return _say_nothing(drawn, result, w)
        labels = []
        for row in table.itertuples():
            few = row.won_share != row.won_share
            share = short_share(w, float(row.won_share))
            key = "chart.quote_ages.few" if few else "chart.quote_ages.bar"
            figures = {"won": int(row.later_won), "past": int(row.past_quotes)}
            labels.append(w.say(key, **figures, **({} if few else {"share": share})))
        names = [
            w.say("chart.quote_ages.band", band=row.quote_age, amount=w.money(row.amount))
            for row in table.itertuples()
        ]
        _dots(drawn, table["won_share"], table["won_low"], table["won_high"], labels)
        _name_rows(drawn, names)
        # A little room before zero, so that a dot there does not touch the name of its row.
        drawn.set_xlim(-0.03 * drawn.get_xlim()[1], drawn.get_xlim()[1])
        _measure(drawn, w.say("chart.quote_ages.axis", days=result.within_days))
        drawn.xaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
        said = [f"{name}: {label}" for name, label in zip(names, labels, strict=True)]
        _finish(drawn, result, "chart.quote_ages", said)
    return drawn


def plot_follow_up(result: FollowUpResult, *, ax: Axes | None = None) -> Axes:
    """Draw the share of quotes won with and without a follow-up, with its range."""
    w, table = result.wording, result.table
    with theme.use_theme():
        drawn = _axes(ax, 2 * len(table))
        if table.empty or table["won_share"].isna().all():
            return _say_nothing(drawn, result, w)
        labels = [
            w.say(
                "chart.quote_ages.bar",
                won=int(row.won),
                past=int(row.quotes),
                share=short_share(w, float(row.won_share)),
            )
            for row in table.itertuples()
        ]
        _dots(drawn, table["won_share"], table["won_low"], table["won_high"], labels)
        _name_rows(drawn, table["followed_up"])
        drawn.set_xlim(left=0)
        _measure(drawn, w.say("chart.quote_follow_up.axis", days=result.within_days))
        drawn.xaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
        said = [
            f"{name}: {label}" for name, label in zip(table["followed_up"], labels, strict=True)
        ]
        _finish(drawn, result, "chart.quote_follow_up", said)
    return drawn


# --- what they share -------------------------------------------------------------------------


def _axes(ax: Axes | None, rows: float) -> Axes:
    return ax if ax is not None else theme.new_axes(9.0, 1.7 + 0.4 * max(rows, 3))


def _plain_bars(
    result: Any,
    names: pd.Series[Any],
    lengths: pd.Series[Any],
    labels: Sequence[str],
    key: str,
    ax: Axes | None,
) -> Axes:
    """One bar a range, its figures at the end."""
    w: Wording = result.wording
    with theme.use_theme():
        drawn = _axes(ax, len(names))
        if not len(names):
            return _say_nothing(drawn, result, w)
        draw_bars(drawn, range(len(names)), lengths, theme.STOCK, height=0.66)
        write_at_ends(drawn, lengths, labels)
        _name_rows(drawn, names)
        only_horizontal_bars(drawn, len(names))
        _measure(drawn, w.say(f"{key}.axis", per=result.per))
        _finish(drawn, result, key, [f"{n}: {la}" for n, la in zip(names, labels, strict=True)])
    return drawn


def _dots(
    ax: Axes,
    values: pd.Series[Any],
    low: pd.Series[Any],
    high: pd.Series[Any],
    labels: Sequence[str],
) -> None:
    """A dot and its range a row, first row on top, the figures beyond the range."""
    places = range(len(values))
    ax.hlines(places, low, high, color=theme.STOCK, linewidth=2)
    ax.plot(
        values,
        places,
        "o",
        color=theme.STOCK,
        markersize=8,
        linestyle="none",
        clip_on=False,
        zorder=3,
    )
    start = 0.0 if high.isna().all() else float(low.min())
    for place, (end, label) in enumerate(zip(high, labels, strict=True)):
        at = float(end) if end == end else start
        ax.annotate(
            label, (at, place), xytext=(7, 0), textcoords="offset points", va="center", size=9.5
        )
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.grid(axis="x")
    ax.tick_params(axis="y", length=0)


def _measure(ax: Axes, words: str) -> None:
    """Say below the axes what is measured, in lines short enough beside long names."""
    lines = math.ceil(len(words) / _LINE)
    # Lines of like length, so that no word is left alone on the last.
    ax.set_xlabel(textwrap.fill(words, math.ceil(len(words) / lines) + 6), loc="left")


def _name_rows(ax: Axes, names: Iterable[str]) -> None:
    """Name the rows, in two lines at most, so that no name runs into the next."""
    wrapped = [_in_two_lines(str(name)) for name in names]
    ax.set_yticks(range(len(wrapped)), wrapped)


def _in_two_lines(name: str) -> str:
    if "\n" in name:
        return name
    lines = textwrap.wrap(name, _NAME_WIDTH)
    if len(lines) > 2:
        lines = [lines[0], "…" + name[2 - _NAME_WIDTH :].lstrip()]
    return "\n".join(lines)


def _short(name: str, width: int) -> str:
    """A long name without its middle: those of one family differ at the end."""
    if len(name) <= width:
        return name
    return f"{name[: width // 2 - 1].rstrip()}…{name[-(width // 2) :].lstrip()}"


def _finish(ax: Axes, result: Any, key: str, said: Sequence[str], *, title: str = "") -> None:
    part = "rules" if key == "chart.rules" else "bars"
    said_of = {part: list_in_alt([text.replace("\n", ", ") for text in said], result.wording)}
    text = result.wording.say(f"{key}.alt", finding=result.finding(), **said_of)
    finish(ax, title or result.finding(), text)


def _say_nothing(ax: Axes, result: Any, wording: Wording) -> Axes:
    """A figure that says in words why it is empty."""
    ax.set_axis_off()
    ax.text(
        0.5,
        0.5,
        wording.say("chart.contacts.nothing"),
        ha="center",
        va="center",
        size=11,
        color=theme.QUIET_INK,
        transform=ax.transAxes,
    )
    finding = result.finding()
    text = wording.say("chart.contacts.nothing_alt", finding=finding)
    finish(ax, finding, text)
    return ax
