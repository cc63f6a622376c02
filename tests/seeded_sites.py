"""Mistakes in a site's settings and in what it deployed, seeded one at a time: each must be caught, and nothing else.

``python tests/seeded_sites.py`` prints what caught each of them; tests/test_seeded_sites.py runs it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from conftest import ROOT
from deployments import QUERY, SENT, conf, detection, listing, ours, properties
from unissued.cli.group import commands
from unissued.errors import PackError

SITE = """[rules.mail_app_reads_many_mailboxes]
threshold = 20
timespan = "2h"
exclude = [{ClientAppId = "59023ab3-013c-4280-b33a-9378b21b0acf"}]
[rules.owa_token_minted]
enabled = false
[lists]
approved_mail_apps = "approved.csv"
"""
LIST = "approved_mail_apps\n59023ab3-013c-4280-b33a-9378b21b0acf\n"


@dataclass(frozen=True)
class Seeded:
    """One mistake: what is written instead, and the words that must name it."""

    name: str
    says: str
    run: Callable[[Path], Result]


def site(old: str = "", new: str = "", listed: str | None = LIST) -> Callable[[Path], Result]:
    """Build the site with one text in its settings replaced."""

    def run(folder: Path) -> Result:
        if old and old not in SITE:
            raise AssertionError(f"the settings do not say {old!r}")
        (folder / "unissued.toml").write_text(SITE.replace(old, new) if old else SITE, encoding="utf-8")
        if listed is not None:
            (folder / "approved.csv").write_text(listed, encoding="utf-8")
        args = ["build", "--site", str(folder / "unissued.toml"), "-o", str(folder / "out"), "--target", "sentinel"]
        return CliRunner().invoke(commands, [*args, "--root", str(ROOT)])

    return run


def deployed(content: object, *args: str) -> Callable[[Path], Result]:
    """Compare a deployment with what is shipped."""

    def run(folder: Path) -> Result:
        path = folder / "export"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return CliRunner().invoke(commands, ["drift", str(path), "--ours", str(ours(folder / "ours")), *args])

    return run


GOOD = [
    site(),
    deployed(listing((SENT, properties(enabled=True)))),
    deployed({"value": [detection()]}),
    deployed(conf()),
]
MISTAKES = [
    Seeded("site: misspelt rule", "unknown rule 'owa_token_mintd'", site("owa_token_minted", "owa_token_mintd")),
    Seeded("site: misspelt key", "unknown key 'treshold'", site("threshold", "treshold")),
    Seeded("site: misspelt field", "unknown field 'ClientAppID'", site("ClientAppId", "ClientAppID")),
    Seeded("site: unknown list", "unknown list 'approved_apps'", site("approved_mail_apps", "approved_apps")),
    Seeded("site: list without a file", "there is no file", site(listed=None)),
    Seeded("site: list under another name", "the head is not 'approved_mail_apps'", site(listed="apps\n")),
    Seeded("site: entry that would excuse everything", "is no entry of", site(listed="approved_mail_apps\n*\n")),
    Seeded("site: exclusion with a wildcard", "would excuse everything", site("59023ab3", "*")),
    Seeded("site: threshold of nothing", "is no whole number above 0", site("20", "0")),
    Seeded("site: month as a span", "is no time span", site("2h", "1M")),
    Seeded("site: window that no run sees", "cannot say it any more", site("2h", "20d")),
    Seeded("site: switched off what alerts nobody", "alerts nobody", site("owa_token_minted", "mail_read")),
    Seeded(
        "drift: condition loosened in the portal",
        "changed: sentinel: Mail Sent",
        deployed(listing((SENT, properties(query=QUERY.replace("=~", "has"))))),
    ),
    Seeded("drift: line deleted", "-| where", deployed(listing((SENT, properties(query="OfficeActivity\n"))))),
    Seeded("drift: mapping removed", "entityMappings", deployed(listing((SENT, properties(entityMappings=[]))))),
    Seeded("drift: search edited in local/", "changed: splunk", deployed(conf("index=mail"))),
    Seeded("drift: version of last year", "older: splunk", deployed(conf("index=mail", 10000))),
    Seeded(
        "drift: rule stopped by Defender",
        "disabled by service",
        deployed({"value": [detection(status="autoDisabled")]}),
    ),
    Seeded(
        "drift: rule forgotten",
        "missing: sentinel: Mail Read",
        deployed(listing((SENT, properties())), "--require-all"),
    ),
    Seeded(
        "drift: rule that was retired",
        "extra: defender",
        deployed({"value": [detection(id="unissued-a", displayName="A")]}),
    ),
    Seeded("drift: first page alone", "partial: ", deployed(listing((SENT, properties()), nextLink="x"))),
]


def said(done: Result) -> str:
    """Return everything that a run said, with what it was refused for."""
    return f"{done.output}{done.exception if isinstance(done.exception, PackError) else ''}"


def caught(mistake: Seeded) -> bool:
    """Tell whether a mistake is noticed and named."""
    with tempfile.TemporaryDirectory() as folder:
        done = mistake.run(Path(folder))
        written = (Path(folder) / "out").exists()
    return done.exit_code != 0 and mistake.says in said(done) and not written


def report() -> Iterator[str]:
    """Yield a line for each mistake."""
    for mistake in MISTAKES:
        yield f"{'caught' if caught(mistake) else 'MISSED'}: {mistake.name}"


if __name__ == "__main__":
    lines = list(report())
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(any(line.startswith("MISSED") for line in lines))
