"""Other people's recordings: runs of a chip or its simulator, replayed by the rules of a target."""

from .cases import Case as Case
from .cases import read_cases as read_cases
from .layouts import LAYOUTS as LAYOUTS
from .replaying import Replay as Replay
from .replaying import replay as replay

__all__ = ["LAYOUTS", "Case", "Replay", "read_cases", "replay"]
