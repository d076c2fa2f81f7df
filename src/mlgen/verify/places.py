"""Where in an emitted text something stands."""

from __future__ import annotations

from mlgen.readback import Route


def line_of(text: str, route: Route) -> int:
    """The line, from 1, of the value at the way through the data of a YAML text, or of `(LINE,)` in any other.

    Of a way that leads further than the text goes, the last place that is there.
    """
    if len(route) == 1 and isinstance(route[0], int):
        return route[0]
    import yaml

    try:
        documents = list(yaml.compose_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError:
        return 1
    node = documents[-1] if documents else None
    line = 1
    for step in route:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
