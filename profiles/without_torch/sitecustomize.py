"""Hides torch from the process that Scalene starts; the process finds this module through PYTHONPATH.

If torch is installed, Scalene also starts torch's profiler, which records every Python call: gigabytes per minute.
"""

import sys

sys.modules["torch"] = None  # type: ignore[assignment]
