"""Hides torch from the process that Scalene starts; the process finds this module through PYTHONPATH.

If torch is installed, Scalene also starts torch's profiler. That profiler records every Python call, which takes
gigabytes per minute.
"""

import sys

sys.modules["torch"] = None  # type: ignore[assignment]
