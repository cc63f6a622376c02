"""Writes random rules, records and what the evaluator says of them, for a judge in another environment.

``python tests/third_opinion/emit.py RULES SEED > cases.jsonl``. Records are written with one value a field, in
canonical form: the other judge is asked about conditions and windows, not about the spellings of exports.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from itertools import count

from unissued.evaluate import Event, evaluate
from unissued.pack import Catalogue, load_catalogue
from unissued.record import Record, utc_text
from unissued.verify.agreement import Stream
from unissued.verify.draw import Batch, Drawn, draw_batch

_PLAIN = re.compile(r"[A-Za-z]\w*\Z")
# What the other backend cannot say or says otherwise, by its own documentation or by measurement.
_LEFT_OUT = ("expand", "cidr", "fieldref", "cased")


def fields_of(documents: tuple[dict[str, object], ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields that rules compare, with their modifiers."""

    def items(body: object) -> Iterator[tuple[str, list[str]]]:
        if isinstance(body, list):
            for part in body:
                yield from items(part)
        elif isinstance(body, dict):
            for item in body:
                name, *modifiers = str(item).split("|")
                yield name, modifiers

    for document in documents:
        body = document.get("detection")
        for name, selection in body.items() if isinstance(body, dict) else ():
            if name != "condition":
                yield from items(selection)
        correlation = document.get("correlation")
        if isinstance(correlation, dict):
            yield from ((str(key), []) for key in correlation["group-by"])
            condition = correlation.get("condition")
            if isinstance(condition, dict) and "field" in condition:
                yield str(condition["field"]), []


def is_fit(drawn: Drawn) -> bool:
    """Tell whether the other judge can be asked about a rule."""
    rule = drawn.rule
    if len(rule.sources) != 1 or (rule.is_correlation and rule.is_absence):
        return False
    fields = rule.sources[0].fields
    if rule.is_correlation:
        correlation = rule.correlation()
        if correlation.type.name == "TEMPORAL_ORDERED":
            return False  # equal times are no order there
        if any(fields[key].type == "token" for key in correlation.group_by or () if key in fields):
            return False  # letter case tells no keys apart there
    return all(
        _PLAIN.match(name) and not fields[name].many and not set(modifiers) & set(_LEFT_OUT)
        for name, modifiers in fields_of(drawn.documents)
    )


def flat(catalogue: Catalogue, record: Record) -> dict[str, object]:
    """Return a record with one canonical value a field."""
    event = Event(record, catalogue.sources[record.source])
    known = {name: event.values(name) for name in event.source.fields if _PLAIN.match(name)}
    return {"timestamp": utc_text(record.time)} | {
        name: values[0] if values else None for name, values in known.items()
    }


def cases(rules: int, seed: int) -> Iterator[Mapping[str, object]]:
    """Yield cases until there are as many as asked for."""
    catalogue = load_catalogue()
    made = 0
    for number in count():
        batch = draw_batch(catalogue, seed, number)
        for drawn in filter(is_fit, batch.drawn):
            yield case(catalogue, batch, drawn)
            made += 1
            if made == rules:
                return


def case(catalogue: Catalogue, batch: Batch, drawn: Drawn) -> Mapping[str, object]:
    """Return a rule, the records of its log source, and what the evaluator finds."""
    records = [one for one in batch.records if one.source == drawn.rule.sources[0].key and one.id]
    stream = Stream(records, batch.given)
    found = evaluate(drawn.pack, records, stream.unmeasured, [drawn.rule.name])[drawn.rule.name].matches
    if drawn.rule.is_correlation:
        says = sorted([utc_text(one.time), *map(str, one.group.values())] for one in found)
    else:
        says = sorted([one.event.record.id] for one in found if one.event)
    return {
        "rules": drawn.documents,
        "records": [{**flat(catalogue, one), "record": one.id} for one in records],
        "types": {name: known.type for name, known in drawn.rule.sources[0].fields.items() if _PLAIN.match(name)},
        "says": says,
    }


if __name__ == "__main__":
    for one in cases(int(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(json.dumps(one) + "\n")
