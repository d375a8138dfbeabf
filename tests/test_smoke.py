"""Replaced as the suite grows."""
from salesprocess import Engine
def test_import() -> None:
    assert Engine
