"""Which cases share a batch, with made-up cases that cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import ROOT
from unissued.errors import LogError
from unissued.evaluate import Given
from unissued.logs import read, source_map
from unissued.pack import Pack
from unissued.simulate.batch import Setting
from unissued.simulate.plan import Plan, plan
from unissued.verify import Case

END = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
NEVER, MANY, NEW = "mail_token_never_issued", "mail_app_reads_many_mailboxes", "mail_app_new_to_tenant"


class Maker:
    """Makes cases of one's own below a folder, from the lines of a fixture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def case(self, name: str, fixture: str, given: Given | None = None, **fields: object) -> Case:
        rule, stem = fixture.split("/")
        lines = (ROOT / "fixtures" / rule / f"{stem}.jsonl").read_text("utf-8").splitlines()
        return self.of(rule, name, [{**json.loads(line), **fields} for line in lines], given)

    def of(self, rule: str, name: str, records: list[Mapping[str, object]], given: Given | None = None) -> Case:
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        return Case(rule, name.split("_")[0], 1, path, given or Given())


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def planned(pack: Pack, *cases: Case, target: str = "splunk") -> Plan:
    sources = source_map(pack.catalogue)
    return plan(Setting(pack, target, END), cases, lambda path: read([path], sources))


def names(found: Plan) -> list[list[str]]:
    return [[unit.name.split("/")[1] for unit in batch.units] for batch in found.batches]


def test_cases_with_ids_of_their_own_share_a_batch(pack: Pack, make: Maker) -> None:
    cases = [make.case(name, f"{MANY}/hit_ten_in_an_hour") for name in ("hit_a", "hit_b")]
    assert names(planned(pack, *cases)) == [["hit_a", "hit_b"]]


def test_cases_that_would_be_one_match_do_not_and_the_others_stay(pack: Pack, make: Maker) -> None:
    """A rule names this id, so it stays in both, and twenty reads by one application would be one match."""
    fixture = f"{MANY}/hit_ten_in_an_hour"
    shared = [make.case(name, fixture, ClientAppId=EXCHANGE) for name in ("hit_b", "hit_a")]
    found = planned(pack, *shared, make.case("hit_own", fixture))
    assert names(found) == [["hit_a", "hit_own"], ["hit_b"]]
    assert [sum(one.rule == MANY for one in batch.fired) for batch in found.batches] == [2, 1]


def test_the_case_that_brings_what_no_other_brings_is_the_one_to_go(pack: Pack, make: Maker) -> None:
    """Two cases read mail with one id; a third gives that application a secret, and goes."""
    reads = [make.case(name, f"{MANY}/miss_one_mailbox", ClientAppId=EXCHANGE) for name in ("miss_a", "miss_b")]
    secret = make.case("miss_secret", "app_new_secret_then_mail_read/miss_outlook_on_the_web")
    assert names(planned(pack, reads[0], secret, reads[1])) == [["miss_a", "miss_b"], ["miss_secret"]]


def test_cases_that_need_other_lists_do_not_share_a_batch(pack: Pack, make: Maker) -> None:
    fields = {"AppId": "", "ClientAppId": "", "ClientInfoString": "Client=Odd;;"}
    normal = Given(lists={"baseline_mail_apps": frozenset(["-|-|Odd"])})
    other = Given(lists={"baseline_mail_apps": frozenset(["-|-|OWA"])})
    hit = make.case("hit_a", f"{NEW}/hit_app_id_only", other, **fields)
    miss = make.case("miss_b", f"{NEW}/hit_app_id_only", normal, **fields)
    found = planned(pack, hit, miss)
    assert names(found) == [["miss_b"], ["hit_a"]]
    assert [batch.lists["baseline_mail_apps"] for batch in found.batches] == [{"-|-|Odd"}, {"-|-|OWA"}]


def test_a_read_that_arrives_days_late_is_left_out_where_a_query_would_not_judge_it(pack: Pack, make: Maker) -> None:
    lines = (ROOT / "fixtures" / NEVER / "hit_forged.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    mail = next(record for record in records if record.get("Operation") == "MailItemsAccessed")
    late = datetime.fromisoformat(mail["CreationTime"]) + timedelta(days=3)
    last = {**mail, "Id": "8d1f7e0e-0000-4000-8000-000000000001", "CreationTime": late.isoformat(), "UserType": 5}
    case = make.of(NEVER, "hit_late", [*records, last])
    found = planned(pack, case)
    assert not found.batches
    assert [left.reason for left in found.left_out] == [
        f"{NEVER} matches a record that arrives more than two days late, which its query does not judge"
    ]
    assert names(planned(pack, case, target="")) == [["hit_late"]]


def test_a_case_whose_records_the_target_does_not_hold_is_left_out(pack: Pack, make: Maker) -> None:
    case = make.case("hit_a", "app_mailbox_role_granted/hit_every_role_id_unified")
    assert [left.reason for left in planned(pack, case, target="sentinel").left_out] == [
        "sentinel does not hold its log sources"
    ]


def test_a_case_of_a_rule_that_the_target_cannot_say_is_left_out(pack: Pack, make: Maker) -> None:
    case = make.case("hit_a", f"{NEVER}/hit_forged")
    assert [left.reason for left in planned(pack, case, target="defender").left_out] == [
        f"defender has no query for {NEVER}"
    ]


def test_a_fixture_with_a_line_that_cannot_be_used_is_refused_with_its_path(pack: Pack, make: Maker) -> None:
    good = json.loads((ROOT / "fixtures" / "owa_token_minted" / "hit_minted.jsonl").read_text("utf-8").splitlines()[0])
    case = make.of("owa_token_minted", "hit_broken", [good, {"source": "m365/exchange", "event": good, "odd": 1}])
    with pytest.raises(LogError, match=r"hit_broken\.jsonl: an envelope has no key 'odd'.*unissued test"):
        planned(pack, case)


def test_what_a_fixture_repeats_is_sent_twice_except_rows_that_are_counted(pack: Pack, make: Maker) -> None:
    lines = (ROOT / "fixtures" / NEVER / "hit_duplicate_record.jsonl").read_text("utf-8").splitlines()
    once = make.of(NEVER, "hit_once", list({line: json.loads(line) for line in lines}.values()))
    (alone,) = planned(pack, once).batches
    (repeated,) = planned(pack, make.of(NEVER, "hit_twice", [json.loads(line) for line in lines])).batches
    mail = sum(record.source == "m365/exchange" for record in repeated.cases)
    assert len(repeated.sent) - len(alone.sent) == mail > 0


def test_feeds_are_filled_past_the_hour_of_judgement(pack: Pack, make: Maker) -> None:
    (batch,) = planned(pack, make.case("hit_a", f"{NEVER}/hit_forged")).batches
    for table in ("SigninLogs", "AADNonInteractiveUserSignInLogs"):
        hours = {record.time.replace(minute=0) for record in batch.filler if record.table == table}
        assert len(hours) == 13 * 24
        assert max(hours) >= END.replace(minute=0) + timedelta(hours=12)
    assert {record.ingested for record in batch.filler} == {END}
