"""Where the stack is looked at from: AWS regions, cities, and places of the user's own.

vantage (one place, its resolver and its client) -> catalogue (those that ship with the harness), files (those of a TOML
file) -> choosing (the grammar by which some are picked).
"""

from harness.vantages.catalogue import catalogue, city_vantages, region_vantages
from harness.vantages.choosing import DEFAULT_CHOICE, choose, patterns_of
from harness.vantages.files import load_vantages
from harness.vantages.vantage import Place, Vantage, expected_order, summary

__all__ = [
    "DEFAULT_CHOICE",
    "Place",
    "Vantage",
    "catalogue",
    "choose",
    "city_vantages",
    "expected_order",
    "load_vantages",
    "patterns_of",
    "region_vantages",
    "summary",
]
