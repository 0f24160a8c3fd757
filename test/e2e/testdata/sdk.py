"""Walks through what people do with kfp.Client, and prints the id of the last run.

Usage: sdk.py token|kubeconfig|pod
  token       host and token from SLIPWAY_SERVER and SLIPWAY_TOKEN
  kubeconfig  kfp.Client() with KUBECONFIG alone
  pod         kfp.Client() as in a pod: no argument at all
"""

import os
import sys
import tempfile
import time
import uuid

import kfp
from kfp import compiler, dsl
from kfp_server_api.exceptions import ApiException

IMAGE = "slipway.dev/examples:1"


@dsl.component(base_image=IMAGE)
def add(a: int, b: int) -> int:
    return a + b


@dsl.pipeline(name="sdk-sum")
def total(a: int = 1, b: int = 2) -> int:
    return add(a=a, b=add(a=a, b=b).output).output


@dsl.component(base_image=IMAGE)
def wait_long():
    import time

    time.sleep(600)


@dsl.pipeline(name="sdk-wait")
def long_pipeline():
    wait_long()


def client():
    if sys.argv[1] == "token":
        return kfp.Client(host=os.environ["SLIPWAY_SERVER"], existing_token=os.environ["SLIPWAY_TOKEN"])
    return kfp.Client()


def refused(status, call):
    try:
        call()
    except ApiException as e:
        assert e.status == status, f"expected {status}, got {e.status}: {e.body}"
        return e.body
    raise AssertionError(f"expected {status}, got an answer")


def main():
    c = client()
    tag = uuid.uuid4().hex[:8]
    experiment = c.create_experiment(f"sdk-{tag}")
    assert c.get_experiment(experiment_name=f"sdk-{tag}").experiment_id == experiment.experiment_id

    with tempfile.TemporaryDirectory() as folder:
        package = os.path.join(folder, "total.yaml")
        compiler.Compiler().compile(total, package)
        pipeline = c.upload_pipeline(package, pipeline_name=f"sdk-{tag}", description="adds")
        refused(409, lambda: c.upload_pipeline(package, pipeline_name=f"sdk-{tag}"))
        version = c.upload_pipeline_version(package, f"second-{tag}", pipeline_id=pipeline.pipeline_id)
        assert c.get_pipeline_id(f"sdk-{tag}") == pipeline.pipeline_id
        assert {v.display_name for v in c.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions} >= {f"second-{tag}"}

        by_package = c.create_run_from_pipeline_package(package, arguments={"a": 3}, experiment_name=f"sdk-{tag}")
    by_version = c.run_pipeline(
        experiment.experiment_id, f"by-version-{tag}", pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id, params={"b": 40},
    )
    by_func = c.create_run_from_pipeline_func(total, arguments={}, experiment_name=f"sdk-{tag}")
    refused(400, lambda: c.run_pipeline(
        experiment.experiment_id, "wrong", pipeline_id=pipeline.pipeline_id, version_id=version.pipeline_version_id,
        params={"nope": 1},
    ))

    for run_id in (by_package.run_id, by_version.run_id, by_func.run_id):
        ended = c.wait_for_run_completion(run_id, timeout=240)
        assert ended.state == "SUCCEEDED", f"{ended.state}: {ended.error}"
        assert len(ended.run_details.task_details) >= 2

    listed = c.list_runs(experiment_id=experiment.experiment_id, page_size=2, sort_by="created_at desc")
    assert len(listed.runs) == 2 and listed.total_size == 3 and listed.next_page_token
    rest = c.list_runs(experiment_id=experiment.experiment_id, page_size=2, page_token=listed.next_page_token, sort_by="created_at desc")
    assert len(rest.runs) == 1

    c.archive_run(by_func.run_id)
    assert c.get_run(by_func.run_id).storage_state == "ARCHIVED"
    c.unarchive_run(by_func.run_id)
    c.delete_run(by_func.run_id)
    refused(404, lambda: c.get_run(by_func.run_id))

    stopped = c.create_run_from_pipeline_func(long_pipeline, arguments={}, experiment_name=f"sdk-{tag}")
    c.terminate_run(stopped.run_id)
    deadline = time.monotonic() + 60
    while c.get_run(stopped.run_id).state != "CANCELED":
        assert time.monotonic() < deadline, "the run was not canceled within a minute"
        time.sleep(0.2)

    c.archive_experiment(experiment.experiment_id)
    assert c.get_run(by_package.run_id).storage_state == "ARCHIVED"
    print(by_version.run_id)


if __name__ == "__main__":
    main()
