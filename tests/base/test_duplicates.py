"""Customers entered twice are proposed, nobody else is, and a merge can be undone."""

import itertools
import random
import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import engine
from retention_lib.base.customer_base import CustomerBase
from retention_lib.base.duplicates import find_duplicates, merge_duplicates, undo_merge
from retention_lib.base.simulate import simulate_base
from retention_lib.errors import DataWarning, InputError

# --- A file with planted duplicates, written without looking at the simulator ---------------------

FAMILY_TEXT = """
Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre Leroy
Roux David Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Muller Faure
Mercier Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin Morin Henry
Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Lemaire Noël Meyer Meunier Brun Blanchard
Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud Martinez Roche Renard Schmitt Roy Colin
Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix Olivier Philippe Bourgeois Pierre
Benoit Rey Leclerc Payet Rolland Leclercq Lecomte Lopez Jean
"""
GIVEN_TEXT = """
Jean Pierre Michel André Philippe Alain Jacques Bernard Daniel Marie Anne Nathalie Isabelle Sylvie
Catherine Martine Christine Françoise Valérie Nicolas Thomas Julien Camille Léa Manon Chloé Lucas
Hugo Enzo Kévin Ahmed Fatou Soraya Wassim Maëlys Timéo Ewen Aminata Priya
"""
TRADE_TEXT = """
Boulangerie Menuiserie Garage Transports Pharmacie Plomberie Électricité Imprimerie Cabinet Hôtel
Restaurant Peinture Maçonnerie Librairie Optique Coiffure Informatique Négoce Charpente
"""
SYLLABLE_TEXT = """
ka lo mi ven tar bel dor sin gra pou ché nal ric mou sto wen bri cel fau jur lan pel quin ros
"""
FAMILIES, GIVEN = FAMILY_TEXT.split(), GIVEN_TEXT.split()
TRADES, SYLLABLES = TRADE_TEXT.split(), SYLLABLE_TEXT.split()
FORMS = ("SARL", "SAS", "SA", "EURL", "SCI", "SASU")
REGIONS = ("Bretagne", "Normandie", "Occitanie", "Corse", "Île-de-France", "Grand Est", "PACA")
MAIL_BOXES = ("gmail.com", "orange.fr", "wanadoo.fr", "free.fr", "hotmail.fr", "laposte.net")

Row = dict[str, Any]


def with_check_digit(digits: str) -> str:
    for last in "0123456789":
        places = enumerate(reversed(digits + last))
        if sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in places) % 10 == 0:
            return digits + last
    raise AssertionError


def new_siren(rng: random.Random) -> str:
    return with_check_digit(str(rng.randint(10_000_000, 99_999_999)))


def new_siret(rng: random.Random, siren: str) -> str:
    return with_check_digit(f"{siren}{rng.randint(1, 9999):04d}")


def french_vat(siren: str) -> str:
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def new_phone(rng: random.Random) -> str:
    return f"0{rng.randint(1, 5)}{rng.randint(20, 59)}{rng.randint(0, 999_999):06d}"


def rare_word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((2, 3, 3, 4)))).capitalize()


def without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def in_address(text: str) -> str:
    return "".join(c for c in without_accents(text).lower() if c.isalnum())


def new_customer(rng: random.Random, number: int) -> Row:
    family = rare_word(rng)
    if rng.random() < 0.5:
        family = rng.choices(FAMILIES, weights=[1 / (i + 3) for i in range(len(FAMILIES))])[0]
    row: Row = {"who": number, "region": rng.choice(REGIONS), "phone": new_phone(rng)}
    if rng.random() < 0.3:
        first = rng.choice(GIVEN)
        box = f"{in_address(first)}.{in_address(family)}{rng.randint(1, 9999)}"
        row |= {"name": f"{first} {family}", "email": f"{box}@{rng.choice(MAIL_BOXES)}"}
    else:
        row |= new_company(rng, family, number)
    for column, share in (("phone", 0.15), ("email", 0.2), ("region", 0.05)):
        if rng.random() < share:
            row[column] = None
    return row


def new_company(rng: random.Random, family: str, number: int) -> Row:
    trade, form, siren = rng.choice(TRADES), rng.choice(FORMS), new_siren(rng)
    names = (
        f"{form} {trade} {family}",
        f"{trade} {family} {form}",
        f"{family} {trade}",
        f"{form} {rare_word(rng)}",
        f"Ets {family} & Fils",
        f"{rare_word(rng)} {trade} {form}",
    )
    row: Row = {"name": rng.choice(names), "sector": trade[:4]}
    row["email"] = f"{in_address(family)}{rng.randint(1, 9999)}@{rng.choice(MAIL_BOXES)}"
    if rng.random() < 0.5:
        row["email"] = f"contact@{in_address(row['name'])}{number}.fr"
    if rng.random() < 0.8:
        row["siret"] = new_siret(rng, siren)
    if rng.random() < 0.5:
        row["vat"] = french_vat(siren)
    return row


def lookalikes(rows: list[Row], rng: random.Random) -> list[Row]:
    """Other customers, not duplicates: branches of a company, members of a family."""
    found = []
    for row in rng.sample(rows, len(rows) // 25):
        if row.get("siret"):
            branch = {"siret": new_siret(rng, row["siret"][:9]), "phone": new_phone(rng)}
            found.append(row | branch | {"region": rng.choice(REGIONS)})
        elif "sector" not in row:
            first, family = row["name"].split(" ", 1)
            other = rng.choice([given for given in GIVEN if given != first])
            found.append(
                row | {"name": rng.choice((f"{other} {family}", f"{first} {family} fils"))}
            )
    for row in rng.sample(rows, len(rows) // 40):
        row["email"] = f"compta@fiduciaire{rng.randint(1, 3)}.fr"  # one accountant, many clients
    return found


def slip(text: str, rng: random.Random) -> str:
    i = rng.randrange(1, max(2, len(text) - 1))
    swapped = text[: i - 1] + text[i : i + 1] + text[i - 1 : i] + text[i + 1 :]
    dropped, doubled = text[:i] + text[i + 1 :], text[:i] + text[i] + text[i:]
    return rng.choice((swapped, dropped, doubled, text[:i] + rng.choice("aeinrst") + text[i + 1 :]))


def rewritten(row: Row, rng: random.Random) -> str:
    name = str(row["name"])
    for form in FORMS:
        if name.startswith(f"{form} ") and rng.random() < 0.6:
            rest = name[len(form) + 1 :]
            name = rng.choice((rest, f"{rest} {form}", f"{'.'.join(form)}. {rest}"))
        elif name.endswith(f" {form}") and rng.random() < 0.6:
            name = name[: -len(form) - 1]
    person = "sector" not in row and " " in name
    first, _, last = name.partition(" ")
    changes = [
        name.upper(),
        without_accents(name).upper(),
        slip(name, rng),
        name.replace("&", "et").replace("Ets", "Établissements"),
        f"{last.upper()} {first}" if person else name.lower(),
        f"Monsieur {name}" if person else f"  {name} ",
    ]
    return rng.choice(changes)


def entered_again(row: Row, rng: random.Random) -> Row:
    """The same customer as a second colleague typed it, with what was at hand.

    It keeps something to be known by: an identifier in common, or a name that is not everybody's.
    """
    while True:
        again = row | {"name": rewritten(row, rng)}
        for column, share in (("phone", 0.25), ("email", 0.3), ("siret", 0.4), ("vat", 0.4)):
            if rng.random() < share:
                again[column] = None
        if again["phone"]:
            pairs = [again["phone"][i : i + 2] for i in range(0, 10, 2)]
            written = (" ".join(pairs), ".".join(pairs), "+33" + again["phone"][1:])
            again["phone"] = rng.choice((*written, new_phone(rng)))
        if again["email"] and rng.random() < 0.3:
            again["email"] = again["email"].upper()
        if again.get("siret") and rng.random() < 0.3:
            again["siret"] = f"{again['siret'][:3]} {again['siret'][3:9]} {again['siret'][9:]}"
        if any(again.get(c) and row.get(c) for c in ("siret", "vat", "email")):
            return again


def planted_file(customers: int, seed: int) -> tuple[pd.DataFrame, set[frozenset[str]]]:
    """A customers table and the pairs of ids that are one customer: 6 in 100 entered twice."""
    rng = random.Random(seed)
    rows = [new_customer(rng, number) for number in range(customers)]
    others = lookalikes(rows, rng)
    rows += [row | {"who": customers + i} for i, row in enumerate(others)]
    known = [row for row in rows if any(row.get(c) for c in ("siret", "vat", "email"))]
    rows += [entered_again(row, rng) for row in rng.sample(known, round(customers * 0.06))]
    rng.shuffle(rows)
    frame = pd.DataFrame(rows)
    frame.insert(0, "customer_id", [f"C{i:06d}" for i in range(len(frame))])
    together = frame.groupby("who")["customer_id"]
    return frame.drop(columns="who"), pairs_in(ids for _, ids in together)


def pairs_in(groups: Any) -> set[frozenset[str]]:
    return {frozenset(pair) for ids in groups for pair in itertools.combinations(ids, 2)}


def base_of(frame: pd.DataFrame, kind: str = "polars", **tables: pd.DataFrame) -> CustomerBase:
    """A base with one line of 10 a customer, in one engine or another."""
    ids = frame["customer_id"]
    lines = pd.DataFrame({"customer_id": ids, "date": "2024-01-05", "amount": 10.0})
    tables = {"transactions": lines, "customers": frame, **tables}
    return CustomerBase.from_tables(**{name: ENGINES[kind](t) for name, t in tables.items()})


ENGINES: dict[str, Any] = {
    "polars": pl.from_pandas,
    # A connection a table: tables need not share an engine.
    "duckdb": lambda frame: duckdb.connect().from_df(frame),
}


def customers(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([{"customer_id": f"{i + 1}"} | row for i, row in enumerate(rows)])


def proposed(*rows: Row) -> set[frozenset[str]]:
    """The pairs proposed among customers numbered 1, 2, 3, …"""
    table = find_duplicates(base_of(customers(*rows))).to_frame()
    return pairs_in(ids for _, ids in table.groupby("group")["customer_id"])


def together(*rows: Row) -> bool:
    return frozenset(("1", "2")) in proposed(*rows)


PHONE, EMAIL = "01 45 67 12 34", "j.kowalski@transports-kowalski.fr"
# Establishments 1 and 2 of one company, and another company; all with right check digits.
SIRET, BRANCH, OTHER = "73282932000074", "73282932000082", "35600000000048"


# --- Five rows checkable by hand -----------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    ["KOWALSKI TRANSPORTS", "Transports Kowalski", "S.A.R.L. TRANSP. KOWALSKI",
     "Trasnports Kowalski", "Kowalski, Transports (SARL)", "Ets Transports Kowalski",
     "<b>Transports</b> Kowalski", "  sarl   transport kowalski "],
)  # fmt: skip
def test_one_name_written_in_many_ways_is_one_customer(other):
    assert together({"name": "SARL Transports Kowalski"}, {"name": other})


def test_a_shared_telephone_makes_two_like_names_one_customer():
    assert together(
        {"name": "Kowalsky Transports", "phone": "+33145671234"},
        {"name": "Kowalski", "phone": PHONE},
    )


def test_a_shared_siret_is_one_customer_whatever_it_is_called():
    assert together({"name": "Le Petit Zinc", "siret": SIRET}, {"name": "Dupuis", "siret": SIRET})


def test_two_establishments_of_one_company_are_two_customers():
    shared = {"name": "Transports Kowalski", "email": EMAIL, "phone": PHONE}
    assert not together(shared | {"siret": SIRET}, shared | {"siret": BRANCH})


def test_two_companies_are_never_one_customer_even_where_all_else_is_equal():
    shared = {"name": "Transports Kowalski", "email": EMAIL, "phone": PHONE}
    assert not together(shared | {"siret": SIRET}, shared | {"siret": OTHER})
    assert not together(shared | {"siret": OTHER}, shared | {"vat": "FR44732829320"})


def test_an_entry_without_siret_does_not_bring_two_companies_together():
    shared = {"name": "Transports Kowalski", "email": EMAIL, "phone": PHONE}
    found = proposed(shared | {"siret": SIRET}, shared | {"siret": OTHER}, shared)
    assert len(found) == 1
    assert frozenset(("1", "2")) not in found


def test_a_company_in_two_places_is_two_branches_unless_more_is_shared():
    here = {"name": "Transports Kowalski", "vat": "FR44732829320", "region": "Bretagne"}
    there = here | {"region": "Corse"}
    assert not together(here, there)
    assert together(here | {"phone": PHONE}, there | {"phone": PHONE})


def test_a_common_name_alone_proves_nothing_in_a_large_file():
    rows = [{"name": f"Boulangerie {family}", "region": "Bretagne"} for family in FAMILIES]
    rows += [{"name": "Boulangerie Martin", "region": "Bretagne"}] * 40
    assert not proposed(*rows)


def test_surname_first_is_the_same_person():
    assert together(
        {"name": "Dupont Jean", "email": EMAIL}, {"name": "M. Jean DUPONT", "email": EMAIL}
    )


@pytest.mark.parametrize(
    "other",
    ["Paul Dupont", "Jean Dupont fils", "Mme Jean Dupont", "Soraya Dupont", "Jeanne Dupont"],
)
def test_members_of_a_family_share_a_home_and_are_not_one_person(other):
    home = {"email": EMAIL, "phone": PHONE, "region": "Corse"}
    assert not together(home | {"name": "M. Jean Dupont"}, home | {"name": other})


def test_shop_twelve_is_not_shop_thirteen():
    assert not together({"name": "Kowalski magasin 12"}, {"name": "Kowalski magasin 13"})


def test_the_clients_of_one_accountant_are_not_one_customer():
    rows = [{"name": f"{family} {trade}", "email": "compta@fiduciaire.fr"}
            for family, trade in zip(FAMILIES, TRADES, strict=False)]  # fmt: skip
    assert not proposed(*rows)


def test_what_was_typed_to_fill_the_field_proves_nothing():
    fill = {"phone": "0000000000", "email": "noemail@noemail.fr"}
    assert not together(fill | {"name": "Kowalski"}, fill | {"name": "Durand"})


def test_values_that_too_many_share_are_listed():
    rows = [{"name": rare_word(random.Random(i)), "phone": PHONE} for i in range(40)]
    found = find_duplicates(base_of(customers(*rows)))
    assert found.shared.to_numpy().tolist() == [["phone", "+33145671234", 40]]


def test_customers_without_a_name_or_a_row_of_their_own_do_no_harm():
    assert not proposed(
        {"name": None}, {"name": "😀"}, {"name": "SARL"}, {"name": ""}, {"name": "."}
    )


def test_the_open_customer_with_the_most_revenue_stays():
    frame = customers({"name": "Kowalski"}, {"name": "KOWALSKI SARL"}, {"name": "Kowalski SAS"})
    frame["closed_on"] = pd.to_datetime(["2023-01-01", None, None])
    lines = pd.DataFrame(
        {"customer_id": ["1", "2", "3", "3"], "date": "2024-01-05", "amount": [900.0, 20, 30, 5]}
    )
    found = find_duplicates(CustomerBase.from_tables(lines, customers=frame))
    assert found.to_frame()[["group", "customer_id", "kept_id", "revenue"]].to_numpy().tolist() == [
        [1, "3", "3", 35.0],
        [1, "1", "3", 900.0],
        [1, "2", "3", 20.0],
    ]


def test_reasons_are_said_in_words_in_both_languages():
    frame = customers({"name": "Kowalski", "phone": PHONE}, {"name": "KOWALSKI", "phone": PHONE})
    lines = pd.DataFrame({"customer_id": ["1", "2"], "date": "2024-01-05", "amount": 1200.0})
    said = {}
    for language in ("en", "fr"):
        base = CustomerBase.from_tables(lines, customers=frame, language=language, currency="EUR")
        found = find_duplicates(base)
        said[language] = (found.to_frame()["why"].iloc[0], found.sentence().replace("\xa0", " "))
    assert said["en"] == (
        "like 2: same telephone and same name",
        "2 of 2 customers are probably only 1 customer, entered more than once, with revenue of "
        "€2,400; nothing is merged until you ask for it.",
    )
    assert said["fr"][0] == "comme 2 : même téléphone et même nom"


def test_without_anything_to_compare_by_nothing_is_claimed_and_the_reason_said():
    lines = pd.DataFrame({"customer_id": ["1"], "date": ["2024-01-05"], "amount": [1.0]})
    base = CustomerBase.from_tables(lines)
    found = find_duplicates(base)
    assert found.to_frame().empty
    assert "cannot be told" in found.sentence()
    assert "table" in found._repr_html_()
    merged = merge_duplicates(base, found)
    assert undo_merge(merged).to_pandas()["customer_id"].tolist() == ["1"]


def test_a_threshold_is_a_probability():
    with pytest.raises(InputError, match="between 0 and 1; got 2"):
        find_duplicates(base_of(customers({"name": "A"})), threshold=2)


def test_hostile_names_survive():
    names = ["<script>alert(1)</script>", "=cmd|'/C calc'!A0", "🙂🙂", "x" * 10_000, "\x00\u202e",
             "{name} {0}", "'; DROP TABLE customers; --", "a " * 5_000]  # fmt: skip
    rows = [{"name": name, "phone": PHONE, "email": EMAIL} for name in (*names, *names)]
    found = find_duplicates(base_of(customers(*rows)))
    assert found.group_count == 6  # two of the names have no word in them
    assert found.to_frame()["name"].str.len().max() <= 80
    merged = merge_duplicates(base_of(customers(*rows)), found)
    assert merged.to_pandas()["amount"].sum() == 10.0 * len(rows)


# --- How many are found --------------------------------------------------------------------------
#
# Pair by pair: a planted pair is found where both customers are in one proposed group; a proposed
# pair is false where two customers of one group are not one customer.


def rates(base: CustomerBase, planted: set[frozenset[str]]) -> tuple[float, float]:
    table = find_duplicates(base).to_frame()
    found = pairs_in(ids for _, ids in table.groupby("group")["customer_id"])
    return len(found & planted) / len(planted), len(found - planted) / max(1, len(found))


@pytest.mark.parametrize(("count", "seed"), [(400, 1), (400, 2), (1500, 3), (1500, 4), (2500, 5)])
def test_planted_duplicates_are_found_and_hardly_anybody_else(count, seed):
    frame, planted = planted_file(count, seed)
    recall, false = rates(base_of(frame), planted)
    assert recall >= 0.95
    assert false <= 0.02


@pytest.mark.parametrize(("kind", "seed"), [("b2b", 11), ("b2b", 12), ("b2b", 13), ("b2c", 14)])
@pytest.mark.filterwarnings("ignore::retention_lib.errors.DataWarning")
def test_the_simulators_duplicates_are_found_and_none_of_its_lookalikes(kind, seed):
    base, truth = simulate_base(600, seed=seed, dirt=True, kind=kind)
    columns = ["duplicate_id", "original_id"]
    planted = {frozenset(pair) for pair in truth.duplicates[columns].to_numpy().tolist()}
    recall, false = rates(base, planted)
    assert recall >= 0.95
    assert false <= 0.02


def test_duckdb_and_polars_propose_the_same():
    frame, _ = planted_file(200, 6)
    tables = [find_duplicates(base_of(frame, kind)).to_frame() for kind in ENGINES]
    pd.testing.assert_frame_equal(*tables)


few_customers = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["Kowalski", "SARL Kowalski", "Kowalsky", "Jean Dupont", None]),
            "phone": st.sampled_from([PHONE, "04 99 12 34 56", None]),
            "email": st.sampled_from([EMAIL, EMAIL.upper(), "x@y.fr", None]),
            "siret": st.sampled_from([SIRET, BRANCH, OTHER, "73282932000075", None]),
            "vat": st.sampled_from(["FR44732829320", "BE0403019261", "FR00", None]),
            "region": st.sampled_from(["Corse", "Bretagne", None]),
        }
    ),
    min_size=2,
    max_size=9,
)


@settings(max_examples=25, deadline=None)
@given(few_customers)
def test_no_group_ever_holds_two_valid_sirens(rows):
    frame = customers(*rows)
    table = find_duplicates(base_of(frame)).to_frame()
    by_id = frame.set_index("customer_id")
    for _, ids in table.groupby("group")["customer_id"]:
        group = by_id.loc[ids]
        sirets = group["siret"].where(group["siret"].isin([SIRET, BRANCH, OTHER]))
        # Of an entry that contradicts itself the SIRET counts.
        of_vat = group["vat"].map({"FR44732829320": "732829320"})
        assert sirets.nunique() <= 1
        assert sirets.str[:9].fillna(of_vat).nunique() <= 1
    assert table["customer_id"].is_unique
    assert (table.groupby("group")["kept_id"].nunique() == 1).all()


# --- Merging and taking it back ------------------------------------------------------------------

LINES = pd.DataFrame(
    {
        "customer_id": ["1", "2", "2", "3", "4"],
        "date": pd.to_datetime(
            ["2024-01-05", "2024-01-05", "2024-02-05", "2024-03-05", "2024-03-09"]
        ),
        "amount": [10.1, 20.2, -5.05, 7.0, 1.0],
    }
)
ROWS = pd.DataFrame(
    {
        "customer_id": ["1", "2", "3", "4"],
        "name": [None, "Kowalski", "KOWALSKI", "Durand"],
        "acquired_on": pd.to_datetime(["2023-05-01", None, "2022-01-01", "2020-01-01"]),
        "closed_on": pd.to_datetime(["2024-01-31", "2024-02-28", "2024-03-31", None]),
        "closure_reason": [None, "price", "moved", None],
        "contactable": [True, None, False, True],
        "phone": ["11", "22", None, "44"],
        "shoe_size": [None, None, 44.0, 40.0],
    }
)
CAMPAIGNS = pd.DataFrame(
    {"campaign_id": "K", "customer_id": ["1", "2", "4"], "date": "2024-01-01",
     "group": ["treated", "control", "control"]}
)  # fmt: skip


def small_base(kind: str, **tables: pd.DataFrame) -> CustomerBase:
    given_tables = {"transactions": LINES, "customers": ROWS, **tables}
    return CustomerBase.from_tables(**{name: ENGINES[kind](t) for name, t in given_tables.items()})


def content(base: CustomerBase) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, day numbers included, in an order of its own."""
    tables = {name: engine.collect(frame) for name, frame in base.tables.items()}
    return {
        name: sorted(frame.astype(object).where(frame.notna(), None).map(repr).to_numpy().tolist())
        for name, frame in tables.items()
    }


@pytest.mark.parametrize("kind", ENGINES)
def test_a_merge_combines_the_rows_of_a_customer(kind):
    merged = merge_duplicates(small_base(kind), {"2": "1", "3": "1"})
    frame = merged.to_pandas("customers").set_index("customer_id").sort_index()
    assert frame.index.tolist() == ["1", "4"]
    one = frame.loc["1"]
    assert one["name"] == "Kowalski"  # the first that is not empty: 2 comes before 3
    assert one["phone"] == "11"  # the staying customer's own
    assert one["shoe_size"] == 44.0
    assert str(one["acquired_on"])[:10] == "2022-01-01"  # the earliest
    assert not one["contactable"]  # one no is a no


@pytest.mark.parametrize("kind", ENGINES)
def test_a_merged_customer_is_closed_only_where_every_entry_is(kind):
    base = small_base(kind)
    late = replace(base, as_of=date(2024, 12, 31))
    closed = merge_duplicates(late, {"2": "1", "3": "1"}).to_pandas("customers")
    one = closed.set_index("customer_id").loc["1"]
    assert (str(one["closed_on"])[:10], one["closure_reason"]) == ("2024-03-31", "moved")
    # Customer 4 is open, so 4 and 1 together are.
    both = merge_duplicates(late, {"4": "1"}).to_pandas("customers").set_index("customer_id")
    assert pd.isna(both.loc["1", "closed_on"])
    assert pd.isna(both.loc["1", "closure_reason"])


@pytest.mark.parametrize("kind", ENGINES)
def test_every_table_speaks_of_the_customer_that_stays(kind):
    people = pd.DataFrame({"customer_id": ["2", "4"], "person_id": ["a", "b"]})
    merged = merge_duplicates(small_base(kind, people=people), {"2": "1"})
    assert sorted(merged.to_pandas()["customer_id"]) == ["1", "1", "1", "3", "4"]
    assert sorted(merged.to_pandas("people")["customer_id"]) == ["1", "4"]
    assert merged.columns("transactions") == ("customer_id", "date", "amount")
    assert merged.made_from["merged"] == [("2", "1")]


def test_what_was_two_purchases_of_one_day_is_one_after_the_merge():
    base = small_base("polars")
    days = engine.collect(merge_duplicates(base, {"2": "1"}).purchases())
    assert sorted(days[days["customer_id"] == "1"]["net"]) == [30.3]


def test_a_chain_ends_at_its_last_customer_and_a_circle_is_refused():
    merged = merge_duplicates(small_base("polars"), {"3": "2", "2": "1"})
    assert set(merged.to_pandas()["customer_id"]) == {"1", "4"}
    with pytest.raises(InputError, match="in a circle"):
        merge_duplicates(small_base("polars"), {"1": "2", "2": "1"})


def test_a_customer_the_base_does_not_have_is_named():
    with pytest.raises(InputError, match=r"1 of the 2 customers .* \(first: '99'\)"):
        merge_duplicates(small_base("polars"), {"99": "1"})


def test_a_merge_that_spoils_a_campaign_says_so():
    base = small_base("polars", campaigns=CAMPAIGNS)
    with pytest.warns(DataWarning, match="'1' in 'K'"):
        merge_duplicates(base, {"2": "1"})


def test_single_groups_can_be_merged():
    frame = customers({"name": "Kowalski"}, {"name": "Kowalski SA"}, {"name": "Wozniak"},
                      {"name": "WOZNIAK"})  # fmt: skip
    base = base_of(frame)
    found = find_duplicates(base)
    assert found.group_count == 2
    merged = merge_duplicates(base, found, groups=[2])
    assert merged.to_pandas()["customer_id"].nunique() == 3
    with pytest.raises(InputError, match="no group 7; 2 groups"):
        merge_duplicates(base, found, groups=[7])


def test_undoing_without_a_merge_is_refused():
    with pytest.raises(InputError, match="no merge to undo"):
        undo_merge(small_base("polars"))


@settings(max_examples=10, deadline=None)
@given(
    kind=st.sampled_from(sorted(ENGINES)),
    owners=st.lists(st.sampled_from("123456"), min_size=1, max_size=12),
    cents=st.lists(st.integers(-10_000, 10_000), min_size=12, max_size=12),
    mapping=st.dictionaries(st.sampled_from("456"), st.sampled_from("123"), max_size=3),
)
def test_a_merge_keeps_every_cent_and_undoing_it_gives_back_the_base_before(
    kind, owners, cents, mapping
):
    lines = pd.DataFrame({"customer_id": owners, "date": "2024-01-05"})
    lines["amount"] = [cent / 100 for cent in cents[: len(owners)]]
    rows = pd.DataFrame({"customer_id": list("123456"), "name": ["a", None, "c", "d", "e", None]})
    base = CustomerBase.from_tables(ENGINES[kind](lines), customers=ENGINES[kind](rows))
    merged = merge_duplicates(base, mapping)
    after = merged.to_pandas()
    assert len(after) == len(lines)
    assert round(after["amount"].sum() * 100) == sum(cents[: len(owners)])
    assert not set(after["customer_id"]) & set(mapping)
    assert set(merged.to_pandas("customers")["customer_id"]) == set("123456") - set(mapping)
    back = undo_merge(merged)
    assert content(back) == content(base)
    assert (back.as_of, back.made_from) == (base.as_of, base.made_from)


def test_two_merges_are_undone_one_after_the_other():
    base = small_base("polars")
    once = merge_duplicates(base, {"2": "1"})
    twice = merge_duplicates(once, {"3": "1"})
    assert twice.made_from["merged"] == [("2", "1"), ("3", "1")]
    assert content(undo_merge(twice)) == content(once)
    assert content(undo_merge(undo_merge(twice))) == content(base)


def test_what_was_chosen_after_the_merge_stays_chosen():
    merged = merge_duplicates(small_base("polars"), {"2": "1"}).at("2024-02-01")
    assert undo_merge(merged).as_of == date(2024, 2, 1)
