"""What the lab adds to moto's services, or does in its place. State stays in moto's backends.

Each module holds functions on that state, used by CloudFormation's resource types as well, and a subclass of moto's
response class whose methods are AWS operations.
"""
