"""What a base says of staying and speaking: tenure, complaints, silence, contacts."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import narwhals as nw

from retention_lib.base import engine
from retention_lib.decisions._claims_list import Evidence
from retention_lib.portfolio._flows_trend import difference_interval, points
from retention_lib.portfolio._lost_found import YEAR, Losses
from retention_lib.portfolio._signals_facts import COMPLAINT, OUT, one_if, says
from retention_lib.portfolio._signals_settings import SignalSettings
from retention_lib.portfolio.intervals import share_interval
from retention_lib.portfolio.rfm import SKETCH_BELOW
from retention_lib.portfolio.tenure import CLAIMED_YEAR, ordinal
from retention_lib.wording import with_minus

if TYPE_CHECKING:
    from retention_lib.base.customer_base import CustomerBase
    from retention_lib.portfolio.tenure import TenureResult
    from retention_lib.wording import Wording

SETTINGS = SignalSettings()
NEAR_DAYS = SETTINGS.complaint_days
"""A complaint so many days before or after an unhappy answer belongs to it."""
CONTACTS = SETTINGS.contacts_a_year
_LATE_START = 31
"""A list of contacts that begins so many days late still shows the year."""

_PRODUCT = (
    r"defect|defaut|defectueu|faulty|broken|malfunction|quality|qualite|panne|casse\b|cassee?s?\b"
    r"|out of order|not work|marche pas|fonctionne pas|hors service|usure|inutilisable|unusable"
    r"|\bproducts?\b|\bproduits?\b"
)
_ELSE = (
    r"deliver|livraison|\blate\b|retard|delay|delai|shipping|transport|missing|manquant|invoice"
    r"|billing|factur|\bprices?\b|pricing|\bprix\b|tarif|payment|paiement|staff|attitude|\brude"
    r"|accueil|telephon|\bphone|\bcalls?\b|unreachable|injoignable|joindre|rappel|\banswer|reponse"
    r"|follow up|suivi|commercial\b|sales ?person|sales rep|\bservice|support|\bsav\b|\bwait"
    r"|attente|web ?site|\bsite\b|\bapp\b|\borders?\b|commande|contract|contrat|refund|rembours"
    r"|\breturns?\b|\bretours?\b|communicat|advice|conseil|\baccount|\bcompte"
)


def five_year_customer(tenure: TenureResult) -> Evidence:
    """What a customer of the fifth year brings beside one of the first."""
    w, year = tenure.wording, tenure.compared_year
    value, low, high = tenure.ratio()
    if year is None or value != value:
        return Evidence(w.say("claims.tenure.unknown"))
    won = tenure.ratio("won")[0]
    said = w.say(
        "claims.tenure.here" if won == won else "claims.tenure.survivors",
        year=ordinal(year, w),
        times=w.number(value, decimals=1),
        low=w.number(low, decimals=1),
        high=w.number(high, decimals=1),
        won=w.number(won, decimals=1),
    )
    return Evidence(said, value, low, high, sure=year == CLAIMED_YEAR)


def longer_more(tenure: TenureResult) -> Evidence:
    """Growth of the same customers from one year of tenure to the next."""
    w, growth = tenure.wording, tenure.same_customers()
    value, low, high = growth.pooled
    if not growth.customers or value != value:
        return Evidence(w.say("claims.longer.unknown"))
    said = w.say(
        "claims.longer.here",
        customers=growth.customers,
        growth=_signed(value, w),
        low=_signed(low, w),
        high=_signed(high, w),
    )
    return Evidence(said, value, low, high, sure=growth.customers >= SKETCH_BELOW)


def never_complain(base: CustomerBase) -> Evidence:
    """Of the customers with an unhappy answer, how many have no complaint on file around it.

    Only answers with the whole time around them in the table count: a later one has had no time
    to be followed by a complaint.
    """
    w = base.wording
    if not base.has("feedback", "kind", "score"):
        return Evidence(w.say("claims.silent.missing"))
    told = base.visible("feedback").filter(~nw.col("day").is_null())
    complains, score = says("kind", COMPLAINT), nw.col("score").cast(nw.Float64)
    span = engine.one_row(
        told.select(nw.col("day").min().alias("first"), one_if(complains).sum().alias("complaints"))
    )
    if not span["complaints"]:
        return Evidence(w.say("claims.silent.no_complaints"))
    first, last = int(span["first"]) + NEAR_DAYS, base.as_of_day - NEAR_DAYS
    unhappy = ~complains & (score >= 0) & (score <= SETTINGS.detractor_score)
    followed = (nw.col("day") >= first) & (nw.col("day") <= last)
    answers = told.filter(unhappy & followed).select("customer_id", "day")
    complaints = told.filter(complains).select(
        nw.col("customer_id").alias("complainer"), nw.col("day").alias("complained")
    )
    apart = nw.col("complained") - nw.col("day")
    pairs = answers.join(
        complaints, left_on="customer_id", right_on="complainer", how="left"
    ).select("customer_id", one_if((apart >= -NEAR_DAYS) & (apart <= NEAR_DAYS)).alias("spoke"))
    each = pairs.group_by("customer_id").agg(nw.col("spoke").max())
    found = engine.one_row(
        each.select(nw.len().alias("unhappy"), nw.col("spoke").sum().alias("spoke"))
    )
    cases = int(found["unhappy"] or 0)
    silent = cases - int(found["spoke"] or 0)
    if not cases:
        return Evidence(w.say("claims.silent.nobody", score=int(SETTINGS.detractor_score)))
    return _share(
        "claims.silent", silent, cases, w, score=int(SETTINGS.detractor_score), days=NEAR_DAYS
    )


def not_the_product(base: CustomerBase) -> Evidence:
    """Of the complaints with a topic, how many are about something else than the product.

    The range holds whichever way the topics go that no rule can read.
    """
    w = base.wording
    if not base.has("feedback", "kind", "topic"):
        return Evidence(w.say("claims.product.missing"))
    topics = engine.collect(
        base.visible("feedback")
        .filter(says("kind", COMPLAINT), ~nw.col("topic").is_null())
        .group_by("topic")
        .agg(nw.len().cast(nw.Int64).alias("complaints"))
    )
    topics["about"] = [about_product(topic) for topic in topics["topic"].tolist()]
    counts = topics.groupby("about")["complaints"].sum()
    product, other, unread = (int(counts.get(k, 0)) for k in ("product", "other", "unread"))
    total = product + other + unread
    if not product + other:
        return Evidence(w.say("claims.product.nothing", complaints=total))
    words = {"complaints": total, "other": other, "unread": unread}
    if total < SKETCH_BELOW:
        return Evidence(w.say("claims.product.few", **words))
    low, high = share_interval(other, total)[0], share_interval(other + unread, total)[1]
    said = w.say(
        "claims.product.unread" if unread else "claims.product.here",
        share=w.percent(other / (product + other)),
        low=w.percent(low),
        high=w.percent(high),
        **words,
    )
    return Evidence(said, other / (product + other), low, high)


def about_product(topic: str) -> str:
    """Whether the topic of a complaint is the ``product``, something ``other``, or ``unread``.

    Plain words, in English and French; a topic that names both, or neither, stays unread.

    >>> about_product("Produit défectueux"), about_product("Late delivery"), about_product("Autre")
    ('product', 'other', 'unread')
    """
    letters = unicodedata.normalize("NFKD", topic.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = " ".join(re.findall("[a-z0-9]+", bare))
    product, other = bool(re.search(_PRODUCT, plain)), bool(re.search(_ELSE, plain))
    if product == other:
        return "unread"
    return "product" if product else "other"


def four_contacts(base: CustomerBase, losses: Losses) -> Evidence:
    """Losses in a year by the contacts of the year before: a coincidence, never an effect.

    Contacts are counted before the losses begin, so that leaving cannot make them fewer.
    """
    w = base.wording
    if not base.has("interactions", "direction"):
        return Evidence(w.say("claims.contacts.missing"))
    start = engine.day_number(losses.start)
    sent = base.visible("interactions").filter(says("direction", OUT))
    in_year = (nw.col("day") > start - YEAR) & (nw.col("day") <= start)
    begun = engine.one_row(sent.select(nw.col("day").min().alias("first")))["first"]
    if begun is None or int(begun) > start - YEAR + _LATE_START:
        return Evidence(w.say("claims.contacts.late", start=w.date(losses.start)))
    counted = engine.collect(
        sent.filter(in_year).group_by("customer_id").agg(nw.len().cast(nw.Int64).alias("contacts"))
    ).set_index("customer_id")["contacts"]
    there = losses.people[losses.people["opened"]]
    often = there["customer_id"].map(counted).fillna(0) >= CONTACTS
    gone = ~there["active"].astype(bool)
    more, fewer = (
        (int((gone & often).sum()), int(often.sum())),
        (
            int((gone & ~often).sum()),
            int((~often).sum()),
        ),
    )
    if min(more[1], fewer[1]) < SKETCH_BELOW:
        return Evidence(w.say("claims.contacts.few", often=more[1], seldom=fewer[1], n=CONTACTS))
    change = more[0] / more[1] - fewer[0] / fewer[1]
    low, high = difference_interval(more, fewer)
    how = "less" if high < 0 else "more" if low > 0 else "alike"
    said = w.say(
        "claims.contacts.here",
        n=CONTACTS,
        often=more[1],
        seldom=fewer[1],
        start=w.date(losses.start),
        lost_often=w.percent(more[0] / more[1]),
        lost_seldom=w.percent(fewer[0] / fewer[1]),
        low=points(low, w),
        high=points(high, w),
        how=w.say(f"claims.contacts.{how}"),
    )
    return Evidence(said, change, low, high, sure=False)


def _share(key: str, hits: int, cases: int, wording: Wording, **words: object) -> Evidence:
    """A share with its range, or with few cases the counts alone, which decide nothing."""
    words = {"hits": hits, "cases": cases, **words}
    if cases < SKETCH_BELOW:
        return Evidence(wording.say(f"{key}.few", **words))
    low, high = share_interval(hits, cases)
    said = wording.say(
        f"{key}.here",
        share=wording.percent(hits / cases),
        low=wording.percent(low),
        high=wording.percent(high),
        **words,
    )
    return Evidence(said, hits / cases, low, high)


def _signed(share: float, wording: Wording) -> str:
    return ("+" if share > 0 else "") + with_minus(wording.percent(share))
