"""Where the broker is, and how its certificate is looked at: by kombu and by plain clients, on Redis and RabbitMQ."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

REDIS_SCHEMES: Final = ("redis", "rediss")
AMQP_SCHEMES: Final = ("amqp", "amqps")
SCHEMES: Final = (*REDIS_SCHEMES, *AMQP_SCHEMES)
FILE_VARIABLES: Final = ("KAIROS_BROKER_CA_FILE", "KAIROS_BROKER_CERT_FILE", "KAIROS_BROKER_KEY_FILE")
"""What names the files below in the environment, for the control plane and for regions."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker's URL, and the files of TLS where it is `rediss` or `amqps`; empty means without.

    `ca_file` holds the roots to trust instead of the system's, `cert_file` and `key_file` our own certificate.
    """

    url: str = field(repr=False)  # may hold a password
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def check(self) -> None:
        """Raise `ValueError`, with a sentence that names no secret, for files that cannot be used with this URL."""
        has_files = bool(self.ca_file or self.cert_file or self.key_file)
        if self._asks_for_tls and (has_files or not self.is_redis):
            # Kombu would take those of the URL alone; for RabbitMQ it takes none.
            raise ValueError("the URL has ssl_… options: leave them out, and name the files in KAIROS_BROKER_…_FILE")
        if not has_files:
            return
        if not self.is_encrypted:
            raise ValueError("a certificate needs TLS: write rediss:// or amqps://")
        if self.key_file and not self.cert_file:
            raise ValueError("a key needs its certificate")
        try:
            self.ssl_context()
        except (OSError, ValueError) as error:  # SSLError is an OSError
            names = ", ".join(filter(None, (self.ca_file, self.cert_file, self.key_file)))
            raise ValueError(f"{names}: {getattr(error, 'reason', None) or error}") from None

    @property
    def is_redis(self) -> bool:
        return urlsplit(self.url).scheme in REDIS_SCHEMES

    @property
    def is_amqp(self) -> bool:
        return urlsplit(self.url).scheme in AMQP_SCHEMES

    @property
    def is_encrypted(self) -> bool:
        return urlsplit(self.url).scheme in ("rediss", "amqps")

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def place(self) -> str:
        """`HOST[:PORT]`, which holds no password."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def login(self) -> tuple[str, str]:
        """User name and password, either of which may be empty."""
        parts = urlsplit(self.url)
        return unquote(parts.username or ""), unquote(parts.password or "")

    @property
    def virtual_host(self) -> str:
        """RabbitMQ's virtual host, read as kombu reads it."""
        return unquote(urlsplit(self.url).path[1:]) or "/"

    def url_for(self, username: str, password: str) -> str:
        """Return the same broker's URL for somebody else."""
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        login = f"{quote(username, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}"))

    @property
    def kombu_ssl(self) -> dict[str, Any] | None:
        """What kombu must be told to verify the certificate, which it leaves out by itself.

        None where there is nothing to tell: no TLS, or a URL of Redis that says itself what it wants.
        """
        if not self.is_encrypted or (self.is_redis and "ssl_cert_reqs" in parse_qs(urlsplit(self.url).query)):
            return None
        files = {"ca_certs": self.ca_file, "certfile": self.cert_file, "keyfile": self.key_file}
        told = {name: path for name, path in files.items() if path} | {"cert_reqs": ssl.CERT_REQUIRED}
        if self.is_redis:
            return {f"ssl_{name}": value for name, value in told.items()} | {"ssl_check_hostname": True}
        # Of the URL, because kombu makes 127.0.0.1 of localhost.
        return {**told, "server_hostname": self.host}

    @property
    def _asks_for_tls(self) -> bool:
        return any(name.startswith("ssl_") for name in parse_qs(urlsplit(self.url).query, keep_blank_values=True))

    def ssl_context(self) -> ssl.SSLContext:
        """Return the same for a plain client. Raises OSError for a file that cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file or None)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file or None)
        return context
