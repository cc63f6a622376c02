"""Replays fixtures and scenarios in a tenant: with fresh times, in the target's own shape, beside what must fire.

What it writes and sends is synthetic. It settles what no test here can: whether the queries behave in the product as
they do in the proof offline.
"""

from unissued.simulate.answers import answers_json, found_text, parsed_text
from unissued.simulate.batch import Batch, Setting
from unissued.simulate.folder import events, files
from unissued.simulate.listing import Listing
from unissued.simulate.plan import LeftOut, Plan, choose, plan
from unissued.simulate.send import SendError, Server, Sum, send_events, send_rows
from unissued.simulate.sentinel import rows
from unissued.simulate.shapes import Shape
from unissued.simulate.splunk import Found, Parsed, check, run

__all__ = [
    "Batch",
    "Found",
    "LeftOut",
    "Listing",
    "Parsed",
    "Plan",
    "SendError",
    "Server",
    "Setting",
    "Shape",
    "Sum",
    "answers_json",
    "check",
    "choose",
    "events",
    "files",
    "found_text",
    "parsed_text",
    "plan",
    "rows",
    "run",
    "send_events",
    "send_rows",
]
