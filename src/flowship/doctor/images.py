"""Checks of images: those that a build starts from, and those that runs start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flowship.doctor.result import Finding, error, ok, skipped, warning
from flowship.doctor.world import World
from flowship.errors import FlowshipError

if TYPE_CHECKING:
    from flowship.image import BuiltImage

_PULL_FAILS = "Workers cannot pull the image, so that every run crashes before it starts."


def base(world: World) -> Finding:
    """Whether the engine has the base images, or could pull them."""
    from flowship.engine.images import look_up

    if world.settings is None:
        return skipped(world.why_no_settings)
    names = base_names(world)
    missing = [each for each in names if look_up(world.engine, each) is None]
    for each in missing:
        problem = _not_pullable(each)
        if problem:
            return error(
                f"{each} is not in the engine, and cannot be pulled: {problem.message}",
                "`flowship build` and `ship` fail.",
                problem.hint,
                problem.details,
            )
    if missing:
        return ok(f"{', '.join(missing)} can be pulled")
    return ok(f"{', '.join(names) or 'none'} in the engine")


def base_registries(world: World) -> str:
    """Where the base images would be pulled from."""
    return _registries(base_names(world)) if world.settings else ""


def deployed_registries(world: World) -> str:
    """Where workers pull the deployed images from."""
    found = (document["data"].get("image") for document in world.blocks.values() if document)
    return _registries([str(image) for image in found if image])


def _registries(images: list[str]) -> str:
    from flowship.registry import Reference

    hosts = dict.fromkeys(Reference.parse(image).registry for image in images)
    return f"the registry {' or '.join(hosts)}" if hosts else ""


def base_names(world: World) -> list[str]:
    """The images that the project's images are built on, each once."""
    return list(dict.fromkeys(_bases(world)))


def _bases(world: World) -> Iterator[str]:
    from flowship import dockerfile

    assert world.settings is not None
    for settings in world.settings.per_image():
        if settings.dockerfile:
            text = (settings.root / settings.dockerfile).read_text("utf-8", errors="replace")
            yield from dockerfile.base_images(text, settings.build_args)
        else:
            yield settings.base_image


def _not_pullable(image: str) -> FlowshipError | None:
    from flowship.registry import Reference, credentials_for
    from flowship.registry.client import RegistryClient

    try:
        reference = Reference.parse(image)
        login = credentials_for(reference, use_environment=False)
        with RegistryClient(reference.registry, login) as client:
            client.digest(reference)
    except FlowshipError as exc:
        return exc
    return None


def deployed(world: World) -> Finding:
    """Whether the images that the blocks name can be pulled."""
    there = {name: document["data"] for name, document in world.blocks.items() if document}
    named = {name: str(data["image"]) for name, data in there.items() if data.get("image")}
    if not named:
        return skipped("no image is deployed")
    for block, reference in named.items():
        problem = _find(world, block, reference)
        if problem is None:
            continue
        if why := _unknown(world, problem, reference):
            return skipped(why)
        if world.connected_engine is None or not _in_engine(world, reference):
            found = f"{_short(reference)}: {problem.message}"
            return error(found, _PULL_FAILS, _remedy(world, block, reference, problem))
        return warning(
            f"{_short(reference)} is in this engine, but cannot be pulled: {problem.message}",
            "Only workers on this engine can run it.",
            _edited(world, block, reference) or "`flowship ship` pushes and deploys it again",
        )
    shown = dict.fromkeys(map(_short, named.values()))
    return ok(f"{', '.join(shown)} can be pulled")


def _unknown(world: World, problem: FlowshipError, reference: str) -> str:
    """Why the registry's answer does not say what workers get; empty if it does."""
    from flowship.registry import NO_CONNECTION, REFUSALS, Fault, Reference, RegistryFailure

    if not isinstance(problem, RegistryFailure):
        return ""
    if problem.fault in {*REFUSALS, Fault.WRONG_PASSWORD}:
        return f"the registry does not say: {problem.message}"
    repo = world.settings.repo if world.settings else None
    if repo and problem.fault in NO_CONNECTION:
        ours, theirs = (Reference.parse(each).registry for each in (repo, reference))
        return "registry-reachable failed" if ours == theirs else ""
    return ""


def _remedy(world: World, block: str, reference: str, problem: FlowshipError) -> str:
    """What helps where workers cannot pull the image of a block."""
    from flowship.registry import NOT_THERE, RegistryFailure

    if edited := _edited(world, block, reference):
        return edited
    if isinstance(problem, RegistryFailure) and problem.fault in NOT_THERE:
        return "`flowship ship` pushes and deploys the image of the current files"
    return problem.hint or ""


def _edited(world: World, block: str, reference: str) -> str:
    """What helps where a person set the image of a block; empty where the last release did."""
    from flowship.deployment.docker_block import is_same_image
    from flowship.releases import store

    outline = world.scope.outline
    environment = outline.environment if outline else None
    last = store.current(world.api, str(world.scope.project), environment)
    ours = next((i.reference for r in last for i in r.images if i.block == block), reference)
    if is_same_image(ours, reference):
        return ""
    return (
        "`flowship deploy` sets the image of the project again; `flowship plan` shows what was"
        " changed on the server"
    )


def _short(reference: str) -> str:
    """A reference with the beginning of its digest."""
    name, at, digest = reference.partition("@")
    return f"{name}{at}{digest[:19]}"


def _find(world: World, block: str, reference: str) -> FlowshipError | None:
    """Learn what an image is; the error says why workers cannot pull it."""
    from flowship import image
    from flowship.registry import Reference, credentials_for
    from flowship.registry.client import RegistryClient

    if world.connected_engine is not None:
        found = _built(world, reference)
        if found is not None:
            world.images[block] = found
    try:
        target = Reference.parse(reference)
        ours = world.repository[0] if world.repository else None
        is_own = ours is not None and ours.repository == target.repository
        login = credentials_for(ours if is_own and ours else target, use_environment=is_own)
        with RegistryClient(target.registry, login) as client:
            client.digest(target)
        if block not in world.images:
            world.images[block] = image.remote(target)
    except FlowshipError as exc:
        return exc if exc.code != "image-not-built-by-flowship" else None
    return None


def _built(world: World, reference: str) -> BuiltImage | None:
    from flowship import image

    try:
        return image.inspect(world.engine, reference)
    except FlowshipError:
        return None


def _in_engine(world: World, reference: str) -> bool:
    from flowship.engine.images import look_up

    return look_up(world.engine, reference) is not None


def platform(world: World) -> Finding:
    """Whether this engine runs the deployed images."""
    if not world.images:
        return skipped("no deployed image that flowship built is known")
    engine = world.engine.platform
    others = {each.platform for each in world.images.values() if not _same(each.platform, engine)}
    if others:
        return warning(
            f"the deployed image is for {', '.join(sorted(others))}, this engine is {engine}",
            "A worker on this engine can run it only with emulation, or not at all.",
            f'for a worker on this engine: set platform = "{engine}" and run `flowship ship`',
        )
    return ok(f"{engine}, as this engine")


def _same(image: str, engine: str) -> bool:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    system, _, machine = engine.partition("/")
    return image.split("/")[:2] == [system, names.get(machine, machine)]
