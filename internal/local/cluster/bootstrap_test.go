package cluster

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-ml/slipway/internal/kube"
	"github.com/slipway-ml/slipway/manifests"
)

// Each Service without a selector, ours or the product's, needs an EndpointSlice
// with the same port names, or nothing is served under its name.
func TestEverySelectorlessServiceHasItsAddresses(t *testing.T) {
	text, err := render(Addresses{Node: "10.120.0.1", DNS: "10.120.128.10"})
	if err != nil {
		t.Fatal(err)
	}
	local, err := kube.ReadManifests(fstest.MapFS{"local.yaml": {Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	product, err := kube.ReadManifests(manifests.FS)
	if err != nil {
		t.Fatal(err)
	}
	services, slices := map[string][]string{}, map[string][]string{}
	for _, o := range append(local, product...) {
		switch o.GetKind() {
		case "Service":
			services[o.GetNamespace()+"/"+o.GetName()] = ports(t, o, "spec", "ports")
		case "EndpointSlice":
			slices[o.GetNamespace()+"/"+o.GetLabels()["kubernetes.io/service-name"]] = ports(t, o, "ports")
		}
	}
	if diff := cmp.Diff(services, slices); diff != "" {
		t.Error("services (-) and slices (+):", diff)
	}
}

func ports(t *testing.T, o *unstructured.Unstructured, path ...string) []string {
	t.Helper()
	list, _, err := unstructured.NestedSlice(o.Object, path...)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.(map[string]any)["name"].(string))
	}
	return names
}
