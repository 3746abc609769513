package emulator_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/sandboxtest"
)

// keys are those of the sandbox, as AWS's SDK takes them.
func keys(secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIASANDBOX", SecretAccessKey: secret}, nil
	})
}

// sdk is AWS's own client, which signs, retries nothing and judges the emulator.
func sdk(rig *sandboxtest.Rig, secret, region string) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		BaseEndpoint: aws.String(rig.URL), Region: region, Credentials: keys(secret), Retryer: aws.NopRetryer{},
		HTTPClient: rig.Client,
	})
}

func saying(text string) []types.Message {
	return []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{
		&types.ContentBlockMemberText{Value: text},
	}}}
}

func TestSDKConverses(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got, err := sdk(rig, "sandbox", "us-east-1").Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(oss), Messages: saying("Thank you"),
		ServiceTier: &types.ServiceTier{Type: types.ServiceTierTypeFlex},
	})
	if err != nil {
		t.Fatal(err)
	}
	message, ok := got.Output.(*types.ConverseOutputMemberMessage)
	if !ok || len(message.Value.Content) != 1 || got.StopReason != types.StopReasonEndTurn || *got.Usage.TotalTokens != 11 ||
		got.ServiceTier.Type != types.ServiceTierTypeFlex {
		t.Fatalf("%+v", got)
	}
	text, ok := message.Value.Content[0].(*types.ContentBlockMemberText)
	if !ok || text.Value != "You are welcome!" {
		t.Errorf("%+v", message.Value.Content[0])
	}
}

// TestSDKReadsReasoning finds it in a block before the answer.
func TestSDKReadsReasoning(t *testing.T) {
	t.Parallel()
	rig := start(t)
	effort := &types.OutputConfig{Effort: aws.String("low")}
	got, err := sdk(rig, "sandbox", "us-east-1").Converse(t.Context(), &bedrockruntime.ConverseInput{
		ModelId: aws.String(oss), Messages: saying("Thank you"), OutputConfig: effort,
	})
	if err != nil {
		t.Fatal(err)
	}
	content := got.Output.(*types.ConverseOutputMemberMessage).Value.Content
	if _, ok := content[0].(*types.ContentBlockMemberReasoningContent); !ok || len(content) != 2 || *got.Usage.OutputTokens <= 4 {
		t.Errorf("%+v, %d tokens", content, *got.Usage.OutputTokens)
	}
	streamed := stream(t, rig, &bedrockruntime.ConverseStreamInput{
		ModelId: aws.String(oss), Messages: saying("Thank you"), OutputConfig: effort,
	})
	if streamed.err != nil || streamed.thought == "" || streamed.text != "You are welcome!" {
		t.Errorf("%+v", streamed)
	}
}

// told is what a stream said.
type told struct {
	text, input string
	tool        string
	thought     string
	stop        types.StopReason
	tokens      int32
	err         error
}

func stream(t *testing.T, rig *sandboxtest.Rig, in *bedrockruntime.ConverseStreamInput) told {
	t.Helper()
	got, err := sdk(rig, "sandbox", "us-east-1").ConverseStream(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var all told
	events := got.GetStream()
	for event := range events.Events() {
		switch event := event.(type) {
		case *types.ConverseStreamOutputMemberContentBlockStart:
			if use, ok := event.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
				all.tool = *use.Value.Name
			}
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			switch delta := event.Value.Delta.(type) {
			case *types.ContentBlockDeltaMemberText:
				all.text += delta.Value
			case *types.ContentBlockDeltaMemberReasoningContent:
				if thought, ok := delta.Value.(*types.ReasoningContentBlockDeltaMemberText); ok {
					all.thought += thought.Value
				}
			case *types.ContentBlockDeltaMemberToolUse:
				all.input += *delta.Value.Input
			}
		case *types.ConverseStreamOutputMemberMessageStop:
			all.stop = event.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			all.tokens = *event.Value.Usage.TotalTokens
		}
	}
	all.err = events.Close() // it tells what ended the stream
	return all
}

func TestSDKStreams(t *testing.T) {
	t.Parallel()
	rig := start(t)
	in := &bedrockruntime.ConverseStreamInput{ModelId: aws.String(scout), Messages: saying("Thank you")}
	got := stream(t, rig, in)
	if got.err != nil || got.text != "You are welcome!" || got.stop != types.StopReasonEndTurn || got.tokens != 11 {
		t.Errorf("%+v", got)
	}
	rig.Fault(lab.Fault{Vendor: "bedrock", Kind: lab.FaultStreamError, Chunks: 2})
	var failed *types.ModelStreamErrorException
	if got := stream(t, rig, in); !errors.As(got.err, &failed) || *failed.OriginalStatusCode != 500 {
		t.Errorf("%+v", got)
	}
}

func TestSDKCallsTools(t *testing.T) {
	t.Parallel()
	schema := document.NewLazyDocument(map[string]any{
		"type": "object", "required": []string{"city"}, "properties": map[string]any{"city": map[string]any{"type": "string"}},
	})
	in := &bedrockruntime.ConverseStreamInput{
		ModelId: aws.String(scout), Messages: saying("How is the weather in Oslo?"),
		ToolConfig: &types.ToolConfiguration{
			Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{
				Name: aws.String("weather"), InputSchema: &types.ToolInputSchemaMemberJson{Value: schema},
			}}},
			ToolChoice: &types.ToolChoiceMemberAny{},
		},
	}
	got := stream(t, start(t), in)
	if got.err != nil || got.tool != "weather" || !strings.Contains(got.input, `"city"`) || got.stop != types.StopReasonToolUse {
		t.Errorf("%+v", got)
	}
}

func TestSDKKnowsTheErrors(t *testing.T) {
	t.Parallel()
	rig := start(t)
	client := sdk(rig, "sandbox", "us-east-1")
	try := func(fault lab.Fault, model string) error {
		if fault.Kind != "" {
			fault.Vendor, fault.Times = "bedrock", sandboxtest.Once()
			rig.Fault(fault)
		}
		_, err := client.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: &model, Messages: saying("x")})
		return err
	}
	var (
		throttled *types.ThrottlingException
		full      *types.ServiceUnavailableException
		failed    *types.ModelErrorException
		invalid   *types.ValidationException
		internal  *types.InternalServerException
		slow      *types.ModelTimeoutException
	)
	for name, found := range map[string]bool{
		"throttled": errors.As(try(lab.Fault{Kind: lab.FaultRateLimit}, scout), &throttled),
		"full":      errors.As(try(lab.Fault{Kind: lab.FaultCapacity}, scout), &full),
		"failed":    errors.As(try(lab.Fault{Kind: lab.FaultStatus, Status: 424}, scout), &failed),
		"internal":  errors.As(try(lab.Fault{Kind: lab.FaultStatus, Status: 500}, scout), &internal),
		"slow":      errors.As(try(lab.Fault{Kind: lab.FaultStatus, Status: 408}, scout), &slow),
		"invalid":   errors.As(try(lab.Fault{}, "nobody:0"), &invalid),
	} {
		if !found {
			t.Errorf("%s is another error", name)
		}
	}
}

func TestSDKInvokes(t *testing.T) {
	t.Parallel()
	got, err := sdk(start(t), "sandbox", "us-east-1").InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{
		ModelId: aws.String("amazon.titan-embed-text-v2:0"), ContentType: aws.String("application/json"),
		Body: []byte(`{"inputText":"green tea"}`),
	})
	if err != nil || !strings.Contains(string(got.Body), `"inputTextTokenCount":`) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSignatures are computed again: what is not as it was signed is refused.
func TestSignatures(t *testing.T) {
	t.Parallel()
	rig := start(t)
	cases := map[string]struct {
		change                   func(*http.Request)
		region, service, id, sum string
		want                     string
	}{
		"right":           {want: ""},
		"another path":    {change: func(r *http.Request) { r.URL.RawPath, r.URL.Path = "", "/foundation-models/x" }, want: "InvalidSignature"},
		"another query":   {change: func(r *http.Request) { r.URL.RawQuery = "byProvider=meta" }, want: "InvalidSignature"},
		"another method":  {change: func(r *http.Request) { r.Method = http.MethodPut }, want: "InvalidSignature"},
		"a signed header": {change: func(r *http.Request) { r.Header.Set("X-Amz-Signed", "no") }, want: "InvalidSignature"},
		"another day":     {change: func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") }, want: "InvalidSignature"},
		"another body":    {sum: strings.Repeat("0", 64), want: "InvalidSignature"},
		"another region":  {region: "eu-central-1", want: "InvalidSignature"},
		"another service": {service: "s3", want: "InvalidSignature"},
		"another id":      {id: "AKIAOTHER", want: "UnrecognizedClient"},
	}
	for name, c := range cases {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			rig.URL+"/foundation-models/openai.gpt-oss-20b-1%3A0?b=2&a=x%20y", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Signed", "yes   it  is")
		or := func(value, otherwise string) string {
			if value == "" {
				return otherwise
			}
			return value
		}
		const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		err = v4.NewSigner().SignHTTP(t.Context(),
			aws.Credentials{AccessKeyID: or(c.id, "AKIASANDBOX"), SecretAccessKey: "sandbox"}, request,
			or(c.sum, empty), or(c.service, "bedrock"), or(c.region, "us-east-1"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(request)
		}
		got := rig.Send(request)
		named := got.Header.Get("x-amzn-ErrorType")
		if c.want == "" && got.Status != 200 || c.want != "" && (got.Status != 403 || !strings.HasPrefix(named, c.want)) {
			t.Errorf("%s: %d %s %s", name, got.Status, named, got.Body)
		}
	}
}
