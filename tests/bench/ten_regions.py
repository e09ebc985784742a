"""What overviews take with ten regions, twice those that the bars are for.

    python -m tests.bench ten_regions

The same data, server and questions as of `tests.bench.dashboard`: here are figures without bars.
"""

import os

from tests.bench import dashboard
from tests.bench.database import own_database
from tests.bench.figures import Figure


def measured() -> list[Figure]:
    """Run it. Takes five minutes where nothing else runs."""
    with own_database():
        watched = dashboard.made(10)
        asked = {
            name: path for name, path in dashboard.pages(dashboard.RESOURCES, watched).items() if "image" not in name
        }
        cookie = dashboard.logged_in()
        queries = dashboard.queries(asked, cookie)
        found, _ = dashboard.answers(os.environ["KAIROS_STATE_DIR"], asked, cookie, painted=())
    print(dashboard.table(asked, found, queries))
    figures = []
    for name, answers in found.items():
        figures.append(Figure(f"{name}, ten regions: p95 of {dashboard.TIMES}", f"{answers.p95:.3g} ms"))
        figures.append(Figure(f"{name}, ten regions: queries", str(queries[name])))
        figures.append(Figure(f"{name}, ten regions: size", f"{answers.size / 1000:.3g} kB"))
    return figures
