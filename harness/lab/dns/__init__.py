"""The lab's authoritative name server.

route53 -> zones -> answers (what is true) -> replies, responder (in wire format, kept) -> server, tcp (on the network).
"""

from harness.lab.dns.latency import LatencyDatabase
from harness.lab.dns.route53 import read_zones
from harness.lab.dns.server import LabDns
from harness.lab.dns.zones import HostedZone, ZoneSet

__all__ = ["HostedZone", "LabDns", "LatencyDatabase", "ZoneSet", "read_zones"]
