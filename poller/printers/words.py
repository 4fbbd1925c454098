"""The words printers use for parts and colours, in the languages printers speak. Data only.

Descriptions are written for the person in front of the device, so they come in that person's language: German, French, Italian,
Spanish, Portuguese, Dutch, the Nordic languages, Polish, Czech, Hungarian, Russian, Turkish, Chinese, Japanese, Korean. Patterns are
regular expressions, two blanks between them, matched without regard to case; `\\b` only where a word would be found inside another.
"""

from __future__ import annotations

import re


def _any(patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(re.split(r"\s{2,}", patterns.strip())), re.IGNORECASE)


WASTE = _any(r"""
    waste  \bused\b  collect(?:or|ion)  \brest-?toner  alttoner  abfall
    usag[ée]  r[ée]cup[ée]ration  usé  scarto  recupero  esaust  usad[oa]  residu  resídu  desecho
    desperd  afval  opvang  överskott  spill  avfall  förbrukad  affald  hukka  jäte  zużyt  odpad  hulladék
    отработан  отход  atık  废  廢  廃  回収  回收  폐
""")
"""A receptacle for what is left over; of what, the rest of the text says."""

INK_WASTE = _any(r"maintenance (?:box|cartridge|tank)  wartungsbox  resttinte  メンテナンスボックス  维护箱")
"""What inkjets clean their heads into."""

KINDS: dict[str, re.Pattern[str]] = {
    "staples": _any(r"""
        staple(?!r)  heftklammer  agraf  \bgrapas?\b  \bgrampo  punti (?:metallici|pinzatrice)  nietje  häftklam
        hæfteklamme  stiftklamme  zszyw  скреп  zımba  订书针  訂書針  钉书  ステープル針  ステープル  스테이플
    """),
    "punchWaste": _any(r"""
        punch  \bchad  \blocher  lochabfall  perfora  perforier  打孔  パンチ  펀치
    """),
    "ozoneFilter": _any(r"""
        ozon  臭氧  オゾン  오존
    """),
    "printhead": _any(r"""
        print ?head  druckkopf  tête d.impression  testin[ae]  cabezal  cabeça  printkop  skrivhuvud  głowic  печатающ
        打印头  列印頭  プリントヘッド  헤드
    """),
    "transferBeltCleaner": _any(r"""
        belt clean  clean.*\bbelt  \bib?t ?b?\b.*clean  bandreinig  pulizia.*cinghia  ベルトクリーナ  带清洁  帶清潔
    """),
    "cleaner": _any(r"""
        clean  reinig  nettoy  pulizia  limpi  rengör  clean(?:er|ing)  清洁  清潔  クリーニング
    """),
    "documentFeederKit": _any(r"""
        (?:\bd?adf\b|document feeder|vorlageneinzug|dokumenteneinzug).*\b(?:kit|maint|wartung)
        (?:chargeur de documents|alimentador de documentos).*\b(?:kit|maint)
    """),
    "maintenanceKit": _any(r"""
        maint(?:enance)?\b\.? (?:kit|unit)  service ?kit  wartungs(?:kit|einheit|set|satz)
        kit (?:de |d.|di )?(?:maint|manut|entretien|mant)  onderhouds  underhåll  servis  konserwac  údržb  karbantart
        обслужив  bakım  维护套件  维护组件  維護套件  メンテナンス  保养  유지
    """),
    "transferRoller": _any(r"""
        (?:transfer|bias).*\broll  \bbtr\b  transfer(?:rolle|walze)  übertragungs(?:rolle|walze)  rull[oi].*trasfer
        rouleau.*transfert  rodillo.*transf  rolo.*transf  överföringsrull  ролик.*перенос  转印辊  转印滚  轉印滾
        転写ローラ  전사 ?롤러
    """),
    "feedRoller": _any(r"""
        (?:feed|pick-?up|\bpick|separat|retard|tray|\bd?adf\b|cassette).*\broll  paper.*\broller  roll(?:er)? kit
        \b(?:adf|separation|rubber|friction).*\bpad\b  \badf rubber  pick tires
        \bfeed(?:ing)? kit  \bpf kit  einzugs?(?:rolle|walze)  einzug
        rull[oi].*(?:aliment|presa|prelievo)  rouleau.*(?:aliment|entra|papier)  rodillo.*(?:aliment|papel|recog)
        rolo.*(?:aliment|papel)  matarrull  ролик.*(?:подач|захват)  给纸  給紙  进纸  進紙  搓纸  급지
    """),
    "transferBelt": _any(r"""
        belt  \bit[bu]\b  \bibt\b  transfer module  transfer(?:band|riem)  übertragungsband  cinghia  courroie  correa
        correia  cinta de transf  \briem\b  bälte  pas transfer  pás\b  szalagegys  ремень|лент\w+ (?:перенос|трансф)
        转印带  轉印帶  転写ベルト  전사 ?벨트  kayış
    """),
    "transferUnit": _any(r"""
        transfer (?:unit|kit|roll)  transfer ?einheit  übertragungs(?:einheit|kit)  unit[àéáa]*d? .*trasf
        unité.*transfert  unidad.*transf  överföring  перенос  转印  轉印  転写  전사
    """),
    "fuserOil": _any(r"""
        fus(?:er|ing) oil  fixieröl  \boil\b
    """),
    "fuser": _any(r"""
        fus(?:er|ing)\b  fixier  fusore  fusion  fusor  fusão  unité de fixation  fixeer  fixerings?  fikser  kiinnit
        utrwal  zapék  fixáló  beégető  термоблок|закреп|фьюзер|термозакр  \bısıtıcı|füzer  定影  熱凝  定着  정착
    """),
    "developer": _any(r"""
        develop  entwickl  svilupp  développ  révélateur  revelad  ontwikkel  framkall  fremkald  wywoł  vývoj  előhív
        проявит|девелопер  geliştirici  显影  顯影  载体  現像  현상
    """),
    "drum": _any(r"""
        drum  \bopc\b  photo ?conduct  photo ?recept  imag(?:ing|e) (?:unit|kit)  imaging (?:assembly|basket)  \bpcd?u\b
        trommel  fotoleiter  belichtungs(?:einheit|kit)  bildeinheit  tambour  photorécept  unité d.image
        unité (?:d.)?imag  tambur  fotoricett  fotocondutt  unità (?:di )?imag  tambor  cilindr  fotoconduct
        fotorrecept  unidad.*imag  unidade.*imag  bildtrumma  bildenhet  bildutr  \btrumma  tromle  rumpu
        bęb(?:en|na)  fotoválec|\bválec  \bdob(?:egység)?\b  барабан|фотобарабан|фоторецепт  tambur  感光  ドラム
        드럼  成像
    """),
    "toner": _any(r"""
        toner  dry ink  tóner  tonrar  väriaine  värikasetti  festék  тонер  碳粉  墨粉  粉盒  硒鼓  トナー  토너
    """),
    "solidInk": _any(r"""
        solid ink  festtinte  colorstix  encre solide
    """),
    "ink": _any(r"""
        \binks?\b  tinte  encre  inchiostr  \btinta  \binkt  bläck  blæk  blekk  \bmuste  atrament  \btusz  inkoust
        чернил  mürekkep  墨水  墨盒  インク  잉크
    """),
    "labelRoll": _any(r"""
        label (?:roll|stock|media)  etiketten(?:rolle|band)  rouleau d.étiquettes  标签  ラベル
    """),
    "ribbon": _any(r"""
        ribbon  farbband  ruban  nastro  cinta de impres  färgband  色带  色帶  リボン
    """),
}
"""The kinds of a supply and what they are called. Where a text names several, the first counts: the special before the general."""

CARTRIDGE = _any(r"""
    cartridge  cartouche  cartuc  kartusche  kassette  patrone  cassette  cartucho  patron  kaset  wkład  patrona
    картридж  kartuş  カートリッジ  카트리지  盒
""")
"""Something filled with what the print process uses: toner in a laser, ink in an inkjet."""

SHADES: dict[str, re.Pattern[str]] = {
    "light black": _any(r"light ?-?black"),
    "light cyan": _any(r"""
        light ?-?cyan  photo ?-?cyan  helles? cyan  cyan clair  浅青  ライトシアン  フォトシアン
    """),
    "light magenta": _any(r"""
        light ?-?magenta  photo ?-?magenta  helles? magenta  magenta clair  浅品红  ライトマゼンタ  フォトマゼンタ
    """),
    "light gray": _any(r"""
        light ?-?gr[ae]y  photo ?-?gr[ae]y  hellgrau  ライトグレー
    """),
    "gray": _any(r"""
        \bgr[ae]y\b  \bgrau  \bgris\b  \bgrigio  グレー  灰
    """),
}
"""Looked for first, and taken out, since they contain another colour's word."""

COLOURS: dict[str, re.Pattern[str]] = {
    "black": _any(r"""
        black  \b[mp]?bk\b  schwarz  \bnoire?s?\b  \bner[oa]\b  \bnegr[oa]\b  \bpret[oa]\b  zwart  \bsvart  \bsort\b
        \bmusta  czarn  čern|cerny|černá  fekete  ч[её]рн  siyah  黑  黒  ブラック  검정  블랙  검은
    """),
    "cyan": _any(r"""
        cyan  \bciano?\b  cián\b  cijan  cyaan  cyjan  azurov  syaani  голуб|циан  青  シアン  시안  靛
    """),
    "magenta": _any(r"""
        magenta  purpurov  пурпур|маджент  品红  品紅  洋红  洋紅  マゼンタ  마젠타  자홍
    """),
    "yellow": _any(r"""
        yellow  \bgelb  \bjaune  \bgiall  amarill  amarel  \bgeel  \bgula?\b  keltai  żółt  žlut  sárga  ж[её]лт
        \bsarı  黄  黃  イエロー  옐로  노랑  노란
    """),
    "red": _any(r"""
        \bred\b  \brot\b  \brouge\b  \brosso\b  \brojo\b
    """),
    "green": _any(r"""
        \bgreen\b  \bgrün  \bvert\b  \bverde\b
    """),
    "blue": _any(r"""
        \bblue\b  \bblau  \bbleu\b  \bazul\b
    """),
    "orange": _any(r"""
        \borange
    """),
    "violet": _any(r"""
        \bviolet
    """),
    "white": _any(r"""
        \bwhite\b  \bweiß|\bweiss
    """),
    "clear": _any(r"""
        \bclear\b(?! ?to)  \btransparent
    """),
}

LETTERS = {"k": "black", "bk": "black", "mbk": "black", "pbk": "black", "c": "cyan", "m": "magenta", "y": "yellow"}
"""Short forms, trusted in a colorant's name and behind a part number only."""

NO_COLOUR = frozenset({"", "none", "unknown", "other", "n/a", "na", "-"})

LONE_PARTS: dict[str, re.Pattern[str]] = {
    "wasteToner": re.compile(r"(?:WT|WB|WX|CLT-W|MLT-W)-?\d|CLT-W"),
    "drum": re.compile(r"(?:DR|DK|IUP?|CLT-R|MLT-R)-?\d"),
    "developer": re.compile(r"DV-?\d"),
    "maintenanceKit": re.compile(r"MK-?\d"),
    "fuser": re.compile(r"FK-?\d"),
    "toner": re.compile(r"(?:TK|TN|CK|PK|MLT-D|C-EXV|NPG|GPR)-?\d|CLT-[KCMY]"),
    "ink": re.compile(r"(?:LC|PGI?|CLI?|BCI|PFI)-?\d"),
}
"""What the first letters of a part number say where the whole description is one: Kyocera TK DK DV MK FK, UTAX CK PK, Brother and Konica
Minolta TN DR IU WT WX, Samsung MLT CLT, Canon C-EXV NPG GPR PFI CLI PGI, Brother LC."""
