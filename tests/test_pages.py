"""The generated pages: complete, with links that lead somewhere, and not to be broken by the text of a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markdown_it import MarkdownIt
from markdown_it.token import Token

from conftest import ROOT, shipped_pack
from unissued.convert import Build, Refused, build
from unissued.pack import Pack, Rule
from unissued.pages import pages
from unissued.pages.facts import feed, technique
from unissued.pages.kind import Kind, kind_of
from unissued.pages.markdown import Markdown, cell, code, environment, escaped, link
from unissued.verify import CaseName, case_names

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Each of these would be something else than text, alone, at the beginning of a line, in a table or in a list.
HOSTILE = [
    "a | b | c",
    "a \\| b \\\\| c \\",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "2) item",
    "===",
    "---",
    "> quote",
    "line\n\n# heading\n\n| a |\n|---|\n| b |",
    "```\ncode\n```",
    "`code` ``more`` `",
    "*e* **s** _e_ __s__ a_b_c ~~gone~~",
    "[text](javascript:alert(1)) ![image](https://example.com/x.png) [ref]",
    "<script>alert(1)</script> <!-- hidden --> <https://example.com>",
    "&lt;b&gt; &#124; &amp;",
    "$x$ and $$y$$",
    "a\u202eb\u200bc\x00d",
    "{{ rule.name }} {% for %}",
]


@pytest.fixture(scope="module")
def made() -> Build:
    return build(shipped_pack())


@pytest.fixture(scope="module")
def shipped(made: Build) -> dict[str, str]:
    pack = shipped_pack()
    return pages(pack, made, {name: case_names(ROOT / "fixtures" / name) for name in pack.rules})


def flat(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def shape(text: str) -> list[tuple[str, str]]:
    """Return what a page is made of, without its words and without the destinations of links."""
    return [(token.type, token.tag) for token in flat(text) if token.type not in ("text", "softbreak", "text_special")]


def words(text: str) -> str:
    return "".join(token.content for token in flat(text) if token.type in ("text", "text_special", "code_inline"))


def test_every_rule_has_a_page_and_is_in_the_index_and_the_matrix(pack: Pack, shipped: dict[str, str]) -> None:
    for rule in pack.rules.values():
        assert shipped[f"docs/rules/{rule.name}.md"].startswith(f"# {escaped(rule.title)}\n")
        assert f"[{rule.name}]({rule.name}.md)" in shipped["docs/rules/README.md"]
        assert f"[{rule.name}](rules/{rule.name}.md)" in shipped["docs/targets.md"]


def test_a_page_has_everything_that_its_rule_says(pack: Pack, shipped: dict[str, str]) -> None:
    for rule in pack.rules.values():
        text = words(shipped[f"docs/rules/{rule.name}.md"])
        lists = ("falsepositives", "blind_spots", "triage")
        said = [rule.definition["description"], rule.definition["needs"]]
        said += [one for key in lists for one in rule.definition.get(key, ())]  # type: ignore[attr-defined]
        for one in said:
            assert " ".join(str(one).split()) in text, rule.name


def test_a_page_lists_every_fixture_under_its_verdict(shipped: dict[str, str]) -> None:
    text = shipped["docs/rules/mail_token_never_issued.md"]
    folder = "../../fixtures/mail_token_never_issued"
    fires, benign, silent, gap, unjudged = re.split(
        r"^(?:Must fire|Fires, and is known to be benign|Must not fire|A known blind spot.*|Must not be evaluated):$",
        text,
        flags=re.MULTILINE,
    )[1:]
    assert f"- [two tokens]({folder}/hit_two_tokens.2.jsonl), 2 times\n" in fires
    assert f"- [very late signin]({folder}/hit_fp_very_late_signin.jsonl)\n" in benign
    assert f"- [padded token id]({folder}/miss_padded_token_id.jsonl)\n" in silent
    assert f"- [only failed signin]({folder}/gap_only_failed_signin.jsonl)\n" in gap
    assert f"- [pending]({folder}/unjudged_pending.jsonl)\n" in unjudged
    assert len(re.findall(r"/fixtures/", text)) == len(
        list((ROOT / "fixtures/mail_token_never_issued").glob("*.jsonl"))
    )


def test_the_matrix_says_why_not_where_not(pack: Pack, made: Build, shipped: dict[str, str]) -> None:
    rows = {
        found[1]: [part.strip() for part in found[2].split(" | ")]
        for found in re.finditer(r"^\| \[(\w+)\]\(\S+\) \| (.*) \|$", shipped["docs/targets.md"], re.MULTILINE)
    }
    assert set(rows) == {rule.name for rule in pack.rules.values() if rule.level}
    numbered = dict(re.findall(r"^([0-9]+)\. (.*)$", shipped["docs/targets.md"], re.MULTILINE))

    _, office, cloud, _, signins, splunk, offline = rows["mail_token_from_consumer_tenant"]
    assert numbered[_number(office)] == "OfficeActivity has no column TokenTenantId"
    assert "sentinel/" in cloud
    assert "defender/" in cloud
    assert (signins, offline) == ("–", "yes")
    assert splunk.endswith("`o365:management:activity`")

    _, office, cloud, entra, signins, _, _ = rows["mail_token_never_issued"]
    assert "sentinel/" in office
    assert "`AADNonInteractiveUserSignInLogs`" in entra
    assert "EntraIdSignInEvents has no dependable token id" in numbered[_number(signins)]
    assert _number(cloud) == _number(signins)

    assert rows["app_mailbox_role_granted"][1] == "–"
    assert rows["mail_app_new_to_tenant"][-1] == "yes, with `baseline_mail_apps`"
    for one in made.refused:
        assert one.rule not in pack.rules or escaped(one.reason) in numbered.values()


def _number(text: str) -> str:
    found = re.search(r"no \(\[([0-9]+)\]", text)
    assert found, text
    return found[1]


def test_a_target_that_has_no_table_for_a_rule_still_says_why(pack: Pack, made: Build) -> None:
    """Defender keeps no Entra audit, so no column is about a table that the rule asks there."""
    name = "owa_token_minted"
    lost = replace(
        made,
        queries=tuple(query for query in made.queries if (query.rule, query.target) != (name, "defender")),
        refused=(*made.refused, Refused(name, "defender", "it is kept elsewhere")),
    )
    asks_elsewhere = replace(
        pack.rule(name),
        sources=(pack.catalogue.sources["azure/auditlogs"],),
        definition={**pack.rule(name).definition, "detection": {"s": {"Result": "success"}, "condition": "s"}},
    )
    changed = Pack({**pack.rules, name: asks_elsewhere}, pack.catalogue)
    text = pages(changed, lost, {})["docs/targets.md"]
    assert "it is kept elsewhere" in text
    row = next(line for line in text.splitlines() if line.startswith(f"| [{name}]"))
    assert "no ([" in row.split("|")[6]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_a_rule_breaks_a_page(hostile: str, pack: Pack, made: Build) -> None:
    def pages_with(text: str) -> dict[str, str]:
        rules = {name: _with(rule, text) for name, rule in pack.rules.items()}
        lists = {name: replace(spec, holds=text) for name, spec in pack.catalogue.lists.items()}
        sources = {key: replace(source, title=text) for key, source in pack.catalogue.sources.items()}
        refused = tuple(replace(one, reason=text) for one in made.refused)
        queries = tuple(replace(query, notes=(text,)) for query in made.queries)
        catalogue = replace(pack.catalogue, lists=lists, sources=sources)
        rules = {
            name: replace(rule, sources=tuple(sources[source.key] for source in rule.sources))
            for name, rule in rules.items()
        }
        return pages(Pack(rules, catalogue), replace(made, refused=refused, queries=queries), {})

    harmless, dangerous = pages_with("some words"), pages_with(hostile)
    shown = "".join(letter for letter in " ".join(hostile.split()) if letter.isprintable())
    for path, page in dangerous.items():
        assert shape(page) == shape(harmless[path]), path
        assert shown in words(page), path


def _with(rule: Rule, text: str) -> Rule:
    definition = {**rule.definition, "description": text, "needs": text, "title": text}
    for key in ("falsepositives", "blind_spots", "triage", "references"):
        if key in definition:
            definition[key] = [text]
    return replace(rule, title=text, definition=definition)


@pytest.mark.parametrize("text", [*HOSTILE, "`", "``", "a`"])
def test_code_and_cells_show_what_they_are_given(text: str) -> None:
    shown = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    for written in (cell(text), cell(code(text))):
        table = f"| a | b |\n|---|---|\n| {written} | end |\n"
        assert sum(token.type == "td_open" for token in PARSER.parse(table)) == 2
        assert words(table) == f"ab{shown}end"


def test_a_link_leads_to_a_file_or_the_web_and_to_nothing_else() -> None:
    assert link("a", "../b.md") == "[a](../b.md)"
    assert link("a", "https://example.com/b?c=d#e") == "[a](https://example.com/b?c=d#e)"
    for target in ("javascript:alert(1)", "data:text/html,x", "a b", "a)(b", "https://example.com/)"):
        assert not any(token.type == "link_open" for token in flat(link("a", target)))


def test_a_name_that_a_template_does_not_know_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ unknown }}").render()
    assert environment().from_string("{{ a }} {{ b }}").render(a="*x*", b=Markdown("*x*")) == "\\*x\\* *x*"


def test_every_link_leads_to_a_file(shipped: dict[str, str]) -> None:
    by_hand = {"docs/honesty.md": (ROOT / "docs" / "honesty.md").read_text("utf-8")}
    elsewhere = {"docs/agreement.md"}  # test_agreement.py wants it
    for path, text in {**shipped, **by_hand}.items():
        for token in flat(text):
            target = str(token.attrs.get("href", ""))
            if target and not target.startswith(("https://", "#")):
                found = (ROOT / Path(path).parent / target.partition("#")[0]).resolve()
                name = found.relative_to(ROOT.resolve()).as_posix()
                assert found.is_file() or name in elsewhere or name in shipped, f"{path}: {target}"


def test_a_reader_who_starts_finds_every_rule_in_one_step(pack: Pack, shipped: dict[str, str]) -> None:
    text = shipped["docs/rules/README.md"].partition("## Where do I start?")[2].partition("##")[0]
    found = re.findall(r"^   - \[(\w+)\]", text, re.MULTILINE)
    assert sorted(found) == sorted(rule.name for rule in pack.rules.values() if rule.level)
    paste, lists, feeds = re.split(r"^[123]\. ", text, flags=re.MULTILINE)[1:]
    assert "[mail_owa_identity_scripted_client]" in paste
    assert "[mail_app_new_to_tenant]" in lists
    assert "[mail_token_never_issued]" in feeds


def test_the_index_says_which_logs_a_rule_needs(shipped: dict[str, str]) -> None:
    lines = shipped["docs/rules/README.md"].splitlines()
    head = next(line for line in lines if line.startswith("| rule | ")).split(" | ")
    row = next(line for line in lines if re.match(r"\| \[app_new_secret_then_mail_read\]\(\S+\) \| (yes|either)", line))
    needed = {title.strip(" |"): word.strip(" |") for title, word in zip(head[1:], row.split(" | ")[1:], strict=True)}
    assert {title: word for title, word in needed.items() if word} == {
        "Exchange mailbox and admin audit": "yes",
        "Directory changes in the unified audit log": "either",
        "Entra directory audit": "either",
    }


def test_what_no_fact_is_known_about_is_named_all_the_same(pack: Pack, made: Build) -> None:
    assert technique("t9999.001").url == "https://attack.mitre.org/techniques/T9999/001/"
    assert feed("NoTable").licence == "not stated here"
    rule = pack.rule("owa_token_minted")
    definition = {**rule.definition, "tags": ["attack.collection", "attack.t9999"]}
    changed = Pack({**pack.rules, rule.name: replace(rule, definition=definition)}, pack.catalogue)
    assert (
        "- [T9999](https://attack.mitre.org/techniques/T9999/)\n"
        in pages(changed, made, {})["docs/rules/owa_token_minted.md"]
    )


def test_every_technique_and_table_of_the_pack_is_known(pack: Pack) -> None:
    """Add what is new to src/unissued/pages/facts.yml."""
    tags = {tag for rule in pack.rules.values() for tag in _tags(rule) if re.match(r"attack\.t[0-9]", tag)}
    assert [tag for tag in sorted(tags) if not technique(tag.removeprefix("attack.")).why] == []
    tables = {table for source in pack.catalogue.sources.values() for table in source.tables}
    assert [table for table in sorted(tables) if feed(table).licence == "not stated here"] == []


def _tags(rule: Rule) -> Sequence[str]:
    tags = rule.definition.get("tags")
    return tags if isinstance(tags, list) else ()


def test_the_kind_of_a_rule_decides_what_a_match_proves(pack: Pack) -> None:
    kinds = {
        "mail_owa_identity_scripted_client": Kind.RECORD,
        "mail_app_new_to_tenant": Kind.LOOKUP,
        "mail_app_reads_many_mailboxes": Kind.COUNT,
        "app_new_secret_then_mail_read": Kind.ORDER,
        "mail_token_never_issued": Kind.ABSENCE,
    }
    assert {name: kind_of(pack.rule(name)) for name in kinds} == kinds
    judged = pack.rule("app_new_secret_then_mail_read")
    assert kind_of(replace(judged, definition={**judged.definition, "judge": "x"})) is Kind.JUDGED
    by_hand = {key: value for key, value in pack.rule("owa_token_minted").definition.items() if key != "detection"}
    assert kind_of(replace(pack.rule("owa_token_minted"), definition=by_hand)) is Kind.BY_HAND


def test_a_rule_that_is_no_sigma_detection_gets_its_pages_too(pack: Pack, made: Build) -> None:
    rule = pack.rule("owa_token_minted")
    by_hand = {key: value for key, value in rule.definition.items() if key != "detection"}
    changed = Pack({**pack.rules, rule.name: replace(rule, definition={**by_hand, "judge": "x"})}, pack.catalogue)
    found = pages(changed, made, {rule.name: [CaseName("hit_a.jsonl", "hit", "a", 1)]})
    assert "It is written by hand" in found["docs/rules/owa_token_minted.md"]
    assert "[owa_token_minted](rules/owa_token_minted.md)" in found["docs/targets.md"]
