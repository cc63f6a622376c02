"""Reports: a hunt, and who read which mail, as a page and in the formats that other tools take."""

from unissued.report.access import Access
from unissued.report.formats import FORMATS
from unissued.report.items import items_csv
from unissued.report.page import page
from unissued.report.report import Report

__all__ = ["FORMATS", "Access", "Report", "items_csv", "page"]
