"""Values inside values: strict JSON, JSON inside JSON, PowerShell's ``@{...}``, OData residue."""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_DEPTH = 64
MAX_DIGITS = 64
MAX_LAYERS = 3
MAX_REPR = 1 << 20
MAX_VALUES = 200_000
"""Most values in one record; what has more is no record, and would take memory many times its length."""

_LARGE = 1 << 20
_LONGEST_ESCAPE = 16

_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r"@\{|\}|(?:^|; )([\w.@ -]+)=")
_LOST = re.compile(r"System\.(?:Object\[\]|Collections\.[\w.`\[\]]+)")


class UnreadableError(ValueError):
    """A text is not the JSON that it should be; ``position`` is where reading stopped."""

    def __init__(self, problem: str, position: int = 0, *, is_open: bool = False) -> None:
        super().__init__(problem)
        self.position = position
        self._is_open = is_open

    def could_go_on(self, text: str) -> bool:
        """Whether the text may have ended in the middle of a value that is in order so far."""
        return self._is_open or self.position > len(text) - _LONGEST_ESCAPE

    def looked_at(self, text: str, start: int) -> int:
        """How many characters of the text were looked at from there on."""
        return len(text) - start if self._is_open else max(self.position - start, 0)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One JSON value, where it ended, and what is wrong with it although it could be read."""

    value: object
    end: int
    flaws: tuple[str, ...]


class StrictJson:
    """A JSON decoder that notices what ``json`` lets pass: NaN, infinity, repeated keys, depth, endless numbers.

    It notes such flaws instead of raising, so that the place where the value ends stays known
    and a flawed value in a file costs itself only.
    """

    def __init__(self) -> None:
        self._flaws: list[str] = []
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._int,
        )

    def parse(self, text: str, start: int = 0) -> Parsed:
        """Read the value that begins at ``start``; raises ``UnreadableError``."""
        self._flaws = []
        if len(text) - start > _LARGE and text.count(",", start) > MAX_VALUES:
            raise UnreadableError(f"more than {MAX_VALUES} values in one record", len(text) - _LONGEST_ESCAPE)
        try:
            value, end = self._decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            is_open = error.msg.startswith("Unterminated string")
            raise UnreadableError(f"no valid JSON: {error.msg}", error.pos, is_open=is_open) from error
        except RecursionError as error:
            # Where reading stopped is not said; a thousand levels take some kilobytes.
            raise UnreadableError(
                f"JSON nested deeper than {MAX_DEPTH}", min(start + (64 << 10), len(text) - _LONGEST_ESCAPE)
            ) from error
        if self._may_be_deep(text, start, end) and _deeper_than(value, MAX_DEPTH):
            self._flaws.append(f"JSON nested deeper than {MAX_DEPTH}")
        if _SURROGATE.search(text, start, end):
            self._flaws.append("bytes that are not valid UTF-8")
        elif not self._flaws and ("\\ud" in text[start:end] or "\\uD" in text[start:end]):
            value = without_surrogates(value)
        return Parsed(value, end, tuple(dict.fromkeys(self._flaws)))

    @staticmethod
    def _may_be_deep(text: str, start: int, end: int) -> bool:
        return text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self._note_repeated(pairs)
        return found

    def _note_repeated(self, pairs: list[tuple[str, object]]) -> None:
        first: dict[str, object] = {}
        for key, value in pairs:
            if key in first and not same_value(first[key], value):
                self._flaws.append(f"key {key[:40]!r} occurs twice with different values")
            first.setdefault(key, value)

    def _constant(self, name: str) -> None:
        self._flaws.append(f"{name} is no JSON number")

    def _float(self, digits: str) -> float:
        number = float(digits)
        if not math.isfinite(number):
            self._flaws.append(f"number {digits[:20]} is out of range")
        return number

    def _int(self, digits: str) -> int:
        # Python refuses thousands of digits with an exception; no field of an audit record has more than 20.
        if len(digits) > MAX_DIGITS:
            self._flaws.append(f"number with {len(digits)} digits")
            return 0
        return int(digits)


def same_value(one: object, other: object) -> bool:
    """Whether two values are equal as JSON, where 1 is not true."""
    return type(one) is type(other) and one == other


def without_surrogates(value: object) -> object:
    """Replace lone surrogates by U+FFFD, so that whatever shows the value can be written as UTF-8."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {str(without_surrogates(key)): without_surrogates(item) for key, item in value.items()}
    return value


def payload(value: object) -> dict[str, object]:
    """The record inside a wrapper's cell: an object, JSON text of one (up to three layers), ``@{...}`` or a repr.

    Raises ``UnreadableError`` where there is none.
    """
    if is_lost(value):
        raise UnreadableError(f"holds only {str(value)[:40]}: the export lost the content; export again as JSON")
    for _ in range(MAX_LAYERS + 1):
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            break
        value = _from_text(value.strip())
    raise UnreadableError("holds no JSON object")


def _from_text(text: str) -> object:
    if text.startswith("@{"):
        return powershell(text)
    try:
        parsed = StrictJson().parse(text)
    except UnreadableError:
        if text.startswith("{'"):
            return _from_repr(text)
        raise
    if text[parsed.end :].strip():
        raise UnreadableError("text follows the JSON value", parsed.end)
    if parsed.flaws:
        raise UnreadableError("; ".join(parsed.flaws))
    return parsed.value


def _from_repr(text: str) -> object:
    """Notebooks write dictionaries as Python shows them; only literals are read, nothing is executed."""
    if len(text) > MAX_REPR:
        raise UnreadableError("holds no JSON object")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd backslashes in the text
            value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise UnreadableError("holds no JSON object") from error
    if _deeper_than(value, MAX_DEPTH):
        raise UnreadableError(f"nested deeper than {MAX_DEPTH}")
    return value


def structured(value: object) -> object:
    """Decode a list or object field that an export turned into text; anything else comes back as it is."""
    if isinstance(value, list):
        return [powershell(item) if isinstance(item, str) and item.startswith("@{") else item for item in value]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text[:2] == "@{":
        return powershell(text)
    if text[:1] not in ("{", "["):
        return value
    try:
        decoded = _from_text(text)
    except UnreadableError:
        return value
    return structured(decoded) if isinstance(decoded, list) else decoded


def powershell(text: str) -> object:
    """Read ``@{Name=IsThrottled; Value=False}`` as an object of texts, nested ones too; other text stays text."""
    if not (text.startswith("@{") and text.endswith("}")) or text.count("@{") > MAX_DEPTH:
        return text
    inner = text[2:-1]
    found: dict[str, object] = {}
    for pair in _outer_pairs(inner):
        name, _, value = pair.partition("=")
        found[name.strip()] = powershell(value)
    return found


def _outer_pairs(inner: str) -> list[str]:
    """Split at each ``; name=`` that is not inside a nested ``@{...}``."""
    depth = 0
    starts: list[int] = []
    for token in _TOKEN.finditer(inner):
        if token[0] == "@{":
            depth += 1
        elif token[0] == "}":
            depth = max(0, depth - 1)
        elif depth == 0:
            starts.append(token.start(1))
    if not starts:
        return []
    ends = [start - len("; ") for start in starts[1:]] + [len(inner)]
    return [inner[start:end] for start, end in zip(starts, ends, strict=True)]


def is_lost(value: object) -> bool:
    """Whether PowerShell wrote the type's name in place of the content."""
    return isinstance(value, str) and _LOST.fullmatch(value.strip()) is not None


def without_odata(value: object) -> object:
    """Drop keys such as ``RecordType@odata.type`` and write ``__NULL__`` as null, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_odata(item) for key, item in value.items() if "@odata" not in key}
    if isinstance(value, list):
        return [without_odata(item) for item in value]
    return None if value == "__NULL__" else value


def _deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit + 1):
        if not any(isinstance(item, list | dict) for item in level):
            return False
        level = [child for item in level for child in _children(item)]
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
