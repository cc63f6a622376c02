"""Random detections and correlations, as rule files say them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence

from unissued.pack import Catalogue, Field, Source
from unissued.verify.draw.values import NETWORKS, REGEXES, Pool

Definition = dict[str, object]

_CONDITIONS = {
    1: ("selection_1", "not selection_1", "all of them", "1 of selection_*"),
    2: (
        "selection_1 and selection_2", "selection_1 or selection_2", "selection_1 and not selection_2",
        "not (selection_1 or selection_2)", "1 of them", "all of selection_*", "not 1 of selection_*",
        "not selection_1 and not selection_2",
    ),
    3: (
        "selection_1 and (selection_2 or selection_3)", "(selection_1 or selection_2) and not selection_3",
        "selection_1 or selection_2 and selection_3", "not (selection_1 and not selection_2) or selection_3",
        "1 of selection_* and not selection_3", "selection_1 and not (selection_2 and not selection_3)",
    ),
}  # fmt: skip
_OUT_OF_DIALECT: tuple[tuple[str, object], ...] = (
    ("{name}|all", ["a", "b"]),
    ("{name}|minute", 3),
    ("{name}|re", "(?=x)y"),
    ("{name}|re", "(a)\\1"),
    ("{name}|re|m", "^a$"),
    ("{name}|windash", "-a"),
    ("{name}|base64offset|contains", "a"),
    ("{name}|gt", "5"),
    ("{name}|exists", "yes"),
    ("{name}|cidr", "10.0.0.1/8"),
    ("{name}", ["a", None]),
    ("{name}", []),
    ("{name}", ""),
    ("{name}", "cost $5"),
    ("{name}", "a`b"),
    ("{name}", "a\nb"),
    ("{name}", 1180591620717411303424),
    ("{name}|expand", "x%approved_mail_apps%"),
    ("NoSuchField", "a"),
)
_SPECIAL = str.maketrans({"*": "\\*", "?": "\\?"})
_SPANS = ("10m", "30m", "1h")


class Rules:
    """Draws rules over the fields of some pools.

    Args:
        rng: where the chance comes from.
        catalogue: knows fields and lists.
        pools: log source -> field -> its values in this batch.
    """

    def __init__(self, rng: random.Random, catalogue: Catalogue, pools: Mapping[str, Mapping[str, Pool]]) -> None:
        self.rng = rng
        self.catalogue = catalogue
        self.pools = pools
        self._count = 0

    def detection(self, source: Source, category: str = "") -> Definition:
        """Draw a detection on one log source, or on all that belong to a category."""
        count = self.rng.choice((1, 1, 2, 2, 3))
        asked = [self.catalogue.sources[key] for key in self.pools] if category else [source]
        selections: Definition = {
            f"selection_{number}": self._selection(self.rng.choice(asked)) for number in range(1, count + 1)
        }
        product, service = source.key.split("/")
        return {
            **self._head("detection"),
            "logsource": {"category": category} if category else {"product": product, "service": service},
            "detection": {**selections, "condition": self.rng.choice(_CONDITIONS[count])},
        }

    def base(self, source: Source) -> Definition:
        """Draw a detection that many records meet, to count its matches."""
        field, values = self._pool(source, lambda known: not known.many and known.type not in ("time", "ip"))
        product, service = source.key.split("/")
        wanted = self.rng.sample(values.values, self.rng.randint(1, len(values.values)))
        body: Definition = {field.name: [self._plain(field, value) for value in wanted]}
        if self.rng.random() < 0.4:
            body = {f"{source.id}|exists": True}
        return {
            **self._head("base"),
            "logsource": {"product": product, "service": service},
            "detection": {"selection": body, "condition": "selection"},
        }

    def correlation(self, source: Source, keys: Sequence[Field], numbers: Sequence[Field]) -> list[Definition]:
        """Draw a correlation and the rules below it, those first."""
        kind = self.rng.choice(
            ("event_count", "event_count", "value_count", "value_sum", "temporal", "temporal_ordered")
        )
        bases = [self.base(source) for _ in range(self.rng.choice((2, 3)) if kind.startswith("temporal") else 1)]
        body: Definition = {
            "type": kind,
            "rules": [base["name"] for base in bases],
            "group-by": [key.name for key in self.rng.sample(keys, self.rng.choice((1, 1, 2)))],
            "timespan": self.rng.choice(_SPANS),
        }
        if not kind.startswith("temporal"):
            body["condition"] = self._count_condition(source, kind, numbers)
        return [*bases, {**self._head("correlation"), "correlation": body}]

    def absence(self, source: Source, keys: Sequence[Field]) -> list[Definition]:
        """Draw ``a and not b`` and the two rules below it."""
        asked, denied = self.base(source), self.base(source)
        body: Definition = {
            "type": "temporal",
            "rules": [asked["name"], denied["name"]],
            "group-by": [self.rng.choice(keys).name],
            "timespan": self.rng.choice(_SPANS),
            "condition": f"{asked['name']} and not {denied['name']}",
        }
        return [asked, denied, {**self._head("absence"), "correlation": body}]

    def _count_condition(self, source: Source, kind: str, numbers: Sequence[Field]) -> Definition:
        operator = self.rng.choice(("gte", "gte", "gt"))
        condition: Definition = {operator: self.rng.choice((1, 2, 3, 4))}
        if kind == "value_count":
            condition["field"] = self._pool(source, lambda known: not known.many)[0].name
        if kind == "value_sum":
            condition["field"] = self.rng.choice(numbers).name
        return condition

    def _head(self, kind: str) -> Definition:
        self._count += 1
        return {
            "title": f"Drawn {kind} {self._count}",
            "id": str(uuid.UUID(int=self.rng.getrandbits(128), version=4)),
            "name": f"drawn_{kind}_{self._count}",
            "version": "1.0.0",
            "status": "experimental",
            "description": "A rule drawn at random.",
            "level": "low",
        }

    def _pool(self, source: Source, fits: object = None) -> tuple[Field, Pool]:
        pools = self.pools[source.key]
        names = [name for name, one in pools.items() if not callable(fits) or fits(one.field)]
        name = self.rng.choice(names)
        return pools[name].field, pools[name]

    def _selection(self, source: Source) -> object:
        if self.rng.random() < 0.15:
            return [self._items(source) for _ in range(2)]
        return self._items(source)

    def _items(self, source: Source) -> Definition:
        return dict(self._item(source) for _ in range(self.rng.choice((1, 1, 2, 3))))

    def _item(self, source: Source) -> tuple[str, object]:
        field, pool = self._pool(source)
        name = field.name
        chance = self.rng.random()
        if self.rng.random() < 0.02:
            return self._out_of_dialect(name)
        if chance < 0.06:
            return f"{name}|exists", self.rng.random() < 0.5
        if chance < 0.11:
            return name, None
        match field.type:
            case "int":
                return self._number(name, pool)
            case "time":
                return f"{name}|startswith", self.rng.choice(pool.values)[: self.rng.choice((4, 7, 10))]
            case "ip" if chance < 0.5:
                networks = self.rng.sample(NETWORKS, self.rng.choice((1, 1, 2)))
                return f"{name}|cidr", networks if len(networks) > 1 else networks[0]
        return self._text(source, field, pool)

    def _out_of_dialect(self, name: str) -> tuple[str, object]:
        """Return something that the gate has to refuse; whatever it lets pass must agree all the same."""
        item, value = self.rng.choice(_OUT_OF_DIALECT)
        return item.format(name=name), value

    def _number(self, name: str, pool: Pool) -> tuple[str, object]:
        values = [int(value) for value in pool.values]
        if self.rng.random() < 0.4:
            return f"{name}|{self.rng.choice(('gt', 'gte', 'lt', 'lte'))}", self.rng.choice(values)
        if self.rng.random() < 0.5:
            return name, self.rng.sample(values, self.rng.randint(1, len(values)))
        return name, self.rng.choice(values)

    def _text(self, source: Source, field: Field, pool: Pool) -> tuple[str, object]:
        name, value = field.name, self._plain(field, self.rng.choice(pool.values))
        part = self._part(value)
        match self.rng.choice(
            (
                "equals",
                "equals",
                "list",
                "contains",
                "startswith",
                "endswith",
                "all",
                "cased",
                "partly cased",
                "wildcard",
            )
            + ("mixed", "re", "re i", "fieldref", "expand", "star")
        ):
            case "list":
                return name, [
                    self._plain(field, one)
                    for one in self.rng.sample(pool.values, self.rng.randint(1, len(pool.values)))
                ]
            case "contains" | "startswith" | "endswith" as modifier:
                return f"{name}|{modifier}", part
            case "all":
                return f"{name}|contains|all", [part, self._part(value)]
            case "cased":
                return f"{name}|cased", self._other_case(value)
            case "partly cased":
                modifier = self.rng.choice(("contains", "startswith", "endswith"))
                return f"{name}|{modifier}|cased", self._other_case(part)
            case "wildcard":
                return name, f"{part}*{self._part(value)}" if self.rng.random() < 0.5 else f"{part[:1]}?{part[1:]}*"
            case "mixed":
                return name, [value, f"{part}*"]
            case "re":
                return f"{name}|re", self.rng.choice(REGEXES)
            case "re i":
                return f"{name}|re|i", self.rng.choice(REGEXES)
            case "fieldref":
                return f"{name}|fieldref", self._pool(source)[0].name
            case "expand":
                return f"{name}|expand", f"%{self.rng.choice(list(self.catalogue.lists))}%"
            case "star":
                return name, "*"
        return name, self._other_case(value)

    def _plain(self, field: Field, value: str) -> object:
        return int(value) if field.type == "int" else value.translate(_SPECIAL)

    def _part(self, value: object) -> str:
        text = str(value)
        start = self.rng.randint(0, max(0, len(text) - 1))
        part = text[start : start + self.rng.randint(1, 4)]
        # Half an escape would say something else.
        return part.strip("\\*?") or "a"

    def _other_case(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        return self.rng.choice((value, value, value.upper(), value.lower()))
