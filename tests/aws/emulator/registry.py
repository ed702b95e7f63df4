"""ECR: repositories that are at a registry of the test's own, where it names one."""

from .cloud import around
from .world import SETTINGS


def _moved(repository):
    if SETTINGS.registry:
        repository["repositoryUri"] = f"{SETTINGS.registry}/{repository['repositoryName']}"


@around("ecr", "CreateRepository")
def create_repository(call, proceed):
    made = proceed()
    _moved(made["repository"])
    return made


@around("ecr", "DescribeRepositories")
def describe_repositories(call, proceed):
    found = proceed()
    for one in found["repositories"]:
        _moved(one)
    return found
