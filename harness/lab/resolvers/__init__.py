"""The lab's recursive resolvers: what users of the internet ask instead of the name servers, with its vices.

settings (what one is told to be) -> recursion (asks the name server) -> answering (cached, fresh or stale, in wire
format) -> serving (UDP and TCP on loopback) -> service (all of a lab's resolvers, by name).
"""

from harness.lab.resolvers.service import LabResolvers
from harness.lab.resolvers.settings import ResolverInfo, ResolverSettings

__all__ = ["LabResolvers", "ResolverInfo", "ResolverSettings"]
