"""Word lists of the simulated bases: places, trades, names, products, reasons.

Written for this project; a company name put together from them means nobody in particular.
Pairs are (French, English). Codes that the workbook itself reads (``complaint``, ``out``,
``treated``) are the same in both languages and stand where they are used.
"""

from __future__ import annotations

Pair = tuple[str, str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


REGIONS: tuple[tuple[str, float, str, tuple[str, ...]], ...] = (
    # name, share of customers, start of the telephone numbers kept for fiction, cities
    ("Île-de-France", 0.24, "01 99 00", ("Paris", "Créteil", "Versailles", "Évry", "Meaux")),
    ("Auvergne-Rhône-Alpes", 0.13, "04 65 71", ("Lyon", "Grenoble", "Annecy", "Saint-Étienne")),
    ("Hauts-de-France", 0.09, "03 53 01", ("Lille", "Amiens", "Arras", "Valenciennes")),
    ("Nouvelle-Aquitaine", 0.09, "05 36 49", ("Bordeaux", "Limoges", "Pau", "Angoulême")),
    ("Occitanie", 0.09, "05 36 49", ("Toulouse", "Albi", "Tarbes", "Montauban")),
    ("Grand Est", 0.08, "03 53 01", ("Strasbourg", "Reims", "Metz", "Épinal")),
    ("Provence-Alpes-Côte d'Azur", 0.08, "04 65 71", ("Marseille", "Nice", "Fréjus", "Gap")),
    ("Pays de la Loire", 0.06, "02 61 91", ("Nantes", "Angers", "Le Mans", "Cholet")),
    ("Bretagne", 0.05, "02 61 91", ("Rennes", "Brest", "Fougères", "Quimper")),
    ("Normandie", 0.04, "02 61 91", ("Rouen", "Caen", "Évreux", "Saint-Lô")),
    ("Centre-Val de Loire", 0.02, "02 61 91", ("Orléans", "Tours", "Châteauroux")),
    ("Bourgogne-Franche-Comté", 0.02, "03 53 01", ("Dijon", "Besançon", "Mâcon")),
    ("Corse", 0.01, "04 65 71", ("Ajaccio", "Bastia")),
)
MOBILE = "06 39 98"

SIZES: tuple[Pair, ...] = (
    ("TPE", "Micro"),
    ("PME", "Small"),
    ("ETI", "Mid-size"),
    ("GE", "Large"),
)
HOUSEHOLDS: tuple[Pair, ...] = (
    ("Étudiant", "Student"),
    ("Foyer", "Household"),
    ("Indépendant", "Freelance"),
    ("Senior", "Retired"),
)

SECTORS: tuple[tuple[Pair, float, tuple[str, ...]], ...] = (
    # name, share of customers, trades that begin a company's name
    (
        ("Services aux entreprises", "Business services"),
        0.24,
        ("Cabinet", "Conseil", "Études", "Agence", "Expertise", "Ingénierie", "Assurances"),
    ),
    (
        ("Commerce", "Retail"),
        0.19,
        ("Librairie", "Boulangerie", "Quincaillerie", "Optique", "Pharmacie", "Épicerie"),
    ),
    (
        ("Industrie", "Manufacturing"),
        0.15,
        ("Ateliers", "Mécanique", "Tôlerie", "Plasturgie", "Imprimerie", "Fonderie"),
    ),
    (
        ("BTP", "Construction"),
        0.14,
        ("Menuiserie", "Maçonnerie", "Électricité", "Plomberie", "Charpente", "Peinture"),
    ),
    (
        ("Santé", "Health"),
        0.10,
        ("Clinique", "Laboratoire", "Ambulances", "Résidence", "Centre médical"),
    ),
    (
        ("Enseignement", "Education"),
        0.07,
        ("École", "Institut", "Collège", "Formation", "Lycée"),
    ),
    (
        ("Hôtellerie-restauration", "Hospitality"),
        0.07,
        ("Hôtel", "Brasserie", "Auberge", "Traiteur", "Relais"),
    ),
    (
        ("Associations", "Non-profit"),
        0.04,
        ("Association", "Fédération", "Union", "Foyer"),
    ),
)

LEGAL_FORMS: tuple[tuple[str, float], ...] = (
    ("SARL", 0.38),
    ("SAS", 0.32),
    ("EURL", 0.10),
    ("SASU", 0.10),
    ("SA", 0.07),
    ("SCOP", 0.03),
)

SURNAMES: tuple[str, ...] = _words(
    """
    Aubry Barbier Baudry Bélanger Benoît Bertin Besnard Blanchard Boisseau Bonnet Bouchet
    Boulanger Bourdin Brénot Brunel Buisson Cadiou Carlier Castéran Chabrol Chapelle Charrier
    Chauvin Chevallier Clément Collet Cordier Coulomb Courtois Crépin Cuvelier Dalmas Daniélou
    Daubigny Delacroix Delahaye Delaunay Delmas Desbois Descamps Desnoyers Dubreuil Duchêne Dufour
    Dumoulin Durieux Duvivier Estève Évrard Fabre Faucher Féraud Ferrand Fleury Fontenay Fournel
    Gaillard Garnier Gauthier Gérard Gilbert Girardin Godefroy Gosselin Gouraud Grandin Grégoire
    Grosjean Guérin Guichard Guillou Hamelin Hébert Héraud Hervé Hubert Huguenin Imbert Jacquemin
    Jégou Joly Josselin Jourdain Kérouédan Labbé Lacaze Lacombe Lagrange Lambertin Landreau
    Langlois Laporte Larrieu Lassalle Laurens Lavigne Lebrun Lecomte Lefèvre Legrand Lemaître
    Lenoir Léonard Lepage Leroux Lescure Letellier Levasseur Loiseau Lorrain Mallet Marchand
    Maréchal Marsaud Martel Massé Mathieu Maurel Ménard Mercadal Métayer Millet Monnier Montagné
    Morin Moulin Navarre Nicolas Noël Normand Ollivier Paillard Parmentier Pasquier Pélissier
    Perrault Petitjean Picard Pineau Poirier Ponthieu Prévost Prunier Quéré Raynaud Régnier
    Renault Ribeyre Rigaud Rivière Robin Rochefort Rolland Roussel Sabatier Salomon Saunier Savary
    Séguin Serrano Simonin Soulier Tanguy Tessier Thévenet Tisserand Toussaint Tréguier Vaillant
    Valentin Vasseur Verdier Vidal Viguié Villeneuve Voisin Yvon
    """
)
FIRST_NAMES: tuple[str, ...] = _words(
    """
    Adèle Agnès Alain Alice Amélie André Anaïs Anne Antoine Arnaud Aurélie Baptiste Béatrice
    Bernard Brigitte Bruno Camille Cécile Céline Chloé Christophe Claire Clémence Cyril Damien
    Denis Didier Élise Élodie Émile Emma Éric Étienne Fabien Fanny François Françoise Frédéric
    Gaëlle Gérald Gilles Guillaume Hélène Henri Hugo Inès Isabelle Jacques Jeanne Jérôme Joël
    Julie Julien Karim Laëtitia Léa Léo Loïc Louis Lucie Maël Malika Manon Marc Marion Mathilde
    Maxime Mehdi Mélanie Michel Nadia Nathalie Nicolas Noémie Océane Olivier Pascal Patrick Paul
    Pauline Philippe Pierre Quentin Raphaël Rémi Renée Romain Sabrina Samir Sandrine Sébastien
    Séverine Simon Sofia Solène Sophie Stéphane Sylvie Théo Thérèse Thomas Valérie Véronique
    Victor Vincent Xavier Yann Yasmine Yvette Zoé
    """
)
INVENTED_STARTS: tuple[str, ...] = _words(
    """
    Alv Arc Axel Bor Bré Cal Cév Clar Cor Dor Él Équi Fal Gal Hér Isa Jov Kél Lum Mér Mir Nov Obr
    Opal Orv Pél Qual Riv Sol Syl Tér Trév Val Vél Ver Viv Zél
    """
)
INVENTED_ENDS: tuple[str, ...] = _words(
    """
    adis ance anthe aria édia élio émis énia éo éra ianne idora iel imène ivia olis onia oria
    osphère ovia ubia umeo urel yane
    """
)
INVENTED_NOUNS: tuple[str, ...] = (
    "Conseil",
    "Services",
    "Solutions",
    "Développement",
    "Distribution",
    "Énergies",
    "Équipements",
    "Logistique",
    "Santé",
    "Formation",
)

# name, share of the margin, how many of it at a time beyond the first, products with list price
RANGES: tuple[tuple[Pair, float, float, tuple[tuple[Pair, float], ...]], ...] = (
    (
        ("Papier", "Paper"),
        0.21,
        7.0,
        (
            (("Ramette A4 80 g", "A4 paper 80 g, ream"), 4.95),
            (("Carton 5 ramettes A4 recyclé", "A4 recycled, box of 5"), 26.90),
            (("Ramette A3 80 g", "A3 paper 80 g, ream"), 10.40),
            (("Papier couleur A4 160 g", "Coloured paper A4 160 g"), 9.80),
            (("Enveloppes C5, boîte de 500", "Envelopes C5, box of 500"), 22.50),
            (("Étiquettes adresse, 100 feuilles", "Address labels, 100 sheets"), 17.30),
            (("Bobines caisse, lot de 20", "Till rolls, 20"), 19.90),
        ),
    ),
    (
        ("Écriture", "Writing"),
        0.44,
        5.0,
        (
            (("Stylo bille bleu, boîte de 50", "Blue ball pens, box of 50"), 12.90),
            (("Surligneurs, pochette de 4", "Highlighters, set of 4"), 4.60),
            (("Marqueurs tableau blanc, lot de 8", "Whiteboard markers, 8"), 11.20),
            (("Crayons à papier HB, boîte de 72", "Pencils HB, box of 72"), 15.80),
            (("Roller encre gel noir", "Gel roller, black"), 2.35),
            (("Correcteur à sec, lot de 10", "Correction tape, 10"), 18.40),
        ),
    ),
    (
        ("Classement", "Filing"),
        0.38,
        4.0,
        (
            (("Classeur à levier dos 8 cm", "Lever arch file 8 cm"), 3.10),
            (("Chemises cartonnées, paquet de 100", "Card folders, 100"), 13.60),
            (("Pochettes perforées, sachet de 100", "Punched pockets, 100"), 6.20),
            (("Boîtes d'archives, lot de 10", "Archive boxes, 10"), 21.70),
            (("Intercalaires 12 positions", "Dividers, 12 parts"), 2.90),
            (("Dossiers suspendus, boîte de 25", "Hanging files, box of 25"), 24.80),
        ),
    ),
    (
        ("Impression", "Printing supplies"),
        0.18,
        1.2,
        (
            (("Toner noir compatible", "Black toner, compatible"), 58.00),
            (("Toner noir grande capacité", "Black toner, high yield"), 96.50),
            (("Cartouche jet d'encre couleur", "Colour ink cartridge"), 31.90),
            (("Toner cyan", "Cyan toner"), 84.00),
            (("Tambour d'imprimante", "Printer drum"), 119.00),
            (("Ruban de titreuse 12 mm", "Label maker tape 12 mm"), 14.20),
        ),
    ),
    (
        ("Mobilier", "Furniture"),
        0.31,
        0.5,
        (
            (("Siège opérateur synchrone", "Task chair"), 169.00),
            (("Bureau droit 140 cm", "Desk 140 cm"), 239.00),
            (("Caisson mobile 3 tiroirs", "Drawer unit, 3 drawers"), 149.00),
            (("Armoire à rideaux", "Tambour cupboard"), 329.00),
            (("Lampe de bureau DEL", "LED desk lamp"), 44.90),
            (("Repose-pieds réglable", "Footrest"), 36.50),
        ),
    ),
    (
        ("Informatique", "Computing"),
        0.13,
        0.8,
        (
            (("Souris sans fil", "Wireless mouse"), 21.90),
            (("Clavier AZERTY", "Keyboard"), 27.50),
            (("Clé USB 64 Go", "USB stick 64 GB"), 9.90),
            (("Écran 24 pouces", "24-inch screen"), 139.00),
            (("Casque téléphonique", "Headset"), 64.00),
            (("Destructeur de documents", "Shredder"), 112.00),
        ),
    ),
    (
        ("Hygiène et entretien", "Cleaning"),
        0.37,
        4.0,
        (
            (("Essuie-mains, colis de 6 bobines", "Hand towels, 6 rolls"), 23.40),
            (("Papier toilette, colis de 96", "Toilet paper, 96 rolls"), 34.90),
            (("Savon mains, bidon de 5 l", "Hand soap 5 l"), 16.80),
            (("Sacs poubelle 50 l, carton de 500", "Bin bags 50 l, box of 500"), 38.60),
            (("Nettoyant multi-usage 5 l", "All-purpose cleaner 5 l"), 14.70),
        ),
    ),
    (
        ("Pause café", "Coffee break"),
        0.33,
        3.0,
        (
            (("Café moulu 1 kg", "Ground coffee 1 kg"), 13.90),
            (("Dosettes de café, boîte de 100", "Coffee pods, 100"), 29.50),
            (("Thé assorti, coffret de 60", "Assorted teas, 60"), 11.40),
            (("Sucre bûchettes, 1 000", "Sugar sticks, 1,000"), 9.60),
            (("Gobelets carton, lot de 1 000", "Paper cups, 1,000"), 42.00),
            (("Bonbonne d'eau 18,9 l", "Water bottle 18.9 l"), 8.90),
        ),
    ),
)
CONTRACT_RANGE: Pair = ("Contrats d'entretien", "Maintenance contracts")
CONTRACT_PRODUCT: Pair = ("Entretien copieurs, mensualité", "Copier maintenance, monthly")
CONTRACT_MARGIN_RATE = 0.46

CHANNELS: tuple[Pair, ...] = (
    ("Site", "web"),
    ("Téléphone", "phone"),
    ("Commercial", "sales visit"),
    ("Magasin", "shop"),
)

ROLES: tuple[tuple[Pair, bool, bool], ...] = (
    # function, decides, prescribes
    (("Gérant", "Managing director"), True, False),
    (("Responsable achats", "Head of purchasing"), True, False),
    (("Office manager", "Office manager"), True, True),
    (("Assistante de direction", "Executive assistant"), False, True),
    (("Acheteur", "Buyer"), False, True),
    (("Comptable", "Accountant"), False, False),
    (("Responsable informatique", "Head of IT"), False, True),
    (("Magasinier", "Storekeeper"), False, False),
)

TOPICS: tuple[Pair, ...] = (
    ("Livraison en retard", "Late delivery"),
    ("Article manquant", "Missing item"),
    ("Erreur de facturation", "Billing error"),
    ("Produit défectueux", "Faulty product"),
    ("Accueil téléphonique", "Telephone service"),
    ("Commercial injoignable", "Account manager out of reach"),
)
SURVEY_TOPIC: Pair = ("Recommandation", "Recommendation")

# What may be recorded when an account is closed, by what was really behind it.
REASONS: dict[str, Pair] = {
    "price": ("Prix", "Price"),
    "competitor": ("Concurrent", "Competitor"),
    "business_closed": ("Cessation d'activité", "Business closed"),
    "moved": ("Déménagement", "Moved away"),
    "complaint": ("Réclamation mal traitée", "Complaint badly handled"),
    "neglect": ("Manque de suivi", "Nobody looked after us"),
    "dissatisfaction": ("Qualité du service", "Quality of service"),
    "fatigue": ("Trop de sollicitations", "Contacted too often"),
    "single_contact": ("Changement d'interlocuteur", "Contact person left"),
    "one_time": ("Besoin ponctuel", "One-off need"),
    "chance": ("Autre", "Other"),
}
STAGES: dict[str, Pair] = {
    "sent": ("Devis envoyé", "Quote sent"),
    "followed": ("Relancé", "Followed up"),
    "negotiation": ("Négociation", "Negotiation"),
    "won": ("Gagnée", "Won"),
    "lost": ("Perdue", "Lost"),
}
OFFERS: dict[str, Pair] = {
    "proof": ("Appel du commercial et livraison offerte", "Call and free delivery"),
    "club": ("Invitation au club des meilleurs clients", "Best customers' club"),
}
