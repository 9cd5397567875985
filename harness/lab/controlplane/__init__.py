"""The lab's control plane: AWS's APIs on loopback, with moto's state behind them.

server          ControlPlane: start, stop, listeners
dispatch        request -> service; errors in AWS's shapes
services/       what the lab adds to moto's services
cloudformation/ stacks, change sets and resource types, all ours
"""

from __future__ import annotations

from harness.lab.controlplane.server import ControlPlane
from harness.lab.controlplane.services.deployments import DeployedApi, deployed_snapshot

__all__ = ["ControlPlane", "DeployedApi", "deployed_snapshot"]
