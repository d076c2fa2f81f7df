"""One difference between what the spec means and what an emitted file says."""

from mlgen.named import NamedTuple
from mlgen.readback import Route


class Fault(NamedTuple):
    """`aspect` is what differs, `job` the spec's id (empty: the file as a whole), `route` where the file says it."""

    aspect: str
    job: str
    message: str
    route: Route = ()
