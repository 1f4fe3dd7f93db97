"""What was opened and learnt a moment ago comes back equal, and never stale."""

from __future__ import annotations

import os
import shutil
import threading
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

import retention_lib as rl
from retention_lib.base import _remembered
from retention_lib.errors import DataWarning, InputError

HEADING = "customer_id,date,amount\n"


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(_remembered.FORGET, raising=False)
    _remembered.forget()
    yield
    _remembered.forget()
    rl.speak(None)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workbook of a hundred customers who come every ten to forty days; most stop, in turn."""
    rows = [
        (f"c{who:02d}", day, float(10 + who))
        for who in range(100)
        for day in pd.date_range("2024-01-02", "2024-12-20", freq=f"{10 + who % 31}D")
        if who % 4 == 0 or day < pd.Timestamp("2024-05-01") + pd.Timedelta(days=2 * who)
    ]
    table = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    folder = tmp_path / "shop"
    folder.mkdir()
    table.to_parquet(folder / "transactions.parquet")
    (folder / "workbook.toml").write_text(
        'name = "Shop"\n[tables.transactions]\nfile = "transactions.parquet"\n', encoding="utf-8"
    )
    return folder


def test_a_base_opened_again_is_the_same_base(shop: Path) -> None:
    assert rl.open_base(shop) is rl.open_base(shop)
    assert rl.open_base(shop / "workbook.toml") is rl.open_base(str(shop))


@pytest.mark.parametrize(
    "chosen", [{"as_of": "2024-06-30"}, {"activity_window_days": 90}], ids=["as_of", "window"]
)
def test_another_view_of_a_base_is_another_base(shop: Path, chosen: dict[str, Any]) -> None:
    whole, other = rl.open_base(shop), rl.open_base(shop, **chosen)
    assert (whole.as_of, whole.activity_window_days) != (other.as_of, other.activity_window_days)
    assert rl.open_base(shop, **chosen) is other


def test_a_base_is_opened_in_the_language_spoken_at_the_moment(shop: Path) -> None:
    said = [rl.open_base(shop).wording.language]
    rl.speak("fr")
    said.append(rl.open_base(shop).wording.language)
    rl.speak(None)
    said.append(rl.open_base(shop).wording.language)
    assert said == ["en", "fr", "en"]


def test_messages_follow_the_base_opened_last_though_it_was_remembered(
    shop: Path, tmp_path: Path
) -> None:
    french = tmp_path / "boutique"
    shutil.copytree(shop, french)
    toml = french / "workbook.toml"
    toml.write_text('language = "fr"\n' + toml.read_text("utf-8"), encoding="utf-8")
    headings = []
    for folder in (french, shop, french):
        rl.open_base(folder)
        headings.append(InputError("").title)
    assert headings[0] == headings[2] != headings[1]


def test_a_file_of_the_same_size_and_date_but_other_content_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    amounts = []
    for amount in ("10.00", "99.00"):
        file.write_text(f"{HEADING}a,2024-01-31,{amount}\nb,2024-02-29,5.00\n", encoding="utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        amounts.append(rl.open_base(file).to_pandas()["amount"].sum())
    assert amounts == [15.0, 104.0]


def test_a_setting_changed_in_the_workbook_counts_at_once(shop: Path) -> None:
    before = rl.open_base(shop)
    toml = shop / "workbook.toml"
    toml.write_text("activity_window_days = 30\n" + toml.read_text("utf-8"), encoding="utf-8")
    assert (before.activity_window_days, rl.open_base(shop).activity_window_days) == (365, 30)


def test_a_workbook_that_was_deleted_cannot_be_opened_again(shop: Path) -> None:
    rl.open_base(shop)
    (shop / "transactions.parquet").unlink()
    with pytest.raises(InputError, match="not there"):
        rl.open_base(shop)


def test_what_a_base_warned_of_it_warns_of_again(shop: Path) -> None:
    table = pd.read_parquet(shop / "transactions.parquet")
    table.loc[0, "amount"] = None
    table.to_parquet(shop / "transactions.parquet")
    told = []
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            base = rl.open_base(shop)
        told.append([(each.category, str(each.message)) for each in caught])
    assert rl.open_base(shop) is base
    assert len(told[0]) == 1 and told[0][0][0] is DataWarning
    assert told[0] == told[1]


def test_results_remembered_are_those_worked_out_anew(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked_out() -> list[Any]:
        base = rl.open_base(shop)
        model = rl.fit_churn(base, horizon_days=30)
        return [
            model,
            model.score(base),
            rl.find_types(base, k=2),
            rl.find_signals(base),
            rl.value_customers(base),
        ]

    first, again = worked_out(), worked_out()
    assert all(_remembered.first_of(other) is one for one, other in zip(first, again, strict=True))
    monkeypatch.setenv(_remembered.FORGET, "1")
    for one, other in zip(first, worked_out(), strict=True):
        assert one is not other
        assert one.sentence() == other.sentence()
        assert one.assumptions == other.assumptions
        pd.testing.assert_frame_equal(one.to_frame(), other.to_frame())


def test_other_arguments_dates_and_windows_give_other_results(shop: Path) -> None:
    base = rl.open_base(shop)
    asked = [
        lambda: rl.find_signals(base),
        lambda: rl.find_signals(base, include="all"),
        lambda: rl.find_signals(base.at(date(2024, 9, 30))),
        lambda: rl.find_signals(base.with_window(200)),
    ]
    results = [ask() for ask in asked]
    assert len({id(result) for result in results}) == len(asked)
    # Equal: the very same, for results are told by id.
    first = _remembered.first_of
    assert [first(ask()) for ask in asked] == [first(result) for result in results]


def test_what_somebody_writes_into_a_result_is_theirs_alone(shop: Path) -> None:
    mine = rl.find_signals(rl.open_base(shop))
    mine.table["note"] = "called"
    mine.by_sign.loc[:, "customers"] = 0
    cast(dict[str, object], mine.assumptions)["note"] = "called"
    other = rl.find_signals(rl.open_base(shop))
    assert "note" not in other.table
    assert other.by_sign["customers"].sum() > 0
    assert "note" not in other.assumptions
    other.table["note"] = "called"
    assert "note" not in rl.find_signals(rl.open_base(shop)).table


def test_a_refusal_is_remembered_and_raised_or_said_as_asked(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text(f"{HEADING}a,2024-01-31,10.00\nb,2024-02-29,5.00\n", encoding="utf-8")
    base = rl.open_base(file)
    messages = []
    for _ in range(2):
        with pytest.raises(InputError) as refused:
            rl.fit_churn(base)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
    assert rl.fit_churn(base, too_little="say").sentence()


def test_tables_handed_over_are_asked_anew(shop: Path) -> None:
    base = rl.CustomerBase.from_tables(pd.read_parquet(shop / "transactions.parquet"))
    assert rl.find_signals(base) is not rl.find_signals(base)


def test_another_thread_opens_a_base_of_its_own(shop: Path) -> None:
    mine, theirs = rl.open_base(shop), []
    worker = threading.Thread(target=lambda: theirs.append(rl.open_base(shop)))
    worker.start()
    worker.join()
    assert theirs and theirs[0] is not mine
    assert theirs[0].tables is not mine.tables


def test_only_the_last_few_bases_are_remembered(tmp_path: Path) -> None:
    bases = []
    for number in range(_remembered.MOST_BASES + 1):
        file = tmp_path / f"sales_{number}.csv"
        file.write_text(f"{HEADING}a,2024-01-31,10.00\nb,2024-02-29,5.00\n", encoding="utf-8")
        bases.append((file, rl.open_base(file)))
    assert rl.open_base(bases[-1][0]) is bases[-1][1]
    assert rl.open_base(bases[0][0]) is not bases[0][1]


def test_a_base_too_large_to_hold_beside_others_is_opened_anew(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_remembered, "MOST_ROWS", 100)
    assert rl.open_base(shop) is not rl.open_base(shop)
