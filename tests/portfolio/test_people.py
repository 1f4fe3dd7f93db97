"""Who is known at each customer, by hand; unknown is never taken for no."""

import pandas as pd
import polars as pl
import pytest

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio.people import check_people

# nil: nobody; mute: one who does not decide; solo: one who decides; trio: three, none decides;
# dark: two, of whom nobody recorded it; full: two, one decides; gone bought two years ago.
SALES = pd.DataFrame(
    [
        ("nil", "2025-03-01", 10.0),
        ("mute", "2025-03-02", 20.0),
        ("solo", "2025-03-03", 40.0),
        ("trio", "2025-03-04", 80.0),
        ("trio", "2025-03-05", -5.0),
        ("dark", "2025-03-06", 160.0),
        ("full", "2025-03-07", 320.0),
        ("gone", "2023-03-07", 999.0),
    ],
    columns=["customer_id", "date", "amount"],
).assign(date=lambda frame: pd.to_datetime(frame["date"]))
YES, NO, UNKNOWN = True, False, None
PEOPLE = pd.DataFrame(
    [
        ("mute", "p1", NO, YES),
        ("solo", "p2", YES, NO),
        ("solo", "p2", UNKNOWN, NO),  # listed twice
        ("trio", "p3", NO, NO),
        ("trio", "p4", NO, YES),
        ("trio", "p5", NO, UNKNOWN),
        ("dark", "p6", NO, NO),
        ("dark", "p7", UNKNOWN, UNKNOWN),
        ("full", "p8", YES, YES),
        ("full", "p9", UNKNOWN, NO),
        ("elsewhere", "p0", YES, NO),
    ],
    columns=["customer_id", "person_id", "is_decision_maker", "is_prescriber"],
).astype({"is_decision_maker": "boolean", "is_prescriber": "boolean"})


def base_of(people=PEOPLE, **options):
    return CustomerBase.from_tables(SALES, people=people, **{"currency": "EUR", **options})


def codes(result):
    return dict(zip(result.table["customer_id"], result.table["gap_code"], strict=True))


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_six_customers_by_hand_on_both_engines(kind):
    frames = (
        (SALES, PEOPLE) if kind == "duckdb" else (pl.from_pandas(SALES), pl.from_pandas(PEOPLE))
    )
    found = check_people(CustomerBase.from_tables(frames[0], people=frames[1]))
    listed = found.to_frame()
    assert listed["customer_id"].tolist() == ["nil", "mute", "solo", "trio"]
    assert listed["gap_code"].tolist() == ["nobody", "single_without", "single", "without"]
    assert listed["people"].tolist() == [0, 1, 1, 3]
    assert listed["decision_makers"].tolist() == [0, 0, 1, 0]
    assert listed["prescribers"].tolist() == [0, 1, 0, 1]
    assert listed["annual_revenue"].tolist() == [10, 20, 40, 75]


def test_unknown_is_not_no():
    summary = check_people(base_of()).summary().to_frame().set_index("gap_code")
    assert summary["customers"].to_dict() == {
        **{"nobody": 1, "single_without": 1, "single": 1, "without": 1},
        **{"unknown": 1, "complete": 1},
    }
    assert summary["revenue"].to_dict() == {
        **{"nobody": 10, "single_without": 20, "single": 40, "without": 75},
        **{"unknown": 160, "complete": 320},
    }
    assert summary["share_of_customers"].sum() == pytest.approx(1)
    assert summary["share_of_revenue"].sum() == pytest.approx(1)


def test_without_the_column_nobody_is_called_without_a_decision_maker():
    found = check_people(base_of(PEOPLE[["customer_id", "person_id"]]))
    assert codes(found) == {"nil": "nobody", "mute": "single", "solo": "single"}
    assert found.table["decision_makers"].isna().tolist() == [False, True, True]
    assert "not recorded in this base" in str(found.assumptions["deciders"])


def test_how_many_are_unknown_is_said():
    said = str(check_people(base_of()).assumptions["deciders"])
    assert said == "not recorded for 2 of 9 people; unknown is not no"


def test_who_must_not_be_contacted_counts_but_is_not_listed():
    who = pd.DataFrame(
        {
            "customer_id": ["nil", "mute", "full"],
            "name": ["Nil Ltd", "Mute & <Co>", "Full"],
            "contactable": pd.array([None, False, False], dtype="boolean"),
            "account_manager": ["Ann", "Bob", "Ann"],
        }
    )
    found = check_people(base_of(customers=who))
    assert list(codes(found)) == ["nil", "solo", "trio"]
    assert found.table.loc[0, ["name", "account_manager"]].tolist() == ["Nil Ltd", "Ann"]
    assert found.summary().table["customers"].sum() == 6
    assert str(found.assumptions["consent"]) == (
        "1 customer who must not be contacted left out of the list; 3 with no word on consent kept"
    )


def test_a_few_customers_are_told_in_counts_as_a_sketch():
    assert check_people(base_of()).sentence() == (
        "2 of 6 active customers are known through one person only and brought €60 in a year: "
        "with so few customers a sketch."
    )
    assert (
        check_people(base_of())
        .summary()
        .sentence()
        .endswith("2 have no decision-maker on file; at 1 nobody is known at all.")
    )


def test_the_sentence_of_the_sample_is_true():
    base = rl.open_base()
    found = check_people(base)
    sold, known = base.to_pandas(), base.to_pandas("people")
    year = sold[pd.to_datetime(sold["date"]) > pd.Timestamp(base.as_of) - pd.Timedelta(days=365)]
    ended = base.to_pandas("customers").dropna(subset="closed_on")["customer_id"]
    days = year.groupby(["customer_id", "date"])["amount"].sum()
    bought = set(days[days > 0].reset_index()["customer_id"]) - set(ended)
    heads = known.groupby("customer_id")["person_id"].nunique()
    single = bought & set(heads[heads == 1].index)
    revenue = year[year["customer_id"].isin(single)]["amount"].sum()
    assert found.sentence() == (
        f"{len(single)} of {len(bought):,} active customers "
        f"({base.wording.percent(len(single) / len(bought), decimals=0)}) are known through one "
        f"person only; they brought {base.wording.money(revenue)} in a year."
    )


def test_it_speaks_french():
    found = check_people(base_of(language="fr"))
    assert "à un seul interlocuteur" in found.sentence()
    assert found.table["gap"][0] == "aucun interlocuteur"


def test_revenue_is_that_of_a_year_whatever_the_window():
    assert check_people(base_of(activity_window_days=2000)).every["annual_revenue"].sum() == 625
    assert check_people(base_of(activity_window_days=4)).table["customer_id"].tolist() == ["trio"]


def test_leaving_is_not_told_because_people_carry_no_dates():
    assert "cannot be told" in str(check_people(base_of()).assumptions["undated_people"])
    past = check_people(base_of(as_of="2025-03-05"))
    assert "nobody knows who was known on 5 March 2025" in str(past.assumptions["people_on_file"])


def test_what_was_bought_later_changes_nothing():
    later = pd.DataFrame({"customer_id": ["nil", "new"], "date": ["2025-05-01"] * 2, "amount": 9.0})
    both = pd.concat([SALES, later.assign(date=pd.to_datetime(later["date"]))])
    then = check_people(CustomerBase.from_tables(both, people=PEOPLE, as_of="2025-03-07"))
    pd.testing.assert_frame_equal(then.to_frame(), check_people(base_of()).to_frame())


def test_without_the_table_it_says_what_it_would_show():
    found = check_people(CustomerBase.from_tables(SALES))
    assert found.to_frame().empty
    assert found.sentence().startswith("This base has no table of people; with one this list")
    assert found.summary().sentence() == found.sentence()
    assert found._repr_html_()


def test_nobody_active_is_said():
    found = check_people(base_of(as_of="2027-01-01"))
    assert found.sentence() == (
        "No customer is active on 1 January 2027, so nobody can be too little known."
    )
    assert found.summary().table.empty


def test_nobody_known_through_one_person_is_said():
    found = check_people(base_of(PEOPLE[PEOPLE["customer_id"] == "full"]))
    assert found.sentence().startswith("None of the 6 active customers is known through one person")


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        check_people(PEOPLE)
