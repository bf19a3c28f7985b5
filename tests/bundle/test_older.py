"""A bundle that version 0.1.0 wrote: every later version opens and verifies it, and gives it the same digests."""

from __future__ import annotations

from pathlib import Path

import lifexport as lx

OLDER = Path(__file__).parent / "version_0_1_0"
SEAL = "b905ab753219f6d62959808d3a447768ef6edd667d4e7ca332fbe8b059b51d2d"
INTEGER = "d36ab1873b6ae0f6e255dc9ff3eb8fb1aecde93d107b492092f14df87d843048"


def test_a_bundle_of_version_0_1_0_verifies():
    found = lx.verify(OLDER, expect=SEAL)
    assert found.ok, found
    assert lx.check(OLDER).ok


def test_its_network_has_the_digest_it_had():
    assert lx.load(OLDER).digest() == INTEGER
