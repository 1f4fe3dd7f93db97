"""Points less attrition as an unsure effect of its own, apart from how unsure attrition is."""

import numpy as np
import pytest

from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare, project
from retention_lib.errors import InputError

NOW = Scenario(
    customers=1000, attrition=Range(0.10, 0.15, 0.20), margin_per_customer=100, new_per_year=150
)
UNSURE = NOW.keep_more(Range(2, 5, 7)).change(programme_cost_per_customer=3)


def test_a_range_of_points_brings_the_same_as_the_likely_number_of_points():
    sure = NOW.keep_more(5).change(programme_cost_per_customer=3)
    one, other = compare(NOW, UNSURE), compare(NOW, sure)
    assert one.difference == pytest.approx(other.difference, rel=1e-12)
    assert one.parts().to_frame()["part_worth"].tolist() == pytest.approx(
        other.parts().to_frame()["part_worth"].tolist(), rel=1e-12
    )
    assert project(UNSURE).months().to_frame()["customers"].iloc[11] == pytest.approx(1050)


def test_each_end_of_the_points_is_an_input_of_its_own():
    tornado = compare(NOW, UNSURE).risk().tornado().to_frame().set_index("input_code")
    for points, column in ((2, "profit_at_low"), (7, "profit_at_high")):
        sure = compare(NOW, NOW.keep_more(points).change(programme_cost_per_customer=3))
        assert tornado.loc["points_kept", column] == pytest.approx(sure.difference, rel=1e-9)
    assert set(tornado.index) == {"points_kept", "attrition"}


def test_the_break_even_is_the_fewest_points_that_pay_for_the_programme():
    least = compare(NOW, UNSURE).risk().break_even().value("points_kept")
    barely = NOW.keep_more(Range(least, least, least)).change(programme_cost_per_customer=3)
    assert 0 < least < 5
    assert compare(NOW, barely).difference == pytest.approx(0, abs=0.01)


def test_a_wider_effect_makes_a_wider_range_and_may_lose_money():
    sure = compare(NOW, NOW.keep_more(5).change(programme_cost_per_customer=3)).risk()
    unsure = compare(NOW, NOW.keep_more(Range(-1, 5, 7)).change(programme_cost_per_customer=3))
    risk = unsure.risk()
    assert risk.high - risk.low > 2 * (sure.high - sure.low)
    assert risk.chance_of_loss > 0.05 > sure.chance_of_loss


def test_attrition_never_falls_below_nothing():
    kept = NOW.keep_more(Range(90, 95, 100))
    assert project(kept).to_frame()["lost"].tolist() == pytest.approx(np.zeros(5))


def test_it_goes_by_tenure_and_segment_for_everybody_and_is_code_that_makes_it_again():
    by_year = NOW.change(attrition=(0.3, 0.1)).keep_more(Range(5, 5, 5))
    plain = NOW.change(attrition=(0.25, 0.05))
    assert project(by_year).total_profit == pytest.approx(project(plain).total_profit)
    assert eval(repr(UNSURE)) == UNSURE
    assert "points_kept=rl.Range(2, 5, 7)" in UNSURE.code()


@pytest.mark.parametrize("points", [Range(0, 5, 101), "five", True])
def test_points_that_cannot_be_are_refused_with_what_is_meant(points):
    with pytest.raises(InputError, match="-100 to 100"):
        NOW.keep_more(points)


def test_a_range_for_one_segment_is_refused():
    by_segment = NOW.change(customers={"a": 500, "b": 500})
    with pytest.raises(InputError, match="goes for everybody"):
        by_segment.keep_more(Range(2, 5, 7), where="a")


def test_starting_values_show_points_only_where_there_are_any():
    assert "points_kept" not in set(NOW.starting_values().to_frame()["field"])
    row = UNSURE.starting_values().to_frame().set_index("field").loc["points_kept"]
    assert (row["figure"], row["likely_range"]) == ("5", "2 to 7")
