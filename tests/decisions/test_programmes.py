"""The ledger of programmes: proved, lost, not proved, not told; and what luck does among many."""

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.simulate import simulate_base
from retention_lib.decisions import programmes
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.decisions.programmes import weigh_programmes
from retention_lib.errors import InputError
from retention_lib.wording import Wording

FIRST = pd.Timestamp("2022-06-01")


def tables(effects, *, of=120, seed=1):
    """One campaign an effect, a hundred days apart: what each side buys more on the tenth day."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"C{place:03}" for place in range(of)])
    lines = [pd.DataFrame({"customer_id": ids, "date": FIRST - pd.Timedelta(days=20)})]
    groups = []
    for place, effect in enumerate(effects):
        sent = FIRST + pd.Timedelta(days=100 * place)
        contacted = rng.permutation(np.arange(of) % 2 == 0)
        who = rng.permutation(of)[: of // 2]
        lines.append(pd.DataFrame({"customer_id": ids[who], "date": sent + pd.Timedelta(days=30)}))
        side = ids[contacted if effect > 0 else ~contacted]
        more = pd.DataFrame({"customer_id": side, "date": sent + pd.Timedelta(days=10)})
        if effect:
            lines.append(more.assign(amount=float(abs(effect))))
        groups.append(
            pd.DataFrame(
                {
                    "campaign_id": f"P{place + 1}",
                    "customer_id": ids,
                    "date": sent,
                    "group": np.where(contacted, "treated", "control"),
                    "cost": np.where(contacted, 2.0, 0.0),
                    "offer": f"Offer {place + 1}",
                }
            )
        )
    table = pd.concat(lines, ignore_index=True)
    usual = pd.Series(rng.gamma(4, 10, len(table)).round(2))
    table["amount"] = table.get("amount", usual).fillna(usual)
    return table, pd.concat(groups, ignore_index=True)


def base_of(table, groups, **options):
    end = FIRST + pd.Timedelta(days=100 * groups["campaign_id"].nunique())
    options = {"language": "en", "currency": "EUR", "margin_rate": 0.5, "as_of": end, **options}
    options["as_of"] = pd.Timestamp(options["as_of"]).date()
    return CustomerBase.from_tables(table, campaigns=groups, **options)


@pytest.fixture(scope="module")
def data():
    return tables([0, 100, -100])


@pytest.fixture(scope="module")
def plain():
    return tables([100], of=80)


@pytest.fixture(scope="module")
def ledger(data):
    return weigh_programmes(base_of(*data))


def test_each_campaign_stands_with_what_it_proved_and_what_to_do(ledger):
    table = ledger.to_frame()
    assert table["campaign_id"].tolist() == ["P1", "P2", "P3"]
    assert table["offer"].tolist() == ["Offer 1", "Offer 2", "Offer 3"]
    assert table["verdict_code"].tolist() == ["not_proved", "earned", "lost"]
    assert table["to_do_code"].tolist() == ["prove_or_stop", "go_on", "stop"]
    assert table["cost"].tolist() == [120, 120, 120]
    assert table["treated"].tolist() == [60, 60, 60]
    assert (table["extra_margin"] - table["cost"]).tolist() == pytest.approx(table["net"].tolist())
    # 100 more for each of 60, half of it margin, give or take chance: 3,000 less 120.
    assert table["net"][1] == pytest.approx(2880, abs=600)


def test_what_is_proved_adds_up_and_what_is_not_counts_for_nothing(ledger):
    table = ledger.to_frame()
    gain, loss = table["net"][1], table["net"][2]
    assert table["proved_to_date"].tolist() == pytest.approx([0, gain, gain + loss])
    low, likely, high = ledger.proved
    assert likely == pytest.approx(gain + loss)
    down = np.hypot(*(table["net"] - table["net_low"])[1:])
    assert (likely - low, high > likely) == (pytest.approx(down), True)


def test_the_figures_are_those_of_each_campaign_measured_by_itself(data, ledger):
    alone = measure_campaign(base_of(*data), "P2").money
    row = ledger.to_frame().iloc[1]
    assert row["extra_margin"] == alone.extra.value
    assert (row["extra_low"], row["extra_high"]) == (alone.extra.low, alone.extra.high)
    assert (row["net_low"], row["net_high"]) == (alone.net.low, alone.net.high)


def test_the_sentence_names_the_ones_to_stop(ledger):
    said = ledger.sentence()
    assert said.startswith(
        "Of 3 programmes on file 1 has proved to earn more than it costs and 1 to lose money: "
    )
    assert said.endswith(
        "Stop, or prove first with customers held back by lot: P1 and P3 (€240 spent)."
    )
    assert ledger.to_stop() == ["P1", "P3"]
    assert "a programme that cannot prove extra profit is stopped" in str(
        ledger.assumptions["programmes_rule"]
    )


def test_among_many_campaigns_one_that_looks_proved_may_be_luck():
    rows = [{"chance": chance, "verdict_code": "earned", "reason_code": ""} for chance in
            (0.001, 0.03, 0.03, float("nan"))]  # fmt: skip
    programmes._correct(rows)
    # Holm by hand: 3 x 0.001, then 2 x 0.03 twice.
    assert [row["chance"] for row in rows[:3]] == pytest.approx([0.003, 0.06, 0.06])
    assert [row["verdict_code"] for row in rows[:3]] == ["earned", "not_proved", "not_proved"]
    assert rows[1]["reason_code"] == "many_looks"


def test_a_ledger_of_campaigns_that_do_nothing_proves_something_once_in_twenty_at_most():
    # Ten campaigns without an effect: the luckiest is proved where its chance is below a tenth
    # of 5 %, so in 1 - 0.995 ** 10 = 4.9 % of ledgers instead of 40 %.
    rng = np.random.default_rng(5)
    for luckiest in (0.0049, 0.0051, 0.02, 0.049):
        chances = [luckiest, *rng.uniform(0.05, 1, 9)]
        rows = [
            {"chance": c, "verdict_code": "earned" if c < 0.05 else "not_proved", "reason_code": ""}
            for c in chances
        ]
        programmes._correct(rows)
        proved = [row["verdict_code"] for row in rows].count("earned")
        assert proved == (1 if luckiest < 0.005 else 0)


def test_groups_that_no_lot_drew_and_missing_control_are_told_apart():
    table, groups = tables([0, 0, 0], of=80)
    best = groups["customer_id"] < "C040"
    one, two = groups["campaign_id"] == "P1", groups["campaign_id"] == "P2"
    table.loc[table["customer_id"] < "C040", "amount"] *= 50
    groups.loc[one, "group"] = np.where(best[one], "treated", "control")
    groups.loc[two, "group"] = "treated"
    groups.loc[two, "cost"] = np.nan
    result = weigh_programmes(base_of(table, groups))
    rows = result.to_frame().set_index("campaign_id")
    assert rows.loc["P1", "verdict_code"] == "not_randomised"
    assert rows.loc["P2", "reason_code"] == "no_control"
    assert rows.loc[["P1", "P2"], "to_do_code"].tolist() == ["hold_back", "hold_back"]
    assert rows.loc[["P1", "P2"], ["extra_margin", "net", "chance"]].isna().all().all()
    assert result.proved == (0, 0, 0)
    assert result.sentence().startswith("None of the 3 programmes on file has proved")


def test_a_campaign_of_yesterday_waits_and_one_without_cost_is_put_on_file():
    table, groups = tables([100, 100], of=80)
    groups.loc[groups["campaign_id"] == "P1", "cost"] = np.nan
    sent = FIRST + pd.Timedelta(days=100)
    rows = weigh_programmes(base_of(table, groups, as_of=sent + pd.Timedelta(days=5))).to_frame()
    assert rows["reason_code"].tolist() == ["no_cost", "too_recent"]
    assert rows["to_do_code"].tolist() == ["record_cost", "wait"]


def test_without_margins_nothing_is_called_earned(plain):
    table, groups = plain
    result = weigh_programmes(base_of(table, groups, margin_rate=None))
    row = result.to_frame().iloc[0]
    assert (row["verdict_code"], row["reason_code"]) == ("cannot_tell", "no_margin")
    assert row["to_do_code"] == "record_margin"
    assert result.measure == "revenue"
    assert "no margins are known" in str(result.assumptions["programmes_money"])


def test_no_campaigns_are_said_and_drawn():
    lines = pd.DataFrame({"customer_id": ["a"], "date": [FIRST], "amount": [10.0]})
    result = weigh_programmes(CustomerBase.from_tables(lines))
    assert result.to_frame().empty
    assert result.sentence().startswith("No campaigns are on file. With a table of who was")
    assert result._repr_html_()
    assert result.not_drawn().verdict_code == "cannot_tell"
    assert result.not_drawn().sentence().endswith(".")


def test_both_engines_and_rows_after_as_of_give_the_same(plain):
    table, groups = plain
    base = base_of(table, groups)
    extra = table.tail(1).assign(date=pd.Timestamp(base.as_of) + pd.Timedelta(days=9), amount=1e6)
    later = pl.from_pandas(pd.concat([table, extra], ignore_index=True))
    other = base_of(later, groups, as_of=base.as_of)
    pd.testing.assert_frame_equal(
        weigh_programmes(other).to_frame(), weigh_programmes(base).to_frame()
    )


def test_small_bases_say_that_nothing_can_be_told():
    base, _ = simulate_base(40, seed=15, language="en")
    rows = weigh_programmes(base).to_frame()
    assert set(rows["verdict_code"]) == {"cannot_tell"}
    assert rows["proved_to_date"].tolist() == [0, 0]


def test_arguments_that_cannot_be_are_said(data):
    base = base_of(*data)
    for bad in (True, 0, "90"):
        with pytest.raises(InputError, match="days must be a whole number of days"):
            weigh_programmes(base, days=bad)
    with pytest.raises(InputError, match="Pass a CustomerBase"):
        weigh_programmes("base")


def test_french_is_spoken(plain):
    base = base_of(*plain)
    french = weigh_programmes(dataclasses.replace(base, wording=Wording("fr", "EUR")))
    assert french.sentence().startswith(
        "Sur 1 programme enregistré, 1 a prouvé qu'il rapporte plus qu'il ne coûte et 0 perd de "
    )
    assert french.to_frame()["what_to_do"].tolist() == ["continuer, avec un groupe témoin"]
