package vertex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// bucket is where the files of batches and of fine-tunes stand in Cloud Storage.
type bucket struct {
	base, name string
	prefix     string // of the objects' names; ends with a slash where it is not empty
}

// goodBucket is a bucket's name (https://cloud.google.com/storage/docs/buckets#naming).
var goodBucket = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

func newBucket(value func(env string) string) (bucket, error) {
	base, err := openai.CheckBase(envStorage, value(envStorage))
	if err != nil {
		return bucket{}, err
	}
	rest, found := strings.CutPrefix(value(envBatches), "gs://")
	name, prefix, _ := strings.Cut(rest, "/")
	if !found || !goodBucket.MatchString(name) {
		return bucket{}, fmt.Errorf("%s: write it as gs://bucket or gs://bucket/prefix", envBatches)
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return bucket{base: base, name: name, prefix: prefix}, nil
}

// uri is an object's name for Google.
func (b bucket) uri(object string) string { return "gs://" + b.name + "/" + object }

// objects is the address of the bucket's objects.
func (b bucket) objects() string { return b.base + "/storage/v1/b/" + b.name + "/o" }

// stored is a driver that keeps its files in the project's bucket.
type stored struct {
	*driver
	bucket bucket
}

// write keeps a file under a name, in place of one that has it
// (https://cloud.google.com/storage/docs/json_api/v1/objects/insert).
func (b stored) write(ctx context.Context, object string, content io.Reader, size int64) error {
	query := url.Values{"uploadType": {"media"}, "name": {object}}
	_, err := b.Do(ctx, openai.Call{
		Method: http.MethodPost, Raw: content, Size: size,
		URL: b.bucket.base + "/upload/storage/v1/b/" + b.bucket.name + "/o?" + query.Encode(),
	})
	return err
}

// object is what Cloud Storage tells of one.
type object struct {
	Name string `json:"name"`
	Size string `json:"size"` // bytes: long numbers are texts
}

// list lists the objects below a prefix.
func (b stored) list(ctx context.Context, prefix string) ([]object, error) {
	var found []object
	query := url.Values{"prefix": {prefix}}
	for range maxPages {
		var page struct {
			Items []object `json:"items"`
			Next  string   `json:"nextPageToken"`
		}
		call := openai.Call{Method: http.MethodGet, URL: b.bucket.objects() + "?" + query.Encode(), Out: &page}
		if _, err := b.Do(ctx, call); err != nil {
			return nil, err
		}
		found = append(found, page.Items...)
		if page.Next == "" {
			break
		}
		query.Set("pageToken", page.Next)
	}
	return found, nil
}

// remove deletes an object. One that is gone is no error.
func (b stored) remove(ctx context.Context, object string) error {
	_, err := b.Do(ctx, openai.Call{Method: http.MethodDelete, URL: b.bucket.objects() + "/" + url.PathEscape(object)})
	return absent(err)
}

// absent forgives that something is not there.
func absent(err error) error {
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// read hands over the lines of an object.
func (b stored) read(ctx context.Context, object string, line func([]byte) error) error {
	address := b.bucket.objects() + "/" + url.PathEscape(object) + "?alt=media"
	_, err := b.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Lines: line})
	return err
}
