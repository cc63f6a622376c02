"""A Splunk that has the packaged app and the records of a scenario: a model of the manuals, not Splunk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from xml.etree import ElementTree as Xml

from unissued.convert import ROWS
from unissued.engines.spl import Reading, Row, Splunk, SplunkEvent, parse
from unissued.evaluate import Given, comparable_lists
from unissued.pack import Pack
from unissued.package.splunk import APP, conf
from unissued.package.splunk.check_dashboard import searches
from unissued.package.splunk.check_searches import Found
from unissued.package.splunk.dashboard import VIEW
from unissued.package.splunk.lists import APPLICATIONS
from unissued.package.splunk.macros import expanded
from unissued.record import Record
from unissued.tables import Writer
from unissued.verify.readers import filler, splunk_event


class App:
    """The packaged app, read back from its files."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        names = ("macros", "transforms", "savedsearches")
        self.found = Found(*(conf.read(self._text(f"default/{name}.conf"), name) for name in names))

    def _text(self, path: str) -> str:
        return self.files[f"{APP}/{path}"].decode()

    def search(self, stanza: str) -> str:
        """Return the text of a saved search with the app's own macros expanded."""
        return expanded(self.found.searches[stanza]["search"], self.found.macros)

    def dashboard(self) -> dict[str, dict[str, dict[str, object]]]:
        """Return the dashboard's definition."""
        view = Xml.fromstring(self._text(f"default/data/ui/views/{VIEW}.xml"))  # noqa: S314 - our own
        said: dict[str, dict[str, dict[str, object]]] = json.loads(view.findtext("definition") or "")
        return said

    def asked(self) -> dict[str, str]:
        """Return what every data source of the dashboard searches for, macros expanded."""
        found = searches(self.dashboard(), self.found)
        return {name: expanded(search, self.found.macros) for name, search in found.items()}

    def names(self) -> list[dict[str, str]]:
        """Return the rows of the lookup of application names."""
        return list(csv.DictReader(io.StringIO(self._text(f"lookups/{APPLICATIONS}.csv"))))


class Site:
    """An app, records and lists.

    Args:
        app: the app.
        pack: says which lists there are.
        records: what the feeds delivered.
        given: the lists, and the state of the feeds, which are filled with empty rows as far as it says.
        scheduled: what the scheduler logged: time, and the fields of the event.
    """

    def __init__(
        self,
        app: App,
        pack: Pack,
        records: Sequence[Record],
        given: Given,
        scheduled: Sequence[tuple[datetime, Mapping[str, str]]] = (),
    ) -> None:
        self.app = app
        writer = Writer(pack.catalogue)
        more = filler(pack.catalogue, given, given.now, records) if given.now else ()
        self.events = [splunk_event(writer.splunk(record)) for record in (*records, *more)]
        self.events += [
            SplunkEvent(
                "", time.timestamp(), time.timestamp(), {"index": "_internal", "sourcetype": "scheduler", **said}
            )
            for time, said in scheduled
        ]
        self.lookups: dict[str, list[dict[str, str]]] = {APPLICATIONS: app.names()}
        known = comparable_lists(pack.catalogue, given.lists)
        for name, spec in pack.catalogue.lists.items():
            entries = sorted(known[name]) if name in given.lists else []
            counted = [f"{ROWS}{len(entries)}"] if spec.learned and name in given.lists else []
            self.lookups[f"unissued_{name}"] = [{"key": entry} for entry in (*entries, *counted)]

    def run(
        self, search: str, now: datetime, over: timedelta | None = None, reading: Reading = Reading.TEXT
    ) -> list[Row]:
        """Execute a search.

        Args:
            search: its text, macros expanded.
            now: when.
            over: the window that the dashboard's picker sets; None where the search says its own.
            reading: which reading of the manuals.
        """
        since = (now - over).timestamp() if over else 0
        seen = [one for one in self.events if one.indextime <= now.timestamp() and one.time >= since]
        return Splunk(seen, self.lookups, now=now.timestamp(), reading=reading).run(parse(search))
