// Package providers is the room of the model vendors: the words in which the
// rest of Dream Lab asks for a completion, a fine-tune or a place to serve one,
// the closed set of ways in which that can go wrong, and the router that stands
// in front of the vendors.
//
// It knows nothing of jobs, tenants or databases. What the router needs of
// others (a ledger for its tries) it states as a small interface of its own.
// One folder below holds one vendor; a folder exports one [Vendor] value, and
// the list of them is kept by the program that wires Dream Lab together.
package providers

import (
	"context"
	"net/http"
	"time"
)

// Vendor describes how to open one vendor's driver.
type Vendor struct {
	// Name is the vendor's lower-case name, the part of a model's name before
	// the first slash: "groq" in "groq/openai/gpt-oss-120b".
	Name string
	// Settings are the environment variables that the vendor's own SDK reads.
	Settings []Setting
	// Options names the parameters of a chat that it takes beside OpenAI's.
	Options []string
	// Open builds a driver. It opens no connection. It fails with a message that
	// names the setting to mend.
	Open func(Config) (Driver, error)
	// Sandbox returns the settings that lead the driver to the vendor's emulator,
	// which is served at an address and takes one credential.
	Sandbox func(address, credential string) map[string]string
}

// Setting is one value that a vendor needs.
type Setting struct {
	Env      string // variable name, as the vendor's SDK spells it
	Secret   bool   // never shown
	Required bool   // without it the vendor is not configured
	Shared   bool   // other programs read it, too: it alone does not mean that the vendor is wanted
	Default  string // used where nothing is set
	Help     string // what it is and where to get it, one line
}

// Config is what a vendor's Open is given.
type Config struct {
	// Values holds the settings by variable name; unset ones are absent.
	Values map[string]string
	// HTTP carries the traffic. Defaults to a client without a total timeout
	// (the router owns the time limits) and without redirects to other hosts.
	HTTP *http.Client
	// InOnePiece is for a server that can not stream: the driver asks for whole answers.
	// Defaults to asking for streams.
	InOnePiece bool
	// Prefill is how a server's models are told to go on from the last message. Defaults
	// to their not being able to.
	Prefill Prefill
	// Runs keeps trainings on people's own machines, for the vendor that has such.
	Runs Runs
	// Now tells the time. Defaults to time.Now.
	Now func() time.Time
}

// Driver is what every vendor can do: answer a chat and list its models.
//
// A method makes one attempt: it never retries. It fails with an [*Error],
// whatever went wrong, context errors included. It is safe for concurrent use.
type Driver interface {
	// Chat asks for one completion. With a nil sink it waits for the whole
	// answer; otherwise it hands over each chunk in order, on the calling
	// goroutine, and stops with the sink's error when the sink returns one.
	// The reply is complete in both cases. When an error comes after chunks
	// were handed over, the reply holds what arrived (never nil then).
	Chat(ctx context.Context, req *Request, sink Sink) (*Reply, error)
	// Models lists what the vendor serves to this account.
	Models(ctx context.Context) ([]ModelInfo, error)
}

// Streamer is a driver that can not stream every answer. It is asked of a request
// with its model, and may be asked concurrently.
type Streamer interface {
	// Streams tells whether the answer to a request comes in pieces where it is asked
	// for with a sink. One that comes whole has one limit of time instead of those for
	// the parts of a stream.
	Streams(req *Request) bool
}

// Sink takes the chunks of a streamed answer. The chunk's bytes are valid only
// during the call.
type Sink func(Chunk) error

// Chunk is one event of a streamed answer.
type Chunk struct {
	// Data is the vendor's chat.completion.chunk object without "data: " and line
	// ends: as it came where it has OpenAI's form, else mended. It is one JSON
	// object on one line.
	Data []byte
	// Shows tells whether the chunk carries something a reader would see
	// (content, reasoning, a refusal or a tool call). Once such a chunk was
	// handed over, the answer can not be continued by another vendor.
	Shows bool
	// Ends tells whether the chunk holds the reason of an end.
	Ends bool
}

// ModelInfo is a vendor's own word on a model.
type ModelInfo struct {
	ID            string
	OwnedBy       string
	Created       time.Time
	ContextLength int // tokens; 0 where the vendor does not say
	MaxOutput     int // tokens; 0 where the vendor does not say
	Active        bool
}
