"""Real third-party records, where they are at hand: what the rules say of them is what somebody read in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import read_logs
from unissued.baseline import learn
from unissued.evaluate import Event, Given, evaluate, explain
from unissued.hunt import hunt
from unissued.pack import Pack

FOLDERS = ("invictus-o365_dataset", "otrf-goldensaml", "sentinel-training-lab", "msticpy")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_hunt_accounts_for_every_record(folder: str, pack: Pack, real_logs: Path) -> None:
    reading = read_logs(real_logs / folder)
    result = hunt(pack, reading, {})
    assert reading.count.read > 0
    assert all(report.count.balanced for report in reading.files)
    assert len(reading.records) == reading.count.used
    assert result.outcomes["mail_token_never_issued"].unjudged, "no folder has both mail and complete sign-in feeds"


def test_without_the_last_days_the_baseline_shows_the_illicit_consents_and_nothing_else(
    pack: Pack, real_logs: Path
) -> None:
    """Four applications read mail within hours of a consent; the other keys are years-old services and browsers."""
    reading = read_logs(real_logs / "invictus-o365_dataset")
    normal = {
        row.mail_app_key
        for row in learn(pack, reading.records).rows
        if not row.mailbox_guid and row.status == "established"
    }
    outcome = evaluate(pack, reading.records, Given(lists={"baseline_mail_apps": normal}), ["mail_app_new_to_tenant"])
    found = {match.values("ClientAppId")[0] for match in outcome["mail_app_new_to_tenant"].matches}
    assert found == {
        "ea0056b2-87ac-4765-ba13-e2768da6fba7",
        "842cef72-745d-463c-8b49-ce16ccc5ebd2",
        "395a1045-4185-43f1-ba4f-2b889bf7416b",
        "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
    }


def test_every_shape_of_one_export_gives_the_same_mail_reads(pack: Pack, real_logs: Path) -> None:
    folder = real_logs / "invictus-o365_dataset"
    reads = {
        path.name: {
            (record.id, *event.values("MailAppKey"), *event.values("ClientAddress"), *event.values("MailboxGuid"))
            for record in read_logs(path).records
            for event in [Event(record, pack.catalogue.sources["m365/exchange"])]
            if event.values("Operation") == ("MailItemsAccessed",)
        }
        for path in sorted(folder.iterdir())
    }
    assert len(reads) == 5
    assert {len(found) for found in reads.values()} == {156}
    assert len({frozenset(found) for found in reads.values()}) == 1


@pytest.mark.parametrize("name", ["OfficeActivityEvents.json", "Microsoft365DefenderEvents.json"])
def test_the_forged_saml_mail_read_says_the_same_in_both_tables(name: str, pack: Pack, real_logs: Path) -> None:
    """It was read through Graph by an application of its own: new to the tenant, but not Outlook's identity."""
    records = [
        record
        for record in read_logs(real_logs / "otrf-goldensaml" / name).records
        if record.fields.get("Operation") == "MailItemsAccessed"
    ]
    assert len(records) == 1
    event = Event(records[0], pack.catalogue.sources["m365/exchange"])
    key = "00000003-0000-0000-c000-000000000000|5a95e683-08ad-424e-a441-1d1aec52c02c|REST"
    assert event.values("MailAppKey") == (key,)
    assert explain(pack.rule("mail_owa_identity_scripted_client"), event, {}).startswith("- ")
    new = pack.rule("mail_app_new_to_tenant")
    assert explain(new, event, {"baseline_mail_apps": frozenset({"other"})}).startswith("+ ")
    assert explain(new, event, {"baseline_mail_apps": frozenset({key.lower()})}).startswith("- ")
