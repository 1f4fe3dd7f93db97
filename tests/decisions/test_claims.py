"""The trade's sentences on trial: strict verdicts, over tables that a person can check by hand."""

import dataclasses
import math
from functools import cache

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.opening import open_base
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions import _claims_costs as costs
from retention_lib.decisions import _claims_losses as about_losses
from retention_lib.decisions import _claims_voices as voices
from retention_lib.decisions._claims_list import CLAIMS, CODES, WORKS, Claim, Evidence, judge
from retention_lib.decisions._claims_losses import YearLoss
from retention_lib.decisions.claims import weigh_claims
from retention_lib.decisions.five_points import five_points
from retention_lib.errors import ChoiceError, InputError
from retention_lib.portfolio._lost_found import find_losses
from retention_lib.portfolio.flows import measure_flows
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.lost import list_lost
from retention_lib.portfolio.replacement import measure_replacement
from retention_lib.portfolio.tenure import value_by_tenure
from retention_lib.wording import LANGUAGES, Wording

TABLES = ("transactions", "customers", "people", "interactions", "feedback", "campaigns",
          "opportunities")  # fmt: skip


def lines_of(bought):
    """Transactions from pairs of a day and the customers who bought on it."""
    rows = [(f"c{n}", day, 100.0) for day, customers in bought for n in customers]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def losing(lost, of, **tables):
    """A base of three years in which so many of so many customers are lost in the last one."""
    everybody, kept = range(of), range(lost, of)
    days = [("2022-01-10", everybody), ("2023-06-01", everybody), ("2024-06-01", kept)]
    return CustomerBase.from_tables(lines_of(days), as_of="2024-12-31", **tables)


def row(claims, code):
    return claims.to_frame().set_index("code").loc[code]


def verdict(code, evidence):
    return judge(next(claim for claim in CLAIMS if claim.code == code), evidence)


def year_of(lost, of, whole=True):
    low, high = share_interval(lost, of)
    return YearLoss(lost, of, low, high if whole else 1.0, "Said.", whole)


EN = Wording("en")


@cache
def four_hundred():
    """The first 100 of 400 customers lost in 2024."""
    return losing(100, 400)


@cache
def losses():
    return find_losses(four_hundred(), 12)


@cache
def b2b():
    return open_base("data/sample/b2b")


@cache
def weighed():
    return weigh_claims(b2b())


# --- the verdict ---------------------------------------------------------------------------------

figures = st.floats(-2, 20, allow_nan=False)
ranges = st.tuples(figures, figures).map(sorted)


@given(ranges, ranges)
def test_confirmed_means_all_of_it_and_contradicted_none_of_it(claimed, here):
    found = judge(Claim("x", *claimed, "times"), Evidence("", here[0], *here))
    apart = here[1] < claimed[0] or here[0] > claimed[1]
    inside = claimed[0] <= here[0] and here[1] <= claimed[1]
    assert (found == "contradicted") == apart
    assert (found == "confirmed") == inside


@given(ranges, ranges, st.floats(0, 5), st.floats(0, 5))
def test_a_wider_range_never_says_more(claimed, here, left, right):
    claim = Claim("x", *claimed, "times")
    before = judge(claim, Evidence("", here[0], *here))
    after = judge(claim, Evidence("", here[0], here[0] - left, here[1] + right))
    assert after in (before, "cannot_tell")


@pytest.mark.parametrize("evidence", [
    Evidence("", 0.1, 0.1, 0.1, sure=False), Evidence(""), Evidence("", 0.1, 0.1, math.nan)
])  # fmt: skip
def test_what_is_unsure_or_unknown_decides_nothing(evidence):
    assert judge(Claim("x", 0.0, 1.0, "share"), evidence) == "cannot_tell"
    assert judge(Claim("x", 5.0, 6.0, "share"), evidence) == "cannot_tell"


def test_every_sentence_of_the_list_is_weighed_with_its_source_in_both_languages():
    assert len(CODES) == len(set(CODES)) == 16
    for language in LANGUAGES:
        w = Wording(language)
        for code in CODES:
            source = w.say(f"claims.{code}.source", **WORKS)
            assert len(source) > 15 and "{" not in source
            assert w.say(f"claims.{code}.claim").endswith(".")
            assert code == "same_rate" or w.has(f"claims.{code}.tell")


def test_a_round_figure_counts_as_right_within_a_tenth():
    bands = {claim.code: (claim.low, claim.high) for claim in CLAIMS}
    assert bands["ten_a_year"] == pytest.approx((0.09, 0.11))
    assert bands["half_in_five"] == pytest.approx((0.45, 0.55))
    assert bands["win_six"] == pytest.approx((5.4, 6.6))
    # Ten per cent a year and half in five years cannot both be borne out by one rate.
    assert 1 - (1 - bands["ten_a_year"][1]) ** 5 < bands["half_in_five"][0]


# --- a year's losses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "of", "expected"),
    [
        (400, 4000, "confirmed"),  # 10 %, between 9.1 and 11.0
        (20, 200, "cannot_tell"),  # the same share, between 6.6 and 14.9
        (60, 200, "contradicted"),
        (0, 200, "contradicted"),
        (3, 29, "cannot_tell"),  # a sketch
        (29, 29, "cannot_tell"),  # a sketch, however clear it looks
    ],
)
def test_ten_per_cent_a_year_needs_customers_enough_to_be_confirmed(lost, of, expected):
    found = about_losses.ten_a_year(year_of(lost, of))
    assert verdict("ten_a_year", found) == expected
    assert found.value == lost / of


def test_the_year_is_the_latest_of_the_ledger():
    found, latest = row(weighed(), "ten_a_year"), measure_flows(b2b()).table.iloc[-1]
    assert found["value"] == latest["attrition"]
    assert (found["low"], found["high"]) == (latest["attrition_low"], latest["attrition_high"])


def test_few_customers_are_counted_and_called_a_sketch():
    base = losing(3, 29)
    loss = about_losses.lost_in_a_year(measure_flows(base), find_losses(base, 12), EN)
    assert (loss.lost, loss.opening, loss.few) == (3, 29, True)
    assert loss.said == "A sketch, not a finding: 3 of 29 customers were lost in 2024."


@pytest.mark.parametrize(("kept", "expected"), [(180, "cannot_tell"), (60, "contradicted")])
def test_a_file_that_begins_too_late_gives_a_floor_that_confirms_nothing(kept, expected):
    days = [("2024-01-05", range(200)), ("2025-01-10", range(kept))]
    base = CustomerBase.from_tables(lines_of(days), as_of="2025-01-31")
    found = find_losses(base, 12)
    loss = about_losses.lost_in_a_year(measure_flows(base), found, EN)
    assert (loss.share, loss.high, loss.whole) == (pytest.approx(1 - kept / 200), 1.0, False)
    assert verdict("ten_a_year", about_losses.ten_a_year(loss)) == expected
    five = about_losses.half_in_five(base, loss, found)
    assert (five.low, five.high) == (loss.low, 1.0)
    assert about_losses.five_points_worth(loss, EN).value != loss.share  # it is missing
    assert verdict("five_points_worth", about_losses.five_points_worth(loss, EN)) == "cannot_tell"


# --- five years ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "expected"), [(130, "cannot_tell"), (20, "contradicted"), (700, "contradicted")]
)
def test_five_years_are_bounded_by_one_year_and_by_its_rate_kept_up(lost, expected):
    # 130 of 1,000 a year make half in five years, and still the five years have not been seen.
    loss = year_of(lost, 1000)
    found = about_losses.half_in_five(four_hundred(), loss, losses())
    assert found.value == pytest.approx(1 - (1 - lost / 1000) ** 5)
    assert found.low == loss.low
    assert found.high == pytest.approx(1 - (1 - loss.high) ** 5)
    assert verdict("half_in_five", found) == expected


@pytest.mark.parametrize(("gone", "expected"), [(500, "confirmed"), (200, "contradicted")])
def test_six_years_of_history_show_the_five_years_themselves(gone, expected):
    days = [("2018-06-01", range(1000)), ("2019-06-01", range(1000))]
    days += [(f"{year}-06-01", range(gone, 1000)) for year in range(2020, 2025)]
    base = CustomerBase.from_tables(lines_of(days), as_of="2024-12-31")
    found = about_losses.half_in_five(base, year_of(0, 1000), find_losses(base, 12))
    assert found.value == gone / 1000
    assert verdict("half_in_five", found) == expected


def test_ten_a_year_and_half_in_five_are_not_the_same_on_any_base():
    found = about_losses.same_rate(losses(), EN)
    assert found.value == pytest.approx(1 - 0.9**5)
    assert verdict("same_rate", found) == "contradicted"
    assert found.here == (
        "10 % a year loses 41.0 % in five years; half in five years is 12.9 % a year. "
        "On 300 customers the slip is worth 27 of them."
    )


# --- five points ---------------------------------------------------------------------------------


def test_five_points_are_worth_what_the_margin_multiple_says():
    # Kept 85 %: 0.85 / 0.25 = 3.4 yearly margins at 10 %; kept 90 %: 0.9 / 0.2 = 4.5.
    found = about_losses.five_points_worth(year_of(150, 1000), EN)
    assert found.value == pytest.approx(4.5 / 3.4 - 1)
    assert 0.25 < found.low < found.value < found.high < 0.85
    assert verdict("five_points_worth", found) == "confirmed"


def test_where_a_third_is_lost_five_points_are_worth_less_than_published():
    found = about_losses.five_points_worth(year_of(350, 1000), EN)
    assert found.value == pytest.approx(0.7 / 0.4 / (0.65 / 0.45) - 1)
    assert verdict("five_points_worth", found) == "contradicted"


def test_the_range_of_five_points_holds_the_least_gain_between_its_ends():
    # With about half lost the gain is smallest inside the range, not at one of its ends.
    found = about_losses.five_points_worth(year_of(50, 100), EN)
    kept = [x / 1000 for x in range(404, 597)]
    least = min((k + 0.05) / (1.05 - k) * (1.1 - k) / k - 1 for k in kept)
    assert found.low == pytest.approx(least, abs=1e-5)


def test_five_points_cannot_be_won_where_less_may_be_lost():
    found = about_losses.five_points_worth(year_of(60, 1000), EN)
    assert verdict("five_points_worth", found) == "cannot_tell"
    assert found.here.startswith("Of 6.0 % attrition (between 4.7 % and 7.6 %)")


def test_where_everybody_was_lost_five_points_have_nothing_to_be_set_beside():
    claims = weigh_claims(losing(40, 40))
    assert claims.verdict("ten_a_year") == "contradicted"
    assert claims.verdict("five_points_worth") == "cannot_tell"
    assert row(claims, "five_points_worth")["here"].startswith("All 40 customers of the year")
    assert row(claims, "same_rate")["here"].endswith("12.9 % a year.")


def test_profit_before_fixed_costs_is_shown_and_decides_nothing():
    found = row(weighed(), "five_points_profit")
    assert found["verdict_code"] == "cannot_tell"
    assert 0 < found["low"] <= found["value"] <= found["high"] < 0.25
    assert found["value"] == pytest.approx(five_points(b2b()).value("share_more"), rel=1e-9)
    assert "fixed costs" in found["here"] and "fixed costs" in found["what_would_tell"]


# --- what winning costs --------------------------------------------------------------------------


@cache
def won_for(cost):
    who = [f"c{n}" for n in range(400)]
    people = pd.DataFrame({"customer_id": who, "acquisition_cost": [cost] * 400})
    return measure_replacement(losing(100, 400, customers=people))


def test_without_costs_nothing_is_said_of_winning_against_keeping():
    found = costs.winning_costs(measure_replacement(four_hundred()), None, 3, 365)
    assert found.here == (
        "Neither what winning a customer costs nor what keeping one costs is on file."
    )


def test_with_the_cost_of_winning_alone_the_cost_of_keeping_is_only_worked_back():
    found = costs.winning_costs(won_for(300.0), None, 3, 365)
    assert found.here.endswith("Were the sentence true, it would be about 100.")
    assert verdict("win_three", found) == "cannot_tell"


@cache
def drawn(as_of):
    """A campaign drawn by lot: every second of 1,000 contacted, at 10 a contact.

    All those contacted buy in June, and half of the others.
    """
    groups = ["control", "treated"] * 500
    campaigns = pd.DataFrame(
        {
            "campaign_id": "JAN",
            "customer_id": [f"c{n}" for n in range(1000)],
            "date": pd.Timestamp("2024-01-01"),
            "group": groups,
            "cost": [10.0 if group == "treated" else 0.0 for group in groups],
        }
    )
    buyers = [n for n in range(1000) if n % 2 or n >= 500]
    days = [("2022-01-10", range(1000)), ("2023-06-01", range(1000)), ("2024-06-01", buyers)]
    return CustomerBase.from_tables(lines_of(days), campaigns=campaigns, as_of=as_of)


def test_a_campaign_with_a_control_group_tells_what_keeping_one_costs():
    # Half a customer kept for each contact of 10, so 20 each; winning one costs 60.
    kept, needed = costs.kept_by_campaign(drawn("2024-12-31")), won_for(60.0)
    assert (kept.share, kept.cost, kept.days) == (0.5, 10.0, 365)
    found = costs.winning_costs(needed, kept, 3, 365)
    assert found.value == pytest.approx(60 * 0.5 / 10)
    assert found.low < 3 < found.high
    assert verdict("win_three", found) == "confirmed"
    assert verdict("win_six", found) == verdict("win_two", found) == "contradicted"


def test_a_campaign_looked_at_too_early_decides_nothing():
    kept = costs.kept_by_campaign(drawn("2024-08-01"))
    assert kept.share == 0.5 and kept.days < 365
    found = costs.winning_costs(won_for(60.0), kept, 6, 365)
    assert found.value == pytest.approx(3.0)
    assert verdict("win_six", found) == "cannot_tell"


def test_what_winning_back_costs_cannot_be_told_but_how_many_came_back_is_said():
    found = row(weighed(), "win_back_twelve")
    assert found["here"].startswith("32 customers were won back in 2025")
    assert found["verdict_code"] == "cannot_tell"


# --- staying -------------------------------------------------------------------------------------


def test_the_verdict_on_the_five_year_customer_is_that_of_value_by_tenure():
    tenure = value_by_tenure(b2b())
    assert weighed().verdict("five_year_customer") == tenure.verdict()
    found = row(weighed(), "five_year_customer")
    # An engine on two cores adds floating numbers in its own order.
    told = (found["value"], found["low"], found["high"])
    assert told == pytest.approx(tenure.ratio(), rel=1e-9)


@pytest.mark.parametrize(
    ("yearly", "expected"), [(1.2, "confirmed"), (0.8, "contradicted"), (1.0, "contradicted")]
)
def test_the_longer_the_more_is_judged_on_the_same_customers_followed(yearly, expected):
    rows = [
        (f"c{n}", f"{year}-03-{n % 28 + 1:02}", (100.0 + n) * yearly ** (year - 2018))
        for n in range(60)
        for year in range(2018, 2025)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    base = CustomerBase.from_tables(frame, as_of="2024-12-31")
    assert verdict("longer_more", voices.longer_more(value_by_tenure(base))) == expected


# --- why they left -------------------------------------------------------------------------------


def left_for(*reasons):
    lost = losses().lost.assign(closure_reason=[*reasons, *[None] * (100 - len(reasons))])
    return about_losses.want_of_contact(dataclasses.replace(losses(), lost=lost), EN)


@pytest.mark.parametrize(
    ("neglected", "priced", "expected"),
    [
        (85, 15, "confirmed"),
        (20, 80, "contradicted"),
        (68, 32, "cannot_tell"),  # 68 of 100 could be 58 to 76 %
        (20, 0, "cannot_tell"),  # 80 without a reason: it could be all of them
        (20, 70, "contradicted"),  # even with all ten that are unknown
        (80, 0, "confirmed"),  # even with none of the twenty
    ],
)
def test_want_of_contact_is_judged_whatever_the_unrecorded_reasons_were(
    neglected, priced, expected
):
    found = left_for(*["no follow-up"] * neglected, *["price"] * priced)
    assert verdict("want_of_contact", found) == expected
    assert found.value == pytest.approx(neglected / (neglected + priced))


def test_the_reasons_are_those_of_the_list_of_the_lost():
    who = [f"c{n}" for n in range(80)]
    written = [*["nobody called"] * 12, *["moved"] * 20, *["?"] * 5, *[None] * 43]
    base = losing(40, 80, customers=pd.DataFrame({"customer_id": who, "closure_reason": written}))
    reasons = list_lost(base).reasons().table.set_index("cause")["customers"]
    found = about_losses.want_of_contact(find_losses(base, 12), EN)
    assert found.value == reasons["neglect"] / (reasons["neglect"] + reasons["moved"]) == 12 / 32


def test_where_nobody_wrote_down_why_nothing_is_said():
    found = about_losses.want_of_contact(losses(), EN)
    assert found.here == "Of 100 lost customers none has a reason on file that says anything."


# --- who speaks ----------------------------------------------------------------------------------


def heard(unhappy, complaining, after_days=30, answered="2023-06-01", times=1):
    """So many unhappy answers on one day, and of these customers so many who complained."""
    day = pd.Timestamp(answered)
    rows = [(f"c{n}", day, "survey", 3.0) for n in range(unhappy)] * times
    rows += [(f"c{n}", day, "survey", 9.0) for n in range(unhappy, unhappy + 50)]
    late = day + pd.Timedelta(days=after_days)
    rows += [(f"c{n}", late, "complaint", None) for n in range(complaining)]
    rows += [("c399", pd.Timestamp("2022-02-01"), "complaint", None)]
    names = ["customer_id", "date", "kind", "score"]
    base = losing(1, 2, feedback=pd.DataFrame(rows, columns=names))
    return voices.never_complain(base)


@pytest.mark.parametrize(
    ("unhappy", "complaining", "expected"),
    [
        (300, 0, "confirmed"),  # at least 98.7 % silent
        (40, 0, "cannot_tell"),  # at least 91 % silent
        (40, 20, "contradicted"),
        (20, 20, "cannot_tell"),  # a sketch
    ],
)
def test_the_silence_of_the_unhappy_is_counted_where_both_voices_are_on_file(
    unhappy, complaining, expected
):
    assert verdict("never_complain", heard(unhappy, complaining)) == expected


def test_a_complaint_half_a_year_from_the_answer_does_not_belong_to_it():
    assert heard(40, 20, after_days=181).value == 1.0
    assert heard(40, 20, after_days=-180).value == 0.5


def test_two_unhappy_answers_of_one_customer_count_once():
    found = heard(40, 20, times=2)
    assert found.value == 0.5 and "Of 40 customers" in found.here


def test_an_answer_too_late_to_be_followed_does_not_count():
    assert heard(40, 0, answered="2024-11-01").here == (
        "Nobody gave a score of 6 or less early enough to see what followed."
    )


def test_without_any_complaint_on_file_silence_means_nothing():
    feedback = pd.DataFrame(
        {"customer_id": "c1", "date": pd.Timestamp("2023-06-01"), "kind": "survey", "score": [2.0]}
    )
    found = voices.never_complain(losing(1, 2, feedback=feedback))
    assert found.here.startswith("No complaint is on file at all")
    assert verdict("never_complain", found) == "cannot_tell"


@pytest.mark.parametrize(
    ("topic", "about"),
    [
        ("Produit défectueux", "product"),
        ("Poor quality", "product"),
        ("Tombé en panne", "product"),
        ("Livraison en retard", "other"),
        ("Commercial injoignable", "other"),
        ("Erreur de facturation", "other"),
        ("Accueil téléphonique", "other"),
        ("Article manquant", "other"),
        ("Rude staff", "other"),
        ("Product delivered late", "unread"),
        ("Divers", "unread"),
        ("", "unread"),
    ],
)
def test_topics_are_read_in_plain_words_and_not_guessed(topic, about):
    assert voices.about_product(topic) == about


@pytest.mark.parametrize(
    ("other", "product", "unread", "expected"),
    [
        (90, 10, 0, "confirmed"),
        (50, 50, 0, "contradicted"),
        (75, 25, 0, "cannot_tell"),
        (60, 0, 40, "cannot_tell"),
        (10, 5, 0, "cannot_tell"),
    ],
)
def test_complaints_about_the_product_are_counted_whatever_the_unread_ones_say(
    other, product, unread, expected
):
    topics = ["late delivery"] * other + ["defective"] * product + ["misc"] * unread
    feedback = pd.DataFrame({"customer_id": "c1", "date": pd.Timestamp("2023-06-01"),
                             "kind": "complaint", "topic": topics})  # fmt: skip
    found = voices.not_the_product(losing(1, 2, feedback=feedback))
    assert verdict("not_the_product", found) == expected


def contacted(often, times=4, day="2023-09-01", begun="2022-02-01"):
    rows = [(f"c{n}", pd.Timestamp(day), "out") for n in often for _ in range(times)]
    rows += [(f"c{n}", pd.Timestamp(begun), "out") for n in range(400)]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "direction"])
    return voices.four_contacts(losing(100, 400, interactions=frame), losses())


def test_contacts_go_along_with_losses_and_never_decide():
    # The first 100 are lost; 200 to 399 were contacted: none of these lost, half of the others.
    found = contacted(range(200, 400))
    assert found.value == -0.5
    assert found.high < 0
    assert verdict("four_contacts", found) == "cannot_tell"
    assert "More contacts go along with fewer losses. Nobody drew lots" in found.here


def test_contacts_are_counted_before_the_losses_begin():
    # Contacts of 2024 come after some have stopped buying; three a year are not four.
    for found in (contacted(range(200, 400), day="2024-02-01"), contacted(range(400), times=3)):
        assert found.here.startswith("A sketch, not a finding: 0 customers with 4 contacts")


def test_a_list_of_contacts_that_begins_too_late_tells_nothing():
    found = contacted(range(200, 400), begun="2023-06-01")
    assert found.here == "The contacts on file do not cover the year before 31 December 2023."


def test_where_the_simulated_base_has_no_signal_contacts_do_not_go_along_with_losses():
    base = simulate_base(600, seed=14, signal=False)[0]
    found = voices.four_contacts(base, find_losses(base, 12))
    assert found.low < 0 < found.high


# --- the whole -----------------------------------------------------------------------------------


def test_the_sample_is_judged_as_its_figures_say():
    codes = weighed().to_frame().set_index("code")["verdict_code"]
    assert codes[codes != "cannot_tell"].to_dict() == {
        "ten_a_year": "contradicted",
        "same_rate": "contradicted",
        "five_points_worth": "confirmed",
        "five_year_customer": "contradicted",
        "never_complain": "contradicted",
        "not_the_product": "confirmed",
    }
    assert weighed().sentence() == (
        "Of 16 sentences of the trade, this base confirms 2, contradicts 4 and cannot tell 10."
    )


def test_every_verdict_follows_from_the_band_and_the_range():
    for line in weighed().to_frame().itertuples():
        if line.verdict_code == "confirmed":
            assert line.claimed_low <= line.low <= line.high <= line.claimed_high
        elif line.verdict_code == "contradicted":
            assert line.high < line.claimed_low or line.low > line.claimed_high


def test_one_sentence_can_be_read_out_with_its_verdict():
    said = weighed().claim("five_year_customer")
    assert said.startswith("“A customer of five years brings 8 to 10 times what a new one brings.”")
    assert said.endswith("Verdict here: contradicted.")
    assert "What would tell: closure_reason" in weighed().claim("want_of_contact")


def test_an_unknown_claim_is_refused_with_the_list():
    with pytest.raises(ChoiceError, match="'ten_a_year', 'half_in_five'"):
        weighed().claim("eleven_a_year")
    with pytest.raises(ChoiceError):
        weighed().verdict(3)


def test_something_else_than_a_base_is_refused():
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        weigh_claims(pd.DataFrame())


def test_what_is_open_is_listed_with_what_would_settle_it_and_nothing_else():
    frame, open_ones = weighed().to_frame(), weighed().to_record().to_frame()
    still = frame[frame["verdict_code"] == "cannot_tell"]
    assert open_ones["claim"].tolist() == still["claim"].tolist()
    assert open_ones["what_would_tell"].str.len().min() > 10
    assert set(frame.loc[frame["verdict_code"] != "cannot_tell", "what_would_tell"]) == {""}


def test_a_base_with_transactions_alone_says_what_each_table_would_tell():
    claims = weigh_claims(open_base("data/sample/cdnow"))
    assert claims.verdict("ten_a_year") == claims.verdict("half_in_five") == "contradicted"
    assert (claims.to_frame()["verdict_code"] == "cannot_tell").sum() == 13
    assert "confirms none" in claims.sentence()


@pytest.mark.parametrize(
    ("lines", "language"),
    [
        ([("a", "2024-01-01", 10.0)], "fr"),
        ([("a", "2024-01-01", -10.0), ("b", "2024-02-01", -5.0)], "en"),
        ([("a", "2019-01-01", 5.0), ("a", "2024-12-01", 5.0)], "en"),
    ],
)
def test_the_smallest_bases_are_weighed_and_only_arithmetic_is_sure(lines, language):
    frame = pd.DataFrame(lines, columns=["customer_id", "date", "amount"])
    frame["date"] = pd.to_datetime(frame["date"])
    found = weigh_claims(CustomerBase.from_tables(frame, language=language)).to_frame()
    assert found.loc[found["verdict_code"] != "cannot_tell", "code"].tolist() == ["same_rate"]
    assert found["here"].str.len().min() > 10
    assert "nan" not in " ".join(found["here"]).lower().split()


def test_another_engine_and_rows_after_the_date_change_nothing():
    whole = simulate_base(120, seed=5, language="en")[0]
    tables = {name: whole.to_pandas(name) for name in TABLES if whole.has(name)}
    past = weigh_claims(whole.at("2025-06-30")).to_frame()
    for name in ("transactions", "interactions", "feedback", "campaigns"):
        known = pd.to_datetime(tables[name]["date"]) <= pd.Timestamp("2025-06-30")
        tables[name] = tables[name][known]
    given = {name: pl.from_pandas(table) for name, table in tables.items()}
    cut = CustomerBase.from_tables(**given, as_of="2025-06-30")
    assert (whole.engine, cut.engine) == ("duckdb", "polars")
    pd.testing.assert_frame_equal(past, weigh_claims(cut).to_frame())


def test_changing_the_frame_handed_out_does_not_change_the_result():
    frame = weighed().to_frame()
    frame["verdict_code"] = "confirmed"
    assert weighed().verdict("ten_a_year") == "contradicted"
