"""Every contact that went out to a customer, from the interactions and from the campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.portfolio._signals_facts import CANCELS, COMPLAINT, OUT, one_if, says

if TYPE_CHECKING:
    import pandas as pd

Frame = nw.LazyFrame[Any]

OPT_OUT = (
    r"(?i)un.?subscri|opt.?(ed.?)?out|d[ée]s.?(abonn|inscri)|do.not.contact|ne.plus.contacter|"
    r"(retrait|withdraw\w*).(du|of).consent|opposition|^\s*stop\s*$"
)
"""Words for a customer who wants no more contact."""

# An e-mail that is opened or clicked is no contact of its own: the sending was.
_OPENED = (
    r"(?i)(e.?mail|news.?letter|lettre).*(open|click|ouvert|clic)|"
    r"^\s*(open(ed)?|click(ed)?|ouverture|clic)\s*$"
)
# Replies to a complaint go out, though their kind speaks of one.
_REPLY = r"(?i)reply|r[ée]pon|answer"
_CAMPAIGN = "campaign"
PLAN = "PLAN-"
"""How the code of a plan begins. Its rows say who was meant to be contacted, not who was."""


def contacts(base: CustomerBase) -> Frame | None:
    """One row a contact: ``customer_id, day, channel``; none where no table tells of contacts.

    A contact is an interaction that went out (where a row does not say its direction, every
    kind but requests to leave, opt-outs, complaints and opened e-mails), and a treated row of a
    campaign that the interactions never mention, unless another contact went out to the customer
    that day. Of a plan only what the interactions tell counts: its rows were meant, not done.
    Two on one day by one channel are one contact, by two channels they are two.
    """
    sent = _sent(base) if base.has("interactions") else None
    campaigns = _treated(base) if base.has("campaigns", "group") else None
    if campaigns is None or sent is None:
        found = campaigns if sent is None else sent
        return None if found is None else _once(found)
    logged = _named(sent).group_by("campaign_id").agg(nw.len().alias("rows")).drop("rows")
    days = sent.group_by("customer_id", "day").agg(nw.len().alias("rows")).drop("rows")
    unlogged = campaigns.join(logged, on="campaign_id", how="anti")
    alone = unlogged.join(days, on=["customer_id", "day"], how="anti")
    return _once(nw.concat([sent, alone], how="vertical"))


def past_contacts(base: CustomerBase, found: Frame | None = None) -> pd.DataFrame:
    """One row a customer with any contact up to ``as_of``, in the order of their ids.

    Columns: ``customer_id, contacts_30, contacts_365`` (in so many days up to and including
    ``as_of``) and ``last_contact_day`` (day number). Empty where no table tells of contacts.
    ``found``: the base's :func:`contacts` where they are at hand.
    """
    import pandas as pd

    found = contacts(base) if found is None else found
    if found is None:
        whole = pd.Series(dtype="int64")
        names = ("contacts_30", "contacts_365", "last_contact_day")
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), **dict.fromkeys(names, whole)})
    since = {f"contacts_{days}": nw.col("day") > base.as_of_day - days for days in (30, 365)}
    counted = found.select(
        "customer_id", "day", *[one_if(inside).alias(name) for name, inside in since.items()]
    )
    table = engine.collect(
        counted.group_by("customer_id").agg(
            nw.col(*since).sum().cast(nw.Int64),
            nw.col("day").max().cast(nw.Int64).alias("last_contact_day"),
        )
    )
    return table.sort_values("customer_id", ignore_index=True)


def recent_contacts(base: CustomerBase, days: int) -> pd.DataFrame:
    """One row a contact of the last ``days`` days up to ``as_of``: ``customer_id, day``.

    By customer, then by day. Empty where no table tells of contacts.
    """
    import pandas as pd

    found = contacts(base)
    if found is None:
        empty = {"customer_id": pd.Series(dtype="str"), "day": pd.Series(dtype="int64")}
        return pd.DataFrame(empty)
    recent = found.filter(nw.col("day") > base.as_of_day - days)
    table = engine.collect(recent.select("customer_id", nw.col("day").cast(nw.Int64)))
    return table.sort_values(["customer_id", "day"], ignore_index=True)


def opt_outs(base: CustomerBase) -> Frame | None:
    """One row a customer and day on which it wanted no more contact: ``customer_id, day``.

    None where the interactions do not tell of kinds: a flag ``contactable`` has no date.
    """
    if not base.has("interactions", "kind"):
        return None
    said = base.visible("interactions").filter(says("kind", OPT_OUT))
    return said.group_by("customer_id", "day").agg(nw.len().alias("rows")).drop("rows")


def _sent(base: CustomerBase) -> Frame:
    """The interactions that went out: ``customer_id, day, channel, campaign_id``."""
    have = base.columns("interactions")
    told = {
        name: (nw.col(name) if name in have else nw.lit(None, dtype=nw.String)).alias(name)
        for name in ("channel", "kind", "direction", "campaign_id")
    }
    rows = base.visible("interactions").select(
        "customer_id", nw.col("day").cast(nw.Int64), *told.values()
    )
    complains = says("kind", COMPLAINT) & ~says("kind", _REPLY)
    comes_in = says("kind", CANCELS) | says("kind", OPT_OUT) | complains
    went = says("direction", OUT) | (nw.col("direction").is_null() & ~comes_in)
    channel = nw.col("channel").fill_null(nw.col("kind")).fill_null("")
    return rows.filter(went & ~says("kind", _OPENED)).select(
        "customer_id", "day", channel.alias("channel"), "campaign_id"
    )


def _treated(base: CustomerBase) -> Frame:
    """The treated rows of campaigns, in the columns of :func:`_sent`."""
    treated = nw.col("group").cast(nw.String).str.to_lowercase() == "treated"
    return (
        base.visible("campaigns")
        .filter(treated.fill_null(False))
        .filter(~nw.col("campaign_id").cast(nw.String).str.starts_with(PLAN).fill_null(False))
        .select(
            "customer_id",
            nw.col("day").cast(nw.Int64),
            nw.lit(_CAMPAIGN).alias("channel"),
            nw.col("campaign_id").cast(nw.String),
        )
    )


def _named(sent: Frame) -> Frame:
    return sent.filter(~nw.col("campaign_id").is_null())


def _once(rows: Frame) -> Frame:
    """Each customer, day and channel once."""
    return rows.group_by("customer_id", "day", "channel").agg(nw.len().alias("rows")).drop("rows")
