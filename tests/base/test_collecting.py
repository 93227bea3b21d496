from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc
from base.collecting import leave_what_stays

kept = [[]]
leave_what_stays()
later = [[]]
looked_at = gc.get_objects()
print([any(one is other for one in looked_at) for other in (kept, later)])
"""


def test_what_a_process_has_loaded_is_not_looked_through_again() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[False,", "True]"]
