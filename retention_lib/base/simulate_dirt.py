"""The faults of a real file, planted on purpose and listed one by one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from retention_lib.base.simulate_words import LEGAL_FORMS
from retention_lib.base.simulate_world import Streams
from retention_lib.errors import InputError

FAULTS = ("table", "row", "kind", "column", "original", "planted")
DUPLICATES = ("duplicate_id", "original_id", "how")
# A text that no program reads as an amount, or as a day that can be.
UNREADABLE = ("#VALEUR!", "n.c.", "à facturer", "12,50,00")
IMPOSSIBLE = (
    ("31/02/2024", None),
    ("00/00/0000", None),
    ("01/01/1900", "1900-01-01"),
    ("31/12/2099", "2099-12-31"),
)
_FORMS = tuple(form for form, _ in LEGAL_FORMS)
SERVICE_LINES = (("FRAIS DE PORT", 9.9), ("POSTAGE", 6.5), ("EMBALLAGE", 3.2), ("TEST", 0.01))


@dataclass(frozen=True)
class Dirt:
    """How much of which fault, as a share of the table's rows unless said; 0 to 1.

    - ``duplicate_customers``: customers entered twice, their orders split; default 0.03.
    - ``bad_siret``, ``bad_vat``, ``bad_email``, ``bad_phone``: broken; default 0.015 each.
    - ``missing_siret``: default 0.05.
    - ``unknown_consent``: consent neither yes nor no; default 0.03.
    - ``missing_customer``: lines without a customer; default 0.004.
    - ``impossible_date``, ``unreadable_amount``: default 0.002 each.
    - ``exact_duplicate``: lines entered twice; default 0.004.
    - ``service_lines``: carriage, postage, tests among the products; default 0.006.
    - ``cancelled_invoices``: invoices written and cancelled, both on file; default 0.003.
    - ``outliers``: amounts whose decimal comma was lost; default 0.0005.
    - ``broken_rows``: in a written file only, lines cut short or in two; default 0.0002.
    - ``page_breaks``: in a written file only, headings repeated in its midst; how many;
      default 2.
    """

    duplicate_customers: float = 0.03
    bad_siret: float = 0.015
    bad_vat: float = 0.015
    bad_email: float = 0.015
    bad_phone: float = 0.015
    missing_siret: float = 0.05
    unknown_consent: float = 0.03
    missing_customer: float = 0.004
    impossible_date: float = 0.002
    unreadable_amount: float = 0.002
    exact_duplicate: float = 0.004
    service_lines: float = 0.006
    cancelled_invoices: float = 0.003
    outliers: float = 0.0005
    broken_rows: float = 0.0002
    page_breaks: int = 2

    def __post_init__(self) -> None:
        wrong = [f.name for f in fields(self) if not 0 <= getattr(self, f.name) <= 1]
        wrong = [name for name in wrong if name != "page_breaks" or self.page_breaks < 0]
        if wrong:
            raise InputError(f"Shares of dirt lie between 0 and 1; not so: {', '.join(wrong)}.")

    @classmethod
    def none(cls) -> Dirt:
        """No fault at all."""
        return cls(**dict.fromkeys(asdict(cls()), 0))


Tables = dict[str, pd.DataFrame]
Fault = tuple[str, int, str, str | None, str | None, str | None]


def plant_dirt(
    tables: Tables, dirt: Dirt, *, seed: int
) -> tuple[Tables, pd.DataFrame, pd.DataFrame]:
    """Dirty copies of the tables, the planted duplicates, and the list of all faults.

    ``row`` of a fault is the position in the dirty table. An unreadable amount is missing
    there, an impossible date is missing or absurd; ``planted`` says how a file would write it.
    """
    if replace(dirt, broken_rows=0, page_breaks=0) == Dirt.none():
        return tables, _frame([], DUPLICATES), _frame([], FAULTS)
    streams = Streams(seed)
    dirty = {name: frame.copy() for name, frame in tables.items()}
    faults: list[Fault] = []
    pairs = _plant_duplicates(dirty, dirt, faults, streams.of("dirt duplicates"))
    spared = {pair[0] for pair in pairs} | {pair[1] for pair in pairs}
    _spoil_customers(dirty, dirt, faults, spared, streams.of("dirt customers"))
    moved = [(fault, fault[1]) for fault in faults if fault[0] == "transactions"]
    faults = [fault for fault in faults if fault[0] != "transactions"]
    dirty["transactions"], found = _spoil_lines(
        dirty["transactions"], dirt, moved, streams.of("dirt lines")
    )
    return dirty, _frame(pairs, DUPLICATES), _frame([*faults, *found], FAULTS)


def _frame(rows: Iterable[tuple[object, ...]], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(columns))
    texts = {name: "str" for name in columns if name != "row"}
    return frame.astype({**texts, "row": "int64"} if "row" in columns else texts)


# ------------------------------------------------------------------------------ customers


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _legal_form(name: str, rng: np.random.Generator) -> str:
    """S.A.R.L. for SARL, in front instead of behind, or gone."""
    words = name.split(" ")
    form = words[-1]
    if form not in _FORMS:
        return name
    rest = " ".join(words[:-1])
    dotted = ".".join(form) + "."
    ways = [f"{rest} {dotted}", f"{form} {rest}", rest, f"{rest} {form.capitalize()}"]
    return ways[int(rng.integers(0, len(ways)))]


def _typo(name: str, rng: np.random.Generator) -> str:
    """Two letters swapped, one lost, or one twice, in a long word and not at its beginning."""
    words = name.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
    if not long:
        return name
    place = long[int(rng.integers(0, len(long)))]
    word = words[place]
    at = int(rng.integers(1, len(word) - 1))
    ways = [
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    ]
    words[place] = ways[int(rng.integers(0, len(ways)))]
    return " ".join(words)


def _surname_first(name: str, rng: np.random.Generator) -> str:
    """Garnier Menuiserie SARL for Menuiserie Garnier SARL; Garnier Paul for Paul Garnier."""
    words = name.split(" ")
    form = [words.pop()] if words[-1] in _FORMS else []
    if len(words) < 2 or "&" in words:
        return name
    return " ".join([words[-1], *words[:-1], *form])


def _abbreviate(name: str, rng: np.random.Generator) -> str:
    return name.replace("Établissements", "Ets").replace(" & ", " et ")


_NAME_FAULTS: dict[str, Callable[[str, np.random.Generator], str]] = {
    "capitals": lambda name, rng: name.upper(),
    "accents": lambda name, rng: _plain(name),
    "legal form": _legal_form,
    "typo": _typo,
    "word order": _surname_first,
    "abbreviation": _abbreviate,
}


def _other_name(name: str, rng: np.random.Generator) -> tuple[str, list[str]]:
    """The name as another clerk would have entered it, and in what it differs."""
    wanted = int(rng.integers(1, 3))
    how: list[str] = []
    for kind in rng.permutation(list(_NAME_FAULTS)):
        changed = _NAME_FAULTS[str(kind)](name, rng)
        if changed != name:
            name, how = changed, [*how, str(kind)]
        if len(how) == wanted:
            break
    return name, how


def _other_phone(phone: str, rng: np.random.Generator) -> str:
    digits = phone.replace(" ", "")
    ways = [digits, "+33 " + phone[1:], phone.replace(" ", "."), "0033" + digits[1:], phone]
    return ways[int(rng.integers(0, len(ways)))]


def _duplicate_row(
    row: dict[str, object], rng: np.random.Generator
) -> tuple[dict[str, object], str]:
    name, how = _other_name(str(row["name"]), rng)
    chance = rng.random(3)
    email, phone = row["email"], str(row["phone"])
    siret = row["siret"] if isinstance(row["siret"], str) else None
    if chance[0] < 0.15:
        email, how = str(email).upper(), [*how, "e-mail written otherwise"]
    elif chance[0] > 0.75:
        email, how = None, [*how, "no e-mail"]
    new_phone: str | None = _other_phone(phone, rng)
    if chance[1] > 0.8:
        new_phone, how = None, [*how, "no phone"]
    if siret and chance[2] < 0.15:
        siret = f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"
    elif siret and chance[2] > 0.6:
        siret, how = None, [*how, "no SIRET"]
    if email is None and new_phone is None and siret is None:
        # Something must be left by which a person could tell.
        new_phone = phone
    changed = {"name": name, "email": email, "phone": new_phone, "siret": siret}
    return {**row, **changed, "acquisition_cost": np.nan}, ", ".join(how)


def _plant_duplicates(
    dirty: Tables, dirt: Dirt, faults: list[Fault], rng: np.random.Generator
) -> list[tuple[str, str, str]]:
    """Enter some customers twice and give part of their invoices to the second number."""
    customers, lines = dirty["customers"], dirty["transactions"]
    wanted = round(dirt.duplicate_customers * len(customers))
    invoices = lines.drop_duplicates("order_id")["customer_id"].value_counts()
    able = customers.index[customers["customer_id"].map(invoices).fillna(0) >= 4]
    chosen = np.sort(rng.permutation(able)[:wanted])
    rows_of = lines.groupby("customer_id").indices
    owner = lines["customer_id"].to_numpy(dtype=object)
    pairs, added = [], []
    for number, place in enumerate(chosen, start=1):
        row = customers.loc[place].to_dict()
        original = str(row["customer_id"])
        width = len(original) - 1
        twin = f"C{len(customers) + number:0{width}d}"
        rows = rows_of[original]
        orders = lines["order_id"].iloc[rows]
        moved = rng.permutation(orders.unique())
        moved = moved[: max(1, round(0.4 * len(moved)))]
        taken = rows[orders.isin(moved).to_numpy()]
        owner[taken] = twin
        faults += [
            ("transactions", int(i), "moved_to_duplicate", "customer_id", original, twin)
            for i in taken
        ]
        row, how = _duplicate_row(row, rng)
        added.append({**row, "customer_id": twin, "acquired_on": lines["date"].iloc[taken].min()})
        pairs.append((twin, original, how))
        at = len(customers) + number - 1
        faults.append(("customers", at, "duplicate_customer", None, original, twin))
    dirty["transactions"] = lines.assign(customer_id=pd.Series(owner, dtype="str"))
    if added:
        extra = pd.DataFrame(added).astype(customers.dtypes.to_dict())
        dirty["customers"] = pd.concat([customers, extra], ignore_index=True)
    return pairs


def _break_siret(value: str, rng: np.random.Generator) -> str:
    last = (int(value[-1]) + int(rng.integers(1, 10))) % 10
    return [value[:-1] + str(last), value[:-1], f"{float(value):.5E}".replace(".", ",")][
        int(rng.integers(0, 3))
    ]


def _break_vat(value: str, rng: np.random.Generator) -> str:
    key = (int(value[2:4]) + int(rng.integers(1, 97))) % 97
    return f"FR{key:02d}{value[4:]}"


def _break_email(value: str, rng: np.random.Generator) -> str:
    ways = [value.replace("@", " chez "), value.replace(".", "..", 1), value.split("@")[0] + "@",
            value.replace("@", "@@")]  # fmt: skip
    return ways[int(rng.integers(0, len(ways)))]


def _break_phone(value: str, rng: np.random.Generator) -> str:
    ways = [value[:-1], "00 00 00 00 00", value.replace("0", "O"), "à demander"]
    return ways[int(rng.integers(0, len(ways)))]


def _spoil_customers(
    dirty: Tables, dirt: Dirt, faults: list[Fault], spared: set[str], rng: np.random.Generator
) -> None:
    """Break identifiers, one fault a customer at most; duplicates keep what gives them away."""
    customers = dirty["customers"].copy()
    free = np.flatnonzero(~customers["customer_id"].isin(spared).to_numpy())
    free = rng.permutation(free)
    breaks: list[tuple[str, str, float, Callable[[str, np.random.Generator], str] | None]] = [
        ("bad_siret", "siret", dirt.bad_siret, _break_siret),
        ("bad_vat", "vat", dirt.bad_vat, _break_vat),
        ("bad_email", "email", dirt.bad_email, _break_email),
        ("bad_phone", "phone", dirt.bad_phone, _break_phone),
        ("missing_siret", "siret", dirt.missing_siret, None),
        ("unknown_consent", "contactable", dirt.unknown_consent, None),
    ]
    for kind, column, share, change in breaks:
        values = customers[column].astype(object).to_numpy().copy()
        count = min(round(share * len(customers)), len(free))
        chosen, free = np.sort(free[:count]), free[count:]
        for place in chosen:
            if pd.isna(values[place]):
                continue
            original = str(values[place])
            values[place] = change(original, rng) if change else None
            planted = values[place] if change else None
            faults.append(("customers", int(place), kind, column, original, planted))
        dtype = "boolean" if column == "contactable" else "str"
        customers[column] = pd.Series(values, dtype=dtype)
    dirty["customers"] = customers


# ----------------------------------------------------------------------------------- lines


def _spoil_lines(
    lines: pd.DataFrame,
    dirt: Dirt,
    moved: list[tuple[Fault, int]],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, list[Fault]]:
    """Spoil lines, one fault a line at most, and slip lines in between."""
    lines = lines.reset_index(drop=True)
    count = len(lines)
    kinds = ("missing_customer", "impossible_date", "unreadable_amount", "outliers",
             "exact_duplicate", "service_lines", "cancelled_invoices")  # fmt: skip
    free = rng.permutation(np.setdiff1d(np.arange(count), [place for _, place in moved]))
    chosen: dict[str, np.ndarray] = {}
    for kind in kinds:
        wanted = round(getattr(dirt, kind) * count)
        chosen[kind], free = np.sort(free[:wanted]), free[wanted:]
    faults = _spoil_cells(lines, chosen, rng)
    inserted = [
        _service(lines.iloc[chosen["service_lines"]], rng),
        *_cancelled(lines.iloc[chosen["cancelled_invoices"]]),
        lines.iloc[chosen["exact_duplicate"]].assign(_kind="exact_duplicate"),
    ]
    whole = pd.concat([lines.assign(_kind=""), *inserted])
    # Behind the line it came from, which a stable sort keeps in front.
    whole = whole.sort_index(kind="stable")
    position = np.flatnonzero((whole["_kind"] == "").to_numpy())
    new = np.flatnonzero((whole["_kind"] != "").to_numpy())
    rows: list[Fault] = [
        ("transactions", int(position[fault[1]]), *fault[2:])
        for fault in [*(one for one, _ in moved), *faults]
    ]
    rows += [
        ("transactions", int(at), str(kind), None, None, str(order))
        for at, kind, order in zip(
            new, whole["_kind"].iloc[new], whole["order_id"].iloc[new], strict=True
        )
    ]
    whole = whole.drop(columns="_kind").reset_index(drop=True)
    return whole, sorted(rows, key=lambda fault: fault[1])


def _spoil_cells(
    lines: pd.DataFrame, chosen: dict[str, np.ndarray], rng: np.random.Generator
) -> list[Fault]:
    faults: list[Fault] = []
    for at in chosen["missing_customer"]:
        faults.append(("transactions", int(at), "missing_customer", "customer_id",
                       str(lines["customer_id"].iat[at]), None))  # fmt: skip
    lines.loc[chosen["missing_customer"], "customer_id"] = None
    for at in chosen["impossible_date"]:
        text, value = IMPOSSIBLE[int(rng.integers(0, len(IMPOSSIBLE)))]
        was = lines["date"].iat[at]
        lines.loc[at, "date"] = pd.NaT if value is None else pd.Timestamp(value)
        faults.append(("transactions", int(at), "impossible_date", "date",
                       f"{was:%Y-%m-%d}", text))  # fmt: skip
    for at in chosen["unreadable_amount"]:
        text = UNREADABLE[int(rng.integers(0, len(UNREADABLE)))]
        was = lines["amount"].iat[at]
        lines.loc[at, "amount"] = np.nan
        faults.append(("transactions", int(at), "unreadable_amount", "amount", f"{was:.2f}", text))
    for at in chosen["outliers"]:
        was = float(lines["amount"].iat[at])
        lines.loc[at, "amount"] = round(was * 100, 2)
        faults.append(("transactions", int(at), "outliers", "amount",
                       f"{was:.2f}", f"{was * 100:.2f}"))  # fmt: skip
    return faults


def _service(near: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    which = rng.integers(0, len(SERVICE_LINES), len(near))
    names, prices = zip(*SERVICE_LINES, strict=True)
    return near.assign(
        product=pd.Series(np.array(names)[which], index=near.index, dtype="str"),
        product_range=pd.Series(None, index=near.index, dtype="str"),
        quantity=1.0,
        amount=np.array(prices)[which],
        margin=0.0,
        _kind="service_lines",
    )


def _cancelled(near: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An invoice written by mistake and its cancellation, whose number begins with C."""
    number = pd.Series([f"{90_000 + i}" for i in range(len(near))], index=near.index, dtype="str")
    year = near["date"].dt.strftime("%y").astype("str")
    written = near.assign(
        order_id="F" + year + "-" + number,
        quantity=near["quantity"].abs(),
        amount=near["amount"].abs(),
        margin=near["margin"].abs(),
        _kind="cancelled_invoices",
    )
    numbers = written[["quantity", "amount", "margin"]]
    cancelled = written.assign(order_id="C" + year + "-" + number, **(-numbers))
    return written, cancelled
