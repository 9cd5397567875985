"""Every error a user can meet, one tree; the branch says whose fault it is.

    HarnessError                      exit code
    ├── UsageError                        2      what was asked for cannot be: a plan, an option, a file
    │   ├── InvalidTargetFile
    │   ├── InvalidPlan
    │   ├── InvalidVantages
    │   ├── UnknownRegion
    │   ├── WouldChange                   a dry run came to a call that would have changed something
    │   └── BlastRadiusExceeded           4      a guard stopped it
    ├── TargetError                       2      the stack or the way to it
    │   ├── LabNotRunning
    │   ├── NotDeployed
    │   ├── NotOptedIn                    4      the stack does not carry the tag that allows faults
    │   ├── NeedsLevers                   4      only a lab can do it
    │   ├── CredentialsMissing
    │   ├── NameserverUnreachable
    │   ├── CertificateInvalid
    │   └── DeployFailed
    ├── HistoryError                      2
    │   ├── InvalidEvent
    │   ├── InvalidHistory
    │   └── HistoryUnwritable             for example a full disk; what was broken is healed
    ├── JournalOpen                       4      an earlier fault was not undone: run `harness recover`
    ├── JournalUnwritable                 2      the undo journal cannot be kept, so nothing (more) is broken
    ├── GameDayRunning                    4      one at a time
    ├── GuardTripped                      4      something that had to stay true did not; what was broken was healed
    ├── FaultError                        1
    │   ├── NotProven                     3      the fault was not seen to bite
    │   ├── HeldTooLong                   4      the fault was in force for as long as may be, and was rolled back
    │   └── RollbackFailed                6      the stack may still be broken: the message says how to mend it by hand
    └── LabError                          2      the lab itself
        ├── LabAlreadyRunning
        └── UnsupportedResource           a template names a type that the lab does not know

A failed probe is not an error: it is data, recorded with its outcome.
"""

from __future__ import annotations

from typing import ClassVar


class HarnessError(Exception):
    """The message names the thing, the value, the rule and the next step."""

    exit_code: ClassVar[int] = 2


class UsageError(HarnessError): ...


class InvalidTargetFile(UsageError): ...


class InvalidPlan(UsageError): ...


class InvalidVantages(UsageError): ...


class UnknownRegion(UsageError): ...


class WouldChange(UsageError): ...


class BlastRadiusExceeded(UsageError):
    exit_code = 4


class TargetError(HarnessError): ...


class LabNotRunning(TargetError): ...


class NotDeployed(TargetError): ...


class NotOptedIn(TargetError):
    exit_code = 4


class NeedsLevers(TargetError):
    exit_code = 4


class CredentialsMissing(TargetError): ...


class NameserverUnreachable(TargetError): ...


class CertificateInvalid(TargetError): ...


class DeployFailed(TargetError): ...


class HistoryError(HarnessError): ...


class InvalidEvent(HistoryError): ...


class InvalidHistory(HistoryError): ...


class HistoryUnwritable(HistoryError): ...


class JournalOpen(HarnessError):
    exit_code = 4


class JournalUnwritable(HarnessError): ...


class GuardTripped(HarnessError):
    exit_code = 4


class GameDayRunning(HarnessError):
    exit_code = 4


class FaultError(HarnessError):
    exit_code = 1


class NotProven(FaultError):
    exit_code = 3


class HeldTooLong(FaultError):
    exit_code = 4


class RollbackFailed(FaultError):
    exit_code = 6


class LabError(HarnessError): ...


class LabAlreadyRunning(LabError): ...


class UnsupportedResource(LabError): ...
