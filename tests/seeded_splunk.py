"""Mistakes in a Splunk app, each of which a validator must notice for its own reason.

``python tests/seeded_splunk.py`` shows what is said about each. AppInspect lets most of them through.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conftest import shipped_pack
from unissued import convert, package
from unissued.package.splunk.check import problems

APP = "unissued_m365"
SEARCHES = f"{APP}/default/savedsearches.conf"
MACROS = f"{APP}/default/macros.conf"
TRANSFORMS = f"{APP}/default/transforms.conf"
COLLECTIONS = f"{APP}/default/collections.conf"
CONF = f"{APP}/default/app.conf"
MANIFEST = f"{APP}/app.manifest"
META = f"{APP}/metadata/default.meta"
VIEW = f"{APP}/default/data/ui/views/unissued_overview.xml"
NAV = f"{APP}/default/data/ui/nav/default.xml"
CSV = f"{APP}/lookups/unissued_applications.csv"
RULE = "[Unissued - mail_app_new_to_tenant - Rule]"


@dataclass(frozen=True)
class Mistake:
    """A change of one file."""

    name: str
    path: str
    change: Callable[[str], str]
    said: str
    """What a problem says about it, as a pattern."""

    def applied(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the app with the mistake in it.

        Raises:
            SystemExit: the mistake changes nothing.
        """
        text = files.get(self.path, b"").decode()
        changed = self.change(text)
        if changed == text:
            raise SystemExit(f"{self.name}: {self.path} does not hold what it changes")
        return {**files, self.path: changed.encode()}


def _for(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


def _in_rule(old: str, new: str) -> Callable[[str], str]:
    """Change the first place behind the head of one alert."""

    def change(text: str) -> str:
        head, _, rest = text.partition(RULE)
        return head + RULE + rest.replace(old, new, 1)

    return change


def _set(key: str, value: str) -> Callable[[str], str]:
    """Set a setting of one alert."""

    def change(text: str) -> str:
        head, _, rest = text.partition(RULE)
        return head + RULE + re.sub(rf"(?m)^{re.escape(key)} = .*$", lambda _: f"{key} = {value}", rest, count=1)

    return change


MISTAKES = [
    # The files
    Mistake("file in local", f"{APP}/local/app.conf", lambda _: "[ui]\n", "does not belong"),
    Mistake("second folder", "other/README.md", lambda _: "x", "2 folders at its top"),
    Mistake("another folder name", CONF, _for("id = unissued_m365", "id = unissued"), "differ in the name"),
    Mistake("another version", CONF, _for("version = ", "version = 9"), "no one version"),
    Mistake("manifest is no JSON", MANIFEST, lambda text: text[:-3], "no manifest in JSON"),
    Mistake("nobody may write", META, _for(", write : [ admin, sc_admin ]", ""), "who may read and write"),
    Mistake("broken continuation", SEARCHES, _in_rule("\\\n| eval", "\n| eval"), "neither stanza nor setting"),
    Mistake(
        "blank behind a continuation", SEARCHES, _in_rule("\\\n| eval", "\\ \n| eval"), "blanks behind the backslash"
    ),
    Mistake("stanza twice", MACROS, lambda text: f"{text}\n[unissued_m365_audit]\n", "is there twice"),
    Mistake(
        "setting twice", SEARCHES, _in_rule("disabled = 1", "disabled = 1\ndisabled = 1"), "disabled is there twice"
    ),
    # Lookups
    Mistake("lookup file lost", TRANSFORMS, _for("unissued_applications.csv", "applications.csv"), "not in lookups/"),
    Mistake("lookup outside of the app", TRANSFORMS, _for("= unissued_app", "= ../unissued_app"), "not in lookups/"),
    Mistake("ragged CSV", CSV, lambda text: f"{text}00000000-0000-4000-8000-000000000001,x\n", "2 cells, its head 3"),
    Mistake(
        "collection lost", COLLECTIONS, _for("[unissued_partner_tenants]", "[x]"), "collection that is not defined"
    ),
    Mistake("collection stays", COLLECTIONS, _for("replicate = true", "replicate = false"), "is not replicated"),
    Mistake("lookup lost", TRANSFORMS, _for("[unissued_baseline_mail_apps]", "[x]"), "lookup that is not defined"),
    # Searches
    Mistake("macro lost", MACROS, _for("[unissued_mail_app_new_to_tenant_filter]", "[x]"), "no macro of this app"),
    Mistake("macro misspelt", SEARCHES, _in_rule("`unissued_m365_audit`", "`unissued_audit`"), "no macro of this app"),
    Mistake("bracket lost", SEARCHES, _in_rule("append [", "append "), "does not parse"),
    Mistake("command misspelt", SEARCHES, _in_rule("| dedup row", "| dedupe row"), "unknown command"),
    Mistake("quotation mark lost", SEARCHES, _in_rule('"CreationTime"', '"CreationTime'), "does not parse"),
    Mistake(
        "alert that deletes", SEARCHES, _in_rule("\\\n| dedup row", "\\\n| delete\\\n| dedup row"), "does not parse"
    ),
    Mistake(
        "alert that writes",
        SEARCHES,
        _in_rule("| `unissued_mail_app_new_to_tenant_filter`", "| outputlookup unissued_baseline_mail_apps"),
        "only a search that keeps a list writes",
    ),
    Mistake(
        "filter lost",
        SEARCHES,
        _in_rule("\\\n| `unissued_mail_app_new_to_tenant_filter`", ""),
        "does not end with its filter macro",
    ),
    Mistake("token in a search", SEARCHES, _in_rule('"#"', '"$x$"'), "holds \\$"),
    Mistake("alert ships enabled", SEARCHES, _set("disabled", "0"), "disabled is '0'"),
    Mistake("runs may be left out", SEARCHES, _set("realtime_schedule", "1"), "realtime_schedule is '1'"),
    Mistake("runs may be moved", SEARCHES, _set("schedule_window", "auto"), "schedule_window is 'auto'"),
    Mistake("no such minute", SEARCHES, _set("cron_schedule", "61 * * * *"), "is no schedule"),
    Mistake("all time", SEARCHES, _set("dispatch.earliest_time", "0"), "is no relative time"),
    Mistake("real time", SEARCHES, _set("dispatch.latest_time", "rt"), "is no relative time"),
    Mistake("silence for no time", SEARCHES, _set("alert.suppress.period", "1d"), "is no period"),
    Mistake("silence by no column", SEARCHES, _set("alert.suppress.fields", "Id,who"), "'who', which is no column"),
    Mistake(
        "title of no column",
        SEARCHES,
        _set("action.notable.param.rule_title", "New: $Mailbox$"),
        "rule_title names 'Mailbox', which is no column",
    ),
    Mistake("risk is no JSON", SEARCHES, _set("action.risk.param._risk", "[{'a': 1}]"), "_risk is no JSON list"),
    Mistake(
        "risk of no column",
        SEARCHES,
        _in_rule('"risk_object_field": "MailboxOwnerUPN"', '"risk_object_field": "Owner"'),
        "'Owner', which is no column",
    ),
    Mistake(
        "annotations are no JSON",
        SEARCHES,
        _in_rule('annotations = {"', "annotations = {"),
        "annotations is no JSON dict",
    ),
    Mistake(
        "drill-down without a macro",
        SEARCHES,
        _in_rule('"search": "(`unissued_m365_audit`', '"search": "(`unissued_mail`'),
        "drill-down: .*no macro of this app",
    ),
    Mistake("name too long", SEARCHES, _for(RULE, f"[Unissued - {'x' * 80} - Rule]"), "a name of 98 characters"),
    # Pages
    Mistake("view lost", NAV, _for('name="unissued_overview"', 'name="overview"'), "view that is not there"),
    Mistake("dashboard is no JSON", VIEW, _for('"inputs": {', '"inputs": {,'), "definition is no JSON"),
    Mistake("dashboard is no XML", VIEW, _for("<label>", "<label"), "is no XML"),
    Mistake(
        "panel without a source", VIEW, _for('"primary": "ds_runs"', '"primary": "ds_run"'), "source that is not there"
    ),
    Mistake("report of no such name", VIEW, _for("feed_coverage - Health", "coverage - Health"), "leads to no search"),
    Mistake("goes on from nothing", VIEW, _for('"extend": "ds_reads"', '"extend": "ds_read"'), "leads to no search"),
    Mistake(
        "query of a panel", VIEW, _for("| stats sum(Reads) AS Reads", "| stats sum(Reads AS Reads"), "does not parse"
    ),
    Mistake("token that nothing sets", VIEW, _for("$window.latest$", "$windows.latest$"), "token that nothing sets"),
    Mistake("unknown kind of panel", VIEW, _for('"splunk.column"', '"splunk.columns"'), "unknown type"),
    Mistake("panels overlap", VIEW, _for('"x": 300', '"x": 200'), "overlap"),
    Mistake("colours lost", VIEW, _for('"context"', '"contexts"'), "lacks the context"),
]


def main() -> int:
    """Show what is said about each mistake."""
    pack = shipped_pack()
    files = package.artefacts("splunk", pack, convert.build(pack, ("splunk",)))
    missed = 0
    for mistake in MISTAKES:
        found = [line for line in map(str, problems(mistake.applied(files))) if re.search(mistake.said, line)]
        missed += not found
        sys.stdout.write(f"{'caught' if found else 'MISSED'} {mistake.name}\n       {(found or ['-'])[0][:200]}\n")
    sys.stdout.write(f"{len(MISTAKES)} mistakes, {missed} missed\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
