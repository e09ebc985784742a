"""The login that `manage.py probe` checks with: from the environment, standard input or a file, never an argument."""

import os
import sys
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError

from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.provider import KeyInvalid, read_key, write_key
from probes.protocol.token import is_bearer

PASSWORD: Final = "KAIROS_PROBE_PASSWORD"  # noqa: S105 - the name of a variable
IDENTITY_TOKEN: Final = "KAIROS_PROBE_IDENTITY_TOKEN"  # noqa: S105 - likewise
BEARER: Final = "KAIROS_PROBE_BEARER"
_LONGEST_KEY: Final = 65_536


def secret_of(options: dict[str, Any]) -> Secret:
    """Return the secret to check with. Secrets come from the environment or standard input only."""
    secret = _given(options)
    try:
        _ = secret.material
    except UnicodeEncodeError:  # Python lets through what is no UTF-8, and a traceback exits as `unavailable` does
        raise CommandError("the login is not text in UTF-8", returncode=2) from None
    return secret


def _given(options: dict[str, Any]) -> Secret:
    username = options["username"] or ""
    if options["credential_file"] and not options["credential_kind"]:
        raise CommandError("--credential-file needs --credential-kind", returncode=2)
    if options["credential_kind"]:
        return _provider_secret(options["credential_kind"], options["credential_file"])
    if options["identity_token_stdin"]:
        return Secret(username=username, identity_token=_from_stdin("identity token"))
    if options["bearer_stdin"]:
        return _bearer_secret(_from_stdin("bearer token"))
    if username or options["password_stdin"]:
        if not username:
            raise CommandError("--password-stdin needs --username", returncode=2)
        password = _from_stdin("password") if options["password_stdin"] else os.environ.get(PASSWORD, "")
        if not password:
            raise CommandError(f"--username needs a password: set {PASSWORD}, or use --password-stdin", returncode=2)
        return Secret(username=username, password=password)
    if token := os.environ.get(IDENTITY_TOKEN):
        return Secret(identity_token=token)
    if token := os.environ.get(BEARER):
        return _bearer_secret(token)
    return ANONYMOUS


def _bearer_secret(token: str) -> Secret:
    if not is_bearer(token):
        raise CommandError("a bearer token is visible ASCII, without spaces or line ends", returncode=2)
    return Secret(bearer=token)


def _provider_secret(provider: str, path: str | None) -> Secret:
    try:
        text = Path(path).read_text(encoding="utf-8") if path else sys.stdin.read(_LONGEST_KEY)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise CommandError(f"--credential-file {path}: {reason}", returncode=2) from None
    try:
        return Secret(provider=provider, provider_key=write_key(read_key(provider, text)))
    except KeyInvalid as invalid:
        raise CommandError(f"--credential-kind {provider}: {invalid}", returncode=2) from None


def _from_stdin(what: str) -> str:
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise CommandError(f"no {what} on standard input", returncode=2)
    return secret
