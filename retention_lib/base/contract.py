"""The tables and columns that the workbook understands, declared once, as data.

Everything that needs to know a column (reading, matching, checking, the data dictionary in
``docs/``) asks this module, so that a column is added in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from retention_lib.errors import ChoiceError

Kind = Literal["text", "date", "amount", "number", "flag"]
"""How the texts of a column are read: ``amount`` is money, ``number`` any other quantity."""


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    ``english`` and ``french`` say in a sentence what the column holds; ``unit`` is empty
    where the question does not arise.
    """

    name: str
    kind: Kind
    english: str
    french: str
    required: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the contract and what it unlocks in the workbook."""

    name: str
    english: str
    french: str
    unlocks: str
    columns: tuple[Column, ...]
    required: bool = False

    def column(self, name: str) -> Column:
        """The column of that name; ``KeyError`` where the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of all columns, in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """Names of the columns without which the table cannot be used."""
        return tuple(column.name for column in self.columns if column.required)


def _customer_id() -> Column:
    return Column(
        "customer_id",
        "text",
        "Your number or code for the customer, kept as text: 007 stays 007.",
        "Votre numéro ou code client, gardé comme texte : 007 reste 007.",
        required=True,
    )


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "transactions",
            "What customers bought: one row an invoice line, an order or a day.",
            "Ce que les clients ont acheté : une ligne par ligne de facture, commande ou jour.",
            "everything: flows, segments, value, warning signs, churn",
            (
                _customer_id(),
                Column(
                    "date",
                    "date",
                    "Day of the purchase or of the refund.",
                    "Jour de l'achat ou de l'avoir.",
                    required=True,
                    unit="day",
                ),
                Column(
                    "amount",
                    "amount",
                    "What the line brought, net of tax; refunds are negative.",
                    "Montant de la ligne, hors taxes ; les avoirs sont négatifs.",
                    required=True,
                    unit="currency of the workbook",
                ),
                Column(
                    "order_id",
                    "text",
                    "Number of the order or invoice the line belongs to.",
                    "Numéro de la commande ou de la facture.",
                ),
                Column("product", "text", "What was bought.", "Ce qui a été acheté."),
                Column(
                    "product_range",
                    "text",
                    "Family or category of the product.",
                    "Famille ou catégorie du produit.",
                ),
                Column(
                    "quantity",
                    "number",
                    "How many were bought; refunds are negative.",
                    "Quantité achetée ; négative pour un avoir.",
                    unit="pieces",
                ),
                Column(
                    "margin",
                    "amount",
                    "Contribution of the line after its direct costs.",
                    "Marge de la ligne, après coûts directs.",
                    unit="currency of the workbook",
                ),
                Column(
                    "channel",
                    "text",
                    "Where the sale was made: shop, web, phone, sales visit.",
                    "Où la vente s'est faite : magasin, site, téléphone, visite.",
                ),
            ),
            required=True,
        ),
        Table(
            "customers",
            "Who your customers are: one row a customer.",
            "Qui sont vos clients : une ligne par client.",
            "names, sectors and sizes, consent, duplicate customers, contracts, acquisition cost",
            (
                _customer_id(),
                Column("name", "text", "Name of the customer.", "Nom du client."),
                Column(
                    "acquired_on",
                    "date",
                    "Day the customer became one, where known.",
                    "Date d'entrée du client, si connue.",
                    unit="day",
                ),
                Column(
                    "closed_on",
                    "date",
                    "Day the account or contract ended.",
                    "Date de fin du compte ou du contrat.",
                    unit="day",
                ),
                Column(
                    "is_contract",
                    "flag",
                    "Runs a contract or subscription: only its end, not silence, makes it lost.",
                    "Sous contrat ou abonné : seule la fin du contrat en fait un client perdu.",
                ),
                Column(
                    "closure_reason",
                    "text",
                    "Why the account was closed.",
                    "Motif de la clôture.",
                ),
                Column("sector", "text", "Line of business.", "Secteur d'activité."),
                Column("size", "text", "Size class of the customer.", "Taille du client."),
                Column("region", "text", "Region or country.", "Région ou pays."),
                Column("email", "text", "E-mail address.", "Adresse e-mail."),
                Column("phone", "text", "Telephone number.", "Numéro de téléphone."),
                Column(
                    "siret",
                    "text",
                    "French establishment number, 14 digits.",
                    "Numéro SIRET, 14 chiffres.",
                ),
                Column("vat", "text", "European VAT number.", "Numéro de TVA intracommunautaire."),
                Column(
                    "account_manager",
                    "text",
                    "Who looks after the customer.",
                    "Qui suit le client.",
                ),
                Column(
                    "contactable",
                    "flag",
                    "Consent to be contacted: yes or no. Who said no is never contacted.",
                    "Accord pour être contacté : oui ou non. Un non est toujours respecté.",
                ),
                Column(
                    "acquisition_cost",
                    "amount",
                    "What winning this customer cost.",
                    "Ce que l'acquisition de ce client a coûté.",
                    unit="currency of the workbook",
                ),
            ),
        ),
        Table(
            "people",
            "The people you know at each customer: one row a person.",
            "Vos interlocuteurs chez chaque client : une ligne par personne.",
            "customers known through a single contact, decision-makers missing",
            (
                _customer_id(),
                Column(
                    "person_id",
                    "text",
                    "Your number or code for the person.",
                    "Votre numéro ou code de la personne.",
                    required=True,
                ),
                Column("name", "text", "Name of the person.", "Nom de la personne."),
                Column("role", "text", "Function at the customer.", "Fonction chez le client."),
                Column(
                    "is_decision_maker",
                    "flag",
                    "Whether this person decides on purchases.",
                    "Décide des achats : oui ou non.",
                ),
                Column(
                    "is_prescriber",
                    "flag",
                    "Whether this person recommends what is bought.",
                    "Prescrit les achats : oui ou non.",
                ),
                Column("email", "text", "E-mail address.", "Adresse e-mail."),
                Column("phone", "text", "Telephone number.", "Numéro de téléphone."),
            ),
        ),
        Table(
            "interactions",
            "Every contact with a customer, in either direction: one row a contact.",
            "Chaque contact avec un client, dans les deux sens : une ligne par contact.",
            "neglected customers, contact pressure, cancellation requests, age of the last contact",
            (
                _customer_id(),
                Column(
                    "date",
                    "date",
                    "Day of the contact.",
                    "Jour du contact.",
                    required=True,
                    unit="day",
                ),
                Column(
                    "channel",
                    "text",
                    "email, call, visit, letter or event.",
                    "email, appel, visite, courrier ou événement.",
                ),
                Column(
                    "kind",
                    "text",
                    "newsletter, follow_up, campaign, complaint_reply, cancellation_request, …",
                    "lettre d'information, relance, campagne, réponse, demande de résiliation…",
                ),
                Column(
                    "direction",
                    "text",
                    "out: you contacted the customer; in: the customer contacted you.",
                    "out : vous avez contacté le client ; in : il vous a contacté.",
                ),
                Column(
                    "campaign_id",
                    "text",
                    "Campaign the contact belonged to.",
                    "Campagne dont le contact faisait partie.",
                ),
            ),
        ),
        Table(
            "feedback",
            "What customers said: one row a complaint or a survey answer.",
            "Ce que les clients ont dit : une ligne par réclamation ou réponse d'enquête.",
            "unhappy customers, open complaints",
            (
                _customer_id(),
                Column(
                    "date",
                    "date",
                    "Day of the complaint or the answer.",
                    "Jour de la réclamation ou de la réponse.",
                    required=True,
                    unit="day",
                ),
                Column("kind", "text", "complaint or survey.", "réclamation ou enquête."),
                Column(
                    "score",
                    "number",
                    "Satisfaction given, 0 (worst) to 10 (best).",
                    "Note de satisfaction, de 0 (pire) à 10 (meilleure).",
                    unit="0 to 10",
                ),
                Column("topic", "text", "What it was about.", "De quoi il s'agissait."),
                Column(
                    "resolved_on",
                    "date",
                    "Day the complaint was settled; empty while it is open.",
                    "Date de résolution ; vide tant que la réclamation est ouverte.",
                    unit="day",
                ),
            ),
        ),
        Table(
            "campaigns",
            "Who was in which campaign: one row a campaign and customer.",
            "Qui était dans quelle campagne : une ligne par campagne et client.",
            "the measured effect of past campaigns",
            (
                Column(
                    "campaign_id",
                    "text",
                    "Your code for the campaign.",
                    "Votre code de campagne.",
                    required=True,
                ),
                _customer_id(),
                Column(
                    "date",
                    "date",
                    "Day the campaign reached, or would have reached, the customer.",
                    "Jour où la campagne a touché, ou aurait touché, le client.",
                    required=True,
                    unit="day",
                ),
                Column(
                    "group",
                    "text",
                    "treated (contacted) or control (held back by chance).",
                    "treated (contacté) ou control (tenu à l'écart par tirage au sort).",
                    required=True,
                ),
                Column(
                    "cost",
                    "amount",
                    "What reaching this customer cost.",
                    "Coût du contact.",
                    unit="currency of the workbook",
                ),
                Column("offer", "text", "What was offered.", "Ce qui a été proposé."),
            ),
        ),
        Table(
            "opportunities",
            "Quotes and deals under way: one row an opportunity.",
            "Devis et affaires en cours : une ligne par opportunité.",
            "quotes without follow-up, their age and value",
            (
                Column(
                    "opportunity_id",
                    "text",
                    "Your number or code for the quote.",
                    "Votre numéro ou code de devis.",
                    required=True,
                ),
                Column(
                    "customer_id",
                    "text",
                    "The customer, where it is one already.",
                    "Le client, s'il l'est déjà.",
                ),
                Column(
                    "prospect",
                    "text",
                    "Name of the prospect, where it is not yet a customer.",
                    "Nom du prospect, s'il n'est pas encore client.",
                ),
                Column(
                    "opened_on",
                    "date",
                    "Day the quote was made.",
                    "Date du devis.",
                    unit="day",
                ),
                Column(
                    "amount",
                    "amount",
                    "What the quote is for, net of tax.",
                    "Montant du devis, hors taxes.",
                    unit="currency of the workbook",
                ),
                Column("stage", "text", "Stage of the sale.", "Étape de la vente."),
                Column(
                    "last_follow_up_on",
                    "date",
                    "Day of the last follow-up.",
                    "Date de la dernière relance.",
                    unit="day",
                ),
                Column(
                    "closed_on",
                    "date",
                    "Day the opportunity was won or lost.",
                    "Date de conclusion.",
                    unit="day",
                ),
                Column("won", "flag", "Whether it was won.", "Gagnée : oui ou non."),
            ),
        ),
    )
}
"""The contract: table name to :class:`Table`."""


def table(name: str) -> Table:
    """The table of that name; ``ChoiceError`` that lists the tables where there is none.

    >>> table("transactions").required_names
    ('customer_id', 'date', 'amount')
    """
    if name not in TABLES:
        raise ChoiceError("table", name, list(TABLES))
    return TABLES[name]


def _dictionary_lines() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield "Generated from `retention_lib/base/contract.py` by `python tools/dictionary.py`;"
    yield "do not edit by hand. Only `transactions` is required. Unknown columns are kept."
    for entry in TABLES.values():
        yield ""
        yield f"## `{entry.name}`" + (" (required)" if entry.required else "")
        yield ""
        yield f"{entry.english} *{entry.french}*"
        yield ""
        yield f"Unlocks: {entry.unlocks}."
        yield ""
        yield "| column | required | kind | unit | meaning | signification |"
        yield "|---|---|---|---|---|---|"
        for column in entry.columns:
            required = "yes" if column.required else ""
            yield (
                f"| `{column.name}` | {required} | {column.kind} | {column.unit} "
                f"| {column.english} | {column.french} |"
            )


def data_dictionary() -> str:
    """The text of ``docs/data-dictionary.md``, in Markdown."""
    return "\n".join(_dictionary_lines()) + "\n"
