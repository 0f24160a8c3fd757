// Package ocitar reads and writes images as one tar file: OCI layouts (what is
// written here) and docker-archives (`docker save`). It knows no registry.
package ocitar

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Names of an image in an OCI layout's index: containerd's full name, and the
// specification's, which may be a bare tag.
const (
	annotationName = "io.containerd.image.name"
	annotationRef  = "org.opencontainers.image.ref.name"
)

// maxIndex bounds index.json and manifests.
const maxIndex = 4 << 20

// Entry is one image of an archive.
type Entry struct {
	// Ref is the name in the archive; empty when it carries none.
	Ref string
	// Annotations of the index entry; nil in a docker-archive.
	Annotations map[string]string
	Image       v1.Image
}

// Archive is an open image tar. Images read from it until Close.
type Archive struct {
	file    *os.File
	members map[string]span
	Entries []Entry
}

type span struct{ offset, size int64 }

// Open reads the table of an archive, not its layers.
func Open(path string) (*Archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a := &Archive{file: f}
	if err := a.load(path); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return a, nil
}

// Close ends reading.
func (a *Archive) Close() error { return a.file.Close() }

func (a *Archive) load(path string) error {
	if err := a.scan(); err != nil {
		return err
	}
	if _, ok := a.members["index.json"]; ok {
		return a.loadOCI()
	}
	if _, ok := a.members["manifest.json"]; ok {
		return a.loadDocker(path)
	}
	return errors.New("neither an OCI image archive (index.json) nor a docker-archive (manifest.json)")
}

// scan notes where each member's bytes lie; tar.Reader seeks over contents and
// reads only whole headers, so the file's position after Next is the content.
func (a *Archive) scan() error {
	a.members = map[string]span{}
	tr := tar.NewReader(a.file)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a tar file (a compressed one must be unpacked first): %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		at, err := a.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		a.members[strings.TrimPrefix(h.Name, "./")] = span{at, h.Size}
	}
}

func (a *Archive) open(member string) (*io.SectionReader, error) {
	s, ok := a.members[member]
	if !ok {
		return nil, fmt.Errorf("%s is missing", member)
	}
	return io.NewSectionReader(a.file, s.offset, s.size), nil
}

func (a *Archive) read(member string) ([]byte, error) {
	r, err := a.open(member)
	if err != nil {
		return nil, err
	}
	if r.Size() > maxIndex {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", member, r.Size(), maxIndex)
	}
	return io.ReadAll(r)
}

func (a *Archive) loadOCI() error {
	raw, err := a.read("index.json")
	if err != nil {
		return err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("index.json: %w", err)
	}
	for _, d := range index.Manifests {
		if err := a.addDescriptor(d, d.Annotations); err != nil {
			return err
		}
	}
	if len(a.Entries) == 0 {
		return errors.New("index.json names no image for linux")
	}
	return nil
}

// addDescriptor takes an image, or from an index of platforms the one for this
// machine's architecture.
func (a *Archive) addDescriptor(d v1.Descriptor, notes map[string]string) error {
	raw, err := a.read(blobPath(d.Digest))
	if err != nil {
		return err
	}
	if d.MediaType.IsIndex() {
		inner, err := v1.ParseIndexManifest(bytes.NewReader(raw))
		if err != nil {
			return fmt.Errorf("%s: %w", d.Digest, err)
		}
		for _, m := range inner.Manifests {
			if m.Platform != nil && m.Platform.OS == "linux" && m.Platform.Architecture == Platform().Architecture {
				return a.addDescriptor(m, notes)
			}
		}
		return fmt.Errorf("%s holds no image for %s", d.Digest, Platform())
	}
	img, err := partial.CompressedToImage(&ociImage{archive: a, desc: d, raw: raw})
	if err != nil {
		return fmt.Errorf("%s: %w", d.Digest, err)
	}
	ref := notes[annotationName]
	if ref == "" && strings.ContainsAny(notes[annotationRef], ":/") {
		ref = notes[annotationRef]
	}
	a.Entries = append(a.Entries, Entry{Ref: ref, Annotations: notes, Image: img})
	return nil
}

func (a *Archive) loadDocker(path string) error {
	opener := func() (io.ReadCloser, error) { return os.Open(path) }
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return fmt.Errorf("manifest.json: %w", err)
	}
	for _, d := range manifest {
		if len(d.RepoTags) == 0 {
			img, err := tarball.Image(opener, nil)
			if err != nil {
				return err
			}
			a.Entries = append(a.Entries, Entry{Image: img})
			continue
		}
		for _, t := range d.RepoTags {
			tag, err := name.NewTag(t)
			if err != nil {
				return err
			}
			img, err := tarball.Image(opener, &tag)
			if err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
			a.Entries = append(a.Entries, Entry{Ref: tag.Name(), Image: img})
		}
	}
	return nil
}

// ociImage is a partial.CompressedImageCore over the archive's blobs.
type ociImage struct {
	archive *Archive
	desc    v1.Descriptor
	raw     []byte
}

func (i *ociImage) MediaType() (types.MediaType, error) { return i.desc.MediaType, nil }
func (i *ociImage) RawManifest() ([]byte, error)        { return i.raw, nil }

func (i *ociImage) manifest() (*v1.Manifest, error) {
	return v1.ParseManifest(bytes.NewReader(i.raw))
}

func (i *ociImage) RawConfigFile() ([]byte, error) {
	m, err := i.manifest()
	if err != nil {
		return nil, err
	}
	return i.archive.read(blobPath(m.Config.Digest))
}

func (i *ociImage) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	m, err := i.manifest()
	if err != nil {
		return nil, err
	}
	for _, l := range append(m.Layers, m.Config) {
		if l.Digest == h {
			return &ociBlob{archive: i.archive, desc: l}, nil
		}
	}
	return nil, fmt.Errorf("blob %s is not part of the image", h)
}

type ociBlob struct {
	archive *Archive
	desc    v1.Descriptor
}

func (b *ociBlob) Digest() (v1.Hash, error)            { return b.desc.Digest, nil }
func (b *ociBlob) Size() (int64, error)                { return b.desc.Size, nil }
func (b *ociBlob) MediaType() (types.MediaType, error) { return b.desc.MediaType, nil }
func (b *ociBlob) Compressed() (io.ReadCloser, error) {
	r, err := b.archive.open(blobPath(b.desc.Digest))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(r), nil
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }
