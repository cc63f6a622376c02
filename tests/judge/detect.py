"""Whether one rule fires on one raw record."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from judge import condition
from judge.values import CATALOGUE, Value, canonical, number, small, sources_of, values, written

Lists: TypeAlias = "Mapping[str, Collection[str]]"
Pattern: TypeAlias = "list[tuple[str, str]]"

# The parts of a text with wildcards: a character that stands for itself, one character, any text.
_ITSELF, _ONE, _ANY = "itself", "one", "any"


def fires(definition: Mapping[str, Any], source_key: str, fields: Mapping[str, Any], lists: Lists) -> bool:
    """Tell whether a rule fires on a record of a log source."""
    if source_key not in sources_of(definition):
        return False
    record = _Record(source_key, fields, lists)
    detection = definition["detection"]
    truth = {name: record.meets(body) for name, body in detection.items() if name != "condition"}
    return condition.holds(condition.parse(detection["condition"]), truth)


def lacks_list(definition: Mapping[str, Any], lists: Lists) -> bool:
    """Tell whether a rule cannot be judged because a list that must have entries has none."""
    needed = [name for name, spec in CATALOGUE["lists"].items() if spec["if_empty"] == "refuse"]
    empty = [name for name in needed if not any(_entries(name, lists))]
    # A filter only takes things out, so its list may be empty.
    own = {name: body for name, body in definition["detection"].items() if not name.startswith("_filter_")}
    return any(f"%{name}%" in _texts(own) for name in empty)


def _texts(body: Any) -> list[Any]:
    """Return every value below a selection."""
    if isinstance(body, Mapping):
        body = list(body.values())
    return [text for part in body for text in _texts(part)] if isinstance(body, list) else [body]


class _Record:
    """One record, and what it is asked with."""

    def __init__(self, source: str, fields: Mapping[str, Any], lists: Lists) -> None:
        self.source = source
        self.fields = fields
        self.lists = lists

    def meets(self, selection: Any) -> bool:
        """Of a list one part has to hold, of a mapping every item."""
        if isinstance(selection, list):
            return any(self.meets(part) for part in selection)
        return all(self.item(str(key), wanted) for key, wanted in selection.items())

    def item(self, key: str, wanted: Any) -> bool:
        name, *modifiers = key.split("|")
        found = values(self.source, name, self.fields)
        asked = wanted if isinstance(wanted, list) else [wanted]
        answers = (self.comparison(found, [one for one in modifiers if one != "all"], one) for one in asked)
        return all(answers) if "all" in modifiers else any(answers)

    def comparison(self, found: tuple[Value, ...], modifiers: list[str], wanted: Any) -> bool:
        if modifiers == ["exists"]:
            return bool(found) is bool(wanted)
        if not modifiers and wanted is None:
            return not found
        if modifiers == ["fieldref"]:
            others = values(self.source, wanted, self.fields)
            return any(small(written(value)) == small(written(other)) for value in found for other in others)
        if modifiers == ["expand"]:
            entries = set(_entries(wanted, self.lists))
            return any(small(written(value)) in entries for value in found)
        return any(_compare(value, modifiers, wanted) for value in found)


def _entries(placeholder: str, lists: Lists) -> Iterator[str]:
    """Yield the entries of a list as they are compared: in the form of its type, letter case aside."""
    name = placeholder.strip("%")
    kind = CATALOGUE["lists"][name]["key"]
    for entry in lists.get(name, ()):
        # A key of several parts is text as it is; white space around it is an accident of the file.
        form = canonical(kind if kind in ("guid", "ip") else "text", str(entry).strip())
        if form is not None:
            yield small(written(form))


def _compare(value: Value, modifiers: list[str], wanted: Any) -> bool:
    if modifiers and modifiers[0] in _ORDERS:
        found = number(value)
        return found is not None and _ORDERS[modifiers[0]](found, wanted)
    if modifiers == ["cidr"]:
        return _is_inside(written(value), wanted)
    if modifiers and modifiers[0] == "re":
        return _finds(wanted, written(value), ignore_case="i" in modifiers)
    if isinstance(wanted, bool):
        return small(written(value)) == small(str(wanted))
    if isinstance(wanted, int):
        return number(value) == wanted
    return _text_fits(written(value), modifiers, wanted)


_ORDERS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


# Text


def _text_fits(text: str, modifiers: list[str], wanted: str) -> bool:
    if "cased" not in modifiers:
        text, wanted = small(text), small(wanted)
    pattern = _pattern(wanted)
    if "contains" in modifiers or "endswith" in modifiers:
        pattern = [(_ANY, ""), *pattern]
    if "contains" in modifiers or "startswith" in modifiers:
        pattern = [*pattern, (_ANY, "")]
    return _fits(pattern, text)


def _pattern(wanted: str) -> Pattern:
    r"""Read a text with wildcards. A backslash takes the meaning of ``*``, ``?`` or ``\`` behind it, else it stays."""
    parts: Pattern = []
    at = 0
    while at < len(wanted):
        letter = wanted[at]
        if letter == "\\" and wanted[at + 1 : at + 2] in ("*", "?", "\\"):
            at += 1
            parts.append((_ITSELF, wanted[at]))
        elif letter in "*?":
            parts.append((_ANY if letter == "*" else _ONE, ""))
        else:
            parts.append((_ITSELF, letter))
        at += 1
    return parts


def _fits(pattern: Pattern, text: str) -> bool:
    """Follow every way of reading a text: ``places`` is how far into the text the pattern so far can reach."""
    places = {0}
    for kind, letter in pattern:
        if kind == _ANY:
            places = {later for place in places for later in range(place, len(text) + 1)}
        else:
            places = {place + 1 for place in places if place < len(text) and (kind == _ONE or text[place] == letter)}
    return len(text) in places


def _finds(expression: str, text: str, *, ignore_case: bool) -> bool:
    r"""Search with Python's engine where it means what RE2 means.

    They agree on the ASCII meaning of ``\d``, ``\w`` and ``\b`` and, once ``$`` and ``\z`` are written as Python's
    ``\Z``, on the end of the text. They differ on ``\s`` (Python counts the vertical tab), on ``(?m)`` with ``$``, on
    letter case beyond ASCII (RE2 takes U+212A for a k), on ``\pL``, ``\Q…\E`` and ``[[:alpha:]]``, and on what Python
    alone has: look-around, back references, possessive repetition.
    """
    flags = re.ASCII | (re.IGNORECASE if ignore_case else 0)
    return re.search(_python(expression), text, flags) is not None


def _python(expression: str) -> str:
    parts: list[str] = []
    at, in_class = 0, False
    while at < len(expression):
        letter = expression[at]
        if letter == "\\":
            pair = expression[at : at + 2]
            parts.append(r"\Z" if pair == r"\z" else pair)
            at += 2
            continue
        if letter == "[" and not in_class:
            in_class = True
        elif letter == "]" and in_class:
            in_class = False
        parts.append(r"\Z" if letter == "$" and not in_class else letter)
        at += 1
    return "".join(parts)


# Addresses


def _is_inside(address: str, network: str) -> bool:
    base, _, length = network.partition("/")
    bits = _bits(base)
    found = _bits(address)
    if len(found) == 128 and found.startswith("0" * 80 + "1" * 16):
        found = found[96:]
    if not found or len(found) != len(bits):
        return False
    width = int(length) if length else len(bits)
    return found[:width] == bits[:width]


def _bits(address: str) -> str:
    """Return an address as zeros and ones, 32 or 128 of them; what is no address has none."""
    if ":" in address:
        return _bits_of_six(address)
    parts = address.split(".")
    if len(parts) != 4 or not all(_is_octet(part) for part in parts):
        return ""
    return "".join(f"{int(part):08b}" for part in parts)


def _is_octet(part: str) -> bool:
    return part.isascii() and part.isdigit() and str(int(part)) == part and int(part) < 256


def _bits_of_six(address: str) -> str:
    head, gap, tail = address.partition("%")[0].partition("::")
    left, right = _groups(head, is_end=not gap), _groups(tail, is_end=True)
    if left is None or right is None or "::" in tail:
        return ""
    missing = 128 - len(left) - len(right)
    if missing < 16 if gap else missing != 0:
        return ""
    return left + "0" * missing + right


def _groups(text: str, *, is_end: bool) -> str | None:
    """Return the bits of groups between colons, None if they are none; the end of an address may have dots."""
    if not text:
        return ""
    bits = ""
    groups = text.split(":")
    for at, group in enumerate(groups):
        if "." in group and is_end and at == len(groups) - 1:
            dotted = _bits(group)
        elif 1 <= len(group) <= 4 and all(letter in "0123456789abcdefABCDEF" for letter in group):
            dotted = f"{int(group, 16):016b}"
        else:
            dotted = ""
        if not dotted:
            return None
        bits += dotted
    return bits
