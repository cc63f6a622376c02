"""The words that a rule file may use. Whatever is not here is refused."""

from __future__ import annotations

FILL_IN = "FILL IN"
"""Stands in a new rule and its fixtures wherever somebody has to write something."""
COMMON_KEYS = frozenset(
    ("title", "id", "name", "status", "description", "references", "author", "date", "modified", "tags", "level")
    + ("falsepositives", "fields", "related", "license", "version", "needs", "blind_spots", "triage", "alert")
)
DETECTION_KEYS = COMMON_KEYS | {"logsource", "detection"}
CORRELATION_KEYS = COMMON_KEYS | {"correlation", "judge", "required_tables"}
FILTER_KEYS = frozenset(
    ["title", "id", "name", "status", "description", "author", "date", "modified", "version", "logsource", "filter"]
)
REQUIRED_KEYS = ("title", "id", "name", "version", "status", "description")
FIELDS_HINT = "the fields of a log source are in pack/sources.yml"
KEY_HINTS = {"generate": "a rule below a correlation has a query of its own when it has a level"}
LOGSOURCE_KEYS = frozenset(["product", "service", "category", "definition"])
CORRELATION_BODY_KEYS = frozenset(["type", "rules", "group-by", "timespan", "condition", "aliases"])
ALERT_KEYS = frozenset(("by", "per"))
OPERATORS = ("gt", "gte", "lt", "lte", "eq")
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
LEVELS = ("informational", "low", "medium", "high", "critical")

# Modifiers, in the order in which they are written, whose meaning the evaluator and both converters share.
# Any other combination would say something else than it looks like.
COMBINATIONS = (
    (),
    ("contains",),
    ("contains", "all"),
    ("contains", "cased"),
    ("startswith",),
    ("startswith", "cased"),
    ("endswith",),
    ("endswith", "cased"),
    ("cased",),
    ("exists",),
    ("cidr",),
    ("re",),
    ("re", "i"),
    ("expand",),
    ("fieldref",),
    ("gt",),
    ("gte",),
    ("lt",),
    ("lte",),
)
MODIFIERS = frozenset(modifier for combination in COMBINATIONS for modifier in combination)
REFUSED_MODIFIERS = {
    "minute": "time parts compare the whole time stamp after conversion",
    "hour": "time parts compare the whole time stamp after conversion",
    "day": "time parts compare the whole time stamp after conversion",
    "week": "time parts compare the whole time stamp after conversion",
    "month": "time parts compare the whole time stamp after conversion",
    "year": "time parts compare the whole time stamp after conversion",
    "utf16le": "the converters call it wide, and no field here needs it",
    "wide": "no field here holds text in two-byte letters",
    "base64": "write the encoded text itself",
    "base64offset": "write the encoded text itself, once for each offset",
    "windash": "no field here holds a command line",
    "neq": "write it as a selection and exclude that with not: a missing field then counts as different",
}
REFUSED_TYPES = {
    "value_avg": "an average of a sliding window cannot be converted exactly; count with gte, or add up with value_sum",
    "value_median": "a median of a sliding window cannot be converted exactly; count with gte",
    "value_percentile": "a percentile of a sliding window cannot be converted exactly; count with gte",
}

# ATT&CK v19: the tactics that the pack's techniques belong to.
TACTICS = frozenset(
    ("reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation")
    + ("stealth", "defense-impairment", "credential-access", "discovery", "lateral-movement", "collection")
    + ("command-and-control", "exfiltration", "impact")
)
