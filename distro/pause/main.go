// Command pause writes the pause program as an image archive that `ctr images import` and go-containerregistry both read: an OCI layout with
// Docker's manifest.json beside it. The same program gives the same bytes.
//
//	pause PROGRAM REFERENCE ARCHIVE
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
)

type object = map[string]any

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pause:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: pause PROGRAM REFERENCE ARCHIVE")
	}
	program, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	archive, err := image(program, args[1])
	if err != nil {
		return err
	}
	return os.WriteFile(args[2], archive, 0o644)
}

// image is the archive of an image whose only file and entry point is program.
func image(program []byte, reference string) ([]byte, error) {
	layer, err := tarOf(file{"pause", program, 0o755})
	if err != nil {
		return nil, err
	}
	layerBlob := blob(layer)
	config := blob(encode(object{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       object{"Entrypoint": []string{"/pause"}, "User": "65535:65535", "WorkingDir": "/"},
		"rootfs":       object{"type": "layers", "diff_ids": []string{digest(layer)}},
	}))
	manifest := blob(encode(object{
		"schemaVersion": 2,
		"mediaType":     "application/vnd.oci.image.manifest.v1+json",
		"config":        descriptor("application/vnd.oci.image.config.v1+json", config.content),
		"layers":        []object{descriptor("application/vnd.oci.image.layer.v1.tar", layer)},
	}))
	entry := descriptor("application/vnd.oci.image.manifest.v1+json", manifest.content)
	entry["annotations"] = object{"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference}
	index := encode(object{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []object{entry}})
	docker := encode([]object{{"Config": config.name, "RepoTags": []string{reference}, "Layers": []string{layerBlob.name}}})
	return tarOf(
		file{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644},
		file{"index.json", index, 0o644},
		file{"manifest.json", docker, 0o644},
		layerBlob, config, manifest,
	)
}

type file struct {
	name    string
	content []byte
	mode    int64
}

func blob(content []byte) file {
	return file{"blobs/sha256/" + digest(content)[len("sha256:"):], content, 0o644}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func descriptor(mediaType string, content []byte) object {
	return object{"mediaType": mediaType, "digest": digest(content), "size": len(content)}
}

// encode is only given plain values, which always encode.
func encode(value any) []byte {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return out
}

func tarOf(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), Format: tar.FormatUSTAR}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
