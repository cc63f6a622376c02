"""Conversion as sigma-cli asks for it: a collection of pySigma rules in, queries or reasons out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaBackendError, SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaRule

from unissued.convert.build import convert
from unissued.convert.pipelines import TARGET, pipeline_name
from unissued.convert.received import AnyRule, Received
from unissued.errors import PackError, Problem, UnsupportedError

Callback = Callable[[AnyRule, str | None, int, Any, Any], Any]


class RefusedError(SigmaError):
    """Rules that cannot be converted, with every reason, as sigma-cli shows it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        lines = list(dict.fromkeys(map(str, problems)))
        super().__init__(lines[0] if len(lines) == 1 else "".join(f"\n{line}" for line in lines))


class Backend(Protocol):
    """What is asked of a backend of ``sigma.backends.unissued``; everything else is pySigma's."""

    identifier: ClassVar[str]
    targets: ClassVar[tuple[str, ...]]
    formats: ClassVar[dict[str, str]]
    default_format: ClassVar[str]
    correlation_methods: ClassVar[dict[str, str] | None]
    collect_errors: bool
    errors: list[tuple[SigmaRule, SigmaError]]
    last_processing_pipeline: ProcessingPipeline

    def init_processing_pipeline(self, output_format: str | None = None) -> None:
        """Join the pipelines of the backend, the user and the format."""

    def convert(
        self,
        rule_collection: SigmaCollection,
        output_format: str | None = None,
        correlation_method: str | None = None,
        callback: Callback | None = None,
    ) -> Any:
        """Convert a collection."""


def convert_collection(
    backend: Backend,
    collection: SigmaCollection,
    output_format: str | None = None,
    correlation_method: str | None = None,
    callback: Callback | None = None,
) -> Any:
    """Convert the rules of a collection; those that a correlation refers to only as part of it.

    Returns:
        The queries in order, or what the finalizers of the user's pipelines make of them.

    Raises:
        SigmaBackendError: there is no such format or method.
        RefusedError: rules cannot be converted, and the backend does not collect errors.
    """
    wanted = output_format or backend.default_format
    for kind, name, known in (
        ("format", wanted, backend.formats),
        ("correlation method", correlation_method, {None, *(backend.correlation_methods or ())}),
    ):
        if name not in known:
            raise SigmaBackendError(f"no {kind} '{name}' in {backend.identifier}")
    backend.init_processing_pipeline(wanted)
    collection.resolve_rule_references()
    received = Received(collection, backend.last_processing_pipeline)
    queries: list[Any] = []
    refused: list[Problem] = []
    shown = {id(rule) for rule in collection.get_output_rules()}
    for rule in (rule for rule in collection.rules if id(rule) in shown):
        try:
            query = _query(backend, received, rule, callback, wanted)
        except PackError as error:
            if backend.collect_errors:
                backend.errors.append((rule, RefusedError(error.problems)))  # type: ignore[arg-type]  # of any kind
            refused += error.problems
        else:
            queries += [] if query is None else [query]
    if refused and not backend.collect_errors:
        raise RefusedError(refused)
    return received.pipeline.finalize(queries)


def _query(backend: Backend, received: Received, rule: AnyRule, callback: Callback | None, wanted: str) -> Any:
    """Return one rule's query, without the line break at its end: sigma-cli adds its own."""
    checked = received.checked(rule)
    if checked.pack.rule(checked.name).judge:
        hint = "the pack's own query is in kql/ and spl/"
        raise UnsupportedError.at(checked.name, "a rule with a judge is not converted here", hint)
    target = checked.state.get(TARGET)
    if target not in backend.targets:
        names = ", ".join(map(pipeline_name, backend.targets))
        problem = f"'{target}' is no target of it" if target else "which target is not said"
        raise UnsupportedError.at(backend.identifier, problem, f"with -p, one of the pipelines {names}")
    made = convert(checked.pack, checked.pack.rule(checked.name), str(target))
    query: Any = (made.text if wanted == "default" else made.query).removesuffix("\n")
    if callback is not None:
        query = callback(rule, wanted, 0, query, query)
    return None if query is None else received.pipeline.postprocess_query(checked.applied, query)
