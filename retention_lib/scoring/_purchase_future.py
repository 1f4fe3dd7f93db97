"""How many purchases a living customer still makes."""

from __future__ import annotations

import numpy as np

from retention_lib.scoring._fitting import Values
from retention_lib.scoring._fitting_beta import BetaRule, distinct


def expected_while_alive(shape: Values, days: Values, a: Values, b: Values, ahead: float) -> Values:
    """Expected purchases within ``ahead`` days: rate Gamma(shape, days), dropout Beta(a, b).

    Given a dropout probability ``p`` they number ``(1 - (1 + p ahead / days)^-shape) / p``; the
    expectation over ``p`` is the bracket of equation 10 in Fader, Hardie and Lee (2005), doi
    10.1287/mksc.1040.0098. Customers with equal histories are worked out once, and the date of
    the last purchase plays no part while a customer is alive.
    """
    if not len(shape) or not ahead:
        return np.zeros(len(shape))
    (shapes, a_of, b_of), kind = distinct(shape, a, b)
    (kind, days), place = distinct(kind, days)
    rule = BetaRule.of(a_of, b_of, shapes * float(ahead / days.min()))
    shape, ratio = shapes[kind], ahead / days

    def purchases(p: Values, part: slice) -> Values:
        lasting: Values = np.log1p(p * ratio[part, None])
        lasting *= -shape[part, None]
        return -np.expm1(lasting) / p

    at_1 = -np.expm1(-shape * np.log1p(ratio))
    return rule.mean(kind, purchases, shape * ratio, at_1)[place]
