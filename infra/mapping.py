"""The mapping templates (VTL) that make the API functionless.

They are CloudFormation Fn::Sub strings: `${AWS::Region}` is filled in when the stack is deployed, everything that
starts with a bare `$` when a request is served. The table's name is a stage variable and not a parameter filled in
here: CloudFormation makes no new deployment when only a parameter's value changes, so the API would keep the old name.

Strings are written by `$input.json(...)`, which renders a JSON value with its quotes and escapes. What has no such form
(a path parameter) goes through `escapeJavaScript`, which also writes ' as \\' and that is no JSON escape: it is undone.
"""

from __future__ import annotations

REGION = "${AWS::Region}"

PUT_ITEM = """\
{
  "TableName": "$stageVariables.TABLE",
  "Item": {
    "pk": {"S": "$context.extendedRequestId"},
    "name": {"S": $input.json('$.name')},
    "region": {"S": "${AWS::Region}"}
  }
}
"""
# Not $context.requestId: the caller may choose that one by a header, and so overwrite someone else's item.

ITEM_PUT = """\
{"pk": "$context.extendedRequestId", "requestId": "$context.extendedRequestId", "region": "${AWS::Region}"}
"""

GET_ITEM = """\
{
  "TableName": "$stageVariables.TABLE",
  "Key": {"pk": {"S": "$util.escapeJavaScript($input.params('pk')).replaceAll("\\\\'", "'")"}}
}
"""

ITEM_GOT = """\
#set($pk = $input.path('$.Item.pk.S'))
#if("$!pk" == "")
#set($context.responseOverride.status = 404)
{"error": "Not found", "region": "${AWS::Region}"}
#else
{"pk": $input.json('$.Item.pk.S'), "name": $input.json('$.Item.name.S'), "region": $input.json('$.Item.region.S')}
#end
"""

REFUSED = """\
#set($type = "$!input.path('$.__type')")
#set($cause = $type.replaceAll('^.*[#]', ''))
#if($cause == "ValidationException" || $cause == "SerializationException")
{"error": "Bad input", "cause": "$cause", "region": "${AWS::Region}"}
#elseif($cause.contains("Throttl") || $cause.contains("ThroughputExceeded") || $cause == "RequestLimitExceeded")
#set($context.responseOverride.status = 429)
{"error": "Too many requests", "cause": "$cause", "region": "${AWS::Region}"}
#else
#set($context.responseOverride.status = 503)
{"error": "The table refused the request", "cause": "$cause", "region": "${AWS::Region}"}
#end
"""
"""DynamoDB says 400 to three very different things, and a selection pattern sees no more than the 400.

Bad input is the caller's fault (400), throttling passes by itself (429), and everything else, such as a role without
access or a table that is gone, is ours and confined to this region (503).
"""

TABLE_FAILED = """\
{"error": "The table did not answer", "region": "${AWS::Region}"}
"""

HEALTH_SWITCH = """\
{"statusCode": $stageVariables.HEALTH}
"""

PREFLIGHT = """\
{"statusCode": 204}
"""

HEALTHY = """\
{"status": "ok", "region": "${AWS::Region}"}
"""

SWITCHED_OFF = """\
{"status": "unhealthy", "cause": "switch", "region": "${AWS::Region}"}
"""

READ_HEALTH_ITEM = """\
{
  "TableName": "$stageVariables.TABLE",
  "Key": {"pk": {"S": "health"}},
  "ConsistentRead": true
}
"""
# The item need not exist: that the table says so proves that the role, the table and its leader answer.

TABLE_ANSWERED = """\
#if($stageVariables.HEALTH != "200")
#set($context.responseOverride.status = 503)
{"status": "unhealthy", "cause": "switch", "region": "${AWS::Region}"}
#else
{"status": "ok", "region": "${AWS::Region}"}
#end
"""

TABLE_SILENT = """\
{"status": "unhealthy", "cause": "table", "region": "${AWS::Region}"}
"""
