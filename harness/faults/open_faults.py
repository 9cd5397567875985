"""The faults of a schedule that are in force just now; whatever happens, none is left when the block ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

from harness.faults.catalogue import AnyFault
from harness.faults.fault import Injection
from harness.faults.schedule import Stretch

Inject = Callable[[Stretch], AbstractContextManager[Injection]]


class OpenFaults:
    """`inject` makes the scope of one stretch: fault.inject(), with all that it needs.

    Those that are still open when the block ends are undone, the last first; the others also when one fails.
    """

    def __init__(self, inject: Inject) -> None:
        self._inject = inject
        self._open: list[tuple[Stretch, ExitStack]] = []
        self._all = ExitStack()

    @property
    def faults(self) -> tuple[AnyFault, ...]:
        return tuple(stretch.fault for stretch, _ in self._open)

    def begin(self, stretch: Stretch) -> None:
        scope = ExitStack()
        # Entered among all first: an interrupt between the injection and here would otherwise lose it.
        self._all.push(scope)
        scope.enter_context(self._inject(stretch))
        self._open.append((stretch, scope))

    def end(self, stretch: Stretch) -> None:
        """Undoes one; harmless when it is not open. Raises RollbackFailed as inject() does."""
        # By identity: a schedule may have two stretches that are equal.
        for number, (begun, scope) in enumerate(self._open):
            if begun is stretch:
                del self._open[number]
                return scope.close()
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._open.clear()
        return bool(self._all.__exit__(kind, error, trace))
