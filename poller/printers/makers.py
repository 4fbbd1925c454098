"""Who makes what: sysObjectID prefixes, brand names and product lines. Data only.

Enterprise numbers are IANA's; the prefixes below them were seen in published walks and in the detection data of open monitoring tools.
A number says who made the network side, a brand who sold the device: Dell and Toshiba sell Lexmark engines, UTAX sells Kyocera's.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from poller.printers.mib import ENTERPRISES
from poller.snmp.oid import Oid, from_arcs


class Family(NamedTuple):
    """What a sysObjectID that begins with a prefix tells: whose it is, and whether it is given to printers, to others, or to either."""

    manufacturer: str
    given_to: Literal["printer", "other", "either"]


class Brand(NamedTuple):
    """A name a text may begin with. `products` are the texts behind it that are printers; None where everything of that name is one."""

    manufacturer: str
    name: re.Pattern[str]
    products: re.Pattern[str] | None


def _prefix(*behind_enterprises: int) -> Oid:
    return Oid(ENTERPRISES + from_arcs((1, 3, *behind_enterprises))[1:])


FAMILIES: dict[Oid, Family] = {
    _prefix(11): Family("HP", "either"),
    _prefix(11, 1): Family("HP", "printer"),  # exact on some LaserJets
    _prefix(11, 2, 3, 9): Family("HP", "printer"),  # JetDirect and everything with its agent
    _prefix(11, 5): Family("HP", "other"),  # servers and their enclosures
    _prefix(26696, 1): Family("HP", "printer"),
    _prefix(29999): Family("HP", "printer"),
    _prefix(1602): Family("Canon", "either"),
    _prefix(1602, 4): Family("Canon", "printer"),
    _prefix(1602, 1, 5, 1): Family("Canon", "printer"),
    _prefix(18334): Family("Konica Minolta", "printer"),
    _prefix(4322, 101): Family("Muratec", "printer"),
    _prefix(1347): Family("Kyocera", "either"),
    _prefix(1347, 41): Family("Kyocera", "printer"),
    _prefix(367): Family("Ricoh", "either"),
    _prefix(367, 1, 1): Family("Ricoh", "printer"),
    _prefix(253): Family("Xerox", "either"),
    _prefix(253, 8, 62, 1): Family("Xerox", "printer"),
    _prefix(297): Family("Fuji Xerox", "either"),
    _prefix(297, 1, 11, 93, 1): Family("Fuji Xerox", "printer"),
    _prefix(297, 1, 11, 93, 2): Family("FUJIFILM", "printer"),
    _prefix(641): Family("Lexmark", "printer"),
    _prefix(674): Family("Dell", "either"),
    _prefix(674, 10898): Family("Dell", "printer"),
    _prefix(2385): Family("Sharp", "either"),
    _prefix(2385, 3, 1): Family("Sharp", "printer"),
    _prefix(1129): Family("Toshiba", "either"),
    _prefix(1129, 1, 2): Family("Toshiba", "printer"),  # label printers
    _prefix(1129, 2, 3): Family("Toshiba", "printer"),  # e-STUDIO
    _prefix(186): Family("Toshiba", "either"),
    _prefix(1248): Family("Epson", "either"),
    _prefix(1248, 1, 1, 2, 1): Family("Epson", "printer"),
    _prefix(1248, 1, 1, 2, 1, 3, 22, *b"Network Interface"): Family("Epson", "other"),  # document scanners; the arcs are a text
    _prefix(1248, 4, 1): Family("Epson", "other"),  # projectors
    _prefix(2001): Family("OKI", "either"),
    _prefix(2001, 1): Family("OKI", "printer"),
    _prefix(236): Family("Samsung", "either"),
    _prefix(236, 11, 5): Family("Samsung", "printer"),
    _prefix(2435): Family("Brother", "either"),
    _prefix(2435, 2, 3, 9): Family("Brother", "printer"),
    _prefix(40093): Family("Pantum", "printer"),
    _prefix(258): Family("Panasonic", "either"),
    _prefix(258, 601, 3): Family("Panasonic", "other"),  # telephone exchanges
    _prefix(10642): Family("Zebra", "printer"),
    _prefix(388): Family("Zebra", "other"),  # once Symbol: access points, scanners, hand-held computers
    _prefix(683, 6): Family("Zebra", "printer"),  # their older print server board, by Extended Systems
    _prefix(51966): Family("TSC", "printer"),
    _prefix(1963): Family("Intermec", "either"),
    _prefix(20998): Family("Honeywell", "either"),
    _prefix(20998, 3): Family("Honeywell", "printer"),
    _prefix(20998, 10): Family("Honeywell", "printer"),
    _prefix(24807): Family("Riso", "printer"),
    _prefix(1552): Family("Océ", "printer"),
    _prefix(318): Family("APC", "other"),
}
"""By prefix; the longest one that fits counts."""

COMPUTERS = tuple(_prefix(number) for number in (42, 63, 311, 2021, 6574, 6876, 8072, 24681, 55062))
"""Sun, Apple, Microsoft, UCD and net-snmp, Synology, VMware, QNAP: their agents list print queues as devices of printer type. Only the
tables of the Printer-MIB tell a printer that happens to run such an agent."""


def _brand(manufacturer: str, name: str, products: str | None = None) -> Brand:
    pattern = re.compile(rf"(?:{name})(?![a-z])[\s:_,-]*", re.IGNORECASE)
    return Brand(manufacturer, pattern, re.compile(products, re.IGNORECASE) if products is not None else None)


BRANDS: tuple[Brand, ...] = (
    _brand("Fuji Xerox", r"fuji ?xerox|fx(?= docuprint)"),
    _brand("FUJIFILM", r"fujifilm(?: business innovation)?", r"apeos|docu|revoria"),
    _brand("Xerox", r"xerox(?: corporation|\s?\(r\)|\s?®)?"),
    _brand(
        "HP",
        r"hewlett[- ]packard|hp",
        r"ethernet multi-environment|.*(?:laser|officejet|deskjet|designjet|pagewide|photosmart|envy|smart tank|\bpsc\b|\bmfp\b)",
    ),
    _brand(
        "Canon",
        r"canon(?: inc\.?)?",
        r"(?:mf|lbp|ir|image(?:runner|press|class|prograf)?|i-sensys|ip[fr]|t[mxsrz]|g[mx]?|m[bgpx]|i[bpx]|e|pro|maxify|pixma|d|c)"
        r"(?:[\s\d-]|\b|[a-z]*-?adv)|.* /p$",
    ),
    _brand("Konica Minolta", r"konica[ -]?minolta"),
    _brand("Develop", r"develop"),
    _brand("UTAX", r"ta[_ /-]utax|utax"),
    _brand("Triumph-Adler", r"ta triumph-adler|triumph-adler"),
    _brand("Copystar", r"copystar"),
    _brand("Olivetti", r"olivetti", r"d-|.*(?:pg|mf)"),
    _brand("Kyocera", r"kyocera(?: mita| document solutions(?: inc\.?)?| corporation)?", r".*(?:print|ecosys|taskalfa|\bfs|\bkm)"),
    _brand("Ricoh", r"ricoh(?: company,? ltd\.?)?", r"aficio|m ?[cp]|[mspi][mcp]? ?c?\d|im |s[gp] |pro |.*(?:print|fax)"),
    _brand("NRG", r"nrg"),
    _brand("Lanier", r"lanier"),
    _brand("Savin", r"savin"),
    _brand("Gestetner", r"gestetner"),
    _brand("Infotec", r"infotec"),
    _brand("Nashuatec", r"nashuatec|nashua"),
    _brand("Rex-Rotary", r"rex[- ]?rotary"),
    _brand("IBM", r"ibm", r"infoprint"),
    _brand("InfoPrint", r"infoprint"),
    _brand("Lexmark", r"lexmark(?: international,? inc\.?)?"),
    _brand("Dell", r"dell(?: inc\.?)?", r".*(?:\blaser\b|\bprinter\b|\bmfp\b|all-n-1|\b[bchse]\d{3,4}c?dn?w?f?\b|\b\d{4}c?dn?f?w?\b)"),
    _brand("Sharp", r"sharp(?: corporation)?", r"(?:mx|bp|ar|al|dx)-?"),
    _brand("Toshiba", r"toshiba(?: tec(?: corporation)?)?|tec(?= b-)", r"e-?studio|b-|b[av]\d{3}"),
    _brand(
        "Epson",
        r"(?:seiko )?epson(?: corporation)?",
        r".*print server|(?:a[lm]|w[fp]|et|cw|sc|tm|xp|px|lq|lx|aculaser|workforce|surecolor|stylus|expression|l\d)",
    ),
    _brand("OKI", r"oki(?: ?data(?: corp(?:oration)?)?)?|okilan"),
    _brand(
        "Samsung",
        r"samsung(?: electronics)?",
        r"(?:network printer|c|k|m|x|clp|clx|ml|mfp|multixpress|proxpress|scx|sf|sl|xpress)(?:[-\s\d]|$)",
    ),
    _brand("Brother", r"brother(?: industries,? ltd\.?)?"),
    _brand("Pantum", r"pantum"),
    _brand("Panasonic", r"panasonic", r"kx-m|dp-"),
    _brand("Zebra", r"zebra(?:net| technologies)?|ztc(?= )"),
    _brand("TSC", r"tsc"),
    _brand("Intermec", r"intermec", r"p[a-z]\d|easycoder"),
    _brand("Honeywell", r"honeywell", r"p[a-z]\d"),
    _brand("Riso", r"riso(?: kagaku)?"),
    _brand("Océ", r"océ|oce(?= )"),
    _brand("Muratec", r"muratec"),
    _brand("Sindoh", r"sindoh"),
    _brand("SATO", r"sato"),
    _brand("Printronix", r"printronix"),
    _brand("TallyGenicom", r"tally ?genicom|genicom"),
    _brand("Datamax-O'Neil", r"datamax(?:[- ]o'?neil)?"),
    _brand("GoDEX", r"godex"),
    _brand("BIXOLON", r"bixolon"),
    _brand("APC", r"apc", r"(?!)"),
    _brand("Axis", r"axis", r"(?!)"),
)
"""Tried in order. Brands that sell other things on the network too have their products named."""

NOT_PRINTERS = re.compile(
    r"scan server|document scanner|brother ads-|projector|onboard administrator|integrated lights|document server|\bups\b"
    r"|network management card"
    r"|(?:^|\W)switch\b|procurve|access point|network camera|video server|\bpbx\b",
    re.IGNORECASE,
)
"""What a sysDescr says of devices that carry a printer maker's name or number and are none. Ricoh's printers list a "Network Scanner"."""

NETWORK_CARDS = re.compile(r"ethernet multi-environment|jetdirect", re.IGNORECASE)
"""Texts of a network card that fits many makers' printers: they name neither brand nor model."""

NO_MODELS = re.compile(
    NETWORK_CARDS.pattern + r"|print server|network interface unit|zebranet|\bNC-\d+[a-z]*\b|printing system|okilan", re.IGNORECASE
)
"""Texts that name the brand, but the board or the firmware where the model should be."""

NO_MODEL_TEXTS = re.compile(r"linux|kernel|server|network|ethernet|interface|adapter|controller|firmware|version|[;,/:|]", re.IGNORECASE)
"""What a sysDescr without a brand must not have to be taken for a model, even where the number is given to printers only."""
