"""The rules and the field catalogue, loaded closed-world: what is not known is refused."""

from unissued.pack.catalogue import (
    TARGETS,
    Catalogue,
    Field,
    ListSpec,
    Source,
    Table,
    load_catalogue,
    parse_span,
    suggest,
)
from unissued.pack.document import Document, load_document, load_documents, parse_document
from unissued.pack.judges import JUDGES, Judge
from unissued.pack.lint import GLOBAL_STANZA, NAME
from unissued.pack.load import Pack, load_pack, pack_of
from unissued.pack.rule import JUDGED_AFTER, Fold, Rule
from unissued.pack.site import Site, load_site
from unissued.pack.vocabulary import FILL_IN

__all__ = [
    "FILL_IN",
    "GLOBAL_STANZA",
    "JUDGED_AFTER",
    "JUDGES",
    "NAME",
    "TARGETS",
    "Catalogue",
    "Document",
    "Field",
    "Fold",
    "Judge",
    "ListSpec",
    "Pack",
    "Rule",
    "Site",
    "Source",
    "Table",
    "load_catalogue",
    "load_document",
    "load_documents",
    "load_pack",
    "load_site",
    "pack_of",
    "parse_document",
    "parse_span",
    "suggest",
]
