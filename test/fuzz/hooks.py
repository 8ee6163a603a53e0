"""Real ids in about half the places that ask for one: behind an id nobody knows there is only a 404. Told by the environment."""

import json
import os
import zlib

import schemathesis

IDS = json.loads(os.environ["FUZZ_IDS"])
# What these do to a real row would leave nothing for the others.
SPARED = ("DELETE", "deactivate", "block")


def real(name, value):
    known = IDS.get(name)
    turn = zlib.crc32(str(value).encode("utf-8", "replace"))
    return known[turn // 2 % len(known)] if known and turn % 2 else value


def filled(value):
    if isinstance(value, dict):
        return {name: real(name, item) if isinstance(item, str) else filled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    return value


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    operation = f"{context.operation.method.upper()} {context.operation.path}"
    return path_parameters if any(word in operation for word in SPARED) else filled(path_parameters)


@schemathesis.hook
def map_query(context, query):
    return filled(query)


@schemathesis.hook
def map_body(context, body):
    return filled(body)
