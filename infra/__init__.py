"""The reference stack: an active-active serverless application, as a CDK app in Python."""
