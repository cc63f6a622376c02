"""A site tunes the pack in one file, and a slip of the pen in it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import ROOT, read_logs
from unissued.errors import RuleError
from unissued.evaluate import Given, evaluate
from unissued.pack import Pack, load_site

MANY = ROOT / "fixtures" / "mail_app_reads_many_mailboxes"
NEWCOMER = "030367bd-2ff4-4082-abe9-da68fa31ba57"


def settings(folder: Path, text: str) -> Path:
    path = folder / "unissued.toml"
    path.write_text(text, encoding="utf-8")
    return path


def fires(pack: Pack, name: str, fixture: Path) -> int:
    return len(evaluate(pack, read_logs(fixture).records, Given(), [name])[name].matches)


def test_a_threshold_and_a_timespan_can_be_changed(tmp_path: Path, pack: Pack) -> None:
    name = "mail_app_reads_many_mailboxes"
    path = settings(tmp_path, f'[rules.{name}]\nthreshold = 9\ntimespan = "61m"\n')
    site = load_site(path, pack)
    for fixture in ("miss_nine.jsonl", "miss_sixty_one_minutes.jsonl"):
        assert fires(pack, name, MANY / fixture) == 0
        assert fires(site.pack, name, MANY / fixture) == 1


def test_a_group_can_be_excluded_and_the_others_still_fire(tmp_path: Path, pack: Pack) -> None:
    name = "mail_app_reads_many_mailboxes"
    other = NEWCOMER.replace("03", "04", 1)
    assert fires(pack, name, MANY / "hit_ten_in_an_hour.jsonl") == 1
    for excluded, expected in ((NEWCOMER.upper(), 0), (other, 1)):
        text = f'[rules.{name}]\nexclude = [{{ClientAppId = "{excluded}"}}]\n'
        assert (
            fires(load_site(settings(tmp_path, text), pack).pack, name, MANY / "hit_ten_in_an_hour.jsonl") == expected
        )


def test_a_detection_can_be_narrowed(tmp_path: Path, pack: Pack) -> None:
    name = "mail_owa_identity_scripted_client"
    fixture = ROOT / "fixtures" / name / "hit_rest_system.jsonl"
    path = settings(tmp_path, f'[rules.{name}]\nexclude = [{{ClientAddress = "203.0.113.9"}}]\n')
    assert fires(pack, name, fixture) == 1
    assert fires(load_site(path, pack).pack, name, fixture) == 0


def test_rules_can_be_switched_off_and_lists_are_relative_to_the_file(tmp_path: Path, pack: Pack) -> None:
    text = '[rules.owa_token_minted]\nenabled = false\n[lists]\napproved_mail_apps = "lists/approved.csv"\n'
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "approved.csv").write_text("approved_mail_apps\n", encoding="utf-8")
    site = load_site(settings(tmp_path, text), pack)
    assert site.disabled == {"owa_token_minted"}
    assert site.lists == {"approved_mail_apps": tmp_path / "lists" / "approved.csv"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rules.owa_token_mintd]\n", "unknown rule 'owa_token_mintd' (did you mean 'owa_token_minted'?)"),
        ("[rule]\n", "unknown key 'rule' (did you mean 'rules'?)"),
        ("[rules.owa_token_minted]\nenable = true\n", "unknown key 'enable' (did you mean 'enabled'?)"),
        ("[rules.owa_token_minted]\nthreshold = 3\n", "only a correlation has a threshold"),
        ("[rules.mail_token_never_issued]\nthreshold = 3\n", "counts nothing"),
        ("[rules.mail_app_reads_many_mailboxes]\nthreshold = 0\n", "is no whole number above 0"),
        ('[rules.mail_app_reads_many_mailboxes]\ntimespan = "1M"\n', "'1M' is no time span"),
        ('[rules.owa_token_minted]\nexclude = [{UserID = "a"}]\n', "unknown field 'UserID' (did you mean 'UserId'?)"),
        ('[rules.owa_token_minted]\nexclude = [{UserId = "*"}]\n', "a wildcard would excuse everything"),
        ('[rules.mail_app_reads_many_mailboxes]\nexclude = [{UserId = "a"}]\n', "unknown field 'UserId'"),
        ('[lists]\nfriends = "x.csv"\n', "unknown list 'friends'"),
        ('[lists]\napproved_mail_apps = "x.csv"\n', "lists.approved_mail_apps: there is no file"),
        ("[lists]\napproved_mail_apps = 3\n", "lists.approved_mail_apps: 3 is no file name"),
        ("[rules]\nowa_token_minted = true\n", "rules.owa_token_minted must be a table"),
        ("[rules.mail_read]\nenabled = false\n", "alerts nobody, so it cannot be enabled or not"),
        ('[rules.owa_token_minted]\nexclude = [{UserId = "a\\nb"}]\n', "UserId holds '\\n'"),
        ('[rules.owa_token_minted]\nexclude = [{UserId = "a`b"}]\n', "UserId holds '`'"),
        ("rules\n", "is no TOML"),
    ],
)
def test_a_slip_of_the_pen_is_refused(text: str, says: str, tmp_path: Path, pack: Pack) -> None:
    with pytest.raises(RuleError) as caught:
        load_site(settings(tmp_path, text), pack)
    assert says in str(caught.value)
