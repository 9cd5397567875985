"""locust -f harness/load/locustfile.py: readers and writers of a multi-region stack, placed at vantages.

    locust -f harness/load/locustfile.py --target lab --from eu-*,us-* --headless -u 50 -r 10 -t 60s
    locust -f harness/load/locustfile.py --master        # and on other machines: --worker --master-host ...

Import `VantageUser` for tasks of your own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.load.session import join_locust
from harness.load.users import MixedUser, ReaderUser, VantageUser, WriterUser

if TYPE_CHECKING:
    from harness.target import Target

__all__ = ["MixedUser", "ReaderUser", "VantageUser", "WriterUser"]


def _target_for(text: str, lab: str) -> Target:
    from harness.cli.targets import target_for

    return target_for(text, lab=lab)


join_locust(_target_for)
