"""The control plane as a WSGI application, for gunicorn."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from kairos import loading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")

application = get_wsgi_application()
loading.with_addresses(settings.ROOT_URLCONF)
