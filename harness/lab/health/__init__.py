"""Route 53's health checkers: they probe the lab's endpoints over real connections, as the control plane says."""

from __future__ import annotations

from harness.lab.health.service import LabHealth

__all__ = ["LabHealth"]
