"""Runs the pipeline of this folder through the official kfp client and shows what came of it.

Usage: python demo.py --host http://127.0.0.1:8080 --token-file FILE

Started again while its run is under way, it follows that run instead of starting another.
"""

import argparse
import json
import logging
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
logging.getLogger("kfp").setLevel(logging.ERROR)

import kfp  # noqa: E402
from kfp import compiler  # noqa: E402
from kfp_server_api.exceptions import ApiException  # noqa: E402

from pipeline import breast_cancer  # noqa: E402

EXPERIMENT = "demo"
UNDER_WAY = {"PENDING", "RUNNING"}
FINAL = {"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"}


def run_under_way(client, experiment_id):
    """The latest run of the demo if it has not ended, else None."""
    runs = client.list_runs(experiment_id=experiment_id, sort_by="created_at desc", page_size=1).runs or []
    return runs[0] if runs and runs[0].state in UNDER_WAY else None


def start(client):
    experiment = client.create_experiment(EXPERIMENT)
    run = run_under_way(client, experiment.experiment_id)
    if run is not None:
        print(f"run {run.run_id} is under way; following it")
        return run.run_id
    package = Path(__file__).with_name("pipeline.yaml")
    compiler.Compiler().compile(breast_cancer, str(package))
    run = client.create_run_from_pipeline_package(str(package), experiment_name=EXPERIMENT, run_name="breast-cancer demo")
    print(f"run {run.run_id} submitted")
    return run.run_id


def steps(run):
    """The steps of a run that have a pod, by task id."""
    details = run.run_details.task_details if run.run_details and run.run_details.task_details else []
    return {task.task_id: task for task in details if task.pod_name}


def seconds(task):
    if not task.start_time or not task.end_time:
        return ""
    return f"{(task.end_time - task.start_time).total_seconds():.1f} s"


def follow(client, run_id):
    """Prints each change of a step until the run has ended."""
    said = {}
    began = time.monotonic()
    while True:
        run = client.get_run(run_id)
        for task_id, task in steps(run).items():
            if said.get(task_id) != task.state:
                said[task_id] = task.state
                print(f"  {time.monotonic() - began:6.1f} s  {task.state:<10} {task.display_name:<20} {seconds(task)}", flush=True)
        if run.state in FINAL:
            return run
        time.sleep(0.5)


def artifacts(client, run_id):
    """The run's artifacts with their metadata, by the server's own artifact API."""
    body = client._run_api.api_client.call_api(
        "/apis/v2beta1/artifacts", "GET", query_params=[("run_id", run_id)], auth_settings=["Bearer"],
        response_type="object", _return_http_data_only=True,
    )
    return body.get("artifacts", [])


def report(client, run, command):
    found = artifacts(client, run.run_id)
    print(f"\nrun {run.run_id}: {run.state} in {(run.finished_at - run.created_at).total_seconds():.1f} s\n")
    for artifact in found:
        if artifact["type"] == "Metrics" and artifact["name"] == "scores":
            print("the kept model on data it never saw:")
            for name, value in sorted(artifact["metadata"].items()):
                if isinstance(value, float):
                    print(f"  {name:<16} {value}")
    for artifact in found:
        if artifact["name"] == "best":
            print(f"\nalgorithm: {artifact['metadata'].get('algorithm')}\nmodel:     {artifact['uri']}")
        if artifact["name"] == "report" and artifact["type"] == "HTML":
            print(f"report:    {artifact['uri']}")
    print(
        f"""
what to try next
  {command} run get {run.run_id[:8]}                     steps, results, artifacts
  {command} run logs {run.run_id[:8]} keep-the-better    what a step printed
  {command} run submit examples/breast_cancer/pipeline.py -p seed=3 --watch
  {command} kubectl get pods -n admin           it is a real Kubernetes
  {command} down                                stop everything (data is kept)"""
    )


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--host", required=True)
    flags.add_argument("--token-file", required=True, type=Path)
    flags.add_argument("--command", default="slipway", help="how the slipway program is called in the hints")
    flags.add_argument("-o", "--output", choices=["text", "json"], default="text")
    args = flags.parse_args()
    try:
        client = kfp.Client(host=args.host, existing_token=args.token_file.read_text().strip())
        run = follow(client, start(client))
    except ApiException as refused:
        sys.exit(f"the server refused: {refused.status} {refused.body}")
    if args.output == "json":
        print(json.dumps({"run_id": run.run_id, "state": run.state, "artifacts": artifacts(client, run.run_id)}))
    elif run.state == "SUCCEEDED":
        report(client, run, args.command)
    if run.state != "SUCCEEDED":
        message = run.error.message if run.error else ""
        sys.exit(f"the run ended as {run.state}: {message}\n  {args.command} run get {run.run_id}")


if __name__ == "__main__":
    main()
