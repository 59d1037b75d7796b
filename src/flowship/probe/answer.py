"""Reads the answer of the script that ran in the image: a result, or an error that explains it.

`flowship.probe.inside` reports a `Failure`; each one has a function here that makes a `BuildError`
of it, in terms of the project. Exceptions of the flow file are explained in `flow_errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from flowship.config.settings import FLOWS_DIR
from flowship.errors import BuildError, nearest
from flowship.probe import crashes, failures, flow_errors
from flowship.probe.inside.failures import Failure
from flowship.probe.result import ProbeResult, Project, Stored

Answer = Mapping[str, Any]


def interpret(answer: Answer, project: Project) -> ProbeResult:
    """Read the answer that the script printed.

    Raises:
        BuildError: The flow does not load; the message says why and the hint how to fix it.
    """
    if "flow" in answer:
        return ProbeResult(
            flow_name=answer["flow"]["name"],
            description=answer["flow"]["description"],
            parameters=answer["parameters"],
            refused_defaults=answer["refused_defaults"],
            computed_defaults=tuple(answer["computed_defaults"]),
            prefect=answer["prefect"],
            python=answer["python"],
            entrypoint=project.entrypoint,
            stored=tuple(map(Stored.of, answer.get("stored", ()))),
            default_storage=answer.get("default_storage", ""),
            default_folder=answer.get("default_folder", ""),
        )
    raise EXPLANATIONS[Failure(answer["failure"])](answer, project)


IMAGE_FAILURES = (Failure.FOLDER_MISSING, Failure.PREFECT_MISSING, Failure.PREFECT_TOO_OLD)
"""What is wrong with the image, whatever the flow."""


def interpret_all(answers: Sequence[tuple[Answer, Project]]) -> tuple[ProbeResult, ...]:
    """Read what the script printed about several flows of one image.

    Raises:
        BuildError: A flow does not load. All that do not are named, each with its explanation.
    """
    found: list[ProbeResult] = []
    errors: list[tuple[str, BuildError]] = []
    for answer, project in answers:
        try:
            found.append(interpret(answer, project))
        except BuildError as exc:
            if answer["failure"] in IMAGE_FAILURES or len(answers) == 1:
                raise
            errors.append((project.entrypoint, exc))
    if errors:
        raise failures.combined(errors, len(answers))
    return tuple(found)


def _folder_missing(answer: Answer, project: Project) -> BuildError:
    return BuildError(
        f"the image has no folder {FLOWS_DIR}, where the deployment looks for the flow",
        code="flows-folder-missing",
        hint=f"copy the project there: COPY . {FLOWS_DIR}/",
        details=_same_name(answer),
    )


def _file_missing(answer: Answer, project: Project) -> BuildError:
    contents = ", ".join(answer["listing"]) or "nothing"
    path = PurePosixPath(FLOWS_DIR, project.flow_file)
    return BuildError(
        f"the flow file is not in the image at {path}",
        code="flow-file-missing",
        hint=_file_missing_hint(project),
        details=_same_name(answer) or f"{FLOWS_DIR} contains: {contents}",
    )


def _file_missing_hint(project: Project) -> str:
    file = project.flow_file
    if reason := project.why_left_out(file):
        return f"{file} was not sent to the engine ({reason}): add !{file} to .dockerignore"
    if file in project.files:
        return f"copy it there: COPY {file} {PurePosixPath(FLOWS_DIR, file)}"
    if close := nearest(file, sorted(project.files)):
        return f'did you mean entrypoint = "{close}:{project.flow_function}"?'
    return f"the project has no file {file}: correct the entrypoint"


def _same_name(answer: Answer) -> str:
    found = answer.get("found") or ()
    return "\n".join(["files with that name:", *(f"  {path}" for path in found)]) if found else ""


def _broken_link(answer: Answer, project: Project) -> BuildError:
    link, target = answer["link"], answer["target"]
    return BuildError(
        f"the file is a symbolic link to {target}, which is not in the image",
        code="broken-link",
        hint=f"replace {link} with the file itself, or add its target to the project",
        where=link,
    )


def _prefect_missing(answer: Answer, project: Project) -> BuildError:
    version = answer["version"]
    if not version:
        return BuildError(
            "Prefect is not installed in the image",
            code="prefect-missing",
            hint="start FROM a Prefect image, or add prefect to the requirements",
            details=answer["traceback"],
        )
    if version.split(".")[0] == "3":
        hint = "the requirements install packages that do not work with Prefect: loosen their pins"
    else:
        hint = "flowship deploys to Prefect 3: change the version of prefect in the requirements"
    return BuildError(
        f"Prefect {version} is installed in the image but cannot be imported",
        code="prefect-import-failed",
        hint=hint,
        details=answer["traceback"],
    )


def _prefect_too_old(answer: Answer, project: Project) -> BuildError:
    return BuildError(
        f"the image has Prefect {answer['prefect']}; flowship deploys to Prefect 3",
        code="prefect-too-old",
        hint="use a base image with Prefect 3, and check whether the requirements pin prefect",
    )


def _flow_not_found(answer: Answer, project: Project) -> BuildError:
    flows = answer["flows"]
    return BuildError(
        f"the file has no flow named {project.flow_function}",
        code="flow-not-found",
        hint=_flow_not_found_hint(flows, project),
        where=project.flow_file,
        details=f"flows in that file: {', '.join(flows)}" if flows else "",
    )


def _flow_not_found_hint(flows: list[str], project: Project) -> str:
    file, function = project.flow_file, project.flow_function
    if function in flows:
        return f"{function} no longer refers to the flow: is the name assigned again below it?"
    if close := nearest(function, flows, cutoff=0.5):
        return f'did you mean entrypoint = "{file}:{close}"?'
    if flows:
        return f'choose one of its flows, for example entrypoint = "{file}:{flows[0]}"'
    return f"decorate the function in {file} with @flow (from prefect import flow)"


def _flow_is_method(answer: Answer, project: Project) -> BuildError:
    return BuildError(
        f"{project.flow_function} is a method that needs an instance:"
        " every run would fail because `self` is missing",
        code="flow-is-method",
        hint="make it a static method, a class method or a function",
        where=project.flow_file,
    )


def _flow_wrapped(answer: Answer, project: Project) -> BuildError:
    function, decorator = project.flow_function, answer["decorator"]
    return BuildError(
        f"{function} is not a flow: @{decorator}, which is above @flow, returns something else",
        code="flow-wrapped",
        hint=f"move @flow above @{decorator}, so that it is the first decorator of {function}",
        where=f"{project.flow_file}:{answer['line']}",
    )


def _file_unreadable(answer: Answer, project: Project) -> BuildError:
    return BuildError(
        f"the user of the image, {answer['user']}, may not read {answer['path']}",
        code="flow-file-unreadable",
        hint="allow it after the COPY: RUN chmod -R a+rX /opt/prefect; or make the file readable"
        " in the project: chmod a+r",
    )


def _process_ended(answer: Answer, project: Project) -> BuildError:
    return crashes.flow_ended_process(
        answer["exit_code"],
        answer["output"],
        project.flow_file,
        out_of_memory=bool(answer.get("out_of_memory")),
    )


def _not_tried(answer: Answer, project: Project) -> BuildError:
    return BuildError(
        "it was not tried, because other flows did not load in time",
        code="probe-timed-out",
        hint="fix the flows that did not load in time first",
    )


EXPLANATIONS: Mapping[Failure, Callable[[Answer, Project], BuildError]] = {
    Failure.FOLDER_MISSING: _folder_missing,
    Failure.FILE_MISSING: _file_missing,
    Failure.BROKEN_LINK: _broken_link,
    Failure.PREFECT_MISSING: _prefect_missing,
    Failure.PREFECT_TOO_OLD: _prefect_too_old,
    Failure.FLOW_NOT_FOUND: _flow_not_found,
    Failure.FLOW_IS_METHOD: _flow_is_method,
    Failure.FLOW_WRAPPED: _flow_wrapped,
    Failure.FILE_UNREADABLE: _file_unreadable,
    Failure.FLOW_CALLED: flow_errors.called,
    Failure.WAITING: flow_errors.waiting,
    Failure.EXCEPTION: flow_errors.explain,
    Failure.PROCESS_ENDED: _process_ended,
    Failure.NOT_TRIED: _not_tried,
}
