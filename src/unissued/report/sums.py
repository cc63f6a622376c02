"""What every format says about the input: the sum, whether it is whole, what could not be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unissued.evaluate import Unjudged
from unissued.hunt import Hunt, visible
from unissued.hunt.hunt import LEVELS, refused
from unissued.logs import Count
from unissued.record import utc_text


def by_level(hunt: Hunt) -> dict[str, int]:
    """Return the number of findings of each level that has any, the worst first; ``base`` for rules without one."""
    found: dict[str, int] = {}
    for finding in hunt.findings:
        found[finding.rule.level or "base"] = found.get(finding.rule.level or "base", 0) + 1
    return {level: found[level] for level in (*LEVELS, "base") if level in found}


def equation(count: Count) -> str:
    """Return the sum in words: read = used + duplicates + refused + skipped."""
    return (
        f"{count.read:,} read = {count.used:,} used + {count.duplicates:,} duplicates"
        f" + {count.refused:,} refused + {count.skipped:,} skipped"
    )


def plural(number: int, what: str) -> str:
    """Return a number and what it counts."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def blind_rules(hunt: Hunt) -> int:
    """Return how many rules could not judge everything."""
    return sum(1 for outcome in hunt.outcomes.values() if outcome.unjudged)


def verdict(hunt: Hunt) -> str:
    """Return what was found and whether the input was whole, in one sentence."""
    number, count = len(hunt.findings), hunt.reading.count
    if number:
        levels = ", ".join(f"{many:,} {level}" for level, many in by_level(hunt).items())
        found = f"{plural(number, 'finding')} ({levels})"
    elif not count.used:
        found = "No usable record was read, so nothing can be said about these logs"
    else:
        found = "No findings"
    more = ", so more may have happened" if count.used else ""
    state = f"the input is incomplete{more}" if hunt.reading.partial else "the input looks complete"
    blind = f"{blind_rules(hunt)} of {plural(len(hunt.outcomes), 'rule')} could not judge everything"
    return f"{found}; {state}: {equation(count)}; {blind}."


def unjudged(hunt: Hunt) -> Iterator[tuple[str, Unjudged]]:
    """Yield what could not be judged, with the name of the rule."""
    for name, outcome in sorted(hunt.outcomes.items()):
        yield from ((name, question) for question in outcome.unjudged)


def extent(question: Unjudged) -> str:
    """Return how many records a question concerns and when; empty where it names none."""
    if not question.records or question.first is None or question.last is None:
        return ""
    return f"{plural(question.records, 'record')}, {utc_text(question.first)} to {utc_text(question.last)}"


def missing(hunt: Hunt) -> Iterator[tuple[str, str]]:
    """Yield every reason why the input or the judgement is incomplete, harmless, each with its kind."""
    yield from (("partial", visible(reason, 500)) for reason in hunt.reading.partial)
    for refusal, number in refused(hunt.reading):
        more = f" and {number - 1:,} more" if number > 1 else ""
        yield "refused", f"{visible(refusal.file)}:{refusal.line}{more}: {visible(refusal.reason, 500)}"
    for one in hunt.health:
        yield "health", f"{one.check.name}: {visible(one.said(), 600)}"
    for name, question in unjudged(hunt):
        records = extent(question)
        yield (
            "not evaluated",
            f"{name}: {question.reason}: {visible(question.detail, 500)}{f' ({records})' if records else ''}",
        )


def some(values: Sequence[str], most: int) -> str:
    """Return the first values, one after the other, and how many more there are."""
    more = len(values) - most
    return ", ".join(values[:most]) + (f" and {more:,} more" if more > 0 else "")
