"""The contract is complete, and what is generated from it is up to date."""

from pathlib import Path

import pytest

from retention_lib.base.contract import TABLES, data_dictionary, table
from retention_lib.errors import ChoiceError

ROOT = Path(__file__).parents[2]


def test_the_data_dictionary_is_up_to_date():
    written = (ROOT / "docs" / "data-dictionary.md").read_text("utf-8")
    assert written == data_dictionary(), "run: python tools/dictionary.py"


def test_only_transactions_is_required():
    assert [name for name, entry in TABLES.items() if entry.required] == ["transactions"]


def test_every_table_and_column_is_said_in_both_languages():
    for entry in TABLES.values():
        for thing in (entry, *entry.columns):
            assert thing.english
            assert thing.french
            assert thing.english != thing.french


def test_column_names_are_unique_in_a_table():
    for entry in TABLES.values():
        assert len(set(entry.column_names)) == len(entry.column_names)


def test_an_unknown_table_is_answered_with_the_list():
    with pytest.raises(ChoiceError, match="'transactions'"):
        table("sales")
