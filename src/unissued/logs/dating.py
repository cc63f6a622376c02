"""The time of a draft: which of those that it offers counts, and when day and month can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from unissued.logs.times import DateOrder, LocalTime, parse
from unissued.logs.verdict import Draft

_EVENT_TIMES = ("CreationTime", "CreatedDateTime", "ActivityDateTime")
_TABLE_TIMES = ("TimeGenerated", "Timestamp")
# Some minutes after the event, but better than losing the record: nothing else is left in such exports.
_LATE_TIMES = ("Start_Time", "ElevationTime")
_DATED_COLUMNS = frozenset(
    name.casefold()
    for name in (*_EVENT_TIMES, *_TABLE_TIMES, *_LATE_TIMES, "CreationDate", "Date (UTC)", "EventSubmissionTimestamp")
)


@dataclass(frozen=True, slots=True)
class Moment:
    """The time of a record, and how it was got."""

    time: datetime
    is_exact: bool
    """Whether it is the event's own, not that of a wrapper or of the table."""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Dating:
    """Gathers what a file proves about the order of day and month, and dates its drafts."""

    given: DateOrder | None
    """What the user says for files that prove nothing."""
    _proofs: Counter[DateOrder] = field(default_factory=Counter)

    def learn(self, row: Mapping[str, object]) -> None:
        """Take note of what the times of a row prove."""
        for key, value in row.items():
            # ISO times, by far the most, have their dash in the fifth place and prove nothing.
            if isinstance(value, str) and value[4:5] != "-" and key.strip().casefold() in _DATED_COLUMNS:
                time = parse(value)
                if isinstance(time, LocalTime) and time.proves:
                    self._proofs[time.proves] += 1

    def at_once(self, draft: Draft) -> Moment | str | None:
        """The time of a draft that needs no proof; a reason where it has none; None where the file has to end first."""
        for name, time in _times(draft):
            if isinstance(time, LocalTime):
                return None
            return Moment(time, name in _EVENT_TIMES, _late(name))
        return "no usable time; export the time columns too"

    def in_the_end(self, draft: Draft) -> Moment | str:
        """The time of a draft once the whole file is known, or the reason why it has none."""
        order = self.order
        times = _times(draft)
        for name, time in times:
            moment = time if isinstance(time, datetime) else time.resolve(order) if order else None
            if moment is None:
                continue
            notes = _late(name)
            if isinstance(time, LocalTime):
                basis = "as the file proves" if len(self._proofs) == 1 else "as the date order given says"
                notes = (f"times with {'month' if order == 'mdy' else 'day'} first, {basis}", *notes)
                if name in draft.fields:
                    draft.fields[name] = moment.isoformat().replace("+00:00", "Z")
            # OfficeActivity's TimeGenerated is the event time and was renamed to CreationTime.
            return Moment(moment, name in _EVENT_TIMES, notes)
        return self._undated(next(time.text[:40] for _, time in times if isinstance(time, LocalTime)))

    @property
    def order(self) -> DateOrder | None:
        """Month or day first, if the file proves it and does not contradict itself; else what the user says."""
        return next(iter(self._proofs)) if len(self._proofs) == 1 else self.given

    def _undated(self, text: str) -> str:
        if self.order:
            return f"no such date: {text!r}"
        why = "the file has both orders" if self._proofs else "nothing in the file proves which"
        return f"month and day of {text!r} can be read two ways and {why}; give the date order (--date-order)"


def _late(name: str) -> tuple[str, ...]:
    return (f"no event time: {name} taken, which is some minutes later",) if name in _LATE_TIMES else ()


def _times(draft: Draft) -> list[tuple[str, datetime | LocalTime]]:
    """The times that a draft offers, in the order of trust."""
    offered = [(name, draft.fields.get(name)) for name in (*_EVENT_TIMES, *_TABLE_TIMES)]
    offered += [("", value) for value in draft.wrapper_times]
    offered += [(name, draft.fields.get(name)) for name in _LATE_TIMES]
    parsed = ((name, parse(value)) for name, value in offered)
    return [(name, time) for name, time in parsed if time is not None]
