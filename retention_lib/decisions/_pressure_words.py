"""Contact pressure in tables and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions._pressure_facts import (
    AFTER,
    BANDS,
    EVERYBODY,
    MOST,
    STRETCH,
    UNKNOWN,
    VALUE,
    PressureFacts,
)
from retention_lib.decisions._pressure_now import level_words
from retention_lib.decisions._pressure_rates import (
    RULED_OUT,
    Share,
    Verdict,
    cells,
    segments_of,
)
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.wording import Wording

if TYPE_CHECKING:
    import pandas as pd

_PER = 1000
_SHARES = {
    "bought_30": "bought_in_30",
    "bought_90": "bought_in_90",
    "lost": "lost_later",
    "opt_outs": "opt_outs_per_1000",
}
_WITH_ENDS = tuple(
    name for share in _SHARES.values() for name in (share, f"{share}_low", f"{share}_high")
)
_COLUMNS: Mapping[str, str] = {
    "segment": "object",
    "contacts_in_30": "object",
    "customers": "int64",
    **dict.fromkeys(_WITH_ENDS, "float64"),
    "segment_code": "object",
    "level": "int64",
    "looks": "int64",
    "contacts": "int64",
    "opt_outs": "int64",
}
FORMATS: Mapping[str, str] = {
    "customers": "count",
    **{name: "decimal" if "1000" in name else "percent" for name in _WITH_ENDS},
}
HIDDEN = (
    "bought_in_30_low",
    "bought_in_30_high",
    "bought_in_90_low",
    "bought_in_90_high",
    "segment_code",
    "level",
    "looks",
    "contacts",
    "opt_outs",
)
_ACCEPTABLE: Mapping[str, str] = {
    "segment": "object",
    "reaction": "object",
    "acceptable_contacts": "Int64",
    "reading": "object",
    "share_before": "float64",
    "share_beyond": "float64",
    "share_beyond_low": "float64",
    "share_beyond_high": "float64",
    "segment_code": "object",
    "reaction_code": "object",
    "verdict_code": "object",
}
ACCEPTABLE_FORMATS: Mapping[str, str] = {
    "acceptable_contacts": "count",
    "share_before": "percent",
    "share_beyond": "percent",
    "share_beyond_low": "percent",
    "share_beyond_high": "percent",
}
ACCEPTABLE_HIDDEN = (
    "share_before",
    "share_beyond",
    "share_beyond_low",
    "share_beyond_high",
    "segment_code",
    "reaction_code",
    "verdict_code",
)


def segment_words(code: str, wording: Wording) -> str:
    """A segment as one says it."""
    if code == EVERYBODY:
        return wording.say("pressure.everybody")
    if code in BANDS or code == UNKNOWN:
        return wording.say(f"pressure.segment.{'unknown' if code == UNKNOWN else code}")
    return code


def no_table() -> pd.DataFrame:
    """The table without any row."""
    import pandas as pd

    return pd.DataFrame([], columns=list(_COLUMNS)).astype(dict(_COLUMNS))


def table(counted: PressureFacts, wording: Wording) -> pd.DataFrame:
    """One row a segment and number of contacts; shares of fewer than 30 customers are missing."""
    import pandas as pd

    shares = {name: cells(counted.looks, name) for name in _SHARES if name != "opt_outs"}
    if counted.sent is not None:
        shares["opt_outs"] = cells(counted.sent, "opt_outs")
    rows = [
        _row(shares, segment, level, wording)
        for segment in segments_of(counted)
        for level in range(MOST + 1)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(dict(_COLUMNS))


def _row(
    shares: Mapping[str, Mapping[tuple[str, str], Share]],
    segment: str,
    level: int,
    wording: Wording,
) -> dict[str, Any]:
    nothing = Share(0.0, 0.0, 0.0, 0)
    of = {name: found.get((segment, f"={level}"), nothing) for name, found in shares.items()}
    sent = of.get("opt_outs", nothing)
    row: dict[str, Any] = {
        "segment": segment_words(segment, wording),
        "contacts_in_30": level_words(level, wording),
        "customers": of["bought_90"].customers,
        "segment_code": segment,
        "level": level,
        "looks": int(of["bought_90"].n),
        "contacts": int(sent.n),
        "opt_outs": int(sent.hits),
    }
    for name, share in of.items():
        if share.customers >= SKETCH_BELOW:
            column, unit = _SHARES[name], _PER if name == "opt_outs" else 1
            low, high = share.between()
            row[column] = unit * share.value
            row[f"{column}_low"], row[f"{column}_high"] = unit * low, unit * high
    return row


def acceptable(verdicts: list[Verdict], wording: Wording) -> pd.DataFrame:
    """One row a segment and measure: the highest number of contacts beyond which it rises."""
    import pandas as pd

    rows = []
    for one in verdicts:
        throughout = one.code == "no_rise_seen" and one.acceptable == MOST
        reading = "none_at_all" if throughout else one.code
        row: dict[str, Any] = {
            "segment": segment_words(one.segment, wording),
            "reaction": wording.say(f"pressure.reaction.{one.measure}"),
            "reading": wording.say(f"pressure.reading.{reading}", acceptable=one.acceptable),
            "segment_code": one.segment,
            "reaction_code": one.measure,
            "verdict_code": one.code,
        }
        if one.code != "cannot_tell":
            row["acceptable_contacts"] = one.acceptable
        if one.before is not None and one.beyond is not None:
            row["share_before"], row["share_beyond"] = one.before.value, one.beyond.value
            row["share_beyond_low"], row["share_beyond_high"] = one.beyond.between()
        rows.append(row)
    return pd.DataFrame(rows, columns=list(_ACCEPTABLE)).astype(dict(_ACCEPTABLE))


def finding(counted: PressureFacts, verdicts: list[Verdict], base: CustomerBase) -> str:
    """Where opt-outs or losses clearly rise; else how far they do not, or that nobody can tell."""
    w = base.wording
    order = [one for one in verdicts if one.segment == EVERYBODY]
    order += [one for one in verdicts if one.segment != EVERYBODY]
    for everybody in (True, False):
        rising = [
            one for one in order if one.code == "rises" and (one.segment == EVERYBODY) == everybody
        ]
        if rising:
            return _rises(min(rising, key=lambda one: one.acceptable), base)
    seen = [one for one in order if one.segment == EVERYBODY and one.code == "no_rise_seen"]
    if seen:
        one = next((v for v in seen if v.measure == "lost"), seen[0])
        key = "most" if one.acceptable == MOST else one.measure
        return w.say(f"pressure.no_rise.{key}", acceptable=one.acceptable)
    return _cannot_tell(counted, base)


def _cannot_tell(counted: PressureFacts, base: CustomerBase) -> str:
    """Why nobody can tell: what is too few, not dated, or not known yet."""
    w, nothing = base.wording, Share(0.0, 0.0, 0.0, 0)
    opt_outs = w.say("pressure.why.undated")
    if counted.sent is not None:
        answered = cells(counted.sent, "opt_outs")
        hits = sum(answered.get((EVERYBODY, f"={n}"), nothing).hits for n in range(1, MOST + 1))
        opt_outs = w.say("pressure.why.few_opt_outs", opt_outs=int(hits))
    if counted.dates_lost:
        looks = cells(counted.looks, "bought_90")
        often = sum(looks.get((EVERYBODY, f"={n}"), nothing).n for n in range(2, MOST + 1))
        lost = w.say("pressure.why.rare", often=int(often))
    else:
        lost = w.say("pressure.why.lost_later", days=base.activity_window_days)
    return w.say("pressure.cannot_tell", opt_outs=opt_outs, lost=lost)


def _rises(one: Verdict, base: CustomerBase) -> str:
    w = base.wording
    if one.before is None or one.beyond is None:
        raise ValueError("a rise has two shares")
    if one.measure == "opt_outs":
        before, beyond = (w.number(_PER * s.value, decimals=1) for s in (one.before, one.beyond))
    else:
        before, beyond = (w.percent(s.value, decimals=0) for s in (one.before, one.beyond))
    found = w.say(
        f"pressure.rises.{one.measure}",
        acceptable=one.acceptable,
        before=before,
        beyond=beyond,
        days=base.activity_window_days,
    )
    if one.segment == EVERYBODY:
        return found
    return w.say(
        "pressure.in_segment",
        segment=segment_words(one.segment, w),
        finding=found[:1].lower() + found[1:],
    )


def assumptions(base: CustomerBase, segment: str, counted: PressureFacts) -> dict[str, object]:
    """Every choice behind the table, in words."""
    w = base.wording
    latest, oldest = (engine.day_of(counted.dates[place]) for place in (0, -1))
    said: dict[str, object] = {
        "as_of": base.as_of,
        "pressure_looks": w.say(
            "pressure.assumed.looks",
            dates=len(counted.dates),
            stretch=STRETCH,
            oldest=w.date(oldest),
            latest=w.date(latest),
        ),
        "pressure_segments": w.say(f"pressure.assumed.by_{segment}")
        if segment == VALUE
        else w.label(segment),
        "pressure_after": w.say("pressure.assumed.after", days=AFTER, stretch=STRETCH),
        "pressure_lost": w.say("pressure.assumed.lost", days=base.activity_window_days)
        if counted.dates_lost
        else w.say("pressure.assumed.lost_unknown", days=base.activity_window_days),
        "pressure_opt_outs": w.say(
            "pressure.assumed.opt_outs" if counted.sent is not None else "pressure.assumed.undated"
        ),
    }
    if counted.without_troubled:
        said["pressure_left_out"] = w.say("pressure.assumed.left_out")
    if counted.one_in > 1:
        said["pressure_sample"] = w.say("pressure.assumed.sample", one_in=counted.one_in)
    said["pressure_rise"] = w.say(
        "pressure.assumed.rise", times=w.number(RULED_OUT, decimals=0), least=SKETCH_BELOW
    )
    said["pressure_warning"] = w.say("pressure.warning")
    return said
