"""What five points less attrition is worth, beside what is published about them."""

import pandas as pd
import polars as pl
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base, simulate_tables
from retention_lib.decisions.five_points import five_points, retention_for, weigh_points
from retention_lib.decisions.ranges import Range
from retention_lib.decisions.scenarios import Scenario, compare, margin_multiple
from retention_lib.errors import InputError
from retention_lib.wording import Wording

NOW = Scenario(customers=1000, attrition=0.15, new_per_year=150, margin_per_customer=100)


@pytest.fixture(scope="module")
def base():
    return simulate_base(250, seed=3)[0]


@pytest.fixture(scope="module")
def measured(base):
    return Scenario.from_base(base)


def lines(*rows):
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return table.assign(date=pd.to_datetime(table["date"]))


def test_the_worth_is_the_difference_of_the_two_projections():
    found = weigh_points(NOW, 5)
    wanted = compare(NOW, NOW.change(attrition=0.10)).difference
    assert found.value("profit_more") == pytest.approx(wanted)
    assert found.comparison().difference == pytest.approx(wanted)
    assert found.value("attrition_then") == pytest.approx(0.10)


def test_spending_the_most_that_it_may_cost_leaves_nothing():
    found = weigh_points(NOW, 5)
    for code, name in (("most_a_year", "programme_cost"),
                       ("most_each", "programme_cost_per_customer")):  # fmt: skip
        paid = found.after.change(**{name: found.value(code)})
        assert compare(NOW, paid).difference == pytest.approx(0, abs=1e-6)


# r / (1 + i - r) at 12 %, five points higher: for 60 %, (0.65 / 0.47) / (0.60 / 0.52) - 1.
@pytest.mark.parametrize(
    ("retention", "gain"),
    [(0.60, 0.199), (0.70, 0.216), (0.80, 0.259), (0.90, 0.366), (0.95, 0.491)],
)
def test_the_margin_multiple_rises_as_published(retention, gain):
    at = NOW.change(attrition=1 - retention, discount_rate=0.12)
    found = weigh_points(at, 5)
    assert found.value("multiple_more") == pytest.approx(gain, abs=0.0005)
    exact = margin_multiple(retention + 0.05, 0.12) / margin_multiple(retention, 0.12) - 1
    assert found.value("multiple_more") == pytest.approx(exact)


def test_the_retention_that_a_published_gain_takes_gives_that_gain():
    for gain in (0.30, 0.50):
        needed = retention_for(gain, 0.10)
        exact = margin_multiple(needed + 0.05, 0.10) / margin_multiple(needed, 0.10) - 1
        assert exact == pytest.approx(gain, abs=0.001)
    assert retention_for(0.85, 0.10) != retention_for(0.85, 0.10)  # missing: none is high enough


def test_the_multiples_of_other_retentions_stand_beside_that_of_the_base():
    table = weigh_points(NOW.change(discount_rate=0.12), 5).multiples().to_frame()
    assert table["retention"].tolist() == ["60.0 %", "70.0 %", "80.0 %", "85.0 %", "90.0 %",
                                           "95.0 %"]  # fmt: skip
    assert table["whose_rate"].tolist() == ["", "", "", "this base", "", ""]


def test_a_base_that_loses_fewer_gets_as_many_points_as_there_are_and_hears_it():
    found = weigh_points(NOW.change(attrition=0.03), 5)
    assert found.cut == pytest.approx(0.03)
    assert found.value("attrition_then") == 0
    assert "no more than 3 points of attrition to take off, not 5" in found.sentence()
    assert found.verdict == "other"


def test_a_base_that_lost_nobody_has_nothing_to_take_off():
    found = weigh_points(NOW.change(attrition=0), 5)
    assert found.missing
    assert "lost nobody" in found.sentence()
    assert found.value("profit_more") != found.value("profit_more")


def test_those_kept_may_be_worth_what_the_lost_were():
    found = weigh_points(NOW, 5, lost_each=40.0)
    assert found.value("lost_more") == pytest.approx(0.4 * found.value("profit_more"))
    assert "no more than those really lost" in found.sentence()


def test_the_verdict_holds_for_the_whole_range_or_is_open():
    def verdict(low, likely, high):
        return weigh_points(NOW.change(attrition=Range(low, likely, high)), 5).verdict

    assert verdict(0.14, 0.15, 0.16) == "inside"
    assert verdict(0.30, 0.35, 0.40) == "outside"
    assert verdict(0.15, 0.22, 0.40) == "open"


def test_a_wider_attrition_makes_a_wider_range_around_the_same_figure():
    narrow, wide = (
        weigh_points(NOW.change(attrition=Range(0.15 - half, 0.15, 0.15 + half)), 5)
        for half in (0.01, 0.04)
    )
    for found in (narrow, wide):
        low, high = found.interval("profit_more")
        assert low < found.value("profit_more") < high
    assert wide.interval("multiple_more")[0] < narrow.interval("multiple_more")[0]
    assert wide.interval("multiple_more")[1] > narrow.interval("multiple_more")[1]
    assert narrow.interval("profit_more", level=0.95)[0] < narrow.interval("profit_more")[0]


def test_without_a_margin_it_does_not_say_what_may_be_spent():
    base = simulate_base(40, seed=4)[0]
    bare = CustomerBase.from_tables(
        base.to_pandas("transactions")[["customer_id", "date", "amount"]]
    )
    found = five_points(bare)
    assert found.value("most_a_year") != found.value("most_a_year")
    assert "no margin" in found.sentence() or "none is known" in found.sentence()


def test_on_a_base_it_starts_from_the_measured_attrition(base, measured):
    found = five_points(base)
    assert found.before == measured
    assert found.after == measured.keep_more(5)
    low, high = found.interval("profit_more")
    assert 0 < low < found.value("profit_more") < high
    assert found.assumptions["from_attrition"]
    assert len(found.published().to_frame()) == 3


def test_points_years_and_rate_are_the_askers(base, measured):
    one = weigh_points(measured, 1.0)
    other = five_points(base, points=1, years=10, discount_rate=0.3)
    assert one.value("profit_more") > 0
    assert other.before == one.before.change(years=10, discount_rate=0.3)
    assert other.value("multiple_more") < one.value("multiple_more")
    assert one.sentence().startswith("1 point d'attrition en moins")


@pytest.mark.parametrize("points", [0, -1, 101, True, "5", None, float("nan")])
def test_points_that_cannot_be_are_refused(base, points):
    with pytest.raises(InputError, match="percentage points less attrition"):
        five_points(base, points=points)


def test_what_comes_after_as_of_changes_nothing(base):
    early = base.at("2025-06-30")
    tables = {
        name: base.to_pandas(name) for name in ("transactions", "customers") if base.has(name)
    }
    tables["transactions"] = tables["transactions"].query("date <= '2025-06-30'")
    cut = CustomerBase.from_tables(**tables, as_of="2025-06-30", currency="EUR")
    columns = ["code", "value", "low", "high"]
    one, two = five_points(early).to_frame()[columns], five_points(cut).to_frame()[columns]
    pd.testing.assert_frame_equal(one, two)
    assert one["value"].notna().sum() >= 7


def test_duckdb_and_polars_tell_the_same():
    tables, _ = simulate_tables(120, seed=5)
    filled = {name: table for name, table in tables.items() if len(table)}
    one = five_points(CustomerBase.from_tables(**filled))
    other = {name: pl.from_pandas(table) for name, table in filled.items()}
    two = five_points(CustomerBase.from_tables(**other))
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())


@pytest.mark.parametrize(
    ("language", "rows"),
    [
        ("en", [("a", "2024-01-05", 10.0)]),
        ("fr", [("a", "2024-01-05", 10.0), ("b", "2024-01-05", 20.0)]),
        ("en", [("a", "2024-01-05", -10.0), ("b", "2024-03-05", -20.0)]),
        ("fr", [("a", f"2023-{month:02d}-05", 10.0) for month in range(1, 13)]),
    ],
)
def test_bases_that_tell_little_get_a_sentence_and_no_error(language, rows):
    found = five_points(CustomerBase.from_tables(lines(*rows), language=language))
    assert found.sentence().endswith(".")
    assert len(found.to_frame()) == 9
    for result in (found.published(), found.multiples(), found.risk()):
        assert result.sentence()


def test_it_speaks_french():
    found = weigh_points(Scenario(customers=1000, attrition=0.15, margin_per_customer=100,
                                  wording=Wording("fr", "EUR")), 5, lost_each=40.0)  # fmt: skip
    said = found.sentence().replace("\u202f", " ").replace("\xa0", " ")
    assert said.startswith("5 points d'attrition en moins (de 15,0 % à 10,0 % par an)")
    assert "dans les 25 % à 85 % publiés" in said


@pytest.mark.parametrize("margin", [0, -20])
def test_points_less_attrition_are_worth_nothing_where_a_customer_leaves_no_margin(margin):
    found = weigh_points(NOW.change(margin_per_customer=margin), 5)
    assert found.missing
    assert "earns nothing" in found.sentence()
    assert found.value("most_a_year") != found.value("most_a_year")


def test_a_base_without_customers_has_nobody_to_keep():
    found = weigh_points(NOW.change(customers=0, new_per_year=0), 5)
    assert found.missing
    assert found.sentence() == "There is no active customer, so there is no attrition to take off."


def test_without_a_range_there_are_no_empty_brackets():
    assert "()" not in weigh_points(NOW, 5).sentence()
