"""What became of a hostile file, held against what must become of it."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import retention_lib as rl
from retention_lib.base.imported import Import
from retention_lib.errors import RetentionError
from retention_lib.messages import told
from tests.hostile.corpus import Case, Right

LONGEST = 1_500
"""Letters of the longest message: one that fills a screen is not clear."""


def outcome(case: Case, folder: Path) -> str:
    """What is wrong with how a case ended; empty where all is as it must be."""
    given = case.make(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = rl.import_export(given, **case.told) if case.way == "import" else None
            if done is None:
                rl.open_base(given)
    except RetentionError as error:
        return _wrong_refusal(case, error, given)
    except Exception as error:
        return f"ended in {type(error).__name__}: {error}"
    if not isinstance(case.verdict, Right):
        return f"was not refused: {describe(done) if done else 'opened'}"
    return wrong_import(done, case.verdict) if done else ""


def _wrong_refusal(case: Case, error: RetentionError, given: Path | str) -> str:
    said = str(error.args[0])
    if isinstance(case.verdict, Right):
        return f"was refused: {said}"
    if not re.search(case.verdict.says, said):
        return f"was refused with other words than {case.verdict.says!r}: {said}"
    if len(said) > LONGEST:
        return f"was refused with {len(said):,} letters: {said[:200]}…"
    if strange := [c for c in said if not (c.isprintable() or c == "\n")]:
        return f"was refused with unprintable signs {strange[:3]!r}: {said!r}"
    return "" if told(said, "fr") != said else _not_in_french(case, said, given)


def _not_in_french(case: Case, said: str, given: Path | str) -> str:
    """A question is put together from words that follow the language of the import."""
    if case.way == "import":
        try:
            rl.import_export(given, language="fr", **case.told)
        except RetentionError as error:
            if str(error.args[0]) != said:
                return ""
    return f"is not said in French: {said}"


def describe(done: Import) -> str:
    """What an import came to, in a line."""
    kept = done.to_pandas()
    aside = done.set_aside["reason_code"].value_counts().to_dict()
    customers = kept["customer_id"].nunique()
    return (
        f"kept {done.rows_kept}, aside {aside}, {kept['amount'].sum():.4f}, {customers} customers"
    )


def wrong_import(done: Import, verdict: Right) -> str:
    """What an import did otherwise than it must."""
    kept = done.to_pandas()
    aside = done.set_aside["reason_code"].value_counts().to_dict()
    customers = kept["customer_id"].nunique()
    whole = done.rows_read == done.rows_kept + len(done.set_aside) and done.rows_kept == len(kept)
    right = (
        done.rows_kept == verdict.kept
        and aside == dict(verdict.aside)
        and abs(float(kept["amount"].sum()) * 100 - verdict.cents) < 0.5
        and customers == verdict.customers
    )
    if whole and right:
        return ""
    return f"should be {verdict}, but {describe(done)}"
