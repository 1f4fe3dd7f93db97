"""What was learnt of who responds, and what it says of each customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retention_lib.decisions._uplift_facts import UpliftFacts
from retention_lib.decisions._uplift_learners import Responder, Unseen
from retention_lib.decisions._uplift_qini import Curves, Floats

MOST = 3.0
"""Nobody is taken to respond more than so many times as well as the average customer."""

_LEAST_RISK = 0.05
_STEEPEST = 1.5


@dataclass(frozen=True, eq=False)
class Learnt:
    """All that was found: the rows, what was said of them unseen, the curves, the final learner."""

    facts: UpliftFacts
    unseen: Unseen
    curves: Curves
    responder: Responder
    campaigns: tuple[str, ...]


def relative(uplift: Floats, risk: Floats) -> Floats:
    """How many times the average save rate each customer has, from 0 to :data:`MOST`.

    The save rate is the uplift over the risk of buying nothing: of those who would have bought
    nothing, the share that contact wins. Weighted by risk they average 1, so that the effect on
    all customers together stays what was measured. All 1 where contact does nothing on average.

    >>> relative(np.array([0.2, 0.0]), np.array([0.5, 0.5])).tolist()
    [2.0, 0.0]
    """
    ones = np.ones(len(uplift))
    held = np.maximum(risk, _LEAST_RISK)
    if not len(uplift) or uplift.sum() <= 0:
        return ones
    times = np.clip(uplift / held / (uplift.sum() / held.sum()), 0.0, MOST)
    for _ in range(20):
        mean = float((times * held).sum() / held.sum())
        times = np.clip(times / mean, 0.0, MOST)
    return np.asarray(times)


def expected(learnt: Learnt, values: Floats) -> Floats:
    """What the learners say, drawn to the mean as far as they said too much of those unseen."""
    said = np.mean(list(learnt.responder.uplift(values).values()), axis=0)
    own = np.mean(list(learnt.responder.uplift(learnt.facts.values).values()), axis=0)
    unseen, truth = learnt.unseen.together, learnt.unseen.truth
    spread = float(unseen.var())
    slope = float(np.cov(unseen, truth)[0, 1]) / spread if spread > 1e-12 else 0.0
    said_less: Floats = truth.mean() + float(np.clip(slope, 0.0, _STEEPEST)) * (said - own.mean())
    return np.clip(said_less, -1.0, 1.0)
