"""How often the pages ask again."""

from typing import Final

# Without JavaScript the whole page is loaded again, which is less pleasant and so less often.
RHYTHM: Final = {"refresh_seconds": 5, "reload_seconds": 20}
