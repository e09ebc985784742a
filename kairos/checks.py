"""What `manage.py check` says about the settings. The ids are stable: people silence and search for them."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

from probes.models.audited import unsaid


@register()
def check_environment(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_: Any,
) -> list[CheckMessage]:
    """Report each setting that could not be used and was replaced by its default."""
    return [
        (Error if mistake.id.startswith("kairos.E") else Warning)(mistake.message, hint=mistake.hint, id=mistake.id)
        for mistake in settings.KAIROS_MISTAKES
    ]


@register(Tags.models)
def check_audit(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_: Any,
) -> list[CheckMessage]:
    """Report each model and field of which nobody has said whether its changes are written down (ADR 42)."""
    hint = "Say it in @audited beside the model (told, addresses, masked or unwatched), then makemigrations."
    return [Error(sentence, hint=hint, id="kairos.E110") for sentence in unsaid()]


@register(Tags.security, deploy=True)
def check_deployment(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_: Any,
) -> list[CheckMessage]:
    """Report what a first look at the code may lack and a deployment may not."""
    messages: list[CheckMessage] = []
    if not settings.DATABASES["default"].get("NAME"):
        hint = "Set DATABASE_URL, or start `manage.py up`."
        messages.append(Error("There is no database.", hint=hint, id="kairos.E101"))
    if not settings.BROKER_URL:
        hint = "Set BROKER_URL, or start `manage.py up`."
        messages.append(Error("There is no broker.", hint=hint, id="kairos.E102"))
    messages.extend(
        Error(f"{path} does not exist.", hint="`manage.py up` makes the keys it needs.", id=check_id)
        for check_id, path in (
            ("kairos.E103", settings.KAIROS_SECRET_KEY_FILE),
            ("kairos.E104", settings.KAIROS_FERNET_KEYS_FILE),
            ("kairos.E105", settings.KAIROS_CONTROL_KEY_FILE),
        )
        if not path.exists()
    )
    if settings.KAIROS_HTTPS and not settings.KAIROS_TRUSTED_PROXIES:
        messages.append(
            Warning(
                "A proxy ends TLS, and its address stands for everybody who comes through it.",
                hint="Set KAIROS_TRUSTED_PROXIES to the proxy's networks, from where X-Forwarded-For is believed: "
                "otherwise who guesses at a user's password locks that user out.",
                id="kairos.W102",
            )
        )
    return messages
