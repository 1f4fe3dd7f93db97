"""Whether a base still looks like the one that a model learnt from.

A score is worth what its training was like. Each feature's spread over ten bins is kept with
the model and compared with that of the base to be scored, by the population stability index.
What a feature did anyway from one training date to the next, season and growth included, is no
drift; nor is what chance does to a small base.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from retention_lib.results import Result
from retention_lib.scoring.features import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.wording import Wording

Values = np.ndarray[Any, np.dtype[Any]]

BINS = 10
FLOOR = 0.1
"""The usual line between a small shift and one worth a look."""
NATURAL = 3.0
"""How many times the shift seen between training dates is still natural: the day of scoring lies
further from the training than these dates from one another."""
CHANCE = 3.0
"""How many standard deviations of chance are allowed beyond what chance gives on average."""
FEWEST = 30

# The calendar goes on and customers grow older; neither makes a model wrong.
_GROWS = ("tenure_days", "purchases_total")


@dataclass(frozen=True)
class FeatureProfile:
    """How one feature was spread: ``shares`` by bin between ``cuts``, the last one missing.

    ``middle`` is the median of the known values, ``middles`` those of the customers without and
    with a contract; ``mean`` their average and ``some`` the share of them that is not zero;
    ``natural`` the largest shift of one training date against the others, less what chance gives.
    """

    name: str
    cuts: tuple[float, ...]
    shares: tuple[float, ...]
    middle: float
    middles: tuple[float, float]
    mean: float
    some: float
    natural: float


@dataclass(frozen=True)
class Profile:
    """What the training looked like: features, rows, customers, dates and share that churned."""

    features: tuple[FeatureProfile, ...]
    rows: int
    customers: int
    dates: tuple[str, ...]
    base_rate: float

    @property
    def typical(self) -> dict[str, tuple[float, float]]:
        """The middle values of each feature: without and with a contract."""
        return {each.name: each.middles for each in self.features}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, texts and numbers, for a file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Profile:
        """Undo :meth:`to_dict`."""
        features = tuple(
            FeatureProfile(
                name=str(each["name"]),
                cuts=tuple(float(cut) for cut in each["cuts"]),
                shares=tuple(float(share) for share in each["shares"]),
                middle=float(each["middle"]),
                middles=(float(each["middles"][0]), float(each["middles"][1])),
                mean=float(each["mean"]),
                some=float(each["some"]),
                natural=float(each["natural"]),
            )
            for each in plain["features"]
        )
        return cls(
            features=features,
            rows=int(plain["rows"]),
            customers=int(plain["customers"]),
            dates=tuple(str(day) for day in plain["dates"]),
            base_rate=float(plain["base_rate"]),
        )


def training_profile(panel: pd.DataFrame, features: Sequence[str]) -> Profile:
    """What the rows that a model is trained on look like, for :func:`check_drift`.

    ``panel`` is one row a customer and date of :func:`take_snapshots`: ``customer_id``,
    ``date``, ``churned`` and the features.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"customer_id": ["a", "b", "c"], "date": pd.Timestamp("2024-06-01"),
    ...     "recency_days": [3.0, 40.0, 9.0], "churned": [0.0, 1.0, 0.0]})
    >>> training_profile(panel, ["recency_days"]).typical
    {'recency_days': (9.0, nan)}
    """
    days, date_of = np.unique(panel["date"].to_numpy(), return_inverse=True)
    customers = int(panel["customer_id"].nunique())
    bound = np.zeros(len(panel), dtype=bool)
    if "is_contract" in panel:
        bound = panel["is_contract"].to_numpy(dtype=float) == 1
    known = [
        _profile(name, panel[name].to_numpy(dtype=float), date_of, bound, customers)
        for name in features
    ]
    return Profile(
        features=tuple(known),
        rows=len(panel),
        customers=customers,
        dates=tuple(str(day)[:10] for day in days),
        base_rate=float(panel["churned"].mean()),
    )


def check_drift(profile: Profile, frame: pd.DataFrame, wording: Wording) -> DriftResult:
    """Compare the customers to be scored with those that the model learnt from.

    ``frame`` is one row a customer of :func:`take_snapshots`; of those, the eligible. A feature
    that is not there counts as missing for all. The shift is the population stability index
    over ten bins and the missing; it is drift above 0.1, three times what the feature did
    between the training dates, and what chance gives with so many customers, taken together.
    Tenure, purchases ever and the calendar move by nature and are told but never judged, except
    where they are missing.
    """
    import pandas as pd

    if "eligible" in frame:
        frame = frame[frame["eligible"]]
    rows = [_compare(each, frame, profile.customers, wording) for each in profile.features]
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    order = np.lexsort((table["allowed"] - table["shift"], ~table["drifted"]))
    return DriftResult(
        table.iloc[order].reset_index(drop=True),
        wording=wording,
        assumptions={
            "drift_training": wording.say(
                "drift.training", customers=profile.customers, dates=len(profile.dates)
            ),
            "drift_line": wording.number(FLOOR, decimals=2),
        },
        customers=len(frame),
    )


_COLUMNS = ("feature", "family", "was", "now", "shift", "allowed", "drifted", "feature_code")


@dataclass(frozen=True, repr=False, eq=False)
class DriftResult(Result):
    """How far each feature has shifted since the training, the furthest beyond its limit first.

    Columns: ``feature`` and ``family`` in words, ``was`` and ``now`` (the middle customer then
    and now, or for how many it is known), ``shift`` (population stability index), ``allowed``
    (what is not yet drift), ``drifted``, ``feature_code``.
    """

    formats: ClassVar[Mapping[str, str]] = {"shift": "decimal", "allowed": "decimal"}
    hidden: ClassVar[tuple[str, ...]] = ("drifted", "feature_code")

    customers: int = field(kw_only=True)

    @property
    def drifted(self) -> bool:
        """Whether the base no longer looks like the one that the model learnt from."""
        return bool(self.table["drifted"].any())

    def sentence(self) -> str:
        """Whether the base still looks the same; if not, what changed most, and what to do."""
        w = self.wording
        if self.drifted:
            first, more = self.table.iloc[0], int(self.table["drifted"].sum()) - 1
            key = "drift.found_more" if more else "drift.found"
            values = {"feature": first["feature"], "was": first["was"], "now": first["now"]}
            return w.say(key, **values, **({"more": more} if more else {}))
        key = "drift.few" if self.customers < FEWEST else "drift.none"
        return w.say(key, customers=self.customers)


def _profile(
    name: str, values: Values, date_of: Values, bound: Values, customers: int
) -> FeatureProfile:
    known = values[~np.isnan(values)]
    steps = np.arange(1, BINS) / BINS
    cuts = np.unique(np.quantile(known, steps)) if len(known) else np.empty(0)
    counts = np.array(
        [_counts(values[date_of == place], cuts) for place in range(int(date_of.max()) + 1)]
    )
    total = counts.sum(axis=0)
    natural = 0.0
    for each in counts if len(counts) > 1 else counts[:0]:
        shift, chance, _ = _shift(total - each, each, customers, int(each.sum()))
        natural = max(natural, shift - chance)
    return FeatureProfile(
        name=name,
        cuts=tuple(cuts.tolist()),
        shares=tuple((total / total.sum()).tolist()),
        middle=_middle(values),
        middles=(_middle(values[~bound]), _middle(values[bound])),
        mean=_mean(known),
        some=_mean(known != 0),
        natural=natural,
    )


def _middle(values: Values) -> float:
    """The median of what is known, missing where nothing is."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else math.nan


def _counts(values: Values, cuts: Values) -> Values:
    """Rows by bin, a bin reaching up to and with its cut; the missing last."""
    missing = np.isnan(values)
    bins = np.searchsorted(cuts, values[~missing], side="left")
    return np.append(np.bincount(bins, minlength=len(cuts) + 1), missing.sum()).astype(float)


def _shift(then: Values, now: Values, many_then: int, many_now: int) -> tuple[float, float, float]:
    """The population stability index, what chance alone gives on average, and its spread.

    Half a row is added to every bin, so that an empty one is rare rather than impossible. Under
    no change the index is a chi-square over the numbers of customers.
    """
    bins = int(np.count_nonzero(then + now))
    if bins <= 1:
        # All lie in one bin then and now; the halves alone would make a few differ from many.
        return 0.0, 0.0, 0.0
    before = (then + 0.5) / (then.sum() + 0.5 * len(then))
    after = (now + 0.5) / (now.sum() + 0.5 * len(now))
    index = float(((after - before) * np.log(after / before)).sum())
    each = 1 / max(many_then, 1) + 1 / max(many_now, 1)
    return index, (bins - 1) * each, math.sqrt(2 * max(bins - 1, 0)) * each


def _compare(
    then: FeatureProfile, frame: pd.DataFrame, customers: int, wording: Wording
) -> tuple[Any, ...]:
    feature = BY_NAME[then.name]
    absent = then.name not in frame
    now = np.full(len(frame), np.nan) if absent else frame[then.name].to_numpy(dtype=float)
    counts = _counts(now, np.array(then.cuts))
    shares = np.array(then.shares)
    if feature.unit == "angle" or then.name in _GROWS:
        # Only whether it is known at all.
        shares = np.array([1 - shares[-1], shares[-1]])
        counts = np.array([counts[:-1].sum(), counts[-1]])
    shift, chance, spread = _shift(shares * customers, counts, customers, len(now))
    allowed = FLOOR + NATURAL * then.natural + chance + CHANCE * spread
    was, is_now = _said(then, now, wording)
    family = wording.say(f"reasons.family.{feature.family}")
    drifted = len(now) > 0 and shift > allowed
    return (
        wording.label(then.name), family, was, is_now, shift, allowed, drifted, then.name
    )  # fmt: skip


def _said(then: FeatureProfile, now: Values, wording: Wording) -> tuple[str, str]:
    """The middle customer then and now; where much more or less is known, for how many it is.

    Where both middles read the same: for how many it is not zero, or the averages.
    """
    missing = np.isnan(now)
    known_then, known_now = 1 - then.shares[-1], 1 - float(missing.mean()) if len(now) else 0.0
    if abs(known_then - known_now) > 0.2 or known_now == 0:
        said = [
            wording.say("drift.known", share=wording.percent(share, decimals=0))
            for share in (known_then, known_now)
        ]
        return said[0], said[1]
    unit, known = BY_NAME[then.name].unit, now[~missing]
    if unit == "flag":
        return _whole(then.mean, wording), _whole(_mean(known), wording)
    was, is_now = (_amount(each, unit, wording) for each in (then.middle, _middle(known)))
    if was != is_now:
        return was, is_now
    if then.middle == 0:
        some = [_whole(share, wording) for share in (then.some, _mean(known != 0))]
        if some[0] != some[1]:
            was, is_now = (wording.say("drift.some", share=share) for share in some)
            return was, is_now
    means = (_amount(each, unit, wording, 1) for each in (then.mean, _mean(known)))
    was, is_now = (wording.say("drift.mean", amount=mean) for mean in means)
    return was, is_now


def _whole(share: float, wording: Wording) -> str:
    return wording.percent(share, decimals=0)


def _amount(value: float, unit: str, wording: Wording, finer: int = 0) -> str:
    """The value with its unit, to ``finer`` decimals more than a middle needs."""
    if unit == "money":
        return wording.money(value, decimals=2 * finer)
    if unit == "days" and not finer:
        return wording.say("reasons.days", n=round(value))
    if unit == "share":
        return wording.percent(value, decimals=finer)
    return wording.number(value, decimals=finer + (0 if unit in ("count", "days") else 2))
