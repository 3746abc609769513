// Package asset serves the files that the pages load: style, script and icon, each at
// an address that changes with its content.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"dreamlab/cmd/internal/api/wire"
)

//go:embed static
var static embed.FS

// file is one of them, plain and compressed.
type file struct {
	kind   string // content type
	hash   string
	plain  []byte
	packed []byte // gzip
}

var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// Files are all of them, by name.
type Files map[string]file

// Open reads the files, of which the vendored one is kept compressed.
func Open() (Files, error) {
	files, err := static.ReadDir("static")
	if err != nil {
		return nil, fmt.Errorf("list the assets: %w", err)
	}
	all := Files{}
	for _, entry := range files {
		text, err := static.ReadFile("static/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the asset %s: %w", entry.Name(), err)
		}
		name, isPacked := strings.CutSuffix(entry.Name(), ".gz")
		if isPacked {
			if text, err = unpack(text); err != nil {
				return nil, fmt.Errorf("read the asset %s: %w", entry.Name(), err)
			}
		}
		packed, err := pack(text)
		if err != nil {
			return nil, fmt.Errorf("compress the asset %s: %w", name, err)
		}
		sum := sha256.Sum256(text)
		all[name] = file{kinds[path.Ext(name)], hex.EncodeToString(sum[:6]), text, packed}
	}
	return all, nil
}

func pack(text []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return text, errors.Join(err, r.Close())
}

// Path returns the address of a file, below the folder that they are served in.
func (f Files) Path(name string) string { return f[name].hash + "/" + name }

// ServeHTTP answers with the file of the path's hash and name, for good where its address names
// its content.
func (f Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, known := f[r.PathValue("name")]
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if r.PathValue("hash") == a.hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	w.Header().Set("Vary", "Accept-Encoding")
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = a.packed
	}
	if err := wire.Write(w, http.StatusOK, a.kind, body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}
