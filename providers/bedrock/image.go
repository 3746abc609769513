package bedrock

import (
	"encoding/base64"
	"strings"

	"dreamlab/providers/openai"
)

// image is a picture
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html).
type image struct {
	Format string      `json:"format"` // png, jpeg, gif or webp
	Source imageSource `json:"source"`
}

// imageSource has one member.
type imageSource struct {
	Bytes    []byte    `json:"bytes,omitempty"`
	Location *location `json:"s3Location,omitempty"`
}

type location struct {
	URI string `json:"uri"`
}

// formats are Bedrock's words for types of pictures and for the ends of their names.
var formats = map[string]string{
	"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
	".png": "png", ".jpeg": "jpeg", ".jpg": "jpeg", ".gif": "gif", ".webp": "webp",
}

// newImage takes a picture in a data URL, or one in S3. Bedrock fetches nothing from
// the web.
func newImage(address string) (*image, error) {
	if strings.HasPrefix(address, "s3://") {
		end := strings.ToLower(address[max(strings.LastIndexByte(address, '.'), 0):])
		if formats[end] == "" {
			return nil, unknownImage()
		}
		return &image{formats[end], imageSource{Location: &location{address}}}, nil
	}
	head, data, found := strings.Cut(address, ",")
	kind, encoded := strings.CutSuffix(strings.TrimPrefix(head, "data:"), ";base64")
	if !found || !strings.HasPrefix(head, "data:") || !encoded {
		return nil, openai.Unsupported("messages.content",
			"an image has to be a data: URL in base64 or lie in S3, since Bedrock fetches nothing from the web")
	}
	format := formats[strings.ToLower(kind)]
	if format == "" {
		return nil, unknownImage()
	}
	picture, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, invalid("messages.content", "the data of an image is no base64")
	}
	return &image{format, imageSource{Bytes: picture}}, nil
}

func unknownImage() error {
	return openai.Unsupported("messages.content", "an image has to be png, jpeg, gif or webp")
}
