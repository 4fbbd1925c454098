"""What profiles add to a reading: meters out of scalars, tables and records, supplies, status, identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from poller.engine import remembered
from poller.printers import layout as layouts
from poller.printers import library
from poller.snmp.message import Question
from tests.printers.vendor_devices import ACME, HEAD, Read, build, read, rows

LIFE = {"1.3.6.1.2.1.43.10.2.1.4.1.1": 5003, "1.3.6.1.2.1.43.10.2.1.3.1.1": 7}

Use = Callable[..., None]


@pytest.fixture
def use() -> Iterator[Use]:
    """Return what makes texts the only profiles in use, until the test is over."""
    before = library.current()
    yield lambda *files: library.use(build(*files))
    library.use(before)


def counts(cells: dict[str, int | str | bytes]) -> dict[str, int]:
    return read(rows(cells)).counts()


# --- the billing total -----------------------------------------------------------------------------------------------------

TOTAL = f'[[counter]]\nfunction = "total"\nvalue = "{ACME}.2.1.0"\nlabel = "Total impressions"\n'


def test_the_vendors_total_is_the_billing_total_and_a_life_count_that_differs_is_something_else(use: Use) -> None:
    use(HEAD + TOTAL)
    reading = read(rows({**LIFE, ".2.1.0": 4999})).reading
    total, life = sorted(reading.counters, key=lambda counter: counter.function, reverse=True)
    assert (total.function, total.count, total.label, total.oid) == ("total", 4999, "Total impressions", f"{ACME}.2.1.0")
    assert (life.function, life.count, life.label) == ("other", 5003, "prtMarkerLifeCount")


def test_a_life_count_that_is_the_same_number_is_not_shown_twice(use: Use) -> None:
    use(HEAD + TOTAL)
    assert counts({**LIFE, ".2.1.0": 5003}) == {"total/all": 5003}


def test_without_a_vendors_total_the_life_count_is_it(use: Use) -> None:
    use(HEAD + TOTAL)
    assert counts({**LIFE}) == {"total/all": 5003}


def test_sums_of_cells_may_use_the_life_count(use: Use) -> None:
    use(HEAD + f'[[counter]]\nfunction = "total"\ncolour = "mono"\nsum = ["total/all", "-total/colour"]\n'
        f'[[counter]]\nfunction = "total"\ncolour = "colour"\nvalue = "{ACME}.2.3.0"')  # fmt: skip
    assert counts({**LIFE, ".2.3.0": 1009}) == {"total/all": 5003, "total/colour": 1009, "total/mono": 3994}
    assert counts({**LIFE, ".2.3.0": 6007}) == {"total/all": 5003, "total/colour": 6007}, "a sum below zero is none"


def test_a_counter_says_how_often_a_large_sheet_stands_in_it_where_its_profile_knows(use: Use) -> None:
    use(
        'large = "twice"\n'
        + HEAD
        + f"""
        {TOTAL}
        [[counter]]
        function = "print"
        value = "{ACME}.2.2.0"
        large = "once"
        [[counter]]
        function = "copy"
        value = "{ACME}.2.3.0"
        large = "unknown"
        [[counter]]
        function = "total"
        size = "large"
        value = "{ACME}.2.4.0"
        [[table]]
        name = "matrix"
        columns = {{ value = "{ACME}.3.1" }}
        index = ["row"]
        [[table.counter]]
        where = {{ row = 1 }}
        function = "fax"
    """
    )
    reading = read(rows({**LIFE, ".2.1.0": 4999, ".2.2.0": 11, ".2.3.0": 13, ".2.4.0": 17, ".3.1.1": 19})).reading
    told = {(one.function, one.size): one.large for one in reading.counters}
    assert told == {
        ("other", "all"): None,
        ("total", "all"): "twice",
        ("print", "all"): "once",
        ("copy", "all"): None,
        ("total", "large"): None,
        ("fax", "all"): "twice",
    }


# --- scalars ---------------------------------------------------------------------------------------------------------------


def test_the_first_choice_with_a_value_counts(use: Use) -> None:
    use(
        HEAD
        + f"""
        [[counter]]
        function = "print"
        rank = 2
        value = "{ACME}.2.9.0"
        [[counter]]
        function = "print"
        value = "{ACME}.2.8.0"
        refuse = {{ values = [16777215], above = 1000000 }}
    """
    )
    assert counts({".2.8.0": 11, ".2.9.0": 13}) == {"print/all": 11}
    assert counts({".2.8.0": 16777215, ".2.9.0": 13}) == {"print/all": 13}
    assert counts({".2.8.0": "no number", ".2.9.0": "13"}) == {"print/all": 13}
    assert counts({".2.8.0": -1}) == {}


def test_factor_unit_and_optional_terms(use: Use) -> None:
    use(
        HEAD
        + f"""
        [[counter]]
        function = "total"
        unit = "metres"
        times = 0.001
        value = "{ACME}.2.1.0"
        [[counter]]
        function = "print"
        sum = ["{ACME}.2.2.0", "2*{ACME}.2.3.0?"]
        [[counter]]
        function = "scan"
        sum = ["{ACME}.2.4.0?", "{ACME}.2.5.0?"]
    """
    )
    assert counts({".2.1.0": 7919, ".2.2.0": 101, ".2.3.0": 103, ".2.5.0": 107}) == {
        "total/all/metres": 7, "print/all": 307, "scan/all": 107,
    }  # fmt: skip
    assert counts({".2.2.0": 101}) == {"print/all": 101}
    assert counts({".2.3.0": 103}) == {}


# --- tables ----------------------------------------------------------------------------------------------------------------

MATRIX = f"""
[[table]]
name = "matrix"
columns = {{ value = "{ACME}.3.1" }}
index = ["function", "colour"]
[[table.counter]]
function = {{ by = "function", codes = {{ 1 = "print", 2 = "copy", 4 = "fax" }} }}
colour = {{ by = "colour", codes = {{ 1 = "mono", 3 = "colour" }} }}
[[counter]]
function = "total"
colour = "mono"
sum = ["print/mono", "copy/mono?", "fax/mono?"]
"""


def test_a_matrix_of_function_and_colour_with_a_sum_over_it(use: Use) -> None:
    use(HEAD + MATRIX)
    assert counts({".3.1.1.1": 2, ".3.1.1.3": 3, ".3.1.2.1": 5, ".3.1.2.3": 7, ".3.1.4.1": 11, ".3.1.9.1": 13, ".3.1.1.1.1": 17}) == {
        "print/mono": 2, "print/colour": 3, "copy/mono": 5, "copy/colour": 7, "fax/mono": 11, "total/mono": 18,
    }  # fmt: skip


LABELLED = f"""
[[table]]
name = "labelled"
columns = {{ value = "{ACME}.4.1.9", label = "{ACME}.4.1.5", type = "{ACME}.4.1.2" }}
index = ["row"]
[[table.counter]]
where = {{ label = ["Total Prints: Color", "Gesamtdrucke: Farbe", "合計:カラー"] }}
function = "total"
colour = "colour"
label = "@label"
[[table.counter]]
where = {{ type = 10 }}
function = "total"
[[table.counter]]
matches = {{ label = "^counter ?: ?print" }}
function = "print"
"""


def test_rows_are_found_by_label_in_any_language_and_by_type_wherever_they_stand(use: Use) -> None:
    use(HEAD + LABELLED)
    cells: dict[str, int | str | bytes] = {
        ".4.1.5.7": "gesamtdrucke:  FARBE ", ".4.1.9.7": 19,
        ".4.1.5.3": "Anything", ".4.1.2.3": 10, ".4.1.9.3": 23,
        ".4.1.5.200": "Counter:Print:Total", ".4.1.9.200": 29,
        ".4.1.5.4": "Gesamtdrucke: Farbe",  # a label without a value shifts nothing
    }  # fmt: skip
    found = read(rows(cells))
    assert found.counts() == {"total/colour": 19, "total/all": 23, "print/all": 29}
    assert {counter.label for counter in found.reading.counters} == {"gesamtdrucke: FARBE", None}


def test_two_labels_of_one_count_are_never_added(use: Use) -> None:
    use(HEAD + LABELLED)
    assert counts({".4.1.5.1": "合計:カラー", ".4.1.9.1": 31, ".4.1.5.2": "Total Prints: Color", ".4.1.9.2": 37}) == {"total/colour": 37}


JOBS = f"""
[[table]]
name = "jobs"
columns = {{ value = "{ACME}.5.1.7", job = "{ACME}.5.1.2", size = "{ACME}.5.1.3", unit = "{ACME}.5.1.4", back = "{ACME}.5.1.8" }}
index = ["device", "row"]
[[table.counter]]
function = {{ by = "job", codes = {{ 1 = "print", 6 = "print", 2 = "copy" }} }}
unit = {{ by = "unit", codes = {{ 7 = "impressions", 8 = "sheets" }} }}
combine = "sum"
[[table.counter]]
where = {{ size = [19, 20], unit = 7 }}
function = {{ by = "job", codes = {{ 1 = "print", 2 = "copy" }} }}
size = "large"
combine = "sum"
[[table.counter]]
where = {{ job = 5 }}
function = "scan"
value = {{ value = 1, back = 2 }}
"""


def test_rows_are_added_up_by_job_size_and_unit(use: Use) -> None:
    use(HEAD + JOBS)
    table = {1: (1, 5, 7, 2), 2: (1, 20, 7, 3), 3: (6, 5, 7, 5), 4: (2, 19, 7, 7), 5: (1, 5, 8, 11), 6: (9, 5, 7, 13)}
    cells: dict[str, int | str | bytes] = {}
    for row, (job, size, unit, value) in table.items():
        cells |= {f".5.1.2.1.{row}": job, f".5.1.3.1.{row}": size, f".5.1.4.1.{row}": unit, f".5.1.7.1.{row}": value}
    assert counts(cells) == {"print/all": 10, "print/all/sheets": 11, "copy/all": 7, "print/all/large": 3, "copy/all/large": 7}


def test_one_row_may_be_a_sum_of_its_columns(use: Use) -> None:
    use(HEAD + JOBS)
    assert counts({".5.1.2.1.1": 5, ".5.1.7.1.1": 41, ".5.1.8.1.1": 43}) == {"scan/all": 127}


def test_a_table_stands_in_for_another_only_where_that_is_empty(use: Use) -> None:
    old = f'[[table]]\nname = "old"\ncolumns = {{ value = "{ACME}.6.1" }}\nindex = ["row"]\nunless = ["matrix"]\n'
    use(HEAD + MATRIX + old + '[[table.counter]]\nwhere = { row = 1 }\nfunction = "print"\n')
    assert counts({".3.1.2.1": 5, ".6.1.1": 47}) == {"copy/mono": 5}
    assert counts({".6.1.1": 47}) == {"print/all": 47}


# --- supplies --------------------------------------------------------------------------------------------------------------

CARE = f"""
[[records]]
name = "care"
oid = "{ACME}.8.0"
form = "id-type-length"
"""
DRUM = """
[[supply]]
key = "drum-cyan"
kind = "drum"
colour = "cyan"
level = "care:0x79"
capacity = 10000
unit = "percent"
status = { value = "care:0x31", codes = { 2 = "low", 3 = "empty" } }
"""


def records(**values: int) -> bytes:
    return b"".join(bytes([int(name[1:], 16), 1, 4]) + value.to_bytes(4, "big") for name, value in values.items()) + b"\xff"


def test_a_supply_known_only_from_records(use: Use) -> None:
    use(HEAD + CARE + DRUM)
    (supply,) = read(rows({".8.0": records(x79=8750, x31=1)})).reading.supplies
    assert (supply.key, supply.index, supply.kind, supply.colour) == ("v:drum-cyan", None, "drum", "cyan")
    assert (supply.ratio, supply.units, supply.capacity, supply.unit, supply.state) == (0.875, 88, 100, "percent", "ok")


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        (records(x79=8750, x31=2), "low"), (records(x31=3), "empty"), (records(x79=900), "low"), (records(x79=0), "empty"),
        (records(x79=10001), "unknown"),
    ],
)  # fmt: skip
def test_the_state_of_a_supply(use: Use, cells: bytes, state: str) -> None:
    use(HEAD + CARE + DRUM)
    (supply,) = read(rows({".8.0": cells})).reading.supplies
    assert supply.state == state


def test_a_supply_the_device_says_nothing_of_is_not_there(use: Use) -> None:
    use(HEAD + CARE + DRUM)
    assert read(rows({".8.0": records(x11=1)})).reading.supplies == ()


def test_the_next_choice_of_a_supply(use: Use) -> None:
    pages = '[[supply]]\nkey = "drum-cyan"\nkind = "drum"\ncolour = "cyan"\nlevel = "care:0x82"\nunit = "impressions"\n'
    use(HEAD + CARE + DRUM + pages)
    (supply,) = read(rows({".8.0": records(x82=7809)})).reading.supplies
    assert (supply.units, supply.ratio, supply.unit, supply.state) == (7809, None, "impressions", "ok")


STANDARD: dict[str, int | str | bytes] = {
    "1.3.6.1.2.1.43.11.1.1.4.1.2": 3, "1.3.6.1.2.1.43.11.1.1.5.1.2": 9, "1.3.6.1.2.1.43.11.1.1.6.1.2": "Cyan drum unit",
    "1.3.6.1.2.1.43.11.1.1.7.1.2": 19, "1.3.6.1.2.1.43.11.1.1.8.1.2": -2, "1.3.6.1.2.1.43.11.1.1.9.1.2": -3,
}  # fmt: skip


def test_a_standard_row_gets_the_level_it_lacks(use: Use) -> None:
    use(HEAD + CARE + DRUM + 'joins = "kind-colour"\n')
    (supply,) = read(rows({**STANDARD, ".8.0": records(x79=8750)})).reading.supplies
    assert (supply.key, supply.ratio, supply.state, supply.description) == ("1.2", 0.875, "ok", "Cyan drum unit")


def test_a_standard_level_stays_unless_the_profile_overrides_it(use: Use) -> None:
    cells: dict[str, int | str | bytes] = {**STANDARD, "1.3.6.1.2.1.43.11.1.1.9.1.2": 50, "1.3.6.1.2.1.43.11.1.1.8.1.2": 100}
    cells[".8.0"] = records(x79=8750)
    use(HEAD + CARE + DRUM + 'joins = "kind-colour"\n')
    assert read(rows(cells)).reading.supplies[0].ratio == 0.5
    use(HEAD + CARE + DRUM + 'joins = "kind-colour"\noverrides = ["level"]\n')
    assert read(rows(cells)).reading.supplies[0].ratio == 0.875


SUPPLIES = f"""
[[table]]
name = "supplies"
index = ["row"]
[table.columns]
level = "{ACME}.9.1.5"
kind = "{ACME}.9.1.3"
colour = "{ACME}.9.1.4"
text = "{ACME}.9.1.2"
part = "{ACME}.9.1.7"
state = "{ACME}.9.1.12"
[[table.supply]]
key = "supply-{{row}}"
kind = {{ by = "kind", codes = {{ 5 = "ink", 9 = "drum" }} }}
colour = {{ by = "colour", codes = {{ 2 = "cyan" }} }}
text = "text"
level = "level"
unit = "percent"
part_number = "part"
status = {{ by = "state", codes = {{ 4 = "low" }} }}
level_codes = {{ -100 = "empty" }}
joins = "last-arc"
"""


def test_a_table_of_supplies_adds_to_the_row_of_its_number_or_stands_alone(use: Use) -> None:
    use(HEAD + SUPPLIES)
    cells: dict[str, int | str | bytes] = {
        **STANDARD,
        ".9.1.3.2": 9, ".9.1.4.2": 2, ".9.1.5.2": 61, ".9.1.7.2": "DR-77",
        ".9.1.3.5": 5, ".9.1.5.5": -100, ".9.1.2.5": "Black ink T99",
        ".9.1.3.6": 77, ".9.1.5.6": 5,
        ".9.1.3.7": 5, ".9.1.5.7": 62, ".9.1.12.7": 4,
    }  # fmt: skip
    drum, black, low = read(rows(cells)).reading.supplies
    assert (drum.key, drum.ratio, drum.part_number) == ("1.2", 0.61, "DR-77")
    assert (black.key, black.state, black.ratio, black.description) == ("v:supply-5", "empty", None, "Black ink T99")
    assert (low.key, low.state, low.ratio) == ("v:supply-7", "low", 0.62)


def test_a_cartridge_holds_what_the_model_prints_with(use: Use) -> None:
    cartridge = f'[[supply]]\nkey = "black"\nkind = "cartridge"\nlevel = "{ACME}.8.1.0"\nunit = "percent"\n'
    model = f'[[identity]]\nfield = "model"\noid = "{ACME}.1.1.0"\n'
    use(HEAD.replace("[[rec", "ink_models = 'J\\d'\n[[rec") + cartridge + model)
    assert read(rows({".8.1.0": 5, ".1.1.0": "X J410"})).reading.supplies[0].kind == "ink"
    assert read(rows({".8.1.0": 5, ".1.1.0": "X 410"})).reading.supplies[0].kind == "toner"


# --- status and identity ---------------------------------------------------------------------------------------------------


def test_errors_and_display_of_the_vendor_where_the_standard_is_silent(use: Use) -> None:
    use(HEAD + f'[[status]]\nerror = "doorOpen"\nvalue = "{ACME}.7.1.0"\nis = [1, 3]\n[[display]]\nvalue = "{ACME}.7.9.0"\n')
    assert read(rows({".7.1.0": 3})).reading.status.errors == ("doorOpen",)
    assert read(rows({".7.1.0": 2})).reading.status.errors == ()
    assert read(rows({".7.1.0": 3, "1.3.6.1.2.1.25.3.5.1.2.1": b"\x00"})).reading.status.errors == ()


IDENTITY = f"""
[[identity]]
field = "model"
oid = "{ACME}.1.1.0"
clean = ["key MDL"]
[[identity]]
field = "model"
oid = "{ACME}.1.2.0"
[[identity]]
field = "serial"
oid = "{ACME}.1.3.0"
when = "after"
[[table]]
name = "modules"
columns = {{ value = "{ACME}.1.9.3", name = "{ACME}.1.9.2" }}
index = ["row"]
[[table.identity]]
field = "firmware"
where = {{ name = "Controller" }}
"""


def test_identity_out_of_the_vendors_mib(use: Use) -> None:
    use(HEAD + IDENTITY)
    cells: dict[str, int | str | bytes] = {
        ".1.1.0": "MFG:ACME;", ".1.2.0": "ACME X-410", ".1.3.0": "VNB3K1", ".1.9.2.1": "Engine", ".1.9.3.1": "9", ".1.9.2.4": "controller",
        ".1.9.3.4": "2.10",
    }  # fmt: skip
    printer = read(rows(cells)).reading.printer
    assert (printer.manufacturer, printer.model, printer.serial, printer.firmware) == ("ACME", "X-410", "VNB3K1", "2.10")
    assert (printer.profile, printer.id) == ("acme", "serial:32473:VNB3K1")
    printer = read(rows({**cells, "1.3.6.1.2.1.43.5.1.1.17.1": "ZZ81"})).reading.printer
    assert printer.serial == "ZZ81", "the standard MIB goes before what comes after it"


def test_filler_is_no_serial_number_here_either(use: Use) -> None:
    use(HEAD + IDENTITY)
    assert read(rows({".1.3.0": "0000000000"})).reading.printer.serial is None


# --- the way there ---------------------------------------------------------------------------------------------------------

ALONE = '[[recognise]]\nanswers = ["1.3.6.1.4.1.32473.7.3"]\n'


def test_a_device_without_a_sysobjectid_is_known_by_what_answers(use: Use) -> None:
    use(HEAD + ALONE + MATRIX)
    found = read(rows({".3.1.1.1": 2}, object_id=None))
    assert found.reading.is_printer
    assert (found.reading.printer.profile, found.counts()) == ("acme", {"print/mono": 2, "total/mono": 2})


def values_of(found: Read) -> tuple[int, int]:
    return len(found.learned.layout.shape.moving), len(found.learned.layout.shape.steady)


def test_only_rows_a_rule_uses_ride_along_in_a_poll(use: Use) -> None:
    use(HEAD + LABELLED)
    nothing = values_of(read(rows({})))
    cells: dict[str, int | str | bytes] = {f".4.1.5.{row}": f"Jam {row}" for row in range(1, 30)}
    cells |= {f".4.1.9.{row}": row for row in range(1, 30)}
    assert values_of(read(rows(cells))) == nothing
    assert values_of(read(rows({**cells, ".4.1.5.31": "Counter:Print", ".4.1.9.31": 5}))) == (nothing[0] + 1, nothing[1] + 1)


def test_a_layout_with_vendor_values_survives_a_restart(use: Use) -> None:
    use(HEAD + MATRIX + LABELLED + IDENTITY)
    layout = read(rows({".3.1.1.1": 2, ".4.1.5.1": "Counter:Print", ".4.1.9.1": 5, ".1.2.0": "X-410"})).learned.layout
    packed = remembered.pack_shape(layout.shape)
    assert remembered.unpack_shape(packed.name, packed.body) == layout.shape
    assert [one.name for one in layouts.profiles_of(layout)] == ["acme"]


def test_strings_of_records_are_given_room_in_an_answer(use: Use) -> None:
    use(HEAD + CARE + DRUM)
    layout = read(rows({".8.0": records(x79=1)})).learned.layout
    assert all(isinstance(question, Question) for question in layouts.questions(layout.shape, 64, 1400))
    assert len(layouts.questions(layout.shape, 64, 300)) >= len(layouts.questions(layout.shape, 64, 1400))


def test_a_hostile_table_is_cut(use: Use) -> None:
    use(HEAD + JOBS)
    cells: dict[str, int | str | bytes] = {}
    for row in range(1, 200):
        cells |= {f".5.1.7.1.{row}": row, f".5.1.2.1.{row}": 1, f".5.1.4.1.{row}": 7}
    assert counts(cells) == {"print/all": sum(range(1, 65))}
