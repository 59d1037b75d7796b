"""The Docker Container block: only the fields that the configuration names are changed."""

from __future__ import annotations

import pytest

from flowship.deployment import diff_block
from flowship.deployment.docker_block import DEFAULTS
from flowship.deployment.plan import Action, IdOf, Operation, Resource
from flowship.redaction import MASK
from support.deploying import desired, settings
from support.server_model import ServerModel

NEW = "user/de-repo:new@sha256:" + "cd" * 32
ALWAYS = {"image-pull-policy": "always"}
LOCAL = {"reference": "de-taxi:4f2a", "pushed": False}


@pytest.fixture
def server() -> ServerModel:
    return ServerModel()


def planned(server: ServerModel, block=None, **facts) -> list[Operation]:
    wanted = desired(settings(block=block or {}), **facts)
    return list(diff_block.operations(wanted, server.observe(wanted)))


def deployed(server: ServerModel, block=None, **facts) -> dict:
    """The document after a deploy."""
    server.apply(desired(settings(block=block or {}), **facts))
    return server.documents["docker-container/de-taxi-docker"]


def with_credentials(server: ServerModel) -> dict:
    """A credentials block, which a person made."""
    server.types["docker-registry-credentials"] = {"id": "type-0", "slug": "…"}
    data = {"username": "ada", "password": "********", "registry_url": "registry.example.com"}
    server.documents["docker-registry-credentials/hub"] = {
        "id": "credentials-1", "name": "hub", "data": data, "block_document_references": {},
    }  # fmt: skip
    return {"registry-credentials": "hub"}


def test_the_type_and_the_schema_are_registered_only_where_they_are_missing(server):
    assert [o.resource for o in planned(server)] == [
        Resource.BLOCK_TYPE,
        Resource.BLOCK_TYPE,
        Resource.BLOCK_SCHEMA,
        Resource.BLOCK,
    ]
    deployed(server)
    server.documents.clear()
    (create,) = planned(server)
    assert (create.action, create.resource) == (Action.CREATE, Resource.BLOCK)
    assert create.body["block_type_id"] == server.types["docker-container"]["id"]


def test_the_ids_of_what_is_not_registered_yet_are_filled_in_later(server):
    *_, schema, block = planned(server)
    assert schema.body["block_type_id"] == IdOf("block-type docker-container")
    assert block.body["block_type_id"] == IdOf("block-type docker-container")
    assert block.body["block_schema_id"] == IdOf(schema.key)


def test_a_new_block_has_every_field_with_the_configured_ones_and_the_image(server):
    data = planned(server, {"mem-limit": "1g"})[-1].body["data"]
    assert data == {
        **DEFAULTS, "mem_limit": "1g", "image": desired().image.reference,
    }  # fmt: skip


def test_a_block_that_agrees_is_in_no_operation(server):
    deployed(server, {"mem-limit": "1g"})
    assert planned(server, {"mem-limit": "1g"}) == []
    assert planned(server) == []  # a field that is no longer configured stays as it is


@pytest.mark.parametrize("turned", [False, True])
def test_the_same_digest_without_its_tag_changes_nothing(server, turned):
    bare = NEW.replace(":new@", "@")
    before, after = (NEW, bare) if turned else (bare, NEW)
    deployed(server, reference=before)
    assert planned(server, reference=after) == []
    assert planned(server, reference=after.replace("cd", "ce")) != []


def test_a_change_sends_the_fields_that_differ_and_no_others(server):
    deployed(server, {"mem-limit": "1g", "env": {"A": "1"}})
    (update,) = planned(server, {"mem-limit": "2g", "env": {"A": "1"}})
    assert update.body["data"] == {"mem_limit": "2g", "registry_credentials": None}
    (change,) = update.changes
    assert (change.field, change.before, change.after) == ("mem_limit", "1g", "2g")
    assert (update.reason, change.reason) == ("the configuration differs", "configuration")


def test_a_reference_to_credentials_is_repeated_in_every_change(server):
    """The server drops a reference that a PATCH does not repeat."""
    configured = with_credentials(server)
    deployed(server, configured)
    reference = {"$ref": {"block_document_id": "credentials-1"}}
    (update,) = planned(server, {"mem-limit": "1g"})
    assert update.body["data"] == {"mem_limit": "1g", "registry_credentials": reference}
    document = deployed(server, {"mem-limit": "1g"})
    assert diff_block.stored_field(document, "registry_credentials") == reference
    assert planned(server, configured) == []


def test_other_credentials_are_a_change_that_shows_nothing_of_them(server):
    configured = with_credentials(server)
    deployed(server)
    (update,) = planned(server, configured)
    (change,) = update.changes
    assert (change.before, change.after) == (None, "the configured block")
    assert "ada" not in repr(update)


def test_a_new_image_is_the_reason(server):
    deployed(server)
    (update,) = planned(server, reference=NEW)
    assert update.reason == "new image"
    assert [(c.field, c.after) for c in update.changes] == [("image", NEW)]


@pytest.mark.parametrize(
    ("block", "facts", "reason"),
    [
        ({"mem-limit": "1g"}, {"reference": NEW}, "new image, the configuration differs"),
        (ALWAYS, {"reference": NEW}, "new image, the configuration differs"),
        ({"mem-limit": "1g"}, LOCAL, "new image, not pushed, the configuration differs"),
        (ALWAYS, LOCAL, "new image, not pushed"),
        ({"mem-limit": "1g"}, {}, "the configuration differs"),
        (ALWAYS, {}, "the configuration differs"),
    ],
    ids=["limit", "policy", "not pushed", "not pushed, policy", "only limit", "only policy"],
)
def test_a_new_image_does_not_hide_what_else_changes(server, block, facts, reason):
    deployed(server)
    (update,) = planned(server, block, **facts)
    assert update.reason == reason


def test_an_image_that_was_not_pushed_is_never_pulled_until_it_is(server):
    deployed(server)
    (update,) = planned(server, **LOCAL)
    assert update.reason == "new image, not pushed"
    assert deployed(server, **LOCAL)["data"]["image_pull_policy"] == "Never"
    assert deployed(server)["data"]["image_pull_policy"] == "IfNotPresent"


def test_a_configured_pull_policy_stays(server):
    block = {"image-pull-policy": "Always"}
    assert deployed(server, block)["data"]["image_pull_policy"] == "Always"
    assert planned(server, block) == []


def test_an_outdated_schema_is_replaced_without_touching_a_field(server):
    document = deployed(server)
    document["block_schema_id"] = "schema-of-an-older-flowship"
    document["block_schema"] = {"checksum": "sha256:old"}
    (update,) = planned(server)
    (schema,) = server.schemas.values()
    assert update.reason == "the block's schema is outdated"
    assert update.changes == ()
    assert update.body == {
        "data": {"registry_credentials": None}, "block_schema_id": schema["id"],
    }  # fmt: skip


def test_a_field_that_an_older_schema_did_not_have_gets_its_default(server):
    document = deployed(server)
    del document["data"]["privileged"]
    wanted = desired()
    assert diff_block.wanted_fields(wanted, server.observe(wanted))["privileged"] is False


def test_secrets_are_masked_in_what_is_shown_and_sent_as_they_are(server):
    deployed(server, {"env": {"API_TOKEN": "sk-1"}})
    (update,) = planned(server, {"env": {"API_TOKEN": "sk-2"}})
    (change,) = update.changes
    assert (change.before, change.after) == ({"API_TOKEN": MASK}, {"API_TOKEN": MASK})
    assert update.body["data"]["env"] == {"API_TOKEN": "sk-2"}


def test_the_block_after_a_deploy_says_only_whether_there_are_credentials(server):
    configured = with_credentials(server)
    wanted = desired(settings(block=configured))
    state = server.observe(wanted)
    assert diff_block.block_after(wanted, state)["registry_credentials"] == {}
    without = desired()
    assert diff_block.block_after(without, server.observe(without))["registry_credentials"] is None
    deployed(server, configured)
    assert diff_block.block_after(without, server.observe(without))["registry_credentials"] == {}
