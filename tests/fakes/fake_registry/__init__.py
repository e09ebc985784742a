"""A registry with its token service, CDN and a stranger, over real sockets, owned by one test.

    async with World(authority).running() as world:
        image = world.store.image("team/app:1", layers=2)
        world.moves_blobs()
        outcome = await engine.check(world.plan("team/app:1"))
        await world.expect("registry: HEAD 1", "registry: GET manifest", …)

Every host has an address of its own within 127/8, TLS under the test's authority, and a memory for every request.
What a test does not expect fails it. `tests.fakes.dialogue` is the same without sockets, for the pure machine;
`tests.fakes.peer` is a single server without any manners, for the transport.
"""

from tests.fakes.dialogue import ALICE, REFRESHING, Amends, Says, error, moved
from tests.fakes.fake_registry.certificates import Certificate
from tests.fakes.fake_registry.host import Host
from tests.fakes.fake_registry.request import Request
from tests.fakes.fake_registry.trades import Quota
from tests.fakes.fake_registry.world import World

__all__ = [
    "ALICE",
    "REFRESHING",
    "Amends",
    "Certificate",
    "Host",
    "Quota",
    "Request",
    "Says",
    "World",
    "error",
    "moved",
]
