"""The samples' key figures are what they were when somebody last looked at them.

Where a figure was meant to change: ``python tools/golden.py --write``, and say so in the commit.
"""

from __future__ import annotations

from tools import golden


def short() -> golden.Figures:
    """The figures on file that are worked out here; the chapters hold the long ones."""
    known = golden.on_file()
    return {key: known[key] for key in known if not key.partition(": ")[2].startswith(golden.LONG)}


def test_no_figure_of_the_samples_has_moved():
    old, new = short(), golden.figures(long=False)
    assert len(new) > 150
    assert not golden.drift(old, new), "python tools/golden.py --write accepts what was meant"


def test_a_figure_that_moves_comes_or_goes_is_named_with_both_values():
    old = {"b2b: flows, lost": 48, "b2b: lost, value": 25570.39, "b2b: gone": 1}
    new = {"b2b: flows, lost": 49, "b2b: lost, value": 25570.40, "b2b: came": 2}
    assert golden.drift(old, new) == [
        "b2b: gone is gone (was 1)",
        "b2b: came is new: 2",
        "b2b: flows, lost was 48 and is 49",
        "b2b: lost, value was 25570.39 and is 25570.4",
    ]


def test_what_is_forgiven_is_rounding_and_less_than_anybody_reads():
    # A cent in five million, or the sixth digit of what was learnt, is no rounding.
    assert not golden.same("b2b: transactions, amount", 4809933.60, 4809933.61)
    assert golden.same("b2b: transactions, amount", 4809933.60, 4809933.600001)
    assert not golden.same("b2b: churn, auc of model", 0.82798, 0.82802)
    assert golden.same("b2b: churn, auc of model", 0.827981899334, 0.827981899399)
    assert not golden.same("b2b: lost, value at least", None, 0.0)
