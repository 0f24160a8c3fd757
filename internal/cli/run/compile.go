package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"
)

// load returns the pipeline spec in file as JSON: bare, or with its platform
// document as {"pipeline_spec","platform_spec"}. A .py file is compiled first, by
// the user's own Python and kfp.
func load(ctx context.Context, file, function string) (json.RawMessage, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(file) == ".py" {
		if text, err = compile(ctx, file, function); err != nil {
			return nil, err
		}
	}
	return specJSON(file, text)
}

func specJSON(file string, text []byte) (json.RawMessage, error) {
	var docs []json.RawMessage
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		one, err := yaml.Marshal(&doc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		b, err := kyaml.YAMLToJSON(one)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if string(b) != "null" {
			docs = append(docs, b)
		}
	}
	switch len(docs) {
	case 0:
		return nil, fmt.Errorf("%s: there is no pipeline in it", file)
	case 1:
		return docs[0], nil
	case 2:
		return json.Marshal(map[string]json.RawMessage{"pipeline_spec": docs[0], "platform_spec": docs[1]})
	default:
		return nil, fmt.Errorf("%s: %d YAML documents; a pipeline has one, and one more for its platform at most", file, len(docs))
	}
}

// python is the user's own: a virtual environment that is active, or the one on PATH.
func python() (string, error) {
	if p := os.Getenv("SLIPWAY_PYTHON"); p != "" {
		return p, nil
	}
	for _, name := range []string{"python3", "python"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", errors.New("no python3 on PATH: compile the pipeline elsewhere and submit its .yaml, or name a Python with SLIPWAY_PYTHON")
}

const kfpMain = "import sys; from kfp.cli.__main__ import main; sys.exit(main())"

func compile(ctx context.Context, file, function string) (compiled []byte, err error) {
	py, err := python()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "slipway-compile-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "pipeline.yaml")
	args := []string{"-c", kfpMain, "dsl", "compile", "--py", file, "--output", out}
	if function != "" {
		args = append(args, "--function", function)
	}
	cmd := exec.CommandContext(ctx, py, args...)
	text, err := cmd.CombinedOutput()
	if bytes.Contains(text, []byte("No module named 'kfp'")) {
		return nil, fmt.Errorf("%s has no kfp: run `%s -m pip install kfp`, or name another Python with SLIPWAY_PYTHON", py, py)
	}
	if err != nil {
		return nil, fmt.Errorf("compiling %s with %s: %w\n%s", file, py, err, strings.TrimSpace(string(text)))
	}
	compiled, err = os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: kfp wrote no pipeline: %s", file, strings.TrimSpace(string(text)))
	}
	return compiled, nil
}
