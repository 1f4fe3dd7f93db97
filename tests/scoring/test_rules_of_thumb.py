"""The rules of thumb: they rank as people rank, and say a probability that is right on average."""

import numpy as np
import pandas as pd
import pytest

from retention_lib.portfolio.rfm import cut_points
from retention_lib.scoring._evaluation_verdict import RULES
from retention_lib.scoring._rules_of_thumb import rules_of_thumb

NAN = np.nan
COLUMNS = ("recency_days", "purchases_365", "spend_365", "overdue_ratio", "no_purchase_probability")


def rows(*values, churned=None):
    frame = pd.DataFrame(values, columns=COLUMNS, dtype=float)
    return frame if churned is None else frame.assign(churned=np.asarray(churned, dtype=float))


def customers(count=400, seed=0, *, upside_down=False):
    """Customers who leave the likelier the longer they are silent; upside down, the other way."""
    rng = np.random.default_rng(seed)
    silence = rng.integers(0, 360, count).astype(float)
    bought = rng.integers(1, 12, count).astype(float)
    risk = np.where(upside_down, 1 - silence / 360, silence / 360)
    return pd.DataFrame(
        {
            "recency_days": silence,
            "purchases_365": bought,
            "spend_365": bought * rng.uniform(5, 50, count),
            "overdue_ratio": np.where(bought > 1, silence * bought / 365, NAN),
            "no_purchase_probability": np.exp(-bought / 4),
            "churned": (rng.random(count) < risk).astype(float),
        }
    )


PAST = customers()


def test_there_are_five_rules_and_each_gives_every_customer_a_probability():
    said = rules_of_thumb(PAST, customers(50, seed=1))
    assert tuple(said) == RULES
    for probability in said.values():
        assert probability.shape == (50,)
        assert ((probability > 0) & (probability < 1)).all()


def test_each_rule_keeps_the_order_that_people_rank_by():
    now = rows([10, 8, 400, 0.3, 0.1], [100, 4, 200, 1.5, 0.4], [300, 1, 10, 4.0, 0.9])
    for rule, probability in rules_of_thumb(PAST, now).items():
        assert (np.diff(probability) > 0).all(), rule


def test_a_rule_is_never_turned_round_to_please_the_data():
    now = rows([10, 8, 400, 0.3, 0.1], [300, 1, 10, 4.0, 0.9])
    said = rules_of_thumb(customers(upside_down=True), now)["recency"]
    assert said[1] > said[0]
    # It says next to nothing then: all are as likely to leave as everybody.
    assert said == pytest.approx(customers(upside_down=True)["churned"].mean(), abs=0.01)


def test_the_probabilities_add_up_to_those_who_left_in_the_past():
    for probability in rules_of_thumb(PAST, PAST).values():
        assert probability.sum() == pytest.approx(PAST["churned"].sum(), abs=0.5)


def test_equal_customers_get_equal_probabilities():
    now = pd.concat([PAST.iloc[[3]], PAST.iloc[[3]]])
    for one, other in rules_of_thumb(PAST, now).values():
        assert one == other


def test_the_rfm_sum_uses_the_fifths_of_the_past_and_not_of_today():
    cuts = cut_points(PAST["recency_days"].to_numpy(), 5)
    just_below, just_above = cuts[0] - 1, cuts[0] + 1
    now = rows(
        [just_below, 6, 100, 1, 0.2], [just_below - 1, 6, 100, 1, 0.2], [just_above, 6, 100, 1, 0.2]
    )
    said = rules_of_thumb(PAST, now)["rfm_sum"]
    assert said[0] == said[1] < said[2]


def test_who_has_no_rhythm_yet_is_held_against_the_typical_one():
    past = rows([20, 5, 9, 2.0, 0.5], [40, 5, 9, 4.0, 0.5], [5, 5, 9, 0.5, 0.5], churned=[1, 1, 0])
    # All three have a rhythm of ten days: 20 days of silence are twice that.
    said = rules_of_thumb(past, rows([20, 1, 9, NAN, 0.5], [7, 5, 9, 2.0, 0.5]))["overdue"]
    assert said[0] == pytest.approx(said[1])


def test_what_is_missing_everywhere_leaves_a_rule_that_says_the_same_of_all():
    past = PAST.assign(no_purchase_probability=NAN, overdue_ratio=NAN)
    said = rules_of_thumb(past, past)
    assert np.ptp(said["purchase_model"]) == 0
    assert all(np.isfinite(probability).all() for probability in said.values())
    # Without any rhythm the silence itself is what is left.
    by_silence = np.argsort(said["recency"], kind="stable")
    assert np.argsort(said["overdue"], kind="stable").tolist() == by_silence.tolist()


def test_refunds_that_outweigh_the_purchases_count_as_no_spend():
    now = rows([50, 2, -80, 1, 0.5], [50, 2, 0, 1, 0.5], [50, 2, NAN, 1, 0.5])
    said = rules_of_thumb(PAST, now)["logistic_rfm"]
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("left", [0.0, 1.0])
def test_where_nobody_or_everybody_left_the_rules_still_rank(left):
    said = rules_of_thumb(PAST.assign(churned=left), PAST)
    for rule in ("recency", "overdue", "rfm_sum", "purchase_model"):
        assert np.ptp(said[rule]) > 0
        assert said[rule] == pytest.approx(left, abs=0.01)
    assert said["logistic_rfm"] == pytest.approx(left, abs=0.01)
