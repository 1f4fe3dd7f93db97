"""Open quotes by hand: which wait, how old they are, what such quotes proved to be worth."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retention_lib as rl
from retention_lib.base.customer_base import CustomerBase
from retention_lib.errors import InputError
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.opportunities import check_opportunities

TODAY = pd.Timestamp("2025-12-31")
SALES = pd.DataFrame({"customer_id": ["a", "b", "c", "a"], "amount": 10.0}).assign(
    date=[TODAY] * 3 + [TODAY - pd.Timedelta(days=900)]
)
COLUMNS = [
    *("opportunity_id", "customer_id", "prospect", "opened_on", "amount", "stage"),
    *("last_follow_up_on", "closed_on", "won"),
]


def ago(days):
    return None if pd.isna(days) else TODAY - pd.Timedelta(days=int(days))


def quotes(*rows):
    """Rows of id, customer, prospect, opened, amount, stage, followed, closed, won; days ago."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("opened_on", "last_follow_up_on", "closed_on"):
        frame[name] = pd.to_datetime(frame[name].map(ago))
    return frame.astype({"won": "boolean", "amount": float})


# As of 31 December: old never followed; stale followed 40 days ago; fresh followed 5 days ago;
# new is 10 days old; won and lost are decided; later is won only next month.
BOOK = quotes(
    ("old", "a", None, 100, 500.0, "Devis envoyé", None, None, None),
    ("stale", "b", None, 200, 800.0, "Relancé", 40, None, None),
    ("fresh", None, "Prospect & <Co>", 90, 70.0, "Relancé", 5, None, None),
    ("new", "a", None, 10, 60.0, "Devis envoyé", None, None, None),
    ("won", "a", None, 90, 999.0, "Gagnée", 80, 50, True),
    ("lost", "b", None, 90, 999.0, "Perdue", None, 40, False),
    ("later", "c", None, 35, 30.0, "Gagnée", None, -20, True),
)


def base_of(book=BOOK, **options):
    options = {"currency": "EUR", "as_of": TODAY.date(), **options}
    return CustomerBase.from_tables(SALES, opportunities=book, **options)


@pytest.mark.parametrize("kind", ["duckdb", "polars"])
def test_seven_quotes_by_hand_on_both_engines(kind):
    frames = (SALES, BOOK) if kind == "duckdb" else (pl.from_pandas(SALES), pl.from_pandas(BOOK))
    base = CustomerBase.from_tables(frames[0], opportunities=frames[1], as_of=TODAY.date())
    found = check_opportunities(base).to_frame()
    assert found["opportunity_id"].tolist() == ["stale", "old", "later"]
    assert found["age_days"].tolist() == [200, 100, 35]
    assert found["days_without"].tolist() == [40, 100, 35]
    assert found["amount"].tolist() == [800, 500, 30]
    assert found["status"].tolist() == ["long_ago", "never", "never"]
    assert found["opened_on"].tolist() == [ago(200), ago(100), ago(35)]
    assert found["last_follow_up_on"].isna().tolist() == [False, True, True]


def test_the_sentence_counts_those_that_wait_and_what_was_quoted():
    assert check_opportunities(base_of()).sentence() == (
        "3 of 5 open quotes have had no follow-up for more than 30 days: €1,330 of the €1,460 "
        "quoted, 2 of them never followed up."
    )
    assert "sont sans relance" in check_opportunities(base_of(language="fr")).sentence()


def test_more_patience_lists_fewer():
    assert check_opportunities(base_of(), follow_up_days=99).table["opportunity_id"].tolist() == [
        "old"
    ]
    found = check_opportunities(base_of(), follow_up_days=100)
    assert found.sentence().startswith("None of the 5 open quotes, worth €1,460 as quoted")


def test_ages_are_counted_with_how_they_were_followed_up():
    ages = check_opportunities(base_of()).ages
    assert ages[["quote_age", "status", "quotes", "amount"]].values.tolist() == [
        ["0 to 30 days", "recent", 1, 60],
        ["31 to 60 days", "never", 1, 30],
        ["61 to 90 days", "recent", 1, 70],
        ["91 to 180 days", "never", 1, 500],
        ["181 to 365 days", "long_ago", 1, 800],
    ]


def test_seen_from_before_a_quote_closed_since_is_open():
    found = check_opportunities(base_of().at(ago(60).date()))
    assert "won" in set(found.opened["opportunity_id"])
    assert found.opened.set_index("opportunity_id").loc["won", "age_days"] == 30
    assert {"new", "later"}.isdisjoint(found.opened["opportunity_id"])


def test_what_happened_later_changes_nothing():
    then = ago(60).date()
    known = quotes(
        ("old", "a", None, 100, 500.0, None, None, None, None),
        ("stale", "b", None, 200, 800.0, None, None, None, None),
        ("fresh", None, "Prospect & <Co>", 90, 70.0, None, None, None, None),
        ("won", "a", None, 90, 999.0, None, 80, None, None),
        ("lost", "b", None, 90, 999.0, None, None, None, None),
    )
    columns = ["opportunity_id", "age_days", "days_without", "amount", "status"]
    seen = check_opportunities(base_of(as_of=then)).to_frame()[columns]
    wanted = check_opportunities(base_of(known, as_of=then)).to_frame()[columns]
    pd.testing.assert_frame_equal(seen, wanted)


def test_who_must_not_be_contacted_or_is_gone_is_counted_and_not_listed():
    who = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "name": ["Ann", "Bob"],
            "contactable": [False, True],
            "closed_on": [None, ago(3)],
        }
    )
    found = check_opportunities(base_of(customers=who))
    assert found.table["opportunity_id"].tolist() == ["later"]
    assert found.assumptions["quotes_left_out"] == (
        "2 quotes (€1,300) of customers who must not be contacted or have closed their account are "
        "not in the list"
    )
    assert found.sentence().startswith("3 of 5 open quotes")


def test_the_name_of_the_customer_stands_beside_its_quote():
    who = pd.DataFrame({"customer_id": ["a"], "name": ["Ann"]})
    found = check_opportunities(base_of(customers=who)).table.set_index("opportunity_id")
    assert found.loc["old", "name"] == "Ann"


def history(*, won=40, lost=60, forgotten=20, decided_after=50):
    """Quotes of two years ago, decided after so many days or never, beside one open today."""
    rows = [
        (f"{kind}{i}", "a", None, 700 + i, 100.0, None, None, end, kind == "won" if end else None)
        for kind, number in (("won", won), ("lost", lost), ("idle", forgotten))
        for i in range(number)
        for end in [700 + i - decided_after if kind != "idle" else None]
    ]
    return quotes(*rows, ("open", "b", None, 45, 1000.0, None, None, None, None))


def test_old_quotes_are_worth_what_quotes_of_their_age_proved_to_be():
    ages = check_opportunities(base_of(history())).by_age()
    row = ages.table.set_index("band").loc[1]  # 31 to 60 days, like past ones open after 45
    assert row[["quotes", "amount", "open_at_days"]].tolist() == [1, 1000, 45]
    assert row[["past_quotes", "later_won"]].tolist() == [120, 40]
    low, high = share_interval(40, 120)
    assert row[["won_share", "won_low", "won_high"]].tolist() == [40 / 120, low, high]
    assert row["worth"] == pytest.approx(1000 / 3, abs=0.005)
    # One quote is won or not: that is what it may bring.
    assert row[["worth_low", "worth_high"]].tolist() == [0, 1000]


def test_the_range_holds_the_luck_of_every_quote_and_not_only_that_of_the_rate():
    many = [(f"n{i}", "b", None, 45, 10.0, None, None, None, None) for i in range(400)]
    book = pd.concat([history(won=400, lost=600, forgotten=200).head(1200), quotes(*many)])
    ages = check_opportunities(base_of(book)).by_age()
    row = ages.table.set_index("band").loc[1]
    share = row["won_share"]
    # Binomial luck and the rate's own uncertainty, in the normal approximation.
    spread = 1.96 * 10 * (400 * share * (1 - share) * (1 + 400 / row["past_quotes"])) ** 0.5
    assert row["worth_high"] - row["worth"] == pytest.approx(spread, rel=0.2)
    assert row["worth"] - row["worth_low"] == pytest.approx(spread, rel=0.2)
    assert ages.table["worth_low"].equals(
        check_opportunities(base_of(book)).by_age().table["worth_low"]
    )


def test_a_quote_listed_twice_counts_once():
    twice = pd.concat([BOOK, BOOK[BOOK["opportunity_id"].isin(["old", "won"])]])
    found, once = check_opportunities(base_of(twice)), check_opportunities(base_of())
    pd.testing.assert_frame_equal(found.to_frame(), once.to_frame())
    assert found.sentence() == once.sentence()


def test_a_quote_of_unknown_age_is_counted_apart():
    ageless = quotes(("x", "a", None, None, 9.0, None, None, None, None))
    said = check_opportunities(base_of(pd.concat([BOOK, ageless]))).sentence()
    assert said.startswith("3 of 5 open quotes have had no follow-up")
    assert said.endswith("; 1 more is of unknown age.")
    alone = check_opportunities(base_of(ageless)).sentence()
    assert alone.startswith("Nobody can say how long the 1 open quote waits")


def test_without_amounts_no_sum_is_told():
    found = check_opportunities(base_of(BOOK.drop(columns="amount")))
    for result in (found, found.by_age()):
        assert "€" not in result.sentence()
        assert "amounts are not recorded" in result.sentence()
        assert result.plot() is not None


def test_a_quote_still_open_long_after_others_were_decided_is_worth_less():
    table = check_opportunities(base_of(history(forgotten=40))).by_age().table.set_index("band")
    # After 75 days only the 40 forgotten ones are open, and none was won.
    assert table.loc[2, ["past_quotes", "later_won", "won_share"]].tolist() == [40, 0, 0]


def test_quotes_too_young_to_tell_are_left_out_of_the_past():
    # Opened 200 days ago and decided fast: those still open at 45 days were not watched for 180.
    young = quotes(
        *[(f"w{i}", "a", None, 200, 10.0, None, None, 195, True) for i in range(50)],
        *[(f"o{i}", "a", None, 200, 10.0, None, None, None, None) for i in range(50)],
    )
    table = check_opportunities(base_of(young)).by_age().table.set_index("band")
    assert table["past_quotes"].tolist() == [50, 0, 0, 0, 0, 0]
    assert table.loc[0, "later_won"] == 0


def test_few_past_quotes_are_counts_and_no_share():
    found = check_opportunities(base_of(history(won=10, lost=10, forgotten=9))).by_age()
    row = found.table.set_index("band").loc[1]
    assert row[["past_quotes", "later_won"]].tolist() == [29, 10]
    assert row[["won_share", "worth", "worth_low"]].isna().all()
    assert "cannot be told" in found.sentence()


def test_the_sentence_of_the_ages_gives_a_range():
    said = check_opportunities(base_of(history())).by_age().sentence()
    assert "€1,000 as quoted" not in said
    assert said == (
        "Open quotes come to €3,000 as quoted; if those for which the past says enough (€1,000) "
        "were won like past quotes of their age they would bring €333 (between €0 and €1,000, "
        "95 % sure)."
    )


def test_the_share_won_agrees_with_what_was_drawn():
    # Each past quote is won with 3 in 10 after 20 days: the share holds the truth in its range.
    rng = np.random.default_rng(8)
    drawn = [
        (f"q{i}", "a", None, 600, 10.0, None, None, 580, bool(rng.random() < 0.3))
        for i in range(900)
    ]
    now = ("now", "a", None, 3, 10.0, None, None, None, None)
    row = check_opportunities(base_of(quotes(*drawn, now))).by_age().table.iloc[0]
    assert row["past_quotes"] == 900
    assert row["won_low"] < 0.3 < row["won_high"]
    assert row["won_high"] - row["won_low"] < 0.07


def test_with_and_without_follow_up_is_described_and_not_explained():
    rows = [(f"w{i}", "a", None, 300, 9.0, None, 290, 280, i < 24) for i in range(40)]
    rows += [(f"n{i}", "a", None, 300, 9.0, None, None, 280, i < 10) for i in range(30)]
    rows += [(f"i{i}", "a", None, 300, 9.0, None, None, None, None) for i in range(10)]
    rows += [("young", "a", None, 20, 9.0, None, None, 5, True)]
    found = check_opportunities(base_of(quotes(*rows))).follow_up()
    table = found.table.set_index("group_code")
    assert table.loc["with", ["quotes", "won", "lost", "still_open"]].tolist() == [40, 24, 16, 0]
    assert table.loc["without", ["quotes", "won", "lost", "still_open"]].tolist() == [
        40,
        10,
        20,
        10,
    ]
    assert table["won_share"].tolist() == [0.6, 0.25]
    assert table[["won_low", "won_high"]].to_numpy().tolist() == [
        list(share_interval(24, 40)),
        list(share_interval(10, 40)),
    ]
    assert found.sentence().startswith(
        "Of 40 quotes followed up 60 % were won, of 40 never followed up 25 %: not a randomised "
        "comparison; quotes that looked promising may have been followed up more"
    )


def test_few_quotes_with_or_without_follow_up_are_counts():
    rows = [(f"w{i}", "a", None, 300, 9.0, None, 290, 280, True) for i in range(3)]
    found = check_opportunities(base_of(quotes(*rows))).follow_up()
    assert "Quotes followed up: 3 of 3 won; never followed up: 0 of 0: too few" in found.sentence()
    assert found.table["won_share"].isna().all()


def test_stages_say_how_a_quote_ended_where_no_column_does():
    book = BOOK.drop(columns=["won", "closed_on"])
    opened = check_opportunities(base_of(book, as_of=None)).opened
    assert sorted(opened["opportunity_id"]) == ["fresh", "new", "old", "stale"]


def test_the_past_without_days_of_closing_cannot_be_told():
    book = BOOK.drop(columns=["closed_on"])
    found = check_opportunities(base_of(book))
    assert not found.opened.empty
    sold = pd.concat([SALES, SALES.assign(date=TODAY + pd.Timedelta(days=9))])
    past = CustomerBase.from_tables(sold, opportunities=book, as_of=TODAY.date())
    found = check_opportunities(past)
    assert found.sentence().startswith("Cannot tell which quotes were open on 31 December 2025")
    for result in (found, found.by_age(), found.follow_up()):
        assert result.to_frame().empty
        assert result._repr_html_()


def test_decided_on_an_unknown_day_is_neither_open_nor_in_a_share():
    book = pd.concat([history(), quotes(("odd", "a", None, 400, 1.0, None, None, None, True))])
    found = check_opportunities(base_of(book))
    assert "odd" not in set(found.opened["opportunity_id"])
    assert str(found.assumptions["quotes_undated"]).startswith("1 decided quote without a day")
    assert found.by_age().table.loc[0, "past_quotes"] == 120


def test_without_follow_ups_on_file_only_the_age_is_told():
    found = check_opportunities(base_of(BOOK.drop(columns=["last_follow_up_on"])))
    assert set(found.table["status"]) == {"unrecorded"}
    assert found.table["opportunity_id"].tolist() == ["stale", "old", "fresh", "later"]
    assert "this base does not record follow-ups" in found.sentence()
    assert found.follow_up().sentence().startswith("Cannot tell from your data")


def test_a_quote_without_a_date_or_an_amount_is_counted():
    book = quotes(("x", "a", None, None, None, None, None, None, None))
    found = check_opportunities(base_of(book))
    assert found.table["status"].tolist() == ["never"]
    assert found.ages["quote_age"].tolist() == ["age unknown"]
    assert {"quotes_no_age", "quotes_no_amount"} <= set(found.assumptions)
    assert found.by_age()._repr_html_()


def test_without_the_table_it_says_what_it_would_show():
    found = check_opportunities(CustomerBase.from_tables(SALES))
    for result in (found, found.by_age(), found.follow_up()):
        assert result.to_frame().empty
        assert result.sentence().startswith("This base has no table of quotes; with one this list")
        assert result._repr_html_()


def test_no_open_quote_is_said():
    found = check_opportunities(base_of(BOOK[BOOK["opportunity_id"] == "won"]))
    assert found.sentence() == "No quote is open on 31 December 2025."


def test_the_sample_counts_its_open_quotes_right():
    base = rl.open_base()
    book = base.to_pandas("opportunities")
    still = book[book["closed_on"].isna()]
    last = still["last_follow_up_on"].fillna(still["opened_on"])
    waits = (pd.Timestamp(base.as_of) - pd.to_datetime(last)).dt.days > 30
    found = check_opportunities(base)
    assert found.sentence().startswith(f"{waits.sum()} of {len(still)} open quotes")
    assert found.ages["amount"].sum() == pytest.approx(still["amount"].sum())


@pytest.mark.parametrize("wrong", [0, -1, "30", 2.5, True, None])
def test_an_argument_that_cannot_be_is_refused_in_words(wrong):
    with pytest.raises(InputError, match="follow_up_days is a whole number"):
        check_opportunities(base_of(), follow_up_days=wrong)
    with pytest.raises(InputError, match="within_days is a whole number"):
        check_opportunities(base_of()).by_age(within_days=wrong)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        check_opportunities(BOOK)


day = st.one_of(st.none(), st.integers(0, 800))
row = st.tuples(st.integers(0, 800), day, day, st.one_of(st.none(), st.booleans()))


@settings(max_examples=5, deadline=None)
@given(st.lists(row, min_size=1, max_size=40))
def test_whatever_the_quotes_the_bands_add_up(rows):
    book = quotes(
        *[
            (f"q{i}", "a", None, opened, 5.0, None, followed, closed, won)
            for i, (opened, followed, closed, won) in enumerate(rows)
        ]
    )
    found = check_opportunities(base_of(book))
    ages = found.by_age().table
    assert ages["quotes"].sum() == len(found.opened) == found.ages["quotes"].sum()
    assert ages["amount"].sum() == pytest.approx(found.opened["amount"].sum())
    assert (ages["later_won"] <= ages["past_quotes"]).all()
    assert ages["past_quotes"].iloc[:6].is_monotonic_decreasing
    table = found.follow_up().table
    assert (table["won"] + table["lost"] + table["still_open"] == table["quotes"]).all()
