"""The formats of a report, by the name that the command line takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from unissued.report.junit import as_junit
from unissued.report.markdown import as_markdown
from unissued.report.report import Report
from unissued.report.sarif import as_sarif
from unissued.report.table import as_csv
from unissued.report.timesketch import as_timesketch

FORMATS: Mapping[str, Callable[[Report], Iterator[str]]] = {
    "csv": as_csv,
    "junit": as_junit,
    "markdown": as_markdown,
    "sarif": as_sarif,
    "timesketch": as_timesketch,
}
"""All but the page, which names the file of items beside it. Each yields text, part by part."""
