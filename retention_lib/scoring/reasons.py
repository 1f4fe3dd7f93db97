"""Why a customer's risk is what it is, told as facts with the customer's own figures.

A model explains itself in contributions of forty features, many of which say nearly the same.
Contributions are added within a family first; of the families that weigh most the fact behind
is told, with its direction and its size. A reason says what goes with the risk on this base,
not what brought it about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_lib.scoring._reason_catalogue import FACTS
from retention_lib.scoring._reason_facts import Fact, Known, Values
from retention_lib.scoring._reason_words import Words
from retention_lib.scoring.features import BY_NAME, Family

if TYPE_CHECKING:
    import pandas as pd

    from retention_lib.wording import Wording

MOST_REASONS = 3
"""More than three nobody reads."""
LEAST_POINTS = 1.0
"""Less than a point of probability is no reason."""
LEAST_SHARE = 0.2
"""On a base where few leave, less than a fifth of the average risk is no reason."""
NAMED_POINTS = 5.0
"""Where no fact agrees with the direction, a large effect is told by its name, a smaller not."""
_CERTAIN = 1e-6


def explain(
    frame: pd.DataFrame,
    contributions: Values,
    features: Sequence[str],
    *,
    wording: Wording,
    horizon_days: int,
    typical: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """At most three reasons for each customer's probability, in words, joined into one text.

    One row a row of ``frame``, with its index, and the column ``reasons``. Each reason tells a
    fact with the customer's own figures, then by how many points of probability it raises (+)
    or lowers (-) the risk: the probability less the one that the customer would have if that
    family of features contributed nothing, which is what it contributes for the average
    customer. Points of several families do not add up to the whole, because probabilities do
    not.

    Who is at more than the average risk reads first what raises it, who is at less what lowers
    it. Less than a point (or a fifth of the average risk, where that is less) is no reason.

    Parameters
    ----------
    frame
        The features as they are, and ``churn_probability`` (0 to 1). A feature that is not
        there is not told.
    contributions
        One row a row of ``frame``, one column a feature of ``features``: log-odds against the
        average customer.
    wording
        The language and the currency of the reasons.
    horizon_days
        The days ahead that the probability speaks of.
    typical
        The middle values of each feature among those that the model learnt from, without and
        with a contract; with them the reasons say what is usual for a customer of its kind,
        without them nothing is called few or many.

    Examples
    --------
    >>> import pandas as pd
    >>> from retention_lib.wording import Wording
    >>> frame = pd.DataFrame({"recency_days": [94.0], "mean_gap_days": [20.0],
    ...     "complaints_open": [2.0], "churn_probability": [0.55]})
    >>> names = ["recency_days", "mean_gap_days", "complaints_open"]
    >>> told = explain(frame, np.array([[0.8, 0.01, 0.25]]), names,
    ...     wording=Wording("en"), horizon_days=90)
    >>> print(told.loc[0, "reasons"])
    Silent for 94 days, where it usually buys every 20 days (+20 points); 2 complaints still
    open (+6 points)
    """
    import pandas as pd

    reasons = _told(frame, contributions, features, wording, horizon_days, typical)
    between = wording.say("reasons.joined", one="", next="")
    nothing = wording.say("reasons.none")
    texts = np.full((len(frame), MOST_REASONS), "", dtype=object)
    for told in reasons:
        texts[told.rows, told.places] = told.with_points
    joined = [between.join(filter(None, row)) or nothing for row in texts.tolist()]
    return pd.DataFrame({"reasons": pd.array(joined, dtype="str")}, index=frame.index)


def reasons_long(
    frame: pd.DataFrame,
    contributions: Values,
    features: Sequence[str],
    *,
    wording: Wording,
    horizon_days: int,
    typical: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """The same reasons as :func:`explain`, one row each, to count, filter and draw.

    Columns: ``customer_id, rank`` (1 is read first), ``family`` (in words), ``family_code``,
    ``direction`` (``raises`` or ``lowers``), ``effect_log_odds``, ``effect_points`` (points of
    probability, 0 to 100) and ``sentence`` (without the points). In the order of ``frame``,
    which needs the column ``customer_id`` as well; who has no reason has no row.
    """
    import pandas as pd

    reasons = list(_told(frame, contributions, features, wording, horizon_days, typical))
    row = _joined([told.rows for told in reasons], np.int64)
    place = _joined([told.places for told in reasons], np.int64)
    codes = np.repeat([told.family for told in reasons], [len(told.rows) for told in reasons])
    words = {code: wording.say(f"reasons.family.{code}") for code in FACTS}
    points = _joined([told.points for told in reasons], np.float64)
    long = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].to_numpy()[row],
            "rank": place + 1,
            "family": pd.array([words[code] for code in codes], dtype="str"),
            "family_code": pd.array(list(codes), dtype="str"),
            "direction": np.where(points > 0, "raises", "lowers").astype(object),
            "effect_log_odds": _joined([told.log_odds for told in reasons], np.float64),
            "effect_points": points,
            "sentence": pd.array([s for told in reasons for s in told.sentences], dtype="str"),
        }
    )
    long["direction"] = long["direction"].astype("str")
    return long.iloc[np.lexsort((place, row))].reset_index(drop=True)


@dataclass(frozen=True)
class _Told:
    """The reasons of one family: of which rows, at which place, how much, in words."""

    family: str
    rows: Values
    places: Values
    log_odds: Values
    points: Values
    sentences: list[str]
    with_points: list[str]


def _told(
    frame: pd.DataFrame,
    contributions: Values,
    features: Sequence[str],
    wording: Wording,
    horizon_days: int,
    typical: Mapping[str, tuple[float, float]] | None,
) -> Iterator[_Told]:
    parts = np.asarray(contributions, dtype=float)
    families = list(dict.fromkeys(BY_NAME[name].family for name in features))
    own = [[i for i, name in enumerate(features) if BY_NAME[name].family == f] for f in families]
    log_odds = np.column_stack([parts[:, columns].sum(axis=1) for columns in own])
    known, words = Known(frame, typical or {}), Words(wording, horizon_days)
    facts = np.column_stack(
        [
            _choose(FACTS[family], known, parts[:, columns], [features[i] for i in columns], effect)
            for family, columns, effect in zip(families, own, log_odds.T, strict=True)
        ]
    )
    points, order = _weigh(log_odds, frame["churn_probability"].to_numpy(dtype=float), facts >= 0)
    for number, family in enumerate(families):
        rows, places = np.nonzero(order == number)
        size = points[rows, number]
        sentences = _sentences(family, known, words, rows, facts[rows, number])
        with_points = words.with_points(sentences, size)
        effect = log_odds[rows, number]
        yield _Told(family, rows, places, effect, size, sentences, with_points)


def _choose(
    facts: Sequence[Fact], known: Known, parts: Values, names: Sequence[str], effect: Values
) -> Values:
    """Of each customer the fact that speaks for most of the effect and agrees; -1 for none.

    Plain facts stand in only where no other agrees, and then whatever they weigh.
    """
    sign = np.where(effect > 0, 1.0, -1.0)
    chosen, best = np.full(len(effect), -1), np.full(len(effect), -np.inf)
    for number, fact in enumerate(facts):
        columns = [place for place, name in enumerate(names) if name in fact.speaks_for]
        weight = sign * parts[:, columns].sum(axis=1)
        agrees = fact.when(known) & known.shows(fact) & ((effect > 0) == fact.raises)
        if not fact.plain:
            agrees &= weight > 0
            # Any such fact goes before a plain one.
            weight = weight + np.abs(parts).sum(axis=1)
        better = agrees & (weight > best)
        chosen[better], best[better] = number, weight[better]
    return chosen


def _weigh(log_odds: Values, probability: Values, told: Values) -> tuple[Values, Values]:
    """Points of each family, and the families of each row in the order to be read; -1 for none."""
    from scipy.special import expit, logit

    at = logit(np.clip(probability, _CERTAIN, 1 - _CERTAIN))
    points = 100 * (expit(at)[:, None] - expit(at[:, None] - log_odds))
    apart = log_odds.sum(axis=1)
    average = 100 * expit(at - apart)
    least = np.minimum(LEAST_POINTS, LEAST_SHARE * average)
    enough = np.abs(points) >= np.where(told, least[:, None], NAMED_POINTS)
    # What sets a customer apart in the direction in which it is apart is read first.
    side = np.where(apart >= 0, 1.0, -1.0)[:, None]
    weight = np.abs(points) + np.where(points * side > 0, 100.0, 0.0)
    weight[~enough] = -1.0
    order = np.argsort(-weight, axis=1, kind="stable")[:, :MOST_REASONS]
    return points, np.where(np.take_along_axis(weight, order, axis=1) < 0, -1, order)


def _sentences(
    family: Family, known: Known, words: Words, rows: Values, facts: Values
) -> list[str]:
    """The facts of some customers in words; the name of the family where there is none."""
    sentences = np.full(len(rows), words.other(family), dtype=object)
    for number, fact in enumerate(FACTS[family]):
        here = np.flatnonzero(facts == number)
        if len(here):
            sentences[here] = words.facts(fact, known.where(rows[here]))
    told: list[str] = sentences.tolist()
    return told


def _joined(parts: Sequence[Values], kind: Any) -> Values:
    """The arrays one after another; an empty one where there is none."""
    return np.concatenate([np.empty(0, dtype=kind), *parts]).astype(kind)
