package tasks_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

func TestWebhookRules(t *testing.T) {
	t.Parallel()
	office := tasks.WebhookRules{Private: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for _, tc := range []struct {
		rules tasks.WebhookRules
		url   string
		says  string // "" where it is right
	}{
		{tasks.WebhookRules{}, "https://example.com/hook?x=1", ""},
		{tasks.WebhookRules{}, "https://example.com:8443", ""},
		{tasks.WebhookRules{}, "https://8.8.8.8/", ""},
		{tasks.WebhookRules{}, "https://[2606:4700::1]/", ""},
		{tasks.WebhookRules{}, "http://example.com/", "https"},
		{tasks.WebhookRules{}, "ftp://example.com/", "whole URL"},
		{tasks.WebhookRules{}, "/hook", "whole URL"},
		{tasks.WebhookRules{}, "https://", "whole URL"},
		{tasks.WebhookRules{}, "https://exa mple.com", "whole URL"},
		{tasks.WebhookRules{}, "https://me:pass@example.com/", "signed"},
		{tasks.WebhookRules{}, "https://example.com/#a", "signed"},
		{tasks.WebhookRules{}, "https://example.com/" + strings.Repeat("a", 2048), "2048"},
		{tasks.WebhookRules{}, "https://localhost/", "not public"},
		{tasks.WebhookRules{}, "https://LOCALHOST./", "not public"},
		{tasks.WebhookRules{}, "https://127.0.0.1/", "not public"},
		{tasks.WebhookRules{}, "https://[::1]/", "not public"},
		{tasks.WebhookRules{}, "https://[::ffff:10.0.0.1]/", "not public"},
		{tasks.WebhookRules{}, "https://[64:ff9b::a00:1]/", "not public"},
		{tasks.WebhookRules{}, "https://[fe80::1%25eth0]/", "not public"},
		{tasks.WebhookRules{}, "https://169.254.169.254/latest", "not public"},
		{tasks.WebhookRules{}, "https://10.1.2.3/", "not public"},
		{tasks.WebhookRules{}, "https://0.0.0.0/", "not public"},
		{office, "https://10.1.2.3/", ""},
		{office, "http://10.1.2.3:8080/", ""},
		{office, "http://[::ffff:10.1.2.3]/", ""},
		{office, "https://10.2.2.3/", "not public"},
		{office, "http://example.com/", "https"},
	} {
		err := tc.rules.Check(tc.url)
		var told *tasks.InputError
		switch {
		case tc.says == "" && err != nil:
			t.Errorf("%s: %v", tc.url, err)
		case tc.says != "" && (!errors.As(err, &told) || told.Param != "webhook_url" ||
			!strings.Contains(told.Error(), tc.says)):
			t.Errorf("%s: %v, want %q", tc.url, err, tc.says)
		}
	}
}

// TestDeliveryKind holds the name that the store gives to the job that it makes.
func TestDeliveryKind(t *testing.T) {
	t.Parallel()
	if job.DeliveryKind != string(tasks.WebhookDeliver) || tasks.WebhookDeliver.Lane() != tasks.System {
		t.Errorf("the store makes jobs of kind %s", job.DeliveryKind)
	}
}
