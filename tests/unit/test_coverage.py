"""What logs cover: every number beside a hand count, and hostile content beside what becomes of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from conftest import shipped_pack
from unissued.coverage import Coverage, Retention, as_json, as_markdown, as_text, coverage
from unissued.logs import read, source_map

YEAR = Retention(timedelta(days=365), timedelta(days=548))
DAY = "2026-03-02T"


def mail(number: int, time: str, **fields: object) -> dict[str, object]:
    return {
        "Id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"coverage/{number}")),
        "Workload": "Exchange",
        "Operation": "MailItemsAccessed",
        "ResultStatus": "Succeeded",
        "RecordType": 50,
        "UserType": 0,
        "LogonType": 0,
        "CreationTime": DAY + time,
        "UserId": "alice@contoso.example",
        **fields,
    }


def cmdlet(number: int, time: str, name: str, mailbox: str, **parameters: str) -> dict[str, object]:
    pairs = {"Identity": mailbox, **parameters}
    listed = [{"Name": key, "Value": value} for key, value in pairs.items()]
    return mail(number, time, Operation=name, ResultStatus="True", RecordType=1, Parameters=listed)


def covered(folder: Path, *records: Mapping[str, object], text: str = "", retention: Retention = YEAR) -> Coverage:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + text, encoding="utf-8")
    pack = shipped_pack()
    return coverage(pack, read([path], source_map(pack.catalogue)), {}, retention)


def shown(result: Coverage) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(as_text(result))
    return capture.get()


ROW = {"Type": "SigninLogs", "ResultType": "0"}


def sign_in(number: int, time: str, token: str) -> dict[str, object]:
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"coverage/sign-in/{number}"))
    return {**ROW, "Id": identity, "TimeGenerated": f"{DAY}{time}Z", "UniqueTokenIdentifier": token}


def token(number: int) -> str:
    return f"{number:021d}A"


def test_shares_are_counted_by_client_kind(tmp_path: Path) -> None:
    app = {"AppId": "00000003-0000-0000-c000-000000000000", "ClientInfoString": "Client=REST;x"}
    result = covered(
        tmp_path,
        mail(1, "01:00:00", **app, AppAccessContext={"UniqueTokenId": token(1), "AADSessionId": "s"}),
        mail(2, "02:00:00", **app, ClientAppId="59023ab3-013c-4280-b33a-9378b21b0acf", SessionId="t"),
        mail(3, "03:00:00", **app, AppAccessContext={"UniqueTokenId": "not well shaped"}),
        mail(4, "04:00:00", ClientInfoString="Client=OWA;x"),
        mail(5, "05:00:00", **app, ResultStatus="Failed"),
    )
    rest, owa = result.kinds["REST"], result.kinds["OWA"]
    assert (rest.reads, rest.app_id, rest.client_app_id, rest.session, rest.token_id) == (3, 3, 1, 1, 1)
    assert (owa.reads, owa.app_id, owa.client_app_id, owa.session, owa.token_id) == (1, 0, 0, 0, 0)


def test_explained_share_counts_token_ids_not_records(tmp_path: Path) -> None:
    reads = [
        mail(
            number, f"0{number}:00:00", ClientInfoString="Client=REST;", AppAccessContext={"UniqueTokenId": token(one)}
        )
        for number, one in enumerate([1, 1, 1, 2, 3])
    ]
    result = covered(tmp_path, *reads, sign_in(1, "00:30:00", token(1)), sign_in(2, "00:40:00", token(9)))
    (app,) = result.apps.values()
    assert list(result.apps) == ["-|-|rest"]
    assert (app.reads, app.token_ids, app.explained) == (5, 3, 1)


def test_feed_says_from_when_to_when_and_its_longest_silence(tmp_path: Path) -> None:
    result = covered(tmp_path, mail(1, "01:00:00"), mail(2, "02:00:00"), mail(3, "05:30:00"), mail(4, "06:00:00"))
    (feed,) = result.feeds
    assert (feed.source, feed.records, feed.silence) == ("m365/exchange", 4, timedelta(hours=3.5))
    assert (f"{feed.first:%H:%M}", f"{feed.last:%H:%M}", f"{feed.silent_since:%H:%M}") == ("01:00", "06:00", "02:00")
    assert feed.latency is None


def test_latency_is_of_the_records_that_say_when_they_arrived(tmp_path: Path) -> None:
    late = [
        {
            "source": "m365/exchange",
            "ingested": f"{DAY}{hour + 1:02}:{minute:02}:00Z",
            "event": mail(hour, f"{hour:02}:00:00"),
        }
        for hour, minute in enumerate([0, 10, 20, 30])
    ]
    (feed,) = covered(tmp_path, *late, mail(9, "09:00:00")).feeds
    assert feed.latency is not None
    minutes = (feed.latency.median // 60, feed.latency.most // 60, feed.latency.longest // 60)
    assert (feed.latency.records, *minutes) == (4, 70, 90, 90)


def test_last_record_about_a_mailbox_says_whether_it_is_audited(tmp_path: Path) -> None:
    bypass = "Set-MailboxAuditBypassAssociation"
    result = covered(
        tmp_path,
        cmdlet(1, "01:00:00", "Set-Mailbox", "alice", AuditEnabled="False"),
        cmdlet(2, "02:00:00", "Set-Mailbox", "bob", AuditEnabled="False"),
        cmdlet(3, "03:00:00", "Set-Mailbox", "BOB", AuditEnabled="True"),
        cmdlet(4, "04:00:00", bypass, "carol", AuditBypassEnabled="True"),
        cmdlet(5, "05:00:00", bypass, "dave", AuditBypassEnabled="False"),
        cmdlet(6, "06:00:00", "Set-Mailbox", "erin", AuditOwner="Update"),
        {**cmdlet(7, "07:00:00", "Set-Mailbox", "frank", AuditEnabled="False"), "ResultStatus": "False"},
    )
    assert [(off.what, off.mailbox) for off in result.off] == [
        ("audit bypassed", "carol"),
        ("auditing disabled", "alice"),
    ]
    assert result.exit_status == 1


def test_organisation_that_is_not_audited_is_the_first_thing_to_fix(tmp_path: Path) -> None:
    off = cmdlet(1, "01:00:00", "Set-OrganizationConfig", "contoso", AuditDisabled="True")
    result = covered(tmp_path, mail(2, "00:30:00"), off)
    assert [one.what for one in result.off] == ["auditing of the organisation disabled"]
    assert result.fixes[0].what == "switch on again: auditing of the organisation disabled"


def lacks(result: Coverage, rule: str) -> list[tuple[str, str]]:
    return [(one.want.kind, one.want.name) for one in result.blind if one.rule.name == rule]


def test_rules_say_for_want_of_what_they_are_blind(tmp_path: Path) -> None:
    reads = [mail(number, f"0{number}:00:00", ClientInfoString="Client=REST;") for number in range(3)]
    result = covered(tmp_path, *reads)
    assert ("list", "baseline_mail_apps") in lacks(result, "mail_app_new_to_tenant")
    assert ("feed", "azure/signinlogs") in lacks(result, "mail_token_never_issued")
    assert ("field", "AppAccessContext.UniqueTokenId") in lacks(result, "mail_token_never_issued")
    assert ("field", "TokenTenantId") in lacks(result, "mail_token_from_consumer_tenant")
    assert lacks(result, "mail_owa_identity_scripted_client") == [("field", "AppId")]


def test_field_that_one_record_has_makes_no_rule_blind(tmp_path: Path) -> None:
    reads = [mail(number, f"0{number}:00:00", ClientInfoString="Client=REST;") for number in range(3)]
    one = mail(9, "09:00:00", ClientInfoString="Client=REST;", TokenTenantId="0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2")
    assert lacks(covered(tmp_path, *reads, one), "mail_token_from_consumer_tenant") == []


def test_rule_whose_kind_of_record_nobody_made_is_not_called_blind(tmp_path: Path) -> None:
    """No application was given a role here: that is no reason to doubt the logs of mail."""
    entra = {"Type": "AuditLogs", "OperationName": "Add user", "Id": "x", "TimeGenerated": f"{DAY}01:00:00Z"}
    result = covered(tmp_path, mail(1, "01:00:00"), entra)
    assert lacks(result, "app_mailbox_role_granted") == []


@pytest.mark.parametrize(("days", "reached"), [(31, False), (30, True)])
def test_reach_is_counted_back_from_the_last_record(tmp_path: Path, days: int, reached: bool) -> None:
    first = {**mail(1, "06:00:00"), "CreationTime": "2026-01-31T06:00:00"}
    target = Retention(timedelta(days=days), timedelta(days=1))
    result = covered(tmp_path, first, mail(2, "06:00:00"), retention=target)
    (one,) = [one for one in result.reach if one.source == "m365/exchange"]
    assert (one.days, one.searchable, one.retrievable) == (30, reached, False)


def test_every_record_is_accounted_for(tmp_path: Path) -> None:
    other = {**mail(3, "03:00:00"), "Workload": "SharePoint", "RecordType": 6}
    result = covered(tmp_path, mail(1, "01:00:00"), mail(1, "01:00:00"), other, text="no json\n")
    count = json.loads(as_json(result))["summary"]
    assert (count["read"], count["used"], count["duplicates"], count["refused"], count["skipped"]) == (4, 1, 1, 1, 1)
    assert "partial: " in shown(result)


def test_ranking_is_by_what_it_takes_from_the_rules(tmp_path: Path) -> None:
    result = covered(tmp_path, *(mail(number, f"0{number}:00:00") for number in range(3)))
    weights = [fix.weight for fix in result.fixes]
    assert weights == sorted(weights, reverse=True)
    assert len(json.loads(as_json(result))["fix_first"]) == 3
    signins = next(fix for fix in result.fixes if fix.what == "bring the logs of azure/signinlogs")
    assert signins.weight == 2 * sum(
        {"high": 8, "medium": 4, "low": 2}[one.rule.level]
        for one in result.blind
        if (one.want.kind, one.want.name) == ("feed", "azure/signinlogs")
    )


HOSTILE = "Client=\x1b[2J<script>|[x](http://evil.example)`@all\u202e;"


def test_log_content_commands_neither_a_terminal_nor_a_page(tmp_path: Path) -> None:
    result = covered(tmp_path, mail(1, "01:00:00", ClientInfoString=HOSTILE))
    for text in (shown(result), as_markdown(result), as_json(result)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    page = as_markdown(result)
    assert "<script>" not in page
    assert "](http" not in page
    assert "http://" not in page
    lines = [line for line in page.split("\n") if "&lt;script" in line]
    assert len(lines) == 2
    assert all(line.replace("\\|", "").count("|") in (5, 7) for line in lines)


def test_same_records_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    records = [mail(number, f"0{number}:00:00", ClientInfoString=f"Client=K{number % 3};") for number in range(6)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = covered(tmp_path / "a", *records), covered(tmp_path / "b", *reversed(records))
    assert as_json(one).replace("/a/", "/") == as_json(other).replace("/b/", "/")


def test_empty_input_is_no_crash(tmp_path: Path) -> None:
    result = covered(tmp_path)
    assert result.feeds == ()
    assert shown(result)
    assert as_markdown(result)
    assert json.loads(as_json(result))["retention"]["counted_from"] is None
