package rest_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-ml/slipway/internal/rest"
)

type file struct{ name, content string }

func zipped(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestSpeed) })
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err == nil {
			_, err = entry.Write([]byte(f.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarball(t *testing.T, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.content)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(f.content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var bomb = file{"pipeline.yaml", strings.Repeat("a", rest.MaxUpload+1)}

func TestUnpackFindsTheDocument(t *testing.T) {
	readme, other, main := file{"README.txt", "r"}, file{"a/other.yaml", "o"}, file{"b/pipeline.yaml", "m"}
	cases := map[string]struct {
		name string
		data []byte
		want string
	}{
		"yaml":                      {"x.yaml", []byte("doc"), "doc"},
		"yml in capitals":           {"x.YML", []byte("doc"), "doc"},
		"json":                      {"x.json", []byte("{}"), "{}"},
		"zip prefers pipeline.yaml": {"x.zip", zipped(t, readme, other, main), "m"},
		"zip takes the first":       {"x.zip", zipped(t, readme, other, file{"z.json", "z"}), "o"},
		"zip under another name":    {"x.bin", zipped(t, main), "m"},
		"tar prefers pipeline.yaml": {"x.tar.gz", tarball(t, readme, other, main), "m"},
		"tar takes the first":       {"x.tgz", tarball(t, readme, other), "o"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := rest.Unpack(c.name, c.data, "pipeline.yaml")
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestUnpackRefuses(t *testing.T) {
	var many []file
	for range 1001 {
		many = append(many, file{"x.txt", ""})
	}
	zipBomb, tarBomb := zipped(t, bomb), tarball(t, bomb)
	cases := map[string]struct {
		name   string
		data   []byte
		status int
		want   string
	}{
		"another ending":         {"x.txt", []byte("doc"), 400, "expected .yaml"},
		"no name":                {"", []byte("doc"), 400, "expected .yaml"},
		"zip without document":   {"x.zip", zipped(t, file{"a.txt", ""}), 400, "no pipeline.yaml"},
		"tar without document":   {"x.tar.gz", tarball(t, file{"a.txt", ""}), 400, "no pipeline.yaml"},
		"zip bomb":               {"x.zip", zipBomb, 413, "32 MiB"},
		"tar bomb":               {"x.tar.gz", tarBomb, 413, "32 MiB"},
		"bomb before the file":   {"x.tar.gz", tarball(t, file{"a.bin", bomb.content}, file{"pipeline.yaml", "x"}), 413, "32 MiB"},
		"too many in zip":        {"x.zip", zipped(t, many...), 400, "1000 entries"},
		"too many in tar":        {"x.tar.gz", tarball(t, many...), 400, "1000 entries"},
		"zip cut short":          {"x.zip", zipBomb[:100], 400, "cannot be read"},
		"tar cut short":          {"x.tar.gz", tarBomb[:100], 400, ""},
		"zip of nothing at all":  {"x.zip", []byte("PK\x03\x04"), 400, "cannot be read"},
		"gzip of nothing at all": {"x.tar.gz", []byte{0x1f, 0x8b}, 400, "cannot be read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := rest.Unpack(c.name, c.data, "pipeline.yaml")
			var e *rest.Error
			if !errors.As(err, &e) || e.HTTPStatus() != c.status || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func form(t *testing.T, field, name string, content []byte) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.WriteField("other", "x"); err != nil {
		t.Fatal(err)
	}
	part, err := w.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestUploadReadsTheFieldWithinTheLimit(t *testing.T) {
	name, data, err := rest.Upload(form(t, "uploadfile", "p.yaml", []byte("x")), "uploadfile")
	if err != nil || name != "p.yaml" || string(data) != "x" {
		t.Errorf("got %q %q %v", name, data, err)
	}
	cases := map[string]struct {
		r    *http.Request
		want string
	}{
		"another field": {form(t, "file", "p.yaml", nil), `no file in field "uploadfile"`},
		"no form":       {httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x")), "multipart"},
		"too large":     {form(t, "uploadfile", "p.yaml", []byte(bomb.content)), "32 MiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, _, err := rest.Upload(c.r, "uploadfile")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
