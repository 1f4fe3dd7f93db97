"""Write ``docs/data-dictionary.md`` from the contract."""

from pathlib import Path

from retention_lib.base.contract import data_dictionary

if __name__ == "__main__":
    target = Path(__file__).parent.parent / "docs" / "data-dictionary.md"
    target.write_text(data_dictionary(), encoding="utf-8", newline="\n")
    print(f"Wrote docs/{target.name}")
