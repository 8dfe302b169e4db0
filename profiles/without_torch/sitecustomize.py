"""Keep torch out of a process, found through PYTHONPATH, since scalene starts itself again.

Where torch is installed, scalene starts its profiler too, which records every Python call: gigabytes a minute.
"""

import sys

sys.modules["torch"] = None  # type: ignore[assignment]
