package rest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
)

// MaxUpload bounds an uploaded package, packed and unpacked.
const MaxUpload = 32 << 20

// maxEntries bounds what is looked at in an archive.
const maxEntries = 1000

// Upload reads the file in a multipart form's field.
func Upload(r *http.Request, field string) (name string, data []byte, err error) {
	// Room for the form's own lines around the file.
	const envelope = 64 << 10
	r.Body = http.MaxBytesReader(nil, r.Body, MaxUpload+envelope)
	form, err := r.MultipartReader()
	if err != nil {
		return "", nil, Errorf(InvalidArgument, "expected a multipart form with the file in field %q: %v", field, err)
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return "", nil, Errorf(InvalidArgument, "the form has no file in field %q", field)
		}
		if err != nil {
			return "", nil, BodyError(err, MaxUpload)
		}
		if part.FormName() != field {
			continue
		}
		data, err := readLimited(part)
		if err != nil {
			return "", nil, BodyError(err, MaxUpload)
		}
		return part.FileName(), data, nil
	}
}

func readLimited(from io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, MaxUpload+1))
	if err == nil && len(data) > MaxUpload {
		err = &http.MaxBytesError{Limit: MaxUpload}
	}
	return data, err
}

// Unpack returns the document in an uploaded file: the file itself when its name
// ends as a document's does, or one file of a .zip or .tar.gz: the one called
// prefer, else the first document.
func Unpack(name string, data []byte, prefer string) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return fromZip(data, prefer)
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return fromTarball(data, prefer)
	case isDocument(name):
		return data, nil
	default:
		return nil, Errorf(InvalidArgument, "file %q: expected .yaml, .yml, .json, .zip or .tar.gz", name)
	}
}

func isDocument(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(name)))
}

func fromZip(data []byte, prefer string) ([]byte, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, Errorf(InvalidArgument, "the .zip cannot be read: %v", err)
	}
	var chosen *zip.File
	for i, file := range archive.File {
		if i >= maxEntries {
			return nil, Errorf(InvalidArgument, "the .zip has more than %d entries", maxEntries)
		}
		if !file.Mode().IsRegular() || !isDocument(file.Name) {
			continue
		}
		if chosen == nil || path.Base(file.Name) == prefer {
			chosen = file
		}
		if path.Base(file.Name) == prefer {
			break
		}
	}
	if chosen == nil {
		return nil, noDocument(prefer)
	}
	content, err := chosen.Open()
	if err != nil {
		return nil, Errorf(InvalidArgument, "%s in the .zip: %v", chosen.Name, err)
	}
	out, err := readLimited(content)
	if err = errors.Join(err, content.Close()); err != nil {
		return nil, unpackError(chosen.Name, err)
	}
	return out, nil
}

func fromTarball(data []byte, prefer string) ([]byte, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, Errorf(InvalidArgument, "the .tar.gz cannot be read: %v", err)
	}
	// Everything before the file that is wanted is unpacked too, so all of it counts.
	archive := tar.NewReader(&bounded{from: unzipped, left: MaxUpload})
	var first []byte
	for range maxEntries {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			if first == nil {
				return nil, noDocument(prefer)
			}
			return first, nil
		}
		if err != nil {
			return nil, unpackError("the .tar.gz", err)
		}
		wanted := path.Base(header.Name) == prefer
		if header.Typeflag != tar.TypeReg || !isDocument(header.Name) || (first != nil && !wanted) {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, unpackError(header.Name, err)
		}
		if wanted {
			return content, nil
		}
		first = content
	}
	return nil, Errorf(InvalidArgument, "the .tar.gz has more than %d entries", maxEntries)
}

func noDocument(prefer string) error {
	return Errorf(InvalidArgument, "the archive has no %s, nor another .yaml, .yml or .json file", prefer)
}

func unpackError(name string, err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{
			Code: InvalidArgument, Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("%s: more than %d MiB unpacked", name, MaxUpload>>20),
		}
	}
	return Errorf(InvalidArgument, "%s: %v", name, err)
}

// bounded fails once more than left bytes were read.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.left -= n
	if b.left < 0 {
		return n, &http.MaxBytesError{Limit: MaxUpload}
	}
	return n, err
}
