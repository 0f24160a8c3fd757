package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// FieldOwner owns the fields of everything that ApplyManifests writes.
const FieldOwner client.FieldOwner = "slipway"

// ApplyManifests writes every object in the YAML files of fsys by server-side
// apply, in waves: CRDs, which it waits for until they are served; namespaces; all
// the rest. It may be called again at any time. It waits as long as ctx lets it.
func ApplyManifests(ctx context.Context, cfg *rest.Config, fsys fs.FS) error {
	objects, err := ReadManifests(fsys)
	if err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("client for manifests: %w", err)
	}
	for _, inWave := range waves {
		for _, obj := range objects {
			if !inWave(obj.GetKind()) {
				continue
			}
			if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(obj), FieldOwner, client.ForceOwnership); err != nil {
				return fmt.Errorf("apply %s: %w", describe(obj), err)
			}
		}
		if err := awaitServed(ctx, c, objects, inWave); err != nil {
			return err
		}
	}
	return nil
}

const crdKind = "CustomResourceDefinition"

// waves are what has to exist before the next may be written.
var waves = []func(kind string) bool{
	func(kind string) bool { return kind == crdKind },
	func(kind string) bool { return kind == "Namespace" },
	func(kind string) bool { return kind != crdKind && kind != "Namespace" },
}

// awaitServed returns once each CRD of the wave is established.
func awaitServed(ctx context.Context, c client.Client, objects []*unstructured.Unstructured, inWave func(string) bool) error {
	for _, obj := range objects {
		if obj.GetKind() != crdKind || !inWave(crdKind) {
			continue
		}
		var crd apiextensionsv1.CustomResourceDefinition
		err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			if err := c.Get(ctx, client.ObjectKeyFromObject(obj), &crd); err != nil {
				return false, err
			}
			return established(&crd), nil
		})
		if err != nil {
			return fmt.Errorf("wait for %s to be established: %w", obj.GetName(), err)
		}
	}
	return nil
}

func established(crd *apiextensionsv1.CustomResourceDefinition) bool {
	return slices.ContainsFunc(crd.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
}

// ReadManifests parses every .yaml file of fsys, documents in order of path.
func ReadManifests(fsys fs.FS) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		inFile, err := readDocuments(data)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		objects = append(objects, inFile...)
		return nil
	})
	return objects, err
}

func readDocuments(data []byte) ([]*unstructured.Unstructured, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var objects []*unstructured.Unstructured
	for {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		obj := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict(doc, &obj.Object); err != nil {
			return nil, fmt.Errorf("document %d: %w", len(objects)+1, err)
		}
		if len(obj.Object) > 0 {
			objects = append(objects, obj)
		}
	}
}
