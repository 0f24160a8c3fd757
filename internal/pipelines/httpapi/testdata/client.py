"""What people do with kfp.Client, against the server in SLIPWAY_TEST_HOST."""
import json
import os
import sys
import tempfile

import kfp
import kfp_server_api
from kfp import compiler, dsl

host = os.environ["SLIPWAY_TEST_HOST"]
client = kfp.Client(host=host, existing_token="ann")
other = kfp.Client(host=host, existing_token="bob")


def fails(status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kfp_server_api.ApiException as e:
        assert e.status == status, f"{e.status} {e.body}"
        return json.loads(e.body)
    raise AssertionError(f"{call.__name__} did not fail")


@dsl.component
def add(a: int, b: float = 2.0) -> float:
    return a + b


@dsl.pipeline(name="sum-up")
def sum_up(n: int, scale: float = 1.5, names: list = ["x"]):
    first = add(a=n, b=scale)
    add(a=3, b=first.output).set_caching_options(False)


folder = tempfile.mkdtemp()
package = os.path.join(folder, "pipeline.yaml")
compiler.Compiler().compile(sum_up, package)
assert client.get_kfp_healthz().multi_user is True

# Pipelines and versions.
p = client.upload_pipeline(package, pipeline_name="sums", description="adds")
assert p.display_name == "sums" and p.namespace == "ann", p
assert p.created_at.year == 2026
body = fails(409, client.upload_pipeline, package, pipeline_name="sums")
assert "sums" in body["error_message"] and body["error_details"], body
assert client.get_pipeline_id("sums") == p.pipeline_id
assert client.get_pipeline_id("nothing") is None
v2 = client.upload_pipeline_version(package, "second", pipeline_name="sums")
assert v2.pipeline_id == p.pipeline_id and v2.display_name == "second"
assert v2.pipeline_spec["pipelineInfo"]["name"] == "sum-up"
versions = client.list_pipeline_versions(p.pipeline_id, sort_by="created_at desc")
assert [v.display_name for v in versions.pipeline_versions] == ["second", "sums"], versions
assert versions.total_size == 2
got = client.get_pipeline_version(p.pipeline_id, v2.pipeline_version_id)
assert got.pipeline_spec["root"]["inputDefinitions"]["parameters"]["n"]["parameterType"] == "NUMBER_INTEGER"
assert client.list_pipelines(page_size=1).total_size == 1
assert client.get_pipeline(p.pipeline_id).description == "adds"
fails(404, other.get_pipeline, p.pipeline_id)
fails(404, client.get_pipeline, "no-such-id")
assert not other.list_pipelines().pipelines
fails(403, other.list_pipelines, namespace="ann")

# Experiments.
e = client.create_experiment("trial", description="d")
again = client.create_experiment("trial")
assert e.experiment_id == again.experiment_id
for i in range(3):
    client.create_experiment(f"e{i}")
page = client.list_experiments(page_size=2, sort_by="name desc")
assert [x.display_name for x in page.experiments] == ["trial", "e2"] and page.total_size == 4, page
rest = client.list_experiments(page_size=2, sort_by="name desc", page_token=page.next_page_token)
assert [x.display_name for x in rest.experiments] == ["e1", "e0"] and not rest.next_page_token
fails(400, client.list_experiments, page_size=2, sort_by="name", page_token=page.next_page_token)
fails(400, client.list_experiments, sort_by="nonsense")
fails(400, client.list_experiments, filter='{"predicates":[{"operation":"EQUALS","key":"nope","stringValue":"x"}]}')
client.archive_experiment(client.get_experiment(experiment_name="e0").experiment_id)
live = client.list_experiments(filter=json.dumps({"predicates": [
    {"operation": 2, "key": "storage_state", "stringValue": "ARCHIVED"}]}))
assert sorted(x.display_name for x in live.experiments) == ["e1", "e2", "trial"]
fails(404, other.get_experiment, experiment_id=e.experiment_id)

# Runs: from a file, a function, a version.
r = client.run_pipeline(e.experiment_id, "from file", package, params={"n": 7}, enable_caching=False)
assert r.state == "PENDING" and r.experiment_id == e.experiment_id and r.storage_state == "AVAILABLE", r
full = client.get_run(r.run_id)
assert full.pipeline_spec["pipelineInfo"]["name"] == "sum-up"
assert full.pipeline_spec["root"]["dag"]["tasks"]["add"]["cachingOptions"] == {}, full.pipeline_spec["root"]["dag"]
assert full.runtime_config.parameters == {"n": 7} or full.runtime_config.parameters == {"n": 7.0}
assert full.run_details is not None
result = client.create_run_from_pipeline_func(sum_up, {"n": 1}, run_name="from func", enable_caching=True)
default = client.get_experiment(experiment_name="Default")
assert client.get_run(result.run_id).experiment_id == default.experiment_id
byversion = client.run_pipeline(e.experiment_id, "by version", pipeline_id=p.pipeline_id,
                                version_id=v2.pipeline_version_id, params={"n": 2, "names": ["a", "b"]})
assert byversion.pipeline_version_reference.pipeline_version_id == v2.pipeline_version_id
result = client.create_run_from_pipeline_package(package, {"n": 5}, run_name="from package", experiment_name="trial")
for params, word in [({}, "n"), ({"n": "7"}, "n"), ({"n": 1, "x": 1}, "x"), ({"n": None}, "n"), ({"n": 1.5}, "n")]:
    body = fails(400, client.run_pipeline, e.experiment_id, "bad", package, params=params)
    assert body["code"] == 3 and f"runtime_config.parameters[{word}]" in body["message"], body
fails(400, client.run_pipeline, e.experiment_id, "bad", package, params={"n": 1}, pipeline_root="s3://kf-bob/x")
client.run_pipeline(e.experiment_id, "rooted", package, params={"n": 1}, pipeline_root="s3://kf-ann/mine")
fails(404, other.run_pipeline, e.experiment_id, "bad", package, params={"n": 1})

# Lists of runs.
runs = client.list_runs(experiment_id=e.experiment_id, sort_by="created_at desc", page_size=2)
assert [x.display_name for x in runs.runs] == ["rooted", "from package"] and runs.total_size == 4, runs
assert client.list_runs(namespace="ann").total_size == 5
where = {"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "stringValue": "FROM"},
                        {"operation": "IN", "key": "state", "stringValues": {"values": ["PENDING", "RUNNING"]}},
                        {"operation": "GREATER_THAN", "key": "created_at", "timestampValue": "2026-03-01T00:00:00Z"}]}
assert client.list_runs(filter=json.dumps(where)).total_size == 3

# Terminate, archive, delete.
client.terminate_run(r.run_id)
assert client.get_run(r.run_id).state == "CANCELING"
client.archive_run(r.run_id)
assert client.get_run(r.run_id).storage_state == "ARCHIVED"
client.unarchive_run(r.run_id)
assert client.get_run(r.run_id).storage_state == "AVAILABLE"
fails(404, other.terminate_run, r.run_id)
client.archive_experiment(e.experiment_id)
assert client.get_run(byversion.run_id).storage_state == "ARCHIVED"
fails(400, client.unarchive_run, byversion.run_id)
client.unarchive_experiment(e.experiment_id)
assert client.get_run(byversion.run_id).storage_state == "ARCHIVED"
client.delete_run(r.run_id)
fails(404, client.get_run, r.run_id)
fails(400, client.delete_pipeline, p.pipeline_id)
client.delete_pipeline_version(p.pipeline_id, v2.pipeline_version_id)
client._pipelines_api.pipeline_service_delete_pipeline(p.pipeline_id, cascade=True)
fails(404, client.get_pipeline, p.pipeline_id)
assert client.get_run(byversion.run_id).run_id == byversion.run_id
client.delete_experiment(e.experiment_id)
print("client.py: all held", file=sys.stderr)
