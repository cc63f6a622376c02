"""The page: the same shape whatever the logs hold, nothing from outside, capped, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest

from conftest import ROOT
from hostile import TEXTS, records
from hunts import many, reading_of
from mail_reads import EXCHANGE, START, pack, read
from unissued.baseline import read_baseline
from unissued.evaluate import Outcome, Reason, Unjudged
from unissued.health import CHECKS, HealthFinding
from unissued.hunt import Hunt, hunt, visible
from unissued.logs import Reading
from unissued.logs.report import Count, FileReport, Refusal
from unissued.report import Access, Report, page
from unissued.report.seen import log
from unissued.report.timeline import timeline

SCENARIO = ROOT / "fixtures" / "_scenarios" / "s2_storm0558_today"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_MARKS = ("mark", "bdi")
"""Elements around log content: how many there are depends on it, so they are no part of the shape."""


def made(reading: Reading, lists: Mapping[str, frozenset[str]] | None = None) -> str:
    result = hunt(pack(), reading, lists or {})
    return page_of(result, reading, lists or {})


def page_of(result: Hunt, reading: Reading, lists: Mapping[str, frozenset[str]] | None = None) -> str:
    with Access(pack(), lists) as access:
        for record in reading.records:
            access.add(record)
        access.mark(result.findings)
        return page(Report(pack(), result, access), "page.items.csv")


def parsed(text: str) -> Element:
    """Read a page as a browser does, and refuse what a browser would have to repair."""
    parser = html5lib.HTMLParser(strict=True)
    root = parser.parse(text)
    assert isinstance(root, Element)
    return root


def shape(element: Element) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Yield depth, tag and names of attributes of every element but the marks around log content."""
    stack = [(0, element)]
    while stack:
        depth, one = stack.pop()
        tag = str(one.tag).removeprefix(_XHTML)
        inner = depth if tag in _MARKS else depth + 1
        if tag not in _MARKS:
            yield depth, tag, tuple(sorted(one.attrib))
        stack.extend((inner, child) for child in reversed(one))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:24]))
def test_no_text_of_a_log_changes_the_shape_of_the_page(text: str) -> None:
    assert list(shape(parsed(made(reading_of(records([text]), text))))) == harmless()


@cache
def harmless() -> list[tuple[int, str, tuple[str, ...]]]:
    """The shape of a page in which every text is harmless."""
    return list(shape(parsed(made(reading_of(records(["abc"]), "abc")))))


def test_all_hostile_texts_together_stay_text() -> None:
    root = parsed(made(reading_of(records(TEXTS), TEXTS[0])))
    tags = {str(one.tag).split("}")[-1] for one in root.iter()}
    assert not tags & {"script", "iframe", "img", "object", "embed", "form", "input", "base", "link", "a:href"}
    for one in root.iter():
        assert not [name for name in one.attrib if name.startswith("on") or name in ("style", "src", "srcdoc")]
        address = one.attrib.get("href", "#")
        assert address.startswith(("#", "https://")), address
        assert "evil" not in address
    body = "".join(root.itertext())
    assert not [letter for letter in body if visible(letter) != letter and letter != "\n"]


def test_what_cannot_be_seen_is_shown() -> None:
    body = "".join(parsed(made(reading_of(records(["\u202etxt.exe\x00"])))).itertext())
    assert "\\u202etxt.exe\\x00" in body


def test_thousands_of_random_texts_are_read_back_as_they_were() -> None:
    draw = random.Random(1)  # noqa: S311 - drawn from a fixed number
    letters = "".join(TEXTS[:20]) + "<>\"'&=\x00\x1b\u202e\u200b\ud800 \n\tab/"
    texts = ["".join(draw.choices(letters, k=draw.randrange(1, 40))) for _ in range(5_000)]
    rows = "".join(f"<tr><td>{log(text)}</td></tr>" for text in texts)
    root = parsed(
        f"<!doctype html><html><head><title>x</title></head><body><table><tbody>{rows}</tbody></table></body></html>"
    )
    cells = root.findall(f".//{_XHTML}td")
    assert ["".join(cell.itertext()) for cell in cells] == [visible(text) for text in texts]
    assert {str(one.tag).split("}")[-1] for cell in cells for one in cell.iter()} == {"td", "bdi", "mark"}


def test_long_texts_are_cut_and_the_page_stays_small() -> None:
    assert len(made(reading_of(records(["M" * 1_000_000] * 3)))) < 200_000


def test_the_page_asks_for_nothing_and_allows_only_its_own_style() -> None:
    text = made(reading_of(records(["abc"])))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'http-equiv="Content-Security-Policy" content="{policy}"' in text
    assert "@import" not in style
    assert "url(" not in style


def outline(root: Element) -> list[tuple[int, str]]:
    """The headings as a screen reader lists them."""
    found = []
    for one in root.iter():
        tag = str(one.tag).removeprefix(_XHTML)
        if re.fullmatch("h[1-6]", tag):
            found.append((int(tag[1]), "".join(one.itertext()).strip()))
    return found


def test_headings_tables_and_labels_are_sound() -> None:
    root = parsed(made(reading_of(records(["abc"]), "abc")))
    levels = [level for level, _ in outline(root)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(ids) == len(set(ids))
    for one in root.iter():
        assert set(one.attrib.get("aria-labelledby", "").split()) <= set(ids)
        assert one.attrib.get("href", "#verdict").removeprefix("#") in ids or one.attrib["href"].startswith("https://")
    tables = root.findall(f".//{_XHTML}table")
    assert len(tables) >= 6
    for table in tables:
        assert table.find(f"{_XHTML}caption") is not None
        heads = table.findall(f".//{_XHTML}th")
        assert heads
        assert {head.attrib["scope"] for head in heads} == {"col", "row"}
    for region in root.findall(f".//{_XHTML}div[@role='region']"):
        assert region.attrib["aria-label"]
        assert region.attrib["tabindex"] == "0"


def test_an_empty_input_is_no_clean_result() -> None:
    text = made(Reading())
    assert "nothing can be said" in text
    assert "0 read = 0 used + 0 duplicates + 0 refused + 0 skipped" in text
    assert "No record of mail audit says that mail was read." in text
    parsed(text)


def test_half_an_input_is_never_shown_as_clean() -> None:
    reading = reading_of([read(0)], "cut short")
    text = made(reading)
    assert "the input is incomplete" in text
    assert "Why the input is incomplete" in text
    assert "cut short" in text
    assert 'class="verdict fine"' not in text


def test_the_verdict_is_green_only_where_nothing_is_left_to_doubt() -> None:
    whole = Reading([read(0)], [FileReport("a.jsonl", "", Count(1, 1))])
    question = Unjudged(Reason.NO_BASELINE, "list is missing")
    gap = HealthFinding(CHECKS["feed_signin_gap"], "SigninLogs", START, START, 1, "0 rows", "3 rows")
    judged, unjudged = Outcome("signin_token_issued"), Outcome("signin_token_issued", unjudged=(question,))
    tones = [
        re.findall(r'class="verdict (\w+)"', page_of(result, result.reading))
        for result in (
            Hunt(whole, (), {judged.rule: judged}),
            Hunt(whole, (), {judged.rule: unjudged}),
            Hunt(whole, (), {judged.rule: judged}, (gap,)),
            Hunt(Reading(), (), {judged.rule: judged}),
            many(1),
        )
    ]
    assert tones == [["fine"], ["partial"], ["partial"], ["partial"], ["found"]]


def test_the_sum_and_refusals_stand_on_the_page() -> None:
    reading = reading_of([read(0)])
    reading.refusals = [Refusal("a.jsonl", 7, "is no JSON"), Refusal("a.jsonl", 9, "is no JSON")]
    body = "".join(parsed(made(reading)).itertext())
    assert "2 read = 1 used + 0 duplicates + 1 refused + 0 skipped" in body
    assert "a.jsonl:7" in body
    assert "is no JSON" in body


def test_the_bytes_are_the_same_every_time(reading: Callable[[Path], Reading]) -> None:
    found = reading(SCENARIO / "events.jsonl")
    lists = read_baseline(SCENARIO / "baseline.csv").lists()
    shuffled = Reading(list(found.records), found.files, found.refusals)
    random.Random(3).shuffle(shuffled.records)  # noqa: S311
    result = hunt(pack(), found, lists)
    assert page_of(result, found, lists) == page_of(result, shuffled, lists)


def test_the_scenario_is_told_as_it_happened(reading: Callable[[Path], Reading]) -> None:
    """The forged token reads three mailboxes over REST with the identity of Exchange Online."""
    lists = read_baseline(SCENARIO / "baseline.csv").lists()
    root = parsed(made(reading(SCENARIO / "events.jsonl"), lists))
    rows = root.findall(f".//{_XHTML}table[@class='matrix']/{_XHTML}tbody/{_XHTML}tr")
    first = ["".join(cell.itertext()).strip() for cell in rows[0]]
    assert EXCHANGE in first[0]
    assert "REST, new" in first[0]
    assert sorted(first[1:]) == ["13new", "15new", "24new"]
    cards = root.findall(f".//{_XHTML}article[@class='card found']")
    assert "1 token id: 0 explained by a sign-in, 1 not" in "".join(cards[0].itertext())
    items = root.findall(f".//{_XHTML}table[@class='items']/{_XHTML}tbody/{_XHTML}tr")
    marked = [item for item in items if item.attrib.get("class") == "flagged"]
    assert 0 < len(marked) < len(items)
    assert items[: len(marked)] == marked


@pytest.mark.parametrize("number", [0, 1, 400])
def test_findings_are_capped_and_the_rest_is_counted(number: int) -> None:
    result = many(number)
    assert len(result.findings) == number
    root = parsed(page_of(result, result.reading))
    drawn = root.findall(f".//{_XHTML}details[@class='finding']")
    assert len(drawn) == min(number, 25)
    left = f"{number - 25} more findings of this rule are not drawn"
    assert (left in "".join(root.itertext())) == (number > 25)


@pytest.mark.full
def test_a_hundred_thousand_findings_fit_on_a_page() -> None:
    result = many(100_000)
    text = page_of(result, result.reading)
    assert len(text) < 500_000
    assert "99,975 more findings of this rule are not drawn" in text


@pytest.mark.parametrize("days", [0.01, 1, 40, 4_000])
def test_the_timeline_has_few_columns_however_long_the_logs(days: float) -> None:
    start = int(START.timestamp()) // 3600
    reads = {start: 3, start + int(days * 24): 1}
    line = timeline(Hunt(Reading(), (), {}), reads)
    assert line is not None
    assert 1 <= len(line.reads) <= 2
    assert len(line.ticks) <= 6
    assert all(0 <= mark.x <= line.width and mark.height >= 1 for mark in line.reads)
    begin, end = datetime.fromisoformat(line.first), datetime.fromisoformat(line.last)
    assert begin <= START <= begin + MOST_OF_A_COLUMN[line.step]
    assert end <= START + timedelta(days=days) <= end + MOST_OF_A_COLUMN[line.step]


MOST_OF_A_COLUMN = {
    "1 hour": timedelta(hours=1),
    "6 hours": timedelta(hours=6),
    "4 weeks": timedelta(days=28),
}


def test_nothing_has_no_timeline() -> None:
    assert timeline(Hunt(Reading(), (), {}), {}) is None


def test_rules_that_could_not_judge_are_named() -> None:
    question = Unjudged(Reason.NO_BASELINE, "list <b> is missing", 1, START, START)
    outcome = Outcome("mail_app_new_to_tenant", unjudged=(question,))
    body = "".join(parsed(page_of(Hunt(Reading(), (), {outcome.rule: outcome}), Reading())).itertext())
    assert "1 of 1 rule could not judge everything" in body
    assert "list <b> is missing" in body
    assert "1 record, 2026-02-01T09:00:00Z to 2026-02-01T09:00:00Z" in body
