"""CloudFormation, as far as the reference stack, boto3 and the CDK CLI use it.

The lab has its own engine because moto's imports thirty services (1.7 s, 200 MB), ignores types that it does not know,
and its change sets skip DependsOn, outputs, replacement and rollback.

template     text -> Template: parsed, validated, resources in dependency order
parameters   what the caller passed + the template's defaults -> values
intrinsics   Ref, Fn::GetAtt, Fn::Sub, conditions ...
registry     @cfn: what the lab knows of each resource type
stacks       the state of stacks, resources, events and change sets
plan         what an update would do to each resource
engine       does it: create, update, roll back, delete
api          the AWS API in front of it
"""
