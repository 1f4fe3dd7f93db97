"""Pictures of contact pressure: whole, in both languages, and in words where there is nothing."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from retention_lib.base.customer_base import CustomerBase
from retention_lib.decisions import _pressure_facts as facts
from retention_lib.decisions._pressure_now import pressure_now
from retention_lib.decisions.contact_rules import ContactRules
from retention_lib.decisions.pressure import _empty, _measured
from retention_lib.views import theme


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def shop(language):
    sales = pd.DataFrame({"customer_id": ["a"], "date": ["2024-12-31"], "amount": [1.0]})
    return CustomerBase.from_tables(sales, language=language)


def sums(measures, shares, customers):
    """Everybody's cells: so many customers a level, one case each."""
    rows = []
    for level, share in shares.items():
        for name, number in ((f"={level}", customers), (f"<{level}", customers * level)):
            hits = number * (share if name[0] == "=" else shares[1])
            row = {"segment": "", "cell": name}
            for outcome, of in measures.items():
                row |= {of: number, f"{of}_customers": number, outcome: hits}
                row |= {f"{outcome}_nn": number, f"{outcome}_ny": hits, f"{outcome}_yy": hits}
            rows.append(row)
    return pd.DataFrame(rows)


def measured(language, *, customers=4000, opt_outs=True):
    lost = {0: 0.15, 1: 0.12, 2: 0.12, 3: 0.13, 4: 0.22, 5: 0.25, 6: 0.3}
    out = {1: 0.001, 2: 0.001, 3: 0.001, 4: 0.001, 5: 0.006, 6: 0.0}
    counted = facts.PressureFacts(
        looks=sums(facts.OUTCOMES, lost, customers),
        sent=sums({"opt_outs": "contacts"}, out, 5 * customers) if opt_outs else None,
        dates=(19_000, 18_970),
        dates_lost=2,
        one_in=1,
        without_troubled=True,
    )
    return _measured(shop(language), "value", counted, today(400))


def today(customers):
    contacts = np.arange(customers) % 9
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:04}" for i in range(customers)],
            "revenue": np.arange(customers) * 10.0,
            "value": np.resize(["high", "middle", "low"], customers),
            "known_a_year": True,
            "contacts_30": contacts,
            "contacts_365": contacts * 2,
            "last_contact_day": 20_000,
        }
    )


def now(language, customers=400, **rules):
    return pressure_now(today(customers), ContactRules(**rules), shop(language).wording, "measured")


PICTURES = {
    "both": measured,
    "losses only": lambda lang: measured(lang, opt_outs=False),
    "few customers": lambda lang: measured(lang, customers=10, opt_outs=False),
    "no contacts": lambda lang: _empty(shop(lang), "absent", today(0)),
    "today": now,
    "today, a rule beyond the bars": lambda lang: now(lang, most_in_30_days=20),
    "today, of nobody": lambda lang: now(lang, customers=0),
}


# French, whose words are longer, for every picture; English for one of each kind.
DRAWN = [(name, "fr") for name in PICTURES] + [("both", "en"), ("today", "en")]


@pytest.mark.parametrize(("name", "language"), DRAWN)
def test_a_picture_is_whole_and_has_a_text_alternative(name, language):
    result = PICTURES[name](language)
    ax = result.plot()
    figure, box = ax.figure, ax.get_tightbbox()
    assert min(box.x0, box.y0) >= -0.5, "cut off at the left or below"
    assert box.x1 <= figure.bbox.width + 0.5, "cut off at the right"
    assert box.y1 <= figure.bbox.height + 0.5, "cut off above"
    title = plain(ax.get_title(loc="left"))
    assert title == plain(result.finding())
    assert title in plain(theme.alt_text(figure))
    if language == "fr" and name == "both":
        assert len(theme.png_bytes(figure)) < 80_000


def plain(text):
    return text.replace("\n", " ").replace("\xa0", " ").replace("\u202f", " ")


def points(panel):
    """Markers of the panel's points, by number of contacts."""
    return {
        round(line.get_xdata()[0]): line.get_marker()
        for line in panel.lines
        if line.get_marker() in ("o", "D")
    }


def test_numbers_of_contacts_beyond_the_limit_have_another_shape():
    lost, out = measured("en").plot().child_axes
    assert points(lost) == dict.fromkeys(range(4), "o") | dict.fromkeys((4, 5, 6), "D")
    assert points(out) == dict.fromkeys(range(1, 5), "o") | dict.fromkeys((5, 6), "D")
    assert [line.get_xdata()[0] for line in (lost.lines[-1], out.lines[-1])] == [3.5, 4.5]


def test_axes_carry_their_units_and_the_last_number_stands_for_more():
    lost, out = measured("fr").plot().child_axes
    assert lost.get_title(loc="left").strip() == "Perdus sous 365 jours (% des clients observés)"
    assert out.get_title(loc="left").strip() == "Désinscriptions pour 1 000 contacts"
    assert [label.get_text() for label in lost.get_xticklabels()][-2:] == ["5", "6+"]
    assert lost.get_xlabel() == "contacts dans les 30 jours précédents"


def test_bars_beyond_the_rule_have_the_colour_of_loss():
    from matplotlib.colors import to_hex

    ax = now("en", most_in_30_days=3).plot()
    colours = [to_hex(bar.get_facecolor()).upper() for bar in ax.containers[0]]
    assert colours == [theme.STOCK] * 4 + [theme.LOSS] * 3
    heights = [bar.get_height() for bar in ax.containers[0]]
    assert sum(heights) == 400


def test_a_chart_draws_on_the_axes_it_is_given():
    figure, axes = plt.subplots(1, 2, figsize=(14, 5))
    assert measured("en").plot(ax=axes[0]) is axes[0]
    assert now("en").plot(ax=axes[1]) is axes[1]
    assert theme.alt_text(figure).startswith("Bars")
