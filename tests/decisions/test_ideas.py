"""The idea board: what an idea must bring to pay, what would prove it, where it is kept."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from retention_lib.base import workbooks
from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions import _ideas_file as file_of
from retention_lib.decisions import _ideas_worth
from retention_lib.decisions._holdout_power import detectable
from retention_lib.decisions._ideas_judged import Judging
from retention_lib.decisions._ideas_proof import DAYS, SHARES, Proving
from retention_lib.decisions._ideas_worth import EVERYBODY, Concerned, needed_gain
from retention_lib.decisions._risk_inputs import at_likely
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.decisions.ideas import open_ideas
from retention_lib.decisions.ranges import likely
from retention_lib.decisions.segment_what_if import SegmentSettings, SegmentsFacts, _both
from retention_lib.errors import ChoiceError, InputError
from retention_lib.masking import MASK_VARIABLE
from retention_lib.views import theme
from retention_lib.wording import Wording

LOT = "LOT"


def shop(language="en", *, customers=240, margin_rate=0.5):
    """Two and a half years of a shop: half come every other month, some stop, most go on."""
    rng = np.random.default_rng(7)
    lines = []
    for number in range(customers):
        gap = 30 + 25 * (number % 5)
        until = 900 if number % 6 else 400
        days = np.arange(number % 60, until, gap)
        lines += [
            {"customer_id": f"C{number:03}", "day": int(day), "amount": float(rng.integers(20, 60))}
            for day in days
        ]
    table = pd.DataFrame(lines)
    table["date"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(table.pop("day"), unit="D")
    drawn = rng.permutation(customers) < customers / 2
    groups = pd.DataFrame(
        {
            "campaign_id": LOT,
            "customer_id": [f"C{n:03}" for n in range(customers)],
            "date": pd.Timestamp("2025-02-01"),
            "group": np.where(drawn, "treated", "control"),
            "cost": np.where(drawn, 3.0, 0.0),
        }
    )
    return CustomerBase.from_tables(
        table, campaigns=groups, currency="EUR", language=language, margin_rate=margin_rate,
        name="Shop",
    )  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return shop()


@pytest.fixture(scope="module")
def judging(base):
    return Judging(base)


@pytest.fixture
def board(base, judging):
    """An empty board in memory that shares what was looked up before."""
    return replace(open_ideas(base, keep=False), judging=judging)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one's own: a sample, and a workbook in data/mine."""
    for folder in ("data/sample/b2b", "data/mine/Shop"):
        place = tmp_path / folder
        place.mkdir(parents=True)
        lines = pd.DataFrame(
            {"customer_id": ["a", "b"], "date": pd.to_datetime(["2024-01-05", "2024-03-05"])}
        )
        lines.assign(amount=10.0).to_parquet(place / "transactions.parquet")
        (place / "workbook.toml").write_text(
            'name = "Shop"\n[tables.transactions]\nfile = "transactions.parquet"\n', "utf-8"
        )
    # What is kept where does not depend on what the segments are.
    nothing = SegmentsFacts((), 2, 0.1, "", False, "margin", True, Wording("en"))
    monkeypatch.setattr(_ideas_worth, "gather_segments", lambda base: nothing)
    for module in (workbooks, file_of):
        monkeypatch.setattr(module, "project_folder", lambda: tmp_path)
    monkeypatch.delenv(workbooks.ENVIRONMENT, raising=False)
    return tmp_path


# --- what it must bring --------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["classic", "six"])
def test_what_an_idea_must_bring_leaves_nothing_over_in_the_what_if(judging, scheme):
    facts = judging.concerned.facts
    same = [one for one in facts.segments if one.scheme == scheme]
    segment = max(same, key=lambda one: one.at_risk)
    cost = 0.25 * segment.active * likely(segment.attrition) * likely(segment.margin)
    needed = needed_gain(segment, cost, facts.wording, facts.measure)
    assert 0 < needed.likely < 100 * likely(segment.attrition)
    before, _ = _both(facts, segment, SegmentSettings(segment.code))
    after = before.keep_more(needed.likely).change(programme_cost=cost)
    assert at_likely(before, after) == pytest.approx(0, abs=0.01 * cost)
    assert at_likely(before, before.change(programme_cost=cost)) < -2 * cost


def test_a_dearer_idea_must_bring_more_and_its_range_holds_it(judging):
    segment = judging.concerned.segment(EVERYBODY)
    found = [needed_gain(segment, cost, judging.base.wording, "margin") for cost in (50, 200, 800)]
    assert found[0].likely < found[1].likely < found[2].likely
    for cost, one in zip((50, 200, 800), found, strict=True):
        assert one.low < one.likely < one.high
        assert one.kept == pytest.approx(segment.active * one.likely / 100)
        assert one.each == pytest.approx(cost / segment.active)


def test_an_idea_that_costs_more_than_all_who_leave_bring_can_never_pay(board):
    told = board.add("Gold for all", cost=10_000_000)
    row = told.to_frame().iloc[0]
    assert (row["judged_code"], row["to_do_code"]) == ("never", "drop")
    assert math.isinf(row["points"])
    assert "cannot pay by keeping customers" in told.sentence_of(1)


def test_an_idea_that_costs_nothing_pays_with_any_gain(board):
    row = board.add("Say thank you").to_frame().iloc[0]
    assert (row["judged_code"], row["points"]) == ("free", 0.0)
    assert row["must_bring"] == "any gain pays"


def test_without_a_margin_the_board_says_that_it_counts_revenue():
    judged = Judging(shop(customers=60, margin_rate=None))
    told = open_ideas(judged.base, keep=False).add("Call them", cost=50)
    assert "revenue" in told.assumptions["ideas_needed"]
    assert "more revenue each" in told.to_frame()["must_bring"][0]


def test_an_idea_for_a_segment_where_nobody_is_active_has_nobody_to_keep():
    lines = pd.DataFrame({"customer_id": ["a", "b"], "date": ["2023-01-01", "2024-12-31"]})
    lines["date"] = pd.to_datetime(lines["date"])
    small = CustomerBase.from_tables(lines.assign(amount=10.0), language="en")
    told = open_ideas(small, keep=False).add("Win them back", segment="at_risk", cost=5)
    assert told.to_frame()["to_do_code"][0] == "other"
    assert told.sentence_of(1)
    assert told.plot() is not None


# --- what would prove it -------------------------------------------------------------------------


def test_the_control_group_named_proves_the_gain_that_pays(base, judging):
    proving, segment = judging.proving, judging.concerned.segment(EVERYBODY)
    proof = proving.prove(segment, 12.0)
    assert proof.code == "provable"
    habit = next(h for h in proving.habits(EVERYBODY) if h.days == proof.days)
    least = detectable(
        proof.customers - proof.held, proof.held, habit.level, explained=habit.explained
    )
    assert least <= proof.effect
    assert proof.share in SHARES
    assert proof.days in DAYS


def test_so_small_a_gain_that_nobody_could_see_it_cannot_be_proved_here(judging):
    segment = judging.concerned.segment(EVERYBODY)
    proof = judging.proving.prove(segment, 0.05)
    assert proof.code == "invisible"
    assert proof.detectable_year > 0.05
    assert proof.needed > proof.customers


def test_as_many_customers_as_are_said_to_be_needed_are_enough(judging):
    segment = judging.concerned.segment(EVERYBODY)
    proof = judging.proving.prove(segment, 1.0)
    habit = next(h for h in judging.proving.habits(EVERYBODY) if h.days == proof.days)
    held = proof.needed * proof.share
    least = detectable(proof.needed - held, held, habit.level, explained=habit.explained)
    assert least == pytest.approx(proof.effect, rel=0.02)


def test_what_customers_do_anyway_is_that_of_the_segment_as_it_was_then(base):
    proving = Proving(base)
    best = {habit.days: habit.level for habit in proving.habits("classic:champions")}
    everybody = {habit.days: habit.level for habit in proving.habits(EVERYBODY)}
    assert best[90] > everybody[90]
    assert proving.members("classic:champions", 90) != proving.members("classic:champions", 0)


def test_too_short_a_history_proves_nothing_and_says_so():
    lines = pd.DataFrame({"customer_id": [f"C{n % 20}" for n in range(40)]})
    lines["date"] = pd.date_range("2024-01-01", periods=40)
    young = CustomerBase.from_tables(lines.assign(amount=10.0), language="en", margin_rate=0.5)
    concerned = Concerned(young)
    proof = Proving(young).prove(concerned.segment(EVERYBODY), 5.0)
    assert proof.code == "no_history"


# --- the board -----------------------------------------------------------------------------------


def test_adding_gives_a_new_board_and_leaves_the_old_one(board):
    one = board.add("Call them", owner="Ann", segment="At risk", cost=100)
    two = one.add("Write to them", segment="à risque")
    assert (len(board.ideas), len(one.ideas), len(two.ideas)) == (0, 1, 2)
    assert two.to_frame()["number"].tolist() == [1, 2]
    assert {idea.segment for idea in two.ideas} == {"classic:at_risk"}
    assert len(two.remove(1).add("Third").ideas) == 2
    assert two.remove(1).add("Third").ideas[-1].number == 3


def test_only_what_is_given_changes(board):
    told = board.add("Call them", owner="Ann", cost=100).change(1, cost=200, status="running")
    idea = told.idea(1)
    assert (idea.idea, idea.owner, idea.cost, idea.status) == ("Call them", "Ann", 200.0, "running")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"idea": "  "}, "in a few words"),
        ({"idea": "x" * 201}, "200 letters"),
        ({"idea": 5}, "text in quotation marks"),
        ({"idea": "a", "cost": -1}, "0 or more"),
        ({"idea": "a", "cost": float("nan")}, "amount of money"),
        ({"idea": "a", "cost": True}, "amount of money"),
        ({"idea": "a", "segment": "at_rsk"}, "at_risk"),
    ],
)
def test_what_cannot_go_on_the_board_is_refused_with_the_remedy(board, given, said):
    with pytest.raises((InputError, ChoiceError), match=said):
        board.add(**given)


def test_unknown_numbers_statuses_and_campaigns_are_refused_with_the_choices(board):
    told = board.add("Call them", cost=100)
    with pytest.raises(ChoiceError, match="number"):
        told.change(7)
    with pytest.raises(ChoiceError, match="stopped"):
        told.change(1, status="stoped")
    with pytest.raises(ChoiceError, match=LOT):
        told.record_result(1, campaign="LOTT")
    for given in ({}, {"campaign": LOT, "net": 5.0}):
        with pytest.raises(InputError, match="one of the two"):
            told.record_result(1, **given)


def test_a_control_character_or_a_line_end_in_an_idea_is_a_blank(board):
    assert board.add("Call\nthem\x00 all").idea(1).idea == "Call them all"


# --- results -------------------------------------------------------------------------------------


def test_the_result_of_a_campaign_is_the_one_that_is_measured(board, base):
    told = board.add("Call them", cost=100).record_result(1, campaign=LOT)
    measured = measure_campaign(base, LOT)
    row = told.to_frame().iloc[0]
    assert row["verdict_code"] == measured.verdict_code
    assert row["net"] == pytest.approx(measured.money.net.value)
    assert LOT in told.sentence_of(1)


@pytest.mark.parametrize(
    ("net", "proved", "to_do"),
    [
        (500.0, True, "keep"),
        (-500.0, True, "stop_loss"),
        (0.0, True, "stop_loss"),
        (500.0, False, "prove_again"),
    ],
)
def test_a_typed_result_counts_only_where_lots_were_drawn(board, net, proved, to_do):
    told = board.add("Call them", cost=100).record_result(1, net=net, proved=proved, note="May")
    row = told.to_frame().iloc[0]
    assert row["to_do_code"] == to_do
    assert "May" in row["proved_by"]
    assert told.change(1, status="kept").to_stop() == ([] if to_do == "keep" else [1])


def test_a_programme_that_cannot_prove_extra_profit_is_called_by_its_name(board):
    told = board.add("Club", cost=5).change(1, status="running")
    assert told.to_frame()["proof_code"][0] == "invisible"
    assert told.to_stop() == [1]
    assert "A programme that cannot prove extra profit gets stopped: “Club”." in told.sentence()
    stopped = told.change(1, status="stopped")
    assert stopped.to_stop() == []
    assert "€0 a year" in stopped.sentence()


# --- where it is kept ----------------------------------------------------------------------------


def test_ideas_are_kept_in_the_workbook_and_are_there_again(project):
    own = project / "data" / "mine" / "Shop"
    told = open_ideas(own).add("Call “them” = all", owner="Zoé", cost=12.5)
    told = told.record_result(1, net=0.0, note="nothing")
    again = open_ideas(own)
    assert again.ideas == told.ideas
    assert again.ideas[0].net == 0.0
    assert told.file == own / "ideas.toml"
    assert tomllib.loads(told.file.read_text("utf-8"))["ideas"][0]["owner"] == "Zoé"
    assert open_ideas(own / "workbook.toml").ideas == told.ideas


def test_ideas_about_a_sample_leave_the_sample_alone(project):
    sample = project / "data" / "sample" / "b2b"
    before = {path.name: path.read_bytes() for path in sample.iterdir()}
    told = open_ideas().add("Call them", cost=5)
    assert told.file == project / "data" / "mine" / "ideas-b2b.toml"
    assert {path.name: path.read_bytes() for path in sample.iterdir()} == before
    assert open_ideas(sample).ideas == told.ideas


def test_two_bases_never_share_what_was_looked_up(project):
    first, second = shop(customers=40), shop(customers=50)
    boards = [open_ideas(one, keep=False) for one in (first, second, first, first)]
    assert [board.judging.base for board in boards] == [first, second, first, first]
    assert boards[2].judging is boards[3].judging


def test_a_board_in_memory_writes_nothing(project):
    before = sorted(project.rglob("*"))
    told = open_ideas(keep=False).add("Call them", cost=5)
    assert told.file is None
    assert "in memory only" in told.assumptions["ideas_kept"]
    assert sorted(project.rglob("*")) == before


def test_nothing_of_another_window_is_lost(project):
    mine = open_ideas().add("Mine")
    theirs = open_ideas().add("Theirs")
    with pytest.raises(InputError, match="changed meanwhile"):
        mine.add("Mine too")
    assert open_ideas().ideas == theirs.ideas
    assert [one.idea for one in mine.again().add("Mine too").ideas] == [
        "Mine",
        "Theirs",
        "Mine too",
    ]


def test_a_damaged_file_is_refused_with_every_problem_of_it(project):
    file = project / "data" / "mine" / "Shop" / "ideas.toml"
    file.write_text('[[ideas]]\nnumber = "1"\nowners = "x"\n[[ideas]]\nnumber = 2\nidea = ""\n')
    with pytest.raises(InputError) as caught:
        open_ideas(file.parent)
    for part in ("4 problem(s)", "'idea' is missing", "'owners' is not known", "should be int"):
        assert part in str(caught.value)
    file.write_text("[[ideas]\n")
    with pytest.raises(InputError, match="is damaged"):
        open_ideas(file.parent)
    file.write_bytes(b"\xef\xbb\xbf" + '[[ideas]]\r\nnumber = 1\r\nidea = "É"\r\n'.encode())
    assert open_ideas(file.parent).ideas[0].idea == "É"


# --- how it is shown -----------------------------------------------------------------------------


def test_owners_are_masked_on_screen_and_in_the_file(board, tmp_path, monkeypatch):
    told = board.add("Call them", owner="Ann Lee", cost=100)
    assert "Ann Lee" in told._repr_html_()
    monkeypatch.setenv(MASK_VARIABLE, "1")
    assert "Ann Lee" not in told._repr_html_() + told.sentence() + told.sentence_of(1)
    told.to_excel(tmp_path / "x.xlsx")
    cells = [str(cell.value) for row in _sheet(tmp_path / "x.xlsx") for cell in row]
    assert not [cell for cell in cells if "Ann" in cell]


def test_the_excel_file_runs_nothing_and_its_amounts_are_numbers(board, tmp_path):
    told = board.add("=HYPERLINK(1)", owner="@you", cost=100)
    rows = list(_sheet(told.to_excel(tmp_path / "ideas.xlsx")))
    heads = [cell.value for cell in rows[0]]
    values = dict(zip(heads, rows[1], strict=True))
    assert values["Idea"].data_type == "s"
    assert values["Idea"].value == "=HYPERLINK(1)"
    assert values["Cost a year"].value == 100
    with pytest.raises(InputError, match=r"\.xlsx"):
        told.to_excel(tmp_path / "ideas.csv")


def _sheet(path: Path):
    return openpyxl.load_workbook(path).active.iter_rows()


def test_texts_of_ideas_are_escaped(board):
    shown = board.add("<b>Call</b>", owner="<i>x</i>", cost=1)._repr_html_()
    assert "<b>Call" not in shown
    assert "<i>x" not in shown


def test_the_picture_says_what_each_idea_must_bring_and_what_could_be_proved(board):
    told = board.add("Call US$ 5 <all>", cost=100).add("Gold", cost=10_000_000)
    alt = theme.alt_text(told.plot().figure)
    assert "Call US$ 5 <all>: must bring" in alt
    assert "or more could be proved" in alt
    assert "Gold: not by keeping customers" in alt
    assert theme.alt_text(board.plot().figure)


def test_in_french_nothing_is_left_in_english():
    french = open_ideas(shop("fr", customers=60), keep=False)
    told = french.add("Appeler", cost=50).add("Club", segment="champions", cost=1_000_000)
    told = told.add("Merci").change(3, status="running")
    words = " ".join([told.sentence(), *map(str, told.to_frame().to_numpy().ravel())])
    words += told._repr_html_() + theme.alt_text(told.plot().figure)
    for english in (" the ", " and ", "must", "proved", "customers"):
        assert english not in words.lower().replace("provable", "")
    assert "au tableau" in told.sentence()
