# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a record what the published schema says? tests/watch/schema/make.py has how the facts
of the schemas are got."""

import json
import os

from . import proc

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "watch", "schema")


def facts(name, folder=None):
    with open(os.path.join(folder or FOLDER, f"{name}.json"), encoding="utf-8") as file:
        return json.load(file)


def errors(schema, record):
    """What is wrong with it, one text each; []: nothing."""
    # Debian's python3-jsonschema, of set test; other tests do without.
    import jsonschema

    validator = jsonschema.Draft7Validator(schema)
    found = [f"{'.'.join(map(str, one.absolute_path)) or 'record'}: {one.message[:300]}"
             for one in validator.iter_errors(record)]
    return found + captions(schema, schema, record, "") + event_types(schema, record)


def captions(root, schema, record, path):
    """Names beside numbers (activity_name beside activity_id) that are not those of the
    schema."""
    if isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if not isinstance(schema, dict):
        return []
    if isinstance(record, list):
        return [text for i, one in enumerate(record)
                for text in captions(root, schema.get("items"), one, f"{path}[{i}]")]
    if not isinstance(record, dict):
        return []
    found = []
    for number, (name, words) in schema.get("x-captions", {}).items():
        word = words.get(str(record.get(number)))
        if name in record and word is not None and record[name] != word:
            found.append(f"{path}.{name}: {record[name]!r} is not {word!r}")
    for name, inner in schema.get("properties", {}).items():
        if name in record:
            found += captions(root, inner, record[name], f"{path}.{name}")
    return found


def event_types(schema, record):
    """ECS: each event.type must be one that a category of the event expects."""
    known = schema.get("x-event-types")
    if known is None:
        return []
    event = record.get("event", {})
    expected = {one for category in event.get("category", [])
                for one in known.get(category, [])}
    return [f"event.type: {one!r} is not expected with event.category {event.get('category')}"
            for one in event.get("type", []) if one not in expected]


def lines(path):
    """The records of a file of JSON lines; each line must be one."""
    with open(path, "rb") as file:
        octets = file.read()
    if octets and not octets.endswith(b"\n"):
        raise proc.Failed(f"{path}: its last line is not whole")
    made = []
    for line in octets.decode("utf-8", "strict").split("\n")[:-1]:
        record = json.loads(line)
        assert isinstance(record, dict), line
        made.append(record)
    return made
