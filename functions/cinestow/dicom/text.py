"""One value against its Value Representation (PS3.5 Table 6.2-1). Knows no attribute."""

import re
import unicodedata
from datetime import datetime

_LENGTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "UC": 65534, "UT": 65534, "UR": 65534}
_PARAGRAPHS = frozenset({"LT", "ST", "UT"})
_PATTERNS = {
    "AE": (r"[\x20-\x5b\x5d-\x7e]{1,16}", "at most 16 ASCII characters"),
    "AS": (r"\d{3}[DWMY]", "an age such as 045Y"),
    "CS": (r"[A-Z0-9 _]{1,16}", "at most 16 upper-case letters, digits, spaces or underscores"),
    "DS": (
        r"(?=.{1,16}$)[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?",
        "a decimal number of at most 16 characters",
    ),
    "IS": (r"[+-]?\d{1,11}", "a whole number from -2147483648 to 2147483647"),
    "UI": (r"(?=.{1,64}$)[0-2](\.(0|[1-9]\d*))+", "a UID"),
    "UR": (r"[A-Za-z0-9_:/?#\[\]@!$&'()*+,;=%\-.~]+", "a URI"),
}
_DATE = r"(\d{4})(\d\d)(\d\d)"
_TIME = r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"
_OFFSET = r"[+-](0\d|1[0-4])[0-5]\d"
_DATE_EXPECTED = "a real date from 1800 to 2199 as YYYYMMDD"
_INTEGERS = {
    "US": (0, 0xFFFF),
    "SS": (-0x8000, 0x7FFF),
    "UL": (0, 0xFFFFFFFF),
    "SL": (-0x80000000, 0x7FFFFFFF),
}
_FLOAT32_MAX = 3.4028234663852886e38


def check_text(vr: str, text: str) -> tuple[str, str]:
    """The value without insignificant spaces, and what was expected ("" when it is right)."""
    if any(_is_forbidden(char, vr) for char in text):
        return "", "expected text without control characters, backslashes or broken characters"
    text = text.rstrip(" ") if vr in _PARAGRAPHS else text.strip(" ")
    if not text:
        return "", ""
    return text, _expected(vr, text)


def check_number(vr: str, value: str | int | float) -> tuple[int | float | None, str]:
    """A binary number, or None and what was expected."""
    if vr in _INTEGERS:
        low, high = _INTEGERS[vr]
        expected = f"expected a whole number from {low} to {high}"
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,10}", value.strip()):
            value = int(value)
        inside = isinstance(value, int) and low <= value <= high
        return (int(value) if inside else None), expected
    most = _FLOAT32_MAX if vr == "FL" else float("inf")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = float("inf")
    return (number if abs(number) <= most and abs(number) < float("inf") else None), (
        "expected a number"
    )


def _is_forbidden(char: str, vr: str) -> bool:
    if vr in _PARAGRAPHS and char in "\r\n\t\f\\":
        return False
    return char in "\\\ufffd" or unicodedata.category(char) in ("Cc", "Cs")


def _expected(vr: str, text: str) -> str:
    if vr == "PN":
        return _person_name(text)
    if vr in ("DA", "TM", "DT"):
        return _moment(vr, text)
    if vr in _PATTERNS:
        pattern, expected = _PATTERNS[vr]
        fits = re.fullmatch(pattern, text, re.ASCII)
        if vr == "IS" and fits:
            fits = fits if -(2**31) <= int(text) < 2**31 else None
        return "" if fits else f"expected {expected}"
    longest = _LENGTHS[vr]
    return "" if len(text) <= longest else f"expected at most {longest} characters"


def _person_name(text: str) -> str:
    groups = text.split("=")
    if len(groups) > 3 or any(len(g) > 64 or g.count("^") > 4 for g in groups):
        return (
            "expected at most 3 groups of 64 characters, of 5 components each: "
            "Family^Given^Middle^Prefix^Suffix=Ideographic=Phonetic"
        )
    return ""


def _moment(vr: str, text: str) -> str:
    if vr == "TM":
        return "" if re.fullmatch(_TIME, text, re.ASCII) else "expected a time as HHMMSS.FFFFFF"
    if vr == "DA":
        fits = re.fullmatch(_DATE, text, re.ASCII)
        return "" if fits and _is_real_date(text) else f"expected {_DATE_EXPECTED}"
    fits = re.fullmatch(rf"({_DATE})({_TIME})?({_OFFSET})?", text, re.ASCII)
    if fits and _is_real_date(text[:8]):
        return ""
    return f"expected {_DATE_EXPECTED}, then HHMMSS.FFFFFF and an offset such as +0100"


def _is_real_date(text: str) -> bool:
    try:
        return 1800 <= datetime.strptime(text, "%Y%m%d").year < 2200
    except ValueError:
        return False


def is_offset(text: str) -> bool:
    """Whether the text is an offset from UTC, -1200 to +1400 (PS3.3 C.12.1.1.8)."""
    return bool(re.fullmatch(_OFFSET, text, re.ASCII)) and -1200 <= int(text) <= 1400
