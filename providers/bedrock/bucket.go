package bedrock

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/smithy-go/encoding/httpbinding"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// bucket is a folder in S3, through which batches go
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html).
// Two verbs of it are all that is needed: S3's own client would add more than they do.
type bucket struct {
	client *openai.Client
	base   string // of the objects
	name   string
	folder string // "" or one that ends with "/"
}

// folderURI is how a folder in S3 is written.
var folderURI = regexp.MustCompile(`^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/[\w!.*'()/-]*)?$`)

// newBucket opens a folder, with the access key: S3 takes no API key of Bedrock's.
// An endpoint of one's own has the bucket in its path.
func newBucket(config providers.Config, keys *credential, uri, endpoint string) (*bucket, error) {
	found := folderURI.FindStringSubmatch(uri)
	if found == nil {
		return nil, fmt.Errorf("%s: set it to a folder, such as s3://bucket/batches", envFolder)
	}
	b := &bucket{name: found[1], folder: strings.Trim(found[2], "/")}
	if b.folder != "" {
		b.folder += "/"
	}
	switch {
	case endpoint != "":
		base, err := openai.CheckBase(envS3, endpoint)
		if err != nil {
			return nil, err
		}
		b.base = base + "/" + b.name + "/"
	case strings.Contains(b.name, "."): // its name would fit no certificate
		b.base = host("s3", keys.region) + "/" + b.name + "/"
	default:
		b.base = host(b.name+".s3", keys.region) + "/"
	}
	b.client = openai.New(openai.Dialect{
		Provider: name, Base: b.base, Key: keys.bearer, Secrets: keys.secrets, Authorize: keys.signObject,
		Words: objectWords, Classify: classifyObject,
	}, config)
	return b, nil
}

// uri returns the address of an object as Bedrock takes it.
func (b *bucket) uri(key string) string { return "s3://" + b.name + "/" + b.folder + key }

// url returns where an object of the bucket is served, by its key from the bucket's root.
func (b *bucket) url(key string) string { return b.base + httpbinding.EscapePath(key, false) }

// put writes an object. It is there as a whole or not at all.
func (b *bucket) put(ctx context.Context, key string, file *openai.BatchFile) error {
	content := file.Open()
	defer content.Close()
	_, err := b.client.Do(ctx, openai.Call{
		Method: http.MethodPut, URL: b.url(b.folder + key), Raw: content, Size: file.Size, Kind: "application/jsonl",
	})
	return err
}

// lines reads an object of the bucket line by line.
func (b *bucket) lines(ctx context.Context, key string, each func([]byte) error) error {
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
