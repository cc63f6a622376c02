"""The pipelines of unissued for sigma-cli: one per target, made from the field catalogue.

Nothing of unissued is imported before a pipeline is asked for: a plugin that fails on import hides all others.
"""

from sigma.processing.pipeline import ProcessingPipeline  # pySigma evaluates the annotations below

__all__ = ["pipelines"]


def unissued_sentinel() -> ProcessingPipeline:
    """Return the pipeline for Microsoft Sentinel."""
    from unissued.convert.pipelines import pipeline

    return pipeline("sentinel")


def unissued_defender() -> ProcessingPipeline:
    """Return the pipeline for Defender XDR."""
    from unissued.convert.pipelines import pipeline

    return pipeline("defender")


def unissued_splunk() -> ProcessingPipeline:
    """Return the pipeline for Splunk."""
    from unissued.convert.pipelines import pipeline

    return pipeline("splunk")


pipelines = {
    "unissued_sentinel": unissued_sentinel,
    "unissued_defender": unissued_defender,
    "unissued_splunk": unissued_splunk,
}
