"""The command line: ``lifexport VERB ...``, one file per verb in ``verbs/``, loaded when it is called.

Exit codes: 0 holds; 1 a finding or a failed verdict; 2 wrong usage, unreadable input or unwritable output; 3 a mismatch
of things that must be equal; 70 a fault of lifexport itself; 130, 143 and 129 where SIGINT, SIGTERM or SIGHUP ended the
work, and nothing half-written is left. A reader of the output that leaves early (``| head -1``) changes none of them.
People get no traceback, unless ``LIFEXPORT_TRACEBACK`` is set.
"""

from .main import main as main
from .outcome import FOUND as FOUND
from .outcome import HOLDS as HOLDS
from .outcome import INTERNAL as INTERNAL
from .outcome import MISMATCH as MISMATCH
from .outcome import UNUSABLE as UNUSABLE
from .outcome import exit_code as exit_code
