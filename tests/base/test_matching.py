"""Headings of real programs against the columns they hold.

The lists of headings are those of exports as back-office, shop and CRM programs write them. What
is expected beside them was judged by hand: ``accepted`` is taken without a question, ``asks`` are
the columns that need an answer first.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_lib.base import _claims, _headings, contract, importing
from retention_lib.base._headings import SURE
from retention_lib.base.matching import Matching, propose_matching
from retention_lib.errors import ChoiceError, InputError
from retention_lib.wording import Wording


@dataclass(frozen=True)
class Export:
    program: str
    table: str
    header: str
    accepted: dict[str, str]
    asks: tuple[str, ...] = field(default=())

    @property
    def headings(self) -> list[str]:
        return self.header.split(";" if ";" in self.header else ",")


EXPORTS = [
    Export(
        "uci online retail ii",
        "transactions",
        ("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"),
        {
            "customer_id": "Customer ID",
            "date": "InvoiceDate",
            "order_id": "Invoice",
            "product": "StockCode",
            "quantity": "Quantity",
            "unit_price": "Price",
        },
    ),
    Export(
        "uci online retail i",
        "transactions",
        ("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"),
        {
            "customer_id": "CustomerID",
            "date": "InvoiceDate",
            "order_id": "InvoiceNo",
            "product": "StockCode",
            "quantity": "Quantity",
            "unit_price": "UnitPrice",
        },
    ),
    Export(
        "cdnow",
        "transactions",
        ("customer_id,date,quantity,amount"),
        {"customer_id": "customer_id", "date": "date", "amount": "amount", "quantity": "quantity"},
    ),
    Export(
        "sage 100 odbc lines",
        "transactions",
        (
            "DO_Piece,DO_Date,CT_Num,CT_Intitule,AR_Ref,DL_Design,DL_Qte,DL_PrixUnitaire,"
            "DL_MontantHT,DL_MontantTTC,FA_CodeFamille"
        ),
        {
            "customer_id": "CT_Num",
            "date": "DO_Date",
            "amount": "DL_MontantHT",
            "order_id": "DO_Piece",
            "product": "AR_Ref",
            "product_range": "FA_CodeFamille",
            "quantity": "DL_Qte",
        },
    ),
    Export(
        "sage print",
        "transactions",
        (
            "N° pièce;Date;Code client;Intitulé client;Référence article;Désignation;Qté;P.U. HT;"
            "Remise;Montant HT;Montant TTC"
        ),
        {
            "customer_id": "Code client",
            "date": "Date",
            "amount": "Montant HT",
            "order_id": "N° pièce",
            "product": "Référence article",
            "quantity": "Qté",
        },
    ),
    Export(
        "ebp",
        "transactions",
        (
            "Numéro du document;Date du document;Code client;Nom du client;Code article;"
            "Description;Quantité;PV HT;% remise;Montant Net HT;Code famille article;"
            "Code commercial"
        ),
        {
            "customer_id": "Code client",
            "date": "Date du document",
            "amount": "Montant Net HT",
            "order_id": "Numéro du document",
            "product": "Code article",
            "product_range": "Code famille article",
            "quantity": "Quantité",
        },
    ),
    Export(
        "cegid",
        "transactions",
        (
            "GP_NATUREPIECEG;GP_NUMERO;GP_DATEPIECE;GP_TIERS;GL_CODEARTICLE;GL_LIBELLE;"
            "GL_QTEFACT;GL_PUHTNET;GL_TOTALHT;GL_TOTALTTC;GP_ETABLISSEMENT"
        ),
        {
            "customer_id": "GP_TIERS",
            "date": "GP_DATEPIECE",
            "amount": "GL_TOTALHT",
            "order_id": "GP_NUMERO",
            "product": "GL_CODEARTICLE",
            "quantity": "GL_QTEFACT",
            "channel": "GP_ETABLISSEMENT",
        },
    ),
    Export(
        "fec",
        "transactions",
        (
            "JournalCode;JournalLib;EcritureNum;EcritureDate;CompteNum;CompteLib;CompAuxNum;"
            "CompAuxLib;PieceRef;PieceDate;EcritureLib;Debit;Credit;EcritureLet;DateLet;"
            "ValidDate;Montantdevise;Idevise"
        ),
        {"customer_id": "CompAuxNum", "order_id": "PieceRef"},
        asks=("date", "amount"),
    ),
    Export(
        "shopify",
        "transactions",
        (
            "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,"
            "Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
            "Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
            "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,"
            "Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,"
            "Billing City,Billing Zip,Notes,Cancelled at,Payment Method,Payment Reference,"
            "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,"
            "Risk Level,Source,Lineitem discount"
        ),
        {"product": "Lineitem sku", "quantity": "Lineitem quantity", "channel": "Location"},
        asks=("customer_id", "date", "amount"),
    ),
    Export(
        "prestashop orders",
        "transactions",
        (
            "id_order,reference,id_customer,total_paid_tax_excl,total_paid_tax_incl,payment,"
            "date_add,current_state"
        ),
        {
            "customer_id": "id_customer",
            "date": "date_add",
            "amount": "total_paid_tax_excl",
            "order_id": "id_order",
        },
    ),
    Export(
        "prestashop detail",
        "transactions",
        (
            "id_order,id_customer,date_add,product_id,product_reference,product_name,"
            "product_quantity,unit_price_tax_excl,total_price_tax_excl,total_price_tax_incl"
        ),
        {
            "customer_id": "id_customer",
            "date": "date_add",
            "amount": "total_price_tax_excl",
            "order_id": "id_order",
            "quantity": "product_quantity",
        },
    ),
    Export(
        "prestashop grid fr",
        "transactions",
        ("ID;Référence;Nouveau client;Livraison;Client;Total;Paiement;État;Date"),
        {"date": "Date"},
        asks=("customer_id", "amount"),
    ),
    Export(
        "woocommerce orders",
        "transactions",
        (
            "Order Number,Order Status,Order Date,Customer Note,First Name (Billing),"
            "Last Name (Billing),Company (Billing),Email (Billing),Customer User ID,"
            "Payment Method Title,Cart Discount Amount,Order Subtotal Amount,"
            "Shipping Method Title,Order Shipping Amount,Order Refund Amount,Order Total Amount,"
            "Order Total Tax Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,"
            "Coupon Code"
        ),
        {"customer_id": "Customer User ID", "date": "Order Date", "order_id": "Order Number"},
        asks=("amount",),
    ),
    Export(
        "woocommerce analytics",
        "transactions",
        (
            "Date,Order #,Status,Customer,Customer type,Product(s),Items sold,Coupon(s),"
            "N. Revenue,Attribution"
        ),
        {
            "date": "Date",
            "amount": "N. Revenue",
            "order_id": "Order #",
            "product": "Product(s)",
            "quantity": "Items sold",
            "channel": "Attribution",
        },
        asks=("customer_id",),
    ),
    Export(
        "odoo sale fr",
        "transactions",
        ("Référence commande;Date de la commande;Client;Vendeur;Montant HT;Total;Statut"),
        {"date": "Date de la commande", "amount": "Montant HT", "order_id": "Référence commande"},
        asks=("customer_id",),
    ),
    Export(
        "odoo sale en",
        "transactions",
        ("Order Reference,Creation Date,Customer,Salesperson,Untaxed Amount,Total,Status"),
        {"amount": "Untaxed Amount", "order_id": "Order Reference"},
        asks=("customer_id", "date"),
    ),
    Export(
        "odoo technical",
        "transactions",
        (
            "order_id,date_order,partner_id,product_id,product_uom_qty,price_unit,price_subtotal,"
            "price_total"
        ),
        {
            "customer_id": "partner_id",
            "date": "date_order",
            "amount": "price_subtotal",
            "order_id": "order_id",
            "product": "product_id",
            "quantity": "product_uom_qty",
        },
    ),
    Export(
        "odoo invoice",
        "transactions",
        (
            "Number,Invoice Partner Display Name,Invoice/Bill Date,Due Date,"
            "Untaxed Amount Signed,Total Signed,Payment Status"
        ),
        {"date": "Invoice/Bill Date", "amount": "Untaxed Amount Signed"},
        asks=("customer_id",),
    ),
    Export(
        "dynamics bc",
        "transactions",
        (
            "Document No.,Posting Date,Sell-to Customer No.,Bill-to Customer No.,Type,No.,"
            "Description,Quantity,Unit of Measure,Unit Price Excl. VAT,Line Amount Excl. VAT,"
            "Amount Including VAT,Item Category Code"
        ),
        {
            "customer_id": "Sell-to Customer No.",
            "date": "Posting Date",
            "amount": "Line Amount Excl. VAT",
            "order_id": "Document No.",
            "product": "Description",
            "product_range": "Item Category Code",
            "quantity": "Quantity",
        },
    ),
    Export(
        "sap",
        "transactions",
        (
            "Billing Document,Billing Date,Sold-To Party,Ship-To Party,Material,Billed Quantity,"
            "Sales Unit,Net Value,Currency,Material Group"
        ),
        {
            "customer_id": "Sold-To Party",
            "date": "Billing Date",
            "amount": "Net Value",
            "order_id": "Billing Document",
            "product": "Material",
            "product_range": "Material Group",
            "quantity": "Billed Quantity",
        },
    ),
    Export(
        "sap technical",
        "transactions",
        ("VBELN,FKDAT,KUNNR,MATNR,FKIMG,NETWR,MATKL,VTWEG"),
        {
            "customer_id": "KUNNR",
            "date": "FKDAT",
            "amount": "NETWR",
            "order_id": "VBELN",
            "product": "MATNR",
            "product_range": "MATKL",
            "quantity": "FKIMG",
            "channel": "VTWEG",
        },
    ),
    Export(
        "quickbooks",
        "transactions",
        (
            "Date,Transaction Type,Num,Customer,Product/Service,Memo/Description,Qty,Sales Price,"
            "Amount,Balance"
        ),
        {"date": "Date", "amount": "Amount", "product": "Product/Service", "quantity": "Qty"},
        asks=("customer_id",),
    ),
    Export(
        "xero",
        "transactions",
        (
            "ContactName,EmailAddress,InvoiceNumber,Reference,InvoiceDate,DueDate,Total,"
            "InventoryItemCode,Description,Quantity,UnitAmount,Discount,LineAmount,AccountCode,"
            "TaxType,TaxAmount,Currency"
        ),
        {
            "date": "InvoiceDate",
            "amount": "LineAmount",
            "order_id": "InvoiceNumber",
            "product": "InventoryItemCode",
            "quantity": "Quantity",
        },
        asks=("customer_id",),
    ),
    Export(
        "stripe",
        "transactions",
        (
            "id,Created (UTC),Amount,Amount Refunded,Currency,Fee,Status,Customer ID,"
            "Customer Email,Description"
        ),
        {"customer_id": "Customer ID", "amount": "Amount", "product": "Description"},
        asks=("date",),
    ),
    Export(
        "superstore",
        "transactions",
        (
            "Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,"
            "Country,City,State,Postal Code,Region,Product ID,Category,Sub-Category,Product Name,"
            "Sales,Quantity,Discount,Profit"
        ),
        {
            "customer_id": "Customer ID",
            "date": "Order Date",
            "amount": "Sales",
            "order_id": "Order ID",
            "product": "Product ID",
            "product_range": "Category",
            "quantity": "Quantity",
            "margin": "Profit",
        },
    ),
    Export(
        "amazon",
        "transactions",
        (
            "amazon-order-id,purchase-date,buyer-email,buyer-name,sku,product-name,"
            "quantity-purchased,currency,item-price,item-tax,shipping-price"
        ),
        {
            "date": "purchase-date",
            "order_id": "amazon-order-id",
            "product": "sku",
            "quantity": "quantity-purchased",
        },
        asks=("customer_id", "amount"),
    ),
    Export(
        "caisse",
        "transactions",
        (
            "Date;Heure;Numéro ticket;Caisse;Carte de fidélité;Article;Famille;Qté;Prix TTC;"
            "Total TTC;Taux TVA;Total HT"
        ),
        {
            "customer_id": "Carte de fidélité",
            "date": "Date",
            "amount": "Total HT",
            "order_id": "Numéro ticket",
            "product": "Article",
            "product_range": "Famille",
            "quantity": "Qté",
        },
    ),
    Export(
        "facture et commande",
        "transactions",
        ("Code client;Date commande;Date facture;Montant HT"),
        {"customer_id": "Code client", "amount": "Montant HT"},
        asks=("date",),
    ),
    Export(
        "ht et ttc",
        "transactions",
        ("Client;Date;Montant HT;Montant TVA;Montant TTC"),
        {"date": "Date", "amount": "Montant HT"},
        asks=("customer_id",),
    ),
    Export(
        "client et code",
        "transactions",
        ("Client;Code client;Date facture;N° facture;Total HT"),
        {
            "customer_id": "Code client",
            "date": "Date facture",
            "amount": "Total HT",
            "order_id": "N° facture",
        },
    ),
    Export(
        "que ttc",
        "transactions",
        ("N° client;Date;Montant TTC"),
        {"customer_id": "N° client", "date": "Date"},
        asks=("amount",),
    ),
    Export(
        "qte pu remise",
        "transactions",
        ("Code client;Date;Qté;PU HT;Remise %"),
        {"customer_id": "Code client", "date": "Date", "quantity": "Qté"},
        asks=("amount",),
    ),
    Export(
        "qte pu net",
        "transactions",
        ("Code client;Date;Qté;PU net HT;Remise %"),
        {
            "customer_id": "Code client",
            "date": "Date",
            "quantity": "Qté",
            "unit_price": "PU net HT",
        },
    ),
    Export(
        "order total with lines",
        "transactions",
        ("Order ID,Order Date,Customer ID,SKU,Qty,Order Total"),
        {
            "customer_id": "Customer ID",
            "date": "Order Date",
            "order_id": "Order ID",
            "product": "SKU",
            "quantity": "Qty",
        },
        asks=("amount",),
    ),
    Export(
        "order total alone",
        "transactions",
        ("Order ID,Order Date,Customer ID,Order Total"),
        {
            "customer_id": "Customer ID",
            "date": "Order Date",
            "amount": "Order Total",
            "order_id": "Order ID",
        },
    ),
    Export(
        "deux codes",
        "transactions",
        ("Code client;N° client;Date;Montant HT"),
        {"date": "Date", "amount": "Montant HT"},
        asks=("customer_id",),
    ),
    Export(
        "dons",
        "transactions",
        ("Identifiant donateur;Nom;Date du don;Montant du don;Mode de paiement;Campagne"),
        {"customer_id": "Identifiant donateur", "date": "Date du don", "amount": "Montant du don"},
    ),
    Export(
        "abonnés",
        "transactions",
        ("N° abonné;Date opération;Libellé;Débit;Crédit"),
        {"customer_id": "N° abonné", "date": "Date opération"},
        asks=("amount",),
    ),
    Export(
        "lightspeed",
        "transactions",
        (
            "Receipt number,Date,Customer code,Customer name,SKU,Product,Category,Brand,Quantity,"
            "Revenue,Cost of goods,Gross profit,Outlet"
        ),
        {
            "customer_id": "Customer code",
            "date": "Date",
            "amount": "Revenue",
            "order_id": "Receipt number",
            "product": "SKU",
            "product_range": "Category",
            "quantity": "Quantity",
            "margin": "Gross profit",
            "channel": "Outlet",
        },
    ),
    Export(
        "majuscules",
        "transactions",
        ("CODCLI;NOMCLI;DATFAC;NUMFAC;CODART;LIBART;QTEFAC;MTHT;MTTC"),
        {
            "customer_id": "CODCLI",
            "date": "DATFAC",
            "amount": "MTHT",
            "order_id": "NUMFAC",
            "product": "CODART",
        },
    ),
    Export(
        "anglais simple",
        "transactions",
        ("client,date,value"),
        {"date": "date", "amount": "value"},
        asks=("customer_id",),
    ),
    Export(
        "ax",
        "transactions",
        ("InvoiceAccount,OrderAccount,InvoiceId,InvoiceDate,ItemId,Qty,SalesPrice,LineAmount"),
        {
            "customer_id": "OrderAccount",
            "date": "InvoiceDate",
            "amount": "LineAmount",
            "order_id": "InvoiceId",
            "product": "ItemId",
            "quantity": "Qty",
        },
    ),
    Export(
        "mots sans repère",
        "transactions",
        ("Klant,Datum,Bedrag"),
        {},
        asks=("customer_id", "date", "amount"),
    ),
    Export(
        "hubspot companies",
        "customers",
        (
            "Record ID,Company name,Company owner,Create Date,Phone Number,Last Activity Date,"
            "City,Country/Region,Industry,Number of Employees,Lifecycle Stage,Associated Contact"
        ),
        {
            "customer_id": "Record ID",
            "name": "Company name",
            "acquired_on": "Create Date",
            "sector": "Industry",
            "size": "Number of Employees",
            "region": "Country/Region",
            "phone": "Phone Number",
            "account_manager": "Company owner",
        },
    ),
    Export(
        "hubspot fr",
        "customers",
        (
            "ID de fiche d'informations;Nom de l'entreprise;Propriétaire;Date de création;"
            "Numéro de téléphone;Ville;Pays/Région;Secteur d'activité;Nombre d'employés"
        ),
        {
            "customer_id": "ID de fiche d'informations",
            "name": "Nom de l'entreprise",
            "acquired_on": "Date de création",
            "sector": "Secteur d'activité",
            "size": "Nombre d'employés",
            "region": "Pays/Région",
            "phone": "Numéro de téléphone",
            "account_manager": "Propriétaire",
        },
    ),
    Export(
        "salesforce accounts",
        "customers",
        (
            "Account ID,Account Name,Account Owner,Billing State,Phone,Industry,Employees,"
            "Created Date,Type,Website,Last Activity"
        ),
        {
            "customer_id": "Account ID",
            "name": "Account Name",
            "acquired_on": "Created Date",
            "sector": "Industry",
            "size": "Employees",
            "region": "Billing State",
            "phone": "Phone",
            "account_manager": "Account Owner",
        },
    ),
    Export(
        "sage comptet",
        "customers",
        (
            "CT_Num;CT_Intitule;CT_Adresse;CT_CodePostal;CT_Ville;CT_Pays;CT_Telephone;CT_EMail;"
            "CT_Siret;CT_Identifiant;CT_Ape;CT_DateCreate;CT_Sommeil"
        ),
        {
            "customer_id": "CT_Num",
            "name": "CT_Intitule",
            "acquired_on": "CT_DateCreate",
            "sector": "CT_Ape",
            "region": "CT_Pays",
            "email": "CT_EMail",
            "phone": "CT_Telephone",
            "siret": "CT_Siret",
            "vat": "CT_Identifiant",
        },
    ),
    Export(
        "odoo partner",
        "customers",
        ("External ID,Name,Email,Phone,Mobile,Company,Country,Tax ID,Salesperson,Tags"),
        {
            "customer_id": "External ID",
            "region": "Country",
            "email": "Email",
            "phone": "Phone",
            "vat": "Tax ID",
            "account_manager": "Salesperson",
        },
    ),
    Export(
        "ebp clients",
        "customers",
        (
            "Code;Nom;Adresse 1;Code postal;Ville;Téléphone;E-mail;N° TVA intracommunautaire;"
            "SIRET;Code NAF;Famille client;Commercial"
        ),
        {
            "customer_id": "Code",
            "name": "Nom",
            "sector": "Code NAF",
            "email": "E-mail",
            "phone": "Téléphone",
            "siret": "SIRET",
            "vat": "N° TVA intracommunautaire",
            "account_manager": "Commercial",
        },
    ),
    Export(
        "prestashop customers",
        "customers",
        (
            "ID,Social title,First name,Last name,Email address,Sales,Enabled,Newsletter,"
            "Partner offers,Registration,Last visit"
        ),
        {
            "customer_id": "ID",
            "name": "Last name",
            "email": "Email address",
            "contactable": "Newsletter",
        },
    ),
    Export(
        "shopify customers",
        "customers",
        (
            "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,"
            "Default Address Company,Default Address City,Phone,Accepts SMS Marketing,"
            "Total Spent,Total Orders,Note,Tax Exempt,Tags"
        ),
        {
            "customer_id": "Customer ID",
            "name": "Last Name",
            "email": "Email",
            "phone": "Phone",
            "contactable": "Accepts Email Marketing",
        },
    ),
    Export(
        "resiliations",
        "customers",
        (
            "N° client;Raison sociale;Client depuis;Date de résiliation;Motif de résiliation;"
            "Taille;Région;Opt-out"
        ),
        {
            "customer_id": "N° client",
            "name": "Raison sociale",
            "acquired_on": "Client depuis",
            "closed_on": "Date de résiliation",
            "closure_reason": "Motif de résiliation",
            "size": "Taille",
            "region": "Région",
        },
        asks=("contactable",),
    ),
    Export(
        "salesforce contacts",
        "people",
        ("Contact ID,Account ID,Account Name,First Name,Last Name,Title,Email,Phone,Mobile"),
        {
            "customer_id": "Account ID",
            "person_id": "Contact ID",
            "name": "Last Name",
            "role": "Title",
            "email": "Email",
            "phone": "Phone",
        },
    ),
    Export(
        "interlocuteurs",
        "people",
        (
            "Code client;Code contact;Civilité;Nom;Prénom;Fonction;Décideur;Prescripteur;"
            "Téléphone;Portable;E-mail"
        ),
        {
            "customer_id": "Code client",
            "person_id": "Code contact",
            "name": "Nom",
            "role": "Fonction",
            "is_decision_maker": "Décideur",
            "is_prescriber": "Prescripteur",
            "email": "E-mail",
            "phone": "Téléphone",
        },
    ),
    Export(
        "salesforce tasks",
        "interactions",
        (
            "Task ID,Account ID,Account Name,Subject,Due Date,Status,Priority,Call Type,"
            "Call Duration,Assigned To"
        ),
        {
            "customer_id": "Account ID",
            "date": "Due Date",
            "kind": "Subject",
            "direction": "Call Type",
        },
    ),
    Export(
        "crm fr",
        "interactions",
        ("Code client;Date de l'action;Type d'action;Objet;Sens;Campagne;Commercial;Commentaire"),
        {
            "customer_id": "Code client",
            "date": "Date de l'action",
            "channel": "Type d'action",
            "kind": "Objet",
            "direction": "Sens",
            "campaign_id": "Campagne",
        },
    ),
    Export(
        "zendesk",
        "feedback",
        (
            "Ticket ID,Organization ID,Requester,Subject,Created at,Solved at,Satisfaction Score,"
            "Assignee,Status"
        ),
        {
            "customer_id": "Organization ID",
            "date": "Created at",
            "score": "Satisfaction Score",
            "topic": "Subject",
            "resolved_on": "Solved at",
        },
    ),
    Export(
        "reclamations",
        "feedback",
        ("N° réclamation;Code client;Date de réclamation;Motif;Date de clôture;Statut"),
        {
            "customer_id": "Code client",
            "date": "Date de réclamation",
            "topic": "Motif",
            "resolved_on": "Date de clôture",
        },
    ),
    Export(
        "nps",
        "feedback",
        ("Email address,Timestamp,NPS,Comment"),
        {"date": "Timestamp", "score": "NPS"},
        asks=("customer_id",),
    ),
    Export(
        "mailing",
        "campaigns",
        ("Code opération;Code client;Date d'envoi;Groupe;Coût;Offre;Ouvert;Cliqué"),
        {
            "campaign_id": "Code opération",
            "customer_id": "Code client",
            "date": "Date d'envoi",
            "group": "Groupe",
            "cost": "Coût",
            "offer": "Offre",
        },
    ),
    Export(
        "en",
        "campaigns",
        ("campaign_id,customer_id,sent_at,variant,converted"),
        {
            "campaign_id": "campaign_id",
            "customer_id": "customer_id",
            "date": "sent_at",
            "group": "variant",
        },
    ),
    Export(
        "salesforce",
        "opportunities",
        (
            "Opportunity ID,Account ID,Account Name,Opportunity Name,Stage,Amount,Close Date,"
            "Created Date,Probability (%),Is Won,Last Activity,Opportunity Owner"
        ),
        {
            "opportunity_id": "Opportunity ID",
            "customer_id": "Account ID",
            "prospect": "Account Name",
            "opened_on": "Created Date",
            "amount": "Amount",
            "stage": "Stage",
            "last_follow_up_on": "Last Activity",
            "closed_on": "Close Date",
            "won": "Is Won",
        },
    ),
    Export(
        "hubspot deals",
        "opportunities",
        (
            "Record ID,Deal Name,Deal Stage,Pipeline,Amount,Close Date,Create Date,Deal owner,"
            "Last Activity Date,Associated Company IDs,Associated Company,Is Closed Won"
        ),
        {
            "opportunity_id": "Record ID",
            "customer_id": "Associated Company IDs",
            "prospect": "Associated Company",
            "opened_on": "Create Date",
            "amount": "Amount",
            "stage": "Deal Stage",
            "last_follow_up_on": "Last Activity Date",
            "closed_on": "Close Date",
            "won": "Is Closed Won",
        },
    ),
    Export(
        "devis",
        "opportunities",
        (
            "N° devis;Date du devis;Code client;Nom du client;Montant HT;Montant TTC;Statut;"
            "Date de relance;Commercial"
        ),
        {
            "opportunity_id": "N° devis",
            "customer_id": "Code client",
            "prospect": "Nom du client",
            "opened_on": "Date du devis",
            "amount": "Montant HT",
            "stage": "Statut",
            "last_follow_up_on": "Date de relance",
        },
    ),
    Export(
        "pipedrive",
        "opportunities",
        (
            "Deal - ID,Deal - Title,Deal - Value,Deal - Stage,Deal - Organization,"
            "Deal - Deal created,Deal - Deal closed on,Deal - Status,Deal - Owner"
        ),
        {
            "opportunity_id": "Deal - ID",
            "prospect": "Deal - Organization",
            "opened_on": "Deal - Deal created",
            "amount": "Deal - Value",
            "stage": "Deal - Stage",
            "closed_on": "Deal - Deal closed on",
        },
    ),
]


def test_there_are_enough_real_exports_in_both_languages() -> None:
    assert len(EXPORTS) >= 50
    assert len({export.program for export in EXPORTS}) == len(EXPORTS)
    french = [e for e in EXPORTS if any(c in e.header for c in "éÉèêôç°") or "Montant" in e.header]
    assert len(french) >= 20


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.program)
def test_a_real_export_is_matched_as_a_person_would(export: Export) -> None:
    found = propose_matching(export.headings, export.table)
    assert found.accepted == export.accepted
    assert found.open_columns == export.asks


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.program)
def test_what_is_open_is_asked_and_what_is_doubtful_is_not_taken(export: Export) -> None:
    found = propose_matching(export.headings, export.table)
    questions = found.questions()
    assert len(questions) == len(export.asks)
    for column, question in zip(export.asks, questions, strict=True):
        assert column in question
        assert 'matching={"' in question
    for entry in found.entries:
        assert (entry.column in found.accepted) <= (entry.status == "sure")
        assert (entry.status == "sure") == (entry.confidence >= SURE)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.program)
def test_every_heading_is_either_taken_or_kept_as_it_is(export: Export) -> None:
    found = propose_matching(export.headings, export.table)
    assert sorted([*found.accepted.values(), *found.unknown]) == sorted(export.headings)


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.program)
def test_the_order_of_the_columns_changes_nothing(export: Export) -> None:
    expected = propose_matching(export.headings, export.table)
    for seed in range(3):
        shuffled = random.Random(seed).sample(export.headings, len(export.headings))
        assert propose_matching(shuffled, export.table).entries == expected.entries


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.program)
def test_a_saved_matching_reads_next_months_export_without_a_question(export: Export) -> None:
    found = propose_matching(export.headings, export.table)
    saved = Matching.from_dict(found.to_dict())
    assert saved.accepted == found.accepted
    assert saved.amount_rule == found.amount_rule
    assert saved.unknown == found.unknown
    fit = saved.applies_to(export.headings)
    assert fit.fits == (not set(saved.open_columns))
    assert (fit.missing, fit.new, fit.renamed) == ((), (), ())


# ------------------------------------------------------------------ what is preferred


def test_net_of_tax_is_preferred_to_tax_included_and_says_so() -> None:
    found = propose_matching(["Code client", "Date", "Montant TTC", "Montant HT"])
    assert found.accepted["amount"] == "Montant HT"


def test_an_amount_that_includes_tax_is_never_taken_silently() -> None:
    found = propose_matching(["Code client", "Date", "Total T.T.C."])
    assert "amount" not in found.accepted
    assert "includes tax" in found.questions()[0]
    answered = found.resolve({"amount": "Total T.T.C."})
    assert answered.accepted["amount"] == "Total T.T.C."
    assert answered.questions() == []


def test_a_code_is_preferred_to_a_name() -> None:
    found = propose_matching(["Client", "Code client", "Date", "Montant", "Désignation", "SKU"])
    assert found.accepted["customer_id"] == "Code client"
    assert found.accepted["product"] == "SKU"
    assert found.unknown == ("Client", "Désignation")


def test_order_date_and_invoice_date_are_a_question_unless_there_is_a_plain_date() -> None:
    both = ["Code client", "Date commande", "Date facture", "Montant HT"]
    found = propose_matching(both)
    assert found.open_columns == ("date",)
    entry = next(entry for entry in found.entries if entry.column == "date")
    assert set(entry.candidates) == {"Date commande", "Date facture"}
    assert propose_matching([*both, "Date"]).accepted["date"] == "Date"


def test_who_ordered_is_preferred_to_who_pays() -> None:
    found = propose_matching(["Bill-to Customer No.", "Sell-to Customer No.", "Date", "Amount"])
    assert found.accepted["customer_id"] == "Sell-to Customer No."


def test_the_total_of_an_order_is_not_the_amount_of_its_lines() -> None:
    orders = ["Customer ID", "Order Date", "Order Total"]
    assert propose_matching(orders).accepted["amount"] == "Order Total"
    lines = propose_matching([*orders, "SKU"])
    assert "amount" not in lines.accepted
    assert "whole order" in lines.questions()[0]


# ------------------------------------------------------------- quantity × unit price


def test_quantity_times_unit_price_stands_in_for_a_missing_amount() -> None:
    found = propose_matching(["Code client", "Date", "Qté", "Prix unitaire"])
    assert found.amount_rule == "quantity × unit price"
    assert found.accepted["unit_price"] == "Prix unitaire"
    amount = next(entry for entry in found.entries if entry.column == "amount")
    assert (amount.status, amount.export_column) == ("sure", None)
    assert "'Qté' × 'Prix unitaire'" in found.sentence()


def test_with_an_amount_the_unit_price_is_kept_as_it_is() -> None:
    found = propose_matching(["Code client", "Date", "Qté", "Prix unitaire", "Montant HT"])
    assert found.amount_rule == "amount"
    assert "unit_price" not in found.accepted
    assert found.unknown == ("Prix unitaire",)


def test_a_discount_beside_it_makes_quantity_times_unit_price_a_question() -> None:
    header = ["Code client", "Date", "Qté", "PU HT", "Remise %"]
    found = propose_matching(header)
    assert found.open_columns == ("amount",)
    assert "'Remise %'" in found.questions()[0]
    taken = found.resolve({"amount": None, "quantity": "Qté", "unit_price": "PU HT"})
    assert taken.amount_rule == "quantity × unit price"
    assert taken.questions() == []


def test_a_discount_that_is_always_zero_asks_nothing() -> None:
    samples = {"Remise %": ["0", "0,00", ""]}
    header = ["Code client", "Date", "Qté", "PU HT", "Remise %"]
    assert propose_matching(header, samples=samples).open_columns == ()


def test_a_unit_price_after_discount_may_be_multiplied() -> None:
    found = propose_matching(["Code client", "Date", "Qté", "PU net HT", "Remise %"])
    assert found.amount_rule == "quantity × unit price"


def test_a_tax_included_unit_price_is_not_multiplied() -> None:
    found = propose_matching(["Code client", "Date", "Qté", "PU TTC"])
    assert found.open_columns == ("amount",)


def test_a_unit_price_net_of_tax_goes_before_a_tax_included_total() -> None:
    found = propose_matching(["Code client", "Date", "Qté", "PU HT", "Total TTC"])
    assert found.amount_rule == "quantity × unit price"
    vague = propose_matching(["Code client", "Date", "Qté", "Prix", "Total TTC"])
    assert vague.open_columns == ("amount",)


# --------------------------------------------------------------------- what values say


HEADER = ["Code client", "Date", "Montant HT"]
GOOD = {
    "Code client": ["C001", "C002", "C001"],
    "Date": ["31/12/2024", "01/02/2025", "3 févr. 2025"],
    "Montant HT": ["1 234,50 €", "(12,00)", "45,00-"],
}


def test_values_that_fit_leave_a_match_sure() -> None:
    found = propose_matching(HEADER, samples=GOOD)
    assert found.open_columns == ()
    assert found.entries[2].samples == ("1 234,50 €", "(12,00)", "45,00-")


@pytest.mark.parametrize(
    ("heading", "values", "because"),
    [
        ("Date", ["lundi", "Paris", "n/a"], "look like dates"),
        ("Date", ["12", "15", "3"], "look like dates"),
        ("Montant HT", ["abc", "def", "12"], "look like numbers"),
        ("Montant HT", ["31/12/2024", "01/02/2025"], "look like numbers"),
        ("Montant HT", ["31.12.2024", "01.02.2025"], "look like"),
        ("Code client", ["12,50", "99,90", "7,25"], "amounts"),
        ("Code client", ["31/12/2024", "01/02/2025"], "dates"),
        ("Code client", ["", "  ", ""], "empty"),
        ("Date", [], "empty"),
    ],
)
def test_values_that_do_not_fit_make_a_match_doubtful(
    heading: str, values: list[str], because: str
) -> None:
    found = propose_matching(HEADER, samples=GOOD | {heading: values})
    (entry,) = (entry for entry in found.entries if entry.export_column == heading)
    assert entry.status == "doubtful"
    assert because in entry.why
    assert heading not in found.accepted.values()


def test_some_unreadable_values_do_not_make_a_match_doubtful() -> None:
    dates = ["31/12/2024"] * 9 + ["TOTAL"]
    assert propose_matching(HEADER, samples=GOOD | {"Date": dates}).open_columns == ()


@pytest.mark.parametrize(
    "date",
    [
        "2024-12-31",
        "2024-12-31 07:45:00",
        "2024-12-31T07:45:00Z",
        "31/12/2024",
        "12/31/24 5:04 PM",
        "31.12.2024",
        "20241231",
        "45657",
        "45657.5",
        "31 déc. 2024",
        "1er janvier 2025",
        "31-Dec-24",
        "Dec 31, 2024",
        "2024-12-31 07:45:00 +0100",
    ],
)
def test_dates_of_all_kinds_are_seen_as_dates(date: str) -> None:
    assert propose_matching(HEADER, samples=GOOD | {"Date": [date] * 3}).open_columns == ()


@pytest.mark.parametrize(
    "amount",
    [
        *("12", "-12.50", "1 234,50", "1\u202f234,50 €", "1\xa0234,50", "1'234.50", "1,234.50"),
        *("(12.00)", "45,00-", "45,00 CR", "1.234.567,89", "EUR 12", "- 12,00", ",50", "-£3.20"),
        "€12.00",
    ],
)
def test_amounts_of_all_kinds_are_seen_as_amounts(amount: str) -> None:
    assert propose_matching(HEADER, samples=GOOD | {"Montant HT": [amount] * 3}).open_columns == ()


def test_a_vague_heading_with_codes_is_a_customer_number_with_names_a_question() -> None:
    header = ["Client", "Date", "Montant HT"]
    rest = {name: GOOD[name] for name in header[1:]}
    codes = propose_matching(header, samples=rest | {"Client": ["C001", "C002", "C001"]})
    assert codes.accepted["customer_id"] == "Client"
    names = propose_matching(header, samples=rest | {"Client": ["Dupont SA", "Martin", "Durand"]})
    assert names.open_columns == ("customer_id",)
    assert "Dupont SA, Martin, Durand" in names.questions()[0]


def test_a_customer_number_that_never_repeats_is_suspicious() -> None:
    numbers = [str(1000 + row) for row in range(_claims.ENOUGH_ROWS_FOR_A_CLEAR_HEADING)]
    assert propose_matching(HEADER, samples=GOOD | {"Code client": numbers[:-1]}).questions() == []
    found = propose_matching(HEADER, samples=GOOD | {"Code client": numbers})
    assert found.open_columns == ("customer_id",)
    assert "different on every one of 500 rows" in found.questions()[0]
    # In a table of customers it is what it should be.
    customers = propose_matching(["Code client"], "customers", samples={"Code client": numbers})
    assert customers.open_columns == ()


def test_a_customer_number_that_is_always_the_same_is_suspicious() -> None:
    found = propose_matching(HEADER, samples=GOOD | {"Code client": ["DIVERS1"] * 500})
    assert found.open_columns == ("customer_id",)


def test_identifiers_that_pandas_made_decimal_are_still_identifiers() -> None:
    samples = GOOD | {"Code client": ["13085.0", "13078.0", "13085.0"]}
    assert propose_matching(HEADER, samples=samples).open_columns == ()


def test_columns_whose_values_would_do_are_candidates_for_a_missing_one() -> None:
    samples = {
        "Klant": ["K01", "K02", "K01"],
        "Datum": ["31-12-2024", "01-02-2025", "03-02-2025"],
        "Bedrag": ["12,50", "99,90", "7,25"],
    }
    found = propose_matching(list(samples), samples=samples)
    assert found.accepted == {}
    candidates = {entry.column: entry.candidates for entry in found.entries}
    assert candidates["customer_id"] == ("Klant",)
    assert candidates["date"] == ("Datum",)
    assert candidates["amount"] == ("Bedrag",)
    assert 'matching={"date": "Datum"}' in found.questions()[1]


# ------------------------------------------------------------------------- the answers


def test_an_answer_goes_before_what_was_sure() -> None:
    found = propose_matching(["Code client", "Code payeur", "Date", "Montant HT"])
    answered = found.resolve({"customer_id": "Code payeur"})
    assert answered.accepted["customer_id"] == "Code payeur"
    assert answered.unknown == ("Code client",)
    assert found.accepted["customer_id"] == "Code client"


def test_an_answer_takes_the_heading_from_the_column_that_had_it() -> None:
    found = propose_matching(["Code client", "Date", "Montant HT", "Quantité"])
    answered = found.resolve({"amount": "Quantité"})
    assert answered.accepted["amount"] == "Quantité"
    assert "quantity" not in answered.accepted


def test_none_leaves_a_column_out() -> None:
    found = propose_matching([*HEADER, "Canal"]).resolve({"channel": None})
    assert "channel" not in found.accepted
    assert found.unknown == ("Canal",)
    assert propose_matching(HEADER).resolve({"amount": None}).open_columns == ("amount",)


def test_a_wrong_heading_is_refused_with_the_list_of_headings() -> None:
    with pytest.raises(ChoiceError, match=r"'Code client', 'Date', 'Montant HT'.*Code Client"):
        propose_matching(HEADER).resolve({"customer_id": "Code Client "})


def test_a_wrong_column_is_refused_with_the_list_of_columns() -> None:
    with pytest.raises(ChoiceError, match=r"customer_id.*Did you mean 'customer_id'"):
        propose_matching(HEADER).resolve({"customer": "Code client"})


def test_a_wrong_table_is_refused() -> None:
    with pytest.raises(ChoiceError, match="transactions"):
        propose_matching(HEADER, "sales")


def test_one_heading_cannot_answer_for_two_columns() -> None:
    with pytest.raises(InputError, match="given to both customer_id and order_id"):
        propose_matching(HEADER).resolve({"customer_id": "Date", "order_id": "Date"})


def test_equal_headings_are_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="1 heading stands more than once \\('Date'\\)"):
        propose_matching(["Code client", "Date", "Date"])


def test_a_refusal_to_be_contacted_is_never_taken_as_consent() -> None:
    found = propose_matching(["Code client", "Email Opt Out"], "customers")
    assert found.open_columns == ("contactable",)
    with pytest.raises(InputError, match="says the opposite"):
        found.resolve({"contactable": "Email Opt Out"})
    assert found.resolve({"contactable": None}).questions() == []


# ------------------------------------------------------- nothing is dropped in silence


@pytest.mark.parametrize(
    ("table", "heading", "values", "column"),
    [
        ("customers", "Opt-in", ["1", "0", "2", "ja"], "contactable"),
        ("customers", "Consentement", ["Oui", "Non", "Refus", "Accepté", "OK"], "contactable"),
        ("customers", "Date de clôture", ["2024-01-05", "?", "actif", "2024-02-03"], "closed_on"),
        ("opportunities", "Date de clôture", ["2024-01-05", "?", "non"], "closed_on"),
    ],
)
def test_a_doubtful_consent_or_closing_date_is_always_asked_for(
    table: str, heading: str, values: list[str], column: str
) -> None:
    key = contract.TABLES[table].required_names[0]
    found = propose_matching([key, heading], table, samples={heading: values})
    assert found.open_columns == (column,)
    assert found.doubtful == ()
    (question,) = found.questions()
    assert f'matching={{"{column}": "{heading}"}}' in question
    assert f'matching={{"{column}": None}}' in question
    assert "nothing needs an answer" not in found.sentence()
    assert found.resolve({column: heading}).accepted[column] == heading
    left_out = found.resolve({column: None})
    assert left_out.questions() == []
    assert left_out.unknown == (heading,)
    assert "nothing needs an answer" in left_out.sentence()


def test_a_consent_left_out_by_answer_is_not_asked_for_again_next_month() -> None:
    samples = {"Opt-in": ["1", "0", "2", "ja"]}
    found = propose_matching(["Code client", "Opt-in"], "customers", samples=samples)
    saved = Matching.from_dict(found.resolve({"contactable": None}).to_dict())
    assert saved.applies_to(["Code client", "Opt-in"]).fits


def test_when_a_quote_is_expected_to_close_is_no_question() -> None:
    found = propose_matching(["Numéro devis", "Expected Closing"], "opportunities")
    assert found.questions() == []
    assert found.doubtful == ("closed_on",)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Doubtful and left out: margin ('Marge'). Take it with"),
        ("fr", "Douteuse et laissée de côté : margin ('Marge'). Pour la prendre :"),
    ],
)
def test_a_doubtful_column_one_can_do_without_is_named_with_the_call_that_takes_it(
    language: str, said: str
) -> None:
    samples = GOOD | {"Marge": ["a", "b", "c"]}
    words = Wording(language)  # type: ignore[arg-type]
    found = propose_matching([*HEADER, "Marge"], samples=samples, wording=words)
    assert found.questions() == []
    assert found.doubtful == ("margin",)
    assert f'{said} matching={{"margin": "Marge"}}.' in found.sentence()
    assert "nothing needs an answer" not in found.sentence()
    taken = found.resolve({"margin": "Marge"})
    assert taken.doubtful == ()
    assert "Marge" not in taken.sentence()


def test_two_equal_headings_with_different_values_are_a_question() -> None:
    for copy in ("Montant HT_2", "MONTANT HT_2", "montant ht", "Montant HT.1"):
        samples = GOOD | {copy: ["1 481,40 €", "(14,40)", "54,00-"]}
        for header in ([*HEADER, copy], [copy, *HEADER]):
            found = propose_matching(header, samples=samples)
            assert found.open_columns == ("amount",)
            (question,) = found.questions()
            assert "has the same heading and other values" in question
            assert repr(copy) in question
        assert found.resolve({"amount": copy}).accepted["amount"] == copy
    assert propose_matching([*HEADER, "Montant HT_2"]).open_columns == ("amount",)
    amounts = [entry for entry in found.entries if entry.column == "amount"]
    assert amounts[0].export_column == "Montant HT"


def test_of_two_equal_headings_with_equal_values_the_first_is_taken() -> None:
    for copy in ("Montant HT_2", "MONTANT HT_2", "Montant HT_3"):
        samples = GOOD | {copy: GOOD["Montant HT"]}
        for header in ([*HEADER, copy], [copy, *HEADER]):
            found = propose_matching(header, samples=samples)
            assert found.open_columns == ()
            assert found.accepted["amount"] == "Montant HT"
            assert found.unknown == (copy,)


def test_an_equal_heading_whose_values_do_not_fit_is_passed_over() -> None:
    samples = GOOD | {"Montant HT_2": ["", "", ""]}
    assert propose_matching([*HEADER, "Montant HT_2"], samples=samples).open_columns == ()


def test_two_equal_unit_prices_are_not_multiplied_unasked() -> None:
    header = ["Code client", "Date", "Qté", "PU HT", "PU HT_2"]
    samples = {
        "Code client": ["C1", "C2", "C1"],
        "Date": GOOD["Date"],
        "Qté": ["1", "2", "3"],
        "PU HT": ["10", "20", "30"],
        "PU HT_2": ["12", "24", "36"],
    }
    found = propose_matching(header, samples=samples)
    assert found.open_columns == ("amount",)
    amount = next(entry for entry in found.entries if entry.column == "amount")
    assert amount.candidates == ()
    assert "'PU HT_2' has the same heading" in found.questions()[0]


def test_a_second_telephone_number_is_no_question() -> None:
    header = ["Code client", "Téléphone", "Téléphone_2"]
    found = propose_matching(header, "customers")
    assert found.accepted["phone"] == "Téléphone"
    assert found.questions() == []


@pytest.mark.parametrize(
    "heading",
    [
        *("Type pièce", "Type de document", "Statut", "Nature", "Etat", "Status", "Document type"),
        *("Order status", "Financial Status", "TypePiece", "Statut de la commande", "DO_Type"),
    ],
)
def test_a_column_that_says_the_kind_of_document_is_offered(heading: str) -> None:
    found = propose_matching([*HEADER, "Pays", heading])
    assert found.document_columns == (heading,)
    assert found.accepted == propose_matching(HEADER).accepted
    assert found.open_columns == ()


@pytest.mark.parametrize(
    "heading", ["Type client", "Mode de règlement", "Payment type", "State", "Statut juridique"]
)
def test_a_column_that_says_another_kind_is_no_kind_of_document(heading: str) -> None:
    assert propose_matching([*HEADER, heading]).document_columns == ()


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("data/sample/b2b/raw/export_clients.csv", "customers"),
        ("data/sample/b2b/raw/export_ventes_2025.csv", "transactions"),
        ("data/sample/cdnow/raw/cdnow_sample.csv", "transactions"),
    ],
)
def test_the_raw_samples_are_matched_without_a_question(path: str, table: str) -> None:
    found = importing.propose_matching(Path(__file__).parents[2] / path, table)
    assert found.questions() == []
    assert found.doubtful == ()


# -------------------------------------------------------------------------- next month


def test_next_months_headings_may_move_and_change_case() -> None:
    saved = Matching.from_dict(propose_matching([*HEADER, "Canal"]).to_dict())
    fit = saved.applies_to(["MONTANT_HT", "Code Client", "Date", "Canal"])
    assert fit.fits
    assert fit.matching.accepted == {
        "customer_id": "Code Client",
        "date": "Date",
        "amount": "MONTANT_HT",
        "channel": "Canal",
    }
    assert "'Montant HT' → 'MONTANT_HT'" in fit.sentence()


def test_a_missing_optional_column_is_said_a_missing_required_one_is_a_question() -> None:
    saved = Matching.from_dict(propose_matching([*HEADER, "Canal"]).to_dict())
    fit = saved.applies_to([*HEADER, "Vendeur"])
    assert fit.fits
    assert fit.sentence() == "Missing: 'Canal'. New, kept as it is: 'Vendeur'."
    broken = saved.applies_to(["Code client", "Date", "Total HT", "Canal"])
    assert not broken.fits
    assert broken.missing == ("Montant HT",)
    assert "Missing: 'Montant HT'" in broken.matching.questions()[0]


def test_a_missing_unit_price_is_a_question_next_month() -> None:
    saved = Matching.from_dict(propose_matching(["Code client", "Date", "Qté", "PU HT"]).to_dict())
    assert saved.amount_rule == "quantity × unit price"
    assert not saved.applies_to(["Code client", "Date", "Qté"]).fits


def test_a_saved_matching_survives_toml() -> None:
    import tomllib

    import tomlkit

    found = propose_matching(["N° client", 'Date "facture"', "Montant H.T. (€)"])
    text = tomlkit.dumps({"matching": found.to_dict()})
    assert Matching.from_dict(tomllib.loads(text)["matching"]).accepted == found.accepted


# -------------------------------------------------------------------------- how it looks


def test_the_frame_has_one_row_a_column_and_no_lists() -> None:
    frame = propose_matching(HEADER, samples=GOOD).to_frame()
    names = ["column", "export_column", "confidence", "status", "samples", "why"]
    assert list(frame.columns) == names
    assert list(frame["column"]) == list(contract.TABLES["transactions"].column_names)
    assert frame["samples"][0] == "C001, C002"


def test_html_is_escaped() -> None:
    header = ["Code client", "<script>alert(1)</script>", "Date"]
    shown = propose_matching(header, samples={"Date": ["<b>x</b>"]})._repr_html_()
    assert "<script>" not in shown
    assert "<b>" not in shown


def test_a_french_matching_is_shown_in_french_and_its_frame_keeps_the_codes() -> None:
    samples = GOOD | {"Marge": ["a", "b", "c"]}
    found = propose_matching([*HEADER, "Marge"], samples=samples, wording=Wording("fr"))
    assert set(found.to_frame()["status"]) == {"sure", "doubtful", "missing"}
    shown = found._repr_html_()
    assert all(f">{word}<" in shown for word in ("sûre", "douteuse", "absente", "1,00"))
    assert not any(word in shown for word in (">sure<", "doubtful", "missing", "1.00"))
    english = propose_matching([*HEADER, "Marge"], samples=samples)._repr_html_()
    assert all(f">{word}<" in english for word in ("sure", "doubtful", "missing", "1.00"))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_questions_are_asked_in_the_language_of_the_base(language: str) -> None:
    found = propose_matching(["Client", "Date"], wording=Wording(language))  # type: ignore[arg-type]
    start = "Which column holds" if language == "en" else "Quelle colonne contient"
    assert all(question.startswith(start) for question in found.questions())
    assert repr(found).startswith("<Matching of transactions:")


# ------------------------------------------------------------------------ the synonyms


def test_a_heading_stands_in_one_column_of_a_table_only() -> None:
    for table in contract.TABLES:
        columns: dict[tuple[str, ...], set[str]] = {}
        for synonym in _headings.tiered_synonyms(table):
            if synonym.tier != "maybe":
                columns.setdefault(_headings.heading_words(synonym.text), set()).add(synonym.column)
        shared = {words: found for words, found in columns.items() if len(found) > 1}
        # 'Nom du commercial' and 'Nom commercial' differ by an article only: a question.
        shared.pop(("nom", "commercial"), None)
        assert shared == {}


def test_synonyms_are_for_tables_and_columns_that_exist() -> None:
    tables = _headings.synonym_tables()
    assert set(tables) == set(contract.TABLES)
    pseudo = {
        "unit_price",
        "tax_included_unit_price",
        "tax_included_amount",
        "vat_rate",
        "discount",
        "elsewhere",
    }
    for name, columns in tables.items():
        known = set(contract.TABLES[name].column_names)
        assert known <= set(columns)
        assert set(columns) - known <= pseudo


def test_the_name_of_a_column_always_means_that_column() -> None:
    for table in contract.TABLES.values():
        found = propose_matching(table.column_names, table.name)
        assert found.accepted == {name: name for name in table.column_names}


# ------------------------------------------------------------------------ the properties


ALL_HEADINGS = sorted({heading for export in EXPORTS for heading in export.headings})
VALUES = ["", "C001", "12,50", "31/12/2024", "oui", "a@b.fr", "12345678901234", "Dupont SA"]
A_HEADER = st.lists(
    st.one_of(st.sampled_from(ALL_HEADINGS), st.text(max_size=20)), unique=True, max_size=25
)


@settings(max_examples=150, deadline=None)
@given(
    header=A_HEADER,
    table=st.sampled_from(sorted(contract.TABLES)),
    seed=st.integers(0, 99),
    values=st.none() | st.lists(st.sampled_from(VALUES), max_size=6),
)
def test_any_header_maps_one_to_one_whatever_its_order(
    header: list[str], table: str, seed: int, values: list[str] | None
) -> None:
    header = [heading for heading in header if heading.strip()]
    samples = None if values is None else dict.fromkeys(header, values)
    found = propose_matching(header, table, samples=samples)
    assert len(set(found.accepted.values())) == len(found.accepted)
    assert sorted([*found.accepted.values(), *found.unknown]) == sorted(header)
    proposed = [entry.export_column for entry in found.proposed if entry.export_column]
    assert len(set(proposed)) == len(proposed)
    shuffled = random.Random(seed).sample(header, len(header))
    assert propose_matching(shuffled, table, samples=samples).entries == found.entries
    assert len(found.questions()) == len(found.open_columns)
    assert found._repr_html_()
    assert Matching.from_dict(found.to_dict()).accepted == found.accepted


# ------------------------------------------------------------------------------ the bench

# table | column it holds, or - for none of the contract (or for none without a question, as an
# amount that includes tax) | heading
BENCH = """
transactions | customer_id | Code client
transactions | customer_id | N° client
transactions | customer_id | Customer ID
transactions | customer_id | CustomerID
transactions | customer_id | customer_no
transactions | customer_id | cust_id
transactions | customer_id | CustNum
transactions | customer_id | CODE_CLT
transactions | customer_id | Num. client
transactions | customer_id | NUMCLI
transactions | customer_id | codeclient
transactions | customer_id | Id. Client
transactions | customer_id | ID du client
transactions | customer_id | Identifiant du client
transactions | customer_id | Customer Nr.
transactions | customer_id | Client Number
transactions | customer_id | client_code
transactions | customer_id | Sold-to party
transactions | customer_id | Sell-to Customer No.
transactions | customer_id | Code Tiers
transactions | customer_id | Numero de tiers
transactions | customer_id | Account Number
transactions | customer_id | N° Adhérent
transactions | customer_id | Membership ID
transactions | customer_id | Loyalty Card No
transactions | customer_id | N° de carte de fidélité
transactions | customer_id | customer reference number
transactions | customer_id | Custmer ID
transactions | customer_id | id_client
transactions | customer_id | CLIENT_ID
transactions | customer_id | Shopper Id
transactions | customer_id | customer_unique_id
transactions | customer_id | Code du client (ERP)
transactions | date | Date
transactions | date | DATE
transactions | date | InvoiceDate
transactions | date | Invoice Date
transactions | date | invoice_dt
transactions | date | Date de facture
transactions | date | Date facture
transactions | date | DATE_FACT
transactions | date | Dt facture
transactions | date | Date Cde
transactions | date | date_commande
transactions | date | Date de la commande
transactions | date | OrderDate
transactions | date | Order date (UTC)
transactions | date | Purchase Date
transactions | date | Date d'achat
transactions | date | date achat
transactions | date | Date de la vente
transactions | date | Sale_Date
transactions | date | Transaction Date
transactions | date | trans_date
transactions | date | Posting Date
transactions | date | Date comptable
transactions | date | Date de pièce
transactions | date | Date pce
transactions | date | Document Date
transactions | date | Date du doc.
transactions | date | order_purchase_timestamp
transactions | date | Date ticket de caisse
transactions | date | Date de facturation
transactions | amount | Montant HT
transactions | amount | MONTANT_HT
transactions | amount | Mt HT
transactions | amount | Mnt H.T.
transactions | amount | MontantHT
transactions | amount | montant ht (€)
transactions | amount | Montant net H.T.
transactions | amount | Montant hors taxe
transactions | amount | Total H.T.
transactions | amount | Total HT (EUR)
transactions | amount | Total hors taxes
transactions | amount | CA HT
transactions | amount | CA net HT
transactions | amount | Chiffre d'affaires HT
transactions | amount | Chiffre d’affaires
transactions | amount | C.A. H.T.
transactions | amount | Amount
transactions | amount | amount_eur
transactions | amount | Net amount
transactions | amount | Net Amt
transactions | amount | Line Total
transactions | amount | LineAmount
transactions | amount | Line amount (excl. VAT)
transactions | amount | Amount ex VAT
transactions | amount | Amount (ex. tax)
transactions | amount | Sales
transactions | amount | Net sales value
transactions | amount | Revenue
transactions | amount | Net Revenue (EUR)
transactions | amount | Extended Price
transactions | amount | Total ligne H.T.
transactions | amount | Mt ligne HT
transactions | amount | Prix total HT
transactions | amount | Untaxed Amount
transactions | amount | total_price_tax_excl
transactions | amount | Montant de la ligne
transactions | amount | Valeur nette
transactions | amount | Sous-total H.T.
transactions | amount | Ventes nettes
transactions | amount | Monttant HT
transactions | order_id | N° facture
transactions | order_id | No. facture
transactions | order_id | Numéro de la facture
transactions | order_id | num_fact
transactions | order_id | Invoice
transactions | order_id | InvoiceNo
transactions | order_id | Invoice Nr
transactions | order_id | Inv. No.
transactions | order_id | Order ID
transactions | order_id | order_number
transactions | order_id | Order #
transactions | order_id | Order No.
transactions | order_id | N° commande
transactions | order_id | Num cde
transactions | order_id | Réf. commande
transactions | order_id | Ref. facture
transactions | order_id | N° de pièce
transactions | order_id | Numéro du document
transactions | order_id | Document No.
transactions | order_id | Doc. Number
transactions | order_id | N° ticket
transactions | order_id | Receipt No
transactions | order_id | transaction_id
transactions | order_id | Sales Order No.
transactions | product | Code article
transactions | product | CODE_ART
transactions | product | Réf. article
transactions | product | Ref produit
transactions | product | SKU
transactions | product | StockCode
transactions | product | Item No.
transactions | product | Item Code
transactions | product | Product
transactions | product | Product Code
transactions | product | prod_id
transactions | product | Désignation
transactions | product | Désignation de l'article
transactions | product | Libellé de l'article
transactions | product | lib_article
transactions | product | Nom produit
transactions | product | Product Name
transactions | product | Description
transactions | product | Item Desc.
transactions | product | Code-barres
transactions | product | EAN 13
transactions | product_range | Famille
transactions | product_range | Famille d'articles
transactions | product_range | Code famille
transactions | product_range | FAM_ART
transactions | product_range | Category
transactions | product_range | Product Category
transactions | product_range | prod_cat
transactions | product_range | Catégorie de produits
transactions | product_range | Rayon
transactions | product_range | Gamme produit
transactions | product_range | Item Group
transactions | product_range | Libellé de la famille
transactions | product_range | ProductLine
transactions | quantity | Quantité
transactions | quantity | Qté
transactions | quantity | QTE
transactions | quantity | Qty
transactions | quantity | Quantity
transactions | quantity | Qty.
transactions | quantity | qte_vendue
transactions | quantity | Quantité facturée
transactions | quantity | Qty sold
transactions | quantity | Quantity Ordered
transactions | quantity | Nbre d'articles
transactions | quantity | No. of units
transactions | quantity | Quantitée
transactions | unit_price | Prix unitaire HT
transactions | unit_price | P.U. HT
transactions | unit_price | PU_HT
transactions | unit_price | Prix unit.
transactions | unit_price | UnitPrice
transactions | unit_price | Unit price (excl. VAT)
transactions | unit_price | Price
transactions | margin | Marge
transactions | margin | Marge brute HT
transactions | margin | Gross Margin
transactions | margin | margin_eur
transactions | margin | Profit
transactions | margin | Marge (€)
transactions | channel | Canal
transactions | channel | Canal de vente
transactions | channel | Sales channel
transactions | channel | Magasin
transactions | channel | Store ID
transactions | channel | Code du magasin
transactions | channel | Point de vente
transactions | - | Montant TTC
transactions | - | Total T.T.C.
transactions | - | Mt TTC
transactions | - | Amount incl. VAT
transactions | - | Line Total (inc. tax)
transactions | - | PU TTC
transactions | - | Montant TVA
transactions | - | Mt TVA
transactions | - | VAT Amount
transactions | - | Taux TVA
transactions | - | Remise %
transactions | - | Discount amt
transactions | - | Date de livraison
transactions | - | Delivery Date
transactions | - | Dt livraison
transactions | - | Date d'échéance
transactions | - | Due Date
transactions | - | Ship Date
transactions | - | Frais de port HT
transactions | - | Prix d'achat HT
transactions | - | Unit Cost
transactions | - | Devise
transactions | - | Statut de la commande
transactions | - | Mode de règlement
transactions | - | Code postal client
transactions | - | Pays
transactions | - | Nom du commercial
transactions | - | N° de TVA
transactions | - | Date de naissance client
transactions | - | Taux de marge
transactions | - | Code fournisseur
transactions | - | Numéro de ligne
transactions | - | Quantité en stock
transactions | - | Adresse client
transactions | - | N° commande client
transactions | - | Poids total
transactions | - | Supplier Item No.
transactions | - | Date dernière modification
transactions | - | Solde client
customers | customer_id | Code client
customers | customer_id | N° Client
customers | customer_id | CUSTOMER_NO
customers | customer_id | Record ID
customers | customer_id | Code du tiers
customers | name | Raison sociale
customers | name | RAISON_SOCIALE
customers | name | Nom du client
customers | name | Company Name
customers | name | Nom société
customers | name | Account Name
customers | name | Nom de l'entreprise
customers | email | E-mail
customers | email | Adresse mail
customers | email | EMAIL_ADDRESS
customers | email | Mail client
customers | email | e_mail
customers | phone | Téléphone
customers | phone | Tel
customers | phone | Tél. fixe
customers | phone | Phone No.
customers | phone | TELEPHONE1
customers | siret | SIRET
customers | siret | N° Siret
customers | siret | num_siret
customers | siret | Code SIRET
customers | vat | N° TVA intracommunautaire
customers | vat | VAT No.
customers | vat | TVA Intra
customers | sector | Secteur d'activité
customers | sector | Industry
customers | sector | Code NAF
customers | sector | Code APE (NAF)
customers | sector | secteur_activite
customers | size | Effectif
customers | size | Number of employees
customers | size | Nb de salariés
customers | size | Taille entreprise
customers | region | Région
customers | region | Country
customers | region | Code région
customers | region | Sales Territory
customers | account_manager | Commercial
customers | account_manager | Account Owner
customers | account_manager | Responsable du compte
customers | account_manager | Représentant
customers | contactable | Opt-in
customers | contactable | OPTIN_EMAIL
customers | contactable | Consentement RGPD
customers | contactable | Marketing consent (email)
customers | acquired_on | Client depuis
customers | acquired_on | Date de création
customers | acquired_on | Customer Since
customers | acquired_on | Date d'inscription
customers | acquired_on | date_premiere_commande
customers | closed_on | Date de résiliation
customers | closed_on | Contract End Date
customers | closed_on | Date clôture
customers | closure_reason | Motif de résiliation
customers | closure_reason | Churn Reason
customers | acquisition_cost | Coût d'acquisition
customers | - | Code postal
customers | - | Adresse de facturation
customers | - | Dernière commande
customers | - | Last Order Date
customers | - | Encours autorisé
customers | - | Date de naissance
customers | - | CA total
customers | - | Nombre de commandes
customers | - | Email du commercial
customers | - | Fax
people | person_id | Contact ID
people | name | Nom et prénom
people | role | Fonction
people | role | Job Title
people | role | Intitulé de poste
people | is_decision_maker | Décideur (O/N)
people | email | Email pro
interactions | date | Date du RDV
interactions | date | Activity Date
interactions | date | Date de l'appel
interactions | channel | Canal
interactions | direction | Sens (entrant/sortant)
interactions | campaign_id | Code de la campagne
feedback | score | NPS Score
feedback | score | Note satisfaction
feedback | topic | Motif de la réclamation
feedback | resolved_on | Date de résolution
feedback | resolved_on | Resolution Date
campaigns | group | Groupe (test/témoin)
campaigns | group | Treatment group
campaigns | cost | Coût de contact
campaigns | offer | Code de l'offre
opportunities | opportunity_id | N° devis
opportunities | opportunity_id | Num devis
opportunities | stage | Étape
opportunities | stage | Deal Stage
opportunities | last_follow_up_on | Date dernière relance
opportunities | won | Gagné (O/N)
opportunities | amount | Montant du devis HT
opportunities | opened_on | Date de création du devis
"""
LABELLED = [tuple(map(str.strip, line.split("|"))) for line in BENCH.strip().splitlines()]


def test_sure_matches_of_the_bench_are_right_and_most_are_sure() -> None:
    verbatim = {
        table: {
            t.casefold() for tiers in columns.values() for texts in tiers.values() for t in texts
        }
        for table, columns in _headings.synonym_tables().items()
    }
    new = [row for row in LABELLED if row[2].casefold() not in verbatim[row[0]]]
    assert len(LABELLED) >= 200
    assert len(new) >= len(LABELLED) / 2
    for rows in (LABELLED, new):
        taken = [(column, _sure_column(table, heading)) for table, column, heading in rows]
        sure = [(expected, got) for expected, got in taken if got != "-"]
        right = sum(expected == got for expected, got in sure)
        assert right >= 0.98 * len(sure), [pair for pair in sure if pair[0] != pair[1]]
        assert right >= 0.70 * sum(expected != "-" for expected, _ in taken)


def _sure_column(table: str, heading: str) -> str:
    found = propose_matching([heading], table)
    return next((match.column for match in found.proposed if match.status == "sure"), "-")
