"""Every object identifier and enumeration this room reads, with the spelling of its MIB; the only place that spelling is used.

Sources: RFC 3418 (system), RFC 2863 (interfaces), RFC 2790 (host resources), RFC 3805 (Printer-MIB; its enumerations are kept by IANA in
IANA-PRINTER-MIB), RFC 3806 (Finisher-MIB), PWG 5107.1 (PORT-MONITOR-MIB). Constants say what a value means here; `Object.name` is what the
MIB calls it, for `read --explain`.
"""

from __future__ import annotations

from typing import NamedTuple

from poller.snmp.oid import Oid, parse


class Object(NamedTuple):
    """One MIB object: a scalar (its instance is `.0`) or a column (its instances are row indexes)."""

    name: str
    oid: Oid

    @property
    def scalar(self) -> Oid:
        """The instance of a scalar object."""
        return Oid(self.oid + b"\x00")


def _object(name: str, dotted: str) -> Object:
    return Object(name, parse(dotted))


# --- system, RFC 3418 --------------------------------------------------------------------------------------------------

DESCRIPTION = _object("sysDescr", "1.3.6.1.2.1.1.1")
OBJECT_ID = _object("sysObjectID", "1.3.6.1.2.1.1.2")
UPTIME = _object("sysUpTime", "1.3.6.1.2.1.1.3")
HOST_NAME = _object("sysName", "1.3.6.1.2.1.1.5")
LOCATION = _object("sysLocation", "1.3.6.1.2.1.1.6")

ENTERPRISES = parse("1.3.6.1.4.1")

# --- interfaces, RFC 2863 ----------------------------------------------------------------------------------------------

INTERFACE_TYPE = _object("ifType", "1.3.6.1.2.1.2.2.1.3")
INTERFACE_ADDRESS = _object("ifPhysAddress", "1.3.6.1.2.1.2.2.1.6")

SOFTWARE_LOOPBACK = 24  # IANAifType

# --- host resources, RFC 2790 ------------------------------------------------------------------------------------------

DEVICE_ENTRY = parse("1.3.6.1.2.1.25.3.2.1")
DEVICE_TYPE = _object("hrDeviceType", "1.3.6.1.2.1.25.3.2.1.2")
DEVICE_DESCRIPTION = _object("hrDeviceDescr", "1.3.6.1.2.1.25.3.2.1.3")
DEVICE_ID = _object("hrDeviceID", "1.3.6.1.2.1.25.3.2.1.4")
DEVICE_STATUS = _object("hrDeviceStatus", "1.3.6.1.2.1.25.3.2.1.5")
PRINTER_ENTRY = parse("1.3.6.1.2.1.25.3.5.1")
PRINTER_STATUS = _object("hrPrinterStatus", "1.3.6.1.2.1.25.3.5.1.1")
PRINTER_ERRORS = _object("hrPrinterDetectedErrorState", "1.3.6.1.2.1.25.3.5.1.2")

TYPE_PRINTER = parse("1.3.6.1.2.1.25.3.1.5")
"""The value of hrDeviceType that says "this row is a printer": hrDevicePrinter."""

RUNNING = 2
DEVICE_STATUSES = {1: "unknown", 2: "running", 3: "warning", 4: "testing", 5: "down"}
PRINTER_STATUSES = {1: "other", 2: "unknown", 3: "idle", 4: "printing", 5: "warmup"}
ERROR_BITS = (
    "lowPaper noPaper lowToner noToner doorOpen jammed offline serviceRequested "
    "inputTrayMissing outputTrayMissing markerSupplyMissing outputNearFull outputFull inputTrayEmpty overduePreventMaint"
).split()
"""By bit number; bit 0 is the most significant of the first octet."""

# --- Printer-MIB, RFC 3805 ---------------------------------------------------------------------------------------------

PRINTER_MIB = parse("1.3.6.1.2.1.43")

GENERAL_ENTRY = parse("1.3.6.1.2.1.43.5.1.1")
CONFIG_CHANGES = _object("prtGeneralConfigChanges", "1.3.6.1.2.1.43.5.1.1.1")
LOCALIZATION = _object("prtGeneralCurrentLocalization", "1.3.6.1.2.1.43.5.1.1.2")
CONSOLE_LOCALIZATION = _object("prtConsoleLocalization", "1.3.6.1.2.1.43.5.1.1.10")
SERIAL_NUMBER = _object("prtGeneralSerialNumber", "1.3.6.1.2.1.43.5.1.1.17")
ALERT_EVENTS = _object("prtAlertAllEvents", "1.3.6.1.2.1.43.5.1.1.19")

COVER_ENTRY = parse("1.3.6.1.2.1.43.6.1.1")
COVER_DESCRIPTION = _object("prtCoverDescription", "1.3.6.1.2.1.43.6.1.1.2")
COVER_STATUS = _object("prtCoverStatus", "1.3.6.1.2.1.43.6.1.1.3")

CHARACTER_SET = _object("prtLocalizationCharacterSet", "1.3.6.1.2.1.43.7.1.1.4")

TRAY_UNIT = _object("prtInputCapacityUnit", "1.3.6.1.2.1.43.8.2.1.8")
TRAY_CAPACITY = _object("prtInputMaxCapacity", "1.3.6.1.2.1.43.8.2.1.9")
TRAY_LEVEL = _object("prtInputCurrentLevel", "1.3.6.1.2.1.43.8.2.1.10")
TRAY_MEDIA = _object("prtInputMediaName", "1.3.6.1.2.1.43.8.2.1.12")
TRAY_NAME = _object("prtInputName", "1.3.6.1.2.1.43.8.2.1.13")
TRAY_DESCRIPTION = _object("prtInputDescription", "1.3.6.1.2.1.43.8.2.1.18")

MARKER_ENTRY = parse("1.3.6.1.2.1.43.10.2.1")
MARKER_TECHNOLOGY = _object("prtMarkerMarkTech", "1.3.6.1.2.1.43.10.2.1.2")
MARKER_UNIT = _object("prtMarkerCounterUnit", "1.3.6.1.2.1.43.10.2.1.3")
MARKER_COUNT = _object("prtMarkerLifeCount", "1.3.6.1.2.1.43.10.2.1.4")

SUPPLY_ENTRY = parse("1.3.6.1.2.1.43.11.1.1")
SUPPLY_COLORANT = _object("prtMarkerSuppliesColorantIndex", "1.3.6.1.2.1.43.11.1.1.3")
SUPPLY_CLASS = _object("prtMarkerSuppliesClass", "1.3.6.1.2.1.43.11.1.1.4")
SUPPLY_TYPE = _object("prtMarkerSuppliesType", "1.3.6.1.2.1.43.11.1.1.5")
SUPPLY_DESCRIPTION = _object("prtMarkerSuppliesDescription", "1.3.6.1.2.1.43.11.1.1.6")
SUPPLY_UNIT = _object("prtMarkerSuppliesSupplyUnit", "1.3.6.1.2.1.43.11.1.1.7")
SUPPLY_CAPACITY = _object("prtMarkerSuppliesMaxCapacity", "1.3.6.1.2.1.43.11.1.1.8")
SUPPLY_LEVEL = _object("prtMarkerSuppliesLevel", "1.3.6.1.2.1.43.11.1.1.9")

COLORANT_VALUE = _object("prtMarkerColorantValue", "1.3.6.1.2.1.43.12.1.1.4")

DISPLAY_LINE = _object("prtConsoleDisplayBufferText", "1.3.6.1.2.1.43.16.5.1.2")

ALERT_ENTRY = parse("1.3.6.1.2.1.43.18.1.1")
ALERT_SEVERITY = _object("prtAlertSeverityLevel", "1.3.6.1.2.1.43.18.1.1.2")
ALERT_GROUP = _object("prtAlertGroup", "1.3.6.1.2.1.43.18.1.1.4")
ALERT_ROW = _object("prtAlertGroupIndex", "1.3.6.1.2.1.43.18.1.1.5")
ALERT_LOCATION = _object("prtAlertLocation", "1.3.6.1.2.1.43.18.1.1.6")
ALERT_CODE = _object("prtAlertCode", "1.3.6.1.2.1.43.18.1.1.7")
ALERT_DESCRIPTION = _object("prtAlertDescription", "1.3.6.1.2.1.43.18.1.1.8")
ALERT_TIME = _object("prtAlertTime", "1.3.6.1.2.1.43.18.1.1.9")

COVERS_OPEN = {3: True, 4: False, 5: True, 6: False}
"""PrtCoverStatusTC: coverOpen, coverClosed, interlockOpen, interlockClosed."""

CAPACITY_UNITS = {
    1: "other", 3: "tenThousandthsOfInches", 4: "micrometers", 8: "sheets", 16: "feet", 17: "meters", 18: "items", 19: "percent",
}  # fmt: skip
"""PrtCapacityUnitTC; unknown(2) is no unit."""

SUPPLY_UNITS = {
    1: "other", 3: "tenThousandthsOfInches", 4: "micrometers", 7: "impressions", 8: "sheets", 11: "hours", 12: "thousandthsOfOunces",
    13: "tenthsOfGrams", 14: "hundrethsOfFluidOunces", 15: "tenthsOfMilliliters", 16: "feet", 17: "meters", 18: "items", 19: "percent",
}  # fmt: skip
"""PrtMarkerSuppliesSupplyUnitTC, misspelling included; unknown(2) is no unit."""

CONSUMED, RECEPTACLE = 3, 4
"""PrtMarkerSuppliesClassTC: supplyThatIsConsumed, receptacleThatIsFilled."""

SUPPLY_TYPES = {
    3: "toner", 4: "wasteToner", 5: "ink", 6: "inkCartridge", 7: "inkRibbon", 8: "wasteInk", 9: "opc", 10: "developer", 11: "fuserOil",
    12: "solidWax", 13: "ribbonWax", 14: "wasteWax", 15: "fuser", 16: "coronaWire", 17: "fuserOilWick", 18: "cleanerUnit",
    19: "fuserCleaningPad", 20: "transferUnit", 21: "tonerCartridge", 22: "fuserOiler", 23: "water", 24: "wasteWater",
    25: "glueWaterAdditive", 26: "wastePaper", 27: "bindingSupply", 28: "bandingSupply", 29: "stitchingWire", 30: "shrinkWrap",
    31: "paperWrap", 32: "staples", 33: "inserts", 34: "covers", 35: "matteToner", 36: "matteInk",
}  # fmt: skip
"""PrtMarkerSuppliesTypeTC; other(1) and unknown(2) say nothing."""

TONER_TECHNOLOGIES = frozenset({3, 4, 5, 20, 21, 25})
INK_TECHNOLOGIES = frozenset({12, 14})
"""PrtMarkerMarkTechTC: the electrophotographic ones; inkjetAqueous and inkjetOther."""

ALERT_SEVERITIES = {3: "critical", 4: "warning", 5: "warningBinaryChangeEvent"}
"""PrtAlertSeverityLevelTC. 4 is an event that is over once it is told; 3 and 5 are conditions that stay in the table while they hold."""

ALERT_GROUPS = {
    1: "other", 3: "hostResourcesMIBStorageTable", 4: "hostResourcesMIBDeviceTable", 5: "generalPrinter", 6: "cover", 7: "localization",
    8: "input", 9: "output", 10: "marker", 11: "markerSupplies", 12: "markerColorant", 13: "mediaPath", 14: "channel", 15: "interpreter",
    16: "consoleDisplayBuffer", 17: "consoleLights", 18: "alert", 30: "finDevice", 31: "finSupply", 32: "finSupplyMediaInput",
    33: "finAttribute",
}  # fmt: skip
"""PrtAlertGroupTC; unknown(2) is no group."""

GROUP_INPUT, GROUP_SUPPLY, GROUP_FINISHER_SUPPLY = 8, 11, 31

CODES_LOW = frozenset({10, 12, 14, 16, 807, 1104, 1105, 1106, 1107, 1108, 1111, 1113})
"""PrtAlertCodeTC: subunitLifeAlmostOver, subunitAlmostEmpty, subunitAlmostFull, subunitNearLimit, inputMediaSupplyLow, marker…Almost…"""

CODES_EMPTY = frozenset({11, 13, 15, 17, 808, 1101, 1102, 1103, 1109, 1110, 1112, 1114})
"""PrtAlertCodeTC: subunitLifeOver, subunitEmpty, subunitFull, subunitAtLimit, inputMediaSupplyEmpty, marker…Empty, …Full, …LifeOver"""

# --- Finisher-MIB, RFC 3806 --------------------------------------------------------------------------------------------

FINISHER_ENTRY = parse("1.3.6.1.2.1.43.31.1.1")
FINISHER_CLASS = _object("finSupplyClass", "1.3.6.1.2.1.43.31.1.1.3")
FINISHER_TYPE = _object("finSupplyType", "1.3.6.1.2.1.43.31.1.1.4")
FINISHER_DESCRIPTION = _object("finSupplyDescription", "1.3.6.1.2.1.43.31.1.1.5")
FINISHER_UNIT = _object("finSupplyUnit", "1.3.6.1.2.1.43.31.1.1.6")
FINISHER_CAPACITY = _object("finSupplyMaxCapacity", "1.3.6.1.2.1.43.31.1.1.7")
FINISHER_LEVEL = _object("finSupplyCurrentLevel", "1.3.6.1.2.1.43.31.1.1.8")
FINISHER_COLOUR = _object("finSupplyColorName", "1.3.6.1.2.1.43.31.1.1.9")

# --- PWG PORT-MONITOR-MIB ----------------------------------------------------------------------------------------------

IEEE_1284_ID = _object("ppmPrinterIEEE1284DeviceId", "1.3.6.1.4.1.2699.1.2.1.2.1.1.3")
