"""Charts of the warning signs: money at stake, their record, the watch list."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from retention_lib.views import theme
from retention_lib.views.drawing import (
    draw_bars,
    finish,
    list_in_alt,
    only_horizontal_bars,
    short_share,
    write_at_ends,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from retention_lib.portfolio.signals import SignalsResult, TrackRecord
    from retention_lib.portfolio.watch import WatchResult

SIGN_COLOURS = {"new": theme.LOSS, "still": theme.NEUTRAL, "gone": theme.GAIN}


def plot_signals(result: SignalsResult, *, ax: Axes | None = None) -> Axes:
    """Draw what customers with each warning sign brought in 12 months, most money first."""
    w, table = result.wording, result.by_sign[result.by_sign["customers"] > 0]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 1.9 + 0.46 * max(len(table), 3))
        values = table["value_at_stake"].clip(lower=0.0)
        draw_bars(drawn, range(len(table)), values, theme.LOSS, height=0.62)
        labels = [
            w.say("chart.signals.label", value=w.money(row.value_at_stake), customers=row.customers)
            for row in table.itertuples()
        ]
        write_at_ends(drawn, values, labels)
        drawn.set_yticks(range(len(table)), [textwrap.fill(name, 28) for name in table["signal"]])
        only_horizontal_bars(drawn, len(table))
        if table.empty:
            _say_nothing(drawn, w.say("chart.signals.empty"))
            drawn.lines[-1].set_visible(False)
        unit = f"({w.currency_symbol})" if w.currency else ""
        axis = w.say("chart.signals.axis", measure=_upper_first(result.measure), currency=unit)
        drawn.set_xlabel(axis.strip(), loc="left")
        said = [f"{s}: {label}" for s, label in zip(table["signal"], labels, strict=True)]
        alt = w.say("chart.signals.alt", finding=result.finding(), signs=list_in_alt(said, w))
        finish(drawn, _unbroken(result.finding()), alt)
    return drawn


def plot_track_record(record: TrackRecord, *, ax: Axes | None = None) -> Axes:
    """Draw how often customers were lost after each sign, with its range, beside the others."""
    w = record.wording
    table = record.table[record.table["fired"] > 0]
    table = table.sort_values("times_as_often", ascending=False, na_position="last")
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 2.4 + 0.5 * max(len(table), 3))
        for place, row in enumerate(table.itertuples()):
            _draw_sign(drawn, place, row)
        _write_lifts(drawn, table, w)
        names = [
            textwrap.fill(row.signal, 28) + "\n" + w.say("chart.record.fired", fired=row.fired)
            for row in table.itertuples()
        ]
        drawn.set_yticks(range(len(table)), names)
        drawn.set_ylim(max(len(table), 1) - 0.4, -0.6)
        drawn.tick_params(axis="y", length=0)
        drawn.spines[["left", "bottom"]].set_visible(False)
        if table.empty:
            drawn.set_xticks([])
            _say_nothing(drawn, w.say("chart.record.empty"))
        else:
            drawn.set_xlim(0, min(1.0, float(table["hit_high"].max()) * 1.25 + 0.04))
            drawn.xaxis.set_major_formatter(lambda value, _: w.percent(value, decimals=0))
            drawn.grid(axis="x")
            drawn.set_xlabel(w.say("chart.record.axis", days=record.horizon_days))
            _key_of_record(drawn, table, w)
        said = [_say_sign(row, w) for row in table.itertuples()]
        alt = w.say("chart.record.alt", finding=record.finding(), signs=list_in_alt(said, w))
        finish(drawn, _unbroken(_record_title(record)), alt)
    return drawn


def plot_watch(watch: WatchResult, *, ax: Axes | None = None) -> Axes:
    """Draw how many signs are new, still there and gone, sign by sign."""
    w, table = watch.wording, watch.by_sign
    table = table[table[list(SIGN_COLOURS)].sum(axis=1) > 0]
    with theme.use_theme():
        drawn = ax if ax is not None else theme.new_axes(9.0, 2.1 + 0.46 * max(len(table), 3))
        most = max(1, int(table[["new", "still"]].sum(axis=1).max() or 1) if len(table) else 1)
        _draw_watch(drawn, table, most, w)
        drawn.set_yticks(range(len(table)), [textwrap.fill(name, 28) for name in table["signal"]])
        drawn.set_ylim(max(len(table), 1) - 0.45, -0.55)
        drawn.tick_params(axis="y", length=0)
        drawn.set_xticks([])
        drawn.spines[:].set_visible(False)
        if table.empty:
            _say_nothing(drawn, w.say("chart.signals.empty"))
        else:
            drawn.axvline(0, color=theme.INK, linewidth=0.8)
            drawn.set_xlabel(w.say("chart.watch.axis"))
            _key_of_watch(drawn, watch)
        said = [
            w.say(
                "chart.watch.one",
                signal=row.signal,
                new=w.number(row.new),
                new_count=row.new,
                still=row.still,
                gone=w.number(row.gone),
                gone_count=row.gone,
            )
            for row in table.itertuples()
        ]
        alt = w.say("chart.watch.alt", finding=watch.finding(), signs=list_in_alt(said, w))
        finish(drawn, _unbroken(watch.finding(with_reasons=False)), alt)
    return drawn


def _draw_sign(ax: Axes, place: int, row: Any) -> None:
    """A point with its range, and the mark of the others."""
    colour = theme.LOSS if row.on else theme.NEUTRAL
    ax.plot(
        [row.hit_low, row.hit_high], [place, place], color=colour, lw=3.2, solid_capstyle="butt"
    )
    ax.plot(
        row.hit_rate,
        place,
        "o",
        color=colour,
        ms=9,
        mec=theme.PAPER,
        mew=1.0,
        zorder=4,
        clip_on=False,
    )
    ax.plot([row.base_rate] * 2, [place - 0.3, place + 0.3], color=theme.INK, lw=2.6, zorder=3)


def _write_lifts(ax: Axes, table: pd.DataFrame, w: Any) -> None:
    """How many times as often as the others, behind the range; off where that is chance."""
    for place, row in enumerate(table.itertuples()):
        if row.verdict_code == "no_better":
            label = w.say("chart.record.off")
        elif row.times_as_often == row.times_as_often:
            lift = w.number(float(row.times_as_often), decimals=1)
            label = w.say("chart.record.lift", lift=lift)
            label = label if row.verdict_code == "proven" else f"{label} · {row.verdict}"
        else:
            label = row.verdict
        end = max(float(row.hit_high), float(row.base_rate))
        ax.annotate(
            label,
            (end, place),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            size=9.5,
            weight="bold" if row.verdict_code == "proven" else "normal",
            color=theme.INK if row.on else theme.QUIET_INK,
        )


def _record_title(record: TrackRecord) -> str:
    proven = record.table[record.table["verdict_code"] == "proven"]
    proven = proven[proven["times_as_often"].notna()]
    if not record.dates or proven.empty:
        return record.finding()
    best = proven.sort_values(["times_as_often", "fired"], ascending=False).iloc[0]
    lift = record.wording.number(float(best["times_as_often"]), decimals=1)
    return record.wording.say("chart.record.title", signal=best["signal"], lift=lift)


def _say_sign(row: Any, w: Any) -> str:
    shares = {
        name: short_share(w, float(value))
        for name, value in (
            ("hit", row.hit_rate),
            ("low", row.hit_low),
            ("high", row.hit_high),
            ("base", row.base_rate),
        )
    }
    said: str = w.say("chart.record.one", signal=row.signal, verdict=row.verdict, **shares)
    return said


def _key_of_record(ax: Axes, table: pd.DataFrame, w: Any) -> None:
    from matplotlib.lines import Line2D

    colour = theme.LOSS if table["on"].any() else theme.NEUTRAL
    hit = Line2D([], [], color=colour, lw=3.2, marker="o", ms=9, mec=theme.PAPER)
    others = Line2D([], [], color=theme.INK, lw=0, marker="|", ms=13, mew=2.6)
    ax.legend(
        [hit, others],
        [w.say("chart.record.hit"), w.say("chart.record.base")],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.5,
    )


def _draw_watch(ax: Axes, table: pd.DataFrame, most: int, w: Any) -> None:
    """New and still there to the right, gone to the left, each figure in or beside its bar."""
    places = list(range(len(table)))
    bars: Any = {"height": 0.62, "edgecolor": theme.PAPER, "linewidth": 1.0}
    new, still, gone = (table[name].to_numpy() for name in SIGN_COLOURS)
    ax.barh(places, new, color=SIGN_COLOURS["new"], **bars)
    ax.barh(places, still, left=new, color=SIGN_COLOURS["still"], **bars)
    ax.barh(places, -gone, color=SIGN_COLOURS["gone"], hatch="//", **bars)
    for place, (came, stayed, left) in enumerate(zip(new, still, gone, strict=True)):
        pieces = [(came, came / 2, "new"), (stayed, came + stayed / 2, "still")]
        for count, middle, status in pieces:
            if count and count / most > 0.05:
                ink = theme.ink_on(SIGN_COLOURS[status])
                ax.text(middle, place, w.number(count), ha="center", va="center", size=9.5,
                        color=ink)  # fmt: skip
        small = [str(w.number(count)) for count, _, _ in pieces if count and count / most <= 0.05]
        if small:
            ax.annotate(" + ".join(small), (came + stayed, place), xytext=(4, 0),
                        textcoords="offset points", va="center", size=9.5)  # fmt: skip
        if left:
            ax.annotate(w.number(left), (-left, place), xytext=(-4, 0), ha="right",
                        textcoords="offset points", va="center", size=9.5)  # fmt: skip
    ax.set_xlim(-max(1, int(gone.max(initial=1))) - most * 0.06, most * 1.08)


def _key_of_watch(ax: Axes, watch: WatchResult) -> None:
    from matplotlib.patches import Patch

    patches = [
        Patch(
            facecolor=colour,
            edgecolor=theme.PAPER,
            hatch="//" if status == "gone" else None,
            label=watch.wording.say(f"watch.status.{status}"),
        )
        for status, colour in SIGN_COLOURS.items()
    ]
    ax.legend(
        handles=[patches[2], patches[0], patches[1]],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.5,
        handlelength=1.4,
    )


def _say_nothing(ax: Axes, words: str) -> None:
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center",
            color=theme.QUIET_INK)  # fmt: skip


def _unbroken(title: str) -> str:
    """A title whose French punctuation begins no line."""
    for mark in ";:»":
        title = title.replace(f" {mark}", f"\N{NO-BREAK SPACE}{mark}")
    return title.replace("« ", "«\N{NO-BREAK SPACE}")


def _upper_first(words: str) -> str:
    return words[:1].upper() + words[1:]
