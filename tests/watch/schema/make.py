#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may a finding look like, by the published schemas?

    make.py ocsf CHECKOUT COMMIT [--all] >ocsf.json     of github.com/ocsf/ocsf-schema
    make.py ecs CHECKOUT COMMIT [--all] >ecs.json       of github.com/elastic/ecs

Writes the facts of them (names, types, what is required, enumerations, no texts) as JSON
Schema, for the parts that lsawatch uses; --all: for all there is. Whatever is not in them is
refused. COMMIT is what git calls it: for OCSF 1.8.0 the one with that version.json, for ECS
a tag. Two things that JSON Schema does not say are kept in x-captions (the name that goes
with a number) and x-event-types (what event.type goes with event.category); schemas.py of
tests/lib checks them.
"""

import json
import subprocess
import sys

OCSF_PROFILES = {"host", "security_control"}
OCSF_OBJECTS = {
    "metadata", "product", "finding_info", "analytic", "attack", "tactic", "technique",
    "sub_technique", "evidences", "actor", "process", "file", "user", "device",
    "resource_details", "observable", "remediation"}
ECS_SETS = ("base", "ecs", "event", "host", "observer", "process", "rule", "threat", "user")
ECS_DEEP = ("process.parent.pid", "process.parent.name", "process.parent.executable",
            "process.thread.id", "threat.tactic.id", "threat.tactic.name",
            "threat.technique.id", "threat.technique.name", "threat.technique.subtechnique.id",
            "threat.technique.subtechnique.name")


class Checkout:
    def __init__(self, folder, commit):
        self.folder, self.commit = folder, commit

    def text(self, path):
        return subprocess.run(["git", "-C", self.folder, "show", f"{self.commit}:{path}"],
                              check=True, capture_output=True, text=True).stdout

    def json(self, path):
        return json.loads(self.text(path))

    def files(self, folder):
        return subprocess.run(["git", "-C", self.folder, "ls-tree", "-r", "--name-only",
                               self.commit, folder + "/"], check=True, capture_output=True,
                              text=True).stdout.split()


# ---- OCSF


class Ocsf:
    def __init__(self, checkout, everything):
        self.co, self.everything = checkout, everything
        self.dictionary = checkout.json("dictionary.json")
        self.types = self.dictionary["types"]["attributes"]
        self.raw = {}
        for path in checkout.files("objects"):
            one = checkout.json(path)
            self.raw[one["name"]] = one
        self.observables = {0, 99} | {
            one["observable"] for one in [*self.types.values(), *self.raw.values()]
            if "observable" in one}
        for one in self.raw.values():
            self.observables |= {attribute["observable"] for attribute in
                                 one["attributes"].values()
                                 if isinstance(attribute, dict) and "observable" in attribute}

    def include(self, attributes):
        """With the attributes of $include, each marked with its profile."""
        made = {}
        for path in attributes.get("$include", []):
            profile = self.co.json(path)
            made |= {name: {"profile": profile["name"]} | one
                     for name, one in profile["attributes"].items()}
        return made | {name: one for name, one in attributes.items() if name != "$include"}

    def attributes(self, raw, load):
        """Of a class or an object and all that it extends."""
        made = self.attributes(load(raw["extends"]), load) if raw.get("extends") else {}
        for name, one in self.include(raw["attributes"]).items():
            had = made.get(name, {})
            enum = had.get("enum", {}) | one.get("enum", {})
            made[name] = had | one | ({"enum": enum} if enum else {})
        return {name: one for name, one in made.items() if "@deprecated" not in one
                and (not one.get("profile") or one["profile"] in OCSF_PROFILES)}

    def constraints(self, raw, load):
        if "constraints" in raw:
            return raw["constraints"]
        return self.constraints(load(raw["extends"]), load) if raw.get("extends") else {}

    def fact(self, name, one):
        """What the dictionary says of an attribute, and what it is here."""
        known = self.dictionary["attributes"][name]
        enum = {number: known.get("enum", {}).get(number, {}) | value
                for number, value in (known.get("enum", {}) | one.get("enum", {})).items()}
        return known | one | ({"enum": enum} if enum else {})

    def type(self, name, one):
        """JSON Schema of one attribute."""
        fact = self.fact(name, one)
        if fact["type"] in self.raw:
            kind = fact["type"]
            made = ({"type": "object"} if kind == "object" else
                    {"$ref": f"#/$defs/{kind}"} if self.wants(kind) else False)
        else:
            base = fact["type"]
            if base != "json_t" and "type" in self.types[base]:
                base = self.types[base]["type"]
            made = {"integer_t": {"type": "integer"}, "long_t": {"type": "integer"},
                    "float_t": {"type": "number"}, "boolean_t": {"type": "boolean"},
                    "string_t": {"type": "string"}, "json_t": True}[base]
            enum = fact.get("enum")
            if enum and name.endswith(("_id", "_uid")) and isinstance(made, dict):
                made = made | {"enum": sorted(map(int, enum)) if made["type"] == "integer"
                               else sorted(enum)}
        return {"type": "array", "items": made} if fact.get("is_array") else made

    def wants(self, kind):
        return self.everything or kind in OCSF_OBJECTS

    def captions(self, attributes):
        made = {}
        for name, one in attributes.items():
            fact = self.fact(name, one)
            if fact.get("sibling") in attributes and fact.get("enum"):
                made[name] = [fact["sibling"],
                              {number: value["caption"]
                               for number, value in fact["enum"].items() if number != "99"}]
        return made

    def schema(self, raw, load):
        attributes = self.attributes(raw, load)
        made = {"type": "object", "additionalProperties": False,
                "properties": {name: self.type(name, one) for name, one in attributes.items()},
                "required": sorted(name for name, one in attributes.items()
                                   if one.get("requirement") == "required")}
        for name, names in self.constraints(raw, load).items():
            made["anyOf" if name == "at_least_one" else "oneOf"] = [
                {"required": [one]} for one in names if one in attributes]
        captions = self.captions(attributes)
        if captions:
            made["x-captions"] = captions
        return made

    def make(self):
        def load_event(name):
            return self.co.json("events/base_event.json" if name == "base_event"
                                else f"events/findings/{name}.json")

        definitions = {}
        for name, raw in self.raw.items():
            if self.wants(name) and name != "object":
                definitions[name] = self.schema(raw, self.raw.get)
        definitions["observable"]["properties"]["type_id"]["enum"] = sorted(self.observables)
        definitions["observable"].pop("x-captions", None)
        raw = load_event("detection_finding")
        made = self.schema(raw, load_event)
        category = self.co.json("categories.json")["attributes"]["findings"]["uid"]
        number = category * 1000 + raw["uid"]
        made["properties"] |= {"category_uid": {"const": category}, "class_uid": {"const": number}}
        made["allOf"] = [
            {"if": {"properties": {"activity_id": {"const": one}}},
             "then": {"properties": {"type_uid": {"const": 100 * number + one}}}}
            for one in made["properties"]["activity_id"]["enum"]]
        definitions["metadata"]["properties"]["version"] = {
            "const": self.co.json("version.json")["version"]}
        return {"title": f"OCSF {self.co.json('version.json')['version']}, Detection Finding",
                "$comment": f"facts of github.com/ocsf/ocsf-schema {self.co.commit}, "
                            "by make.py", **made, "$defs": definitions}


# ---- ECS

ECS_TYPES = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard", "text", "match_only_text",
                     "version", "ip"), {"type": "string"}),
    "date": {"type": "string",
             "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"},
    **dict.fromkeys(("long", "integer", "short", "byte", "unsigned_long"), {"type": "integer"}),
    **dict.fromkeys(("float", "double", "half_float", "scaled_float"), {"type": "number"}),
    "boolean": {"type": "boolean"}, "object": {"type": "object"},
    "flattened": {"type": "object"}, "geo_point": {}, "nested": {"type": "array"},
}


def ecs_wants(name, everything):
    parts = name.split(".")
    return (everything or name in ECS_DEEP
            or len(parts) <= 2 and (len(parts) == 1 or parts[0] in ECS_SETS))


def ecs_field(fact):
    made = dict(ECS_TYPES[fact["type"]])
    if fact.get("allowed_values"):
        made["enum"] = [one["name"] for one in fact["allowed_values"]]
    if "array" in fact.get("normalize", []):
        made = {"type": "array", "items": made}
    return made


def place(root, name, made):
    """Put a field with dots in its name to where it belongs."""
    parts = name.split(".")
    for part in parts[:-1]:
        root = root["properties"].setdefault(part, {"type": "object"})
        root.setdefault("properties", {})
        root.setdefault("additionalProperties", False)
    had = root["properties"].get(parts[-1], {})
    root["properties"][parts[-1]] = made | {
        key: value for key, value in had.items() if key in ("properties", "additionalProperties")}


def ecs(checkout, everything):
    import yaml  # python3-yaml; only for making this

    flat = yaml.load(checkout.text("generated/ecs/ecs_flat.yml"),
                     Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    version = checkout.text("version").strip()
    root = {"title": f"ECS {version}", "$comment":
            f"facts of github.com/elastic/ecs {checkout.commit}, by make.py", "type": "object",
            "additionalProperties": False, "properties": {}, "required": ["@timestamp", "ecs"]}
    for name, fact in flat.items():
        if ecs_wants(name, everything):
            place(root, name, ecs_field(fact))
    root["properties"]["ecs"] |= {"required": ["version"], "properties":
                                  {"version": {"const": version}}}
    # Custom fields are below a name of one's own.
    assert "lsawatch" not in root["properties"]
    root["properties"]["lsawatch"] = {"type": "object"}
    root["x-event-types"] = {
        one["name"]: one["expected_event_types"]
        for one in flat["event.category"]["allowed_values"]}
    return root


# ---- writing


def write(schema):
    """One property a line, so that a change can be read."""
    lines = []
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            inner = ",\n".join(f"{json.dumps(name)}: {json.dumps(one, sort_keys=True)}"
                               for name, one in sorted(value.items()))
            lines.append(f"{json.dumps(key)}: {{\n{inner}\n}}")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}")
    print("{\n" + ",\n".join(lines) + "\n}")


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("ocsf", "ecs"):
        sys.exit(__doc__)
    checkout = Checkout(sys.argv[2], sys.argv[3])
    everything = "--all" in sys.argv
    write(Ocsf(checkout, everything).make() if sys.argv[1] == "ocsf"
          else ecs(checkout, everything))


if __name__ == "__main__":
    main()
