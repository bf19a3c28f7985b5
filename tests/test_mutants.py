"""The mutants still break something: their text is in the file they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutant_list import MUTANTS

PACKAGE = Path(__file__).resolve().parent.parent / "lifexport"


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in MUTANTS}))
def test_texts_are_there(file):
    text = (PACKAGE / file).read_text()
    assert not [mutant.old for mutant in MUTANTS if mutant.file == file and mutant.old not in text]
