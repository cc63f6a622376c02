"""What a Splunk server made of the searches, for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from unissued import __version__
from unissued.simulate.splunk import Found, Parsed
from unissued.verify.answer import Row

_SCHEMA = 1


def parsed_text(answers: Sequence[Parsed]) -> str:
    """Return which searches parse."""
    lines = [f"{one.rule}: {f'does not parse: {one.problem}' if one.problem else 'parses'}" for one in answers]
    bad = sum(bool(one.problem) for one in answers)
    return "\n".join([*lines, f"{len(answers)} searches, {bad} do not parse"]) + "\n"


def found_text(answers: Sequence[Found]) -> str:
    """Return what the searches found beside what they must find."""
    lines = [line for one in answers for line in _found_lines(one)]
    bad = sum(not one.agrees for one in answers)
    return "\n".join([*lines, f"{len(answers)} searches, {bad} differ"]) + "\n"


def _found_lines(one: Found) -> Iterator[str]:
    if one.problem:
        yield f"{one.rule}: did not run: {one.problem}"
        return
    word = "agrees" if one.agrees else "differs"
    others = f", {one.others} rows about other records" if one.others else ""
    yield f"{one.rule}: {word}: {one.agreeing} as expected{others}"
    yield from (f"  missing: {_shown(row)}" for row in one.missing)
    yield from (f"  not expected: {_shown(row)}" for row in one.unexpected)
    yield from (f"  the search says: {note}" for note in one.notes)


def _shown(row: Row) -> str:
    return ", ".join(f"{name}={text}" for name, text in row if text)


def answers_json(parsed: Sequence[Parsed], found: Sequence[Found]) -> str:
    """Return both as one object."""
    return json.dumps(_as_dict(parsed, found), indent=2, ensure_ascii=True) + "\n"


def _as_dict(parsed: Sequence[Parsed], found: Sequence[Found]) -> Mapping[str, object]:
    ran = {one.rule: one for one in found}
    return {
        "schema": _SCHEMA,
        "tool": {"name": "unissued", "version": __version__},
        "summary": {
            "searches": len(parsed),
            "do_not_parse": sum(bool(one.problem) for one in parsed),
            "ran": len(found),
            "differ": sum(not one.agrees for one in found),
        },
        "results": [
            {
                "rule": one.rule,
                "parses": not one.problem,
                "problem": one.problem,
                **(_found_dict(ran[one.rule]) if one.rule in ran else {}),
            }
            for one in parsed
        ],
    }


def _found_dict(one: Found) -> Mapping[str, object]:
    return {
        "agrees": one.agrees,
        "as_expected": one.agreeing,
        "missing": [dict(row) for row in one.missing],
        "not_expected": [dict(row) for row in one.unexpected],
        "other_records": one.others,
        "notes": list(one.notes),
        "did_not_run": one.problem,
    }
