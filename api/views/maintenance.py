from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from api import verdict_examples as examples
from api.access import reach_of
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.maintenance import PlannedWindowSerializer, WindowSerializer
from api.setting_queries import WindowQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import maintenance as actions
from probes.models import MaintenanceWindow
from probes.policy.access import OPERATE, NeedTable
from probes.selectors.maintenance import windows

_TARGETS: Final = ("resources", "groups", "registries", "regions")
_SHOWN_ONLY: Final = ("id", "next")


@described(
    noun="a maintenance window",
    plural="maintenance windows",
    order="In the order they were made, without when they come next.",
    shown=examples.planned_window(),
    sent={name: value for name, value in examples.window().items() if name not in _SHOWN_ONLY},
    patch={"duration_minutes": 120},
    listed=WindowSerializer,
    row=examples.window(),
)
class WindowViewSet(NounViewSet[MaintenanceWindow]):
    lookup_value_converter = "int"
    serializer_class = PlannedWindowSerializer
    query_class = WindowQuery
    orders: ClassVar = {"id": AS_MADE, "name": Order(column="name", values=TEXTS)}
    needs: ClassVar[NeedTable] = writing_takes(OPERATE)
    queryset = MaintenanceWindow.objects.none()

    def get_serializer_class(self) -> Any:
        return WindowSerializer if self.action == "list" else PlannedWindowSerializer

    def rows(self) -> QuerySet[MaintenanceWindow]:
        return windows(reach_of(self.request))

    def store(self, row: MaintenanceWindow | None, values: dict[str, Any]) -> MaintenanceWindow:
        targets = {name: values.pop(name, None) for name in _TARGETS}
        if row is not None:
            # Read anew: of what the row came with, whatever is beyond the reach of whoever asks was left out.
            kept = {name: list(getattr(row, name).order_by("pk")) for name, found in targets.items() if found is None}
            targets = {**targets, **kept}
        window, now = filled(row or MaintenanceWindow(), values), timezone.now()
        window.full_clean()
        actions.refuse_past(window, now=now)
        try:
            return actions.save(window, **{name: found or () for name, found in targets.items()}, now=now)
        except actions.NothingConcerned as error:
            raise ValidationError(str(error), code="required") from None

    def remove(self, row: MaintenanceWindow) -> None:
        actions.delete([row.pk], now=timezone.now())
