"""Host names and hosted zone ids of API Gateway's regional domains."""

from __future__ import annotations

import hashlib
import re

from harness.stack import RegionName

# "Amazon API Gateway endpoints and quotas", AWS General Reference: the Route 53 hosted zone id of each region.
_ZONE_IDS = {
    "us-east-1": "Z1UJRXOUMOOFQ8",
    "us-east-2": "ZOJJZC49E0EPZ",
    "us-west-1": "Z2MUQ32089INYE",
    "us-west-2": "Z2OJLYMUO9EFXC",
    "af-south-1": "Z2DHW2332DAMTN",
    "ap-east-1": "Z3FD1VL90ND7K5",
    "ap-south-1": "Z3VO1THU9YC4UR",
    "ap-northeast-1": "Z1YSHQZHG15GKL",
    "ap-northeast-2": "Z20JF4UZKIW1U8",
    "ap-northeast-3": "Z22ILHG95FLSZ2",
    "ap-southeast-1": "ZL327KTPIQFUL",
    "ap-southeast-2": "Z2RPCDW04V8134",
    "ca-central-1": "Z19DQILCV0OWEC",
    "eu-central-1": "Z1U9ULNL0V5AJ3",
    "eu-west-1": "ZLY8HYME6SFDD",
    "eu-west-2": "ZJ5UAJN8Y3Z2Q",
    "eu-west-3": "Z3KY65QIEKYHQQ",
    "eu-north-1": "Z3UWIKFBOOGXPP",
    "eu-south-1": "Z3BT4WSQ9TDYZV",
    "me-south-1": "Z20ZBPC0SS8806",
    "sa-east-1": "ZCMLWB8V5SYIT",
}
_HOST = re.compile(r"d-[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com\.?")


def regional_zone_id(region: RegionName) -> str:
    """The hosted zone that a region's domain targets live in; made up, but stable, where AWS's is not listed here."""
    return _ZONE_IDS.get(region) or f"Z{hashlib.sha256(region.encode()).hexdigest()[:13].upper()}"


def regional_domain_name(region: RegionName, label: str) -> str:
    return f"d-{label}.execute-api.{region}.amazonaws.com"


def zone_id_of_execute_api_host(host: str) -> str | None:
    """The zone an alias to `host` must name; None when it is not a regional domain target."""
    match = _HOST.fullmatch(host.lower())
    return regional_zone_id(match.group(1)) if match else None
