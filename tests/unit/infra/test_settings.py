"""Every setting of every service is checked when it is read: what can't be is told in one line that
names the setting and shows nothing of its value, with the status of a wrong configuration."""

import os
import types
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from auth.settings import Settings as AuthSettings
from infra.dev.certificates import make_certificates
from infra.dev.settings_table import SERVICES
from infra.settings import ServiceSettings, read_settings
from kitchen.settings import Settings as KitchenSettings
from order.settings import Settings as OrderSettings

SERVICE_SETTINGS: tuple[type[ServiceSettings], ...] = tuple(module.Settings for module in SERVICES)
SECRET = "hush"
"""Stands in every wrong value that is a text; nothing that is said may hold it."""

WRONG_NUMBERS = ("", SECRET, "-1", "1.5e400", "9" * 30)
OF_THE_KITCHEN = (
    f'[{{"name": "main", "{SECRET}": 2}}]',
    f'[{{"name": "main", "capacity": "{SECRET}"}}]',
    '[{"name": "main", "capacity": 0}]',
    f'[{{"name": "main", "mode": "{SECRET}"}}]',
    f'[{{"name": "{SECRET}"}}, {{"name": "{SECRET}"}}]',
)
"""What of ``KITCHENS`` the kitchen service alone reads, and the order service leaves to it."""

WRONG: dict[object, tuple[str, ...]] = {
    int: (*WRONG_NUMBERS, "1.5"),
    float: (*WRONG_NUMBERS, "nan", "inf", "-inf", "1e300"),
    timedelta: ("", SECRET, "5 seconds", "-PT1S", "P999999999D"),
    "redis_url": (
        "",
        SECRET,
        "redis:6379",
        f"http://:{SECRET}@redis:6379/0",
        f"unix:///run/{SECRET}.sock",
        f"redis://:{SECRET}",
        f"redis://:{SECRET}@",
        f"redis://:{SECRET}@/0",
        f"redis://:{SECRET}@:6379/0",
        # What ends an address's first part ends the password there.
        f"redis://:a#{SECRET}@redis:6379/0",
        f"redis://:a/{SECRET}@redis:6379/0",
        f"redis://:a?{SECRET}@redis:6379/0",
        f"redis://:a@{SECRET}@redis:6379/0",
        f"redis://:a%{SECRET}@redis:6379/0",
        f"redis://:a[{SECRET}@redis:6379/0",
        # It could be read: as the host `auth`, the port 1234.
        f"redis://auth:1234#{SECRET}@redis:6379/0",
        f"redis://auth:1234/{SECRET}@redis:6379/0",
        f"redis://auth:1234?{SECRET}@redis:6379/0",
        f"redis://:a {SECRET}@redis:6379/0",
        f"redis://:a\n{SECRET}@redis:6379/0",
        f"redis://:a\udcff{SECRET}@redis:6379/0",
        f"redis://:a%ff{SECRET}@redis:6379/0",
        f"redis://:{SECRET}@redis:0/0",
        f"redis://:{SECRET}@redis:99999/0",
        f"redis://:{SECRET}@redis:-1/0",
        f"redis://:{SECRET}@redis:six/0",
        f"redis://:{SECRET}@red!s:6379/0",
        f"redis://:{SECRET}@[::1:6379/0",
        f"redis://:{SECRET}@[fe80::zz]:6379/0",
        f"redis://:{SECRET}@redis:6379/zero",
        f"redis://:{SECRET}@redis:6379/-1",
        f"redis://:{SECRET}@redis:6379/1/2",
        f"redis://:{SECRET}@redis:6379/0#{SECRET}",
        f"redis://:{SECRET}@redis:6379/0?nonsense=1",
        f"redis://:{SECRET}@redis:6379/0?decode_responses={SECRET}",
        f"redis://:{SECRET}@redis:6379/0?{SECRET}",
        f"redis://:{SECRET}@redis:6379?db={SECRET}",
        f"redis://:{SECRET}@redis:6379?db=-1",
        f"redis://:{SECRET}@redis:6379?socket_timeout={SECRET}",
        f"redis://:{SECRET}@redis:6379?socket_timeout=-1",
        f"redis://:{SECRET}@redis:6379?socket_timeout=nan",
        f"redis://:{SECRET}@redis:6379?max_connections=0",
        f"redis://:{SECRET}@redis:6379?ssl_cert_reqs=none",
        f"rediss://:{SECRET}@redis:6379?ssl_cert_reqs={SECRET}",
        f"rediss://:{SECRET}@redis:6379?ssl_ca_certs=/{SECRET}",
    ),
    "_target": (
        "",
        SECRET,
        f"{SECRET}:",
        ":50051",
        f"{SECRET}:0",
        f"{SECRET}:99999",
        f"{SECRET}:-1",
        f"{SECRET}:port",
        f"{SECRET}:1:2",
        f"{SECRET} :50051",
        f"{SECRET}:50051/path",
        f"http://{SECRET}:50051",
        f"user:{SECRET}@auth:50051",
        f"dns:///{SECRET}",
        f"dns:///{SECRET}:99999",
        f"dns://auth:50051/{SECRET}",
        f"dns:{SECRET}",
        f"ipv4:{SECRET}:50051",
        "ipv4:127.0.0.1",
        f"ipv6:[{SECRET}]:50051",
        "[::1]",
        "::1:50051",
        "unix:",
        "unix:relative",
        f"xds:///{SECRET}",
    ),
    "host": (
        "",
        f"http://{SECRET}",
        f"{SECRET}:8080",
        f"{SECRET}/24",
        f"{SECRET} host",
        f"-{SECRET}",
        "::1::",
        "[::1]:80",
        "256.0.0.1",
    ),
    "peers": (
        "",
        SECRET,
        f"{{{SECRET}",
        f'["{SECRET}"]',
        f'"{SECRET}"',
        f'{{"gateway": "{SECRET}"}}',
        '{"gateway": 3}',
        f'{{"{SECRET}": "{"0" * 64}"}}',
        f'{{"{SECRET}": 3}}',
    ),
    "credential": (f"{SECRET}\n{SECRET}", f" {SECRET}", f"{SECRET} ", f"{SECRET}é"),
    "otlp_endpoint": (
        SECRET,
        f"{SECRET}:4318",
        f"grpc://{SECRET}:4317",
        f"http://user:{SECRET}@",
        "http://:4318",
        f"http://{SECRET}:99999",
        f"http://{SECRET}:0",
        f"http://user:{SECRET}@jaeger:port",
        f"http://user:a#{SECRET}@jaeger:4318",
        f"http://user:a/{SECRET}@jaeger:4318",
        f"http://jaeger:4318?key={SECRET}",
        f"http://jaeger:4318#{SECRET}",
        f"http://{SECRET} jaeger:4318",
    ),
    "tls_": (f"/{SECRET}/cert.pem", "/", f"-----BEGIN {SECRET * 2000}"),
    "trusted_proxies": (
        SECRET,
        f"10.0.0.0/8, {SECRET}",
        "10.0.0.0/99",
        "10.1.2.3/8",
        "::1/129",
    ),
    "cors_origins": (
        SECRET,
        f"{SECRET}:8080",
        f"//{SECRET}",
        "null",
        f"https://app.example.com, {SECRET}",
        f"https://{SECRET}/path",
        f"https://{SECRET}?a",
        f"https://{SECRET}:99999",
        f"https://user:{SECRET}@app.example.com",
        "https://",
    ),
    "public_origin": (
        SECRET,
        "*",
        "null",
        "https://",
        f"ftp://{SECRET}",
        f"https://{SECRET}/path",
        f"https://{SECRET}?a",
        f"https://{SECRET}:99999",
        f"https://user:{SECRET}@orders.example.com",
        f"https://orders.example.com, {SECRET}",
    ),
    "forwarded_header": ("", SECRET, "X-Real-IP"),
    "kitchens": (
        "",
        SECRET,
        f"[{SECRET}",
        "[]",
        "{}",
        f'["{SECRET}"]',
        f'[{{"name": "{SECRET}!"}}]',
        *OF_THE_KITCHEN,
    ),
}
"""Wrong values of a setting by its type or the end of its name. A setting that has neither here
fails these tests: say what can't be written in it, and check that where it is read."""

RIGHT: dict[str, tuple[str, ...]] = {
    "redis_url": (
        "redis://127.0.0.1:6379/0",
        "redis://redis",
        "redis://redis/",
        "redis://order:secret@redis:6379/15",
        "redis://:p%23%2F%3F%40%25@redis",
        "redis://:!$&'()*+,;=:^~é@redis:6379",
        "redis://[::1]:6379/1",
        "REDIS://redis_1.local.:6379",
        "redis://redis:6379?db=2&client_name=orders&socket_timeout=2.5",
        "rediss://:secret@redis:6380/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        # As a secret is read from a file.
        "redis://redis:6379/0\n",
    ),
    "_target": (
        "127.0.0.1:50051",
        "auth:50051",
        "auth_1.brigade.:65535",
        "[::1]:50051",
        "dns:auth:50051",
        "dns:///auth:50051",
        "dns:///[::1]:50051",
        "dns://192.0.2.1/auth:50051",
        "dns://192.0.2.1:53/auth:50051",
        "ipv4:127.0.0.1:50051,127.0.0.2:50051",
        "ipv6:[::1]:50051",
        "unix:/run/auth.sock",
        "unix:///run/auth.sock",
        "unix-abstract:auth",
    ),
    "host": ("127.0.0.1", "0.0.0.0", "::", "::1", "[::1]", "localhost", "brigade_1.local"),  # noqa: S104
    "port": ("0", "65535"),
    "peers": ("{}", f'{{"gateway": "{"0a" * 32}"}}'),
    "credential": ("", "secret", "two words", "!#/?@~"),
    "otlp_endpoint": (
        "",
        "http://jaeger:4318",
        "https://collector.example.com/",
        "https://user:secret@collector.example.com:4318/otlp",
        "http://[::1]:4318",
    ),
    "trusted_proxies": ("", "10.0.0.0/8, 192.0.2.7", "::1"),
    "public_origin": ("", "https://orders.example.com, http://10.0.0.7:8080/"),
    "forwarded_header": ("X-Forwarded-For", "Forwarded"),
    "cors_origins": (
        "",
        "https://app.example.com/, http://127.0.0.1:3000",
        "*",
        "http://[::1]:3000",
        "capacitor://localhost",
    ),
    "kitchens": ('[{"name": "main", "capacity": 4}]',),
    "refresh_grace": ("PT0S",),
}


def _variable(kind: type[ServiceSettings], name: str, field: FieldInfo) -> str:
    return str(field.validation_alias or f"{kind.model_config['env_prefix']}{name}".upper())


def _fields() -> Iterator[tuple[type[ServiceSettings], str, str, FieldInfo]]:
    for kind in SERVICE_SETTINGS:
        for name, field in kind.model_fields.items():
            yield kind, name, _variable(kind, name, field), field


def _wrong_values(name: str, field: FieldInfo) -> tuple[str, ...]:
    annotation = field.annotation
    named = [values for end, values in WRONG.items() if isinstance(end, str) and _is_of(name, end)]
    if named:
        return named[0]
    if name.endswith("port"):
        return (*WRONG[int], "65536", "99999")
    if get_origin(annotation) is Literal:
        return ("", SECRET)
    if get_origin(annotation) in (Union, types.UnionType):
        [annotation] = [part for part in get_args(annotation) if part is not type(None)]
    assert annotation in WRONG, f"what can't be written in {name}? Say so in WRONG"
    return WRONG[annotation]


def _is_of(name: str, end: str) -> bool:
    return name.startswith(end) if end.endswith("_") else name.endswith(end)


def _cases(values: Any) -> list[Any]:
    return [
        pytest.param(kind, variable, value, id=f"{variable}={value[:60]!r}")
        for kind, name, variable, field in _fields()
        for value in values(name, field)
        if not (kind is OrderSettings and value in OF_THE_KITCHEN)
    ]


def _right_values(name: str, _: FieldInfo) -> tuple[str, ...]:
    return next((values for end, values in RIGHT.items() if _is_of(name, end)), ())


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, _, variable, _ in _fields():
        monkeypatch.delenv(variable, raising=False)


def _complaint(kind: type[ServiceSettings], capsys: pytest.CaptureFixture[str]) -> str:
    """What reading the settings writes to stderr, when it ends the process as it should."""
    with pytest.raises(SystemExit) as ended:
        read_settings(kind)
    assert ended.value.code == os.EX_CONFIG
    assert ended.value.__context__ is None, "a chained exception might tell more"
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(("kind", "variable", "value"), _cases(_wrong_values))
def test_wrong_value_is_told_in_one_line_without_it(
    kind: type[ServiceSettings],
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    complaint = _complaint(kind, capsys)
    [line] = complaint.splitlines()
    assert line.startswith((f"setting {variable}: ", f"setting {variable}."))
    assert len(line) < 400, "a line for a person"
    assert SECRET not in line


@pytest.mark.parametrize(("kind", "variable", "value"), _cases(_right_values))
def test_right_value_is_taken(
    kind: type[ServiceSettings], variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    read_settings(kind)


@pytest.mark.parametrize("kind", SERVICE_SETTINGS)
def test_defaults_are_fit(kind: type[ServiceSettings]) -> None:
    read_settings(kind)


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (f"redis://:{SECRET}#@redis/0", "percent-encode"),
        (f"redis://auth:1/{SECRET}@redis/0", "%2F"),
        ("redis://redis:99999/0", "1 to 65535"),
        ("http://redis/0", "redis:// or rediss://"),
        ("redis://redis/zero", "database"),
        ("redis://redis/0?nonsense=1", "query"),
        ("", "redis://"),
    ],
)
def test_what_is_wrong_with_an_address_of_redis_is_said(
    value: str,
    advice: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ORDER_REDIS_URL", value)
    assert advice in _complaint(OrderSettings, capsys)


def test_every_wrong_setting_has_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ORDER_REDIS_URL", SECRET)
    monkeypatch.setenv("ORDER_AUTH_TARGET", SECRET)
    monkeypatch.setenv("ORDER_GRPC_PORT", "99999")
    lines = _complaint(OrderSettings, capsys).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "setting ORDER_REDIS_URL",
        "setting ORDER_GRPC_PORT",
        "setting ORDER_AUTH_TARGET",
    ]


def test_place_inside_a_setting_is_told_by_our_own_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KITCHENS", f'[{{"name": "main"}}, {{"name": "x", "{SECRET}": 1}}]')
    assert _complaint(KitchenSettings, capsys).startswith("setting KITCHENS.1: ")
    monkeypatch.setenv("KITCHENS", '[{"name": "main"}, {"name": "x", "capacity": -1}]')
    assert _complaint(KitchenSettings, capsys).startswith("setting KITCHENS.1.capacity: ")


@pytest.mark.parametrize("kind", SERVICE_SETTINGS)
def test_files_of_tls_are_taken(
    kind: type[ServiceSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path)
    prefix = kind.model_config["env_prefix"]
    folder = tmp_path / prefix.rstrip("_").lower()
    for part, file in (("CERT", "cert"), ("KEY", "key"), ("CA", "ca")):
        monkeypatch.setenv(f"{prefix}TLS_{part}", str(folder / f"{file}.pem"))
    assert read_settings(kind).read_tls() is not None


@pytest.mark.parametrize("kind", SERVICE_SETTINGS)
def test_settings_show_no_secret(
    kind: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, name, variable, field in _fields():
        if field.annotation is SecretStr:
            value = f"redis://:{SECRET}@redis" if name == "redis_url" else SECRET
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://user:{SECRET}@jaeger:4318")
    settings = read_settings(kind)
    assert SECRET not in repr(settings) + str(settings)


def test_lanes_of_a_hash_that_its_memory_is_too_small_for_are_told_at_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTH_ARGON2_MEMORY_KIB", "64")
    monkeypatch.setenv("AUTH_ARGON2_PARALLELISM", "16")
    assert "AUTH_ARGON2_PARALLELISM" in _complaint(AuthSettings, capsys)
