"""Settings of the control plane: what Django, Celery and Kairos read, and nothing they compute.

Every value from outside comes through `environment` and has a default that suits one machine. Importing this
module never fails and never writes: without a database or keys the commands that need none still run, and the
checks of `kairos.checks` say what is missing. A region's worker does not read this file at all.
"""

import os
from pathlib import Path
from typing import Any, Final

from celery.schedules import crontab

from kairos.environment import Environment, is_loopback
from kairos.logs import is_not_about_a_rejected_message, is_not_about_readiness
from kairos.oidc.configuration import BACKEND as PROVIDER_BACKEND
from kairos.oidc.configuration import read_configuration
from probes.broker.queues import CONTROL, HEARTBEATS, RESULTS, plain_queue, queue_of_regions
from probes.policy import lockout

BASE_DIR: Final = Path(__file__).resolve().parent.parent

_environment = Environment(os.environ)

# --- Kairos ---------------------------------------------------------------------------------------

# What `manage.py up` keeps between runs. The two URLs fall back to files in it, so that any other command
# finds the embedded servers of a running `up` from another terminal.
KAIROS_STATE_DIR = _environment.path("KAIROS_STATE_DIR", BASE_DIR / ".kairos")
KAIROS_DATABASE_URL_FILE = KAIROS_STATE_DIR / "database-url"
KAIROS_BROKER_URL_FILE = KAIROS_STATE_DIR / "broker-url"
KAIROS_SECRET_KEY_FILE = _environment.path("KAIROS_SECRET_KEY_FILE", KAIROS_STATE_DIR / "secret-key")
# One Fernet key a line, the newest first: the first encrypts, all of them decrypt.
KAIROS_FERNET_KEYS_FILE = _environment.path("KAIROS_FERNET_KEYS_FILE", KAIROS_STATE_DIR / "fernet-keys")
# The control plane's own signing key: `probes.trust` writes and reads it.
KAIROS_CONTROL_KEY_FILE = _environment.path("KAIROS_CONTROL_KEY_FILE", KAIROS_STATE_DIR / "control-key.json")
# `<slug>/region-key.json` and `<slug>/broker-url` in here are what the worker of a region on this machine gets as
# KAIROS_REGION_KEY_FILE and BROKER_URL_FILE.
KAIROS_REGION_KEYS_DIR = KAIROS_STATE_DIR / "regions"
# What the bundles of regions far away say of the broker and the image, for the next ones. No key and no password.
KAIROS_SURROUNDINGS_DIR = KAIROS_STATE_DIR / "surroundings"
# What the bundle of a region tells its worker: the broker as it is reached from far, its CA, and the image. The URL
# is otherwise BROKER_URL without its login, unless that is on loopback; the CA otherwise KAIROS_BROKER_CA_FILE; the
# image otherwise that of this version.
KAIROS_EDGE_BROKER_URL = _environment.text("KAIROS_EDGE_BROKER_URL")
KAIROS_EDGE_BROKER_CA_FILE = _environment.text("KAIROS_EDGE_BROKER_CA_FILE")
KAIROS_EDGE_IMAGE = _environment.text("KAIROS_EDGE_IMAGE")
KAIROS_REGIONS = _environment.regions("KAIROS_REGIONS", "eu-west:Europe West,us-east:US East,ap-south:Asia South")
KAIROS_BIND = _environment.bind("KAIROS_BIND", "127.0.0.1:8000")
# No resource is checked more often than this: a monitor must not be a burden on what it watches.
KAIROS_INTERVAL_FLOOR_SECONDS = _environment.number("KAIROS_INTERVAL_FLOOR_SECONDS", default=15, lowest=1)
# How long raw outcomes and missed slots are kept, in days of their slots.
KAIROS_RETENTION_DAYS = _environment.number("KAIROS_RETENTION_DAYS", default=14, lowest=1)
# How long what failed is kept with its whole document, and how long roll-ups and what uptime is reckoned from.
KAIROS_FAILURES_RETENTION_DAYS = _environment.number("KAIROS_FAILURES_RETENTION_DAYS", default=90, lowest=1)
KAIROS_ROLLUP_RETENTION_DAYS = _environment.number("KAIROS_ROLLUP_RETENTION_DAYS", default=730, lowest=1)
# What a source lists no more is checked for so long before it is retired; its history stays.
KAIROS_STALE_GRACE_DAYS = _environment.number("KAIROS_STALE_GRACE_DAYS", default=7, lowest=1)
# For so long regions may see different digests of a tag before that is an event: mirrors take their time.
KAIROS_TAG_SPLIT_SECONDS = _environment.number("KAIROS_TAG_SPLIT_SECONDS", default=1800, lowest=60)
# Who sends this as a bearer token may read /metrics, and nothing else; so may whoever has a token of the API.
KAIROS_METRICS_TOKEN = _environment.text("KAIROS_METRICS_TOKEN")
# Of which resources /metrics has series of their own, and whether it tells registries apart.
KAIROS_METRICS_PER_RESOURCE = _environment.choice("KAIROS_METRICS_PER_RESOURCE", ("all", "bad", "none"))
KAIROS_METRICS_PER_REGISTRY = _environment.flag("KAIROS_METRICS_PER_REGISTRY", default=True)
# How many requests a minute each user may send to the API, by what they take: 0 is any number. Whoever needs none,
# which is for the description of the API alone, is counted by address.
KAIROS_RATES = {
    "read": _environment.number("KAIROS_RATE_READ", default=3000, lowest=0),
    "write": _environment.number("KAIROS_RATE_WRITE", default=600, lowest=0),
    "probe": _environment.number("KAIROS_RATE_PROBE", default=60, lowest=0),
    "anon": _environment.number("KAIROS_RATE_ANON", default=300, lowest=0),
}
# How many pages may hold a stream of changes at a time in each web process, and how many of them one user: 0 is none,
# and beyond that they poll. A stream ends after so many seconds at most, and the page shows again who reads it.
KAIROS_LIVE_STREAMS = _environment.number("KAIROS_LIVE_STREAMS", default=500, lowest=0)
KAIROS_LIVE_STREAMS_EACH = _environment.number("KAIROS_LIVE_STREAMS_EACH", default=50, lowest=1)
KAIROS_LIVE_STREAM_SECONDS = min(_environment.number("KAIROS_LIVE_STREAM_SECONDS", default=55, lowest=2), 55)
# Set behind a proxy that ends TLS and sets X-Forwarded-Proto: cookies become Secure and HTTP is redirected.
KAIROS_HTTPS = _environment.flag("KAIROS_HTTPS")
# Networks of the proxies before this process. Only past these is X-Forwarded-For believed, from its end: without any,
# a request comes from whoever opened the connection.
KAIROS_TRUSTED_PROXIES = _environment.networks("KAIROS_TRUSTED_PROXIES")

# --- Django ---------------------------------------------------------------------------------------

DEBUG = _environment.flag("KAIROS_DEBUG")
# Empty where no key was made yet; Django refuses on first use, not here.
SECRET_KEY = _environment.secret(KAIROS_SECRET_KEY_FILE)
# By the name of this machine to itself, by the address that is listened on, and by what the operator adds.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", KAIROS_BIND.host, *_environment.names("KAIROS_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = _environment.names("KAIROS_TRUSTED_ORIGINS")
# Who may read the dashboard without a login. By default everybody who can reach it, as long as that is this
# machine alone: bound to loopback, and nothing set that a proxy in front of it would need (ADR 0011).
KAIROS_PUBLIC_DASHBOARD = _environment.flag(
    "KAIROS_PUBLIC_DASHBOARD",
    default=KAIROS_BIND.is_loopback
    and all(is_loopback(host) for host in ALLOWED_HOSTS)
    and not (CSRF_TRUSTED_ORIGINS or KAIROS_HTTPS),
)
ROOT_URLCONF = "kairos.urls"
WSGI_APPLICATION = "kairos.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "kairos",
    "dashboard",
    "api",
    "probes",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "axes",
    "pgtrigger",
    "kairos.admin_site.KairosAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
]

MIDDLEWARE = [
    "kairos.proxies.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "kairos.headers.ContentSecurityPolicyMiddleware",
    "api.throttles.told_of_rates",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kairos.actors.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Database -------------------------------------------------------------------------------------

_database = _environment.database("DATABASE_URL", KAIROS_DATABASE_URL_FILE)
if _database:
    _database["CONN_MAX_AGE"] = 60
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        "application_name": "kairos",
        # A migration that waits behind somebody's lock must fail soon instead of queueing everyone behind it. And no
        # statement is shared out among processes: one of tens of milliseconds takes up to twice the CPU so.
        "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
        " -c max_parallel_workers_per_gather=0",
        **_database["OPTIONS"],
    }
DATABASES: dict[str, dict[str, Any]] = {"default": _database}

# --- Time, language, static files -----------------------------------------------------------------

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
USE_I18N = False
STATIC_URL = "static/"
# Served from the apps' own folders: a few small files need neither a build step nor a second copy.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 300

# --- Security -------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# The first only forbids: whoever is locked out is not asked for a password.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "probes.selectors.role_permissions.RolePermissions",
]
# The provider that people may log in at, or None: docs/how-to/login.md. Without it nothing of the extra is imported.
KAIROS_OIDC = read_configuration(_environment)
if KAIROS_OIDC:
    AUTHENTICATION_BACKENDS.append(PROVIDER_BACKEND)
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "dashboard:overview"
SESSION_COOKIE_NAME = "kairos_session"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = KAIROS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "kairos.faults.csrf_failure"
SECURE_SSL_REDIRECT = KAIROS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if KAIROS_HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]  # probes of an orchestrator come without the proxy
SECURE_HSTS_SECONDS = 31_536_000 if KAIROS_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- Logins that are guessed at (ADR 38) ----------------------------------------------------------

# One user name from one address. By name alone anybody could lock an administrator out, by address alone everybody
# behind one proxy.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = lockout.FAILURES
AXES_COOLOFF_TIME = lockout.LOCK
# What is tried during a lock does not make it longer, is not kept, and so costs nothing.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "kairos.logins.address_of"
AXES_USERNAME_CALLABLE = "kairos.logins.name_of"
AXES_WHITELIST_CALLABLE = "kairos.logins.is_not_by_password"
AXES_LOCKOUT_CALLABLE = "kairos.logins.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
# Its own list of who logged in would grow with every login; its admin would let rows be written by hand.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False

# --- REST API -------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.AccessTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_FILTER_BACKENDS": ["api.access.WithinReach"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.MeetsNeed"],
    "DEFAULT_THROTTLE_CLASSES": ["api.throttles.UserRate"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.Negotiation",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    # `kairos.proxies` has decided whose request it is; X-Forwarded-For would let the client choose.
    "NUM_PROXIES": 0,
    "DEFAULT_PARSER_CLASSES": ["api.bodies.BodyParser"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.ProblemSchema",
    "EXCEPTION_HANDLER": "api.problems.handle",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Kairos",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # What is sent and what is shown are two things: fields that are only shown are refused.
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]+",
    # The names say it; a list of them beside each enumeration would be a second copy.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.complete",
    ],
    # Several fields have one name, or one kind of value.
    "ENUM_NAME_OVERRIDES": {
        "ApplyActionEnum": "api.serializers.applying.ACTIONS",
        "AuditActionEnum": "api.serializers.audit.ACTIONS",
        "AuditWayEnum": "api.serializers.audit.WAYS",
        "BulkOperationEnum": "api.views.bulk.OPERATIONS",
        "CauseEnum": "api.serializers.incident.CAUSES",
        "DeclaredKindEnum": "api.serializers.applying.KINDS",
        "LevelEnum": "api.serializers.incident.LEVELS",
        "MissedCauseEnum": "api.serializers.ledger.CAUSES",
        "NoticeStateEnum": "api.serializers.ledger.NOTICE_STATES",
        "OutcomeKindEnum": "api.serializers.document.KINDS",
        "RegionConditionEnum": "api.serializers.region.CONDITIONS",
        "ResourceKindEnum": "probes.models.ResourceKind",
        "RollUpUnitEnum": "probes.models.RollUpProgress.Unit",
        "RuleTopicEnum": "api.serializers.channel.TOPICS",
        "RunKindEnum": "api.serializers.run.KINDS",
        "ShownVerdictEnum": "api.serializers.standing.SHOWN",
        "TokenScopeEnum": "api.serializers.access_token.SCOPES",
        "VerdictStateEnum": "api.serializers.resource.VERDICT_STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    # First what there is, tag by tag with a word on each: 150 operations at once are slow to draw.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "filter": True,
        "defaultModelsExpandDepth": 0,
    },
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Celery ---------------------------------------------------------------------------------------

BROKER_URL = _environment.broker("BROKER_URL", KAIROS_BROKER_URL_FILE)
KAIROS_BROKER = _environment.broker_address(BROKER_URL)
# RabbitMQ's management API, by which regions get their accounts: http[s]://[USER:PASSWORD@]HOST:PORT.
KAIROS_BROKER_MANAGEMENT_URL = _environment.text("KAIROS_BROKER_MANAGEMENT_URL")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_USE_SSL = KAIROS_BROKER.kombu_ssl
# Only JSON crosses the broker, in both directions; a pickle is refused before it is opened.
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_QUEUES = (
    plain_queue(CONTROL),
    *(queue_of_regions(name, KAIROS_BROKER) for name in (RESULTS, HEARTBEATS)),
)
CELERY_TASK_DEFAULT_QUEUE = CONTROL
CELERY_TASK_ROUTES = {
    "probes.ingest": {"queue": RESULTS},
    "probes.heartbeat": {"queue": HEARTBEATS},
    "probes.*": {"queue": CONTROL},
}
# A message leaves the broker when its transaction has been committed: with a worker killed in between it
# comes again, and every task of the control plane is idempotent.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 40
CELERY_TASK_TIME_LIMIT = 50
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# Celery closes a connection to the database after so many tasks instead of after each; see kairos.celery.
CELERY_DB_REUSE_MAX = 1000
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# A broker that is away for an hour must not end the worker: None tries for ever.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        # Longer than the longest task (50 s), or a slow one would be delivered twice while it still runs.
        "visibility_timeout": 60,
        # Every ten seconds it is looked for what was not acknowledged in that time, because its worker was killed.
        # By default kombu leaves out nine looks of ten, and a report waits for up to 160 s.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # A half-open link is noticed within seconds instead of the kernel's two hours.
        "health_check_interval": 5,
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "retry_on_timeout": True,
        "priority_steps": [0],
        "queue_order_strategy": "probes.broker.turns:Turns",
    }
    if KAIROS_BROKER.is_redis
    # A batch that the broker did not take would be dropped without a word otherwise.
    else {"confirm_publish": True}
)
CELERY_BEAT_SCHEDULER = "kairos.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
# A handful of control tasks and never one entry per image: a resource's own due time lives on its row.
# Each expires soon, so that after a pause of the worker a few runs are made up for and not a thousand.
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "probes.tick", "schedule": 1.0, "options": {"expire_seconds": 5}},
    "reap": {"task": "probes.reap", "schedule": 15.0, "options": {"expire_seconds": 15}},
    # Notices of incidents wait for a minute, so that this finds what explains them.
    "scopes": {"task": "probes.scopes", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "trim": {"task": "probes.trim", "schedule": 60.0, "options": {"expire_seconds": 60}},
    # It works for a few seconds at a time, and not while notices are sent.
    "rollup": {"task": "probes.rollup", "schedule": 10.0, "options": {"expire_seconds": 10}},
    "tags": {"task": "probes.tags", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "expiry": {"task": "probes.expiry", "schedule": crontab(minute="23"), "options": {"expire_seconds": 3000}},
    "accounts": {"task": "probes.accounts", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "notices": {"task": "probes.notices", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "partitions": {
        "task": "probes.partitions",
        "schedule": crontab(minute="7"),
        "options": {"expire_seconds": 3000},
    },
}

# --- Logging --------------------------------------------------------------------------------------

# One pipeline: Django's, Celery's and our own lines go to standard error in one format.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "{levelname:<7} {name}: {message}", "style": "{"},
        "json": {"()": "kairos.logs.JsonFormatter"},
    },
    "filters": {
        "without_readiness": {
            "()": "django.utils.log.CallbackFilter",
            "callback": is_not_about_readiness,
        },
        "without_rejections": {
            "()": "django.utils.log.CallbackFilter",
            "callback": is_not_about_a_rejected_message,
        },
        "outages": {"()": "kairos.logs.OutageFilter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["outages"],
            "formatter": _environment.choice("KAIROS_LOG_FORMAT", ("text", "json")),
        },
    },
    "root": {
        "handlers": ["stderr"],
        "level": _environment.choice("KAIROS_LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
    },
    "loggers": {
        # Django's own handlers would print a second copy, and mail nobody.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"filters": ["without_readiness"]},
        # Failures and locks are worth a line; several for every login are not.
        "axes": {"level": "WARNING"},
        # A line for every message received, done or expired says nothing that the tasks' own lines do not.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.request": {"level": "WARNING"},
        "celery.worker.consumer.consumer": {"filters": ["without_rejections"]},
        "celery.beat": {"level": "WARNING"},
        "django_celery_beat.schedulers": {"level": "WARNING"},
    },
}

# What `kairos.checks` reports. Complete only here, after every reader has run.
KAIROS_MISTAKES = tuple(_environment.mistakes)
