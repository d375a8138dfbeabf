"""The sales processes that ship with the library."""
