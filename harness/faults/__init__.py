"""Faults with guaranteed rollback; inject() in fault.py is the only door."""
