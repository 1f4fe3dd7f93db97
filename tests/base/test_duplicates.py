"""Customers entered twice are proposed, nobody else is, and a merge can be undone."""

import itertools
import random
import unicodedata
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
from retention_lib.errors import DataWarning, InputError

# --- A file with planted duplicates, written without looking at the simulator ---------------------

FAMILIES = (
    "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefèvre "
    "Leroy Roux David Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Muller "
    "Faure Mercier Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin "
    "Morin Henry Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Lemaire Noël Meyer "
    "Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud Martinez Roche "
    "Renard Schmitt Roy Colin Vidal Caron Picard Roger Fabre Aubert Lemoine Renaud Dumas Lacroix "
    "Olivier Philippe Bourgeois Pierre Benoit Rey Leclerc Payet Rolland Leclercq Lecomte Lopez Jean"
).split()
GIVEN = (
    "Jean Pierre Michel André Philippe Alain Jacques Bernard Daniel Marie Anne Nathalie Isabelle "
    "Sylvie Catherine Martine Christine Françoise Valérie Nicolas Thomas Julien Camille Léa Manon "
    "Chloé Lucas Hugo Enzo Kévin Ahmed Fatou Soraya Wassim Maëlys Timéo Ewen Aminata Priya"
).split()
TRADES = (
    "Boulangerie Menuiserie Garage Transports Pharmacie Plomberie Électricité Imprimerie Cabinet "
    "Restaurant Hôtel Peinture Maçonnerie Librairie Optique Coiffure Informatique Négoce Charpente"
).split()
FORMS = ("SARL", "SAS", "SA", "EURL", "SCI", "SASU")
REGIONS = ("Bretagne", "Normandie", "Occitanie", "Corse", "Île-de-France", "Grand Est", "PACA")
SYLLABLES = (
    "ka lo mi ven tar bel dor sin gra pou ché nal ric mou sto wen bri cel fau jur lan pel quin ros"
).split()
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
