"""Words for times, numbers, units and what they measure, in English, German and French.

All are folded as the words of texts are: the sharp s is ss, the micro sign a Greek letter.

General knowledge of the languages: no word stands here because a document or a question held it.
"""

from collections.abc import Mapping
from typing import Final

from language.text import word_set


def _numbered(first: int, groups: str) -> dict[str, int]:
    """The words of each group, groups being parted by commas, with the group's number."""
    return {
        word: number
        for number, group in enumerate(groups.split(","), start=first)
        for word in group.split()
    }


MONTHS: Final = _numbered(
    1,
    "january januar janvier jan jänner,february februar février feb févr,march märz mars mar mär,"
    "april avril apr avr,may mai,june juni juin jun,july juli juillet jul juil,"
    "august août aug aout,september septembre sep sept,october oktober octobre oct okt,"
    "november novembre nov,december dezember décembre dec dez déc",
)
"""Folded names of months; `may` and `march` are verbs too."""

VERBS_TOO: Final = word_set("may march mars mar jan sep dec")
"""Names of months that are other words when written without a capital letter."""

WEEKDAYS: Final = _numbered(
    1,
    "monday mondays montag montags lundi,tuesday tuesdays dienstag dienstags mardi,"
    "wednesday wednesdays mittwoch mittwochs mercredi,thursday thursdays donnerstag jeudi,"
    "friday fridays freitag freitags vendredi,saturday saturdays samstag samstags sonnabend samedi,"
    "sunday sundays sonntag sonntags dimanche",
)
EVERY_DAY: Final = word_set("daily weekend weekends täglich wochenende quotidien werktags weekdays")

CARDINALS: Final = _numbered(
    0,
    "zero null zéro,one eins,two zwei zwo deux,three drei trois,four vier quatre,five fünf cinq,"
    "six sechs,seven sieben sept,eight acht huit,nine neun neuf,ten zehn dix,eleven elf onze,"
    "twelve zwölf douze,thirteen dreizehn treize,fourteen vierzehn quatorze,"
    "fifteen fünfzehn quinze,sixteen sechzehn seize,seventeen siebzehn,eighteen achtzehn,"
    "nineteen neunzehn,twenty zwanzig vingt",
) | {
    word: 10 * number
    for word, number in _numbered(
        3,
        "thirty dreissig trente,forty vierzig quarante,fifty fünfzig cinquante,"
        "sixty sechzig soixante,seventy siebzig,eighty achtzig,ninety neunzig",
    ).items()
}
SCALES: Final = {
    "hundred": 100,
    "hundert": 100,
    "cent": 100,
    "k": 1_000,
    "thousand": 1_000,
    "tausend": 1_000,
    "tsd": 1_000,
    "mille": 1_000,
    "m": 10**6,
    "mn": 10**6,
    "mio": 10**6,
    "million": 10**6,
    "millions": 10**6,
    "millionen": 10**6,
    "bn": 10**9,
    "mrd": 10**9,
    "billion": 10**9,
    "milliarden": 10**9,
    "milliards": 10**9,
}
ORDINALS: Final = _numbered(
    1,
    "first erste ersten erster erstes premier première,second zweite zweiten zweiter zweites "
    "deuxième seconde,third dritte dritten dritter drittes troisième,fourth vierte vierten vierter "
    "quatrième,fifth fünfte fünften fünfter cinquième,sixth sechste sechsten sixième,"
    "seventh siebte siebten septième,eighth achte achten huitième,ninth neunte neunten neuvième,"
    "tenth zehnte zehnten dixième,eleventh elfte elften onzième,twelfth zwölfte zwölften douzième,"
    "thirteenth dreizehnte,fourteenth vierzehnte,fifteenth fünfzehnte,sixteenth sechzehnte,"
    "seventeenth siebzehnte,eighteenth achtzehnte,nineteenth neunzehnte,twentieth zwanzigste",
)
ROMAN: Final = _numbered(2, "II,III,IV,V,VI,VII,VIII,IX,X,XI,XII,XIII,XIV,XV,XVI")
"""A lone I is a pronoun."""

SAME_NOUN: Final[Mapping[str, str]] = {
    word: group.split()[0]
    for group in (
        "floor stock stockwerk etage étage storey level",
        "quarter quartal trimestre",
        "half halbjahr semestre",
        "section abschnitt sections § ziffer",
        "chapter kapitel chapitre",
        "version v release",
        "page seite",
        "century jahrhundert siècle centuries",
        "paragraph absatz paragraphe",
        "article artikel art",
        "grade stufe gehaltsstufe entgeltgruppe échelon band",
        "room raum zimmer salle",
        "line zeile ligne",
        "step schritt étape",
        "phase phase",
        "shift schicht",
    )
    for word in group.split()
}
"""Nouns that are numbered, by the one that stands for them."""

BEFORE_MONTH: Final = word_set(
    "in of by until since early late every each from to and mid before after im bis ab seit en de"
)

BOUNDS: Final = word_set(
    "to up until till least most more less than over under above below between within from per "
    "maximum minimum max min each every exceed exceeds exceeding longer shorter earlier later "
    "before after any all limit limits bis ab mindestens höchstens maximal über unter mehr weniger "
    "als zwischen je pro jede jeder jedes innerhalb grenze jusque jusqu plus moins entre par "
    "chaque maximal minimal tout tous"
)
"""Words of a bound or a rate, which decides on values that it does not name."""

# --- What is measured, and in which units --------------------------------------------------------

UNITS: Final[Mapping[str, frozenset[str]]] = {
    "money": word_set(
        "$ € £ ¥ ₹ eur usd gbp chf jpy inr cad aud cny sek nok dkk pln euro euros dollar dollars "
        "pound pounds cent cents yen franc francs franken rupee rupees krone kronor rubles yuan"
    ),
    "duration": word_set(
        "second seconds sec secs s minute minutes min mins hour hours h hr hrs day days week weeks "
        "month months year years decade decades century centuries quarter quarters night nights "
        "ms sekunde sekunden minuten stunde stunden std tag tage tagen woche wochen monat monate "
        "monaten jahr jahre jahren seconde secondes heure heures jour jours semaine semaines mois "
        "an ans année années millennia generations lifetime"
    ),
    "length": word_set(
        "mm cm dm m km metre metres meter meters kilometre kilometres kilometer kilometers mile "
        "miles mi inch inches in foot feet ft yard yards yd millimetre millimetres millimeter "
        'millimeters centimetre centimetres centimeter centimeters μm nm mètre mètres "'
        "zentimeter millimeter"
    ),
    "mass": word_set(
        "g kg mg t lb lbs oz gram grams gramm kilo kilos kilogram kilograms kilogramm tonne tonnes "
        "ton tons pound pounds ounce ounces pfund gramme grammes kilogramme kilogrammes"
    ),
    "temperature": word_set("°c °f ° k degree degrees grad celsius fahrenheit kelvin degré degrés"),
    "percent": word_set("% percent cent percentage pct prozent ‰"),
    "speed": word_set(
        "km kilometre kilometres kilometer kilometers kilomètres m metre metres meter meters "
        "mètres mile miles mph kmh knots knot kn kph rpm"
    ),
    "area": word_set("m² km² ha acre acres hectare hectares hektar sqm sq square quadratmeter"),
    "volume": word_set("l ml cl litre litres liter liters gallon gallons m³ cubic"),
    "voltage": word_set("v mv kv volt volts"),
    "current": word_set("a ma μa amp amps ampere amperes"),
    "power": word_set("w mw kw gw watt watts kilowatt kilowatts hp"),
    "frequency": word_set("hz khz mhz ghz hertz"),
    "memory": word_set("b kb mb gb tb byte bytes kib mib gib bit bits"),
    "pressure": word_set("pa kpa mpa bar mbar psi hpa"),
}
"""Units of each dimension, folded."""

MEASURED: Final[Mapping[str, str]] = {
    word: dimension
    for dimension, words in {
        "money": "price prices cost costs costing fee fees salary salaries wage wages fare fares "
        "rent tariff preis preise kosten gebühr gehalt lohn miete prix coût salaire tarif "
        "kostet gehälter frais",
        "duration": "duration dauer durée lifespan",
        "length": "length height width depth diameter altitude länge höhe breite tiefe durchmesser "
        "longueur hauteur largeur profondeur wingspan",
        "mass": "weight mass gewicht masse poids weigh weighs wiegt pèse",
        "temperature": "temperature temperatur température",
        "percent": "percent percentage prozentsatz pourcentage",
        "speed": "speed geschwindigkeit vitesse velocity",
        "voltage": "voltage spannung tension",
        "phone": "phone telephone telefon telefonnummer téléphone rufnummer hotline",
        "fax": "fax faxnummer télécopie",
        "email": "email e-mail mail mailadresse courriel",
        "web": "url website webseite homepage website-adresse",
        "address": "address adresse anschrift postanschrift",
        "colour": "colour color farbe farben couleur couleurs",
    }.items()
    for word in words.split()
}
"""Nouns and verbs whose value has a unit of that dimension, or looks like nothing else."""

TITLES: Final = word_set(
    "dr mr mrs ms prof professor sir lord lady king queen prince princess president pope saint st "
    "emperor duke general minister university college school institute department ministry "
    "company group bank church city county river lake mount street road avenue hospital office "
    "team inc ltd llc plc gmbh ag co corp corporation limited king's northern southern eastern "
    "western north south east west new old great upper lower grand republic state united national "
    "international council commission committee association society party army battle war treaty "
    "act empire dynasty herr frau monsieur madame rue université"
)
"""Words of names that many names share."""

# --- What answers hold ---------------------------------------------------------------------------

AMOUNTS: Final = frozenset(
    word for word in CARDINALS if word not in {"six", "sept", "zero"}
) | word_set(
    "zero six hundred hundreds thousand thousands million millions billion billions half twice "
    "double triple quarter third thirds once dozen dozens both none no several pair single "
    "unlimited free all every daily weekly monthly quarterly annually yearly hourly majority "
    "most few many lot least keine kein täglich wöchentlich monatlich jährlich vierteljährlich "
    "halb doppelt einmal zweimal kostenlos aucun aucune moitié double gratuit mensuel annuel"
)
"""Words that tell an amount or how often."""

TIME_WORDS: Final = word_set(
    "after before during until since while upon immediately today tomorrow yesterday "
    "later early late morning noon afternoon evening night midnight spring summer autumn fall "
    "winter annually yearly monthly weekly daily end beginning start once every year years age "
    "bc ad ce bce nach vor während bis seit sobald sofort heute morgen mittags abends ende anfang "
    "beginn frühjahr sommer herbst jährlich monatlich après avant pendant jusque depuis dès "
    "aujourd'hui demain matin midi soir fin début printemps été hiver"
)

CODES: Final = word_set("account iban bic konto bankverbindung compte numéro")
"""Nouns whose value is written in digits, or in letters and digits, as that of any number is."""

MEASURING_VERBS: Final = word_set("cost costs kostet kosten coûte coûtent weigh weighs wiegt pèse")
"""Ask for an amount wherever they stand."""

FREE_OF_CHARGE: Final = word_set(
    "free nothing kostenlos gratis kostenfrei umsonst gratuit gratuite"
)

COLOURS: Final = word_set(
    "white black grey gray red blue green yellow brown orange pink purple violet beige silver gold "
    "turquoise weiss schwarz grau rot blau grün gelb braun rosa lila silber türkis "
    "blanc noir gris rouge bleu vert jaune brun marron rose argent dor"
)
"""Stems, also of compounds: dunkelblau, silbern, grise."""

CAUSES: Final = word_set(
    "because since as due owing so thus therefore hence to for by through after when order avoid "
    "prevent ensure result results resulted lead leads led make makes made if while given under "
    "weil da denn damit um wegen aufgrund durch deshalb daher darum zu zum zur grund sonst wenn "
    "parce car pour afin puisque raison cause grâce comme sinon si suite"
)
"""Join a cause, a purpose or a result with what it is of."""

CLOCK_WORDS: Final = word_set(
    "noon midnight morning afternoon evening night mittag mittags abends morgens mitternacht midi "
    "minuit matin soir"
)

PLACES: Final = word_set(
    "in at on near inside outside under above behind beside between within across into along "
    "north south east west floor room building office online intranet portal website desk site "
    "in im am an auf bei unter über neben hinter zwischen vor dans à au sur sous chez près devant "
    "derrière entre"
)

ROLES: Final = word_set(
    "staff people person team department committee board management employee employees head chief "
    "lead leadership boss colleague owner captain king queen president chancellor family group "
    "company customer customers supplier vendor hr everyone anyone nobody someone all partner "
    "leitung abteilung mitarbeiter vorstand geschäftsführung leiter personalabteilung jeder alle "
    "finance sales procurement legal marketing engineering operations logistics facilities support "
    "purchasing finanzabteilung einkauf vertrieb finances achats kunde chef cheffe direction "
    "équipe salarié salariés responsable service employeur tous client"
)
ROLE_ENDINGS: Final = (
    "er",
    "ers",
    "or",
    "ors",
    "ist",
    "ists",
    "ant",
    "ants",
    "ent",
    "ents",
    "ian",
    "ians",
    "ee",
    "ees",
    "man",
    "men",
    "woman",
    "women",
    "eur",
    "euse",
    "rice",
    "erin",
    "ing",
)
"""Endings of nouns for people; other words have them as well, which only loses a catch."""
