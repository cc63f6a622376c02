"""Orders in which a key leaves rules out: all readers agree on random streams, and what cannot be joined is refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from conftest import shipped_pack
from test_conformance import MAIL, make_record, write_rules
from unissued.convert import convert
from unissued.engines.spl import Reading
from unissued.errors import UnsupportedError
from unissued.evaluate import Given
from unissued.pack import Pack
from unissued.record import Record
from unissued.verify.agreement import Stream, compare
from unissued.verify.readers import KqlReader, Reader, SplReader

ENDS = {"who": {"a": "UserId", "b": "UserId"}, "what": {"b": "ClientAppId", "c": "ClientAppId"}}
KEYS = ["who", "what"]
READERS: dict[str, Reader] = {
    "sentinel": KqlReader(shipped_pack().catalogue, "sentinel"),
    "defender": KqlReader(shipped_pack().catalogue, "defender"),
    "splunk, text": SplReader(shipped_pack().catalogue, Reading.TEXT),
    "splunk, numbers": SplReader(shipped_pack().catalogue, Reading.NUMBERS),
}


def pack_with(folder: Path, rules: list[str], aliases: Any = None, keys: Any = None) -> Pack:
    bodies: dict[str, dict[str, Any]] = {
        name: {"logsource": MAIL, "detection": {"s": {"Operation": name.upper()}, "condition": "s"}} for name in "abcd"
    }
    body = {"type": "temporal_ordered", "rules": rules, "group-by": keys or KEYS, "timespan": "10m"}
    bodies["chain"] = {"correlation": {**body, "aliases": aliases or ENDS}}
    return write_rules(folder, bodies)


def stream(seed: int) -> list[Record]:
    """Few users and applications, and times that often are the same or exactly the time span apart."""
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    records = []
    for number in range(rng.choice([12, 25, 40])):
        minute = rng.choice([rng.randrange(30), rng.randrange(7) * 5])
        fields = {
            "at": f"09:{minute:02d}:{rng.choice([0, 0, 1, 59]):02d}",
            "Workload": "Exchange",
            "Operation": rng.choice("ABCD"),
            "UserId": rng.choice(["u@contoso.example", "U@contoso.example", "7", "07", ""]),
            "ClientAppId": rng.choice(["x", "X", "03", ""]),
        }
        records.append(make_record(fields, "m365/exchange", number))
    return records


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("rules", [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["a", "b", "d", "c"]])
def test_readers_agree(reader: str, rules: list[str], tmp_path: Path) -> None:
    four = {"who": {**ENDS["who"], "d": "UserId"}, "what": ENDS["what"]}  # two rules lack the same key
    pack = pack_with(tmp_path, rules, four if "d" in rules else ENDS)
    rule, one = pack.rule("chain"), READERS[reader]
    query = convert(pack, rule, one.target)
    found = 0
    for seed in range(13):
        comparison = compare(one, pack, rule, query, Stream(stream(seed), Given()))
        assert comparison.agrees, (seed, comparison.differences())
        found += len(comparison.query.rows)
    assert found


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_rule_without_a_key_in_common_with_those_before_is_refused(target: str, tmp_path: Path) -> None:
    pack = pack_with(tmp_path, ["a", "c", "b"])
    with pytest.raises(UnsupportedError, match="rule 'c' has no key in common with the rules before it"):
        convert(pack, pack.rule("chain"), target)


def test_splunk_refuses_a_rule_that_lacks_two_keys(tmp_path: Path) -> None:
    aliases = {"who": ENDS["who"], "what": {"b": "ClientAppId"}, "mailbox": {"b": "MailboxGuid"}}
    pack = pack_with(tmp_path, ["a", "b"], aliases, [*KEYS, "mailbox"])
    with pytest.raises(UnsupportedError, match="rule 'a' lacks what and mailbox"):
        convert(pack, pack.rule("chain"), "splunk")
    assert "on who" in convert(pack, pack.rule("chain"), "sentinel").query
