"""The lab's one account."""

from __future__ import annotations

ACCOUNT_ID = "123456789012"
