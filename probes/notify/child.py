"""The program in which mail and Apprise are used: `python -m probes.notify.child`.

Both block, and neither can be held to a time from outside of them. It reads one line of JSON, a destination with its
parcels, from standard input, so that no secret is in its arguments. It writes a line for each parcel as soon as it is
known what came of it.
"""

import json
import sys
from collections.abc import Iterator

from probes.policy.delivery import ChannelKind, Destination, Parcel, Receipt, Result


def main() -> None:
    order = json.loads(sys.stdin.readline())
    destination = Destination.from_json(order["destination"])
    parcels = [Parcel.from_json(item) for item in order["parcels"]]
    left = [parcel.id for parcel in parcels]
    try:
        for receipt in _send(destination, parcels):
            left.remove(receipt.id)
            _tell(receipt)
    except Exception as error:  # noqa: BLE001 - of a library, whose words may repeat the URL
        if left:
            _tell(Receipt(id=left[0], result=Result.UNREACHABLE, detail=f"it failed: {type(error).__name__}"))


def _tell(receipt: Receipt) -> None:
    line = json.dumps({"id": receipt.id, "result": receipt.result.value, "detail": receipt.detail})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _send(destination: Destination, parcels: list[Parcel]) -> Iterator[Receipt]:
    if destination.kind is ChannelKind.EMAIL:
        from probes.notify import mail  # noqa: PLC0415 - only one of the two is needed, and Apprise is large

        return mail.send(destination, parcels)
    from probes.notify import services  # noqa: PLC0415 - likewise

    return services.send(destination, parcels)


if __name__ == "__main__":
    main()
