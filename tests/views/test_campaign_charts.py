"""The pictures of a campaign and of its control group: what they say, and that nothing is cut."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions.campaigns import measure_campaign
from retention_lib.decisions.holdout import design_holdout
from retention_lib.views import theme
from retention_lib.views.campaign_charts import (
    plot_campaign,
    plot_holdout,
    plot_segments,
    plot_sizes,
)
from retention_lib.wording import Wording

DATE = pd.Timestamp("2024-06-01")
LONG = "Administrations publiques et collectivités territoriales"


@pytest.fixture(scope="module")
def base():
    """Two hundred customers drawn by lot; those contacted spent 20 more."""
    rng = np.random.default_rng(2)
    ids = [f"C{i:03}" for i in range(200)]
    treated = rng.permutation(200) < 120
    before = pd.DataFrame({"customer_id": ids * 2, "amount": rng.lognormal(4, 0.5, 400)})
    before["date"] = DATE - pd.to_timedelta(rng.integers(1, 300, 400), unit="D")
    after = pd.DataFrame({"customer_id": ids, "amount": rng.lognormal(3, 0.5, 200) + 20 * treated})
    after["date"] = DATE + pd.to_timedelta(rng.integers(1, 80, 200), unit="D")
    groups = pd.DataFrame({"campaign_id": "MAY", "customer_id": ids, "date": DATE})
    groups["group"] = np.where(treated, "treated", "control")
    groups["cost"] = np.where(treated, 2.0, np.nan)
    customers = pd.DataFrame(
        {"customer_id": ids, "size": np.where(np.arange(200) % 2, LONG, "PME")}
    )
    return CustomerBase.from_tables(
        pd.concat([before, after]),
        customers=customers,
        campaigns=groups,
        margin_rate=0.5,
        currency="USD",
        as_of="2024-09-15",
    )


@pytest.fixture(scope="module", params=["en", "fr"])
def spoken(base, request):
    return dataclasses.replace(base, wording=Wording(request.param, "USD"))


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def check(axes, title):
    """The title is the finding, there is a text for who cannot see it, and nothing is cut off."""
    drawn = " ".join(axes.get_title(loc="left").replace("\N{NO-BREAK SPACE}", " ").split())
    assert drawn == " ".join(title.replace("\N{NO-BREAK SPACE}", " ").split())
    assert drawn in " ".join(theme.alt_text(axes.figure).replace("\N{NO-BREAK SPACE}", " ").split())
    figure = axes.figure
    box = axes.get_tightbbox()
    assert box.x0 >= -1 and box.y0 >= -1
    assert box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1
    assert all(text.get_size() >= 9.5 for text in axes.texts)


def test_the_money_of_a_campaign_is_drawn_with_its_cost_taken_off(spoken):
    result = measure_campaign(spoken, "MAY")
    axes = result.plot()
    check(axes, result.title())
    extra, cost, net = (bar.get_width() for bar in axes.patches)
    assert cost == -240.0
    assert net == pytest.approx(extra + cost)
    assert [text.get_text() for text in axes.texts][1].replace("\u202f", "")[-6:].strip("$ ")


def test_segments_are_drawn_with_the_effect_in_common(spoken):
    result = measure_campaign(spoken, "MAY").segments()
    axes = plot_segments(result)
    check(axes, result.sentence().rstrip("."))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == 2
    assert any("…" in label for label in labels)


def test_outcomes_and_sizes_of_control_groups_are_drawn(spoken):
    design = design_holdout(spoken, customers=2000, days=(30, 60))
    axes = plot_holdout(design)
    check(axes, design.finding())
    assert len(axes.get_legend().get_texts()) == 4
    sizes = design.sizes()
    check(plot_sizes(sizes), sizes.finding())
    # A control group that proves the effect hoped for has the full colour.
    bars = [bar.get_facecolor() for bar in plot_sizes(sizes).patches]
    assert len(bars) == 4


def test_where_nothing_is_told_the_picture_says_so_in_words(base):
    few = measure_campaign(base.at("2024-06-10"), "MAY")
    assert "30 days" in plot_campaign(few).get_title(loc="left").replace("\n", " ")
    small = design_holdout(base, customers=40)
    assert plot_holdout(small).get_title(loc="left").startswith("With 40 customers")
    assert plot_sizes(small.sizes()).get_title(loc="left").startswith("With 40 customers")
    alone = measure_campaign(base, "MAY", by="value").segments("contactable" if base.has(
        "customers", "contactable") else "size")  # fmt: skip
    assert plot_segments(alone, ax=theme.new_axes()).get_title(loc="left")
