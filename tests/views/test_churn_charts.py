"""Charts of who leaves next: they say the finding, and nothing is cut off."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.results import Listing
from retention_lib.scoring._evaluation_verdict import RULES
from retention_lib.scoring.evaluation import make_scorecard
from retention_lib.scoring.leak import CASES, LeakResult, see_the_future
from retention_lib.views import churn_charts, theme
from retention_lib.wording import Wording
from tests.views.in_languages import in_languages


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def scorecard(language="en", *, customers=600, leaves=0.3):
    rng = np.random.default_rng(2)
    truth = rng.normal(size=customers)
    left = (rng.random(customers) < leaves + 0.2 * np.sign(truth) * leaves).astype(float)
    methods = {
        code: 1 / (1 + np.exp(-(truth + blur * rng.normal(size=customers) - 1)))
        for code, blur in zip(("model", *RULES), (0.3, 1, 1.2, 1.5, 1.8, 0.9), strict=True)
    }
    value = rng.lognormal(12, 1, customers)
    return make_scorecard(methods, left, value, wording=Wording(language, "USD"))


@cache
def scores(language="en", *, customers=600):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(customers)],
            "churn_probability": rng.beta(1, 2, customers),
            "annual_revenue": rng.lognormal(12, 1, customers),
        }
    )
    return Listing(table, wording=Wording(language, "USD"), said="said")


@cache
def leak(language="en"):
    w = Wording(language, "USD")
    figures = [(1.0, 0.9), (0.62, 0.4), (0.75, 0.55), (0.73, 0.5)]
    table = pd.DataFrame(
        {
            "case_code": CASES,
            "case": [w.say(f"leak.case.{code}") for code in CASES],
            "auc": [auc for auc, _ in figures],
            **{
                f"revenue_found{end}": [1e7 * (share + by) for _, share in figures]
                for end, by in (("", 0.0), ("_low", -0.1), ("_high", 0.08))
            },
        }
    )
    return LeakResult(
        table, wording=w, horizon_days=90, missed=(5e6, 4e6, 6e6), behind=(1e6, -1e6, 3e6)
    )


@cache
def no_leak(language="en"):
    lines = pd.DataFrame({"customer_id": ["a"], "amount": [5.0]})
    lines["date"] = pd.Timestamp("2024-01-01")
    return see_the_future(CustomerBase.from_tables(lines, language=language))


PICTURES = {
    "gains": lambda lang: scorecard(lang).plot(),
    "gains of a sketch": lambda lang: scorecard(lang, customers=30).gains().plot(),
    "gains without leavers": lambda lang: scorecard(lang, leaves=0.0).plot(),
    "calibration": lambda lang: scorecard(lang).calibration().plot(),
    "calibration of a sketch": lambda lang: scorecard(lang, customers=30).calibration().plot(),
    "scores": lambda lang: churn_charts.plot_scores(scores(lang)),
    "scores of one": lambda lang: churn_charts.plot_scores(scores(lang, customers=1)),
    "scores of nobody": lambda lang: churn_charts.plot_scores(scores(lang, customers=0)),
    "leak": lambda lang: leak(lang).plot(),
    "no leak": lambda lang: no_leak(lang).plot(),
}


@pytest.mark.parametrize(("picture", "language"), in_languages(PICTURES))
def test_nothing_is_cut_off_and_every_picture_has_words(picture, language):
    ax = PICTURES[picture](language)
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    assert ax.get_title(loc="left")
    assert len(theme.alt_text(ax.figure)) > 20
    sizes = [written.get_size() for written in figure.findobj(plt.Text) if written.get_text()]
    assert min(sizes) >= 9.5


def test_the_gains_curve_draws_model_rule_chance_and_the_best_possible():
    ax, card = scorecard().plot(), scorecard()
    curves = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert {"The model", "At random", "Had one known"} < set(curves)
    assert curves["The model"] == pytest.approx(card.curve["found_by_model"].to_numpy())
    assert ax.get_title(loc="left").replace("\n", " ") == card.finding().replace(" %", "\xa0%")


def test_the_calibration_chart_shows_every_group_with_its_range():
    result = scorecard().calibration()
    ax = result.plot()
    points = ax.containers[0].lines[0].get_xydata()
    assert points == pytest.approx(result.to_frame()[["predicted", "observed"]].to_numpy())
    bars = [path.vertices[:, 1] for path in ax.containers[0].lines[2][0].get_paths()]
    assert np.array(bars) == pytest.approx(
        result.to_frame()[["observed_low", "observed_high"]].to_numpy()
    )


def test_the_leak_chart_has_a_bar_for_each_case():
    widths = [bar.get_width() for bar in leak().plot().patches]
    assert widths == pytest.approx(leak().to_frame()["revenue_found"].tolist())


def test_the_risk_chart_counts_everybody_once():
    ax = churn_charts.plot_scores(scores())
    shares = [bar.get_width() for bar in ax.patches]
    assert sum(shares[:5]) == pytest.approx(1)
    assert sum(shares[5:]) == pytest.approx(1)


def test_a_chart_draws_on_the_axes_it_is_given():
    figure, ax = plt.subplots()
    assert scorecard().plot(ax=ax) is ax
    assert churn_charts.plot_scores(scores(), ax=figure.add_subplot()) is not ax
