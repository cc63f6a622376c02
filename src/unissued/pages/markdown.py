"""Markdown that no text of a rule can break: what a template prints is escaped, unless it is Markdown already."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from unissued.pack import Rule

# What begins emphasis, code, a link, a tag, a strike-through or, on GitHub, a formula. _ does only beside a word.
_SPECIAL = re.compile(r"[\\`*\[\]<>~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?[A-Za-z0-9]+;)|[|]")
# What makes a line a heading, a list, a rule or an underline, when it stands first.
_FIRST = re.compile(r"^([-+=#]|[0-9]{1,9}(?=[.)](?:\s|$)))")
_WEB = re.compile(r"https?://[A-Za-z0-9./_~%#?&=+:-]+\Z")


class Markdown(str):
    """Text that is Markdown: nothing in it is escaped again."""

    __slots__ = ()


def plain(value: object) -> str:
    """Return a value on one line, without control characters and without those that are not seen."""
    seen = (" " if letter.isspace() else letter for letter in str(value))
    return " ".join("".join(letter for letter in seen if unicodedata.category(letter)[0] != "C").split())


def escaped(value: object) -> Markdown:
    """Return a value as Markdown that shows it letter by letter."""
    if isinstance(value, Markdown):
        return value
    text = _SPECIAL.sub(lambda found: f"\\{found[0]}", plain(value))
    first = _FIRST.match(text)
    if first and first[0].isdigit():
        return Markdown(f"{first[0]}\\{text[first.end() :]}")
    return Markdown(f"\\{text}" if first else text)


def code(value: object) -> Markdown:
    """Return a value as a code span; a pipe behind a backslash cannot be in one that may stand in a table."""
    text = plain(value)
    if "\\|" in text:
        return escaped(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return Markdown(f"{fence}{space}{text}{space}{fence}")


def link(label: object, target: str) -> Markdown:
    """Return a link to a file of the repository or to the web; anything else is no link."""
    if not (_WEB.match(target) or re.fullmatch(r"[A-Za-z0-9_./-]+(#[a-z0-9_-]+)?", target)):
        return Markdown(f"{escaped(label)} ({escaped(target)})")
    return Markdown(f"[{escaped(label)}]({target})")


def reference(target: str) -> Markdown:
    """Return a web address as a link to itself."""
    return Markdown(f"<{target}>") if _WEB.match(target) else escaped(target)


def cell(value: object) -> Markdown:
    """Return a value for a cell of a table, which a pipe would end, also inside code."""
    text = re.sub(r"(?<!\\)\|", r"\\|", escaped(value))
    return Markdown(" ".join(text.split()))


def joined(values: Iterable[object], between: str = ", ") -> Markdown:
    """Return values one after the other, each escaped."""
    return Markdown(between.join(escaped(value) for value in values))


def codes(values: Iterable[object]) -> Markdown:
    """Return values as code spans, one after the other."""
    return joined(map(code, values))


def rules(named: Iterable[Rule], folder: str = "") -> Markdown:
    """Return links to the pages of rules, one after the other."""
    return joined(link(rule.name, f"{folder}{rule.name}.md") for rule in named)


def _finalised(value: object) -> object:
    return escaped(value)


@cache
def environment() -> Environment:
    """Return the templates, in which every value is escaped and an unknown name is an error."""
    # HTML is not what is written; _finalised escapes for Markdown.
    made = Environment(
        loader=PackageLoader("unissued.pages"),
        undefined=StrictUndefined,
        finalize=_finalised,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "code": code,
        "link": link,
        "reference": reference,
        "plain": plain,
        "ours": Markdown,
        "cell": cell,
        "joined": joined,
        "codes": codes,
        "rules": rules,
    }
    made.filters.update(filters)
    return made


def render(template: str, **values: object) -> str:
    """Return a page, without the blank lines that loops leave."""
    text = environment().get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"
