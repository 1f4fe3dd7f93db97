"""Progress bars: said by slow calls, shown after a second, gone at the end, never in the way."""

import ast
import re
import time
from importlib.resources import files

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib import progress
from retention_lib.wording import Wording, texts


class Screen:
    """What a listener would have shown: each bar with its moves, and whether it is gone."""

    def __init__(self):
        self.bars = []

    def __call__(self, said):
        bar = Bar(said)
        self.bars.append(bar)
        return bar


class Bar:
    def __init__(self, said):
        self.first, self.moves, self.closed = said, [], False

    def show(self, share, said):
        assert not self.closed
        self.moves.append((round(share, 3), said))

    def close(self):
        self.closed = True


@pytest.fixture
def screen(monkeypatch):
    """A listener, and no patience, so that every step shows."""
    shown = Screen()
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    before = progress.listen(shown)
    yield shown
    progress.listen(before)


def settle():
    """Until the timer of no patience has fired."""
    time.sleep(0.05)


def test_a_bar_says_what_is_done_how_far_it_is_and_goes_at_the_end(screen):
    with progress.steps(Wording("en"), "worth", total=2) as step:
        settle()
        step("purchases")
        step("value")
    (bar,) = screen.bars
    assert bar.moves == [
        (0.0, "Valuing customers: 0 %, going through the purchases"),
        (0.5, "Valuing customers: 50 %, what each customer will still bring"),
    ]
    assert bar.closed


def test_a_bar_speaks_the_language_of_the_base(screen):
    with progress.steps(Wording("fr"), "worth", total=2) as step:
        settle()
        step("purchases")
    assert screen.bars[0].first == "Évaluation des clients\xa0: 0\xa0%, parcours des achats"


def test_calls_inside_calls_move_the_one_bar_of_the_outermost(screen):
    w = Wording("en")
    with progress.steps(w, "churn", total=2) as step:
        settle()
        step("past")
        with progress.steps(w, "snapshots", total=4) as inner:
            inner("snapshot", date="1 May 2025")
            inner("snapshot", date="1 June 2025")
        step("learn")
    (bar,) = screen.bars
    assert [share for share, _ in bar.moves] == [0.0, 0.0, 0.125, 0.5]
    assert bar.moves[2][1] == "Learning who leaves: 13 %, customers as they were on 1 June 2025"


def test_a_bar_never_goes_back_where_one_step_holds_two_calls(screen):
    w = Wording("en")
    with progress.steps(w, "offer", total=2) as step:
        settle()
        step("leavers")
        for task in ("churn", "score"):
            with progress.steps(w, task, total=2) as inner:
                inner("past")
                inner("learn")
        step("value")
    assert [share for share, _ in screen.bars[0].moves] == [0.0, 0.0, 0.25, 0.25, 0.25, 0.5]


def test_quick_work_shows_no_bar(screen, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 5.0)
    with progress.steps(Wording(), "worth", total=2) as step:
        step("purchases")
        step("value")
    assert not screen.bars


def test_a_bar_comes_amid_a_long_step_without_waiting_for_the_next(screen, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    with progress.steps(Wording(), "worth", total=2) as step:
        step("purchases")
        assert not screen.bars
        time.sleep(0.3)
        assert len(screen.bars) == 1
        assert screen.bars[0].moves == [(0.0, screen.bars[0].first)]


def test_the_bar_goes_when_the_work_fails_and_the_error_stays(screen):
    with pytest.raises(ZeroDivisionError), progress.steps(Wording(), "worth", total=2) as step:
        settle()
        step("purchases")
        _ = 1 / 0
    assert screen.bars[0].closed
    with progress.steps(Wording(), "worth", total=1) as step:
        settle()
        step("purchases")
    assert len(screen.bars) == 2, "the next call has a bar of its own"


def test_a_step_too_many_stays_at_the_last(screen):
    with progress.steps(Wording(), "worth", total=2) as step:
        settle()
        for _ in range(5):
            step("purchases")
    assert [share for share, _ in screen.bars[0].moves] == [0.0, 0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("fails", ["listener", "show", "close"])
def test_a_screen_that_fails_never_stops_the_work(fails, monkeypatch):
    class Broken:
        def __init__(self, said):
            assert fails != "listener"

        def show(self, share, said):
            assert fails != "show"

        def close(self):
            assert fails != "close"

    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.0)
    before = progress.listen(Broken)
    try:
        with progress.steps(Wording(), "worth", total=2) as step:
            settle()
            step("purchases")
            step("value")
            done = True
    finally:
        progress.listen(before)
    assert done


def test_outside_a_notebook_nobody_listens_and_nothing_is_shown():
    assert progress._notebook() is None
    with progress.steps(Wording(), "worth", total=1) as step:
        step("no such key: its words are never asked for")


def test_slow_functions_say_their_steps_and_reach_the_end(screen):
    dates = pd.date_range("2024-01-05", periods=12, freq="14D")
    lines = pd.DataFrame({"customer_id": ["a"] * 12, "date": dates, "amount": 10.0})
    base = rl.CustomerBase.from_tables(lines, as_of="2024-09-30")
    rl.watch_list(base)
    rl.value_customers(base)
    told = [bar.first.split(":")[0] for bar in screen.bars]
    assert told == ["Making the watch list", "Valuing customers"]
    for bar in screen.bars:
        shares = [share for share, _ in bar.moves]
        assert shares == sorted(shares)
        assert len(set(shares)) >= 2
        assert bar.closed


def test_every_task_and_step_that_the_code_announces_has_words_and_the_other_way_round():
    announced = {"task": set(), "step": set()}
    for file in files("retention_lib").rglob("*.py"):
        source = file.read_text("utf-8")
        if "progress" not in source or file.name == "progress.py":
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                texts_given = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if name == "progress.steps":
                    announced["task"] |= set(texts_given)
                elif re.fullmatch(r"\w*step", name):
                    announced["step"] |= set(texts_given[:1])
    for kind, keys in announced.items():
        worded = {key.split(".")[2] for key in texts() if key.startswith(f"progress.{kind}.")}
        assert keys == worded
