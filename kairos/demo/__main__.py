"""`python -m kairos.demo`: the demonstration registry as a process of its own.

It prints one line when it is ready and stops on SIGTERM or SIGINT.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from kairos.demo import script
from kairos.demo.registry import DemoRegistry
from kairos.demo.sites import DEFAULT_PORT


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m kairos.demo", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True, help="where its CA and password are kept")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 lets the system choose")
    parser.add_argument(
        "--regions",
        default=",".join(script.REGIONS),
        help="the regions that play the script's parts, in order, separated by commas",
    )
    parser.add_argument("--bench-images", type=int, default=0, help="so many healthy images besides")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"demo registry: {error}\n")
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with DemoRegistry(
        options.state_dir,
        port=options.port,
        bench_images=options.bench_images,
        regions=[region for item in options.regions.split(",") if (region := item.strip())],
    ) as demo:
        site = demo.sites.registry
        print(f"demo registry ready: {site.origin()}/v2/ at {site.address}", flush=True)  # noqa: T201 - a program's one line
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
