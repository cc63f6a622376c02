"""The Splunk app: every rule as a disabled alert, the reports that learn and measure, and one dashboard."""

from unissued.package.splunk.app import artefacts
from unissued.package.splunk.dashboard import APP

__all__ = ["APP", "artefacts"]
