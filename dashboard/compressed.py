"""What is sent compressed."""

from django.views.decorators.gzip import gzip_page

# Only fragments are: they hold no secret (a CSRF token, say) that their length could tell.
fragment = gzip_page
