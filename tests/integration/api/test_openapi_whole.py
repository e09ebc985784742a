"""Every operation of the committed description, one by one: what a reader and a generator of clients need of each.

What is missing is named with the method and the address, so that a new operation says what it has to.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from api.codes import MEDIA_TYPE, PROBLEMS
from api.schema_texts import TAGS
from probes.policy.access import Role, Scope

DESCRIPTION: Final[dict[str, Any]] = yaml.load(
    (Path(__file__).parents[3] / "docs" / "reference" / "openapi.yaml").read_text(encoding="utf-8"),
    Loader=yaml.CSafeLoader,
)
COMPONENTS: Final[dict[str, Any]] = DESCRIPTION["components"]
ALWAYS: Final = {"400", "401", "403", "406", "429", "500", "503"}
"""What anything may be answered with."""
NOT_OF_AN_OPERATION: Final = {"no_such_address", "method_not_allowed"}
TAKEN: Final = r"^Takes the scope (.+) and the role (\w+)(?: over everything)?\.$"
VERBS: Final = {"list", "create", "retrieve", "update", "partial_update", "destroy"}


class Operation(NamedTuple):
    method: str
    path: str
    said: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {parameter["name"]: parameter for parameter in self.said.get("parameters", ())}

    @property
    def answers(self) -> dict[str, Any]:
        return {status: whole(answer) for status, answer in self.said["responses"].items()}

    @property
    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Yield what is sent and what is answered, each with its name and by its media types."""
        for named, part in (("body", self.said.get("requestBody", {})), *self.answers.items()):
            for content in part.get("content", {}).values():
                yield named, content


def whole(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = COMPONENTS["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
    return found


OPERATIONS: Final = [
    Operation(method, path, said)
    for path, methods in DESCRIPTION["paths"].items()
    for method, said in methods.items()
]


def refused(is_wrong: Iterator[str]) -> None:
    assert not (wrong := list(is_wrong)), "\n".join(wrong)


def test_each_operation_says_what_it_does_in_a_few_words_and_what_it_takes() -> None:
    def wrong() -> Iterator[str]:
        for operation in OPERATIONS:
            summary, description = operation.said.get("summary", ""), operation.said.get("description", "")
            if not re.fullmatch(r"[A-Z][^\n]{4,78}[^.\n]", summary):
                yield f"{operation.name}: no summary of one line: {summary!r}"
            taken = re.findall(TAKEN, description, re.MULTILINE)
            scopes = {scope for way in operation.said["security"] for scope in way.get("token", ())}
            if {} in operation.said["security"]:
                if not description.endswith("\n\nTakes no token.") or taken:
                    yield f"{operation.name}: it is not said that it is for everybody: {description!r}"
            elif not scopes or not scopes <= set(Scope):
                yield f"{operation.name}: {scopes} are no scopes"
            elif [(" or ".join(f"`{scope}`" for scope in sorted(scopes)), True)] != [
                (said, role in set(Role)) for said, role in taken
            ]:
                yield f"{operation.name}: it is not said, once, which scope and role it takes: {description!r}"

    refused(wrong())


def test_each_operation_has_a_name_of_its_own_beneath_a_tag_that_is_told() -> None:
    told = [tag["name"] for tag in DESCRIPTION["tags"]]
    assert told == [tag for tag in TAGS if tag in told]
    assert all(tag["description"] for tag in DESCRIPTION["tags"])
    names = Counter(operation.said["operationId"] for operation in OPERATIONS)

    def wrong() -> Iterator[str]:
        for operation in OPERATIONS:
            name, (*tags,) = operation.said["operationId"], operation.said["tags"]
            if len(tags) != 1 or tags[0] not in told:
                yield f"{operation.name}: {tags} is not one tag of api/schema_texts.py"
            if names[name] > 1 or not re.fullmatch(rf"{tags[0].replace('-', '_')}(_[a-z_]+)?", name):
                yield f"{operation.name}: {name} is not a name of its own that begins with its tag"
            verb = name.removeprefix(tags[0].replace("-", "_")).removeprefix("_")
            if any(verb.endswith(f"_{other}") for other in VERBS) and verb not in VERBS:
                yield f"{operation.name}: {name} ends with a verb that is not its own"

    refused(wrong())


def test_each_parameter_and_answer_is_told() -> None:
    refused(
        f"{operation.name}: {name} has no description"
        for operation in OPERATIONS
        for name, part in (*operation.parameters.items(), *operation.answers.items())
        if not part.get("description")
    )


def test_each_operation_tells_the_problems_that_it_may_answer() -> None:
    def wrong() -> Iterator[str]:
        for operation in OPERATIONS:
            there, parameters = set(operation.said["responses"]), operation.parameters
            wanted = set(ALWAYS)
            wanted |= {"404"} if "{" in operation.path else set()
            wanted |= {"413", "415"} if "requestBody" in operation.said else set()
            wanted |= {"412"} if "If-Match" in parameters else set()
            wanted |= {"304"} if "If-None-Match" in parameters else set()
            wanted |= {"409", "422"} if "Idempotency-Key" in parameters else set()
            if wanted - there:
                yield f"{operation.name}: nothing is said of {sorted(wanted - there)}"
            if not any(status.startswith("2") for status in there):
                yield f"{operation.name}: nothing is said of what it answers where all is well"
            for status, answer in operation.answers.items():
                if status.startswith(("4", "5")) and list(answer["content"]) != [MEDIA_TYPE]:
                    yield f"{operation.name}: {status} is no problem document"

    refused(wrong())


def test_each_code_is_told_with_an_example_by_answers_of_its_status() -> None:
    told = set()
    for operation in OPERATIONS:
        for status, answer in operation.answers.items():
            for example in answer["content"][MEDIA_TYPE]["examples"].values() if status >= "4" else ():
                code, where = example["value"]["code"], f"{operation.name} {status}"
                assert example["value"]["status"] == PROBLEMS[code].status == int(status), where
                assert f"`{code}`" in answer["description"], where
                told.add(code)
    assert told == set(PROBLEMS) - NOT_OF_AN_OPERATION


def test_each_body_and_answer_has_examples_that_are_valid() -> None:
    schemas = closed(COMPONENTS["schemas"])

    def wrong() -> Iterator[str]:
        for operation in OPERATIONS:
            for named, content in operation.bodies:
                if not content.get("examples"):
                    yield f"{operation.name}: {named} has no example"
                root = {**closed(content["schema"]), "components": {"schemas": schemas}}
                validator = Draft202012Validator(root, format_checker=FormatChecker())
                for title, example in content.get("examples", {}).items():
                    for error in validator.iter_errors(example["value"]):
                        yield f"{operation.name}: {named}, {title!r}: {error.json_path}: {error.message[:300]}"

    refused(wrong())


def closed(node: Any) -> Any:
    """Return schemas by which an object has the properties that are described, and no others."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {name: closed(value) for name, value in node.items()}
    is_record = isinstance(node.get("properties"), dict) and node.get("type") == "object"
    return {"additionalProperties": False, **inner} if is_record else inner


def test_each_enumeration_of_a_parameter_is_that_of_the_bodies() -> None:
    """A generated client has one type for the same values, wherever they are."""
    named = {frozenset(schema["enum"]) for schema in COMPONENTS["schemas"].values() if "enum" in schema}
    twice = {
        values
        for values, number in Counter(
            frozenset(schema["enum"]) for schema in COMPONENTS["schemas"].values() if "enum" in schema
        ).items()
        if number > 1
    }
    refused(
        f"{operation.name}: {parameter['name']}"
        for operation in OPERATIONS
        for parameter in operation.parameters.values()
        if frozenset(parameter["schema"].get("items", parameter["schema"]).get("enum", ())) in named - twice
    )


@pytest.mark.parametrize("name", sorted(COMPONENTS["schemas"]))
def test_name_of_a_schema_is_that_of_a_thing(name: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)
    assert not re.search(r"[0-9a-f]{3}Enum$", name), "a name made by chance: give it one in ENUM_NAME_OVERRIDES"
