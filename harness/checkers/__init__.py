"""Pure functions from a history to findings, one property a module."""
