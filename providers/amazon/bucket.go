package amazon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// Folder says where the files of a vendor stand in S3.
type Folder struct {
	Vendor  string // in errors
	Env     string // name of the setting that holds the URI
	URI     string // s3://bucket or s3://bucket/folder
	Base    string // of S3 in place of the region's, with the bucket in its paths. Defaults to the region's
	Secrets func() []string
}

// Bucket is a folder in S3
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html).
// Four verbs of it are all that is needed: S3's own client would add more than they do. Keys
// are those below the folder, but for Lines and Read, which take any of the bucket's.
type Bucket struct {
	Name   string
	client *openai.Client
	base   string // of the objects
	folder string // "" or one that ends with "/"
}

// folderURI is how a folder in S3 is written.
var folderURI = regexp.MustCompile(`^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/[\w!.*'()/-]*)?$`)

// NewBucket opens a folder, which opens no connection.
func NewBucket(where Folder, key *Key, config providers.Config) (*Bucket, error) {
	found := folderURI.FindStringSubmatch(where.URI)
	if found == nil {
		return nil, fmt.Errorf("%s: set it to a folder, such as s3://bucket/folder", where.Env)
	}
	b := &Bucket{Name: found[1], folder: strings.Trim(found[2], "/")}
	if b.folder != "" {
		b.folder += "/"
	}
	switch {
	case where.Base != "":
		base, err := openai.CheckBase(EnvS3, where.Base)
		if err != nil {
			return nil, err
		}
		b.base = base + "/" + b.Name + "/"
	case strings.Contains(b.Name, "."): // its name would fit no certificate
		b.base = Host("s3", key.Region) + "/" + b.Name + "/"
	default:
		b.base = Host(b.Name+".s3", key.Region) + "/"
	}
	b.client = openai.New(openai.Dialect{
		Provider: where.Vendor, Base: b.base, Secrets: where.Secrets, Authorize: key.signObject,
		Words: objectWords, Classify: classifyObject,
	}, config)
	return b, nil
}

// URI returns the address of an object as AWS's services take it.
func (b *Bucket) URI(key string) string { return "s3://" + b.Name + "/" + b.folder + key }

// url returns where an object of the bucket is served, by its key from the bucket's root.
func (b *Bucket) url(key string) string { return b.base + httpbinding.EscapePath(key, false) }

// File is what is put into a bucket.
type File struct {
	Content io.Reader
	Size    int64  // bytes
	Kind    string // media type
	// SHA256 of the content, in hexadecimal: S3 refuses another. Defaults to no check.
	SHA256 string
}

// Put writes an object. It is there as a whole or not at all.
func (b *Bucket) Put(ctx context.Context, key string, file File) error {
	if file.SHA256 != "" {
		ctx = withSum(ctx, file.SHA256)
	}
	_, err := b.client.Do(ctx, openai.Call{
		Method: http.MethodPut, URL: b.url(b.folder + key), Raw: file.Content, Size: file.Size, Kind: file.Kind,
	})
	return err
}

// Size tells how many bytes an object has, and whether it is there.
func (b *Bucket) Size(ctx context.Context, key string) (size int64, found bool, err error) {
	header, found, err := b.head(ctx, key)
	if err != nil || !found {
		return 0, false, err
	}
	size, err = strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		return 0, false, b.client.Garbled("the answer tells no size of the object")
	}
	return size, true, nil
}

// Tag tells the entity tag of an object, which is another with each other content, and whether it is there.
func (b *Bucket) Tag(ctx context.Context, key string) (tag string, found bool, err error) {
	header, found, err := b.head(ctx, key)
	return header.Get("ETag"), found, err
}

// head looks at an object.
func (b *Bucket) head(ctx context.Context, key string) (header http.Header, found bool, err error) {
	header, err = b.client.Do(ctx, openai.Call{Method: http.MethodHead, URL: b.url(b.folder + key)})
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil, false, nil
	}
	return header, err == nil, err
}

// Read takes the JSON of an object of the bucket, by its key from the bucket's root.
func (b *Bucket) Read(ctx context.Context, key string, out any) error {
	_, err := b.client.Do(ctx, openai.Call{Method: http.MethodGet, URL: b.url(key), Out: out})
	return err
}

// Delete removes an object. One that is gone is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.client.Do(ctx, openai.Call{Method: http.MethodDelete, URL: b.url(b.folder + key)})
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// Lines reads an object of the bucket line by line, by its key from the bucket's root.
func (b *Bucket) Lines(ctx context.Context, key string, each func([]byte) error) error {
	_, err := b.client.Do(ctx, openai.Call{Method: http.MethodGet, URL: b.url(key), Lines: each})
	return err
}

// objectWords are S3's own
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
var objectWords = openai.Words{
	Codes: map[string]providers.Kind{
		"AccessDenied":          providers.KindPermission,
		"AllAccessDisabled":     providers.KindPermission,
		"ExpiredToken":          providers.KindAuth,
		"InvalidAccessKeyId":    providers.KindAuth,
		"InvalidToken":          providers.KindAuth,
		"SignatureDoesNotMatch": providers.KindAuth,
		"NoSuchBucket":          providers.KindInvalid,
		"NoSuchKey":             providers.KindInvalid,
		"RequestTimeout":        providers.KindTimeout,
		"SlowDown":              providers.KindRateLimit,
		"ServiceUnavailable":    providers.KindCapacity,
		"InternalError":         providers.KindServer,
		"EntityTooLarge":        providers.KindTooLarge,
	},
	RequestIDs: []string{"X-Amz-Request-Id"},
}

var (
	objectCode    = regexp.MustCompile(`<Code>([A-Za-z0-9]{1,64})</Code>`)
	objectMessage = regexp.MustCompile(`<Message>([^<]*)</Message>`)
)

// classifyObject reads S3's errors, which are XML. Nothing of S3 is billed by the call.
func classifyObject(f openai.Failure, e *providers.Error) {
	e.Charge = providers.ChargeNone
	if found := objectCode.FindSubmatch(f.Body); found != nil {
		e.Code = string(found[1])
		e.Kind = cmp.Or(objectWords.Codes[e.Code], e.Kind)
	}
	if found := objectMessage.FindSubmatch(f.Body); found != nil {
		e.Message = string(found[1])
	}
}
