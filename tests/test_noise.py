"""Ordinary days: the generator writes what it says, and no rule above `low` alerts on it beyond its budget."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

import noise
from conftest import shipped_pack
from noise import Budget, Noise, measure, over_budget, read_budgets, table_of
from ordinary import Stream, ordinary_tenant
from unissued.evaluate import Given, evaluate
from unissued.hunt import hunt
from unissued.logs import read, source_map
from unissued.pack import Pack
from unissued.pack.rule import Rule
from unissued.record import Record, utc_text


@pytest.fixture(scope="module")
def small() -> Stream:
    return ordinary_tenant(7, 1, mailboxes=16)


@pytest.fixture(scope="module")
def short() -> Noise:
    return measure(shipped_pack(), noise.SHORT)


@pytest.fixture(scope="module")
def budgets() -> Mapping[str, Budget]:
    return read_budgets(noise.BUDGETS, shipped_pack())


def mail_reads(stream: Stream) -> list[Record]:
    return [record for record in stream.log.records if record.fields.get("Operation") == "MailItemsAccessed"]


# The budget


def test_a_hundred_thousand_ordinary_events_stay_within_the_budgets(
    short: Noise, pack: Pack, budgets: Mapping[str, Budget]
) -> None:
    assert short.events >= 100_000
    assert over_budget(pack, short, budgets) == []


def test_the_page_shows_what_these_events_give(short: Noise, pack: Pack, budgets: Mapping[str, Budget]) -> None:
    shown = noise.PAGE.read_text("utf-8")
    assert table_of(pack, noise.short_title(), short, budgets).markdown() in shown, "run python benchmarks/noise.py"


@pytest.mark.full
def test_a_million_ordinary_events_stay_within_the_budgets_and_the_page_shows_them(
    pack: Pack, budgets: Mapping[str, Budget]
) -> None:
    first, long = noise.measure_together(noise.LONG)
    assert long.events >= 1_000_000
    assert over_budget(pack, long, budgets) == []
    assert noise.PAGE.read_text("utf-8") == noise.text_of(pack, first, long, budgets)


LOUD, QUIET = "mail_token_from_consumer_tenant", "owa_token_minted"


def some_noise(alerts: Mapping[str, int], blind: Mapping[str, str] | None = None) -> Noise:
    return Noise(events=1, mailbox_days=5_000, alerts=Counter(alerts), blind=blind or {})


def test_a_rule_without_a_budget_may_not_alert_at_all(pack: Pack) -> None:
    assert over_budget(pack, some_noise({}), {}) == []
    assert over_budget(pack, some_noise({LOUD: 1}), {}) == [f"{LOUD}: OVER (1 alerts)"]


def test_a_rule_that_is_low_needs_no_budget(pack: Pack) -> None:
    assert over_budget(pack, some_noise({QUIET: 1_000}), {}) == []


@pytest.mark.parametrize(("alerts", "verdict"), [(3, "within"), (4, "OVER")])
def test_a_budget_is_for_ten_thousand_mailboxes_and_day_and_rounds_up(alerts: int, verdict: str, pack: Pack) -> None:
    wrong = over_budget(pack, some_noise({LOUD: alerts}), {LOUD: Budget(4.2, "a reason")})
    assert bool(wrong) is (verdict == "OVER")


def test_a_rule_that_could_judge_nothing_needs_a_reason(pack: Pack) -> None:
    blind = some_noise({}, {LOUD: "list x is missing or empty"})
    assert over_budget(pack, blind, {}) == [f"{LOUD}: not judged: list x is missing or empty (0 alerts)"]
    assert over_budget(pack, blind, {LOUD: Budget(unjudged="nobody has such a list")}) == []
    assert over_budget(pack, some_noise({}), {LOUD: Budget(unjudged="nobody has such a list")})


@pytest.mark.parametrize(
    "entry",
    [
        {"no_such_rule": {"rate": 1, "because": "so"}},
        {QUIET: {"rate": 1, "because": "so"}},
        {LOUD: {"rate": 1}},
        {LOUD: {"because": "so"}},
        {LOUD: {"rate": 1, "because": "so", "unjudged": "so"}},
    ],
)
def test_a_budget_has_a_rule_above_low_and_a_reason(entry: object, tmp_path: Path, pack: Pack) -> None:
    path = tmp_path / "noise.yml"
    path.write_text(yaml.safe_dump(entry), "utf-8")
    with pytest.raises(ValueError, match=r"is no rule above low|needs a rate and a reason"):
        read_budgets(path, pack)


# The generator


def test_a_tenant_depends_on_its_number_alone(small: Stream) -> None:
    again, other = ordinary_tenant(7, 1, 16), ordinary_tenant(8, 1, 16)
    assert again.log.records == small.log.records
    assert again.log.copies == small.log.copies
    assert again.lists == small.lists
    assert other.log.records[0] != small.log.records[0]


def condition_of(rule: Rule) -> str:
    return str(getattr(rule.correlation().condition, "expression", ""))


def share(part: int, of: int) -> float:
    return part / of


def test_mail_reads_have_the_shares_of_real_ones(small: Stream) -> None:
    reads = [record.fields for record in mail_reads(small)]
    kinds = Counter(str(fields["ClientInfoString"]).removeprefix("Client=").split(";")[0] for fields in reads)
    back_end = sum("RESTSystem" in str(fields["ClientInfoString"]) for fields in reads)
    assert 0.4 < share(back_end, len(reads)) < 0.75  # half; 114 of 156 in the laboratory tenant
    assert 0.10 < share(sum("ClientAppId" not in fields for fields in reads), len(reads)) < 0.35
    assert 0.04 < share(sum(not {"AppId", "ClientAppId"} & set(fields) for fields in reads), len(reads)) < 0.2
    assert {"REST", "OWA", "MSExchangeRPC", "OutlookService", "WebServices"} <= set(kinds)
    assert {fields["RecordType"] for fields in reads} == {2, 50}
    assert all(fields["RecordType"] == 2 for fields in reads if fields["ClientInfoString"] == "Client=MSExchangeRPC")


def test_records_repeat_byte_for_byte_and_arrive_late(small: Stream) -> None:
    first = {id(record.fields): record for record in small.log.records}
    times = Counter(record.id for record in small.log.copies if record.source == "m365/exchange")
    assert set(times.values()) == {1, 3}  # delivered two or four times
    assert all(first[id(copy.fields)].ingested < copy.ingested for copy in small.log.copies)
    delays = sorted(record.ingested - record.time for record in mail_reads(small))
    assert timedelta(minutes=60) <= delays[0]
    assert delays[len(delays) * 95 // 100] <= timedelta(minutes=90) < delays[-1] <= timedelta(hours=24)


def test_every_token_of_a_person_is_explained_and_lives_28_hours_at_most(small: Stream) -> None:
    issued = {
        str(record.fields["UniqueTokenIdentifier"]): record.time
        for record in small.log.records
        if record.source == "azure/signinlogs" and "UniqueTokenIdentifier" in record.fields
    }
    back_end = "RESTSystem"
    ages, unexplained = [], 0
    for record in mail_reads(small):
        context = record.fields.get("AppAccessContext")
        token = context.get("UniqueTokenId") if isinstance(context, Mapping) else None
        if not token or back_end in str(record.fields["ClientInfoString"]):
            continue
        if token in issued:
            ages.append(record.time - issued[token])
        else:
            unexplained += 1
    assert timedelta(0) <= min(ages)
    assert timedelta(hours=20) < max(ages) <= timedelta(hours=28)
    assert 0 < share(unexplained, len(ages)) < 0.05  # sign-ins that name only their request


def test_a_hunt_over_what_is_delivered_finds_what_the_records_give(small: Stream, tmp_path: Path, pack: Pack) -> None:
    """The short way of the benchmark, records without a reader, is the way of `unissued hunt`."""
    lines = (
        {"source": record.source, "ingested": utc_text(record.ingested), "event": record.fields}
        for record in small.log.deliveries()
        if record.source in pack.catalogue.sources
    )
    path = tmp_path / "tenant.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    lists = noise.lists_of(pack, small)
    reading = read([path], source_map(pack.catalogue))
    assert reading.count.refused == reading.count.skipped == 0
    assert reading.count.duplicates == len(small.log.copies)
    found = hunt(pack, reading, lists, since=small.judged_from).findings
    # A hunt measures its feeds, the benchmark takes them as complete.
    absent = {name for name, rule in pack.rules.items() if rule.is_correlation and " not " in condition_of(rule)}
    counted = noise.noise_of(pack, small).alerts
    expected = {name: alerts for name, alerts in counted.items() if alerts and name not in absent}
    assert Counter(finding.rule.name for finding in found if finding.rule.name not in absent) == expected
    assert expected


def test_what_rules_see_is_there(pack: Pack, small: Stream) -> None:
    """Silence of a rule means something only where the records that it asks for exist."""
    records = small.records(pack.catalogue.sources)
    outcomes = evaluate(pack, records, Given(lists=noise.lists_of(pack, small)))
    for base in ("mail_read_by_app", "mail_read_with_token", "signin_token_issued", "app_credential_added"):
        assert outcomes[base].matches, base


def test_an_invented_token_among_ordinary_days_is_found(pack: Pack, small: Stream) -> None:
    """Else the silence of the same days without it would prove nothing."""
    records = [*small.records(pack.catalogue.sources), *noise.probes(small)]
    matches = evaluate(pack, records, Given(), ["mail_token_never_issued"])["mail_token_never_issued"].matches
    invented = {probe.fields["AppAccessContext"]["UniqueTokenId"] for probe in noise.probes(small)}  # type: ignore[index]
    assert invented <= {match.group["token_id"] for match in matches}
