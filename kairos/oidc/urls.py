"""The two addresses of a login at a provider. Their names are the library's."""

from django.urls import path

from kairos.oidc.views import BackView, BeginView

urlpatterns = [
    path("authenticate/", BeginView.as_view(), name="oidc_authentication_init"),
    path("callback/", BackView.as_view(), name="oidc_authentication_callback"),
]
