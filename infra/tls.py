"""Mutual TLS between our services, where certificates are configured.

One certificate authority of the installation's own signs one certificate for each service. Both
ends of a connection show theirs, and a service that calls in its own name must have that name in
its certificate: a stolen credential is worth nothing without the key beside it.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from prometheus_client import Gauge

from infra.process import CannotStartError

EXPIRES_AT = Gauge(
    "tls_certificate_expires_at_seconds",
    "Unix time at which this service's certificate expires; 0 where there is none.",
)


class UnfitCertificateError(CannotStartError):
    """The configured files are no certificate, key and authority that go together."""


@dataclass(frozen=True)
class Tls:
    """What one service shows, and by whom the others' certificates must be signed; all PEM."""

    certificate: bytes
    """The service's own, and those between it and the authority, if any. It is shown to callers and
    to those who are called, so it must be good for both uses."""
    key: bytes = field(repr=False)
    """The private key of ``certificate``, not encrypted."""
    authority: bytes
    """One certificate, or several while an authority is being replaced."""

    @classmethod
    def read(cls, certificate: Path, key: Path, authority: Path) -> "Tls":
        """What is in these files.

        Raises:
            UnfitCertificateError: one can't be read, or they don't go together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # gRPC would only say later, and of every connection, that it failed.
            context.load_verify_locations(authority)
            context.load_cert_chain(certificate, key, password=_no_password)
            tls = cls(certificate.read_bytes(), key.read_bytes(), authority.read_bytes())
            own = x509.load_pem_x509_certificate(tls.certificate)
        except (OSError, ValueError) as error:
            raise UnfitCertificateError(
                f"{certificate}, {key} and {authority} can't serve for TLS: {error}"
            ) from error
        EXPIRES_AT.set(own.not_valid_after_utc.timestamp())
        return tls

    def of_channel(self) -> grpc.ChannelCredentials:
        """For calling: the server's certificate must be for the name or address it is called by."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)

    def of_server(self) -> grpc.ServerCredentials:
        """For serving: who shows no certificate of our authority's is not listened to."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)], self.authority, require_client_auth=True
        )


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def may_speak_for(service: str, context: Any) -> bool:
    """Whether the peer of the call ``context`` may call in the name of ``service``: without TLS its
    credential says enough, with it the name must be a DNS name of its certificate."""
    peer = context.auth_context()
    if peer.get("transport_security_type") == [b"insecure"]:
        return True
    return service.encode() in peer.get("peer_dns", ())
