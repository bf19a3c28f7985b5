"""Bundles: a network, its exports, proofs and golden vectors in one sealed folder."""

from .differing import diff as diff
from .opening import Bundle as Bundle
from .opening import load as load
from .recorded import compare_recorded as compare_recorded
from .saving import save as save
from .verifying import verify as verify
