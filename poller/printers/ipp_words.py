"""The words of IPP and what they are in the words of the Printer-MIB. Data only.

Sources: RFC 8011 section 5.4.12, PWG 5100.9 and RFC 3805 appendix (state reasons and the conditions they are about), IANA-PRINTER-MIB
(PrtAlertCodeTC), CUPS (marker-colors are sRGB).
"""

from __future__ import annotations

from poller.printers import makers, mib
from poller.snmp.oid import tail_arcs

ENTERPRISES: dict[str, int] = {}
"""The IANA enterprise number of a brand: the first of its families. IPP tells a name and no number."""
for _prefix, _family in makers.FAMILIES.items():
    ENTERPRISES.setdefault(_family.manufacturer, tail_arcs(_prefix[len(mib.ENTERPRISES) :])[0])

ERRORS = {
    "media-low": "lowPaper", "media-empty": "noPaper", "media-needed": "noPaper",
    "toner-low": "lowToner", "marker-supply-low": "lowToner",
    "marker-ink-almost-empty": "lowToner", "marker-toner-almost-empty": "lowToner",
    "toner-empty": "noToner", "marker-supply-empty": "noToner", "marker-ink-empty": "noToner", "marker-toner-empty": "noToner",
    "cover-open": "doorOpen", "door-open": "doorOpen", "interlock-open": "doorOpen",
    "media-jam": "jammed",
    "offline": "offline", "shutdown": "offline",
    "marker-waste-full": "serviceRequested", "marker-waste-toner-receptacle-full": "serviceRequested",
    "marker-waste-ink-receptacle-full": "serviceRequested", "opc-life-over": "serviceRequested", "developer-empty": "serviceRequested",
    "fuser-over-temp": "serviceRequested", "fuser-under-temp": "serviceRequested", "cleaner-life-over": "serviceRequested",
    "input-tray-missing": "inputTrayMissing",
    "output-tray-missing": "outputTrayMissing",
    "marker-supply-missing": "markerSupplyMissing", "marker-toner-missing": "markerSupplyMissing",
    "marker-ink-missing": "markerSupplyMissing",
    "output-area-almost-full": "outputNearFull",
    "output-area-full": "outputFull",
}  # fmt: skip
"""Keywords of printer-state-reasons, without -report, -warning or -error, as names of hrPrinterDetectedErrorState."""

_CODE_NAMES = {
    1: "other unknown coverOpen coverClosed interlockOpen interlockClosed configurationChange "
       "jam subunitMissing subunitLifeAlmostOver subunitLifeOver "
       "subunitAlmostEmpty subunitEmpty subunitAlmostFull subunitFull subunitNearLimit subunitAtLimit subunitOpened subunitClosed "
       "subunitTurnedOn subunitTurnedOff subunitOffline subunitPowerSaver subunitWarmingUp subunitAdded subunitRemoved "
       "subunitResourceAdded subunitResourceRemoved subunitRecoverableFailure subunitUnrecoverableFailure "
       "subunitRecoverableStorageError subunitUnrecoverableStorageError subunitMotorFailure subunitMemoryExhausted "
       "subunitUnderTemperature subunitOverTemperature subunitTimingFailure subunitThermistorFailure",
    501: "doorOpen doorClosed powerUp powerDown printerNMSReset printerManualReset printerReadyToPrint",
    801: "inputMediaTrayMissing inputMediaSizeChange inputMediaWeightChange inputMediaTypeChange inputMediaColorChange "
         "inputMediaFormPartsChange inputMediaSupplyLow inputMediaSupplyEmpty inputMediaChangeRequest inputManualInputRequest "
         "inputTrayPositionFailure inputTrayElevationFailure inputCannotFeedSizeSelected",
    901: "outputMediaTrayMissing outputMediaTrayAlmostFull outputMediaTrayFull outputMailboxSelectFailure",
    1001: "markerFuserUnderTemperature markerFuserOverTemperature markerFuserTimingFailure markerFuserThermistorFailure "
          "markerAdjustingPrintQuality",
    1101: "markerTonerEmpty markerInkEmpty markerPrintRibbonEmpty markerTonerAlmostEmpty markerInkAlmostEmpty "
          "markerPrintRibbonAlmostEmpty markerWasteTonerReceptacleAlmostFull markerWasteInkReceptacleAlmostFull "
          "markerWasteTonerReceptacleFull markerWasteInkReceptacleFull markerOpcLifeAlmostOver markerOpcLifeOver "
          "markerDeveloperAlmostEmpty markerDeveloperEmpty markerTonerCartridgeMissing",
}  # fmt: skip
ALERT_CODES = {name.lower(): first + at for first, names in _CODE_NAMES.items() for at, name in enumerate(names.split())}
"""PrtAlertCodeTC by name in lower case; the numbers of each group follow each other."""

_COLOURS = {
    "black": (0x00, 0x00, 0x00), "cyan": (0x00, 0xFF, 0xFF), "magenta": (0xFF, 0x00, 0xFF), "yellow": (0xFF, 0xFF, 0x00),
    "red": (0xFF, 0x00, 0x00), "green": (0x00, 0xFF, 0x00), "blue": (0x00, 0x00, 0xFF), "white": (0xFF, 0xFF, 0xFF),
    "orange": (0xFF, 0xA5, 0x00), "violet": (0xEE, 0x82, 0xEE), "gray": (0x80, 0x80, 0x80), "light gray": (0xD3, 0xD3, 0xD3),
    "light cyan": (0xE0, 0xFF, 0xFF), "light magenta": (0xFF, 0xE0, 0xFF),
}  # fmt: skip
_PROCESS_INKS = {"cyan": (0x00, 0xAE, 0xEF), "magenta": (0xEC, 0x00, 0x8C), "yellow": (0xFF, 0xF2, 0x00), "black": (0x23, 0x1F, 0x20)}
"""What the inks of offset printing look like on a screen; designers of firmware use these as well."""
_CHANNEL_APART_MAX = 24


def colour_of(rgb: bytes) -> str | None:
    """Return the name of a colour on a screen, if it is nearly one of those a printer prints with."""

    def apart(colour: tuple[int, int, int]) -> int:
        return max(abs(one - other) for one, other in zip(rgb, colour, strict=True))

    near = sorted((apart(colour), name) for named in (_COLOURS, _PROCESS_INKS) for name, colour in named.items())
    return near[0][1] if near[0][0] <= _CHANNEL_APART_MAX else None
