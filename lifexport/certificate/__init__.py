"""``certify``: what an integer network can reach, proved for every input and every number of steps."""

from .analysis import Analysis as Analysis
from .analysis import analyse as analyse
from .certificate import Certificate as Certificate
from .certificate import certify as certify
