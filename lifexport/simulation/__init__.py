"""Simulators: the slow definition, and the fast path that equals it bit for bit."""

from .run import simulate as simulate
from .streaming import stream as stream
from .trace import State as State
from .trace import Trace as Trace
