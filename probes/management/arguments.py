"""What an argument of `manage.py probe` has to be; `argparse.ArgumentTypeError` says what it is not."""

import argparse
import ssl
from pathlib import Path

from probes.protocol.addresses import parse_networks
from probes.protocol.plan import Site
from probes.protocol.platform import Platform, PlatformInvalid
from probes.protocol.urls import UrlRefused, origin_of
from probes.wire.route import Route


def platform(text: str) -> str:
    if text != "all":
        try:
            Platform.parse(text)
        except PlatformInvalid as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return text


def cidr(text: str) -> str:
    try:
        parse_networks((text,))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def host(text: str) -> str:
    try:
        origin_of(f"https://{text}")
    except UrlRefused:
        text = ""
    if not text or any(stop in text for stop in "/?#@"):
        raise argparse.ArgumentTypeError("not HOST or HOST:PORT")
    return text.lower()


def resolve(text: str) -> tuple[str, tuple[str, ...]]:
    host, _, addresses = text.partition(":")
    pair = (host.lower(), tuple(item.strip("[]") for item in addresses.split(",") if item))
    if not host or not pair[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:ADDRESS[,ADDRESS]")
    try:
        Route.of(Site(resolve=(pair,)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return pair


def ca_file(text: str) -> str:
    try:
        pem = Path(text).read_text()
        ssl.create_default_context(cadata=pem)
    except (OSError, UnicodeDecodeError, ssl.SSLError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: no usable certificates: {error}") from None
    return pem


def seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, up to 3600")
    return seconds


def count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of repetitions")
    return int(text)
