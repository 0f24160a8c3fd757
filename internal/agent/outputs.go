package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-ml/slipway/internal/artifact"
	"github.com/slipway-ml/slipway/internal/pipelines/attempt"
)

// makeOutputDirs makes the folders into which the command writes.
func (s *step) makeOutputDirs() error {
	var files []string
	for _, p := range s.input.Outputs.Parameters {
		files = append(files, p.OutputFile)
	}
	for _, list := range s.input.Outputs.Artifacts {
		for _, a := range list.Artifacts {
			files = append(files, a.path())
		}
	}
	files = append(files, s.input.Outputs.OutputFile)
	for _, file := range files {
		if !path.IsAbs(file) {
			continue
		}
		if err := makeDir(path.Dir(file)); err != nil {
			return err
		}
	}
	return nil
}

// readOutput reads what the SDK's executor wrote, if it did.
func (s *step) readOutput() (executorOutput, error) {
	var out executorOutput
	if s.input.Outputs.OutputFile == "" {
		return out, nil
	}
	data, err := os.ReadFile(s.input.Outputs.OutputFile)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		return out, &stepError{message: fmt.Sprintf("the output file %s cannot be read: %v", s.input.Outputs.OutputFile, err)}
	}
	return out, nil
}

// parameters are the output parameters: from the executor's output, else from the
// file that belongs to each. One that was not written is left out.
func (s *step) parameters(out executorOutput) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(s.spec.OutputParameters)) {
		typ := artifact.ParamType(s.spec.OutputParameters[name])
		v, ok := out.ParameterValues[name]
		var err error
		switch {
		case ok && artifact.IsNull(v):
		case ok:
			v, err = artifact.Convert(typ, v)
		default:
			v, ok, err = s.parameterFile(name, typ)
		}
		if err != nil {
			return nil, &stepError{message: fmt.Sprintf("output parameter %s: %v", name, err)}
		}
		if ok {
			values[name] = v
		}
	}
	return values, nil
}

func (s *step) parameterFile(name string, typ artifact.ParamType) (json.RawMessage, bool, error) {
	file := s.input.Outputs.Parameters[name].OutputFile
	if file == "" {
		return nil, false, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	v, err := artifact.ParseText(typ, string(data))
	return v, err == nil, err
}

// artifacts uploads the output artifacts and says what they are.
func (s *step) artifacts(ctx context.Context, out executorOutput) (map[string][]attempt.Artifact, error) {
	all := map[string][]attempt.Artifact{}
	for _, name := range slices.Sorted(maps.Keys(s.spec.OutputArtifacts)) {
		for _, a := range merge(s.input.Outputs.Artifacts[name].Artifacts, out.Artifacts[name].Artifacts) {
			size, err := s.upload(ctx, a)
			if err != nil {
				return nil, fmt.Errorf("output artifact %s: %w", name, err)
			}
			if a.Name == "" {
				a.Name = name
			}
			all[name] = append(all[name], attempt.Artifact{
				Name: a.Name, Type: s.spec.OutputArtifacts[name], URI: a.URI,
				Metadata: a.Metadata, CustomPath: a.CustomPath, Size: size,
			})
		}
	}
	return all, nil
}

// merge lays what the command said over what it was given.
func merge(given, said []runtimeArtifact) []runtimeArtifact {
	out := slices.Clone(given)
	for i, a := range said {
		if i == len(out) {
			out = append(out, a)
			continue
		}
		if a.Name != "" {
			out[i].Name = a.Name
		}
		if a.URI != "" {
			out[i].URI = a.URI
		}
		if a.CustomPath != "" {
			out[i].CustomPath = a.CustomPath
		}
		metadata := maps.Clone(out[i].Metadata)
		if metadata == nil {
			metadata = map[string]any{}
		}
		maps.Copy(metadata, a.Metadata)
		out[i].Metadata = metadata
	}
	return out
}

// upload sends an artifact's file, or every file below its folder, and returns the
// number of bytes; -1 when nothing is there, which is no error.
func (s *step) upload(ctx context.Context, a runtimeArtifact) (int64, error) {
	uri, ok := objectURI(a.URI)
	if !ok {
		return -1, nil
	}
	file := a.path()
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, local(err)
	}
	if !info.IsDir() {
		return info.Size(), s.uploadFile(ctx, uri.Bucket, uri.Key, file)
	}
	return s.uploadTree(ctx, uri, file)
}

func (s *step) uploadTree(ctx context.Context, uri artifact.URI, dir string) (int64, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(transfers)
	var total int64
	walkErr := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil {
			return local(err)
		}
		info, err := os.Stat(file)
		if err != nil || !info.Mode().IsRegular() {
			return nil //nolint:nilerr // a dangling link or a socket is not part of the artifact
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		total += info.Size()
		g.Go(func() error { return s.uploadFile(ctx, uri.Bucket, path.Join(uri.Key, filepath.ToSlash(rel)), file) })
		return ctx.Err()
	})
	return total, errors.Join(g.Wait(), walkErr)
}

func (s *step) uploadFile(ctx context.Context, bucket, key, file string) error {
	return s.retry(ctx, func(ctx context.Context) error {
		f, err := os.Open(file)
		if err != nil {
			return local(err)
		}
		defer func() { _ = f.Close() }()
		info, err := f.Stat()
		if err != nil {
			return local(err)
		}
		return s.store.Put(ctx, bucket, key, f, info.Size())
	})
}
