"""Tokens over the API: one's own are listed, made and revoked, and by admins everybody's."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from api import access_examples as examples
from api.access import access_of
from api.errors import BAD_REQUEST, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED
from api.pagination import AsMadePagination
from api.serializers.access_token import AccessTokenSerializer, IssuedTokenSerializer, NewTokenSerializer
from probes.actions import access_tokens
from probes.models import AccessToken, Region, ResourceGroup
from probes.policy.access import ADMINISTER, EVERYTHING, Access, Need, NeedTable, Reach, Role, Scope
from probes.selectors.access import limit_of, tokens

_OWN = Need(Scope.WRITE, Role.VIEWER)
_TOKEN = OpenApiExample("Of a pipeline", value=examples.token(), response_only=True)


@extend_schema_view(
    list=extend_schema(
        summary="List tokens",
        description="One's own, in the order they were made, with those that are revoked; admins see everybody's.",
        examples=[_TOKEN],
        responses={200: AccessTokenSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
    ),
    retrieve=extend_schema(
        summary="Show a token",
        examples=[_TOKEN],
        responses={200: AccessTokenSerializer, 401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND},
    ),
)
class AccessTokenViewSet(ReadOnlyModelViewSet[AccessToken]):
    lookup_value_converter = "int"
    serializer_class = AccessTokenSerializer
    pagination_class = AsMadePagination
    filter_backends = ()  # whose they are decides, and not which groups they are about
    queryset = AccessToken.objects.none()
    needs: ClassVar[NeedTable] = {"create": _OWN, "destroy": _OWN}

    def get_queryset(self) -> QuerySet[AccessToken]:
        access = access_of(self.request)
        if _is_admin(access):
            return tokens()
        own = tokens().filter(owner=self.request.user.pk)
        made_with = self.request.auth
        if made_with is not None and access.limit != EVERYTHING:
            # Those of its owner's others name groups that it knows nothing of.
            own = own.filter(Q(pk=made_with.pk) | Q(made_with=made_with.pk))
        return own

    @extend_schema(
        summary="Make a token",
        description=(
            "Its text is in the answer, once. It has no more scopes than whoever asks and no wider limits, "
            "and when it is made with a token it ends with that one."
        ),
        request=NewTokenSerializer,
        examples=[
            OpenApiExample("For a pipeline", value=examples.new_token(), request_only=True),
            OpenApiExample("Shown once", value=examples.issued(), response_only=True, status_codes=["201"]),
        ],
        responses={201: IssuedTokenSerializer, 400: BAD_REQUEST, 401: UNAUTHENTICATED, 403: FORBIDDEN},
    )
    def create(self, request: Request, **_: Any) -> Response:
        wanted = NewTokenSerializer(data=request.data, context=self.get_serializer_context())
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        access, now = access_of(request), timezone.now()
        user: Any = request.user
        made_with: Any = request.auth
        owner: Any = _owner(values.get("owner"), user, access)
        _refuse_more_scopes(values["scopes"], access)
        issued = access_tokens.issue(
            AccessToken(
                owner=owner,
                name=values["name"],
                scopes=values["scopes"],
                expires_at=_end(values["expires_at"], made_with),
            ),
            groups=_limited("groups", values["groups"], access.limit.groups, ResourceGroup.objects.all()),
            regions=_limited("regions", values["regions"], access.limit.regions, Region.objects.all()),
            by=user,
            made_with=made_with,
            now=now,
        )
        issued.token.token = issued.text  # type: ignore[attr-defined]  # for this one answer
        shown = IssuedTokenSerializer(issued.token, context=self.get_serializer_context()).data
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(
        summary="Revoke a token",
        description=(
            "For good, with all that were made with it; the row stays to be seen. A token revokes itself, and those "
            "that may no more than it."
        ),
        responses={204: None, 401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND},
    )
    def destroy(self, request: Request, **_: Any) -> Response:
        token = self.get_object()
        access = access_of(request)
        is_own = request.auth is None or request.auth.pk in (token.pk, token.made_with_id)
        is_less = access.scopes.issuperset(map(Scope, token.scopes)) and access.limit.covers(limit_of(token))
        if not (is_own or is_less or _is_admin(access)):
            raise PermissionDenied("That token may more than this one.", code="permission_denied")
        access_tokens.revoke([token.pk], now=timezone.now())
        return Response(status=204)

    def check_object_permissions(self, request: Request, obj: AccessToken) -> None:
        """Ask nothing: what is not one's own is not among the rows."""


def _is_admin(access: Access) -> bool:
    return Scope.ADMIN in access.scopes and access.may(ADMINISTER)


def _owner(name: str | None, user: Any, access: Access) -> Any:
    """Return whose the token will be. Raises `PermissionDenied`, before it is told whether there is such a user."""
    if name is None or name == user.get_username():
        return user
    if not _is_admin(access):
        raise PermissionDenied("Tokens for others take the scope `admin` and the role admin.", code="missing_role")
    owner = get_user_model().objects.filter(username=name.replace("\0", ""), is_active=True).first()
    if owner is None:
        raise ValidationError({"owner": ["There is none called so, or not any more."]}, "does_not_exist")
    if not access_tokens.may_own(owner, by=user):
        raise PermissionDenied("Tokens of a superuser are made by superusers.", code="missing_role")
    return owner


def _refuse_more_scopes(asked: Collection[str], access: Access) -> None:
    if more := [scope for scope in asked if Scope(scope) not in access.usable_scopes]:
        raise PermissionDenied(f"Whoever asks has not the scope `{more[0]}`.", code="missing_scope")


def _end(asked: datetime | None, made_with: AccessToken | None) -> datetime | None:
    """Return when the token expires: not after the one that it is made with."""
    last = None if made_with is None else made_with.expires_at
    if last is not None and asked is not None and asked > last:
        raise ValidationError({"expires_at": ["The token that asks expires before."]}, "max_value")
    return asked or last


def _limited(field: str, asked: list[Any], limit: frozenset[int] | None, rows: QuerySet[Any, Any]) -> list[Any]:
    """Return what the token is limited to: what is asked for, or else what limits whoever asks."""
    if limit is None:
        return asked
    if not Reach(limit).covers(Reach(frozenset(row.pk for row in asked))):
        raise ValidationError({field: ["The token that asks is limited to others."]})
    found = asked or list(rows.filter(pk__in=limit))
    if not found:  # of which nothing is left: an empty list would be no limit
        raise PermissionDenied("Nothing is within reach of the token that asks.", code="missing_role")
    return found
