package sagemaker

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// streamKind is the media type of AWS's event stream.
const streamKind = "application/vnd.amazon.eventstream"

// unframed returns a configuration whose client takes the answers of containers out of the
// event streams in which they come.
func unframed(config providers.Config) providers.Config {
	client := config.HTTP
	if client == nil {
		client = openai.NewHTTP()
	}
	carrier := client.Transport
	if carrier == nil {
		carrier = http.DefaultTransport
	}
	still := *client
	still.Transport = unframing{carrier}
	config.HTTP = &still
	return config
}

// unframing hands on what a container wrote, which is server-sent events as a rule.
type unframing struct{ base http.RoundTripper }

// RoundTrip makes one exchange.
func (u unframing) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := u.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != streamKind {
		return answer, nil
	}
	answer.Header.Set("Content-Type", answer.Header.Get("X-Amzn-Sagemaker-Content-Type"))
	answer.ContentLength = -1
	answer.Body = &parts{Closer: answer.Body, source: bufio.NewReaderSize(answer.Body, readAhead), decoder: eventstream.NewDecoder()}
	return answer, nil
}

// readAhead is what is read of the connection at once, in bytes.
const readAhead = 16 << 10

// parts reads what the frames of a stream hold
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html).
type parts struct {
	io.Closer
	source  *bufio.Reader
	decoder *eventstream.Decoder
	payload []byte // of the latest frame, used again
	left    []byte // of it, to be read
}

// Read returns what stands in the next frame. It ends between two frames: whether the answer
// is complete is for its own marks to say.
func (p *parts) Read(to []byte) (int, error) {
	for len(p.left) == 0 {
		if _, err := p.source.Peek(1); err != nil {
			return 0, err
		}
		if err := p.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(to, p.left)
	p.left = p.left[n:]
	return n, nil
}

// advance takes one frame in. Its checksums are the decoder's to check.
func (p *parts) advance() error {
	message, err := p.decoder.Decode(p.source, p.payload[:0])
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read a frame: %w", err)
	}
	p.payload, p.left = message.Payload, message.Payload
	for _, header := range []string{":exception-type", ":error-code"} {
		if word := message.Headers.Get(header); word != nil {
			return fmt.Errorf("the endpoint broke its answer off: %s", word.String())
		}
	}
	return nil
}
