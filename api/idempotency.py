"""`Idempotency-Key`: what was done once is not done again, and is answered as it was (ADR 34)."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import InProgress, KeyReused
from probes.actions import kept_answers
from probes.actions.kept_answers import Answer

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
"""A header that says that this is an answer from before."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS: Final = ("Location", "ETag", "Retry-After")


def once(request: Request, do: Callable[[], Response]) -> HttpResponseBase:
    """Do something in a transaction, unless this key says that it was done; then answer what was answered.

    The answer is stored in the same transaction, so there is none without what it tells of. Nothing is kept of what
    raises. Raises `ValidationError` for a key that is none, `InProgress` and `KeyReused`.
    """
    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            return do()
    if not _KEY.fullmatch(key):
        message = "Write 1 to 255 visible characters of ASCII."
        raise ValidationError({HEADER: [ErrorDetail(message, "invalid")]})
    holder, fingerprint = _holder(request), _fingerprint(request)
    with transaction.atomic():
        try:
            kept = kept_answers.claim(holder, key, fingerprint, now=timezone.now())
        except kept_answers.InProgress:
            raise InProgress from None
        except kept_answers.AnotherRequest:
            raise KeyReused from None
        if kept is not None:
            return _replayed(kept)
        response = do()
        answer = Answer(
            status=response.status_code,
            headers={name: response[name] for name in _KEPT_HEADERS if name in response},
            body=JSONRenderer().render(response.data),
        )
        try:
            kept_answers.keep(holder, key, fingerprint, answer, now=timezone.now())
        except kept_answers.AnswerTooLarge as error:
            message = f"{error} Ask for fewer ?fields=, or for less at once."
            raise ValidationError({HEADER: [ErrorDetail(message, "too_large")]}) from None
    return response


def forget(request: Request) -> None:
    """Forget the answer to a request whose effect has failed after it was stored."""
    if key := request.headers.get(HEADER):
        kept_answers.drop(_holder(request), key)


def _replayed(kept: Answer) -> HttpResponseBase:
    response = HttpResponse(kept.body, status=kept.status, content_type=JSONRenderer.media_type)
    for name, value in kept.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _holder(request: Request) -> str:
    """Return what stands for whoever asks: the account, and the token if there is one. Neither can be read off."""
    named = f"{getattr(request.user, 'pk', None)}/{getattr(request.auth, 'pk', '')}"
    return sha256(named.encode()).hexdigest()


def _fingerprint(request: Request) -> str:
    """Return what stands for the request: method, address and body as it was read."""
    asked = JSONRenderer().render([request.method, request.get_full_path(), request.data])
    return sha256(asked).hexdigest()
