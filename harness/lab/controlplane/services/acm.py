"""ACM: certificates are issued at once, and all share one key, which saves up to half a second for each."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from moto.acm.models import AWSCertificateManagerBackend, CertBundle, acm_backends
from moto.acm.responses import AWSCertificateManagerResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from harness.lab.controlplane.services.account import ACCOUNT_ID
from harness.stack import RegionName


def backend(region: RegionName) -> Any:
    certificates: AWSCertificateManagerBackend = acm_backends[ACCOUNT_ID][region]
    return certificates


def issue_certificate(region: RegionName, domain_name: str, alternative_names: list[str]) -> str:
    """The ARN of a new certificate with status ISSUED."""
    names = list(dict.fromkeys([domain_name, *alternative_names]))
    bundle = CertBundle(
        ACCOUNT_ID,
        _certificate(names).public_bytes(serialization.Encoding.PEM),
        _key_pem(),
        region=region,
        cert_type="AMAZON_ISSUED",
        cert_status="ISSUED",
    )
    backend(region)._certificates[bundle.arn] = bundle
    return str(bundle.arn)


def covers(region: RegionName, arn: str, domain_name: str) -> bool:
    """True when the certificate exists in `region` and is valid for the name, by itself or by a wildcard."""
    bundle = backend(region)._certificates.get(arn)
    wildcard = f"*.{domain_name.partition('.')[2]}"
    return bundle is not None and bool({domain_name, wildcard} & set(bundle.sans))


def set_tags(region: RegionName, arn: str, tags: Mapping[str, str]) -> None:
    held = backend(region).get_certificate(arn).tags
    held.clear()
    held.update(tags)


def delete_certificate(region: RegionName, arn: str) -> None:
    backend(region).delete_certificate(arn)


class LabAcm(AWSCertificateManagerResponse):  # type: ignore[misc]
    def request_certificate(self) -> ActionResult:
        arn = issue_certificate(
            self.region, self._get_param("DomainName"), self._get_param("SubjectAlternativeNames") or []
        )
        set_tags(self.region, arn, {tag["Key"]: tag.get("Value", "") for tag in self._get_param("Tags") or []})
        return ActionResult({"CertificateArn": arn})


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def _key_pem() -> bytes:
    return _key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _certificate(names: list[str]) -> x509.Certificate:
    now = utcnow()
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Amazon RSA 2048 M02")]))
        .public_key(_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=395))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(_key(), hashes.SHA256())
    )
