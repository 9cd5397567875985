"""Verification and chaos harness for active-active serverless stacks on AWS."""

__version__ = "0.1.0"
