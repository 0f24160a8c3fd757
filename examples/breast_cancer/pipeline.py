"""Train, compare and keep a classifier of breast tumours.

The data set (569 samples, 30 features) comes with scikit-learn, so nothing is
downloaded. Every step runs in a container of its own.

Compile it:   python pipeline.py             -> pipeline.yaml beside this file
Run it:       slipway run submit pipeline.py --watch
"""

from typing import List

from kfp import compiler, dsl
from kfp.dsl import HTML, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

IMAGE = "slipway.dev/examples:1"


@dsl.component(base_image=IMAGE)
def load_and_split(test_fraction: float, seed: int, train: Output[Dataset], test: Output[Dataset]):
    """Writes two CSV files: 30 features and the column `target` (1: benign)."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    frame = load_breast_cancer(as_frame=True).frame
    parts = train_test_split(frame, test_size=test_fraction, random_state=seed, stratify=frame["target"])
    for part, output in zip(parts, (train, test)):
        part.to_csv(output.path, index=False)
        output.metadata["rows"] = len(part)
        output.metadata["columns"] = len(part.columns)
    print(f"{len(parts[0])} rows to train on, {len(parts[1])} to test on")


@dsl.component(base_image=IMAGE)
def validate(train: Input[Dataset], test: Input[Dataset], checks: Output[Metrics]) -> int:
    """Refuses data with gaps, constant columns, rows in both parts or a missing class; returns the rows seen."""
    import pandas as pd

    a, b = pd.read_csv(train.path), pd.read_csv(test.path)
    problems = []
    if list(a.columns) != list(b.columns):
        problems.append("the two parts have different columns")
    for name, frame in (("train", a), ("test", b)):
        if frame.isna().any().any():
            problems.append(f"{name} has missing values")
        if set(frame["target"]) != {0, 1}:
            problems.append(f"{name} lacks a class")
        if (frame.nunique() < 2).any():
            problems.append(f"{name} has a constant column")
    overlap = len(a.merge(b, how="inner"))
    if overlap:
        problems.append(f"{overlap} rows are in both parts")
    if problems:
        raise ValueError("; ".join(problems))
    checks.log_metric("rows", len(a) + len(b))
    checks.log_metric("benign_share", round(float(pd.concat([a, b])["target"].mean()), 4))
    return len(a) + len(b)


@dsl.component(base_image=IMAGE)
def train_model(algorithm: str, seed: int, train: Input[Dataset], model: Output[Model], metrics: Output[Metrics]):
    """Fits one algorithm; scores it by five-fold cross-validation on the training part."""
    import joblib
    import pandas as pd
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    candidates = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed)),
        "random_forest": RandomForestClassifier(n_estimators=200, random_state=seed),
    }
    if algorithm not in candidates:
        raise ValueError(f"unknown algorithm {algorithm!r}: use one of {sorted(candidates)}")
    frame = pd.read_csv(train.path)
    x, y = frame.drop(columns="target"), frame["target"]
    estimator = candidates[algorithm]
    scores = cross_val_score(estimator, x, y, cv=5, scoring="roc_auc")
    estimator.fit(x, y)
    joblib.dump(estimator, model.path)
    model.framework = "scikit-learn"
    model.metadata["algorithm"] = algorithm
    model.metadata["cv_roc_auc"] = round(float(scores.mean()), 5)
    metrics.log_metric("cv_roc_auc", round(float(scores.mean()), 5))
    print(f"{algorithm}: ROC AUC {scores.mean():.5f} +- {scores.std():.5f} over 5 folds")


@dsl.component(base_image=IMAGE)
def keep_the_better(
    models: Input[List[Model]],
    test: Input[Dataset],
    best: Output[Model],
    scores: Output[Metrics],
    evaluation: Output[ClassificationMetrics],
    report: Output[HTML],
) -> str:
    """Evaluates every model on the test part and keeps the one with the higher ROC AUC; returns its algorithm."""
    import shutil

    import joblib
    import pandas as pd
    from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score, roc_curve

    frame = pd.read_csv(test.path)
    x, y = frame.drop(columns="target"), frame["target"]
    rows = []
    for candidate in models:
        probability = joblib.load(candidate.path).predict_proba(x)[:, 1]
        rows.append((roc_auc_score(y, probability), accuracy_score(y, probability >= 0.5), candidate, probability))
    rows.sort(key=lambda row: row[:2], reverse=True)
    auc, accuracy, winner, probability = rows[0]
    algorithm = winner.metadata["algorithm"]

    shutil.copyfile(winner.path, best.path)
    best.framework = "scikit-learn"
    best.metadata.update(algorithm=algorithm, test_roc_auc=round(float(auc), 5), test_accuracy=round(float(accuracy), 5))
    scores.log_metric("test_roc_auc", round(float(auc), 5))
    scores.log_metric("test_accuracy", round(float(accuracy), 5))

    false_positive, true_positive, thresholds = roc_curve(y, probability)
    thresholds[0] = 1.0  # scikit-learn starts at infinity, which JSON cannot say
    evaluation.log_roc_curve(false_positive.tolist(), true_positive.tolist(), thresholds.tolist())
    evaluation.log_confusion_matrix(["malignant", "benign"], confusion_matrix(y, probability >= 0.5).tolist())

    table = "".join(
        f"<tr><td>{m.metadata['algorithm']}</td><td>{a:.4f}</td><td>{c:.4f}</td></tr>" for a, c, m, _ in rows
    )
    with open(report.path, "w") as out:
        out.write(
            "<h1>Breast cancer classifier</h1>"
            f"<p>{len(frame)} test samples. Kept: <b>{algorithm}</b>.</p>"
            f"<table border=1><tr><th>algorithm</th><th>ROC AUC</th><th>accuracy</th></tr>{table}</table>"
        )
    print(f"kept {algorithm}: ROC AUC {auc:.5f}, accuracy {accuracy:.5f}")
    return algorithm


@dsl.pipeline(name="breast-cancer", description="Two classifiers of breast tumours, trained, compared, the better one kept")
def breast_cancer(test_fraction: float = 0.25, seed: int = 7) -> str:
    data = load_and_split(test_fraction=test_fraction, seed=seed)
    checked = validate(train=data.outputs["train"], test=data.outputs["test"])
    with dsl.ParallelFor(["logistic_regression", "random_forest"], name="algorithms") as algorithm:
        trained = train_model(algorithm=algorithm, seed=seed, train=data.outputs["train"]).after(checked)
    return keep_the_better(models=dsl.Collected(trained.outputs["model"]), test=data.outputs["test"]).outputs["Output"]


if __name__ == "__main__":
    from pathlib import Path

    compiler.Compiler().compile(breast_cancer, str(Path(__file__).with_name("pipeline.yaml")))
