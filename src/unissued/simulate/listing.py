"""What must fire, what must stay silent, when to look, and what this replay cannot show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from unissued import __version__
from unissued.pack import JUDGED_AFTER
from unissued.record import utc_text
from unissued.simulate.batch import Batch, Fired
from unissued.simulate.plan import Plan
from unissued.simulate.shapes import Shape

_SCHEMA = 1
_RUN = timedelta(hours=1)
"""A run reports what arrived since the one before; a rule on absence what arrived six to seven hours before."""
_SHOWN = 3
"""Keys of a case that the text shows."""


class Listing:
    """The list of one batch of a plan.

    Args:
        plan: all batches.
        number: which one, counted from 1.
        shape: whom it is written for.
    """

    def __init__(self, plan: Plan, number: int, shape: Shape) -> None:
        self.plan = plan
        self.number = number
        self.shape = shape
        self.batch: Batch = plan.batches[number - 1]
        self._absent = [rule.name for rule in self.batch.setting.rules if rule.is_absence]

    def as_dict(self) -> dict[str, object]:
        """Return the list as it is written to JSON."""
        batch = self.batch
        return {
            "schema": _SCHEMA,
            "tool": {"name": "unissued", "version": __version__},
            "summary": {
                "to": str(self.shape),
                "end": utc_text(batch.setting.end),
                "batch": self.number,
                "batches": len(self.plan.batches),
                "cases": len(batch.units),
                "records": len(batch.sent),
                "rows_without_content": len(batch.filler),
                "must_fire": len(batch.fired),
                "not_replayed": len(self.plan.left_out),
                "lists": {name: len(entries) for name, entries in batch.lists.items()},
            },
            "look": list(self._looks()),
            "results": sorted((self._alert(fired) for fired in batch.fired), key=_order),
            "silent": list(self._silent()),
            "not_evaluated": list(self._open()),
            "own_times": [{"case": unit.name, "why": unit.own_times} for unit in batch.units if unit.own_times],
            "other_batches": list(self._others()),
            "not_replayed": [{"case": left.name, "why": left.reason} for left in self.plan.left_out],
        }

    def as_json(self) -> str:
        """Return the list for scripts."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=True) + "\n"

    def _alert(self, fired: Fired) -> dict[str, object]:
        match = fired.match
        records = sorted({event.record.id for event in match.events() if event.record.id})
        found: dict[str, object] = {"rule": fired.rule, "case": fired.unit, "time": utc_text(match.time)}
        if match.group:
            found["group"] = {name: str(value) for name, value in sorted(match.group.items())}
        looks = {"look_from": self._from(fired.rule), "look_to": self._to(fired.rule)}
        return {**found, "records": records, **looks, "over_all_time": self._is_old(fired)}

    def _is_old(self, fired: Fired) -> bool:
        """Tell whether a run would not look back to the records, so that the search has to go over all time."""
        query = self.batch.setting.queries.get(fired.rule)
        oldest = min(event.time for event in fired.match.events())
        return query is not None and oldest < self.batch.setting.end + _RUN - query.schedule.look_back

    def _moment(self, rule: str) -> datetime:
        late = rule in self._absent and bool(self.shape.target)
        return self.batch.setting.end + (JUDGED_AFTER if late else timedelta())

    def _from(self, rule: str) -> str:
        return utc_text(self._moment(rule))

    def _to(self, rule: str) -> str:
        return utc_text(self._moment(rule) + _RUN)

    def _looks(self) -> Iterator[dict[str, object]]:
        rules = [rule.name for rule in self.batch.setting.rules]
        if not self.shape.target:
            yield {"rules": rules, "why": "hunt judges everything at once"}
            return
        for after, why, late in (
            ("within an hour after sending", "they judge what arrived since their last run", False),
            ("six to seven hours after sending", "they judge what arrived that long before, not earlier", True),
        ):
            named = [name for name in rules if (name in self._absent) is late]
            if named:
                times = {"after": after, "from": self._from(named[0]), "to": self._to(named[0])}
                yield {"rules": named, **times, "why": why}

    def _silent(self) -> Iterator[dict[str, object]]:
        for unit in self.batch.units:
            for rule in unit.silent(self.batch.setting.rules):
                yield {"rule": rule, "case": unit.name, "records": sorted(unit.ids)}

    def _open(self) -> Iterator[dict[str, object]]:
        for rule in self.batch.setting.rules:
            for question in self.batch.outcomes[rule.name].unjudged:
                yield {
                    "rule": rule.name,
                    "reason": str(question.reason),
                    "detail": question.detail,
                    "records": question.records,
                }

    def _others(self) -> Iterator[dict[str, object]]:
        for number, other in enumerate(self.plan.batches, start=1):
            if number != self.number:
                yield {"batch": number, "cases": [unit.name for unit in other.units], "why": _apart(other)}

    def _all_time(self) -> Iterator[str]:
        for why in dict.fromkeys(unit.own_times for unit in self.batch.units if unit.own_times):
            yield f"{why}: {', '.join(unit.name for unit in self.batch.units if unit.own_times == why)}"
        old = {
            unit.name: {one.rule for one in self.batch.fired if one.unit == unit.name and self._is_old(one)}
            for unit in self.batch.units
            if not unit.own_times
        }
        yield from (
            f"older than a run looks back: {name} for {', '.join(sorted(rules))}"
            for name, rules in old.items()
            if rules
        )

    # Text

    def as_text(self) -> str:
        """Return the list for people."""
        setting, batch = self.batch.setting, self.batch
        lines = [
            "Synthetic records: for a test tenant or a test index only.",
            f"to {self.shape}, end {utc_text(setting.end)}, batch {self.number} of {len(self.plan.batches)}: "
            f"{len(batch.units)} cases, {len(batch.sent)} records, {len(batch.filler)} of them without content",
        ]
        lines += ["", *self.look_lines()]
        lines += [
            "",
            f"MUST FIRE, {len(batch.fired)} in all: rule; case whose records it fires on, how often, when, on what",
        ]
        lines += self._fired_lines()
        lines += ["", "MUST STAY SILENT: rule, then cases"]
        lines += _by_rule(self._silent())
        lines += _section("NOT EVALUATED", [" ".join(map(str, entry.values())) for entry in self._open()])
        lines += _section("ONLY WHEN THE SEARCH GOES OVER ALL TIME", list(self._all_time()))
        others = [f"batch {one['batch']}: {', '.join(_texts(one['cases']))} ({one['why']})" for one in self._others()]
        lines += _section("IN OTHER BATCHES, which need an empty index or empty tables and lists of their own", others)
        lines += _section("NOT REPLAYED", [f"{left.name}: {left.reason}" for left in self.plan.left_out])
        return "\n".join(lines) + "\n"

    def look_lines(self) -> Iterator[str]:
        """Yield when to look for which rules."""
        sent = utc_text(self.batch.setting.end)
        for look in self._looks():
            when = f"{look['after']} (sent at {sent}: from {look['from']} to {look['to']})" if "after" in look else ""
            yield f"LOOK {when or 'any time'}: {look['why']}"
            yield f"  {', '.join(_texts(look['rules']))}"

    def _fired_lines(self) -> Iterator[str]:
        for rule in self.batch.setting.rules:
            mine = [fired for fired in self.batch.fired if fired.rule == rule.name]
            if not mine:
                continue
            yield f"{rule.name} ({rule.level}): {len(mine)}"
            for unit in self.batch.units:
                here = sorted((one for one in mine if one.unit == unit.name), key=lambda one: one.match.time)
                if here:
                    yield f"  {unit.name}: {len(here)}, {_span(here)}, {_keys(here)}"


def _apart(batch: Batch) -> str:
    if batch.own_feeds:
        return "the sign-in feeds have the gaps of the case"
    if any(unit.verdict == "unjudged" for unit in batch.units):
        return "its lists must be as the case has them"
    return "it would share a match with other cases, or needs other lists"


def _span(fired: Sequence[Fired]) -> str:
    first, last = utc_text(fired[0].match.time), utc_text(fired[-1].match.time)
    return first if first == last else f"{first} to {last}"


def _keys(fired: Sequence[Fired]) -> str:
    shown = [
        ", ".join(f"{name}={value}" for name, value in sorted(one.match.group.items()))
        or f"Id={one.match.event.record.id if one.match.event else ''}"
        for one in fired[:_SHOWN]
    ]
    return "; ".join(shown) + ("; …" if len(fired) > _SHOWN else "")


def _by_rule(silent: Iterator[dict[str, object]]) -> Iterator[str]:
    cases: dict[str, list[str]] = {}
    for one in silent:
        cases.setdefault(str(one["rule"]), []).append(str(one["case"]))
    for rule, names in cases.items():
        yield rule
        yield from (f"  {name}" for name in names)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _order(alert: Mapping[str, object]) -> tuple[str, str, str, str]:
    return str(alert["rule"]), str(alert["case"]), str(alert["time"]), str(alert.get("group", alert["records"]))
