"""``task certs``: an authority, and a certificate for each service, for mutual TLS between them.

    var/certs/authority/{cert,key}.pem      signs; its key is needed by nobody who serves
    var/certs/<service>/{cert,key,ca}.pem   all that one service is given

Done again it gives every service a new key and certificate of the same authority, so services may
be started anew one after the other; ``--new-authority`` replaces that as well, and then all of
them must be started anew together. Every file is readable by its owner alone.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.clock import utc_now
from infra.dev.private_file import write_private
from infra.dev.services import SERVICES, Service
from infra.dev.settings import DevSettings

AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=365)
# Clocks differ: a certificate made just now is good on a machine that is a little behind.
BACKDATED = timedelta(minutes=5)
AUTHORITY = "authority"
CERT, KEY, CA = "cert.pem", "key.pem", "ca.pem"
LOCAL_ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True)
class Authority:
    """Who signs."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, now: datetime) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Brigade authority")
        certificate = (
            _draft(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def read(cls, folder: Path) -> "Authority":
        """The one kept in ``folder``. Raises FileNotFoundError where there is none."""
        key = load_pem_private_key((folder / KEY).read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{folder / KEY} is no key of ours")
        return cls(x509.load_pem_x509_certificate((folder / CERT).read_bytes()), key)

    def files(self) -> dict[str, bytes]:
        """What is kept of it."""
        return {CERT: self.certificate.public_bytes(Encoding.PEM), KEY: _key_pem(self.key)}

    def issue(self, service: str, now: datetime) -> dict[str, bytes]:
        """What ``service`` is given: it is called by its name, or from its own machine."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [
            *(x509.DNSName(name) for name in (service, "localhost")),
            *(x509.IPAddress(ip_address(address)) for address in LOCAL_ADDRESSES),
        ]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        issuer = self.certificate.subject
        certificate = (
            _draft(_name(service), issuer, key.public_key(), now, CERTIFICATE_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )
        return {
            CERT: certificate.public_bytes(Encoding.PEM),
            KEY: _key_pem(key),
            CA: self.certificate.public_bytes(Encoding.PEM),
        }


def make_certificates(folder: Path, *, new_authority: bool = False) -> bool:
    """Makes a certificate for every service in ``folder``; True when the authority is new, too.

    An authority that would be over before the certificates is replaced.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = utc_now()
    authority = None if new_authority else _kept_authority(folder / AUTHORITY, now)
    is_new = authority is None
    if authority is None:
        authority = Authority.new(now)
        _write(folder / AUTHORITY, authority.files())
    for service in SERVICES:
        _write(folder / service.name, authority.issue(service.name, now))
    return is_new


def tls_settings(service: Service, folder: Path) -> dict[str, str]:
    """The settings by which ``service`` uses what ``make_certificates`` made in ``folder``."""
    own = folder.resolve() / service.name
    return {
        f"{service.prefix}TLS_{part}": str(own / name)
        for part, name in (("CERT", CERT), ("KEY", KEY), ("CA", CA))
    }


def _kept_authority(folder: Path, now: datetime) -> Authority | None:
    try:
        kept = Authority.read(folder)
    except FileNotFoundError:
        return None
    lasts = kept.certificate.not_valid_after_utc >= now + CERTIFICATE_LIFETIME
    return kept if lasts else None


def _draft(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in files.items():
        write_private(folder / name, content)


def main() -> None:
    """Makes them, and says how they are used."""
    parser = argparse.ArgumentParser(prog="task certs --", description=__doc__)
    parser.add_argument(
        "--new-authority", action="store_true", help="as when the authority's key was seen"
    )
    asked = parser.parse_args()
    folder = (DevSettings().var / "certs").resolve()
    is_new = make_certificates(folder, new_authority=asked.new_authority)
    signed = "a new authority" if is_new else "the same authority"
    print(f"Certificates of {signed} are in {folder}, good for {CERTIFICATE_LIFETIME.days} days.")
    print(f"On this machine:  BRIGADE_CERTS={folder} ./task dev")
    print("In containers, add to .env, and then `task up`:")
    print("  COMPOSE_FILE=docker-compose.yml:infra/compose/tls.yml")
    print(f"  BRIGADE_CERTS={folder}")
    print(f"  BRIGADE_USER={os.getuid()}:{os.getgid()}")


if __name__ == "__main__":
    main()
