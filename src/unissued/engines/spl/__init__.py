"""A strict parser for the subset of SPL that the project writes, and an executor of what Splunk's manuals say it means.

Modelled, not run on Splunk. A search that the parser does not know word for word is refused with its place
(:class:`SplError`); data that lead to something about which the manuals say nothing are refused when they turn up
(``UnsupportedError``), because a guess would prove nothing. That holds for several values in functions that are "not
supported on multivalue fields", in concatenation, arithmetic, sort and lookup keys, and in the groups of eventstats and
streamstats; for ``substr`` with a negative length; for ``time_window`` on rows out of order; and for ``xyseries`` on
rows that lack a key or share both.

The manuals leave more open, and there a search runs under both readings; only a result that is the same twice counts:

===================================================  =====================================  ===========================
what                                                 ``Reading.TEXT``                       ``Reading.NUMBERS``
===================================================  =====================================  ===========================
two texts that look like numbers in ``= != < <= >    compared as texts                      compared as numbers
>=``, ``in``, ``nullif``, eval's ``min``, ``max``
a number and a text that looks like none in ``<      compared as texts                      null
<= > >=``
several values in a comparison, ``in``, ``match``,   true when any value fits               null
``like``, ``cidrmatch``
``+`` of two texts that look like numbers            joined                                 added
``+`` of a number and another text                   joined                                 null
``*`` and ``/`` with a number that is written with   rounded at once to the least number    rounded nowhere
a decimal point ("Rounding" in eval's page)          of significant digits
times from ``strptime`` and ``relative_time`` as     six decimals                           as any number
text (concatenation, keys, ``values``)
``strptime`` when the text goes on behind the        the rest is ignored                    null
format
eval's ``min`` and ``max`` with a null argument      null                                   the argument is left out
``min`` and ``max`` of stats over numbers and texts  all as texts                           numbers before texts
JSON ``null`` in ``spath``                           the text ``null``                      null
an empty text in ``spath``                           an empty text                          null
a key that a JSON object has twice                   both values                            the last one
``lookup … OUTPUT`` without a match                  clears the field                       leaves the field
an empty cell of a lookup table                      an empty text                          null
ties in ``sort``, events of the same second          keep their order                       turn round
the order of the rows of ``stats`` and ``xyseries``  by their keys                          as they were met
order of ``multisearch`` where ``_time`` is changed  by the time in the index               by the new ``_time``
``streamstats`` that does not say ``window=`` (0 is  the last 10,000 rows of all groups     all rows
all rows in both)                                    (``max_stream_window``)
``streamstats time_window``                          slides, the border belongs to it       starts anew when it is over
===================================================  =====================================  ===========================

Not switched, because one answer was the only sensible one: ``spath`` on text that is not well-formed JSON is null (the
manual asks for well-formed text; what Splunk finds before an error is unknown); a path that ends in a list or an object
gives its JSON text without blanks; rows without a group pass ``eventstats`` and ``streamstats`` untouched; ``AND`` and
``OR`` are three-valued; ``mvmap`` and ``mvfilter`` take a single value for a list of one; ``earliest`` alone ends now;
times are read and written in UTC; concatenation and arithmetic do not mix without parentheses; a table gives a lookup
at most 100 matches.

Limits of Splunk that take rows away are applied, and :attr:`Splunk.cuts` names each. Not modelled: memory limits of
``mvexpand``, ``eventstats`` and ``streamstats``, time limits of subsearches, segmentation of raw events, and whatever a
site defines: macros, tags, event types, extractions. A text that takes a regular expression to its match limit is
refused.
"""

from __future__ import annotations

from unissued.engines.spl.execute import Splunk, SplunkEvent
from unissued.engines.spl.parse import parse
from unissued.engines.spl.tree import Search, SplError
from unissued.engines.spl.values import Reading, Row, Value

__all__ = ["Reading", "Row", "Search", "SplError", "Splunk", "SplunkEvent", "Value", "parse"]
